"""Optimizer: groups, gradients, state."""

from __future__ import annotations

import numpy as np
import pytest

import nn
import optim
from autograd import serialize
from autograd.tensor import tensor


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def train(net, optimizer, steps, seed):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        x, t = rng.normal(size=(8, 3)).astype(np.float32), rng.normal(size=(8, 2)).astype(np.float32)
        optimizer.zero_grad()
        nn.MSELoss()(net(tensor(x)), t).backward()
        optimizer.step()


def test_groups_have_settings_of_their_own():
    net = network()
    optimizer = optim.SGD([{"params": net[0].parameters(), "lr": 0.5}, {"params": net[2].parameters()}], lr=0.1)
    assert [g["lr"] for g in optimizer.param_groups] == [0.5, 0.1]
    optimizer.add_param_group({"params": nn.Parameter([1.0]), "momentum": 0.9})
    assert [len(g["params"]) for g in optimizer.param_groups] == [2, 2, 1]
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = tensor(np.ones(p.shape, np.float32))
    before = [p.detach().numpy().copy() for p in net.parameters()]
    optimizer.step()
    moved = [float((a - p.detach().numpy()).max()) for a, p in zip(before, net.parameters(), strict=True)]
    assert moved == pytest.approx([0.5, 0.5, 0.1, 0.1], rel=1e-5)
    assert "Parameter Group 2\n" in repr(optimizer)
    assert "lr: 0.5" in repr(optimizer)


def test_zero_grad_forgets_or_zeroes():
    p = nn.Parameter([1.0])
    optimizer = optim.SGD([p])
    held = p.grad = tensor([3.0])
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0]
    assert held.tolist() == [3]
    optimizer.zero_grad()
    assert p.grad is None


def test_a_closure_is_called_and_its_loss_returned():
    p = nn.Parameter([2.0])
    optimizer = optim.SGD([p], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 4
    assert p.item() == pytest.approx(1.6)


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        (lambda p: [], ValueError, "params is empty"),
        (lambda p: p, TypeError, r"write \[parameter\]"),
        (lambda p: [p, p], ValueError, "stands twice"),
        (lambda p: [{"params": [p]}, {"params": [p]}], ValueError, "stands twice"),
        (lambda p: [p * 2.0], ValueError, "a parameter is computed from others"),
        (lambda p: [("w", p * 2.0)], ValueError, "w is computed from others"),
        (lambda p: [np.ones(3)], TypeError, "parameters are Tensors, not ndarray"),
        (lambda p: [{"lr": 0.1}], TypeError, "a dict with the key 'params'"),
        (lambda p: [{"params": [p], "rate": 1}], ValueError, r"unknown settings \['rate'\]; there are \['dampening'"),
    ],
)
def test_bad_parameters(params, error, text):
    with pytest.raises(error, match=text):
        optim.SGD(params(nn.Parameter([1.0])))


# --- state ----------------------------------------------------------------------------------------------------------

RULES = [
    lambda p: optim.SGD(p, momentum=0.9),
    lambda p: optim.RMSprop(p, momentum=0.9, centered=True),
    lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
]


@pytest.mark.parametrize("make", RULES)
@pytest.mark.parametrize("named", [False, True])
def test_resuming_from_a_file_is_bit_exact(make, named, tmp_path):
    def start():
        net = network()
        return net, make(net.named_parameters() if named else net.parameters())

    net, optimizer = start()
    train(net, optimizer, 3, seed=0)
    weights, text = serialize.pack({"model": net.state_dict(), "optimizer": optimizer.state_dict()})
    serialize.save(tmp_path / "state", weights, {"tree": text})
    train(net, optimizer, 3, seed=1)

    other, resumed = start()
    loaded = serialize.load(tmp_path / "state")
    state = serialize.unpack(loaded.tensors, loaded.metadata["tree"])
    other.load_state_dict(state["model"])
    resumed.load_state_dict(state["optimizer"])
    train(other, resumed, 3, seed=1)
    for a, b in zip(net.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


def test_state_dict_has_pytorchs_form():
    net = network()
    optimizer = optim.Adam(net.named_parameters())
    train(net, optimizer, 1, seed=0)
    state = optimizer.state_dict()
    assert list(state) == ["state", "param_groups"]
    assert list(state["state"]) == [0, 1, 2, 3]
    assert list(state["state"][0]) == ["step", "exp_avg", "exp_avg_sq"]
    assert state["param_groups"][0]["params"] == [0, 1, 2, 3]
    assert state["param_groups"][0]["param_names"] == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_state_follows_the_names_not_the_order():
    a, b = nn.Parameter([1.0]), nn.Parameter([1.0])
    first = optim.SGD([("a", a), ("b", b)], momentum=0.9)
    a.grad, b.grad = tensor([1.0]), tensor([2.0])
    first.step()
    second = optim.SGD([("b", b), ("a", a)], momentum=0.9)
    second.load_state_dict(first.state_dict())
    assert second.state[a]["momentum_buffer"].tolist() == [1]
    assert second.state[b]["momentum_buffer"].tolist() == [2]
    assert second.param_groups[0]["param_names"] == ["b", "a"]


def test_loaded_state_is_a_copy_in_the_parameters_dtype():
    p = nn.Parameter(np.zeros(2, np.float32))
    optimizer = optim.SGD([p], momentum=0.9)
    buffer = np.ones(2)
    optimizer.load_state_dict({"state": {0: {"momentum_buffer": buffer}}, "param_groups": [{"params": [0], "lr": 0.5}]})
    buffer[:] = 7
    loaded = optimizer.state[p]["momentum_buffer"]
    assert loaded.tolist() == [1, 1]
    assert loaded.dtype == np.float32
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.param_groups[0]["momentum"] == 0.9


def test_the_count_of_steps_may_come_as_an_array():
    p = nn.Parameter(np.zeros(2, np.float32))
    optimizer = optim.Adam([p])
    state = {"step": np.float32(3), "exp_avg": np.ones(2), "exp_avg_sq": np.ones(2)}
    optimizer.load_state_dict({"state": {0: state}, "param_groups": [{"params": [0]}]})
    assert optimizer.state[p]["step"] == 3
    assert type(optimizer.state[p]["step"]) is int


def test_state_that_does_not_fit_is_refused_and_nothing_changes():
    p = nn.Parameter(np.zeros(2, np.float32))
    optimizer = optim.SGD([("w", p)], momentum=0.9, lr=0.1)
    group = {"params": [0], "lr": 0.5}
    for state, text in [
        ({"state": {}, "param_groups": [{"params": [0, 1]}]}, r"groups of \[2\] parameters given, groups of \[1\]"),
        (
            {"state": {0: {"momentum_buffer": np.ones(3)}}, "param_groups": [group]},
            r"w: momentum_buffer has shape \(3,\) but the parameter has shape \(2,\)",
        ),
        ({"state": {}, "param_groups": [group | {"param_names": ["v"]}]}, r"no state for \['w'\]; there is state for"),
        ({"state": {}, "param_groups": [group | {"lr": -1}]}, "lr must be"),
    ]:
        with pytest.raises(ValueError, match=text):
            optimizer.load_state_dict(state)
        assert optimizer.param_groups[0]["lr"] == 0.1
        assert not optimizer.state


def test_a_network_learns():
    net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2)).astype(np.float32)
    labels = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    optimizer = optim.Adam(net.parameters(), lr=0.03)
    for _ in range(200):
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(net(tensor(x)), labels)
        loss.backward()
        optimizer.step()
    assert (net(tensor(x)).detach().numpy().argmax(1) == labels).mean() > 0.95
