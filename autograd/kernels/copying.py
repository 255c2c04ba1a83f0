"""Copies of large arrays into row-major order, past the caches: see :mod:`autograd.kernels.streaming`."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import carray

from .jit import njit
from .parallel import parallel_for
from .streaming import BLOCK, LINE, arrive, buffer_for, stream, to_next_line
from .vectors import pointer

_LEAST = 64  # elements of a run: shorter ones are better walked through by NumPy


class _Runs(NamedTuple):
    """Elements that are neighbours, or all the same: run (i, j) begins at element ``i·outer + j·inner``."""

    number: int  # of runs for each i
    outer: int
    inner: int
    length: int
    step: int  # 1 or 0


def copy(out: np.ndarray, x: np.ndarray) -> bool:
    """``out[...] = x`` where ``x`` consists of long enough runs of neighbours, or of one number: whether it does.

    out : contiguous; x : of its shape and dtype, possibly a broadcast view or a part of a larger array.
    """
    runs = _runs(x.shape, x.strides, x.itemsize) if x.flags.aligned else None
    if runs is None:
        return False
    parallel_for(_copy, out.size, out.reshape(-1), x.__array_interface__["data"][0], *runs, cost=4)
    return True


@lru_cache(maxsize=256)
def _runs(shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> _Runs | None:
    """The runs of an array; ``None`` where its dimensions cannot be merged into three, or its runs are short."""
    loops: list[list[int]] = []  # sizes and steps, in elements; the fastest first
    for n, stride in zip(reversed(shape), reversed(strides)):
        step, rest = divmod(stride, itemsize)
        if rest or step < 0:
            return None
        if loops and step == loops[-1][0] * loops[-1][1]:
            loops[-1][0] *= n
        elif n != 1:
            loops.append([n, step])
    if not 1 <= len(loops) <= 3 or loops[0][0] < _LEAST or loops[0][1] > 1:
        return None
    (length, step), (number, inner), (_, outer) = (*loops, [1, 0], [1, 0])[:3]
    return _Runs(number, outer, inner, length, step)


@njit
def _copy(start, stop, out, address, number, outer, inner, length, step):
    line = LINE // out.itemsize
    buffer = buffer_for(out, start)
    low = start
    while low < stop:
        run, at = low // length, low % length
        begin = run // number * outer + run % number * inner
        values = carray(pointer(address + begin * out.itemsize, out), (length - 1) * step + 1)
        size = min(stop - low, length - at)
        first = min(size, to_next_line(out, low))
        last = first + (size - first) // line * line
        part = out[low : low + size]
        for i in range(first):
            part[i] = values[(at + i) * step]
        if step == 0 and last > first:
            stream(part, first, values[0], 0, last - first)
        else:
            for block in range(first, last, BLOCK):
                wanted = values[at + block : at + min(last, block + BLOCK)]
                for i in range(wanted.size):
                    buffer[i] = wanted[i]
                stream(part, block, buffer, 0, wanted.size)
        for i in range(last, size):
            part[i] = values[(at + i) * step]
        low += size
    arrive()
