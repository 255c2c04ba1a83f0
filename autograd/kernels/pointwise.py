"""Piecewise functions of large arrays, in one pass and with selections instead of branches.

NumPy takes several passes over memory for them, and ``np.where`` twenty times as long on a mask that a processor cannot
predict. The arithmetic is NumPy's, operation by operation, so that an array has the same bits below and above the size
from which these are used (:func:`autograd.kernels.arrays.is_large`); the sigmoid's exponential may differ in the last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import canonical
from .exponential import exponential
from .jit import njit
from .parallel import parallel_for


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
    return _each(_sigmoid, x, x.dtype.type(1))


def sigmoid_backward(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``g · y · (1 − y)``"""
    return _each(_sigmoid_backward, g, y, y.dtype.type(1))


def tanh_backward(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    """``g · (1 − y²)``"""
    return _each(_tanh_backward, g, y, y.dtype.type(1))


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
    flat = [canonical(a).reshape(-1) if isinstance(a, np.ndarray) else a for a in (x, *more)]
    parallel_for(kernel, x.size, out.reshape(-1), *flat, cost=4)
    return out


# slices first: indices that begin at 0 are known not to be negative, and the loops vectorise; and every element is
# read, wanted or not, so that what is left is a selection: a read on one side only took half as long again


@njit
def _relu(start, stop, y, x):
    y, x = y[start:stop], x[start:stop]
    zero = x.dtype.type(0)
    for i in range(y.size):
        y[i] = zero if x[i] <= zero else x[i]


@njit
def _relu_backward(start, stop, gx, g, y):
    gx, g, y = gx[start:stop], g[start:stop], y[start:stop]
    zero = g.dtype.type(0)
    for i in range(gx.size):
        v = g[i]
        gx[i] = zero if y[i] <= zero else v


@njit
def _leaky_relu(start, stop, y, x, side, slope):
    y, x, side = y[start:stop], x[start:stop], side[start:stop]
    zero = x.dtype.type(0)
    for i in range(y.size):
        y[i] = x[i] if side[i] > zero else x[i] * slope


@njit
def _clamp(start, stop, y, x, low, high):
    y, x = y[start:stop], x[start:stop]
    for i in range(y.size):
        v = low if x[i] < low else x[i]
        y[i] = high if v > high else v


@njit
def _clamp_backward(start, stop, gx, g, x, low, high):
    gx, g, x = gx[start:stop], g[start:stop], x[start:stop]
    zero = g.dtype.type(0)
    for i in range(gx.size):
        v = g[i]
        gx[i] = v if (x[i] >= low) & (x[i] <= high) else zero


@njit
def _winner_backward(start, stop, gx, g, lesser, greater, half):
    gx, g, lesser, greater = gx[start:stop], g[start:stop], lesser[start:stop], greater[start:stop]
    zero, one = g.dtype.type(0), g.dtype.type(1)
    for i in range(gx.size):
        a, b = lesser[i], greater[i]
        v = g[i] * (half if a == b else one)
        gx[i] = zero if a < b else v


@njit(fastmath={"contract"})
def _sigmoid(start, stop, y, x, one):
    y, x = y[start:stop], x[start:stop]
    for i in range(y.size):
        y[i] = one / (one + exponential(-x[i]))


@njit
def _sigmoid_backward(start, stop, gx, g, y, one):
    gx, g, y = gx[start:stop], g[start:stop], y[start:stop]
    for i in range(gx.size):
        gx[i] = g[i] * (y[i] * (one - y[i]))


@njit
def _tanh_backward(start, stop, gx, g, y, one):
    gx, g, y = gx[start:stop], g[start:stop], y[start:stop]
    for i in range(gx.size):
        gx[i] = g[i] * (one - y[i] * y[i])


@njit
def _keep(start, stop, y, x, mask):
    y, x, mask = y[start:stop], x[start:stop], mask[start:stop]
    zero = x.dtype.type(0)
    for i in range(y.size):
        v = x[i]
        y[i] = v if mask[i] else zero


@njit
def _select(start, stop, out, x, y, mask):
    out, x, y, mask = out[start:stop], x[start:stop], y[start:stop], mask[start:stop]
    for i in range(out.size):
        a, b = x[i], y[i]
        out[i] = a if mask[i] else b


@njit
def _select_or_number(start, stop, out, x, mask, other):
    out, x, mask = out[start:stop], x[start:stop], mask[start:stop]
    for i in range(out.size):
        v = x[i]
        out[i] = v if mask[i] else other
