"""Values and gradients where formulas break: kinks, ties, zeros, infinities. The numbers are PyTorch's."""

import math

import numpy as np
import pytest

import autograd as ag
from autograd import tensor

inf, nan = math.inf, math.nan


def slope(function, *values):
    """The gradients of the sum of ``function`` at float64 points."""
    xs = [tensor(np.asarray(v, np.float64), requires_grad=True) for v in values]
    ag.sum(function(*xs)).backward()
    gs = [x.grad.tolist() for x in xs]
    return gs[0] if len(gs) == 1 else gs


def same(found, expected):
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("function", "at", "expected"),
    [
        (ag.relu, 0.0, 0),
        (lambda x: ag.clamp(x, min=0), 0.0, 1),
        (lambda x: ag.clamp(x, -1, 1), 1.0, 1),
        (lambda x: ag.clamp(x, -1, 1), -1.0, 1),
        (lambda x: ag.maximum(x, 0), 0.0, 0.5),
        (lambda x: ag.minimum(x, 0), 0.0, 0.5),
        (lambda x: ag.where(x > 0, x, 0), 0.0, 0),
        (lambda x: ag.leaky_relu(x, 0.1), 0.0, 0.1),
        (ag.abs, 0.0, 0),
        (ag.abs, nan, 0),
        (ag.relu, nan, 1),
        (ag.sqrt, 0.0, inf),
        (lambda x: 0 * ag.sqrt(x), 0.0, nan),
        (ag.softplus, 25.0, 1),
        (lambda x: x**0, 0.0, 0),
        (lambda x: x**0.5, 0.0, inf),
        (lambda x: x**-1, 0.0, -inf),
        (lambda x: 0.0**x, 2.0, 0),
        (lambda x: 0.0**x, 0.0, 0),
        (lambda x: 0.0**x, -1.0, -inf),
        (lambda x: (-2.0) ** x, 2.0, nan),
    ],
)
def test_gradient_of_a_number(function, at, expected):
    same(slope(function, at), expected)


def test_pow_of_tensors_at_0():
    same(slope(ag.pow, [0.0, 0.0, 0.0, -2.0], [0.0, 2.0, -1.0, 2.0]), [[0, 0, -inf, -4], [0, 0, -inf, nan]])


def test_ties_of_extremes():
    x = [2.0, 2.0, 1.0]
    assert slope(ag.max, x) == slope(ag.amax, x) == [0.5, 0.5, 0]
    assert slope(lambda x: ag.max(x, 0).values, x) == [1, 0, 0]
    assert slope(lambda x: ag.amax(x, 0), x) == [0.5, 0.5, 0]
    assert ag.argmax(tensor(x)).item() == 0


def test_nan_wins_and_takes_the_gradient():
    x = [1.0, nan, 3.0]
    assert math.isnan(ag.max(tensor(x)).item())
    assert slope(ag.max, x) == [0, 1, 0]
    assert slope(lambda x: ag.max(x, 0).values, x) == [0, 1, 0]
    assert ag.max(tensor(x), 0).indices.item() == 1


@pytest.mark.parametrize("p", [1, 2, 3, 2.5, inf])
def test_norm_at_0_has_gradient_0(p):
    assert slope(lambda x: ag.norm(x, p), [0.0, 0.0]) == [0, 0]


def test_largest_norm_shares_ties_with_their_signs():
    assert slope(lambda x: ag.norm(x, inf), [3.0, -3.0, 1.0]) == [0.5, -0.5, 0]


def test_std_of_a_constant_has_gradient_0():
    assert slope(ag.std, [2.0, 2.0, 2.0]) == [0, 0, 0]
    assert slope(lambda x: ag.std(x, unbiased=False), [2.0]) == [0]
    same(slope(ag.std, [2.0]), [nan])
    assert math.isnan(ag.std(tensor([2.0])).item())


def test_prod_with_zeros():
    assert slope(ag.prod, [0.0, 2.0, 3.0]) == [6, 0, 0]
    assert slope(ag.prod, [0.0, 0.0, 3.0]) == [0, 0, 0]


def test_logsumexp_of_infinities():
    assert ag.logsumexp(tensor([-inf, -inf]), 0).item() == -inf
    assert ag.logsumexp(tensor([inf, 1.0]), 0).item() == inf
    assert ag.logsumexp(tensor([1000.0, 1000.0]), 0).item() == pytest.approx(1000 + math.log(2))
    same(slope(lambda x: ag.logsumexp(x, 0), [-inf, -inf]), [nan, nan])


def test_where_hands_exactly_nothing_to_the_side_not_taken():
    assert slope(lambda x: ag.where(x > 0, x, ag.zeros_like(x)) * inf, [-1.0]) == [0]


def test_rounding_is_half_to_even_and_remainder_has_the_sign_of_the_divisor():
    assert ag.round(tensor([0.5, 1.5, 2.5, -0.5])).tolist() == [0, 2, 2, 0]
    assert ag.remainder(tensor([-1.0, 1.0]), tensor([3.0, -3.0])).tolist() == [2, -2]
    assert ag.fmod(tensor([-1.0, 1.0]), tensor([3.0, -3.0])).tolist() == [-1, 1]


def test_division_by_zero_and_overflow_are_silent():
    # the tests run with RuntimeWarning as an error
    x = tensor([0.0, -1.0, 1000.0], requires_grad=True)
    for y in (x / 0, ag.log(x), ag.exp(x), ag.sqrt(x), x**-1, x * 3e38 * 3e38, ag.rsqrt(x)):
        y.sum().backward()


def test_integers_have_no_negative_powers():
    with pytest.raises(ValueError, match="negative integer powers"):
        tensor([2]) ** -1
