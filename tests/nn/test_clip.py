"""Gradient clipping."""

from __future__ import annotations

import numpy as np
import pytest

import nn
from autograd.tensor import tensor


def parameters(*grads):
    made = []
    for g in grads:
        p = nn.Parameter(np.zeros(len(g), np.float32))
        p.grad = tensor(g)
        made.append(p)
    return [*made, nn.Parameter([1.0])]  # one without a gradient


def test_one_factor_for_all():
    params = parameters([3.0, 0.0], [4.0])
    norm = nn.clip_grad_norm_(params, 1.0)
    assert norm.item() == 5
    assert norm.dtype == np.float32
    assert params[0].grad.tolist() == pytest.approx([0.6, 0])
    assert params[1].grad.tolist() == pytest.approx([0.8])
    assert params[1].grad.dtype == np.float32


def test_small_gradients_stay_bit_for_bit():
    params = parameters([0.3, 0.1])
    nn.clip_grad_norm_(params[0], 1.0)
    assert params[0].grad.tolist() == tensor([0.3, 0.1]).tolist()
    assert nn.clip_grad_norm_([], 1.0).item() == 0


def test_an_infinite_gradient_turns_into_nan_and_shows():
    params = parameters([np.inf, 1.0])
    assert nn.clip_grad_norm_(params, 1.0).item() == np.inf
    assert np.isnan(params[0].grad.numpy()[0])
    params = parameters([np.nan, 1.0])
    with pytest.raises(RuntimeError, match="norm of the gradients is nan; nothing was changed"):
        nn.clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    assert params[0].grad.tolist()[1] == 1


def test_by_value():
    params = parameters([3.0, -0.5, -4.0])
    nn.clip_grad_value_(params, 1.0)
    assert params[0].grad.tolist() == [1, -0.5, -1]


def test_refusals():
    with pytest.raises(ValueError, match="max_norm must not be negative"):
        nn.clip_grad_norm_(parameters([1.0]), -1)
    with pytest.raises(ValueError, match="norm_type must be above 0"):
        nn.clip_grad_norm_(parameters([1.0]), 1, norm_type=0)
    with pytest.raises(ValueError, match="clip_value must not be negative"):
        nn.clip_grad_value_(parameters([1.0]), float("nan"))
