"""Activation functions at their special points."""

from __future__ import annotations

import numpy as np
import pytest

import nn
import nn.functional as F
from autograd.tensor import tensor

rng = np.random.default_rng(0)


def test_small_numbers_of_activations():
    assert F.gelu(tensor(1.0)).item() == pytest.approx(0.84134, abs=1e-5)
    assert F.gelu(tensor(1.0), "tanh").item() == pytest.approx(0.84119, abs=1e-5)
    assert F.softplus(tensor(25.0)).item() == 25
    x = tensor([0.0], requires_grad=True)
    F.elu(x, 0.5).sum().backward()
    assert x.grad.item() == 0.5
    x = tensor([500.0], requires_grad=True)
    F.elu(x).sum().backward()
    assert x.grad.item() == 1


def test_softmax_survives_large_logits_and_argmax_is_that_of_the_logits():
    assert F.log_softmax(tensor([1000.0, 0, -1000]), 0).tolist() == [0, -1000, -2000]
    z = tensor(rng.normal(size=(20, 5)))
    p = nn.Softmax(1)(z).numpy()
    assert p.sum(axis=1) == pytest.approx(np.ones(20))
    assert (p.argmax(1) == z.numpy().argmax(1)).all()


def test_activation_errors():
    with pytest.raises(ValueError, match="approximate is 'none' or 'tanh'"):
        F.gelu(tensor(1.0), "erf")
    with pytest.raises(IndexError, match="softmax: dim 2 is out of range"):
        F.softmax(tensor([[1.0]]), 2)


@pytest.mark.parametrize("size", [3, 40_000])
def test_softplus_of_large_numbers_below_the_threshold(size):
    assert F.softplus(tensor(np.full(size, 500, np.float32)), 1, 1000).max().item() == 500
