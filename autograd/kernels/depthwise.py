"""The weight gradient where each group has one input channel: no copied windows, they would not pay.

Few products are made with each pixel, so the padded plane is read at the offset of each tap as it is, and the gradient
is laid out with the same pitch. The gaps between the rows are masked: there the plane holds numbers of the wrong row,
and zero times NaN is no zero. A task is a *part* of the images and rows of one channel; parts are fixed by shape and
added in order.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..geometry import Padding, Pair
from .jit import njit
from .parallel import parallel_for
from .plan import (
    BLOCK_ROWS,
    CHANNELS,
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
from .planes import clear_run, copy_run, fill_planes
from .tile import ROW_TAPS, add_masked_dots, dot_results
from .vectors import lanes

# Pixels of a piece: gradient, mask and plane stay close to the core, and rows copied twice at its border are few.
_PIXELS = 4096


class _Cut(NamedTuple):
    """How the sum of one group is cut."""

    layout: Layout  # of the plane of one piece
    pieces: int
    parts: int
    offsets: np.ndarray  # of the taps in the plane, filled up to whole blocks


def depthwise_weight_gradient(
    g: np.ndarray, x: np.ndarray, *, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair
) -> np.ndarray:
    """The adjoint of ``conv2d`` in w, with C groups: g (N, O, OH, OW) and x (N, C, H, W) to (O, 1, *kernel_size)."""
    groups, outputs = x.shape[1], g.shape[1] // x.shape[1]
    cut = _cut(x.shape, g.shape, kernel_size, stride, padding, dilation)
    taps, blocks = kernel_size[0] * kernel_size[1], len(cut.offsets) // ROW_TAPS
    sums = np.zeros((cut.parts, groups, outputs, blocks, dot_results(1, ROW_TAPS, x.dtype)), x.dtype)
    tasks = cut.parts * groups
    layout = (cut.layout.sizes, cut.layout.rows, cut.layout.columns, cut.offsets)
    parallel_for(
        *(_add_parts, tasks, g.reshape(-1, *g.shape[2:]), x.reshape(-1), sums, lanes(x.dtype), cut.pieces, *layout),
        cost=g.size * taps / tasks / 8,
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
    rows = ceil_div(out_rows, ceil_div(out_rows * planes.pitch, _PIXELS))
    pieces = batch * ceil_div(out_rows, rows)
    taps = kernel_size[0] * kernel_size[1]
    layout = lay_out(planes, 1, rows, kernel_size, taps)
    offsets = np.zeros(ceil_div(taps, ROW_TAPS) * ROW_TAPS, np.int64)
    offsets[:taps] = layout.taps[:, 1]
    return _Cut(layout, pieces, min(pieces, ceil_div(LEAST_TASKS, x[1])), offsets)


@njit
def _add_parts(start, stop, g, x, sums, lanes, pieces, sizes, rows, columns, offsets):
    image_size, pitch, block_rows = sizes[HEIGHT] * sizes[WIDTH], sizes[PITCH], sizes[BLOCK_ROWS]
    parts, groups, outputs, blocks, results = sums.shape
    out_rows, out_columns = g.shape[1], g.shape[2]
    row_pieces = (out_rows + block_rows - 1) // block_rows
    capacity = (block_rows * pitch + lanes - 1) // lanes * lanes + lanes
    flat_g, flat_sums = g.reshape(-1), sums.reshape(-1)
    planes = np.empty(sizes[ELEMENTS], x.dtype)
    lines = np.zeros(2 * capacity, x.dtype)  # the gradient, and 1 where it is one
    masked = 0
    for task in range(start, stop):
        part, group = task // groups, task % groups
        for piece in range(part * pieces // parts, (part + 1) * pieces // parts):
            image, first_row = piece // row_pieces * groups + group, piece % row_pieces * block_rows
            high = min(block_rows, out_rows - first_row)
            length = ((high - 1) * pitch + out_columns + lanes - 1) // lanes * lanes
            if high != masked:
                for t in range(capacity):
                    lines[capacity + t] = 1 if t // pitch < high and t % pitch < out_columns else 0
                masked = high
            fill_planes(x, image * image_size, sizes[CHANNELS], first_row, lanes, sizes, rows, columns, planes, 0)
            for o in range(outputs):
                source = ((image * outputs + o) * out_rows + first_row) * out_columns
                for r in range(high):
                    copy_run(lines, r * pitch, flat_g, source + r * out_columns, out_columns, capacity, lanes)
                    clear_run(lines, r * pitch + out_columns, pitch - out_columns, lanes)
                clear_run(lines, (high - 1) * pitch + out_columns, lanes, lanes)
                for block in range(blocks):
                    at = ((task * outputs + o) * blocks + block) * results
                    first = block * ROW_TAPS
                    add_masked_dots(lines, 0, capacity, planes, 0, offsets, first, length, flat_sums, at)
