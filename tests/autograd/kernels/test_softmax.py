from functools import partial
from itertools import product

import numpy as np
import pytest

from autograd.kernels import softmax
from autograd.kernels.exponential import exponential, logarithm
from autograd.kernels.jit import njit

from . import reference_softmax as reference
from .variants import check_layouts, check_poisoned, check_threads

DTYPES = [np.float32, np.float64]
SHAPES = [
    ((3, 5), 1),
    ((3, 5), 0),
    ((7,), 0),
    ((2, 3, 4, 5), 1),
    ((2, 3, 4, 5), -1),
    ((2, 4, 17, 19), 1),
    ((1, 1, 3), 1),
    ((40, 3), -1),
    ((2, 700), 1),
    ((2, 5, 2), 1),
    ((2, 2, 9001), 1),  # whole blocks and a rest
    ((3, 20, 4), 1),  # few neighbours
]
RUNS = [(37, 1), (37, 2), (37, 3), (301, 10), (129, 15), (65, 16), (65, 17), (33, 64), (5, 1000), (3, 5000), (1, 5000)]
CLASSES = [(4, 3), (2, 5, 6), (2, 3, 17, 19), (1, 1, 4), (3, 600), (300, 2)]
SETTINGS = [(False, -100, 0.0), (True, -100, 0.0), (False, 1, 0.0), (True, 0, 0.1), (False, -1, 0.3), (False, 255, 1.0)]


def close(y, wanted, dtype):
    assert y.dtype == dtype
    assert y.flags.c_contiguous
    tolerance = {"rtol": 2e-5, "atol": 2e-6} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-13}
    np.testing.assert_allclose(y, wanted, **tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "dim"), SHAPES)
def test_softmax_matches_the_loops(shape, dim, dtype):
    rng = np.random.default_rng(0)
    x, g = (rng.standard_normal(shape) * 4).astype(dtype), rng.standard_normal(shape).astype(dtype)
    y, logs = softmax.softmax(x, dim), softmax.log_softmax(x, dim)
    close(y, reference.softmax(x, dim), dtype)
    close(logs, reference.log_softmax(x, dim), dtype)
    close(softmax.softmax_backward(g, y, dim), reference.softmax_backward(g, y, dim), dtype)
    close(softmax.log_softmax_backward(g, logs, dim), reference.log_softmax_backward(g, logs, dim), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", RUNS)
def test_classes_side_by_side(shape, dtype):
    logits, targets, g, weight = problem(shape, -1, dtype)
    logits, full = 4 * logits, np.random.default_rng(3).standard_normal(shape).astype(dtype)
    y, logs = softmax.softmax(logits, 1), softmax.log_softmax(logits, 1)
    checks = [
        (y, reference.softmax(logits, 1)),
        (logs, reference.log_softmax(logits, 1)),
        (softmax.softmax_backward(full, y, 1), reference.softmax_backward(full, y, 1)),
        (softmax.log_softmax_backward(full, logs, 1), reference.log_softmax_backward(full, logs, 1)),
    ]
    for options in ((targets, None, -1, 0.0), (targets, weight, -1, 0.1)):
        checks.append((softmax.cross_entropy(logits, *options)[0], reference.cross_entropy(logits, *options)))
        checks.append((gradient(g, logits, *options), reference.cross_entropy_input(g, logits, *options)))
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    for result, wanted in checks:
        assert result.dtype == dtype
        size = np.abs(wanted).max(-1, keepdims=True)  # of each run: probabilities of 5000 classes are small
        assert (np.abs(result - wanted) <= tolerance * size + tolerance / 50).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [7, 10, 64, 2500])
