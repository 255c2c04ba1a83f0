"""Which of two is chosen at ties and NaN, and ``where`` with functions."""

import math

import numpy as np
import pytest

import autograd as ag
from autograd import tensor
from autograd.gradcheck import gradcheck, gradgradcheck

from .test_special_points import same, slope

inf, nan = math.inf, math.nan


def test_fmax_and_fmin_prefer_numbers_to_nan():
    a, b = [1.0, nan, 1.0, nan, 2.0], [1.0, 1.0, nan, nan, 1.0]
    same(ag.fmax(tensor(a), tensor(b)).tolist(), [1, 1, 1, nan, 2])
    same(ag.fmin(tensor(a), tensor(b)).tolist(), [1, 1, 1, nan, 1])
    assert slope(ag.fmax, a, b) == [[1, 0, 1, 1, 1], [0, 1, 0, 0, 0]]
    assert slope(ag.fmin, a, b) == [[1, 0, 1, 1, 0], [0, 1, 0, 0, 1]]


def test_clamp_min_and_max_at_the_bound():
    assert slope(lambda x: ag.clamp_min(x, 0), [0.0, -1.0]) == [1, 0]
    assert slope(lambda x: x.clamp_max(0), [0.0, -1.0]) == [1, 1]


def test_lerp_is_exact_at_both_ends():
    a, b = tensor([0.1, 1e8]), tensor([0.3, 1.0])
    assert ag.lerp(a, b, 0).tolist() == a.tolist()
    assert ag.lerp(a, b, 1.0).tolist() == b.tolist()
    assert a.lerp(b, 0.5).dtype == np.float32


def test_addcdiv_of_integers_is_refused():
    with pytest.raises(TypeError, match="addcdiv: the quotient of integers is not whole"):
        ag.addcdiv(tensor([1.0]), tensor([1]), tensor([2]))
    assert ag.addcmul(tensor([1]), tensor([2]), tensor([3]), value=2).tolist() == [13]


def test_shift_operators():
    assert (tensor([1, 3]) << 2).tolist() == [4, 12]
    assert (9 >> tensor([1, 3])).tolist() == [4, 1]
    with pytest.raises(TypeError, match="left_shift"):
        tensor([1.0]) << 1


# --- where with functions -------------------------------------------------------------------------------------------


def test_where_with_functions_lets_no_nan_through():
    for side in (ag.log, ag.sqrt, lambda x: x**-1):
        gradients = slope(lambda x, f=side: ag.where(x > 0, f, 0, x), [0.0, -1.0, 4.0])
        assert gradients[:2] == [0, 0] and math.isfinite(gradients[2])


def test_a_side_sees_its_own_elements_only():
    seen = []

    def side(x, y):
        seen.append((x.tolist(), y.tolist()))
        return x + y

    x, y = tensor([[1.0, -2.0], [3.0, -4.0]]), tensor([10.0, 20.0])
    assert ag.where(x > 0, side, lambda x, y: -y, x, y).tolist() == [[11, -20], [13, -20]]
    assert seen == [([1, 3], [10, 10])]


def test_where_with_functions_to_second_order():
    x = tensor(np.array([[0.5, -0.3, 2.0], [-1.0, 0.7, -2.0]]), requires_grad=True)
    y = tensor(np.array([1.5, -0.4, 0.3]), requires_grad=True)

    def function(x, y):
        return ag.where(x > 0, lambda x, y: ag.sqrt(x) * y, lambda x, y: x * y * y, x, y)

    assert gradcheck(function, [x, y])
    assert gradgradcheck(function, [x, y])


def test_a_side_may_be_one_number_or_a_tensor():
    x = tensor([1.0, -1.0])
    assert ag.where(x > 0, lambda x: x.sum(), tensor([5.0, 6.0]), x).tolist() == [1, 6]
    assert ag.where(x > 5, ag.log, x, x).tolist() == [1, -1]


def test_where_with_functions_says_what_it_needs():
    x = tensor([1.0, -1.0, 2.0])
    with pytest.raises(TypeError, match=r"where: functions are called with the elements .* where\(x > 0, autograd"):
        ag.where(x > 0, lambda: ag.log(x), 0)

    def cut(x):
        return x[1:]

    with pytest.raises(ValueError, match=r"vectors of its 2 elements .* cut gave shape \(1,\)"):
        ag.where(x > 0, cut, 0, x)
    with pytest.raises(TypeError, match="where: the condition has dtype float32"):
        ag.where(x, ag.log, 0, x)
