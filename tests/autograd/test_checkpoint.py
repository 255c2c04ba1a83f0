"""Checkpoints: the same bits with less memory, random numbers again, statistics once; nested, to any order, refused."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import autograd
import nn
from autograd import tensor
from autograd.checkpoint import checkpoint, checkpoint_sequential
from autograd.func import hessian, jacfwd, jacrev, vmap
from autograd.gradcheck import gradcheck, gradgradcheck
from nn import functional as F


def plain(function, *args, **kwargs):
    return function(*args, **kwargs)


def randn(*shape, seed=0):
    return tensor(np.random.default_rng(seed).normal(size=shape))


def saved_bytes(output, known=()) -> int:
    """The memory that the graph behind ``output`` holds, each array once, without the arrays in ``known``."""
    arrays, stack, seen = {}, [output._node], set()
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        stack.extend(node.parents)
        for value in node.saved or ():
            if isinstance(value, np.ndarray):
                while isinstance(value.base, np.ndarray):
                    value = value.base
                arrays[id(value)] = value
    for value in known:
        arrays.pop(id(value), None)
    return sum(a.nbytes for a in arrays.values())


def network(**options):
    autograd.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4, **options), nn.ReLU(), nn.Dropout(0.3), nn.Conv2d(4, 2, 3),
        nn.BatchNorm2d(2), nn.Flatten(), nn.Dropout(0.5),
    )  # fmt: skip


def everything(forward, net, x):
    """All that one training step leaves behind, as arrays."""
    autograd.manual_seed(3)
    net.zero_grad()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    x.grad = None
    y = forward(net, x)
    between = autograd.rand(3)
    (y * y).sum().backward()
    tensors = [p.grad for p in net.parameters()] + [x.grad, y.detach(), between, autograd.rand(2), *net.buffers()]
    return [t.numpy().copy() for t in tensors]


FORMS = {
    "whole": lambda net, x: checkpoint(net, x),
    "two segments": lambda net, x: checkpoint_sequential(net, 2, x),
    "every layer": lambda net, x: checkpoint_sequential(net, 8, x),
    "nested": lambda net, x: checkpoint(lambda x: checkpoint(net[4:], checkpoint(net[:4], x)), x),
    "by keyword": lambda net, x: checkpoint(lambda *, image, scale: net(image) * scale, image=x, scale=1.0),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("momentum", [0.1, None])
def test_training_is_equal_to_the_bit(form, momentum):
    """Gradients, outputs, running statistics, counters, and the random numbers drawn afterwards."""
    net, x = network(momentum=momentum), autograd.randn(3, 2, 8, 8).requires_grad_()
    for got, want in zip(everything(FORMS[form], net, x), everything(plain, net, x)):
        np.testing.assert_array_equal(got, want)


def test_memory_falls():
    """Of a deep network, what the graph keeps falls from every layer's output to the borders of the segments."""
    net = nn.Sequential(*[nn.Sequential(nn.Linear(64, 64), nn.Tanh()) for _ in range(16)])
    x = autograd.randn(32, 64).requires_grad_()
    weights = [p._data for p in net.parameters()] + [x._data]  # numpy() would make the graph keep copies
    without = saved_bytes(net(x), weights)
    one = saved_bytes(checkpoint(net, x), weights)
    four = saved_bytes(checkpoint_sequential(net, 4, x), weights)
    layer = 32 * 64 * 4
    assert without >= 16 * layer
    assert one == 0
    assert four <= (3 + 4 + 1) * layer


def test_the_values_inside_are_freed_when_the_function_returns():
    inside = []

    def f(x):
        y = x.exp()
        inside.append(weakref.ref(y._node))
        return y.sin()

    gc.disable()
    try:
        x = randn(3).requires_grad_()
        y = checkpoint(f, x)
        assert inside[0]() is None
        y.sum().backward()
        assert inside[1]() is None
        node = weakref.ref(y._node)
        del y
        assert node() is None
    finally:
        gc.enable()


