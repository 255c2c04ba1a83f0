"""Piecewise functions of large arrays, in one pass and with selections instead of branches.

NumPy takes several passes over memory for them, and ``np.where`` twenty times as long on a mask that a processor cannot
predict. The arithmetic is NumPy's, operation by operation, so that an array has the same bits below and above the size
from which these are used (:func:`autograd.kernels.arrays.is_large`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import canonical
from .blocks import is_beyond_cache
from .parallel import parallel_for
from .streaming import elementwise


def relu(x: np.ndarray) -> np.ndarray:
    """``max(x, 0)``; NaN stays."""
    return each(_relu, x)


def relu_backward(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``g`` where not ``y <= 0``, else 0."""
    return each(_relu_backward, g, y)


def leaky_relu(x: np.ndarray, slope: float) -> np.ndarray:
    """``x`` where it is positive, else ``x · slope``."""
    return each(_leaky_relu, x, x, x.dtype.type(slope))


def leaky_relu_backward(g: np.ndarray, x: np.ndarray, slope: float) -> np.ndarray:
    """``g`` where ``x`` is positive, else ``g · slope``."""
    return each(_leaky_relu, g, x, x.dtype.type(slope))


def clamp(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """``min(max(x, low), high)``; NaN stays."""
    return each(_clamp, x, x.dtype.type(low), x.dtype.type(high))


def clamp_backward(g: np.ndarray, x: np.ndarray, low: float, high: float) -> np.ndarray:
    """``g`` where ``x`` is within the bounds, else 0."""
    return each(_clamp_backward, g, x, x.dtype.type(low), x.dtype.type(high))


def winner_backward(g: np.ndarray, lesser: np.ndarray, greater: np.ndarray) -> np.ndarray:
    """0 where ``lesser < greater``, half of ``g`` where they are equal, ``g`` elsewhere (and beside NaN)."""
    return each(_winner_backward, g, lesser, greater, g.dtype.type(0.5))


def sigmoid_backward(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``g · y · (1 − y)``"""
    return each(_sigmoid_backward, g, y, y.dtype.type(1))


def tanh_backward(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``g · (1 − y²)``"""
    return each(_tanh_backward, g, y, y.dtype.type(1))


def absolute(x: np.ndarray) -> np.ndarray:
    """``|x|``"""
    return each(_absolute, x)


def sign(x: np.ndarray) -> np.ndarray:
    """−1, 0 or 1; 0 of NaN."""
    return each(_sign, x)


def lerp(x: np.ndarray, end: np.ndarray, weight: float) -> np.ndarray:
    """``x + weight · (end − x)``, exact at both ends."""
    if abs(weight) < 0.5:
        return each(_lerp_from_start, x, end, x.dtype.type(weight))
    return each(_lerp_from_end, x, end, x.dtype.type(1 - weight))


def keep(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """``x`` where ``mask``, else 0."""
    return each(_keep, x, mask)


def select(mask: np.ndarray, x: Any, y: Any) -> np.ndarray:
    """``x`` where ``mask``, else ``y``; one of the two may be a number."""
    if not isinstance(y, np.ndarray):
        return each(_select_or_number, x, mask, x.dtype.type(y))
    if not isinstance(x, np.ndarray):
        return each(_select_or_number, y, ~mask, y.dtype.type(x))
    return each(_select, x, y, mask)


def each(kernel: Callable, x: np.ndarray, *more: Any) -> np.ndarray:
    """What an elementwise ``kernel`` makes of arrays of one shape, and of numbers: an array like ``x``."""
    out = np.empty(x.shape, x.dtype)
    flat = [canonical(a).reshape(-1) if isinstance(a, np.ndarray) else a for a in (x, *more)]
    parallel_for(kernel, out.size, is_beyond_cache(out), out.reshape(-1), *flat, cost=4)
    return out


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
