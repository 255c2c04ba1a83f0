"""The weight gradient as a matrix product: gradients times transposed windows.

A weight gradient is a sum over pixels. Added up lane by lane over few pixels (:mod:`.weight_gradient`), it spends its
time on the sum across the lanes at the end. Here a vector holds neighbouring *weights* instead: for a few weights of
all output channels the pixels that they meet are gathered, pixel after pixel, and multiplied as in :mod:`.correlate`.
They are gathered in squares: a vector of pixels for each of as many weights, transposed in the registers. A task is a
tile of weights, a *part* of the pixels and a *chunk* of the output channels; the parts are added in order.
"""

from __future__ import annotations

import numpy as np

from .buffers import flattened, scratch
from .grid import ceil_div
from .jit import njit
from .moves import copy_columns, copy_part
from .parallel import parallel_for
from .plan import LEAST_TASKS, PITCH, Layout
from .planes import image_planes
from .tile import (
    DOT_ROWS,
    DOT_TAPS,
    OUTER_ROWS,
    OUTER_VECTORS,
    multiply_outer,
    multiply_outer_one,
    multiply_outer_two,
)
from .vectors import REGISTERS, lanes

# Pixels that are gathered at a time: they stay in the second-level cache while all output channels use them.
_PIXELS = 512
# Gathering an element for products, and copying a vector for dot products, in multiply-adds of a vector.
_GATHER_COST, _COPY_COST = (0.6, 6) if REGISTERS == 32 else (1.5, 2)
# Panels of output channels, at least, that share their windows.
_LEAST_PANELS = 16


def product_pays(outputs: int, taps: int, groups: int, dot_pixels: int, vector: int, in_place: bool) -> bool:
    """Whether dot products over ``dot_pixels``, for so many outputs of a group and weights of each, cost more.

    vector : lanes of a vector.
    in_place : whether dot products copy nothing.
    """
    vectors, panels = ceil_div(taps, vector), ceil_div(outputs, OUTER_ROWS)
    chunks = _chunks(panels, groups * ceil_div(vectors, OUTER_VECTORS))
    product = vectors * (chunks * vector * _GATHER_COST + panels * OUTER_ROWS)
    # adding up the lanes takes about as long as 8 vectors
    blocks = ceil_div(outputs, DOT_ROWS) * ceil_div(taps, DOT_TAPS)
    dots = blocks * DOT_ROWS * DOT_TAPS * (1 / vector + 8 / dot_pixels)
    return product < dots + (0 if in_place else _COPY_COST * (outputs + taps) / vector)


def weight_product(g: np.ndarray, x: np.ndarray, gw: np.ndarray, groups: int, layout: Layout) -> None:
    """Fill ``gw`` (O, C/groups, KH, KW); the layout is of whole images."""
    source = image_planes(x, groups, layout)
    outputs, filter_size, pitch = len(gw) // groups, gw[0].size, int(layout.sizes[PITCH])
    if pitch == g.shape[3]:
        g = g.reshape(*g.shape[:2], 1, -1)  # the rows of an image are one
    vectors, panels = ceil_div(filter_size, lanes(x.dtype)), ceil_div(outputs, OUTER_ROWS)
    tiles = ceil_div(vectors, OUTER_VECTORS)
    chunks, pixels = _chunks(panels, groups * tiles), len(g) * g.shape[2] * g.shape[3]
    parts = power_of_two(min(ceil_div(LEAST_TASKS, groups * tiles * chunks), ceil_div(pixels, _PIXELS)))
    sums = gw.reshape(1, groups, outputs, filter_size)
    if parts > 1:
        sums = np.empty((parts, *sums.shape[1:]), gw.dtype)
    tasks = groups * tiles * chunks * parts
    parallel_for(
        *(_multiply_windows, tasks, g, source, sums, lanes(x.dtype), tiles, chunks, pitch, layout.taps),
        cost=g.size * filter_size / tasks / 8,
    )
    if parts > 1:
        parallel_for(add_parts, len(gw), sums.reshape(-1), gw.reshape(-1), parts, filter_size, cost=gw[0].size * parts)


