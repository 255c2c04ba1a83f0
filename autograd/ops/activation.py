"""Elementwise nonlinearities of networks that are ops of their own; ``nn.functional`` composes the others."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import kernels
from ..kernels.arrays import is_large
from ..primitive import primitive
from .compare import keep, where
from .elementwise import exp, sigmoid
from .layout import axis_of, cast
from .softmax import log_softmax as _log_softmax
from .softmax import softmax as _softmax
from .special import erf


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


@primitive(elementwise=True, promote="float", kinks="0: the slope of the negative side")
def _elu(input, *, alpha):
    if is_large(input):
        return kernels.smooth.elu(input, alpha)
    return np.where(np.greater(input, 0), input, alpha * np.expm1(np.minimum(input, 0)))


def _elu_rule(g, input, *, alpha):
    if is_large(g, input):
        return kernels.smooth.elu_backward(g, input, alpha)
    positive = input > 0
    # where it is positive the other branch is fed 0: e^x would overflow, and its gradient with it
    return where(positive, g, g * (exp(where(positive, 0.0, input)) * alpha))


_elu.vjp(input=_elu_rule)


def elu(input: Any, alpha: float = 1.0) -> Any:
    """``input`` where it is positive, else ``alpha · (e^input − 1)``."""
    return _elu(input, alpha=float(alpha))


@primitive(elementwise=True, promote="float")
def silu(input):
    """``input · sigmoid(input)``"""
    return kernels.smooth.silu(input) if is_large(input) else input * sigmoid.forward(input)


def _silu_rule(g, input):
    if is_large(g, input):
        return kernels.smooth.silu_backward(g, input)
    s = sigmoid(input)
    return g * (s * (1 + input * (1 - s)))


silu.vjp(input=_silu_rule)


@primitive(elementwise=True, promote="float")
def gelu(input):
    """``input · Φ(input)``, Φ the normal distribution function."""
    return kernels.smooth.gelu(input) if is_large(input) else input * _normal_share(input)


def _normal_share(x):
    """Φ"""
    return 0.5 * (1 + erf(x * math.sqrt(0.5)))


def _gelu_rule(g, input):
    if is_large(g, input):
        return kernels.smooth.gelu_backward(g, input)
    return g * (_normal_share(input) + input * (exp(input * input * -0.5) * (1 / math.sqrt(2 * math.pi))))


gelu.vjp(input=_gelu_rule)


@primitive(elementwise=True, promote="float")
def _softplus(input, *, beta, threshold):
    if is_large(input):
        return kernels.smooth.softplus(input, beta, threshold)
    z = input * beta
    return np.where(z > threshold, input, (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))) / beta)


def _softplus_rule(g, input, *, beta, threshold):
    if is_large(g, input):
        return kernels.smooth.softplus_backward(g, input, beta, threshold)
    return where(input * beta > threshold, g, g * sigmoid(input * beta))


_softplus.vjp(input=_softplus_rule)


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
