"""Recurrences along one axis, which array expressions cannot say."""

from __future__ import annotations

import math

import numpy as np

from .arrays import canonical
from .jit import njit
from .parallel import parallel_for


def recurrence(factor: np.ndarray, summand: np.ndarray, dim: int) -> np.ndarray:
    """``y_i = factor_i · y_{i−1} + summand_i`` along ``dim``, with ``y_0 = summand_0``; three arrays of one shape."""
    shape = summand.shape
    outer, inner = math.prod(shape[:dim]), math.prod(shape[dim + 1 :])
    a, b = (canonical(x).reshape(outer, shape[dim], inner) for x in (factor, summand))
    y = np.empty_like(b)
    parallel_for(_recurrence, outer, a, b, y, cost=2 * shape[dim] * inner)
    return y.reshape(shape)


@njit
def _recurrence(start, stop, a, b, y):
    for o in range(start, stop):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                y[o, i, j] = a[o, i, j] * y[o, i - 1, j] + b[o, i, j] if i else b[o, i, j]
