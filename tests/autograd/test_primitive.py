"""Declaring an op: what the declaration refuses, and what a node keeps."""

import numpy as np
import pytest

from autograd import cat, tensor
from autograd import primitive as primitive_module
from autograd.gradcheck import gradcheck, gradgradcheck
from autograd.primitive import Primitive


@pytest.fixture
def op():
    def planted(x, other, *, scale):
        return x * other * scale

    made = Primitive(planted, elementwise=True)
    yield made
    del primitive_module.registry["planted"]


def test_called_with_arrays_it_only_computes(op):
    y = op(np.ones(2), np.ones(2), scale=2.0)
    assert type(y) is np.ndarray


def test_called_with_a_tensor_it_makes_a_tensor(op):
    y = op(np.ones(2), tensor(np.ones(2)), scale=2.0)
    assert type(y).__name__ == "Tensor"
    assert not y.requires_grad


def test_only_what_a_wanted_rule_reads_is_kept(op):
    op.vjp(x=lambda g, other, *, scale: g * other * scale, other=lambda g, x, *, scale: g * x * scale)
    a, b = tensor(np.ones(2)), tensor(np.full(2, 3.0))
    both = op(a.requires_grad_(), b.requires_grad_(), scale=2.0)
    assert len(both._node.saved) == 2
    b = tensor(np.full(2, 3.0))
    one = op(a, b, scale=2.0)
    assert len(one._node.saved) == 1
    assert one._node.saved[0] is b._data
    one.sum().backward()
    np.testing.assert_array_equal(a.grad.numpy(), [6.0, 6.0])


def test_a_rule_may_read_a_shape_without_keeping_the_value(op):
    op.vjp(x=lambda g, x_shape, **s: g, other=None)
    a = tensor(np.ones((2, 3)), requires_grad=True)
    assert op(a, 1.0, scale=1.0)._node.saved == ((2, 3),)


def test_a_rule_for_no_input_is_refused(op):
    with pytest.raises(TypeError, match="no input named 'z'"):
        op.vjp(x=None, other=None, z=lambda g: g)


def test_a_forgotten_rule_is_refused(op):
    with pytest.raises(TypeError, match=r"no rule for \['other'\]"):
        op.vjp(x=lambda g, **s: g)


def test_a_rule_that_reads_an_unknown_name_is_refused(op):
    with pytest.raises(TypeError, match="reads 'weights'"):
        op.vjp(x=lambda g, weights: g, other=None)


def test_a_rule_must_begin_with_g(op):
    with pytest.raises(TypeError, match="first parameter"):
        op.vjp(x=lambda other: other, other=None)


@pytest.mark.parametrize("name", ["g", "y", "position"])
def test_inputs_may_not_have_names_that_rules_use(name):
    namespace = {}
    exec(f"def planted_name({name}): return {name}", namespace)
    with pytest.raises(TypeError, match=f"'{name}' has a meaning in gradient rules"):
        Primitive(namespace["planted_name"])


def test_an_op_without_rules_does_not_pass_for_a_constant(op):
    with pytest.raises(TypeError, match="planted: no gradient rule is declared"):
        op(tensor(np.ones(2), requires_grad=True), 1.0, scale=1.0)


def test_two_ops_of_one_name_are_refused(op):
    def planted(x):
        return x

    with pytest.raises(ValueError, match="planted exists already"):
        Primitive(planted)


def test_a_rule_of_the_wrong_shape_is_an_error_naming_the_op():
    def planted_shape(x):
        return x * 2.0

    made = Primitive(planted_shape)
    try:
        made.vjp(x=lambda g: g[:1])
        y = made(tensor(np.ones(3), requires_grad=True))
        with pytest.raises(RuntimeError, match=r"planted_shape: .*\(1,\).*\(3,\).*test_primitive\.py"):
            y.backward(np.ones(3))
    finally:
        del primitive_module.registry["planted_shape"]


@pytest.mark.parametrize("bad", [[1.0, 2.0], "text", None, object()])
def test_inputs_of_other_kinds_are_refused(bad):
    with pytest.raises(TypeError, match="add: inputs are Tensors, arrays or numbers"):
        primitive_module.registry["add"](tensor([1.0]), bad)


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(ValueError, match=r"mul: shapes \(2, 3\) and \(4,\) do not broadcast"):
        tensor(np.ones((2, 3))) * tensor(np.ones(4))


@pytest.mark.parametrize("number", [np.float64(2.0), 2.0, 2, True, np.int64(2), np.float32(2)])
def test_numbers_never_widen(number):
    x = tensor([1.0, 2.0], requires_grad=True)
    y = x * number
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad.dtype == np.float32


@pytest.fixture
def halves():
    """An op with two outputs, one of which is not floating point."""

    def planted_halves(x):
        n = x.shape[0] // 2
        return x[:n] * 2.0, x[n:] * x[n:], np.arange(n)

    made = Primitive(planted_halves, outputs=("low", "high", "order"))
    made.vjp(x=lambda g, x: cat([g[0] * 2.0, g[1] * 2.0 * x[x.shape[0] // 2 :]]))
    yield made
    del primitive_module.registry["planted_halves"]


def test_an_op_with_several_outputs_gathers_their_gradients(halves):
    def function(x):
        low, high, _ = halves(x)
        return low * low * high + high

    x = tensor(np.random.default_rng(0).normal(size=4), requires_grad=True)
    assert gradcheck(function, [x])
    assert gradgradcheck(function, [x])


def test_a_rule_that_reads_outputs_is_right_to_second_order():
    def planted_powers(x):
        return x * x, x * x * x

    made = Primitive(planted_powers, outputs=("square", "cube"))
    made.vjp(x=lambda g, x, square, cube: g[0] * 2.0 * cube / square + g[1] * 3.0 * square)
    try:
        x = tensor(np.random.default_rng(0).uniform(1, 2, 3), requires_grad=True)
        assert gradcheck(lambda x: made(x), [x])
        assert gradgradcheck(lambda x: made(x), [x])
    finally:
        del primitive_module.registry["planted_powers"]


def test_an_output_that_nobody_used_counts_as_zeros(halves):
    x = tensor(np.arange(4.0), requires_grad=True)
    halves(x)[0].sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 2.0, 0.0, 0.0])


def test_outputs_that_are_integers_carry_no_gradient(halves):
    assert not halves(tensor(np.arange(4.0), requires_grad=True))[2].requires_grad