def _chunks(panels: int, tiles: int) -> int:
    """Into how many chunks to cut the panels of a group, with so many tiles in all groups."""
    return power_of_two(min(ceil_div(LEAST_TASKS, tiles), panels // _LEAST_PANELS))


def power_of_two(most: int) -> int:
    """The largest that is at most so much: three would leave one of two threads idle."""
    return 1 << (max(1, most).bit_length() - 1)


@njit
def add_parts(start, stop, sums, gw, parts, filter_size):
    first, end = start * filter_size, stop * filter_size
    total = gw[first:end]  # of slices, whose indices are not negative, LLVM adds whole vectors
    for part in range(parts):
        some = sums[part * gw.size + first : part * gw.size + end]
        for i in range(total.size):
            total[i] = some[i] if part == 0 else total[i] + some[i]


@njit
def _multiply_windows(start, stop, g, source, gw, lanes, tiles, chunks, pitch, taps):
    images, groups, image_size = source.shape
    parts, _, outputs, filter_size = gw.shape
    out_rows, out_columns = g.shape[2], g.shape[3]
    out_size, width = out_rows * out_columns, OUTER_VECTORS * lanes
    panels, all_vectors = (outputs + OUTER_ROWS - 1) // OUTER_ROWS, (filter_size + lanes - 1) // lanes
    flat_g, flat_x, flat_gw = flattened(g), flattened(source), flattened(gw)
    window = scratch((_PIXELS + lanes) * width, g.dtype)
    where = scratch(_PIXELS * 2, np.int64)  # the pixel in the gradient, and in the window
    sums = scratch((panels // chunks + 1) * OUTER_ROWS * width + lanes, g.dtype)
    offsets = scratch(width, np.int64)
    pixels = images * out_size
    for i in range(_PIXELS):
        where[2 * i + 1] = i * width
    for task in range(start, stop):
        tile, chunk, part = task % tiles, task // tiles % chunks, task // tiles // chunks % parts
        group = task // chunks // tiles // parts
        first, end = chunk * panels // chunks * OUTER_ROWS, (chunk + 1) * panels // chunks * OUTER_ROWS
        first_vector, end_vector = tile * all_vectors // tiles, (tile + 1) * all_vectors // tiles
        vectors, first_tap = end_vector - first_vector, first_vector * lanes
        end, here = min(end, outputs), min(vectors * lanes, filter_size - first_tap)
        for j in range(vectors * lanes):
            offsets[j] = taps[first_tap + min(j, here - 1), 1]
        corner = ((part * groups + group) * outputs + first) * filter_size + first_tap
        whole = here == vectors * lanes
        results, r1, step = flat_gw if whole else sums, corner if whole else 0, filter_size if whole else width
        pixel, last, add = part * pixels // parts, (part + 1) * pixels // parts, False
        while pixel < last:
            count, i = min(last - pixel, _PIXELS), 0
            while i < count:
                image, row, column = pixel // out_size, pixel // out_columns % out_rows, pixel % out_columns
                run, at = min(out_columns - column, count - i), (image * groups + group) * image_size + row * pitch
                for v in range(vectors):
                    gather(flat_x, at + column, run, offsets, v * lanes, lanes, window, i * width + v * lanes, width)
                at = image * groups * outputs * out_size + row * out_columns + column
                for k in range(run):
                    where[2 * (i + k)] = at + k
                i += run
                pixel += run
            for o in range(first, end, OUTER_ROWS):
                g0, rows, r0 = (group * outputs + o) * out_size, min(OUTER_ROWS, end - o), r1 + (o - first) * step
                if vectors == 3:
                    multiply_outer(flat_g, g0, out_size, rows, window, 0, where, 0, count, results, r0, step, add)
                elif vectors == 2:
                    multiply_outer_two(flat_g, g0, out_size, rows, window, 0, where, 0, count, results, r0, step, add)
                else:
                    multiply_outer_one(flat_g, g0, out_size, rows, window, 0, where, 0, count, results, r0, step, add)
            add = True
        for o in range(0 if whole else end - first):
            t = 0
            while t < here:
                copy_part(flat_gw, corner + o * filter_size + t, sums, o * width + t, here - t)
                t += lanes


@njit
def gather(x, at, run, offsets, first, lanes, window, target, width):
    """A vector of weights for each of ``run`` pixels. What is too much is overwritten by the next run."""
    behind = x.size - offsets[first + lanes - 1] - lanes  # the last place from which a whole square can be read
    i = 0
    while i < run:
        if at + i <= behind:
            copy_columns(window, target + i * width, width, x, at + i, offsets, first)
        else:
            for k in range(i, min(i + lanes, run)):
                for j in range(lanes):
                    window[target + k * width + j] = x[at + k + offsets[first + j]]
        i += lanes