def test_generators_of_the_users_own_are_replayed():
    own, x = autograd.Generator(5), autograd.ones(100).requires_grad_()

    def f(x):
        return F.dropout(F.dropout(x, 0.5, generator=own), 0.5) * autograd.rand(100, generator=own)

    y = checkpoint(f, x)
    autograd.rand(10, generator=own)
    state, default = own.get_state(), autograd.get_rng_state()
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())
    assert own.get_state() == state
    assert autograd.get_rng_state() == default


def test_random_numbers_need_not_be_kept():
    x = autograd.ones(50).requires_grad_()
    y = checkpoint(lambda x: F.dropout(x, 0.5), x, preserve_rng_state=False)
    y.sum().backward()
    assert (x.grad.numpy() != y.detach().numpy()).any()


# --- arguments and results ------------------------------------------------------------------------------------------


def several(x, options, flag, numbers):
    assert flag is True
    h = x * options["w"] + numbers[0]
    return {"h": h.exp(), "parts": [h.sum(), (x * 2).detach()]}, "text", x


def test_containers_and_other_things_go_in_and_out():
    x, w = randn(3).requires_grad_(), randn(3, seed=1).requires_grad_()
    results = []
    for c in (checkpoint, plain):
        out, text, same = c(several, x, {"w": w}, True, numbers=(2.0, None))
        assert text == "text"
        assert same is x
        assert not out["parts"][1].requires_grad
        results.append(autograd.grad((out["h"] * out["parts"][0]).sum() + same.sum(), [x, w]))
    for got, want in zip(*results):
        np.testing.assert_array_equal(got.numpy(), want.numpy())


def test_one_of_several_outputs_is_enough():
    x = randn(3).requires_grad_()
    a, b = checkpoint(lambda x: (x.exp(), x.sin()), x)
    np.testing.assert_array_equal(autograd.grad(b.sum(), x, retain_graph=True)[0].numpy(), np.cos(x.detach().numpy()))
    np.testing.assert_array_equal(autograd.grad(a.sum(), x)[0].numpy(), np.exp(x.detach().numpy()))


def test_tensors_that_are_read_from_outside_get_their_gradients():
    """A parameter, and a tensor that was itself computed, which is also an argument's ancestor."""
    x, w = randn(3).requires_grad_(), randn(3, seed=1).requires_grad_()
    found = []
    for c in (checkpoint, plain):
        h = x * w
        y = c(lambda a, h=h: a * h * w.exp() + x, h.sin())
        found.append(autograd.grad(y.sum() + h.sum(), [x, w]))
    for got, want in zip(*found):
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-14)


def test_parameters_made_by_the_first_run_get_their_gradients():
    class Lazy(nn.Module):
        def forward(self, x):
            if not self._parameters:
                self.weight = nn.Parameter(np.full(x.shape, 2.0))
            return x * self.weight

    net, x = Lazy(), randn(3).requires_grad_()
    checkpoint(net, x).sum().backward()
    np.testing.assert_array_equal(net.weight.grad.numpy(), x.detach().numpy())
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 2.0, 2.0])


def test_arguments_without_gradient_are_no_parents():
    x, w = randn(3), randn(3, seed=1).requires_grad_()
    y = checkpoint(lambda a, b: a * b, x, w)
    assert y._node.parents == (w._node,)
    y.sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), x.numpy())


def test_without_anything_to_differentiate_it_is_a_call():
    calls = []
    f = lambda x: calls.append(1) or x * 2
    assert not checkpoint(f, randn(3)).requires_grad
    with autograd.no_grad():
        assert not checkpoint(f, randn(3).requires_grad_()).requires_grad
    assert len(calls) == 2


def test_the_gradient_can_be_asked_for_again():
    x = randn(3).requires_grad_()
    y, g = checkpoint(lambda x: F.dropout(x, 0.5).exp(), x), np.ones(3)
    first = autograd.grad(y, x, g, retain_graph=True)[0].numpy()
    np.testing.assert_array_equal(autograd.grad(y, x, g)[0].numpy(), first)
    with pytest.raises(RuntimeError, match=r"backward through checkpoint .* a second time"):
        autograd.grad(y, x, g)


