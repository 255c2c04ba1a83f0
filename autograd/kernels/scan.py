"""Recurrences along one axis, which array expressions cannot say."""

from __future__ import annotations

import numpy as np

from .arrays import around, canonical
from .jit import njit
from .parallel import parallel_for

_POSITIONS = 1024  # side by side


def recurrence(factor: np.ndarray, summand: np.ndarray, dim: int) -> np.ndarray:
    """``y_i = factor_i · y_{i−1} + summand_i`` along ``dim``, with ``y_0 = summand_0``; three arrays of one shape."""
    shape = summand.shape
    outer, count, inner = around(shape, dim)
    a, b = (canonical(x).reshape(outer, count, inner) for x in (factor, summand))
    y = np.empty_like(b)
    parallel_for(_recurrence, outer, a, b, y, cost=2 * count * inner)
    return y.reshape(shape)


def running_sum(x: np.ndarray, dim: int, reverse: bool) -> np.ndarray:
    """``y_i = y_{i−1} + x_i`` along ``dim``, or ``y_i = y_{i+1} + x_i`` in ``reverse``; x in row-major order."""
    outer, count, inner = around(x.shape, dim)
    y, blocks = np.empty(x.shape, x.dtype), -(-inner // _POSITIONS)
    views = [a.reshape(outer, count, inner) for a in (x, y)]
    parallel_for(_running_sum, outer * blocks, *views, reverse, cost=2 * count * min(inner, _POSITIONS))
    return y


@njit
def _running_sum(start, stop, x, y, reverse):
    count, inner = x.shape[1], x.shape[2]
    blocks = (inner + _POSITIONS - 1) // _POSITIONS
    first, step = (count - 1, -1) if reverse else (0, 1)
    for block in range(start, stop):
        o, left = block // blocks, block % blocks * _POSITIONS
        end = min(inner, left + _POSITIONS)
        if inner == 1:  # the sum stays in a register: through memory it takes three times as long
            total = x[o, first, 0]
            y[o, first, 0] = total
            for i in range(1, count):
                total += x[o, first + i * step, 0]
                y[o, first + i * step, 0] = total
            continue
        for j in range(left, end):
            y[o, first, j] = x[o, first, j]
        for i in range(1, count):
            at = first + i * step
            _add_rows(x[o, at, left:end], y[o, at - step, left:end], y[o, at, left:end])


@njit
def _add_rows(a, b, out):
    for j in range(out.size):
        out[j] = a[j] + b[j]


@njit
def _recurrence(start, stop, a, b, y):
    for o in range(start, stop):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                y[o, i, j] = a[o, i, j] * y[o, i - 1, j] + b[o, i, j] if i else b[o, i, j]
