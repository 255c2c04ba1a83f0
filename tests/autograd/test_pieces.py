"""Signs, whole parts and quotients where they jump, and what is refused."""

import math

import numpy as np
import pytest

import autograd as ag
from autograd import tensor

from .test_special_points import same, slope

inf, nan = math.inf, math.nan


def test_frac_keeps_the_sign_and_is_straight_everywhere():
    assert ag.frac(tensor([-1.5, 2.0, 0.25])).tolist() == [-0.5, 0, 0.25]
    assert slope(ag.frac, [-1.5, 2.0, 0.0]) == [1, 1, 1]


def test_copysign_at_0_and_its_gradient():
    x, sign = [0.0, 1.0, -2.0], [-1.0, -1.0, -0.0]
    assert np.signbit(ag.copysign(tensor(x), tensor(sign)).numpy()).all()
    same(slope(ag.copysign, x, sign), [[0, -1, 1], [0, 0, 0]])
    assert ag.copysign(tensor([1, 2]), -1).dtype == np.float32


def test_sign_of_booleans_is_boolean():
    assert ag.sign(tensor([True, False])).tolist() == [True, False]


def test_heaviside_of_nan_is_0_and_carries_no_gradient():
    y = ag.heaviside(tensor([nan, 0.0, 2.0], requires_grad=True), tensor(0.5))
    assert y.tolist() == [0, 0.5, 1]
    assert not y.requires_grad


def test_nan_to_num_cuts_the_gradient_where_it_replaces():
    y = ag.nan_to_num(tensor([nan, inf, -inf, 1.0]))
    largest = float(np.finfo(np.float32).max)
    assert y.tolist() == [0, largest, -largest, 1]
    assert slope(ag.nan_to_num, [nan, inf, -inf, 1.0]) == [0, 0, 0, 1]
    assert ag.nan_to_num(tensor([nan, -inf]), 1, neginf=-2).tolist() == [1, -2]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (ag.floor_divide, "floor_divide"),
        (lambda a, b: a // b, "floor_divide"),
        (lambda a, b: ag.div(a, b, rounding_mode="trunc"), "div"),
        (ag.remainder, "remainder"),
        (ag.fmod, "fmod"),
    ],
)
@pytest.mark.parametrize("zero", [0, [1, 0], False])
def test_integers_divided_by_0_are_refused(function, name, zero):
    with pytest.raises(ZeroDivisionError, match=f"{name}: an integer is divided by 0"):
        function(tensor([3, 4]), zero if isinstance(zero, (int, bool)) else tensor(zero))


def test_floats_divided_by_0_are_inf_or_nan():
    x = tensor([1.0, -1.0, 0.0])
    same(ag.floor_divide(x, 0).tolist(), [inf, -inf, nan])
    same(ag.div(x, 0, rounding_mode="trunc").tolist(), [inf, -inf, nan])
    same(ag.remainder(x, 0).tolist(), [nan] * 3)
    same(ag.fmod(x, 0).tolist(), [nan] * 3)


def test_division_by_infinity():
    assert ag.remainder(tensor([1.0, 3.0]), tensor([inf, -inf])).tolist() == [1, -inf]
    assert ag.fmod(tensor([1.0, 3.0]), tensor([inf, -inf])).tolist() == [1, 3]
