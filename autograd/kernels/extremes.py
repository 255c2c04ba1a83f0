"""The first largest or smallest element along one axis of a large array, with its index, on all threads."""

from __future__ import annotations

import numpy as np

from .arrays import around
from .buffers import scratch
from .folds import fold
from .jit import njit
from .parallel import parallel_for

_POSITIONS = 512  # side by side: their best so far and its index stay in the first-level cache
_AT_ONCE = 32  # elements of a run that are asked together whether the one looked for is among them


def first(kind: str, x: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """The ``kind`` ("largest" or "smallest") elements along ``dim``, and the int64 indices of the first such ones.

    x : in row-major order, floating point, not empty. A NaN is the largest and the smallest. Returns two arrays without
    that dimension.
    """
    outer, count, inner = around(x.shape, dim)
    shape, x = (*x.shape[:dim], *x.shape[dim + 1 :]), x.reshape(outer, count, inner)
    indices = np.empty((outer, inner), np.int64)
    if inner == 1:
        found = x.copy() if count == 1 else fold(kind, x.reshape(outer, count), (1,))
        values = np.asarray(found).reshape(-1)
        parallel_for(_find, outer, x.reshape(-1), values, indices.reshape(-1), count, cost=count)
    else:
        values = np.empty((outer, inner), x.dtype)
        blocks, sign = -(-inner // _POSITIONS), x.dtype.type(1 if kind == "largest" else -1)
        cost = 2 * count * min(inner, _POSITIONS)
        parallel_for(_first, outer * blocks, x, sign, values, indices, cost=cost)
    return values.reshape(shape), indices.reshape(shape)


@njit
def _find(start, stop, x, values, indices, count):
    """Where each run of ``count`` elements first has its value, or NaN if that is its value."""
    for run in range(start, stop):
        value, at, end = values[run], run * count, run * count + count
        here = False
        while not here and at + _AT_ONCE <= end:
            for i in range(_AT_ONCE):  # without a branch: in vectors
                here |= x[at + i] == value or x[at + i] != x[at + i]
            at += 0 if here else _AT_ONCE
        while at < end - 1 and x[at] != value and x[at] == x[at]:
            at += 1
        indices[run] = at - run * count


@njit
def _first(start, stop, x, sign, values, indices):
    count, inner = x.shape[1], x.shape[2]
    blocks = (inner + _POSITIONS - 1) // _POSITIONS
    where = scratch(_POSITIONS, np.int32)  # as wide as an element of float32, so that vectors of both go together
    best = scratch(_POSITIONS, x.dtype)
    for block in range(start, stop):
        o, left = block // blocks, block % blocks * _POSITIONS
        size = min(_POSITIONS, inner - left)
        for j in range(size):
            best[j], where[j] = sign * x[o, 0, left + j], 0
        for k in range(1, count):
            _follow(x[o, k, left : left + size], sign, np.int32(k), best, where)
        for j in range(size):
            values[o, left + j], indices[o, left + j] = sign * best[j], where[j]


@njit
def _follow(row, sign, k, best, where):
    for j in range(row.size):
        v, b = sign * row[j], best[j]
        better = (v > b) | ((v != v) & (b == b))
        best[j] = v if better else b
        where[j] = k if better else where[j]
