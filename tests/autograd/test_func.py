"""The transforms of functions: against formulas and finite differences, of containers and modules, nested, refused."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

import autograd
import nn
from autograd import tensor
from autograd.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    value_and_grad,
    vjp,
)
from autograd.gradcheck import gradcheck, gradgradcheck
from autograd.tree import flatten, spread, tree_map, unflatten

from .cases import CASES
from .test_table import arrays_of, is_differentiable, run


def randn(*shape, seed=0):
    return tensor(np.random.default_rng(seed).normal(size=shape))


def close(got, want, tolerance=1e-10):
    np.testing.assert_allclose(
        got.detach().numpy(), np.asarray(getattr(want, "_data", want)), rtol=tolerance, atol=tolerance
    )


# --- grad -----------------------------------------------------------------------------------------------------------


def test_grad_to_any_order():
    f = lambda x: x**4
    for order, want in enumerate([16.0, 32.0, 48.0, 48.0, 24.0, 0.0]):
        x = tensor(2.0, dtype=np.float64)
        assert f(x).item() == pytest.approx(want)
        assert not f(x).requires_grad, order
        f = grad(f)


def test_grad_has_the_form_of_its_argument():
    parameters = {"w": randn(3), "layers": [randn(2), (randn(1),)]}
    loss = lambda p: (p["w"] ** 2).sum() + p["layers"][0].sum() * p["layers"][1][0].sum()
    g = grad(loss)(parameters)
    close(g["w"], 2 * parameters["w"])
    assert isinstance(g["layers"], list)
    assert isinstance(g["layers"][1], tuple)


def test_argnums_choose_arguments():
    f = lambda x, y, scale=1.0: (x * y * scale).sum()
    x, y = randn(2), randn(2, seed=1)
    close(grad(f, 1)(x, y, scale=3.0), 3 * x)
    gy, gx = grad(f, (-1, 0))(x, y)
    close(gx, y)
    close(gy, x)


def test_value_and_aux_are_returned():
    f = lambda x: ((x * x).sum(), {"double": 2 * x, "note": "text"})
    x = randn(3)
    g, aux = grad(f, has_aux=True)(x)
    close(aux["double"], 2 * x)
    assert aux["note"] == "text"
    assert not aux["double"].requires_grad
    (value, _), g = value_and_grad(f, has_aux=True)(x)
    g2, (value2, _) = grad_and_value(f, has_aux=True)(x)
    close(value, value2)
    close(g, g2)
    assert not value.requires_grad


def test_what_is_not_used_has_gradient_zero():
    _, b = grad(lambda x, y: (x * x).sum(), (0, 1))(randn(2), randn(3))
    close(b, np.zeros(3))
    close(grad(lambda x: tensor(1.0))(randn(2)), np.zeros(2))


def test_no_grad_field_is_touched():
    x = randn(3).requires_grad_()
    grad(lambda x: (x * x).sum())(x)
    assert x.grad is None


def test_a_result_is_differentiable_where_something_around_asks_for_it():
    x, a = randn(3).requires_grad_(), randn(3, seed=1).requires_grad_()
    g = grad(lambda x: (x**3 * a).sum())(x)
    assert g.requires_grad
    by_x, by_a = autograd.grad(g.sum(), [x, a])
    close(by_x, 6 * x.detach() * a.detach())
    close(by_a, 3 * x.detach() ** 2)
    with autograd.no_grad():
        assert not grad(lambda x: (x**3 * a).sum())(x).requires_grad


def test_closures_of_an_outer_transform_are_differentiated():
    """d/da of d/dx (a x²) is 2x, whichever of both the inner function was given."""
    outer = grad(lambda a: grad(lambda x: a * x * x)(tensor(3.0)))
    assert outer(tensor(2.0)).item() == 6.0


def test_perturbations_are_not_confused():
    """d/dx (x · d/dy (x + y)) = 1, not 2: Siskind and Pearlmutter's example."""
    d = lambda f, x: jvp(f, (x,), (tensor(1.0),))[1]
    assert d(lambda x: x * d(lambda y: x + y, tensor(1.0)), tensor(1.0)).item() == 1.0
    assert grad(lambda x: x * grad(lambda y: x + y)(tensor(1.0)))(tensor(1.0)).item() == 1.0


# --- vjp and jvp ----------------------------------------------------------------------------------------------------


def test_vjp_of_several_tensors_in_and_out():
    f = lambda x, y: {"product": x * y["a"], "sum": (x.sum(),)}
    x, y = randn(3), {"a": randn(3, seed=1)}
    out, pull = vjp(f, x, y)
    v = {"product": randn(3, seed=2), "sum": (tensor(2.0, dtype=np.float64),)}
    for _ in range(2):  # as often as wanted
        gx, gy = pull(v)
        close(gx, v["product"] * y["a"] + 2)
        close(gy["a"], v["product"] * x)
    assert not out["product"].requires_grad


