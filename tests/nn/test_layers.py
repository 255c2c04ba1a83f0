"""Every layer: gradients through it, float32 kept, its text."""

from __future__ import annotations

import numpy as np
import pytest

import nn
from autograd.gradcheck import gradcheck
from autograd.tensor import Tensor

rng = np.random.default_rng(0)


LAYERS = {
    "linear": (nn.Linear(4, 3), (2, 5, 4)),
    "conv": (nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), (2, 4, 5, 6)),
    "conv reflect": (nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), (1, 2, 4, 5)),
    "transposed": (nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1, output_padding=1), (2, 4, 3, 3)),
    "batch norm": (nn.BatchNorm2d(3), (2, 3, 2, 3)),
    "batch norm, eval": (nn.BatchNorm2d(3).eval(), (2, 3, 2, 3)),
    "avg unpool": (nn.AvgUnpool2d(2), (1, 2, 2, 3)),
    "nails": (nn.BedOfNails(2), (1, 2, 2, 3)),
    "adaptive": (nn.AdaptiveAvgPool2d((2, 3)), (1, 2, 5, 4)),
    "upsample": (nn.Upsample(scale_factor=1.7, mode="bilinear"), (1, 2, 3, 4)),
    "gelu": (nn.GELU(), (3, 4)),
    "silu": (nn.SiLU(), (3, 4)),
    "elu": (nn.ELU(0.5), (3, 4)),
    "softplus": (nn.Softplus(), (3, 4)),
    "softmax": (nn.Softmax(1), (3, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_through_a_module(name):
    layer, shape = LAYERS[name]
    layer.double()
    parameters = list(layer.parameters())
    x = Tensor(rng.normal(size=shape), requires_grad=True)
    momentum, layer.momentum = getattr(layer, "momentum", None), 0.0  # the differences call it many times
    gradcheck(lambda x, *_: layer(x), [x, *parameters])
    layer.momentum = momentum


@pytest.mark.parametrize("name", LAYERS)
def test_float32_stays_float32(name):
    layer, shape = LAYERS[name]
    layer.float()
    x = Tensor(rng.normal(size=shape).astype(np.float32), requires_grad=True)
    y = layer(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == np.float32
    assert all(t.dtype == np.float32 for t in [*layer.parameters(), *(p.grad for p in layer.parameters())])
    assert all(b.dtype in (np.float32, np.int64) for b in layer.buffers())


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.ReLU(inplace=True), "ReLU(inplace=True)"),
        (nn.LeakyReLU(0.2), "LeakyReLU(negative_slope=0.2)"),
        (nn.ELU(), "ELU(alpha=1.0)"),
        (nn.Softplus(), "Softplus(beta=1.0, threshold=20.0)"),
        (nn.Softmax(1), "Softmax(dim=1)"),
        (nn.AvgPool2d(2), "AvgPool2d(kernel_size=2, stride=2, padding=0)"),
        (nn.BedOfNails(), "BedOfNails(stride=2)"),
        (nn.Upsample(size=3), "Upsample(size=3, mode='nearest')"),
        (nn.Identity(1, x=2), "Identity()"),
        (nn.Conv2d(1, 2, 3, groups=1, bias=False), "Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), bias=False)"),
    ],
)  # fmt: skip
def test_repr(layer, text):
    assert repr(layer) == text
