"""Reductions over any axes, beside NumPy's in higher precision; the same bits for any number of threads."""

import itertools
import math

import numpy as np
import pytest

import autograd as ag
from autograd.kernels.folds import fold
from autograd.kernels.parallel import get_num_threads, set_num_threads

SHAPES = [(3, 5, 70, 90), (150_000,), (5, 9001), (9001, 5), (1, 300, 1, 301), (2, 130, 3, 100), (70_000, 1, 2)]


def cases():
    for shape in SHAPES:
        axes = range(len(shape))
        for n in range(1, len(shape) + 1):
            for chosen in itertools.combinations(axes, n):
                yield pytest.param(shape, chosen, id=f"{shape} over {chosen}")


def numbers(shape, dtype, seed=0):
    return (np.random.default_rng(seed).normal(size=shape) + 0.5).astype(dtype)


def alternations(shape, axes):
    kinds = [i in axes for i, n in enumerate(shape) if n != 1]
    return len([1 for a, b in itertools.pairwise(kinds) if a != b])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "axes"), list(cases()))
def test_sums_and_sums_of_products(shape, axes, dtype):
    x, y = numbers(shape, dtype), numbers(shape, dtype, 1)
    wide = x.astype(np.longdouble)
    for kind, other, terms in (
        ("sum", None, wide), ("sum of sizes", None, abs(wide)),
        ("sum of products", None, wide * wide), ("sum of products", y, wide * y),
    ):  # fmt: skip
        found = fold(kind, x, axes, other)
        if found is None:
            assert alternations(shape, axes) != 1
            continue
        wanted = np.add.reduce(terms, axis=axes)
        assert found.dtype == dtype
        assert np.shape(found) == np.shape(wanted)
        size = np.add.reduce(np.abs(terms), axis=axes)
        # a lane of a block adds 4096/8 numbers at most, one after the other
        assert (np.abs(found - wanted) <= 64 * np.finfo(dtype).eps * size).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "axes"), list(cases()))
def test_extremes(shape, axes, dtype):
    x = numbers(shape, dtype)
    if fold("largest", x, axes) is not None:
        for kind, ufunc, of in (
            ("largest", np.maximum, x), ("smallest", np.minimum, x), ("largest size", np.maximum, abs(x))
        ):  # fmt: skip
            found = fold(kind, x, axes)
            assert found.dtype == dtype
            np.testing.assert_array_equal(found, ufunc.reduce(of, axis=axes))


