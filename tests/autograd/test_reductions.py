"""Reductions of nothing, of NaN, and with no degrees of freedom. The numbers are PyTorch's."""

import math

import numpy as np
import pytest

import autograd as ag
from autograd import tensor

from .test_special_points import same, slope

inf, nan = math.inf, math.nan


@pytest.mark.parametrize(("correction", "value", "gradient"), [(3, inf, inf), (5, inf, inf), (2, 14 / 3, None)])
def test_var_without_degrees_of_freedom(correction, value, gradient):
    x = [1.0, 2.0, 4.0]
    assert ag.var(tensor(x), correction=correction).item() == pytest.approx(value)
    found = slope(lambda x: ag.var(x, correction=correction), x)
    if gradient is not None:
        assert found == [gradient] * 3
        same(slope(lambda x: ag.std(x, correction=correction), x), [nan] * 3)


def test_var_of_one_or_none():
    for correction in (1, 2):
        same(slope(lambda x, c=correction: ag.var(x, correction=c), [1.0]), [nan])
    assert slope(lambda x: ag.var(x, correction=0), [1.0]) == [0]
    assert math.isnan(ag.var(tensor([])).item())


@pytest.mark.parametrize("p", [0, 0.5, 1, 2, 3])
def test_norm_of_nothing_is_0(p):
    x = tensor(np.zeros((3, 0)), requires_grad=True)
    y = ag.norm(x, p, 1)
    assert y.tolist() == [0, 0, 0]
    y.sum().backward()
    assert x.grad.shape == (3, 0)


@pytest.mark.parametrize("p", [inf, -inf, -1])
def test_there_is_no_largest_of_nothing(p):
    with pytest.raises(ValueError, match=r"norm: dim 1 of shape \(3, 0\) is empty"):
        ag.norm(tensor(np.zeros((3, 0))), p, 1)
    assert ag.norm(tensor(np.zeros((0, 3))), p, 1).shape == (0,)


@pytest.mark.parametrize(
    ("p", "at", "gradient"),
    [
        (0, [0.0, 2.0, nan, inf], [0, 0, 0, 0]),
        (-inf, [0.0, 2.0, -2.0], [0, 0, 0]),
        (-1, [0.0, 2.0, -2.0], [0, 0, 0]),
        (0.5, [0.0, 2.0, -2.0], [0, 2, -2]),
        (1, [0.0, 2.0, nan], [0, 1, 0]),
        (inf, [0.0, 2.0, nan], [0, 0, 0]),
        (2, [1.0, inf], [0, nan]),
        (-inf, [1.0, inf], [1, 0]),
    ],
)
def test_gradient_of_norms_at_special_points(p, at, gradient):
    np.testing.assert_allclose(slope(lambda x: ag.norm(x, p), at), gradient)


def test_nan_in_amax_makes_every_gradient_nan_and_in_max_takes_it():
    x = [1.0, nan, 3.0]
    same(slope(ag.amax, x), [nan] * 3)
    same(slope(lambda x: ag.amin(x, 0), x), [nan] * 3)
    assert slope(ag.max, [1.0, nan, nan]) == slope(ag.min, [1.0, nan, nan]) == [0, 0.5, 0.5]


def test_aminmax():
    least, most = ag.aminmax(tensor([[1.0, 3.0], [2.0, 0.0]]), dim=1)
    assert (least.tolist(), most.tolist()) == ([1, 0], [3, 2])
    assert slope(lambda x: ag.aminmax(x).min, [1.0, 1.0, 3.0]) == [0.5, 0.5, 0]
    assert ag.aminmax(tensor([[1.0]]), dim=0, keepdim=True).max.shape == (1, 1)


def test_pairs_of_statistics():
    x = tensor([[1.0, 2.0], [3.0, 5.0]])
    spread, mean = ag.var_mean(x, 0)
    assert (spread.tolist(), mean.tolist()) == ([2, 4.5], [2, 3.5])
    assert ag.std_mean(x, unbiased=False).mean.item() == 2.75
    assert ag.var_mean(x, False).var.item() == pytest.approx(35 / 16)


def test_sums_without_nan():
    x = tensor([[1.0, nan], [nan, nan]])
    assert ag.nansum(x, 1).tolist() == [1, 0]
    same(ag.nanmean(x, 1).tolist(), [1, nan])
    assert slope(ag.nansum, [1.0, nan]) == [1, 0]
    assert slope(ag.nanmean, [1.0, 4.0, nan]) == [0.5, 0.5, 0]
    assert ag.nansum(tensor([1, 2])).dtype == np.int64
    with pytest.raises(TypeError, match="nanmean: the result of int64 is not whole"):
        ag.nanmean(tensor([1, 2]))


def test_pow_tells_the_sides_of_0_apart():
    same(slope(lambda x: x**0.5, [0.0, -0.0, -inf, -1.0]), [inf, -inf, nan, nan])
    same(slope(lambda x: x**-0.5, [0.0, -0.0, -inf]), [-inf, -inf, 0])
    same(slope(lambda x: x**3, [0.0, inf, -inf]), [0, inf, inf])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_product_is_that_of_neighbours(dtype):
    x = np.full((40_000, 2), 1e3, dtype)
    x[1::2] = 1e-3
    assert ag.tensor(x).prod(0).tolist() == pytest.approx([1, 1], rel=1e-2)
    assert ag.tensor(x.T.copy()).prod(1).tolist() == pytest.approx([1, 1], rel=1e-2)
    x[5] = 0
    assert ag.tensor(x).prod(0).tolist() == [0, 0]


@pytest.mark.parametrize("size", [1, 3])
def test_the_largest_is_a_copy(size):
    w = ag.ones(40_000, size, requires_grad=True)
    values = w.max(1).values
    values += 5
    assert w.max().item() == 1
