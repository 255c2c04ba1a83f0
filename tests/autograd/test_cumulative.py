"""Running products through zeros, running sums of exponentials through infinities, ties, and what is refused."""

import math

import numpy as np
import pytest

import autograd as ag
from autograd import tensor
from autograd.gradcheck import gradgradcheck

from .test_special_points import same, slope

inf, nan = math.inf, math.nan


def test_cumprod_through_zeros():
    assert slope(lambda x: ag.cumprod(x, 0), [2.0, 0.0, 3.0]) == [1, 8, 0]
    assert slope(lambda x: ag.cumprod(x, 0), [2.0, 0.0, 3.0, 0.0, 4.0]) == [1, 8, 0, 0, 0]
    assert gradgradcheck(lambda x: ag.cumprod(x, 0), tensor(np.array([2.0, 0.0, 3.0, 0.0]), requires_grad=True))


def test_logcumsumexp_of_infinities():
    function = lambda x: ag.logcumsumexp(x, 0)
    assert function(tensor([-inf, -inf, 1.0])).tolist() == [-inf, -inf, 1]
    np.testing.assert_allclose(slope(function, [1.0, -inf, 2.0]), [2.268941421369995, 0, 0.7310585786300048])
    same(slope(function, [1.0, inf, 2.0]), [1, nan, 0])
    np.testing.assert_allclose(slope(function, [-inf, -inf, 1.0, 2.0]), [nan, nan, 1.26894142137, 0.73105857863])


def test_logcumsumexp_neither_overflows_nor_loses_small_gradients():
    x = [0.0, 1000.0, -1000.0, 1000.0]
    assert ag.logcumsumexp(tensor(x), 0).tolist() == pytest.approx([0, 1000, 1000, 1000 + math.log(2)])
    np.testing.assert_allclose(slope(lambda x: ag.logcumsumexp(x, 0), x), [1, 2.5, 0, 0.5])


def test_running_extremes_take_the_last_of_ties_and_keep_nan():
    x = [1.0, 3.0, 3.0, nan, 5.0, nan, 2.0]
    largest, smallest = ag.cummax(tensor(x), 0), ag.cummin(tensor([1.0, 3.0, 1.0, nan]), 0)
    same(largest.values.tolist(), [1, 3, 3, nan, nan, nan, nan])
    assert largest.indices.tolist() == [0, 1, 2, 3, 3, 5, 5]
    assert smallest.indices.tolist() == [0, 0, 2, 3]
    assert slope(lambda x: ag.cummax(x, 0).values, x) == [1, 1, 1, 2, 0, 2, 0]


def test_running_ops_of_integers():
    x = tensor(np.array([3, 1, 2], np.int32))
    assert ag.cumprod(x, 0).dtype == ag.cumprod(x[0], 0).dtype == ag.cumsum(x[0], 0).dtype == np.int64
    assert ag.cumprod(x, 0, dtype=np.float32).tolist() == [3, 3, 6]
    assert ag.cumsum(x[0], 0, dtype=np.bool_).item() is True
    assert ag.cummin(x, 0).values.dtype == np.int32


def test_running_ops_of_a_number_and_of_nothing():
    assert ag.cummax(tensor(2.0), 0).indices.item() == 0
    for op in (ag.cumsum, ag.cumprod, ag.logcumsumexp):
        x = tensor(np.zeros((2, 0)), requires_grad=True)
        op(x, 1).sum().backward()
        assert x.grad.shape == (2, 0)
        assert op(x, axis=0).shape == (2, 0)
    assert ag.cummax(tensor(np.zeros((2, 0))), 1).indices.shape == (2, 0)


@pytest.mark.parametrize("op", [ag.cumsum, ag.cumprod, ag.logcumsumexp, ag.cummax, ag.cummin])
def test_a_dimension_is_needed(op):
    with pytest.raises(TypeError, match=f"{op.__name__}: dim is missing"):
        op(tensor([1.0]))
    with pytest.raises(IndexError, match=f"{op.__name__}: dim 1 is out of range"):
        op(tensor([1.0]), 1)


def test_a_long_running_product_takes_no_quadratic_time():
    x = tensor(np.random.default_rng(0).uniform(0.9, 1.1, 200_000), requires_grad=True)
    ag.cumprod(x, 0).sum().backward()
    assert np.isfinite(x.grad.numpy()).all()