@pytest.mark.parametrize("length", [3, 15, 16, 17, 63, 64, 65, 128, 4095, 4096, 4097])
@pytest.mark.parametrize("kind", ["sum", "sum of products", "largest", "smallest"])
def test_every_element_counts_once(kind, length):
    """In runs and in rows, wherever vectors and blocks end: the one that differs is found at each place."""
    neutral, other = {"sum": (0, 5), "sum of products": (0, 5), "largest": (-7, 5), "smallest": (7, -5)}[kind]
    places = np.arange(length)
    x = np.full((length, length) if length < 200 else (3, length), neutral, np.float32)
    places = places if length < 200 else np.array([0, length // 2, length - 1])
    x[np.arange(len(x)), places] = other
    wanted = other**2 if kind == "sum of products" else other
    assert (fold(kind, x, (1,)) == wanted).all()
    assert (fold(kind, np.ascontiguousarray(x.T), (0,)) == wanted).all()


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("place", [0, 5, 1000, 4500, 9000])
def test_nan_is_the_largest_and_the_smallest_wherever_it_is(place, axis):
    x = numbers((5, 9001), np.float32)
    x[2, place] = math.nan
    x[3, place], x[4, place] = math.inf, -math.inf
    x = x if axis == 1 else np.ascontiguousarray(x.T)
    with np.errstate(all="raise"):
        for kind, wanted in (("largest", np.maximum.reduce(x, axis)), ("smallest", np.minimum.reduce(x, axis))):
            np.testing.assert_array_equal(fold(kind, x, (axis,)), wanted)
        assert np.isnan(fold("largest size", x, (axis,))).tolist() == [False, False, True, False, False]


def test_read_only_arrays_are_read():
    x = numbers((40, 900), np.float32)
    x.flags.writeable = False
    assert fold("largest", x, (0, 1)) == x.max()


@pytest.mark.parametrize("axes", [(2, 3), (0, 2, 3), (0, 1, 2, 3), (1,), (0,), (0, 1), (3,)])
def test_the_number_of_threads_changes_no_bit(axes):
    x, y = numbers((3, 150, 70, 90), np.float32), numbers((3, 150, 70, 90), np.float32, 1)
    before, found = get_num_threads(), []
    try:
        for threads in (1, 2, 3, 5):
            set_num_threads(threads)
            results = (fold(kind, x, axes, y) for kind in ("sum", "largest size", "sum of products", "smallest"))
            found.append([np.asarray(result).tobytes() for result in results])
    finally:
        set_num_threads(before)
    assert all(bits == found[0] for bits in found)


def test_nan_and_inf_reach_their_sum_and_no_other():
    x = np.ones((4, 300, 200), np.float32)
    x[0, 7, 11], x[1, 0, 0], x[2, 5, 5], x[3, 1, 1], x[3, 2, 2] = math.nan, math.inf, -math.inf, math.inf, -math.inf
    np.testing.assert_array_equal(fold("sum", x, (1, 2)), [math.nan, math.inf, -math.inf, math.nan])
    rows = fold("sum", x, (0,))
    assert np.isnan(rows).sum() == 1
    assert np.isinf(rows).sum() == 4


def test_a_sum_too_large_for_the_dtype_is_inf_without_a_warning():
    with np.errstate(all="raise"):
        assert fold("sum", np.full(100_000, 3e38, np.float32), (0,)) == math.inf


@pytest.mark.parametrize("dim", [None, 0, 1, (2, 3), (0, 2, 3), (0, 2), (1, 3), 3])
@pytest.mark.parametrize("keepdim", [False, True])
def test_sum_and_mean_of_large_tensors(dim, keepdim):
    x = numbers((4, 6, 50, 40), np.float64)
    axes = tuple(range(4)) if dim is None else dim
    t = ag.tensor(x, requires_grad=True)
    np.testing.assert_allclose(
        ag.sum(t, dim, keepdim).detach().numpy(), np.sum(x, axes, keepdims=keepdim), rtol=1e-11, atol=1e-11
    )
    mean = ag.mean(t, dim, keepdim)
    np.testing.assert_allclose(mean.detach().numpy(), np.mean(x, axes, keepdims=keepdim), rtol=1e-11, atol=1e-13)
    mean.sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), math.prod(mean.shape) / x.size, rtol=1e-12)


@pytest.mark.parametrize("shape", [(6, 1, 1), (4, 1, 1, 1), (40,), (50, 1), (1, 6, 50, 40), (), (1,), (4, 1, 50, 1)])
def test_gradients_of_what_was_stretched(shape):
    x, w, g = numbers((4, 6, 50, 40), np.float64), numbers(shape, np.float64, 1), numbers((4, 6, 50, 40), np.float64, 2)
    tx, tw = ag.tensor(x, requires_grad=True), ag.tensor(w, requires_grad=True)
    lead = 4 - len(shape)
    axes = (*range(lead), *(i + lead for i, n in enumerate(shape) if n == 1))
    for op, dw in (
        (lambda a, b: a * b, g * x),
        (lambda a, b: b * a, g * x),
        (lambda a, b: a + b, g),
        (lambda a, b: a - b, -g),
        (lambda a, b: a / b, -g * x / w**2),
    ):
        gx, gw = ag.grad(op(tx, tw), [tx, tw], ag.tensor(g))
        np.testing.assert_allclose(gw.numpy(), dw.sum(axes, keepdims=True).reshape(shape), rtol=1e-9, atol=1e-9)
        assert gx.shape == x.shape
