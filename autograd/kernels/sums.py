"""Sums over some axes of large arrays, and of products, in one pass over memory on all threads.

A block of 4096 numbers, or of 64 rows, is summed up in lanes in the dtype of the array; the sums of blocks are added up
in float64. The blocks are fixed by shape and added in one order: the same bits for any number of threads.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np

from .jit import njit
from .parallel import parallel_for

_BLOCK = 4096  # elements of a run of neighbours
_ROWS, _COLUMNS = 64, 2048  # of a block of rows that are added up


def add_up(x: np.ndarray, axes: tuple[int, ...]) -> Any | None:
    """``Σ x`` over ``axes``; ``None`` where they alternate too often with the others for these loops.

    x : in row-major order, floating point. Returns an array without these axes, of the dtype of x, or a number.
    """
    return _add_up(_sum_runs, _sum_rows, (x,), axes)


def add_up_products(x: np.ndarray, y: np.ndarray, axes: tuple[int, ...]) -> Any | None:
    """``Σ x · y`` over ``axes``, as :func:`add_up`: x and y have one shape and dtype."""
    return _add_up(_sum_products_of_runs, _sum_products_of_rows, (x, y), axes)


def _add_up(runs: Any, rows: Any, arrays: tuple, axes: tuple[int, ...]) -> Any | None:
    dtype = arrays[0].dtype
    along_runs, sizes, kept = _loops(arrays[0].shape, axes)
    if along_runs is None:
        return None
    views = [a.reshape(sizes) for a in arrays]
    if along_runs:
        n, k, length = sizes
        if n == 1 and length <= _BLOCK:  # each run is a block: there is nothing to add up
            total = np.empty(kept, dtype)
            parallel_for(runs, k, total.reshape(-1), *views, cost=length)
            return total if kept else total[()]
        partial = np.empty((n, k, -(-length // _BLOCK)), np.float64)
        parallel_for(runs, partial.size, partial.reshape(-1), *views, cost=min(length, _BLOCK))
        total = partial.sum(axis=(0, 2))
    else:
        k, n, length = sizes
        partial = np.empty((k, -(-n // _ROWS), length), dtype)
        blocks = k * partial.shape[1] * -(-length // _COLUMNS)
        parallel_for(rows, blocks, partial, *views, cost=min(n, _ROWS) * min(length, _COLUMNS))
        total = partial if partial.shape[1] == 1 else partial.sum(axis=1, dtype=np.float64)
    if total.dtype != dtype:
        with np.errstate(over="ignore"):
            total = total.astype(dtype)
    return total.reshape(kept)[()]


@lru_cache(maxsize=256)
def _loops(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[bool | None, tuple[int, ...], tuple[int, ...]]:
    """Whether runs of neighbours are added up, or rows (``None``: neither), the array's three dimensions for that, and
    the shape of the result."""
    merged = [(gone, list(group)) for gone, group in groupby(
        (i for i, n in enumerate(shape) if n != 1), key=lambda i: i in axes
    )]  # fmt: skip
    pattern = tuple(gone for gone, _ in merged)
    sizes = tuple([math.prod(shape[i] for i in group) for _, group in merged])
    kept = tuple(n for i, n in enumerate(shape) if i not in axes)
    if pattern in ((True,), (False, True), (True, False, True)):
        return True, (1, 1, *sizes)[-3:], kept
    if pattern in ((True, False), (False, True, False)):
        return False, (1, *sizes)[-3:], kept
    return None, sizes, kept


# "reassoc" lets the loop add in lanes, and "contract" multiply and add at once; neither touches NaN and inf
@njit(fastmath={"reassoc", "contract"})
def _sum(x):
    total = x.dtype.type(0)
    for i in range(x.size):
        total += x[i]
    return total


@njit(fastmath={"reassoc", "contract"})
def _sum_of_products(x, y):
    total = x.dtype.type(0)
    for i in range(x.size):
        total += x[i] * y[i]
    return total


@njit
def _run(block, x):
    """Block number ``block`` of the runs along the last axis."""
    steps = -(-x.shape[2] // _BLOCK)
    run, step = block // steps, block % steps
    return x[run // x.shape[1], run % x.shape[1], step * _BLOCK : (step + 1) * _BLOCK]


@njit
def _sum_runs(start, stop, partial, x):
    for block in range(start, stop):
        partial[block] = _sum(_run(block, x))


@njit
def _sum_products_of_runs(start, stop, partial, x, y):
    for block in range(start, stop):
        partial[block] = _sum_of_products(_run(block, x), _run(block, y))


@njit
def _rows(block, partial, x):
    """Where block number ``block`` of some rows and columns goes, its first row and the row behind its last one."""
    steps = -(-x.shape[2] // _COLUMNS)
    group, step = block // steps, block % steps
    k, part = group // partial.shape[1], group % partial.shape[1]
    columns = step * _COLUMNS, min(x.shape[2], (step + 1) * _COLUMNS)
    return k, part, part * _ROWS, min(x.shape[1], (part + 1) * _ROWS), columns[0], columns[1]


@njit
def _sum_rows(start, stop, partial, x):
    for block in range(start, stop):
        k, part, first, end, left, right = _rows(block, partial, x)
        total = partial[k, part, left:right]
        total[:] = 0
        four = end - (end - first) % 4
        for r in range(first, four, 4):
            a, b, c, d = (
                x[k, r, left:right],
                x[k, r + 1, left:right],
                x[k, r + 2, left:right],
                x[k, r + 3, left:right],
            )
            _add_four_rows(total, a, b, c, d)
        for r in range(four, end):
            _add_row(total, x[k, r, left:right])


@njit
def _add_four_rows(total, a, b, c, d):
    """One after the other in one pass over ``total``: a row at a time took a fifth longer."""
    for i in range(total.size):
        total[i] = total[i] + a[i] + b[i] + c[i] + d[i]


@njit
def _add_row(total, row):
    for i in range(total.size):
        total[i] += row[i]


@njit
def _sum_products_of_rows(start, stop, partial, x, y):
    for block in range(start, stop):
        k, part, first, end, left, right = _rows(block, partial, x)
        total = partial[k, part, left:right]
        total[:] = 0
        for r in range(first, end):
            row, other = x[k, r, left:right], y[k, r, left:right]
            for i in range(total.size):
                total[i] += row[i] * other[i]
