"""Dropout: numbers, seeds, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import autograd
import nn
import nn.functional as F
from autograd.tensor import tensor


def test_dropout_keeps_the_mean_and_is_off_in_eval():
    autograd.manual_seed(0)
    x = tensor(np.ones((100, 100), np.float32))
    layer = nn.Dropout(0.3)
    y = layer(x).numpy()
    assert np.unique(y).tolist() == pytest.approx([0, 1 / 0.7])
    assert y.mean() == pytest.approx(1, abs=0.03)
    assert y.dtype == np.float32
    assert layer.eval()(x) is x
    assert F.dropout(x, 0.0) is x
    assert not F.dropout(x, 1.0).numpy().any()


def test_dropout_repeats_from_a_seed_and_from_a_generator():
    x = tensor(np.ones(50, np.float32))
    draws = []
    for _ in range(2):
        autograd.manual_seed(7)
        draws.append(F.dropout(x).tolist())
    assert draws[0] == draws[1] != F.dropout(x).tolist()
    layers = [nn.Dropout(generator=np.random.default_rng(3)) for _ in range(2)]
    assert layers[0](x).tolist() == layers[1](x).tolist()


def test_dropout2d_drops_whole_channels():
    y = nn.Dropout2d()(tensor(np.ones((20, 10, 3, 3), np.float32))).numpy().reshape(200, 9)
    assert set(np.unique(y)) == {0, 2}
    assert (y.min(axis=1) == y.max(axis=1)).all()


def test_dropout_errors():
    with pytest.raises(ValueError, match=r"Dropout: p must be a probability in \[0, 1\], not 1.5"):
        nn.Dropout(1.5)
    with pytest.raises(ValueError, match="not nan"):
        F.dropout(tensor([1.0]), float("nan"))
    with pytest.raises(ValueError, match="dropout2d: p must be"):
        F.dropout2d(tensor([[1.0]]), -1)
    with pytest.raises(ValueError, match=r"dropout2d: input must have dimensions \(N, C, ...\)"):
        F.dropout2d(tensor([1.0]))
