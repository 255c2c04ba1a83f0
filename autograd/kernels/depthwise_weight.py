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
from .depthwise import cut_rows, row_spans
from .jit import njit
from .parallel import parallel_for
from .plan import (
    BLOCK_ROWS,
    ELEMENTS,
    HEIGHT,
    LEAST_TASKS,
    PITCH,
    WIDTH,
    Layout,
    ceil_div,
    forward_axis,
    grid,
    lay_out,
)
from .planes import clear_run, refill_planes
from .tile import ROW_TAPS, add_row_dots, dot_results
from .vectors import copy_rows, lanes


class _Cut(NamedTuple):
    """How the sum of one group is cut."""

    layout: Layout  # of the plane of one piece
    spans: np.ndarray
    pieces: int
    parts: int
    offsets: np.ndarray  # of the taps in the plane, filled up to whole blocks


def depthwise_weight_gradient(
    g: np.ndarray, x: np.ndarray, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair
) -> np.ndarray:
    """The adjoint of ``conv2d`` in w, with C groups: g (N, O, OH, OW) and x (N, C, H, W) to (O, 1, *kernel_size).

    Where the result is finite, it is right. Where not, :mod:`.weight_gradient` must say how.
    """
    groups, outputs = x.shape[1], g.shape[1] // x.shape[1]
    cut = _cut(x.shape, g.shape, kernel_size, stride, padding, dilation)
    taps, blocks = kernel_size[0] * kernel_size[1], len(cut.offsets) // ROW_TAPS
    sums = np.zeros((cut.parts, groups, outputs, blocks, dot_results(1, ROW_TAPS, x.dtype)), x.dtype)
    tasks = cut.parts * groups
    layout = (cut.layout.sizes, cut.layout.rows, cut.layout.columns, cut.spans, cut.offsets)
    parallel_for(
        *(_add_parts, tasks, g.reshape(-1, *g.shape[2:]), x.reshape(-1), sums, lanes(x.dtype), cut.pieces, *layout),
        cost=g.size * taps / tasks / 2,
    )
    total = sums[0]
    for part in sums[1:]:
        total += part
    by_tap = total[..., :ROW_TAPS].reshape(g.shape[1], -1)[:, :taps]
    return np.ascontiguousarray(by_tap).reshape(g.shape[1], 1, *kernel_size)


@lru_cache(maxsize=256)
def _cut(
    x: tuple[int, ...], g: tuple[int, ...], kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair
) -> _Cut:
    batch, _, out_rows, out_columns = g
    vertical = forward_axis(out_rows, kernel_size[0], stride[0], padding[0][0], dilation[0])
    horizontal = forward_axis(out_columns, kernel_size[1], stride[1], padding[1][0], dilation[1])
    planes = grid((x[2], x[3]), vertical, horizontal)
    rows, blocks = cut_rows(planes)
    pieces = batch * blocks
    taps = kernel_size[0] * kernel_size[1]
    layout = lay_out(planes, 1, rows, kernel_size, taps)
    offsets = np.zeros(ceil_div(taps, ROW_TAPS) * ROW_TAPS, np.int64)
    offsets[:taps] = layout.taps[:, 1]
    return _Cut(layout, row_spans(planes, rows, blocks), pieces, min(pieces, ceil_div(LEAST_TASKS, x[1])), offsets)


@njit
def _add_parts(start, stop, g, x, sums, lanes, pieces, sizes, rows, columns, spans, offsets):
    map_size, pitch, block_rows = sizes[HEIGHT] * sizes[WIDTH], sizes[PITCH], sizes[BLOCK_ROWS]
    parts, groups, outputs, filters, results = sums.shape
    out_rows, out_columns = g.shape[1], g.shape[2]
    blocks = spans.shape[0]
    flat_g, flat_sums = g.reshape(-1), sums.reshape(-1)
    planes = np.zeros(sizes[ELEMENTS], x.dtype)
    lines = np.zeros(block_rows * pitch + 2 * lanes, x.dtype)
    part, group = start // groups, start % groups
    for task in range(start, stop):
        for piece in range(part * pieces // parts, (part + 1) * pieces // parts):
            image, block = piece // blocks * groups + group, piece % blocks
            first_row = block * block_rows
            high = min(block_rows, out_rows - first_row)
            length = ((high - 1) * pitch + out_columns + lanes - 1) // lanes * lanes
            refill_planes(x, image * map_size, block, spans, lanes, sizes, rows, columns, planes)
            for o in range(outputs):
                source = ((image * outputs + o) * out_rows + first_row) * out_columns
                safe = high
                while safe > 0 and source + (safe - 1) * out_columns + lanes > flat_g.size:
                    safe -= 1
                if safe > 0:
                    copy_rows(lines, 0, pitch, flat_g, source, out_columns, safe, out_columns)
                for r in range(safe, high):
                    for t in range(out_columns):
                        lines[r * pitch + t] = flat_g[source + r * out_columns + t]
                clear_run(lines, (high - 1) * pitch + out_columns, lanes, lanes)
                at = (task * outputs + o) * filters * results
                for first in range(0, offsets.size, ROW_TAPS):
                    add_row_dots(lines, 0, 0, planes, 0, offsets, first, length, flat_sums, at)
                    at += results
        group += 1
        if group == groups:
            part, group = part + 1, 0
