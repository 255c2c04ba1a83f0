"""Piecewise functions of large arrays, in one pass and with selections instead of branches.

NumPy takes several passes over memory for them, and ``np.where`` twenty times as long on a mask that a processor cannot
predict. The arithmetic is NumPy's, operation by operation, so that an array has the same bits below and above the size
from which these are used (:func:`autograd.kernels.arrays.is_large`); the sigmoid's exponential may differ in the last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .arrays import canonical
from .blocks import is_beyond_cache
from .exponential import error_function as erf
from .exponential import exponential, exponential_less_1
from .parallel import parallel_for
from .streaming import arithmetic, elementwise

_ROOT_HALF, _DENSITY_AT_0 = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)  # of the normal distribution


def relu(x: np.ndarray) -> np.ndarray:
    """``max(x, 0)``; NaN stays."""
    return _each(_relu, x)


def relu_backward(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``g`` where not ``y <= 0``, else 0."""
    return _each(_relu_backward, g, y)


def leaky_relu(x: np.ndarray, slope: float) -> np.ndarray:
    """``x`` where it is positive, else ``x · slope``."""
    return _each(_leaky_relu, x, x, x.dtype.type(slope))


def leaky_relu_backward(g: np.ndarray, x: np.ndarray, slope: float) -> np.ndarray:
    """``g`` where ``x`` is positive, else ``g · slope``."""
    return _each(_leaky_relu, g, x, x.dtype.type(slope))


