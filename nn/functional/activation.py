"""Activation functions (report section 1.3)."""

from __future__ import annotations

import math

from autograd.ops import activation as ops
from autograd.ops import softmax as softmaxes
from autograd.ops.layout import axis_of
from autograd.ops.trigonometry import tanh as _tanh
from autograd.tensor import Tensor


def relu(input: Tensor) -> Tensor:
    """``max(0, z)``, report eq. (10); the gradient at 0 is 0."""
    return ops.relu(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """``z`` where it is positive, else ``α·z``, report eq. (11); at 0 the slope is α."""
    return ops.leaky_relu(input, negative_slope)


def sigmoid(input: Tensor) -> Tensor:
    """``1 / (1 + e^−z)``, report eq. (12)."""
    return ops.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """``2 / (1 + e^−2z) − 1``, report eq. (13)."""
    return _tanh(input)


def softmax(input: Tensor, dim: int) -> Tensor:
    """``e^{z_i} / Σ_k e^{z_k}`` along ``dim``, report eq. (14), (15)."""
    return softmaxes.softmax(input, dim=axis_of(dim, input.ndim, "softmax"))


def log_softmax(input: Tensor, dim: int) -> Tensor:
    """The logarithm of :func:`softmax`, exact where the softmax itself would round to 0."""
    return softmaxes.log_softmax(input, dim=axis_of(dim, input.ndim, "log_softmax"))


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """``log(1 + e^{βz}) / β``, and ``z`` itself where ``βz`` exceeds ``threshold``."""
    return ops.softplus(input, beta, threshold)


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """``z`` where it is positive, else ``α(e^z − 1)``; at 0 the slope is α."""
    return ops.elu(input, alpha)


def silu(input: Tensor) -> Tensor:
    """``z·sigmoid(z)``."""
    return ops.silu(input)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """``z·Φ(z)``, Φ the normal distribution function; ``approximate="tanh"`` replaces Φ by a formula with tanh.

    References
    ----------
    Hendrycks and Gimpel, Gaussian error linear units, 2016.
    """
    if approximate == "none":
        return ops.gelu(input)
    if approximate == "tanh":  # (1 + tanh u) / 2 is the sigmoid of 2u
        return input * ops.sigmoid((input + input * input * input * 0.044715) * (2 * math.sqrt(2 / math.pi)))
    raise ValueError(f"gelu: approximate is 'none' or 'tanh', not {approximate!r}")