def test_vjp_has_aux():
    out, pull, aux = vjp(lambda x: (x * 2, x * 3), randn(2), has_aux=True)
    close(aux, 1.5 * out)
    close(pull(out)[0], 2 * out)


def test_jvp_of_several_tensors_in_and_out():
    f = lambda x, y: (x * y[0], y[0].sum())
    x, y, tx, ty = (randn(3, seed=i) for i in range(4))
    (product, _), (tp, tt) = jvp(f, (x, [y]), (tx, [ty]))
    close(product, x * y)
    close(tp, tx * y + x * ty)
    close(tt, ty.sum())


def test_jvp_where_the_output_does_not_depend():
    constant = randn(2)
    _, t = jvp(lambda x: (x * 2, constant), (randn(3),), (randn(3),))
    close(t[1], np.zeros(2))
    with pytest.raises(RuntimeError, match="jvp: output 1 does not depend on the inputs"):
        jvp(lambda x: (x * 2, constant), (randn(3),), (randn(3),), strict=True)


def test_jvp_has_aux():
    _, t, aux = jvp(lambda x: (x * x, "aux"), (randn(2),), (randn(2),), has_aux=True)
    assert aux == "aux"
    assert t.shape == (2,)


DIFFERENTIABLE = [c for c in CASES if c.order >= 2 and is_differentiable(c)]


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=str)
def test_jvp_and_vjp_of_every_op_agree(case):
    """⟨v, Jt⟩ = ⟨vᵀJ, t⟩ for random v and t."""
    inputs = [tensor(a) if a.dtype.kind == "f" else a for a in arrays_of(case)]
    places = [i for i, x in enumerate(inputs) if isinstance(x, autograd.Tensor)]
    rng = np.random.default_rng(3)

    def f(*floats):
        values = list(inputs)
        for i, x in zip(places, floats):
            values[i] = x
        return tuple(y for y in run(case, values) if y.dtype.kind == "f")

    point = tuple(inputs[i] for i in places)
    t = tuple(tensor(rng.normal(size=x.shape)) for x in point)
    out, pull = vjp(f, *point)
    v = tuple(tensor(rng.normal(size=y.shape), dtype=y.dtype) for y in out)
    _, pushed = jvp(f, point, t)
    forward = sum((a * b).sum().item() for a, b in zip(v, pushed))
    backward = sum((a * b).sum().item() for a, b in zip(pull(v), t))
    assert forward == pytest.approx(backward, rel=1e-9, abs=1e-9)


def test_jvp_is_differentiable():
    x, t = randn(3).requires_grad_(), randn(3, seed=1).requires_grad_()
    f = lambda x, t: jvp(lambda x: x.exp() * x.sum(), (x,), (t,))[1]
    assert gradcheck(f, [x, t])
    assert gradgradcheck(f, [x, t])


# --- whole Jacobians ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jacobian", [jacrev, jacfwd])
@pytest.mark.parametrize("chunk_size", [None, 1, 2])
def test_jacobians_of_a_linear_map_are_its_matrix(jacobian, chunk_size):
    a = randn(4, 3)
    close(jacobian(lambda x: a @ x, chunk_size=chunk_size)(randn(3)), a)


@pytest.mark.parametrize("jacobian", [jacrev, jacfwd])
def test_jacobians_have_the_form_of_outputs_then_arguments(jacobian):
    f = lambda x, p: {"a": x.reshape(2, 1) * p["w"], "b": [x.sum()]}
    x, p = randn(2), {"w": randn(3), "unused": randn(1)}
    j = jacobian(f, (0, 1))(x, p)
    assert j["a"][0].shape == (2, 3, 2)
    assert j["a"][1]["w"].shape == (2, 3, 3)
    assert j["b"][0][0].shape == (2,)
    close(j["b"][0][1]["unused"], np.zeros(1))
    close(jacobian(f, 1)(x, p)["a"]["w"], j["a"][1]["w"])


@pytest.mark.parametrize("jacobian", [jacrev, jacfwd])
def test_jacobians_with_aux_and_of_nothing(jacobian):
    j, aux = jacobian(lambda x: (x * 2, x.sum()), has_aux=True)(randn(2))
    close(j, 2 * np.eye(2))
    assert not aux.requires_grad
    assert jacobian(lambda x: x * 2)(randn(0)).shape == (0, 0)
    close(jacobian(lambda x: autograd.ones(2))(randn(3)), np.zeros((2, 3)))


def test_hessian_of_a_quadratic_form_is_its_matrix():
    a = randn(3, 3)
    close(hessian(lambda x: x @ a @ x)(randn(3)), a + a.T)