def clamp(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """``min(max(x, low), high)``; NaN stays."""
    return _each(_clamp, x, x.dtype.type(low), x.dtype.type(high))


def clamp_backward(g: np.ndarray, x: np.ndarray, low: float, high: float) -> np.ndarray:
    """``g`` where ``x`` is within the bounds, else 0."""
    return _each(_clamp_backward, g, x, x.dtype.type(low), x.dtype.type(high))


def winner_backward(g: np.ndarray, lesser: np.ndarray, greater: np.ndarray) -> np.ndarray:
    """0 where ``lesser < greater``, half of ``g`` where they are equal, ``g`` elsewhere (and beside NaN)."""
    return _each(_winner_backward, g, lesser, greater, g.dtype.type(0.5))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """``1 / (1 + e^−x)``"""
    return _computed(_sigmoid, x)


def sigmoid_backward(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``g · y · (1 − y)``"""
    return _each(_sigmoid_backward, g, y, y.dtype.type(1))


def tanh_backward(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``g · (1 − y²)``"""
    return _each(_tanh_backward, g, y, y.dtype.type(1))


def silu(x: np.ndarray) -> np.ndarray:
    """``x / (1 + e^−x)``"""
    return _computed(_silu, x)


def silu_backward(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    """``g · s · (1 + x · (1 − s))`` with s the sigmoid of x."""
    return _computed(_silu_backward, g, x)


def elu(x: np.ndarray, alpha: float) -> np.ndarray:
    """``x`` where it is positive, else ``alpha · (e^x − 1)``."""
    return _computed(_elu, x, x.dtype.type(alpha))


def elu_backward(g: np.ndarray, x: np.ndarray, alpha: float) -> np.ndarray:
    """``g`` where ``x`` is positive, else ``g · alpha · e^x``."""
    return _computed(_elu_backward, g, x, x.dtype.type(alpha))


def gelu(x: np.ndarray) -> np.ndarray:
    """``x · Φ(x)``, Φ the normal distribution function."""
    return _computed(_gelu, x)


def gelu_backward(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    """``g · (Φ(x) + x · φ(x))``, φ the normal density."""
    return _computed(_gelu_backward, g, x)


def error_function(x: np.ndarray) -> np.ndarray:
    """``2/√π · ∫₀ˣ e^(−t²) dt`` within 2.5 ulp."""
    return _computed(_error_function, x)


def absolute(x: np.ndarray) -> np.ndarray:
    """``|x|``"""
    return _each(_absolute, x)


def sign(x: np.ndarray) -> np.ndarray:
    """−1, 0 or 1; 0 of NaN."""
    return _each(_sign, x)


def lerp(x: np.ndarray, end: np.ndarray, weight: float) -> np.ndarray:
    """``x + weight · (end − x)``, exact at both ends."""
    if abs(weight) < 0.5:
        return _each(_lerp_from_start, x, end, x.dtype.type(weight))
    return _each(_lerp_from_end, x, end, x.dtype.type(1 - weight))


def keep(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """``x`` where ``mask``, else 0."""
    return _each(_keep, x, mask)


def select(mask: np.ndarray, x: Any, y: Any) -> np.ndarray:
    """``x`` where ``mask``, else ``y``; one of the two may be a number."""
    if not isinstance(y, np.ndarray):
        return _each(_select_or_number, x, mask, x.dtype.type(y))
    if not isinstance(x, np.ndarray):
        return _each(_select_or_number, y, ~mask, y.dtype.type(x))
    return _each(_select, x, y, mask)


def _each(kernel: Callable, x: np.ndarray, *more: Any) -> np.ndarray:
    out = np.empty(x.shape, x.dtype)
    _run(kernel, out, (x, *more))
    return out


def _computed(kernel: Callable, x: np.ndarray, *more: Any) -> np.ndarray:
    out = np.empty(x.shape, x.dtype)
    flat = [canonical(a).reshape(-1) if isinstance(a, np.ndarray) else a for a in (x, *more)]
    parallel_for(kernel, out.size, out.reshape(-1), *flat, cost=4)
    return out


def _run(kernel: Callable, out: np.ndarray, inputs: Sequence[Any]) -> None:
    flat = [canonical(a).reshape(-1) if isinstance(a, np.ndarray) else a for a in inputs]
    parallel_for(kernel, out.size, is_beyond_cache(out), out.reshape(-1), *flat, cost=4)


@elementwise
def _relu(x):
    zero = type(x)(0)
    return zero if x <= zero else x


@elementwise
def _relu_backward(g, y):
    zero = type(g)(0)
    return zero if y <= zero else g


@elementwise
def _leaky_relu(x, side, slope):
    return x if side > type(x)(0) else x * slope


@elementwise
def _clamp(x, low, high):
    v = low if x < low else x
    return high if v > high else v


@elementwise
def _clamp_backward(g, x, low, high):
    return g if (x >= low) & (x <= high) else type(g)(0)


@elementwise
def _winner_backward(g, lesser, greater, half):
    zero, one = type(g)(0), type(g)(1)
    v = g * (half if lesser == greater else one)
    return zero if lesser < greater else v


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
    return erf(x)


@arithmetic
def _gelu(x):
    kind = type(x)
    return x * kind(0.5) * (kind(1) + erf(x * kind(_ROOT_HALF)))


@arithmetic
def _gelu_backward(g, x):
    kind = type(x)
    below = kind(0.5) * (kind(1) + erf(x * kind(_ROOT_HALF)))
    return g * (below + x * (exponential(x * x * kind(-0.5)) * kind(_DENSITY_AT_0)))


@elementwise
def _absolute(x):
    return abs(x)


@elementwise
def _sign(x):
    zero, one = type(x)(0), type(x)(1)
    return one if x > zero else (-one if x < zero else zero)


@elementwise
def _lerp_from_start(x, end, weight):
    return x + weight * (end - x)


@elementwise
def _lerp_from_end(x, end, rest):
    return end - (end - x) * rest


@elementwise
def _sigmoid_backward(g, y, one):
    return g * (y * (one - y))


@elementwise
def _tanh_backward(g, y, one):
    return g * (one - y * y)


@elementwise
def _keep(x, mask):
    return x if mask else type(x)(0)


@elementwise
def _select(x, y, mask):
    return x if mask else y


@elementwise
def _select_or_number(x, mask, other):
    return x if mask else other
