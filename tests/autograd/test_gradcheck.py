"""The checker is checked: a rule wrong by 0.1 % must be caught, at order 1 and at order 2."""

import numpy as np
import pytest

from autograd import primitive as primitive_module
from autograd import tensor
from autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from autograd.primitive import Primitive


@pytest.fixture
def make_op():
    """Declare an op for one test and take it out of the registry afterwards."""
    made = []

    def make(forward, **options):
        op = Primitive(forward, **options)
        made.append(op.name)
        return op

    yield make
    for name in made:
        del primitive_module.registry[name]


def point(*shape, seed=0):
    return tensor(np.random.default_rng(seed).uniform(0.5, 2.0, shape), requires_grad=True)


def cube(error_1=1.0, error_2=1.0):
    """x³ with its first and second derivative off by given factors."""

    def build(make_op):
        def planted_square(x):
            return 3 * np.square(x)

        def planted_cube(x):
            return x * x * x

        square, third = make_op(planted_square), make_op(planted_cube)
        square.vjp(x=lambda g, x: g * x * (6.0 * error_2))
        third.vjp(x=lambda g, x: g * square(x) * error_1)
        return third

    return build


def test_a_right_rule_passes_both_orders(make_op):
    op = cube()(make_op)
    assert gradcheck(op, [point(2, 3)])
    assert gradgradcheck(op, [point(2, 3)])


@pytest.mark.parametrize("factor", [1.001, 0.999, 2.0, 0.0, -1.0])
def test_a_wrong_first_order_rule_is_caught(make_op, factor):
    op = cube(error_1=factor)(make_op)
    with pytest.raises(GradcheckError, match="input 0 at"):
        gradcheck(op, [point(2, 3)])
    assert not gradcheck(op, [point(2, 3)], raise_exception=False)


@pytest.mark.parametrize("factor", [1.001, 0.999, 0.0])
def test_a_wrong_second_order_rule_is_caught_at_order_two_only(make_op, factor):
    op = cube(error_2=factor)(make_op)
    assert gradcheck(op, [point(2, 3)])
    with pytest.raises(GradcheckError):
        gradgradcheck(op, [point(2, 3)])


def test_one_wrong_element_of_many_is_caught(make_op):
    def planted_border(x):
        return 2.0 * x

    op = make_op(planted_border)
    bump = np.full((12, 12), 2.0)
    bump[0, 11] *= 1.001
    op.vjp(x=lambda g: g * bump)
    with pytest.raises(GradcheckError, match=r"at \(0, 11\)"):
        gradcheck(op, [point(12, 12)])


def test_a_rule_that_ignores_the_upstream_gradient_is_caught(make_op):
    """Under ``sum()`` the upstream gradient is 1 and this fault is invisible; the checker's is random."""

    def planted_ones(x):
        return 3.0 * x

    op = make_op(planted_ones)
    op.vjp(x=lambda g: g * g * 3.0)
    with pytest.raises(GradcheckError):
        gradcheck(op, [point(4)])


def test_a_missing_gradient_is_caught():
    with pytest.raises(GradcheckError, match=r"the rule gives -?0,"):
        gradcheck(lambda x: x.detach() * 2.0 + x * 0.0, [point(3)])


def test_a_kink_is_named():
    x = tensor(np.zeros(1), requires_grad=True)
    with pytest.raises(GradcheckError, match="kink"):
        gradcheck(lambda x: x.relu(), [x])


def test_float32_is_refused():
    with pytest.raises(ValueError, match="float64"):
        gradcheck(lambda x: x * 2.0, [tensor([1.0], requires_grad=True)])


def test_nothing_to_check_is_refused():
    with pytest.raises(ValueError, match="requires_grad"):
        gradcheck(lambda x: x * 2.0, [tensor(np.ones(2))])


def test_nan_in_a_gradient_is_not_agreement(make_op):
    def planted_nan(x):
        return 2.0 * x

    op = make_op(planted_nan)
    op.vjp(x=lambda g: g * np.nan)
    with pytest.raises(GradcheckError):
        gradcheck(op, [point(2)])
