"""The weight gradient where each group has one input channel: map by map, read where it is.

Each tap is one dot product of the gradients of a map and the pixels it meets, and those of a unit of taps (see
:mod:`.depthwise`) are computed at once, lane by lane in registers. A task is a *part* of the blocks of rows of one
channel in all images; parts are fixed by shape and added in order.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..geometry import Padding, Pair
from .buffers import flattened, scratch
from .depthwise import cut_rows, fits, lay_out, leaves_cache
from .depthwise_tile import COLUMN, INSIDE, PLACES, SUMS, dots_down, places, store_lane_sums
from .grid import ceil_div, forward_axis
from .jit import njit
from .parallel import parallel_for
from .plan import LEAST_TASKS
from .vectors import lanes


class Cut(NamedTuple):
    """How the sums are cut; arrays as in :class:`.depthwise.Maps`."""

    parts: int
    steps: Pair
    far: bool
    block_rows: int
    blocks: int
    phases: np.ndarray
    units: np.ndarray
    positions: np.ndarray


def cut_sums(
    g: tuple[int, ...],
    x: tuple[int, ...],
    kernel_size: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    itemsize: int,
) -> Cut | None:
    """The plan for gradients and pixels of these shapes, or None for what :mod:`.weight_gradient` must do."""
    vertical = forward_axis(g[2], kernel_size[0], stride[0], padding[0][0], dilation[0])
    horizontal = forward_axis(g[3], kernel_size[1], stride[1], padding[1][0], dilation[1])
    if not fits(horizontal):
        return None
    vector = lanes(f"f{itemsize}")
    block_rows, blocks = cut_rows(vertical, x[0] * x[1])
    positions = [(c, min(vector, g[3] - c)) for c in range(0, g[3], vector)]
    fewest = g[2] - (blocks - 1) * block_rows  # rows of a block; ``dots_down`` wants some for tall units
    tallest = min(COLUMN, fewest * stride[0])
    tables = lay_out(x[3], g[3], vertical, horizontal, kernel_size[1], tallest, positions)
    far = leaves_cache(x[0] * x[1] * (x[2] * x[3] + g[2] * g[3]) * itemsize)
    return Cut(min(x[0] * blocks, ceil_div(LEAST_TASKS, x[1])), stride, far, block_rows, blocks, *tables)


def depthwise_weight_gradient(g: np.ndarray, x: np.ndarray, kernel_size: Pair, cut: Cut) -> np.ndarray:
    """The adjoint of ``conv2d`` in w, with C groups: g (N, O, OH, OW) and x (N, C, H, W) to (O, 1, *kernel_size)."""
    gw = np.empty((cut.parts, g.shape[1], 1, *kernel_size), x.dtype)
    tasks, (down, step) = cut.parts * x.shape[1], cut.steps
    parallel_for(
        *(_kernel(min(down, COLUMN), step, cut.far), tasks, g, x, gw, lanes(x.dtype), down, *cut[3:]),
        cost=g.size * kernel_size[0] * kernel_size[1] / tasks,
    )
    total = gw[0]
    for part in gw[1:]:
        total += part
    return total


@cache
def _kernel(down: int, step: int, far: bool) -> Any:
    """The loop over parts and channels with these steps; further rows are skipped."""
    add_three, add_two, add_one = (dots_down(height, down, step, far=far) for height in (3, 2, 1))
    reads = len(places(step, 1))

    @njit(key=(down, step, far))
    def add_parts(start, stop, g, x, gw, lanes, step, block_rows, blocks, phases, units, positions):
        parts, filter_size = gw.shape[0], gw.shape[3] * gw.shape[4]
        images, channels, height, width = x.shape
        outputs, out_rows, out_columns = g.shape[1] // channels, g.shape[2], g.shape[3]
        pixels, gradient, result = flattened(x), flattened(g), flattened(gw)
        taps, columns = flattened(units), flattened(positions)
        stride = positions.shape[1]
        zeros = scratch(width, x.dtype)
        for i in range(width):
            zeros[i] = 0
        sums, totals = scratch(units.shape[0] * SUMS * lanes, x.dtype), scratch(SUMS + lanes, x.dtype)
        part, channel = start // channels, start % channels
        first_piece, end_piece = part * images * blocks // parts, (part + 1) * images * blocks // parts
        first_image, first_block = first_piece // blocks, first_piece % blocks
        for task in range(start, stop):
            for o in range(outputs):
                for i in range(sums.size):
                    sums[i] = 0
                image, block = first_image, first_block  # counted along: divisions take long beside a small map
                for piece in range(first_piece, end_piece):
                    row = block * block_rows
                    plane, count = image * channels + channel, min(block_rows, out_rows - row)
                    x0, first = plane * height * width, step * row
                    g0 = ((plane * outputs + o) * out_rows + row) * out_columns
                    onward = channels  # maps to the next one
                    if piece + 1 == end_piece:
                        onward = 1 - channels * (image - first_image)
                    ahead, gradient_ahead = onward * height * width, onward * outputs * out_rows * out_columns
                    for u in range(units.shape[0]):
                        tall, u0, inside, s0 = phases[u, 0], u * units.shape[1], INSIDE + u * reads, u * SUMS * lanes
                        numbers = (
                            *(x0, width, height, first, max(0, step - tall), ahead, g0, out_columns),
                            *(u0, inside, stride, positions.shape[0], s0, count, gradient_ahead),
                        )
                        unit = (pixels, zeros, gradient, taps, columns, sums, numbers)
                        if tall == 3:
                            add_three(*unit)
                        elif tall == 2:
                            add_two(*unit)
                        else:
                            add_one(*unit)
                    block += 1
                    if block == blocks:
                        image, block = image + 1, 0
                to = (task * outputs + o) * filter_size
                for u in range(units.shape[0]):
                    store_lane_sums(totals, 0, sums, u * SUMS * lanes)
                    for i in range(SUMS):
                        tap = units[u, PLACES + reads + i]
                        if tap >= 0:
                            result[to + tap] = totals[i]
            channel += 1
            if channel == channels:
                part, channel = part + 1, 0
                first_piece, end_piece = end_piece, (part + 1) * images * blocks // parts
                first_image, first_block = first_piece // blocks, first_piece % blocks

    return add_parts
