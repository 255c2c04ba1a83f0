"""Elementwise nonlinearities of networks that are ops of their own; ``nn.functional`` composes the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import kernels
from ..kernels.arrays import is_large
from ..primitive import primitive
from .compare import keep, where
from .elementwise import sigmoid
from .layout import axis_of, cast
from .softmax import log_softmax as _log_softmax
from .softmax import softmax as _softmax


@primitive(elementwise=True, kinds="iuf", kinks="0: gradient 0")
def relu(input):
    """``max(input, 0)``"""
    return kernels.pointwise.relu(input) if is_large(input) else np.maximum(input, 0)


def _relu_rule(g, y):
    if is_large(g, y):
        return kernels.pointwise.relu_backward(g, y)
    return keep(g, ~(y <= 0))  # a NaN passes its gradient on


relu.vjp(input=_relu_rule)


@primitive(elementwise=True, kinks="0: the slope of the negative side")
def _leaky_relu(input, *, negative_slope):
    if is_large(input):
        return kernels.pointwise.leaky_relu(input, negative_slope)
    return np.where(np.greater(input, 0), input, input * negative_slope)


def _leaky_relu_rule(g, input, *, negative_slope):
    if is_large(g, input):
        return kernels.pointwise.leaky_relu_backward(g, input, negative_slope)
    return where(input > 0, g, g * negative_slope)


_leaky_relu.vjp(input=_leaky_relu_rule)


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


def softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """``e^x / Σ e^x`` along ``dim``."""
    return _along(_softmax, input, dim, dtype)


def log_softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """The logarithm of :func:`softmax`, exact where the softmax itself would round to 0."""
    return _along(_log_softmax, input, dim, dtype)


def _along(op: Callable, input: Any, dim: int, dtype: Any) -> Any:
    dtype = input.dtype if dtype is None else np.dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(f"{op.__name__}: the result is not whole, as {dtype} is; convert first, as in x.float()")
    if input.dtype != dtype:
        input = cast(input, dtype=dtype)
    return op(input, dim=axis_of(dim, input.ndim, op.__name__))
