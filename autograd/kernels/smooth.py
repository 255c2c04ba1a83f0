"""Smooth functions of large arrays, each with its gradient in one pass: activations, and losses on logits.

They wait for arithmetic, not for memory. NumPy takes a pass for each step, on one thread; its results may differ in the
last bits.
"""

from __future__ import annotations

import math

import numpy as np

from .exponential import error_function as erf
from .exponential import exponential, exponential_less_1, logarithm_of_1_plus
from .pointwise import each
from .streaming import arithmetic

_ROOT_HALF, _DENSITY_AT_0 = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)  # of the normal distribution


def sigmoid(x: np.ndarray) -> np.ndarray:
    """``1 / (1 + e^−x)``"""
    return each(_sigmoid, x)


def silu(x: np.ndarray) -> np.ndarray:
    """``x / (1 + e^−x)``"""
    return each(_silu, x)


def silu_backward(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    """``g · s · (1 + x · (1 − s))`` with s the sigmoid of x."""
    return each(_silu_backward, g, x)


def elu(x: np.ndarray, alpha: float) -> np.ndarray:
    """``x`` where it is positive, else ``alpha · (e^x − 1)``."""
    return each(_elu, x, x.dtype.type(alpha))


def elu_backward(g: np.ndarray, x: np.ndarray, alpha: float) -> np.ndarray:
    """``g`` where ``x`` is positive, else ``g · alpha · e^x``."""
    return each(_elu_backward, g, x, x.dtype.type(alpha))


def gelu(x: np.ndarray) -> np.ndarray:
    """``x · Φ(x)``, Φ the normal distribution function."""
    return each(_gelu, x)


def gelu_backward(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    """``g · (Φ(x) + x · φ(x))``, φ the normal density."""
    return each(_gelu_backward, g, x)


def error_function(x: np.ndarray) -> np.ndarray:
    """``2/√π · ∫₀ˣ e^(−t²) dt`` within 2.5 ulp."""
    return each(_error_function, x)


def softplus(x: np.ndarray, beta: float, threshold: float) -> np.ndarray:
    """``log(1 + e^(beta · x)) / beta``, and ``x`` where ``beta · x > threshold``."""
    return each(_softplus, x, *map(x.dtype.type, (beta, threshold)))


def softplus_backward(g: np.ndarray, x: np.ndarray, beta: float, threshold: float) -> np.ndarray:
    """``g`` times the sigmoid of ``beta · x``, and ``g`` where ``beta · x > threshold``."""
    return each(_softplus_backward, g, x, *map(x.dtype.type, (beta, threshold)))


def binary_cross_entropy(x: np.ndarray, target: np.ndarray) -> np.ndarray:
    """``log(1 + e^x) − target · x``"""
    return each(_binary_cross_entropy, x, target)


def binary_cross_entropy_backward(g: np.ndarray, x: np.ndarray, target: np.ndarray) -> np.ndarray:
    """``g · (sigmoid(x) − target)``"""
    return each(_binary_cross_entropy_backward, g, x, target)


@arithmetic
def _sigmoid(x):
    one = type(x)(1)
    return one / (one + exponential(-x))


@arithmetic
def _silu(x):
    return x / (type(x)(1) + exponential(-x))


@arithmetic
def _silu_backward(g, x):
    one = type(x)(1)
    s = one / (one + exponential(-x))
    return g * (s * (one + x * (one - s)))


@arithmetic
def _elu(x, alpha):
    return x if x > type(x)(0) else alpha * exponential_less_1(x)


@arithmetic
def _elu_backward(g, x, alpha):
    return g if x > type(x)(0) else g * (alpha * exponential(x))


@arithmetic
def _error_function(x):
    return erf(x, exponential(-x * x))


@arithmetic
def _gelu(x):
    kind = type(x)
    z = x * kind(_ROOT_HALF)
    return x * kind(0.5) * (kind(1) + erf(z, exponential(-z * z)))


@arithmetic
def _gelu_backward(g, x):
    kind = type(x)
    z = x * kind(_ROOT_HALF)
    power = exponential(-z * z)
    below = kind(0.5) * (kind(1) + erf(z, power))
    return g * (below + x * (power * kind(_DENSITY_AT_0)))


@arithmetic
def _softplus(x, beta, threshold):
    zero, z = type(x)(0), x * beta
    y = ((z if z > zero else zero) + logarithm_of_1_plus(exponential(-abs(z)))) / beta
    return x if z > threshold else y


@arithmetic
def _softplus_backward(g, x, beta, threshold):
    one, z = type(x)(1), x * beta
    slope = one / (one + exponential(-z))
    return g if z > threshold else g * slope


@arithmetic
def _binary_cross_entropy(x, target):
    zero = type(x)(0)
    y = (x if x > zero else zero) - x * target
    return y + logarithm_of_1_plus(exponential(-abs(x)))


@arithmetic
def _binary_cross_entropy_backward(g, x, target):
    one = type(x)(1)
    return g * (one / (one + exponential(-x)) - target)
