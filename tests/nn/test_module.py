"""Module: registration, walking, state, hooks, dtype, text."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import nn
from autograd.modes import modes
from autograd.tensor import Tensor, tensor


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4)
        self.second = nn.Sequential(nn.ReLU(), nn.Linear(4, 2))
        self.register_buffer("seen", tensor(0.0))
        self.register_buffer("cache", tensor([1.0, 2.0]), persistent=False)

    def forward(self, x):
        return self.second(self.norm(self.first(x)))


NAMES = ["seen", "first.weight", "first.bias", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var",
         "norm.num_batches_tracked", "second.1.weight", "second.1.bias"]  # fmt: skip


def test_names_are_pytorchs_and_transient_buffers_are_left_out():
    net = Net()
    assert list(net.state_dict()) == NAMES
    assert [n for n, _ in net.named_parameters()] == [n for n in NAMES if n.endswith(("weight", "bias"))]
    assert [n for n, _ in net.named_buffers()] == ["seen", "cache", *NAMES[5:8]]
    assert [n for n, _ in net.named_modules()] == ["", "first", "norm", "second", "second.0", "second.1"]
    assert [n for n, _ in net.named_children()] == ["first", "norm", "second"]
    assert list(net.second.state_dict(prefix="head.")) == ["head.1.weight", "head.1.bias"]
    assert net.get_submodule("second.1") is net.second[1]
    assert net.get_submodule("") is net


def test_assigning_registers_and_replacing_moves_between_tables():
    net = nn.Module()
    net.a = nn.Parameter([1.0])
    net.b = nn.ReLU()
    assert "a" in dir(net)
    net.a = nn.Linear(1, 1)
    assert list(net._parameters) == []
    assert sorted(net._modules) == ["a", "b"]
    del net.a
    with pytest.raises(AttributeError, match="Module has no attribute 'a'"):
        _ = net.a
    net.c = 3
    net.c = nn.Parameter([2.0])
    assert [n for n, _ in net.named_parameters()] == ["c"]
    net.c = None
    assert list(net.parameters()) == []


def test_a_shared_parameter_is_listed_once_and_saved_under_both_names():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert [n for n, _ in net.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


@pytest.mark.parametrize(
    ("make", "value"), [(lambda n: n.first.__setattr__("weight", tensor([1.0])), "Parameter"),
                        (lambda n: setattr(n, "first", 3), "Module"),
                        (lambda n: setattr(n, "seen", [1.0]), "Tensor")]
)  # fmt: skip
def test_refuses_to_assign_another_kind_to_a_registered_name(make, value):
    with pytest.raises(TypeError, match=f"assign a {value} or None"):
        make(Net())


def test_a_buffer_can_be_replaced_by_a_tensor():
    net = Net()
    net.seen = tensor(4.0)
    assert net.state_dict()["seen"].item() == 4


def test_assigning_before_init_says_what_to_do():
    class Bad(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"Bad: call super\(\).__init__\(\) before assigning 'layer'"):
        Bad()

    class Worse(nn.Module):
        def __init__(self):
            self.register_buffer("x", tensor(1.0))

    with pytest.raises(AttributeError, match="before registering 'x'"):
        Worse()

    class Lost(nn.Module):
        def __init__(self):
            pass

    with pytest.raises(AttributeError, match=r"was super\(\).__init__\(\) called\?"):
        _ = Lost().weight


@pytest.mark.parametrize("name", ["", "a.b", 3])
def test_refuses_bad_names(name):
    with pytest.raises(ValueError, match="non-empty string without a dot"):
        nn.Module().register_buffer(name, tensor(1.0))


def test_refuses_taken_names_and_wrong_kinds():
    with pytest.raises(ValueError, match="attribute 'forward' exists already"):
        nn.Module().register_module("forward", nn.ReLU())
    with pytest.raises(TypeError, match="'w' must be a Parameter or None, not Tensor"):
        nn.Module().register_parameter("w", tensor(1.0))


def test_no_forward_and_no_submodule_are_named():
    with pytest.raises(NotImplementedError, match=r"Module has no forward\(\)"):
        nn.Module()(1)
    with pytest.raises(AttributeError, match=r"Sequential has no submodule '7' \(looking for 'second.7'\)"):
        Net().get_submodule("second.7")


# --- state ---------------------------------------------------------------------------------------------------------


def test_load_state_dict_copies_values():
    a, b = Net(), Net()
    state = a.state_dict()
    b.load_state_dict(state)
    for name, value in b.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), state[name].numpy())
    state["first.weight"].numpy()[...] = 7
    assert a.first.weight.detach().numpy().min() == 7  # a state_dict shares memory
    assert b.first.weight.detach().numpy().max() < 7  # what was loaded is a copy


def test_load_state_dict_lists_everything_and_changes_nothing():
    net = Net()
    before = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    state = {k: v + 1 for k, v in before.items()}
    del state["seen"]
    state["extra"] = np.zeros(1)
    state["first.weight"] = np.zeros((4, 5), np.float32)
    state["norm.num_batches_tracked"] = np.array(1.5)
    with pytest.raises(ValueError, match="does not fit Net, which is unchanged") as error:
        net.load_state_dict(state)
    for part in (
        "missing: seen",
        "unexpected: extra",
        "shape of first.weight: (4, 5) given, (4, 3) expected",
        "dtype of norm.num_batches_tracked: float64 given, int64 expected",
    ):
        assert part in str(error.value)
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])


def test_load_state_dict_not_strict_loads_what_there_is_but_shapes_must_fit():
    net = Net()
    keys = net.load_state_dict({"seen": np.array(5.0), "extra": np.zeros(1)}, strict=False)
    assert keys.missing_keys == NAMES[1:]
    assert keys.unexpected_keys == ["extra"]
    assert net.seen.item() == 5
    assert net.seen.dtype == np.float32
    with pytest.raises(ValueError, match="shape of seen"):
        net.load_state_dict({"seen": np.zeros(2)}, strict=False)


def test_loading_between_forward_and_backward_is_noticed():
    net = nn.Linear(2, 2)
    x = tensor([[1.0, 2.0]], requires_grad=True)
    y = net(x).sum()
    net.load_state_dict({k: v.numpy() + 1 for k, v in net.state_dict().items()})
    with pytest.raises(RuntimeError, match="load_state_dict"):
        y.backward()


# --- modes, dtype, gradients ---------------------------------------------------------------------------------------


def test_train_and_eval_reach_everything():
    net = Net()
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    net.train()
    assert all(m.training for m in net.modules())
    with pytest.raises(ValueError, match="mode is True or False"):
        net.train("yes")


def test_to_converts_floats_and_keeps_identity():
    net = Net()
    weight = net.first.weight
    net(tensor(np.ones((4, 3), np.float32))).sum().backward()
    net.double()
    assert net.first.weight is weight
    assert weight.dtype == weight.grad.dtype == np.float64
    assert net.norm.running_mean.dtype == np.float64
    assert net.norm.num_batches_tracked.dtype == np.int64
    net.zero_grad()
    net(tensor(np.ones((4, 3)))).sum().backward()
    assert weight.grad.dtype == np.float64
    assert net.float().first.weight.dtype == np.float32
    with pytest.raises(TypeError, match="floating point dtype, not int64"):
        net.to(np.int64)


def test_zero_grad_forgets_or_zeroes():
    net = nn.Linear(2, 1)
    net(tensor([[1.0, 2.0]])).sum().backward()
    held = net.weight.grad
    net.zero_grad(set_to_none=False)
    assert net.weight.grad.tolist() == [[0, 0]]
    assert held.tolist() == [[1, 2]]
    net.zero_grad()
    assert net.weight.grad is None


def test_requires_grad_freezes():
    net = Net().requires_grad_(False)
    assert not net(tensor(np.ones((4, 3), np.float32))).requires_grad


def test_apply_goes_from_the_leaves_to_the_root():
    seen = []
    Net().apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "BatchNorm1d", "ReLU", "Linear", "Sequential", "Net"]


def test_a_deep_copy_is_independent():
    net = Net()
    twin = copy.deepcopy(net)
    twin.first.weight.data = twin.first.weight.detach().numpy() + 1
    assert list(twin.state_dict()) == NAMES
    assert not np.array_equal(twin.first.weight.detach().numpy(), net.first.weight.detach().numpy())
    assert twin.first.weight.requires_grad


# --- calls ---------------------------------------------------------------------------------------------------------


def test_hooks_see_and_replace():
    layer = nn.Identity()
    with layer.register_forward_pre_hook(lambda m, args: args[0] + 1.0):
        handle = layer.register_forward_hook(lambda m, args, y: y * 10.0)
        assert layer(tensor(1.0)).item() == 20
        handle.remove()
        assert layer(tensor(1.0)).item() == 2
        handle.remove()  # twice does no harm
    assert layer(tensor(1.0)).item() == 1
    layer.register_forward_hook(lambda m, args, y: None)
    assert layer(tensor(1.0)).item() == 1


def test_operations_know_the_modules_around_them():
    net = Net()
    y = net(tensor(np.ones((4, 3), np.float32)))
    scope = y.grad_fn.scope
    assert [scope.module, scope.outer.module, scope.outer.outer.module] == [net.second[1], net.second, net]
    assert scope.outer.outer.outer is None
    assert modes.scope is None


def test_the_scope_is_left_when_forward_raises():
    with pytest.raises(ValueError, match="linear"):
        Net()(tensor(np.ones((4, 9), np.float32)))
    assert modes.scope is None


def test_no_reference_cycles_through_a_call():
    import gc
    import weakref

    gc.collect()
    gc.disable()
    try:
        net = Net()
        net(tensor(np.ones((4, 3), np.float32))).sum().backward()
        gone = weakref.ref(net)
        del net
        assert gone() is None
    finally:
        gc.enable()


def test_repr_nests():
    text = repr(Net())
    assert text.splitlines()[0] == "Net("
    assert "  (second): Sequential(\n    (0): ReLU()\n" in text
    assert "    (1): Linear(in_features=4, out_features=2, bias=True)" in text


# --- parameter -----------------------------------------------------------------------------------------------------


def test_parameter_shares_a_tensors_memory_and_copies_lists():
    source = tensor([1.0, 2.0])
    p = nn.Parameter(source)
    source.numpy()[0] = 9
    assert p.detach().tolist() == [9, 2]
    assert p.requires_grad
    assert isinstance(p, Tensor)
    assert not nn.Parameter([1.0], requires_grad=False).requires_grad
    assert repr(p).startswith("Parameter containing:\ntensor(")


def test_parameter_refuses_integers():
    with pytest.raises(RuntimeError, match="floating point"):
        nn.Parameter(np.array([1]))
