"""Transforms beside PyTorch's: torch.func, torch.autograd.functional, torch.utils.checkpoint, in float64."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import autograd
import nn
from autograd import func, functional, tensor
from autograd.checkpoint import checkpoint
from autograd.tree import flatten

torch = pytest.importorskip("torch")
torch_checkpoint = pytest.importorskip("torch.utils.checkpoint").checkpoint

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 3))
X, Y, V = RNG.normal(size=3), RNG.normal(size=3), RNG.normal(size=3)
BATCH = RNG.normal(size=(5, 3))
IMAGE, KERNEL = RNG.normal(size=(1, 2, 5, 5)), RNG.normal(size=(3, 2, 3, 3))


class Here:
    """The functions below are written once, for this framework and for the other."""

    F = nn.functional
    lib = autograd
    array = staticmethod(tensor)
    func, functional = func, functional
    checkpoint = staticmethod(checkpoint)


class There:
    F = torch.nn.functional
    lib = torch
    array = staticmethod(torch.tensor)
    func, functional = torch.func, torch.autograd.functional
    checkpoint = staticmethod(lambda f, *a: torch_checkpoint(f, *a, use_reentrant=False))


def same(make):
    """``make(side)`` gives trees of equal forms and numbers on both sides."""
    got, want = (flatten(make(side)) for side in (Here, There))
    assert got[1] == want[1]
    for a, b in zip(got[0], want[0]):
        b = b.detach().numpy()
        assert a.shape == b.shape
        np.testing.assert_allclose(a.detach().numpy(), b, rtol=1e-9, atol=1e-11)


FUNCTIONS = {
    "matrix": lambda s: lambda x: s.array(A) @ x,
    "tanh": lambda s: lambda x: s.lib.tanh(s.array(A) @ x) * x.exp().sum(),
    "softmax": lambda s: lambda x: s.lib.softmax(s.array(B) @ x, 0),
    "indices": lambda s: lambda x: s.lib.stack([x[0] * x[2], x[[1, 1, 0]].prod()]),
    "conv": lambda s: lambda x: s.F.conv2d(s.array(IMAGE) * x[0], s.array(KERNEL) * x[1], padding=1).mean((0, 2, 3)),
    "pool": lambda s: lambda x: s.F.max_pool2d(s.array(IMAGE) * x[0] + x[1], 2).sum((0, 2)).tanh() * x[2],
    "norm": lambda s: lambda x: x / x.norm(),
    "logsumexp": lambda s: lambda x: s.lib.logsumexp(s.array(A) * x, 1),
    "container": lambda s: lambda x: {"a": x.sin(), "b": (x.sum(), [x[:2] ** 3])},
    "unused": lambda s: lambda x: (x * 2, s.array(A)),
}
SCALAR = {name: f for name, f in FUNCTIONS.items() if name not in ("container", "unused")}


def scalar(name):
    return lambda s: lambda x: (FUNCTIONS[name](s)(x) ** 2).sum()


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("transform", ["jacrev", "jacfwd"])
def test_jacobians(name, transform):
    same(lambda s: getattr(s.func, transform)(FUNCTIONS[name](s))(s.array(X)))


@pytest.mark.parametrize("name", SCALAR)
def test_grad_and_hessian(name):
    same(lambda s: s.func.grad(scalar(name)(s))(s.array(X)))
    same(lambda s: s.func.grad_and_value(scalar(name)(s))(s.array(X)))
    same(lambda s: s.func.hessian(scalar(name)(s))(s.array(X)))
    same(lambda s: s.func.grad(lambda x: s.func.grad(scalar(name)(s))(x).sin().sum())(s.array(X)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_vjp_and_jvp(name):
    same(lambda s: s.func.jvp(FUNCTIONS[name](s), (s.array(X),), (s.array(V),)))

    def pulled(s):
        out, pull = s.func.vjp(FUNCTIONS[name](s), s.array(X))
        return pull(out)

    same(pulled)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("in_dims", [0, -1])
def test_vmap(name, in_dims):
    batch = BATCH if in_dims == 0 else BATCH.T.copy()
    same(lambda s: s.func.vmap(FUNCTIONS[name](s), in_dims)(s.array(batch)))


@pytest.mark.parametrize("name", SCALAR)
@pytest.mark.parametrize("transform", ["grad", "hessian"])
def test_vmap_of_derivatives(name, transform):
    same(lambda s: s.func.vmap(getattr(s.func, transform)(scalar(name)(s)))(s.array(BATCH)))


@pytest.mark.parametrize(("outer", "inner"), itertools.product(["jacrev", "jacfwd", "vmap"], repeat=2))
def test_nesting(outer, inner):
    def make(s):
        f = lambda x: (s.array(B) @ x).sin() * x
        point = [X, BATCH, BATCH.reshape(5, 1, 3)][(outer, inner).count("vmap")]
        return getattr(s.func, outer)(getattr(s.func, inner)(f))(s.array(point))

    same(make)


def test_several_arguments_and_argnums():
    def make(s):
        f = lambda x, p, k: {"r": x * p["w"] * k, "s": (p["b"].sum() * x.sum(),)}
        arguments = s.array(X), {"w": s.array(Y), "b": s.array(A)}, 2.0
        return [getattr(s.func, t)(f, argnums=(1, 0))(*arguments) for t in ("jacrev", "jacfwd")]

    same(make)


def test_in_dims_and_out_dims():
    def make(s):
        f = lambda x, p: (x * p["w"], p["w"].sum() + x)
        return s.func.vmap(f, in_dims=(1, {"w": None}), out_dims=(1, 0))(s.array(BATCH), {"w": s.array(RNG_5)})

    same(make)


RNG_5 = np.arange(5.0)


def networks():
    ours = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 2, groups=2), nn.Flatten(),
        nn.Linear(4, 3),
    ).double()  # fmt: skip
    N = torch.nn
    theirs = N.Sequential(
        N.Conv2d(2, 4, 3, padding=1), N.ReLU(), N.MaxPool2d(2), N.Conv2d(4, 4, 2, groups=2), N.Flatten(), N.Linear(4, 3)
    ).double()  # fmt: skip
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    return {Here: ours, There: theirs}


def test_per_sample_gradients_of_a_network():
    nets = networks()
    images = np.random.default_rng(1).normal(size=(6, 2, 5, 5))
    targets = np.array([0, 2, 1, 1, 0, 2])

    def make(s):
        parameters = {k: p.detach() for k, p in nets[s].named_parameters()}

        def loss(p, x, t):
            return s.F.cross_entropy(s.func.functional_call(nets[s], p, (x.unsqueeze(0),)), t.unsqueeze(0))

        return s.func.vmap(s.func.grad(loss), (None, 0, 0))(parameters, s.array(images), s.array(targets))

    same(make)


def test_products_with_the_hessian_of_a_network():
    nets = networks()
    images = np.random.default_rng(1).normal(size=(3, 2, 5, 5))

    def make(s):
        parameters = {k: p.detach() for k, p in nets[s].named_parameters()}
        loss = lambda p: s.func.functional_call(nets[s], p, (s.array(images),)).tanh().sum()
        return s.func.jvp(s.func.grad(loss), (parameters,), (parameters,))

    same(make)


# --- torch.autograd.functional --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCALAR)
def test_functional_of_one_input(name):
    f = FUNCTIONS[name]
    same(lambda s: s.functional.jacobian(f(s), s.array(X)))
    if name != "pool":  # PyTorch has no forward mode for it
        same(lambda s: s.functional.jacobian(f(s), s.array(X), vectorize=True, strategy="forward-mode"))
    same(lambda s: s.functional.hessian(scalar(name)(s), s.array(X)))
    for product in ("vhp", "hvp"):
        same(lambda s, product=product: getattr(s.functional, product)(scalar(name)(s), s.array(X), s.array(V)))
    same(lambda s: s.functional.jvp(f(s), s.array(X), s.array(V)))
    same(lambda s: s.functional.vjp(f(s), s.array(X), f(s)(s.array(X))))


def test_functional_of_several():
    both = lambda s: (s.array(X), s.array(Y))
    f = lambda x, y: (x * y.exp(), (x * x).sum())
    g = lambda x, y: (x * y.exp()).sum() * x.sum()
    same(lambda s: s.functional.jacobian(f, both(s)))
    same(lambda s: s.functional.hessian(g, both(s)))
    same(lambda s: s.functional.vjp(f, both(s), (s.array(V), s.array(X)[0])))
    for product in ("jvp", "hvp", "vhp"):
        function = f if product == "jvp" else g
        same(lambda s, p=product, h=function: getattr(s.functional, p)(h, both(s), (s.array(V), s.array(X))))


# --- checkpoint -----------------------------------------------------------------------------------------------------


def test_checkpoint():
    nets = networks()
    images = np.random.default_rng(1).normal(size=(3, 2, 5, 5))

    def make(s):
        x = s.array(images).requires_grad_()
        hidden = s.checkpoint(nets[s][0], x)
        y = s.checkpoint(lambda h: nets[s][5](nets[s][4](nets[s][3](nets[s][2](h.relu())))), hidden)
        (y * y).sum().backward()
        return [x.grad, *(p.grad for p in nets[s].parameters())]

    same(make)


# --- what both refuse -----------------------------------------------------------------------------------------------

REFUSED = {
    "grad of a vector": lambda s: s.func.grad(lambda x: x * 2)(s.array(X)),
    "different batches": lambda s: s.func.vmap(lambda x, y: x * y)(s.array(A), s.array(B)),
    "in_dims do not fit": lambda s: s.func.vmap(lambda x: x, (0, 0))(s.array(A)),
    "in_dims out of range": lambda s: s.func.vmap(lambda x: x, 3)(s.array(A)),
    "no batch": lambda s: s.func.vmap(lambda x: x, None)(s.array(A)),
    "not a tensor": lambda s: s.func.vmap(lambda x: x)(2.0),
    "no tensor returned": lambda s: s.func.vmap(lambda x: 1)(s.array(A)),
    "random": lambda s: s.func.vmap(lambda x: x + s.lib.rand(3))(s.array(A)),
    "aux": lambda s: s.func.grad(lambda x: x.sum(), has_aux=True)(s.array(X)),
    "jvp tuples": lambda s: s.func.jvp(lambda x: x, s.array(X), s.array(X)),
    "jvp shapes": lambda s: s.func.jvp(lambda x: x, (s.array(X),), (s.array(A),)),
    "vjp forms": lambda s: s.func.vjp(lambda x: (x, x), s.array(X))[1](s.array(X)),
    "functional v": lambda s: s.functional.vjp(lambda x: x, s.array(X)),
    "functional strict": lambda s: s.functional.jacobian(lambda x: s.array(A), s.array(X), strict=True),
    "functional scalar": lambda s: s.functional.hessian(lambda x: x, s.array(X)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_both_refuse(name):
    for side in (There, Here):
        with pytest.raises((TypeError, ValueError, RuntimeError, IndexError)):
            REFUSED[name](side)