def test_special_logits_side_by_side(classes, dtype):
    x = np.random.default_rng(6).standard_normal((12, classes)).astype(dtype)
    x[1, 0] = x[3, classes // 2] = x[5, -1] = np.nan
    x[6], x[7, :-1], x[8, -1], x[9, 1:3], x[10] = -np.inf, -np.inf, np.inf, -np.inf, 1000 * x[10]
    targets = np.arange(12) % classes
    np.testing.assert_allclose(softmax.softmax(x, 1), reference.softmax(x, 1), rtol=1e-5, atol=1e-30)
    np.testing.assert_allclose(softmax.log_softmax(x, 1), reference.log_softmax(x, 1), rtol=1e-5, atol=1e-6)
    for options in ((targets, None, -1, 0.0), (targets, None, 4, 0.1)):
        close(softmax.cross_entropy(x, *options)[0], reference.cross_entropy(x, *options), dtype)
        close(gradient(np.ones(12, dtype), x, *options), reference.cross_entropy_input(np.ones(12), x, *options), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_huge_logits_are_exact(dtype):
    x = np.array([[1000, 0, -1000], [-1000, -1000, -1000], [3e38, -3e38, 0]], dtype)
    wanted = [[0, -1000, -2000], [-np.log(3)] * 3, [0, -np.inf if dtype == np.float32 else -6e38, -3e38]]
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(softmax.log_softmax(x, 1), np.array(wanted, dtype), rtol=1e-6)
        np.testing.assert_allclose(softmax.softmax(x, 1), [[1, 0, 0], [1 / 3] * 3, [1, 0, 0]], rtol=1e-6)
    losses, *_ = softmax.cross_entropy(x[:1].repeat(3, 0), np.arange(3), None, -100, 0.0)
    np.testing.assert_array_equal(losses, np.array([0, 1000, 2000], dtype))
    gx = gradient(np.ones(3, dtype), x[:1].repeat(3, 0), np.arange(3), None, -100, 0.0)
    np.testing.assert_array_equal(gx, [[0, 0, 0], [1, -1, 0], [1, 0, -1]])


def test_minus_infinity_is_a_class_ruled_out():
    x = np.array([[0, -np.inf, 0], [-np.inf, -np.inf, -np.inf]], np.float32)
    np.testing.assert_array_equal(softmax.softmax(x, 1), [[0.5, 0, 0.5], [np.nan] * 3])
    half = np.float32(np.log(0.5))
    np.testing.assert_array_equal(softmax.log_softmax(x, 1), [[half, -np.inf, half], [np.nan] * 3])
    losses, *_ = softmax.cross_entropy(x[[0, 0, 1]], np.array([0, 1, 0]), None, -100, 0.0)
    np.testing.assert_array_equal(losses, [-half, np.inf, np.nan])


@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 4)])
def test_nan_spoils_its_position_only(shape):
    x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    x[(1, 2, *(3 for _ in shape[2:]))] = np.nan
    spoiled = np.zeros(shape, bool)
    spoiled[(1, slice(None), *(3 for _ in shape[2:]))] = True
    targets = np.zeros((shape[0], *shape[2:]), np.int64)
    for y in (
        softmax.softmax(x, 1),
        softmax.log_softmax(x, 1),
        gradient(np.ones(targets.shape, np.float32), x, targets, None, -100, 0.0),
    ):
        np.testing.assert_array_equal(np.isnan(y), spoiled)
    losses, *_ = softmax.cross_entropy(x, targets, None, -100, 0.1)
    np.testing.assert_array_equal(np.isnan(losses), spoiled[:, 0])


def gradient(g, logits, *options, **settings):
    """The gradient of the cross-entropy, with what its forward pass left."""
    _, *left = softmax.cross_entropy(logits, *options, **settings)
    return softmax.cross_entropy_input(g, logits, *left, *options, **settings)


def problem(shape, ignore_index, dtype, seed=2):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, shape[1], (shape[0], *shape[2:]))
    targets[rng.random(targets.shape) < 0.2] = ignore_index
    logits, g = rng.standard_normal(shape).astype(dtype), rng.standard_normal(targets.shape).astype(dtype)
    return logits, targets, g, rng.uniform(0, 2, shape[1]).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "settings"), list(product(CLASSES, SETTINGS)))
def test_cross_entropy_matches_the_loops(shape, settings, dtype):
    weighted, ignore_index, label_smoothing = settings
    logits, targets, g, weight = problem(shape, ignore_index, dtype)
    options = (targets, weight if weighted else None, ignore_index, label_smoothing)
    close(softmax.cross_entropy(logits, *options)[0], reference.cross_entropy(logits, *options), dtype)
    close(gradient(g, logits, *options), reference.cross_entropy_input(g, logits, *options), dtype)


def test_ignored_positions_are_left_out_whatever_they_hold():
    logits, targets, g, _ = problem((2, 3, 4), -1, np.float32)
    targets[0, 0] = -1
    logits[0, :, 0], g[0, 0] = np.nan, np.nan
    for smoothing in (0.0, 0.1):
        assert softmax.cross_entropy(logits, targets, None, -1, smoothing)[0][0, 0] == 0
        gx = gradient(g, logits, targets, None, -1, smoothing)
        assert (gx[0, :, 0] == 0).all()
        assert np.isfinite(gx).all()


