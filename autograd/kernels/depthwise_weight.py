"""The weight gradient where each group has one input channel: no copied windows, they would not pay.

The gradient of a map is laid out with the pitch of the planes of :mod:`.depthwise`, so each tap is one dot product of
two runs. In the gaps between rows the gradient is zero and the plane holds numbers of the next row. Zero times NaN is
no zero, so a result that is not finite may be wrong; masks for the gaps took a third of the time. A task is a *part* of
the images and rows of one channel; parts are fixed by shape and added in order.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..geometry import Padding, Pair
from .buffers import flattened, scratch
from .depthwise import aligned, cut_rows
from .grid import ceil_div, forward_axis, grid, row_moves
from .jit import njit
from .parallel import parallel_for
from .plan import (
    BLOCK_ROWS,
    ELEMENTS,
    HEIGHT,
    LEAST_TASKS,
    PITCH,
    STEP_H,
    STEP_W,
    WIDTH,
    Layout,
    lay_out,
)
from .planes import clear_run, copy_map
from .tile import ROW_TAPS, add_row_dots, dot_results
from .vectors import lanes


class _Cut(NamedTuple):
    """How the sum of one group is cut."""

    layout: Layout  # of the planes of one piece
    corner: int  # where the planes begin in their buffer
    pieces: int
    parts: int
    g_moves: np.ndarray  # to rows of the same pitch
    offsets: np.ndarray  # of the taps in the planes, filled up to whole blocks


def depthwise_weight_gradient(
    g: np.ndarray, x: np.ndarray, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair
) -> np.ndarray:
    """The adjoint of ``conv2d`` in w, with C groups: g (N, O, OH, OW) and x (N, C, H, W) to (O, 1, *kernel_size).

    Where the result is finite, it is right. Where not, :mod:`.weight_gradient` must say how.
    """
    groups, outputs = x.shape[1], g.shape[1] // x.shape[1]
    cut = _cut(x.shape, g.shape, kernel_size, stride, padding, dilation, x.itemsize)
    taps, blocks = kernel_size[0] * kernel_size[1], len(cut.offsets) // ROW_TAPS
    sums = np.zeros((cut.parts, groups, outputs, blocks, dot_results(1, ROW_TAPS, x.dtype)), x.dtype)
    tasks = cut.parts * groups
    parallel_for(
        *(_add_parts, tasks, g.reshape(-1), x.reshape(-1), sums, g.shape[3], lanes(x.dtype), x.shape[0]),
        *(cut.corner, cut.pieces, cut.layout.sizes, cut.layout.moves, cut.g_moves, cut.offsets),
        cost=g.size * taps / tasks,
    )
    total = sums[0]
    for part in sums[1:]:
        total += part
    by_tap = total[..., :ROW_TAPS].reshape(g.shape[1], -1)[:, :taps]
    return np.ascontiguousarray(by_tap).reshape(g.shape[1], 1, *kernel_size)


@lru_cache(maxsize=256)
def _cut(
    x: tuple[int, ...],
    g: tuple[int, ...],
    kernel_size: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    itemsize: int,
) -> _Cut:
    batch, _, out_rows, out_columns = g
    vertical = forward_axis(out_rows, kernel_size[0], stride[0], padding[0][0], dilation[0])
    horizontal = forward_axis(out_columns, kernel_size[1], stride[1], padding[1][0], dilation[1])
    planes, corner = aligned(grid((x[2], x[3]), vertical, horizontal), lanes(f"f{itemsize}"))
    one = forward_axis(out_rows, 1, 1, 0, 1), forward_axis(out_columns, 1, 1, 0, 1)
    lines = grid((out_rows, out_columns), *one)._replace(pitch=planes.pitch)
    rows, blocks = cut_rows(planes)
    pieces = batch * blocks
    taps = kernel_size[0] * kernel_size[1]
    layout = lay_out(planes, 1, rows, kernel_size, taps)
    offsets = np.zeros(ceil_div(taps, ROW_TAPS) * ROW_TAPS, np.int64)
    offsets[:taps] = layout.taps[:, 1]
    return _Cut(layout, corner, pieces, min(pieces, ceil_div(LEAST_TASKS, x[1])), row_moves(lines, rows), offsets)


@njit
def _add_parts(start, stop, g, x, sums, out_columns, lanes, batch, corner, pieces, sizes, x_moves, g_moves, offsets):
    parts, groups, outputs, filters, results = sums.shape
    pitch, line, step = sizes[PITCH], sizes[STEP_H] * sizes[WIDTH], sizes[STEP_W]
    map_size, out_size = sizes[HEIGHT] * sizes[WIDTH], g.size // (batch * groups * outputs)
    blocks, copies = pieces // batch, x_moves.shape[0] // (pieces // batch)
    flat_sums = flattened(sums)
    planes = scratch(corner + sizes[ELEMENTS] + lanes, x.dtype)
    clear_run(planes, 0, planes.size - lanes, lanes)
    lines = scratch(sizes[BLOCK_ROWS] * pitch + 3 * lanes, x.dtype)
    clear_run(lines, 0, lines.size - lanes, lanes)
    part, group = start // groups, start % groups
    first_piece, end_piece = part * pieces // parts, (part + 1) * pieces // parts
    first_image, first_block = first_piece // blocks, first_piece % blocks
    for task in range(start, stop):
        image, block = first_image, first_block  # counted along: divisions took a tenth of the time of 7 × 7 maps
        for _ in range(first_piece, end_piece):
            plane = image * groups + group
            copy_map(x, plane * map_size, x_moves, block * copies, copies, line, step, lanes, planes, corner, pitch)
            length = (g_moves[block, 2] - 1) * pitch + g_moves[block, 3]
            for o in range(outputs):
                copy_map(g, (plane * outputs + o) * out_size, g_moves, block, 1, out_columns, 1, lanes, lines, 0, pitch)
                at = (task * outputs + o) * filters * results
                for first in range(0, offsets.size, ROW_TAPS):
                    add_row_dots(lines, 0, 0, planes, corner, offsets, first, length, flat_sums, at)
                    at += results
            block += 1
            if block == blocks:
                image, block = image + 1, 0
        group += 1
        if group == groups:
            part, group = part + 1, 0
            first_piece, end_piece = end_piece, (part + 1) * pieces // parts
            first_image, first_block = first_piece // blocks, first_piece % blocks
