"""vjp, jvp, jacobian, hessian, hvp, vhp at a point: against formulas; forms, strictness, create_graph, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
from autograd import tensor
from autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp
from autograd.gradcheck import gradcheck


def randn(*shape, seed=0):
    return tensor(np.random.default_rng(seed).normal(size=shape))


def close(got, want):
    got, want = got.detach().numpy(), np.asarray(getattr(want, "_data", want))
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


def exp_reducer(x):
    return x.exp().sum(dim=1)


def exp_adder(x, y):
    return 2 * x.exp() + 3 * y


def test_jacobian_of_one_and_of_several():
    x = randn(2, 3)
    want = np.zeros((2, 2, 3))
    want[[0, 1], [0, 1]] = np.exp(x.numpy())
    close(jacobian(exp_reducer, x), want)
    x, y = randn(2), randn(2, seed=1)
    by_x, by_y = jacobian(exp_adder, (x, y))
    close(by_x, np.diag(2 * np.exp(x.numpy())))
    close(by_y, 3 * np.eye(2))
    rows = jacobian(lambda x, y: (x * y, x.sum()), (x, y))
    assert [[block.shape for block in row] for row in rows] == [[(2, 2), (2, 2)], [(2,), (2,)]]


@pytest.mark.parametrize("strategy", ["reverse-mode", "forward-mode"])
@pytest.mark.parametrize("vectorize", [False, True])
def test_the_way_makes_no_difference(strategy, vectorize):
    x, y = randn(3), randn(3, seed=1)
    f = lambda x, y: (x * y.exp(), (x * y).sum())
    found = jacobian(f, (x, y), strategy=strategy, vectorize=vectorize)
    for row, want in zip(found, jacobian(f, (x, y))):
        for a, b in zip(row, want):
            close(a, b)


def test_a_tuple_of_one_stays_a_tuple():
    (j,) = jacobian(lambda x: x * 2, (randn(2),))
    assert j.shape == (2, 2)
    ((h,),) = hessian(lambda x: (x * x).sum(), (randn(2),))
    close(h, 2 * np.eye(2))


def test_hessian_of_several_inputs():
    x, y = randn(2), randn(2, seed=1)
    (xx, xy), (yx, yy) = hessian(lambda x, y: (x * y * y).sum(), (x, y))
    close(xx, np.zeros((2, 2)))
    close(xy, np.diag(2 * y.numpy()))
    close(yx, np.diag(2 * y.numpy()))
    close(yy, np.diag(2 * x.numpy()))


def test_products_agree_with_the_whole():
    x, v = randn(3), randn(3, seed=1)
    f = lambda x: (x**3).sum() * x[0].sin()
    h = hessian(f, x)
    for product in (hvp, vhp):
        value, found = product(f, x, v)
        close(value, f(x))
        close(found, h @ v)
    g = lambda x: x.exp() * x.sum()
    j = jacobian(g, x)
    close(vjp(g, x, v)[1], v @ j)
    close(jvp(g, x, v)[1], j @ v)


def test_v_may_be_left_out_for_one_number():
    x = randn(3)
    value, g = vjp(lambda x: (x * x).sum(), x)
    close(g, 2 * x)
    close(value, (x * x).sum())
    close(jvp(lambda x: x * randn(2), tensor(3.0, dtype=np.float64))[1], randn(2))


def test_several_inputs_and_outputs_of_products():
    x, y = randn(2), randn(3, seed=1)
    f = lambda x, y: (x.sum() * y, x)
    outputs, (gx, gy) = vjp(f, (x, y), (y, x))
    assert isinstance(outputs, tuple)
    close(gx, (y * y).sum() + x)
    close(gy, x.sum() * y)
    _, (a, b) = jvp(f, (x, y), (x, y))
    close(a, 2 * x.sum() * y)
    close(b, x)
    _, (hx, hy) = hvp(lambda x, y: x.sum() * (y * y).sum(), (x, y), (x, y))
    close(hx, np.full(2, 2 * (y * y).sum().item()))
    close(hy, 4 * x.sum() * y)


def test_results_are_plain_values_unless_asked_otherwise():
    x = randn(3).requires_grad_()
    f = lambda x: (x**3).sum()
    for call in (vjp, jvp, hvp, vhp):
        v = None if call is vjp else x.detach()
        assert not any(t.requires_grad for t in call(f, x, v))
        assert all(t.requires_grad for t in call(f, x, v, create_graph=True))
    for call in (jacobian, hessian):
        assert not call(f, x).requires_grad
        assert gradcheck(lambda x, call=call: call(f, x, create_graph=True), [x])
    assert x.grad is None


def test_create_graph_reaches_the_inputs_and_v():
    x, v = randn(3).requires_grad_(), randn(3, seed=1).requires_grad_()
    f = lambda x: (x.sin() * x.sum()).sum()
    for call in (hvp, vhp):
        assert gradcheck(lambda x, v, call=call: call(f, x, v, create_graph=True)[1], [x, v])
    for call in (vjp, jvp):
        assert gradcheck(lambda x, v, call=call: call(lambda x: x.exp() * x.sum(), x, v, create_graph=True)[1], [x, v])


def test_independence_is_zero_or_refused():
    x, y = randn(2), randn(2, seed=1)
    f = lambda x, y: (x * x).sum()
    close(vjp(f, (x, y))[1][1], np.zeros(2))
    close(jacobian(f, (x, y))[1], np.zeros(2))
    close(hessian(lambda x: x.sum(), x), np.zeros((2, 2)))
    close(hvp(lambda x: x.sum(), x, x)[1], np.zeros(2))
    close(jvp(lambda x: y, x, x)[1], np.zeros(2))
    for call, message in [
        (lambda: vjp(f, (x, y), strict=True), "the outputs do not depend on input 1"),
        (lambda: jvp(lambda x: y, x, x, strict=True), "output 0 does not depend on the inputs"),
        (lambda: jacobian(f, (x, y), strict=True), "output 0 does not depend on input 1"),
        (lambda: hessian(f, (x, y), strict=True), "the outputs do not depend on input 1"),
        (lambda: hessian(lambda x: x.sum(), x, strict=True), "does not depend on input 0"),
        (lambda: vhp(lambda x: x.sum(), x, x, strict=True), "the gradient does not depend on input 0"),
        (lambda: hvp(lambda x: x.sum(), x, x, strict=True), "the gradient of input 0 does not depend"),
    ]:
        with pytest.raises(RuntimeError, match=message):
            call()


X = autograd.ones(2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: jacobian(lambda x: x, [X]), TypeError, "inputs are a Tensor or a tuple of Tensors, not list"),
        (lambda: jacobian(lambda x: x, (X, 1)), TypeError, "not int"),
        (lambda: jacobian(lambda x: 1, X), TypeError, "must return a Tensor or a tuple of them, not a int"),
        (lambda: jacobian(lambda x: (x, 1), X), TypeError, "not a tuple of Tensor, int"),
        (lambda: jacobian(lambda x: x, X, strategy="both"), ValueError, "'reverse-mode' or 'forward-mode', not 'both'"),
        (lambda: jacobian(lambda x: x, autograd.arange(2)), TypeError, "a tensor of int64; derivatives need"),
        (lambda: hessian(lambda x: x, X), RuntimeError, r"hessian: the function must return one.*shape \(2,\)"),
        (lambda: hvp(lambda x: (x.sum(), x.sum()), X, X), RuntimeError, "hvp: the function must return one number"),
        (lambda: vjp(lambda x: x, X), RuntimeError, "v can be left out only where the outputs is one number"),
        (lambda: vjp(lambda x: x, X, autograd.ones(3)), RuntimeError, r"a part of v has shape \(3,\)"),
        (lambda: vjp(lambda x: x, X, (X,)), RuntimeError, "give the same form"),
        (lambda: jvp(lambda x: x, (X,), (X, X)), RuntimeError, "v has 2 tensors for 1 of the inputs"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
