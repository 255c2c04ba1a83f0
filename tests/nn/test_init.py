"""Initial values: bounds, moments, seeds, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from autograd.tensor import tensor


def weight(*shape):
    return nn.Parameter(np.empty(shape, np.float32))


def values(t):
    return t.detach().numpy()


def test_linear_is_uniform_between_plus_and_minus_one_over_root_fan_in():
    layer = nn.Linear(100, 400)
    for p in (layer.weight, layer.bias):
        assert np.abs(values(p)).max() <= 0.1
        assert values(p).std() == pytest.approx(0.1 / math.sqrt(3), rel=0.1)


@pytest.mark.parametrize(
    ("fill", "std", "bound"),
    [
        (nn.init.xavier_uniform_, math.sqrt(2 / 300), math.sqrt(6 / 300)),
        (nn.init.xavier_normal_, math.sqrt(2 / 300), None),
        (lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"), math.sqrt(2 / 200), math.sqrt(6 / 200)),
        (lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"), math.sqrt(2 / 100), None),
        (lambda w: nn.init.kaiming_normal_(w, a=1.0), math.sqrt(1 / 200), None),
        (lambda w: nn.init.uniform_(w, -3, 5), 8 / math.sqrt(12), 5),
        (lambda w: nn.init.normal_(w, 0, 0.5), 0.5, None),
    ],
)
def test_spread(fill, std, bound):
    autograd.manual_seed(0)
    w = weight(100, 200)
    assert fill(w) is w
    assert values(w).std() == pytest.approx(std, rel=0.03)
    assert values(w).dtype == np.float32
    if bound:
        assert np.abs(values(w)).max() <= bound


def test_fans_of_a_convolution_count_its_field():
    w = weight(50, 20, 3, 5)
    nn.init.kaiming_uniform_(w, a=math.sqrt(5))
    assert np.abs(values(w)).max() == pytest.approx(1 / math.sqrt(20 * 15), rel=0.01)


def test_constants():
    assert values(nn.init.zeros_(weight(2))).tolist() == [0, 0]
    assert values(nn.init.ones_(weight(2))).tolist() == [1, 1]
    assert values(nn.init.constant_(weight(2), 3)).tolist() == [3, 3]


def test_a_seed_repeats_and_a_generator_is_used():
    made = []
    for _ in range(2):
        autograd.manual_seed(5)
        made.append(values(nn.Conv2d(3, 4, 3).weight))
    np.testing.assert_array_equal(*made)
    a, b = (nn.init.normal_(weight(4), generator=np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(values(a), values(b))


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_bilinear_filters_interpolate(stride):
    kernel = 2 * stride - stride % 2
    w = nn.init.bilinear_(nn.Parameter(np.empty((2, 2, kernel, kernel))))
    x = tensor(np.random.default_rng(0).normal(size=(1, 2, 5, 6)))
    up = F.conv_transpose2d(x, w, stride=stride, padding=(kernel - stride) // 2)
    inner = (slice(None), slice(None), slice(stride, -stride), slice(stride, -stride))
    np.testing.assert_allclose(values(up)[inner], F.interpolate(x, scale_factor=stride, mode="bilinear").numpy()[inner])
    grouped = nn.init.bilinear_(nn.Parameter(np.empty((2, 1, kernel, kernel))))
    again = F.conv_transpose2d(x, grouped, stride=stride, padding=(kernel - stride) // 2, groups=2)
    np.testing.assert_allclose(values(again), values(up))


def test_refusals():
    with pytest.raises(ValueError, match="unknown nonlinearity 'swish'"):
        nn.init.calculate_gain("swish")
    with pytest.raises(ValueError, match="mode is 'fan_in' or 'fan_out', not 'fan'"):
        nn.init.kaiming_normal_(weight(2, 2), mode="fan")
    with pytest.raises(ValueError, match=r"the fan of a tensor of shape \(3,\) is not defined"):
        nn.init.xavier_normal_(weight(3))
    with pytest.raises(ValueError, match=r"must be \(C, C, KH, KW\) or \(C, 1, KH, KW\), not \(2, 3, 4, 4\)"):
        nn.init.bilinear_(weight(2, 3, 4, 4))


def test_initialising_between_forward_and_backward_is_noticed():
    layer = nn.Linear(2, 2)
    y = layer(tensor([[1.0, 2.0]], requires_grad=True)).sum()
    nn.init.zeros_(layer.weight)
    with pytest.raises(RuntimeError, match=r"nn\.init"):
        y.backward()