def test_hessian_in_two_arguments():
    f = lambda x, y: (x * x).sum() * y.sum()
    h = hessian(f, (0, 1))(randn(2), randn(3))
    assert [[block.shape for block in row] for row in h] == [[(2, 2), (2, 3)], [(3, 2), (3, 3)]]
    close(h[1][1], np.zeros((3, 3)))


@pytest.mark.parametrize("outer", [jacrev, jacfwd])
@pytest.mark.parametrize("inner", [jacrev, jacfwd])
def test_jacobians_of_jacobians_agree(outer, inner):
    w = randn(2, 3)
    f = lambda x: (w @ x).tanh() * x[0]
    x = randn(3)
    close(outer(inner(f))(x), hessian(f)(x))
    close(outer(inner(outer(f)))(x), jacrev(hessian(f))(x))


def test_hessian_of_a_convolution():
    w = randn(2, 1, 2, 2)
    f = lambda w: (nn.functional.conv2d(randn(1, 1, 3, 3, seed=1), w, padding=1).tanh()).sum()
    g = grad(f)
    eps = 1e-6
    h = hessian(f)(w).numpy().reshape(8, 8)
    for k in range(8):
        step = np.zeros(8)
        step[k] = eps
        step = step.reshape(w.shape)
        numeric = (g(tensor(w.numpy() + step)) - g(tensor(w.numpy() - step))).numpy().reshape(-1) / (2 * eps)
        np.testing.assert_allclose(h[k], numeric, rtol=1e-5, atol=1e-7)


# --- modules --------------------------------------------------------------------------------------------------------


def test_functional_call_exchanges_parameters_and_buffers_and_gives_them_back():
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    before = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    given = {"0.weight": autograd.ones(2, 3), "1.running_mean": autograd.ones(2)}
    net.eval()
    x = autograd.ones(4, 3)
    y = functional_call(net, given, x)
    want = (3 + before["0.bias"] - 1) / np.sqrt(1 + 1e-5)
    close(y[0], want.detach(), 1e-5)
    after = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    assert all(after[name] is before[name] for name in before)


def test_functional_call_gives_back_on_error():
    net = nn.Linear(3, 2)
    weight = net.weight
    with pytest.raises(ValueError, match="input has 5 features"):
        functional_call(net, {"weight": autograd.ones(2, 3)}, (autograd.ones(1, 5),))
    assert net.weight is weight


def test_functional_call_exchanges_tied_weights_together():
    net = nn.Module()
    net.a, net.b = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    net.b.weight = net.a.weight
    net.forward = lambda x: net.b(net.a(x))
    twice = {"a.weight": 2 * autograd.eye(2)}
    close(functional_call(net, twice, (autograd.ones(2),)), [4.0, 4.0])
    untied = functional_call(net, {**twice, "b.weight": autograd.eye(2)}, (autograd.ones(2),))
    close(untied, [2.0, 2.0])
    own = functional_call(net, twice, (autograd.ones(2),), tie_weights=False)
    close(own, (2 * net.b.weight.sum(1)).detach(), 1e-6)


def test_functional_call_of_several_dicts_with_kwargs():
    class Scaled(nn.Linear):
        def forward(self, x, scale=1.0):
            return super().forward(x) * scale

    net = Scaled(1, 1)
    y = functional_call(
        net, ({"weight": autograd.ones(1, 1)}, {"bias": autograd.ones(1)}), autograd.ones(1), {"scale": 3.0}
    )
    assert y.item() == 6.0


def test_second_derivatives_of_a_network_in_its_parameters():
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    parameters = dict(net.named_parameters())
    x = randn(5, 2)
    loss = lambda p: (functional_call(net, p, x) ** 2).mean()
    h = hessian(loss)({k: p.detach() for k, p in parameters.items()})
    assert h["0.weight"]["2.bias"].shape == (3, 2, 1)
    v = {k: randn(*p.shape, seed=i) for i, (k, p) in enumerate(parameters.items())}
    _, product = jvp(grad(loss), ({k: p.detach() for k, p in parameters.items()},), (v,))
    for a in h:
        want = sum((h[a][b] * v[b]).sum(tuple(range(parameters[a].ndim, h[a][b].ndim))) for b in h)
        close(product[a], want)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"wait": autograd.ones(1)}, RuntimeError, "Linear has no parameter or buffer named 'wait'"),
        ({"weight": autograd.ones(2, 2)}, ValueError, r"'weight' has shape \(2, 3\) in Linear, not \(2, 2\)"),
        ({"weight": 1.0}, TypeError, "'weight' is a float, not a Tensor"),
        (({"bias": autograd.ones(2)}, {"bias": autograd.ones(2)}), ValueError, "'bias' is given twice"),
    ],
)
def test_functional_call_refuses(given, error, message):
    with pytest.raises(error, match=message):
        functional_call(nn.Linear(3, 2), given, autograd.ones(1, 3))


