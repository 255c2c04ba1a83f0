import numpy as np
import pytest

from autograd.kernels import layer_norm, norm

from . import reference_norm as reference
from .variants import check_layouts, check_poisoned, check_threads

EPS = 1e-3
# rows of channels, planes shorter and longer than a block, and a last block that is not full
SHAPES = [(5, 3), (1, 2, 3), (4, 3, 5, 7), (2, 2, 6, 6), (2, 2, 70, 61), (1, 1, 5000), (3, 2, 2, 3, 4), (2, 1, 1, 1)]
ROWS = [(5, 3), (1, 7), (70, 4), (3, 2500), (2, 1)]
AFFINE = [(True, True), (False, True), (True, False), (False, False)]
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def problem(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x, g = (rng.standard_normal(shape) * 2 + 3).astype(dtype), rng.standard_normal(shape).astype(dtype)
    weight, bias = rng.standard_normal((2, shape[1])).astype(dtype)
    return x, g, weight, bias


def close(y, wanted, dtype, scale=1.0):
    assert y.dtype == dtype
    assert y.flags.c_contiguous
    rtol, atol = (1e-4, 1e-5) if dtype == np.float32 else (1e-11, 1e-12)
    np.testing.assert_allclose(y, wanted, rtol=rtol, atol=atol * scale)


def check(forward, backward, sets, shape, dtype):
    """``forward(x, weight, bias)`` and ``backward(g, x, mean, var, weight)`` beside the loops."""
    x, g, weight, bias = problem(shape, dtype)
    mean, var = reference.stats(x, sets)
    for with_weight, with_bias in AFFINE:
        w, b = weight if with_weight else None, bias if with_bias else None
        y, found_mean, found_var = forward(x, w, b)
        close(y, reference.forward(x, sets, mean, var, w, b, EPS), dtype)
        for found, wanted in ((found_mean, mean), (found_var, var)):
            rtol = 1e-6 if dtype == np.float32 else 1e-13
            np.testing.assert_allclose(found.ravel(), wanted, rtol=rtol, atol=1e-30)
        for y, wanted in zip(
            backward(g, x, found_mean, found_var, w), reference.backward(g, x, sets, mean, var, w, EPS)
        ):
            close(y, wanted, dtype, scale=x.size)


@each_dtype
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_matches_the_loops(shape, dtype):
    check(
        lambda x, w, b: norm.batch_norm(x, w, b, EPS, False),
        lambda g, x, mean, var, w: norm.batch_norm_backward(g, x, mean, var, w, None, EPS, False),
        reference.channels(shape),
        shape,
        dtype,
    )


@each_dtype
@pytest.mark.parametrize("shape", [(3, 4), (2, 6, 5), (2, 4, 6, 9), (1, 2, 70, 61)])
def test_group_norm_matches_the_loops(shape, dtype):
    for number in (1, 2, shape[1]):
        if np.prod(shape[1:]) > number:
            check(
                lambda x, w, b, n=number: norm.group_norm(x, n, w, b, EPS),
                lambda g, x, mean, var, w: norm.group_norm_backward(g, x, mean, var, w, EPS),
                reference.groups(shape, number),
                shape,
                dtype,
            )


@each_dtype
@pytest.mark.parametrize("shape", ROWS)
def test_layer_norm_matches_the_loops(shape, dtype):
    check(
        lambda x, w, b: layer_norm.layer_norm(x, w, b, EPS),
        lambda g, x, mean, var, w: layer_norm.layer_norm_backward(g, x, mean, var, w, EPS),
        reference.rows(shape),
        shape,
        dtype,
    )


@each_dtype
@pytest.mark.parametrize("shape", SHAPES)
def test_given_statistics(shape, dtype):
    x, g, weight, bias = problem(shape, dtype)
    mean, var = np.linspace(-1, 1, shape[1], dtype=dtype), np.linspace(0.5, 2, shape[1], dtype=dtype)
    sets = reference.channels(shape)
    y = norm.batch_norm_with(x, mean, var, weight, bias, EPS, False)
    close(y, reference.forward(x, sets, mean, var, weight, bias, EPS), dtype)
    found = norm.batch_norm_backward(g, x, mean, var, weight, bias, EPS, False, own=False)
    for y, wanted in zip(found, reference.backward(g, x, sets, mean, var, weight, EPS, own=False)):
        close(y, wanted, dtype, scale=x.size)


@each_dtype
@pytest.mark.parametrize("shape", SHAPES)
def test_with_relu_the_bits_are_those_of_two_steps(shape, dtype):
    x, g, weight, bias = problem(shape, dtype)
    weight[-1] = bias[-1] = 0  # a whole channel at the kink
    x.flat[0] = np.nan
    y, mean, var = norm.batch_norm(x, weight, bias, EPS, False)
    z, *_ = norm.batch_norm(x, weight, bias, EPS, True)
    np.testing.assert_array_equal(z, np.where(y <= 0, 0, y))
    np.testing.assert_array_equal(norm.batch_norm_with(x, mean, var, weight, bias, EPS, True), z)
    for own in (True, False):
        fused = norm.batch_norm_backward(g, x, mean, var, weight, bias, EPS, True, own)
        passed = np.where(y <= 0, 0, g).astype(dtype)
        apart = norm.batch_norm_backward(passed, x, mean, var, weight, bias, EPS, False, own)
        for one, two in zip(fused, apart):
            np.testing.assert_array_equal(one, two)


@each_dtype
def test_a_large_common_offset_does_no_harm(dtype):
    offset = 2.0**20 if dtype == np.float32 else 1e8
    x = (offset + np.random.default_rng(1).standard_normal((4, 2, 60, 50))).astype(dtype)
    _, *found = norm.batch_norm(x, None, None, EPS, False)
    for y, wanted in zip(found, reference.stats(x, reference.channels(x.shape))):
        np.testing.assert_allclose(y, wanted, rtol=1e-6 if dtype == np.float32 else 1e-9)


def test_squares_that_float32_cannot_hold():
    x = np.random.default_rng(2).standard_normal((2, 1, 60, 50)).astype(np.float32)
    y, _, var = norm.batch_norm(x * np.float32(3e18), None, None, 0.0, False)
    np.testing.assert_allclose(y, norm.batch_norm(x, None, None, 0.0, False)[0], rtol=1e-4, atol=1e-5)
    assert np.isfinite(var).all()


def test_a_constant_channel_has_no_variance():
    _, _, var = norm.batch_norm(np.full((3, 2, 70, 70), 0.1, np.float32), None, None, EPS, False)
    assert (var == 0).all()


def test_gradient_sums_to_zero_and_is_orthogonal_to_x():
    x, g, weight, _ = problem((4, 3, 9, 8), np.float64)
    _, mean, var = norm.batch_norm(x, None, None, 0.0, False)
    gx, _, _ = norm.batch_norm_backward(g, x, mean, var, weight, None, 0.0, False)
    np.testing.assert_allclose(gx.sum((0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose((gx * x).sum((0, 2, 3)), 0, atol=1e-11)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_inf_stay_in_their_channel(value):
    x, g, weight, bias = problem((2, 3, 8, 9), np.float32)
    x[1, 1, 3, 4] = value
    y, mean, var = norm.batch_norm(x, weight, bias, EPS, False)
    assert np.isnan(var).tolist() == [False, True, False]
    gx, _, _ = norm.batch_norm_backward(g, x, mean, var, weight, bias, EPS, False)
    for result in (y, gx):
        assert np.isnan(result).all(axis=(0, 2, 3)).tolist() == [False, True, False]
        assert np.isfinite(result).all(axis=(0, 2, 3)).tolist() == [True, False, True]


def test_given_statistics_let_inf_pass():
    x, zeros, ones = np.full((1, 1, 2, 2), np.inf, np.float32), np.zeros(1, np.float32), np.ones(1, np.float32)
    gx, _, _ = norm.batch_norm_backward(np.full_like(x, 2), x, zeros, ones, None, None, 0.0, False, own=False)
    assert (gx == 2).all()


def test_empty_batch():
    x = np.empty((0, 2, 3, 4), np.float32)
    y, mean, var = norm.batch_norm(x, None, None, EPS, True)
    assert y.shape == norm.batch_norm_with(x, mean, var, None, None, EPS, False).shape == x.shape
    assert mean.shape == var.shape == (2,)
    assert np.isnan(mean).all()
    assert norm.group_norm(x, 2, None, None, EPS)[1].shape == (0, 2)
    for gx, gweight, gbias in (
        norm.batch_norm_backward(x, x, mean, var, None, None, EPS, True),
        norm.group_norm_backward(x, x, np.empty((0, 2)), np.empty((0, 2)), None, EPS),
    ):
        assert gx.shape == x.shape
        assert gweight.tolist() == gbias.tolist() == [0, 0]
    rows = np.empty((0, 3), np.float32)
    assert layer_norm.layer_norm(rows, None, None, EPS)[0].shape == (0, 3)
    assert layer_norm.layer_norm_backward(rows, rows, mean[:0], var[:0], None, EPS)[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("shape", [(6, 4), (3, 4, 9, 12), (2, 2, 90, 70)])
def test_any_layout_any_memory_any_threads(shape, monkeypatch):
    x, g, weight, bias = problem(shape, np.float32)
    mean, var = np.linspace(2, 4, shape[1], dtype=np.float32), np.linspace(3, 5, shape[1], dtype=np.float32)
    calls = [
        (lambda *a: norm.batch_norm(*a, EPS, True), x, weight, bias),
        (lambda *a: norm.batch_norm_with(*a, EPS, True), x, mean, var, weight, bias),
        (lambda *a: norm.batch_norm_backward(*a, EPS, True), g, x, mean, var, weight, bias),
        (lambda *a: norm.group_norm(a[0], 2, *a[1:], EPS), x, weight, bias),
        (
            lambda *a: norm.group_norm_backward(*a, EPS),
            *(g, x, np.resize(mean, (shape[0], 2)), np.resize(var, (shape[0], 2)), weight),
        ),
    ]
    if len(shape) == 2:
        statistics = np.resize(mean, shape[0]), np.resize(var, shape[0])
        calls += [
            (lambda *a: layer_norm.layer_norm(*a, EPS), x, weight, bias),
            (lambda *a: layer_norm.layer_norm_backward(*a, EPS), g, x, *statistics, weight),
        ]
    for function, *arrays in calls:
        check_layouts(function, *arrays)
        check_poisoned(function, *arrays)
        check_threads(monkeypatch, function, *arrays)
    one = np.broadcast_to(np.float32(0.5), shape)  # what the gradient of a mean looks like
    found = norm.batch_norm_backward(one, x, mean, var, None, None, EPS, False)
    for y, wanted in zip(found, norm.batch_norm_backward(one.copy(), x, mean, var, None, None, EPS, False)):
        np.testing.assert_array_equal(y, wanted)
