"""Special functions at their poles and in their tails, and what they refuse. The numbers are PyTorch's."""

import math

import numpy as np
import pytest

import autograd as ag
from autograd import tensor

from .test_special_points import same, slope

inf, nan = math.inf, math.nan


@pytest.mark.parametrize(
    ("function", "at", "value", "gradient"),
    [
        (ag.asin, 1.0, math.pi / 2, inf),
        (ag.acos, 1.0, 0.0, -inf),
        (ag.acosh, 1.0, 0.0, inf),
        (ag.acosh, 0.5, nan, nan),
        (ag.atanh, 1.0, inf, inf),
        (ag.lgamma, 0.0, inf, -inf),
        (ag.lgamma, -0.0, inf, inf),
        (ag.lgamma, -1.0, inf, nan),
        (ag.lgamma, inf, inf, inf),
        (ag.lgamma, -inf, inf, nan),
        (ag.digamma, 0.0, -inf, inf),
        (ag.digamma, -2.0, nan, inf),
        (ag.digamma, inf, inf, 0.0),
        (ag.digamma, -inf, nan, nan),
        (lambda x: ag.polygamma(1, x), 0.0, inf, -inf),
        (lambda x: ag.polygamma(1, x), inf, 0.0, 0.0),
        (lambda x: ag.polygamma(2, x), nan, nan, nan),
        (ag.sinc, 0.0, 1.0, 0.0),
        (ag.erfc, inf, 0.0, 0.0),
        (ag.exp2, -inf, 0.0, 0.0),
    ],
)
def test_special_points(function, at, value, gradient):
    same(function(tensor(at, dtype=np.float64)).item(), value)
    same(slope(function, at), gradient)


def test_erfc_is_exact_where_erf_is_1():
    assert ag.erfc(tensor(10.0, dtype=np.float64)).item() == pytest.approx(math.erfc(10), rel=1e-14)
    assert slope(ag.erfc, 3.0) == pytest.approx(-2 / math.sqrt(math.pi) * math.exp(-9))


def test_gamma_functions_far_from_0_take_no_longer():
    x = tensor([1e10, -1e10 - 0.5, -1e300, 1e300], dtype=np.float64)
    assert ag.digamma(x[:1]).item() == pytest.approx(23.025850929890456)
    assert ag.polygamma(1, x[:2]).tolist() == pytest.approx([1.00000000005e-10, math.pi**2])
    assert ag.polygamma(3, x[2:]).tolist() == [inf, 0]


def test_polygamma_just_below_0():
    x = tensor(-1e-5, dtype=np.float64)
    assert ag.polygamma(1, x).item() == pytest.approx(1e10 + math.pi**2 / 6, rel=1e-13)
    assert ag.digamma(x).item() == pytest.approx(1e5 - 0.57721566490153, rel=1e-9)


def test_polygamma_0_is_digamma_and_negative_orders_are_refused():
    assert tensor(2.0).polygamma(1).item() == ag.polygamma(1, tensor(2.0)).item()
    assert ag.polygamma(0, tensor(2.0)).item() == ag.digamma(tensor(2.0)).item()
    with pytest.raises(ValueError, match=r"polygamma: n is the number of derivatives, at least 0, not -1"):
        ag.polygamma(-1, tensor(1.0))


def test_angle_of_the_origin_has_gradient_0():
    same(slope(ag.atan2, [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]), [[0, 0, -1], [0, -1, 0]])
    same(slope(ag.hypot, [0.0, 3.0], [0.0, 4.0]), [[nan, 0.6], [nan, 0.8]])


def test_logaddexp_of_infinities():
    a, b = [inf, -inf, -inf, inf, 800.0], [inf, -inf, 3.0, -inf, 800.0]
    same(ag.logaddexp(tensor(a), tensor(b)).tolist()[:4], [inf, -inf, 3, inf])
    same(slope(ag.logaddexp, a, b), [[nan, nan, 0, 1, 0.5], [nan, nan, 1, 0, 0.5]])


def test_xlogy_at_0():
    x, y = [0.0, 0.0, 1.0, 0.0, nan, 0.0], [0.0, 2.0, 0.0, nan, 0.0, -1.0]
    same(ag.xlogy(tensor(x), tensor(y)).tolist(), [0, 0, -inf, nan, nan, 0])
    same(slope(ag.xlogy, x, y), [[0, math.log(2), -inf, nan, -inf, 0], [nan, 0, inf, nan, nan, 0]])
    assert ag.xlogy(2, tensor(1.0)).item() == 0


def test_integers_become_float32():
    whole = tensor([1, 2])
    for function in (ag.lgamma, ag.digamma, ag.erfc, ag.exp2, ag.sinc, ag.atan, ag.asinh, ag.deg2rad):
        assert function(whole).dtype == np.float32
    assert whole.xlogy(1).dtype == ag.xlogy(0.5, whole).dtype == np.float32
    for function in (ag.xlogy, ag.atan2):
        assert function(whole, whole).dtype == np.float32
    for function in (ag.logaddexp, ag.logaddexp2, ag.hypot):  # as in PyTorch
        with pytest.raises(TypeError, match=f"{function.name}: not for int64; convert first, as in x.float"):
            function(whole, whole)
    with pytest.raises(TypeError, match="floor: not for bool"):
        ag.floor(tensor([True]))