def test_targets_of_other_integer_types():
    logits, targets, _, _ = problem((3, 4, 5), 255, np.float32)
    for t in (targets, targets.astype(np.uint8)):
        losses, *_ = softmax.cross_entropy(logits, t, None, 255, 0.0)
        close(losses, reference.cross_entropy(logits, targets, None, 255, 0.0), np.float32)


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 4, 5), (2, 3, 0)])
def test_no_positions(shape):
    x, targets = np.empty(shape, np.float32), np.empty((shape[0], *shape[2:]), np.int64)
    assert softmax.softmax(x, 1).shape == softmax.log_softmax_backward(x, x, 1).shape == shape
    losses, *_ = softmax.cross_entropy(x, targets, None, -100, 0.0)
    assert losses.shape == targets.shape
    assert gradient(losses, x, targets, None, -100, 0.0).shape == shape


@pytest.mark.parametrize("shape", [(60, 5), (3, 4, 23, 29), (4, 3, 5), (301, 10), (67, 64), (3, 2500)])
def test_any_layout_any_memory_any_threads(shape, monkeypatch):
    logits, targets, g, weight = problem(shape, -1, np.float32)
    full = np.random.default_rng(3).standard_normal(shape).astype(np.float32)
    calls = [
        (partial(softmax.softmax, dim=1), logits),
        (partial(softmax.log_softmax, dim=-1), logits),
        (partial(softmax.softmax_backward, dim=1), full, logits),
        (partial(softmax.log_softmax_backward, dim=1), full, logits),
        (partial(softmax.cross_entropy, ignore_index=-1, label_smoothing=0.1), logits, targets, weight),
        (partial(gradient, ignore_index=-1, label_smoothing=0.1), g, logits, targets, weight),
    ]
    for function, *arrays in calls:
        check_layouts(function, *arrays)
        check_poisoned(function, *arrays)
        check_threads(monkeypatch, function, *arrays)
    mean = np.broadcast_to(np.float32(0.25), targets.shape)
    options = (logits, targets, weight, -1, 0.0)
    close(gradient(mean, *options), reference.cross_entropy_input(mean, *options), np.float32)


@njit(fastmath={"contract"})
def _exponentials(x, y):
    for i in range(x.size):
        y[i] = exponential(x[i])


@njit(fastmath={"contract"})
def _logarithms(x, y):
    for i in range(x.size):
        y[i] = logarithm(x[i])


@pytest.mark.parametrize(("dtype", "low", "high"), [(np.float32, -105, 89), (np.float64, -746, 710)])
def test_exponential_is_within_an_ulp(dtype, low, high):
    rng = np.random.default_rng(4)
    x = np.concatenate([np.linspace(low, high, 50001), rng.standard_normal(50000)]).astype(dtype)
    y = np.empty_like(x)
    _exponentials(x, y)
    wanted = np.exp(x.astype(np.longdouble))
    with np.errstate(over="ignore"):
        finite = np.isfinite(wanted.astype(dtype))
        np.testing.assert_array_equal(np.isfinite(y), finite)
        spacing = np.spacing(wanted[finite].astype(dtype)).astype(np.longdouble)
    assert (np.abs(y[finite] - wanted[finite]) / spacing).max() <= 1
    special = np.array([np.nan, -np.inf, np.inf, 0, -0.0], dtype)
    y = np.empty_like(special)
    _exponentials(special, y)
    np.testing.assert_array_equal(y, [np.nan, 0, np.inf, 1, 1])


def test_logarithm_is_within_two_ulp():
    rng = np.random.default_rng(5)
    x = np.concatenate([np.exp(rng.uniform(-700, 700, 20000)), rng.uniform(0.5, 40, 20000), [1, np.inf, np.nan]])
    y = np.empty_like(x)
    _logarithms(x, y)
    wanted = np.log(x.astype(np.longdouble))
    assert np.isnan(y[-1])
    assert y[-2] == np.inf
    assert y[-3] == 0
    spacing = np.spacing(np.abs(wanted[:-3]).astype(np.float64))
    assert (np.abs(y[:-3] - wanted[:-3]) / spacing).max() <= 2
