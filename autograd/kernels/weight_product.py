"""The weight gradient as a matrix product: gradients times transposed windows.

A weight is a sum over pixels. Added up lane by lane over few pixels (:mod:`.weight_gradient`), it spends its time on
the sum across the lanes at the end. Here a vector holds neighbouring *weights* instead: for a few weights of all output
channels the pixels that they meet are gathered, pixel after pixel, and multiplied as in :mod:`.correlate`. Gathering
goes element by element, which many output channels pay for.
"""

from __future__ import annotations

import numpy as np

from .buffers import flattened, scratch
from .grid import ceil_div
from .jit import njit
from .parallel import parallel_for
from .plan import LEAST_TASKS, PITCH, Layout
from .planes import copy_run, image_planes
from .tile import DOT_ROWS, DOT_TAPS, OUTER_ROWS, OUTER_VECTORS, multiply_outer
from .vectors import lanes

# Pixels that are gathered at a time: 48 KB of them stay close to the core while all output channels use them.
_PIXELS = 512
# Gathering an element, in multiply-adds of a vector.
_GATHER_COST = 2


def product_chunks(outputs: int, taps: int, groups: int, dot_pixels: int, vector: int) -> int:
    """Into how many chunks to cut the output channels of a group; 0 if dot products over ``dot_pixels`` cost less.

    vector : lanes of a vector.
    """
    tiles, panels = ceil_div(taps, OUTER_VECTORS * vector), ceil_div(outputs, OUTER_ROWS)
    chunks = min(ceil_div(LEAST_TASKS, groups * tiles), panels)
    product = tiles * OUTER_VECTORS * (chunks * vector * _GATHER_COST + panels * OUTER_ROWS)
    # adding up the lanes takes about as long as 8 vectors; windows are copied too
    blocks = ceil_div(outputs, DOT_ROWS) * ceil_div(taps, DOT_TAPS)
    dots = blocks * DOT_ROWS * DOT_TAPS * (1 / vector + 8 / dot_pixels) + 5 * taps / vector
    return chunks if product < dots else 0


def weight_product(g: np.ndarray, x: np.ndarray, gw: np.ndarray, groups: int, layout: Layout, chunks: int) -> None:
    """Fill ``gw`` (O, C/groups, KH, KW); the layout is of whole images."""
    source = image_planes(x, groups, layout)
    by_group = gw.reshape(groups, gw.shape[0] // groups, -1)
    tasks = groups * ceil_div(by_group.shape[2], OUTER_VECTORS * lanes(x.dtype)) * chunks
    parallel_for(
        *(_multiply_windows, tasks, g.reshape(-1, *g.shape[2:]), source, by_group, lanes(x.dtype), chunks),
        *(layout.sizes[PITCH], layout.taps),
        cost=g.size * by_group.shape[2] / tasks / 8,
    )


@njit
def _multiply_windows(start, stop, g, source, gw, lanes, chunks, pitch, taps):
    images, groups, image_size = source.shape
    outputs, filter_size = gw.shape[1], gw.shape[2]
    out_rows, out_columns = g.shape[1], g.shape[2]
    out_size, width = out_rows * out_columns, OUTER_VECTORS * lanes
    tiles, panels = (filter_size + width - 1) // width, (outputs + OUTER_ROWS - 1) // OUTER_ROWS
    flat_g, flat_x, flat_gw = flattened(g), flattened(source), flattened(gw)
    window = scratch(_PIXELS * width, g.dtype)
    where = scratch(_PIXELS * 2, np.int64)  # the pixel in the gradient, and in the window
    sums = scratch((panels // chunks + 1) * OUTER_ROWS * width + lanes, g.dtype)
    offsets = scratch(width, np.int64)
    for task in range(start, stop):
        chunk, first_tap, group = task % chunks, task // chunks % tiles * width, task // chunks // tiles
        first, end = chunk * panels // chunks * OUTER_ROWS, (chunk + 1) * panels // chunks * OUTER_ROWS
        end, here = min(end, outputs), min(width, filter_size - first_tap)
        for j in range(width):
            offsets[j] = taps[first_tap + min(j, here - 1), 1]
        image, row, column, left, add = 0, 0, 0, images * out_size, False
        while left > 0:
            count = min(left, _PIXELS)
            for i in range(count):
                at = (image * groups + group) * image_size + row * pitch + column
                for j in range(width):
                    window[i * width + j] = flat_x[at + offsets[j]]
                where[2 * i] = image * groups * outputs * out_size + row * out_columns + column
                where[2 * i + 1] = i * width
                column += 1
                if column == out_columns:
                    column, row = 0, row + 1
                if row == out_rows:
                    row, image = 0, image + 1
            for o in range(first, end, OUTER_ROWS):
                g0, panel, r0 = (group * outputs + o) * out_size, min(OUTER_ROWS, end - o), (o - first) * width
                multiply_outer(flat_g, g0, out_size, panel, window, 0, where, 0, count, sums, r0, width, add)
            left -= count
            add = True
        for o in range(first, end):
            target = (group * outputs + o) * filter_size + first_tap
            copy_run(flat_gw, target, sums, (o - first) * width, here, target + here, lanes)
