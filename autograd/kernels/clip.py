"""Clipping of gradients, all of them together (:mod:`.together`)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .jit import njit
from .together import number, run, view


def norm(arrays: Sequence[np.ndarray], p: float) -> float:
    """``(Σ |v|^p)^(1/p)`` over all elements of all arrays, summed in float64; the largest of them for p = inf."""
    parts = run(_powers, [([a], [], (p,)) for a in arrays])
    if p == math.inf:
        return float(parts.max(initial=0.0))
    return float(parts.sum()) ** (1 / p)


def scale(arrays: Sequence[np.ndarray], factor: float) -> None:
    """Multiply all arrays by one factor, in place."""
    run(_scale, [([], [a], (factor,)) for a in arrays])


def clamp(arrays: Sequence[np.ndarray], bound: float) -> None:
    """Clip all elements to [−bound, bound], in place; NaN stays."""
    run(_clamp, [([], [a], (bound,)) for a in arrays])


@njit(fastmath={"reassoc", "contract"})
def _sum_of_squares(values):
    total = 0.0
    for i in range(values.size):
        v = np.float64(values[i])
        total += v * v
    return total


@njit
def _sum_of_powers(values, p):
    total = 0.0
    for i in range(values.size):
        total += abs(np.float64(values[i])) ** p
    return total


@njit
def _largest(values):
    most = 0.0
    for i in range(values.size):
        v = abs(np.float64(values[i]))
        most = v if v > most or v != v else most
    return most


@njit
def _powers(start, stop, chunks, objects, numbers, like, results):
    for unit in range(start, stop):
        values, p = view(chunks[unit], objects, 0, like), numbers[0, 0]
        if p == 2:
            results[unit] = _sum_of_squares(values)
        elif p == np.inf:
            results[unit] = _largest(values)
        else:
            results[unit] = _sum_of_powers(values, p)


@njit
def _scale(start, stop, chunks, objects, numbers, like, results):
    for unit in range(start, stop):
        values, factor = view(chunks[unit], objects, 0, like), number(chunks[unit], numbers, 0, like)
        for i in range(values.size):
            values[i] *= factor


@njit
def _clamp(start, stop, chunks, objects, numbers, like, results):
    for unit in range(start, stop):
        values, bound = view(chunks[unit], objects, 0, like), number(chunks[unit], numbers, 0, like)
        for i in range(values.size):
            v = -bound if values[i] < -bound else values[i]
            values[i] = bound if v > bound else v