# --- higher order ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda x, w: checkpoint(lambda x: (x * w).sin() * x.sum(), x),
        lambda x, w: checkpoint(lambda x: checkpoint(lambda h: h.exp() * w, x * w) * x, x),
        lambda x, w: sum(checkpoint(lambda x, h: (x * h, (h * h).sum()), x, x * w)),
    ],
    ids=["one", "nested", "two outputs"],
)
def test_right_to_second_order(f):
    inputs = [randn(3).requires_grad_(), randn(3, seed=1).requires_grad_()]
    assert gradcheck(f, inputs)
    assert gradgradcheck(f, inputs)


def test_other_transforms_go_through():
    w = randn(3)
    f = lambda x, c: c(lambda x: (x * w).tanh() * x.sum(), x)
    x = randn(3, seed=1)
    for transform in (jacrev, jacfwd, hessian):
        got, want = transform(lambda x: f(x, checkpoint))(x), transform(lambda x: f(x, plain))(x)
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-12, atol=1e-14)
    batch = randn(4, 3)
    np.testing.assert_allclose(
        vmap(lambda x: f(x, checkpoint))(batch).numpy(), vmap(lambda x: f(x, plain))(batch).numpy()
    )


def test_it_is_drawn_as_one_op():
    from autograd.viz.extract import extract

    x = randn(3).requires_grad_()
    a, b = checkpoint(lambda x: (x.exp() * 2, x.sin()), x)
    names = [node.name for node in extract({"y": (a * b).sum()}, {"x": x}).nodes if node.kind == "op"]
    assert names == ["checkpoint", "checkpoint_output", "checkpoint_output", "mul", "sum"]


# --- refusals -------------------------------------------------------------------------------------------------------


def test_an_argument_changed_before_backward_is_an_error():
    x, scale = randn(3).requires_grad_(), randn(3)
    y = checkpoint(lambda x, scale: x * scale, x, scale)
    scale.mul_(2)
    with pytest.raises(RuntimeError, match=r"checkpoint: a value of shape .* was changed in place afterwards by mul_"):
        y.sum().backward()


def test_a_parameter_changed_before_backward_is_an_error():
    layer, x = nn.Linear(3, 2), autograd.randn(1, 3).requires_grad_()
    y = checkpoint(layer, x)
    with autograd.no_grad():
        layer.weight.add_(1.0)
    with pytest.raises(RuntimeError, match="changed in place afterwards by add_"):
        y.sum().backward()


def test_a_function_that_changes_its_mind_is_an_error():
    runs, w, x = [], randn(3).requires_grad_(), randn(3).requires_grad_()

    def shape(x):
        runs.append(1)
        return x.sum() if len(runs) > 1 else x

    def reads(x):
        runs.append(1)
        return x * w if len(runs) > 1 else x * 2

    def reads_less(x):
        runs.append(1)
        return x * 2 if len(runs) > 1 else x * w

    for f, message in [
        (
            lambda x: shape(x * 2),
            r"output 0 of .* had shape \(3,\) .* and shape \(\) float64 when computed",
        ),
        (reads, "reads read the tensor recorded at .* only when computed again; it must do the same both times"),
        (reads_less, "only at first"),
    ]:
        runs.clear()
        with pytest.raises(RuntimeError, match=message):
            checkpoint(f, x).sum().backward()


def test_the_check_can_be_left_out():
    runs, w, x = [], randn(3).requires_grad_(), randn(3).requires_grad_()

    def f(x):
        runs.append(1)
        return x * w if len(runs) == 1 else x * 2

    checkpoint(f, x, determinism_check="none").sum().backward()
    assert w.grad is None or (w.grad.numpy() == 0).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: checkpoint(3), TypeError, "the first argument is a function, not a int"),
        (lambda: checkpoint(abs, 1, determinism_check="x"), ValueError, "'default' or 'none', not 'x'"),
        (lambda: checkpoint_sequential([abs], 2, 1), ValueError, "2 segments of 1 functions"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
