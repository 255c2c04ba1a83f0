"""Picking along one axis of a large array, and adding along it, on all threads.

Arrays are seen as (outer, n, inner), where the axis has n positions. Whoever picks may share the work anywhere. Two
additions may meet in one element only if they have ``outer`` and ``inner`` in common: the threads share these, and each
adds in the order of the index, which is ``np.add.at``'s. So the bits are NumPy's, for any number of threads.

An index is trusted: whoever calls has seen that all of it is in [0, n).
"""

from __future__ import annotations

import numpy as np

from .arrays import around, canonical
from .jit import njit
from .parallel import parallel_for

_PIECES = 16  # that the threads share, where slices can be cut into so many
_LEAST = 16  # neighbours of a piece: float32 of a whole line of the cache


def gather(x: np.ndarray, index: np.ndarray, dim: int) -> np.ndarray:
    """``out[o, i, j] = x[o, index[o, i, j], j]``, where ``dim`` is the middle one.

    index : integers in [0, n), of the shape of ``x`` but for its own number of positions along ``dim``.
    """
    outer, n, inner = around(x.shape, dim)
    x, index, out = canonical(x), canonical(index, np.int64), np.empty(index.shape, x.dtype)
    slices = outer * index.shape[dim]
    if inner == 1:
        lines = x.reshape(outer, n), index.reshape(outer, -1), out.reshape(outer, -1)
        parallel_for(_gather_lines, slices, *lines, cost=4)
    else:
        planes = x.reshape(outer, n, inner), index.reshape(outer, -1, inner), out.reshape(outer, -1, inner)
        parallel_for(_gather, slices, *planes, cost=4 * inner)
    return out


def scatter_add(out: np.ndarray, index: np.ndarray, src: np.ndarray, dim: int) -> None:
    """``out[o, index[o, i, j], j] += src[o, i, j]``, in the order of i: the adjoint of :func:`gather`.

    out : in row-major order; shares no memory with ``src``, which has its dtype and the shape of ``index``.
    """
    outer, n, inner = around(out.shape, dim)
    arrays = (x.reshape(outer, -1, inner) for x in (canonical(index, np.int64), canonical(src)))
    _share(_scatter_add, out.reshape(outer, n, inner), *arrays, cost=4 * index.size)


def index_add(out: np.ndarray, index: np.ndarray, source: np.ndarray, dim: int) -> None:
    """``out[o, index[i], j] += source[o, i, j]``, in the order of i: whole slices.

    out : in row-major order; shares no memory with ``source``, which has its dtype. index : a vector.
    """
    outer, n, inner = around(out.shape, dim)
    arrays = canonical(index, np.int64), canonical(source).reshape(outer, -1, inner)
    _share(_index_add, out.reshape(outer, n, inner), *arrays, cost=2 * source.size)


def _share(kernel, out, index, src, cost):
    """Piece ``o·parts + part`` is for the outer position o, and for ``width`` of the inner ones."""
    outer, _, inner = out.shape
    width = -(-inner // min(-(-inner // _LEAST), -(-_PIECES // outer)))
    parts = -(-inner // width)
    parallel_for(kernel, outer * parts, out, index, src, parts, width, cost=cost / (outer * parts))


@njit
def _gather(start, stop, x, index, out):
    count, inner = out.shape[1], out.shape[2]
    o, i = start // count, start % count
    for _ in range(start, stop):
        for j in range(inner):
            out[o, i, j] = x[o, index[o, i, j], j]
        i += 1
        if i == count:  # counted, not divided: slices may be short
            o, i = o + 1, 0


@njit
def _gather_lines(start, stop, x, index, out):
    """:func:`_gather` where ``inner`` is 1, in a quarter of its time: what is written are neighbours."""
    count = out.shape[1]
    for o in range(start // count, (stop - 1) // count + 1):
        first, end = max(0, start - o * count), min(count, stop - o * count)
        row, at, to = x[o], index[o, first:end], out[o, first:end]
        for i in range(at.size):
            to[i] = row[at[i]]


@njit
def _scatter_add(start, stop, out, index, src, parts, width):
    inner = out.shape[2]
    o, part = start // parts, start % parts
    for _ in range(start, stop):
        left, right = part * width, min(inner, (part + 1) * width)
        for i in range(src.shape[1]):
            for j in range(left, right):
                out[o, index[o, i, j], j] += src[o, i, j]
        part += 1
        if part == parts:
            o, part = o + 1, 0


@njit
def _index_add(start, stop, out, index, source, parts, width):
    inner = out.shape[2]
    o, part = start // parts, start % parts
    for _ in range(start, stop):
        left, right = part * width, min(inner, (part + 1) * width)
        for i in range(index.size):
            k = index[i]
            if inner == 1:  # a call for each element would take four times as long
                out[o, k, 0] += source[o, i, 0]
            else:
                _add(out[o, k, left:right], source[o, i, left:right])
        part += 1
        if part == parts:
            o, part = o + 1, 0


@njit
def _add(row, other):
    """Apart, LLVM makes vectors of it: eight times as fast as the same loop where it is called."""
    for j in range(row.size):
        row[j] += other[j]
