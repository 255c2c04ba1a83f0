"""Batch normalisation: semantics row 29, and what it refuses."""

from __future__ import annotations

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
