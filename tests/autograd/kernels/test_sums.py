"""Sums over any axes of large arrays, beside NumPy's in higher precision; the same bits for any number of threads."""

import itertools
import math

import numpy as np
import pytest

import autograd as ag
from autograd.kernels.parallel import get_num_threads, set_num_threads
from autograd.kernels.sums import add_up, add_up_products

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
    for found, terms in ((add_up(x, axes), x), (add_up_products(x, y, axes), x.astype(np.longdouble) * y)):
        if found is None:
            assert alternations(shape, axes) != 1
            continue
        wanted = np.add.reduce(terms.astype(np.longdouble), axis=axes)
        assert found.dtype == dtype
        assert np.shape(found) == np.shape(wanted)
        size = np.add.reduce(np.abs(terms).astype(np.longdouble), axis=axes)
        # a lane of a block adds 4096/8 numbers at most, one after the other
        assert (np.abs(found - wanted) <= 64 * np.finfo(dtype).eps * size).all()


@pytest.mark.parametrize("axes", [(2, 3), (0, 2, 3), (0, 1, 2, 3), (1,), (0,), (0, 1), (3,)])
def test_the_number_of_threads_changes_no_bit(axes):
    x, y = numbers((3, 150, 70, 90), np.float32), numbers((3, 150, 70, 90), np.float32, 1)
    before, found = get_num_threads(), []
    try:
        for threads in (1, 2, 3, 5):
            set_num_threads(threads)
            found.append((np.asarray(add_up(x, axes)).tobytes(), np.asarray(add_up_products(x, y, axes)).tobytes()))
    finally:
        set_num_threads(before)
    assert len(set(found)) == 1


def test_nan_and_inf_reach_their_sum_and_no_other():
    x = np.ones((4, 300, 200), np.float32)
    x[0, 7, 11], x[1, 0, 0], x[2, 5, 5], x[3, 1, 1], x[3, 2, 2] = math.nan, math.inf, -math.inf, math.inf, -math.inf
    np.testing.assert_array_equal(add_up(x, (1, 2)), [math.nan, math.inf, -math.inf, math.nan])
    rows = add_up(x, (0,))
    assert np.isnan(rows).sum() == 1
    assert np.isinf(rows).sum() == 4


def test_a_sum_too_large_for_the_dtype_is_inf_without_a_warning():
    with np.errstate(all="raise"):
        assert add_up(np.full(100_000, 3e38, np.float32), (0,)) == math.inf


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
