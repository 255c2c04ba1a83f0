"""Elementwise nonlinearities of networks that are ops of their own; ``nn.functional`` composes the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import primitive
from .compare import keep, where
from .elementwise import sigmoid


@primitive(elementwise=True, kinks="0: gradient 0")
def relu(input):
    """``max(input, 0)``"""
    return np.maximum(input, 0)


relu.vjp(input=lambda g, y: keep(g, y > 0))


@primitive(elementwise=True, kinks="0: the slope of the negative side")
def _leaky_relu(input, *, negative_slope):
    return np.where(np.greater(input, 0), input, input * negative_slope)


_leaky_relu.vjp(input=lambda g, input, *, negative_slope: where(input > 0, g, g * negative_slope))


def leaky_relu(input: Any, negative_slope: float = 0.01) -> Any:
    """``input`` where it is positive, else ``negative_slope · input``."""
    return _leaky_relu(input, negative_slope=float(negative_slope))


@primitive(elementwise=True, promote="float")
def _softplus(input, *, beta, threshold):
    z = input * beta
    return np.where(z > threshold, input, np.log1p(np.exp(z)) / beta)


_softplus.vjp(input=lambda g, input, *, beta, threshold: where(input * beta > threshold, g, g * sigmoid(input * beta)))


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """``log(1 + e^(beta · input)) / beta``, a smooth ``relu``; ``input`` itself where ``beta · input > threshold``."""
    return _softplus(input, beta=float(beta), threshold=float(threshold))
