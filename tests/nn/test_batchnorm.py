"""Normalisation layers: semantics rows 29 and 30, the ReLU that batch normalisation takes over, what they refuse."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import nn
import nn.functional as F
from autograd.tensor import tensor


def test_running_statistics_take_the_unbiased_variance():
    layer = nn.BatchNorm1d(1, dtype=np.float64)
    y = layer(tensor(np.array([[0.0], [2.0]])))
    assert y.detach().numpy().ravel() == pytest.approx([-1, 1], rel=1e-5)  # the biased variance, 1
    assert layer.running_mean.item() == pytest.approx(0.1)
    assert layer.running_var.item() == pytest.approx(1.1)
    assert layer.num_batches_tracked.item() == 1


def test_momentum_none_is_the_mean_of_all_batches():
    layer = nn.BatchNorm1d(1, momentum=None, dtype=np.float64)
    for x in ([0.0, 2.0], [3.0, 7.0], [1.0, 1.0]):
        layer(tensor(np.array(x)[:, None]))
    assert layer.running_mean.item() == pytest.approx((1 + 5 + 1) / 3)
    assert layer.running_var.item() == pytest.approx((2 + 8 + 0) / 3)


def test_without_running_statistics_the_batchs_own_serve_in_eval_too():
    layer = nn.BatchNorm1d(1, track_running_stats=False).eval()
    assert layer.running_mean is None
    assert layer(tensor([[0.0], [2.0]])).detach().numpy().ravel() == pytest.approx([-1, 1], rel=1e-4)
    assert list(layer.state_dict()) == ["weight", "bias"]


def test_eval_uses_and_keeps_the_running_statistics():
    layer = nn.BatchNorm2d(2).eval()
    layer.running_mean = tensor([1.0, 2.0])
    layer.running_var = tensor([4.0, 9.0])
    y = layer(tensor(np.full((1, 2, 1, 1), 5.0, np.float32)))
    assert y.detach().numpy().ravel() == pytest.approx([2, 1], rel=1e-4)
    assert layer.running_mean.tolist() == [1, 2]
    layer.reset_running_stats()
    assert layer.running_var.tolist() == [1, 1]


def test_batch_norm_errors():
    with pytest.raises(ValueError, match="one value a channel has no variance"):
        nn.BatchNorm1d(3)(tensor(np.zeros((1, 3), np.float32)))
    nn.BatchNorm1d(3).eval()(tensor(np.zeros((1, 3), np.float32)))
    with pytest.raises(ValueError, match=r"BatchNorm2d: input must be \(N, C, H, W\); input.shape=\(2, 3\)"):
        nn.BatchNorm2d(3)(tensor(np.zeros((2, 3), np.float32)))
    with pytest.raises(ValueError, match=r"input has 4 channels but running_mean.shape=\(3,\)"):
        nn.BatchNorm1d(3)(tensor(np.zeros((2, 4), np.float32)))
    with pytest.raises(ValueError, match="2 dimensions"):
        F.batch_norm(tensor([1.0]), None, None)


# --- a ReLU behind it ----------------------------------------------------------------------------------------------


def two_nets():
    """The same numbers in a Sequential, where the ReLU is fused, and one call after the other."""
    rng = np.random.default_rng(0)
    norm, relu = nn.BatchNorm2d(3), nn.ReLU()
    norm.weight.data = rng.normal(size=3).astype(np.float32)
    norm.bias.data = rng.normal(size=3).astype(np.float32)
    other = copy.deepcopy(norm)
    return nn.Sequential(norm, relu), lambda x: relu(other(x)), norm, other


@pytest.mark.parametrize("training", [True, False])
def test_sequential_gives_the_relu_to_the_batch_norm_with_the_same_bits(training):
    fused, apart, norm, other = two_nets()
    rng = np.random.default_rng(1)
    for _ in range(2):
        x = rng.normal(size=(4, 3, 5, 6)).astype(np.float32)
        norm.train(training), other.train(training)
        results = []
        for net, layer in ((fused, norm), (apart, other)):
            z = tensor(x, requires_grad=True)
            y = net(z)
            y.backward(tensor(x))
            results.append([y.detach(), z.grad, layer.weight.grad, layer.bias.grad, *layer.state_dict().values()])
        for a, b in zip(*results, strict=True):
            np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    assert norm.num_batches_tracked.item() == (2 if training else 0)
    assert [node.name for node in (fused(z)._node, apart(z)._node)] == [
        "batch_norm" if training else "batch_norm_with",
        "relu",
    ]


def test_the_fused_op_keeps_one_activation():
    fused, *_ = two_nets()
    x = tensor(np.random.default_rng(2).normal(size=(4, 3, 5, 6)).astype(np.float32), requires_grad=True)
    saved = [value for value in fused(x)._node.saved if value.ndim == 4]
    assert len(saved) == 1
    assert saved[0] is x._data


def test_whoever_looks_between_the_two_keeps_them_apart():
    class Louder(nn.BatchNorm2d):
        def forward(self, x):
            return super().forward(x) * 2.0

    class Leaky(nn.ReLU):
        def forward(self, x):
            return super().forward(x) - 0.1 * super().forward(-x)

    x = tensor(np.random.default_rng(3).normal(size=(4, 3, 5, 6)).astype(np.float32), requires_grad=True)
    assert nn.Sequential(Louder(3), nn.ReLU())(x)._node.name == "relu"
    assert nn.Sequential(nn.BatchNorm2d(3), Leaky())(x)._node.name == "sub"
    for watched in (0, 1):
        seen = []
        net = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU())
        handle = net[watched].register_forward_hook(lambda module, args, y, seen=seen: seen.append(y))
        assert net(x)._node.name == "relu"
        assert (seen[0].detach().numpy() < 0).any() == (watched == 0)
        handle.remove()
        assert net(x)._node.name == "batch_norm"


def test_statistics_that_move_on_do_not_change_a_gradient():
    layer = nn.BatchNorm2d(2).eval()
    x = tensor(np.random.default_rng(4).normal(size=(2, 2, 3, 3)).astype(np.float32), requires_grad=True)
    y = layer(x).sum()
    layer.running_var._data[:] = 100
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), 1, rtol=1e-4)


# --- group, instance, layer ----------------------------------------------------------------------------------------


def test_instance_norm_has_no_parameters_and_no_statistics_unless_asked():
    assert not nn.InstanceNorm2d(3).state_dict()
    layer = nn.InstanceNorm1d(1, affine=True, track_running_stats=True, dtype=np.float64)
    y = layer(tensor(np.array([[[0.0, 2.0]], [[5.0, 5.0]]])))
    assert y.detach().numpy().ravel() == pytest.approx([-1, 1, 0, 0], rel=1e-5)
    assert layer.running_mean.item() == pytest.approx(0.1 * 3)
    assert layer.running_var.item() == pytest.approx(0.9 + 0.1 * 1)
    alone = tensor(np.array([[1.0, 4.0, 7.0]]))
    assert layer.eval()(alone).shape == (1, 3)
    assert repr(nn.GroupNorm(2, 4)) == "GroupNorm(2, 4, eps=1e-05, affine=True)"
    assert repr(nn.LayerNorm(4, bias=False)) == "LayerNorm((4,), eps=1e-05, elementwise_affine=True)"
    assert list(nn.LayerNorm(4, bias=False).state_dict()) == ["weight"]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: F.group_norm(x, 2), "num_groups=2 does not divide the 3 channels"),
        (lambda x: F.group_norm(x, 0), "num_groups=0 does not divide"),
        (lambda x: F.group_norm(x[:1, :, 0, 0], 3), "one value a group has no variance"),
        (lambda x: F.group_norm(x[0, 0, 0], 1), "input must have 2 dimensions"),
        (lambda x: nn.GroupNorm(2, 3), "num_groups=2 does not divide num_channels=3"),
        (lambda x: F.instance_norm(x[:, :, :1, :1]), "one position has no variance"),
        (lambda x: F.instance_norm(x[:, :, 0, 0]), r"input must have 3 dimensions \(N, C, L\) or more"),
        (lambda x: F.instance_norm(x, use_input_stats=False), "needs running_mean and running_var"),
        (
            lambda x: F.instance_norm(x, weight=tensor([1.0])),
            r"instance_norm: input has 3 channels but weight.shape=\(1",
        ),
        (lambda x: nn.InstanceNorm1d(3)(x), r"InstanceNorm1d: input must be \(C, L\) or \(N, C, L\)"),
        (
            lambda x: F.layer_norm(x, 4),
            r"normalized_shape=\(4,\) names the last dimensions, but input.shape=\(2, 3, 4, 5\)",
        ),
        (lambda x: F.layer_norm(x, ()), "names the last dimensions"),
        (lambda x: F.layer_norm(x, 5, tensor([1.0])), r"weight.shape=\(1,\), but normalized_shape=\(5,\)"),
    ],
)
def test_refusals(call, text):
    with pytest.raises(ValueError, match=text):
        call(tensor(np.ones((2, 3, 4, 5), np.float32)))
