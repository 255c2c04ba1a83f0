"""Hooks on gradients, before and after they accumulate, and hooks on what is saved for the backward pass."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import tensor
from autograd.graph import saved_tensors_hooks


def leaf(*values):
    return tensor(np.array(values), requires_grad=True)


# --- hooks on gradients ---------------------------------------------------------------------------------------------


def test_a_leaf_hook_changes_the_gradient_before_it_accumulates_and_a_post_hook_sees_the_sum():
    x, seen = leaf(1.0, 2.0), []
    x.register_hook(lambda g: g * 10.0)
    x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, t.grad.tolist())))
    for _ in range(2):
        (x * x).sum().backward()
    assert seen == [(True, [20.0, 40.0]), (True, [40.0, 80.0])]


def test_a_post_hook_may_take_the_gradient_away_and_may_be_removed():
    x = leaf(1.0)
    handle = x.register_post_accumulate_grad_hook(lambda t: setattr(t, "grad", None))
    (x * 3.0).sum().backward()
    assert x.grad is None
    handle.remove()
    (x * 3.0).sum().backward()
    assert x.grad.item() == 3.0


def test_an_optimizer_may_step_in_a_post_hook():
    import optim

    x = leaf(1.0)
    optimizer = optim.SGD([x], lr=0.5)

    def step(_):
        optimizer.step()
        optimizer.zero_grad()

    x.register_post_accumulate_grad_hook(step)
    (x * 3.0).sum().backward()
    assert (x.item(), x.grad) == (-0.5, None)


def test_a_post_hook_that_drops_another_leaf_takes_no_hook_from_it():
    older, younger, seen = [leaf(1.0)], leaf(2.0), []
    older[0].register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.tolist()))
    younger.register_post_accumulate_grad_hook(lambda _: older.clear())
    (older[0] * younger).sum().backward()
    assert (older, seen) == ([], [[2.0]])


def test_a_post_hook_may_change_a_tensor_in_place_that_still_gets_its_gradient():
    x = leaf(1.0)
    y = x * 2.0
    x.register_post_accumulate_grad_hook(lambda _: y.mul_(2.0))
    (y * y).sum().backward(inputs=[x, y])
    assert y.grad.tolist() == [4.0]


def test_post_hooks_are_for_leaves():
    for t in (leaf(1.0) * 2.0, tensor([1.0])):
        with pytest.raises(RuntimeError, match="only a leaf that requires grad accumulates one"):
            t.register_post_accumulate_grad_hook(print)


def test_a_hook_may_remove_itself_while_it_runs():
    x, calls = leaf(1.0), []
    y = x * 2.0

    def once(g):
        calls.append(1)
        handle.remove()

    handle = y.register_hook(once)
    y.register_hook(lambda g: calls.append(2))
    y.backward(retain_graph=True)
    y.backward()
    assert calls == [1, 2, 2]


def test_a_hook_cannot_write_to_a_gradient_that_others_share():
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    x.register_hook(lambda g: g.mul_(2.0))
    with pytest.raises(RuntimeError, match="mul_: this memory is read-only"):
        (x + y).sum().backward()


@pytest.mark.parametrize(
    ("returned", "found"),
    [
        (np.ones(2), "ndarray"),
        (tensor(np.ones(3)), r"\(3,\) float64"),
        (tensor(np.ones(2, np.float32)), r"\(2,\) float32"),
    ],
)
def test_a_hook_that_returns_something_else_is_refused(returned, found):
    x = leaf(1.0, 2.0)
    y = x * 2.0
    y.register_hook(lambda g: returned)
    with pytest.raises(RuntimeError, match=rf"mul: a hook returned {found} for a gradient of shape \(2,\) float64"):
        y.sum().backward()


# --- hooks on what is saved -----------------------------------------------------------------------------------------


def test_saved_tensors_go_through_the_hooks():
    x, packed, unpacked = leaf(2.0, 3.0), [], []

    def pack(t):
        assert not t.requires_grad
        packed.append(t.tolist())
        return len(packed) - 1

    def unpack(i):
        unpacked.append(i)
        return tensor(np.array(packed[i]))

    with saved_tensors_hooks(pack, unpack):
        y = x * x.exp()
    e = np.exp([2.0, 3.0]).tolist()
    assert packed == [e, e, [2.0, 3.0]]  # what exp saves, then what mul saves
    assert not unpacked
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp([2.0, 3.0]) * (1 + np.array([2.0, 3.0])))
    assert sorted(set(unpacked)) == list(range(len(packed)))


def test_what_hooks_do_to_the_values_reaches_the_gradient():
    x = leaf(2.0)
    with saved_tensors_hooks(lambda t: t, lambda t: t * 100.0):
        y = x * x
    y.backward()
    assert x.grad.item() == 400.0


def test_the_innermost_hooks_count_and_leave_with_their_block():
    x, seen = leaf(2.0), []

    def hooks(name):
        return saved_tensors_hooks(lambda t: (seen.append(name), t)[1], lambda t: t)

    with hooks("outer"):
        x.exp()
        with hooks("inner"):
            x.exp()
        x.exp()
    x.exp()
    assert seen == ["outer", "inner", "outer"]


def test_hooks_are_left_when_the_block_raises_and_are_of_this_thread():
    x, seen = leaf(2.0), []

    def fail():
        with saved_tensors_hooks(seen.append, lambda t: t):
            thread = threading.Thread(target=lambda: x.exp())
            thread.start()
            thread.join()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    x.exp()
    assert seen == []


def test_second_order_through_saved_hooks():
    x = leaf(2.0)
    with saved_tensors_hooks(lambda t: t.numpy().copy(), lambda a: tensor(a)):
        y = (x**3).sum()
        (g,) = ag.grad(y, x, create_graph=True)
        (h,) = ag.grad(g.sum(), x, create_graph=True)
        h.sum().backward()
    assert (g.item(), h.item(), x.grad.item()) == (12.0, 12.0, 6.0)


def test_a_network_with_its_activations_in_half_precision():
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    x = tensor(rng.normal(size=(2, 1, 8, 8)).astype(np.float32))

    def gradients():
        net.zero_grad()
        (net(x) ** 2).sum().backward()
        return [p.grad.numpy().copy() for p in net.parameters()]

    exact = gradients()

    def pack(t):
        return t.half() if t.is_floating_point() else t

    with saved_tensors_hooks(pack, lambda t: t.float() if t.is_floating_point() else t):
        rough = gradients()
    scale = max(np.abs(e).max() for e in exact)
    for e, r in zip(exact, rough):
        assert 0 < np.abs(e - r).max() < 0.02 * scale or np.abs(e).max() < 1e-3 * scale


def test_what_unpack_returns_is_checked():
    x = leaf(2.0, 3.0)
    for result, found in ((None, "NoneType"), (tensor([1.0]), r"a Tensor of shape \(1,\) float32")):
        with saved_tensors_hooks(lambda t: t, lambda t, result=result: result):
            y = x.exp()
        with pytest.raises(RuntimeError, match=rf"exp: unpack_hook returned {found}, not a Tensor of shape \(2,\)"):
            y.sum().backward()
    with pytest.raises(TypeError, match="functions of one argument"):
        saved_tensors_hooks(lambda t: t, None)


def test_a_packed_value_changed_in_place_is_still_noticed():
    x = leaf(2.0)
    with saved_tensors_hooks(lambda t: t, lambda t: t):
        y = x * 1.0
        z = y * y
    y.detach().zero_()
    with pytest.raises(RuntimeError, match="changed in place afterwards by zero_"):
        z.backward()