def test_functional_call_strict_wants_every_name():
    with pytest.raises(RuntimeError, match="'bias' of Linear is not given"):
        functional_call(nn.Linear(3, 2), {"weight": autograd.ones(2, 3)}, autograd.ones(1, 3), strict=True)


# --- promises -------------------------------------------------------------------------------------------------------


def test_nothing_is_left_behind_without_the_garbage_collector():
    import tracemalloc

    x = randn(50)
    f = lambda: (hessian(lambda x: (x.sin() * x).sum())(x), jvp(lambda x: x.exp(), (x,), (x,)))
    f()
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for _ in range(3):
            f()
        start = tracemalloc.get_traced_memory()[0]
        for _ in range(10):
            f()
        assert tracemalloc.get_traced_memory()[0] - start < 50_000
    finally:
        tracemalloc.stop()
        gc.enable()


def test_two_threads_transform_at_once():
    results = {}

    def work(name):
        f = jacrev(lambda x: x.sin() * x.sum())
        results[name] = [f(randn(4, seed=i)).numpy() for i in range(20)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for a, b in zip(results[0], results[1]):
        np.testing.assert_array_equal(a, b)


# --- refusals -------------------------------------------------------------------------------------------------------

X = autograd.ones(2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: grad(lambda x: x * 2)(X), RuntimeError, r"grad: the function must return one.*\(2,\); see jacrev"),
        (lambda: grad(lambda x: 1.0)(X), RuntimeError, "not a float"),
        (lambda: grad(lambda x: (x > 0).all())(X), RuntimeError, "a tensor of bool; derivatives need floating point"),
        (lambda: grad(autograd.sum)(autograd.arange(3)), TypeError, "argument 0 holds a tensor of int64"),
        (lambda: grad(lambda x: x)("text"), TypeError, "argument 0 holds a str, not a tensor"),
        (lambda: grad(autograd.sum, 1)(X), IndexError, "argnums=1, but the function was called with 1 arguments"),
        (lambda: grad(autograd.sum, (0, 0))(X), ValueError, "must name arguments, each once"),
        (lambda: grad(autograd.sum, "x")(X), TypeError, "argnums is a number or a tuple of numbers"),
        (lambda: grad(autograd.sum, has_aux=True)(X), TypeError, r"returns a tuple \(output, aux\), not a Tensor"),
        (lambda: vjp(lambda x: 3, X), TypeError, "vjp: the function must return tensors, or .*not int"),
        (lambda: vjp(lambda x: x, X)[1]((X,)), RuntimeError, "in the form of the outputs"),
        (lambda: vjp(lambda x: x, X)[1](autograd.ones(3)), RuntimeError, r"a cotangent has shape \(3,\).*\(2,\)"),
        (lambda: jvp(lambda x: x, X, X), TypeError, "primals and tangents are tuples"),
        (lambda: jvp(lambda x: x, (X,), ([X],)), RuntimeError, "must have the same form"),
        (lambda: jvp(lambda x: x, (X,), (autograd.ones(3),)), RuntimeError, "a tangent has shape"),
        (lambda: jvp(lambda x: x, (X,), ("t",)), TypeError, "a tangent is a tensor, not a str"),
        (lambda: jacrev(lambda x: x > 0)(X), RuntimeError, "derivatives need floating point"),
        (lambda: jacrev(lambda x: x, chunk_size=0), ValueError, "chunk_size is at least 1, not 0"),
    ],
)  # fmt: skip
def test_what_transforms_refuse(call, error, message):
    with pytest.raises(error, match=message):
        call()


# --- containers -----------------------------------------------------------------------------------------------------


def test_trees_come_back_as_they_were():
    from collections import OrderedDict, namedtuple

    Pair = namedtuple("Pair", "left right")
    tree = {"a": [1, (2, None)], "b": OrderedDict(x=Pair(3, 4)), "c": ()}
    leaves, spec = flatten(tree)
    assert leaves == [1, 2, None, 3, 4]
    back = unflatten(spec, leaves)
    assert back == tree
    assert isinstance(back["b"]["x"], Pair)
    assert tree_map(lambda x: 0 if x is None else -x, tree)["a"] == [-1, (-2, 0)]


def test_a_prefix_spreads_over_a_tree():
    _, spec = flatten(([1, 2], {"x": 3}))
    assert spread(0, spec) == [0, 0, 0]
    assert spread((0, {"x": None}), spec) == [0, 0, None]
    assert spread((0,), spec) is None
    assert spread(([0, 1, 2], 0), spec) is None
    assert spread((0, {"y": 1}), spec) is None
