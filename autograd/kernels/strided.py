"""Copies of arrays of any strides, on all threads: NumPy uses one, and walks across memory where an array is turned.

Where one dimension is innermost in the source and another one in the result, blocks of both are copied, and squares of
them are turned in registers: whole lines of memory are read and written, however far they are apart. A matrix of 1024 ×
1024 took NumPy 3.7 ms, these loops 0.33 on one thread.
"""

from __future__ import annotations

from functools import lru_cache
from math import inf, prod
from typing import Any

import numpy as np
from numba import types

from .buffers import place_of
from .jit import njit
from .parallel import parallel_for
from .vectors import Emitter, constant, float_arrays, intrinsic, lanes, pointer

_EDGE = 64  # elements: a block of the source and one of the result stay in the first cache
_LIKE = {np.dtype(t): np.empty(0, t) for t in (np.float32, np.float64)}
_OUTER = 10  # where the dimensions around the blocks begin in a layout


def copy(source: np.ndarray, target: np.ndarray) -> bool:
    """``target[...] = source``, of one shape and dtype, float32 or float64, without common memory: whether it was done.

    Elements at odd addresses are left to NumPy.
    """
    found = _layout(target.itemsize, target.shape, target.strides, source.strides)
    if found is None or not (source.flags.aligned and target.flags.aligned):
        return False
    blocks, layout = found
    arguments = _LIKE[target.dtype], lanes(target.dtype), id(target), id(source), layout
    parallel_for(_copy, blocks, *arguments, cost=4 * target.size / max(blocks, 1))
    return True


@lru_cache(maxsize=1024)
def _layout(itemsize: int, shape: tuple[int, ...], *strides: tuple[int, ...]) -> tuple[int, np.ndarray] | None:
    """How to walk through a target and its source, whose strides are given: in blocks of a *row*, the dimension that is
    innermost in the target, and of a *column*, the innermost one in the source or, where that is the row, the next one.

    Returns the number of blocks, and: elements, elements of a block, blocks, steps in the target and in the source,
    each of row and column; then elements, step in the target and step in the source of every other dimension.
    """
    loops: list[tuple[int, int, int]] = []  # the fastest in the target first
    for n, *bytes_ in zip(reversed(shape), *map(reversed, strides)):
        if any(stride % itemsize for stride in bytes_):
            return None
        to, come = (stride // itemsize for stride in bytes_)
        if loops and (to, come) == (loops[-1][0] * loops[-1][1], loops[-1][0] * loops[-1][2]):
            loops[-1] = (loops[-1][0] * n, *loops[-1][1:])
        elif n != 1:
            loops.append((n, to, come))
    row, *others = [*loops, (1, 0, 0), (1, 0, 0)][: max(2, len(loops))]
    # a step of 0 comes last: the source is repeated there, and nothing is gained by walking along it
    column, edges = min(others, key=lambda loop: abs(loop[2]) or inf), (_EDGE, _EDGE)
    if abs(row[2]) <= abs(column[2]):
        column, width = others[0], min(row[0], _EDGE**2)
        edges = width, _EDGE**2 // width
    others.remove(column)
    sizes, *steps = zip(row, column)
    counts = [-(-n // edge) for n, edge in zip(sizes, edges)]
    layout = [*sizes, *edges, *counts, *steps[0], *steps[1], *(n for loop in others for n in loop)]
    return prod(counts) * prod(loop[0] for loop in others), np.array(layout)


@njit
def _copy(start, stop, like, side, target, source, layout):
    target, source, itemsize = place_of(target), place_of(source), like.itemsize
    for block in range(start, stop):
        row, column = block % layout[4] * layout[2], block // layout[4] % layout[5] * layout[3]
        to, come = row * layout[6] + column * layout[7], row * layout[8] + column * layout[9]
        rest = block // (layout[4] * layout[5])
        for k in range(_OUTER, layout.size, 3):
            i, rest = rest % layout[k], rest // layout[k]
            to += i * layout[k + 1]
            come += i * layout[k + 2]
        width, height = min(layout[2], layout[0] - row), min(layout[3], layout[1] - column)
        _copy_block(like, side, target + to * itemsize, source + come * itemsize, width, height, layout)


@njit
def _copy_block(like, side, to, come, width, height, layout):
    along, down, across, step, itemsize = layout[6], layout[7], layout[8], layout[9], like.itemsize
    turned_width = turned_height = 0
    if along == 1 and abs(step) == 1 and abs(across) != 1:
        turned_width, turned_height = width - width % side, height - height % side
        back = side - 1 if step < 0 else 0  # a vector begins at its lowest address: with the last row of a square
        for i in range(0, turned_height, side):
            for j in range(0, turned_width, side):
                corner = to + ((i + back) * down + j) * itemsize
                _turn(like, corner, step * down, come + (i * step - back + j * across) * itemsize, across)
        right, beside = to + turned_width * itemsize, come + turned_width * across * itemsize
        _copy_rectangle(like, right, beside, width - turned_width, turned_height, layout)
    below, under = to + turned_height * down * itemsize, come + turned_height * step * itemsize
    _copy_rectangle(like, below, under, width, height - turned_height, layout)


@njit
def _copy_rectangle(like, to, come, width, height, layout):
    along, down, across, step = layout[6], layout[7], layout[8], layout[9]
    if width < height and abs(step) < abs(across):  # of three colors: few long loops instead of many short ones
        width, height, along, down, across, step = height, width, down, along, step, across
    for i in range(height):
        target = pointer(to + i * down * like.itemsize, like)
        source = pointer(come + i * step * like.itemsize, like)
        if along == 1 and across == -1:
            for k in range(width):  # constant steps: whole vectors are reversed
                target[k] = source[-k]
        else:
            for k in range(width):
                target[k * along] = source[k * across]


@intrinsic
def _turn(typing_context: Any, like: Any, to: Any, pitch: Any, source: Any, source_pitch: Any) -> Any:
    """``to[i·pitch + j] = source[j·source_pitch + i]`` of addresses, for i, j below the lanes of one vector."""
    element, index = float_arrays(like), types.int64

    def generate(context, builder, signature, args):
        emit = Emitter(context, builder, element)
        first, come = (builder.inttoptr(args[i], emit.scalar.as_pointer()) for i in (1, 3))
        rows = [builder.gep(come, [builder.mul(constant(j), args[4])]) for j in range(emit.lanes)]
        for i, vector in enumerate(emit.transposed([emit.load(row) for row in rows])):
            emit.store(vector, builder.gep(first, [builder.mul(constant(i), args[2])]))
        return context.get_dummy_value()

    return types.void(like, index, index, index, index), generate
