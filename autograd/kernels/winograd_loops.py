"""The loops of :mod:`.winograd`: tiles are read and transformed, multiplied and written.

Tiles are numbered image by image and row by row, in *groups* of as many as a register tile has columns; a vector holds
one number of each of some tiles. A *strip* is a row of tiles of one image, and its pixels are copied into zero-padded
rows first.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..geometry import Pair
from .buffers import scratch
from .grid import ceil_div
from .jit import njit
from .moves import clear_vector, copy_rows, fetch
from .planes import clear_run, copy_run
from .tile import OUTER_ROWS, multiply_panels
from .winograd_tile import (
    POINTS,
    RESULTS,
    TAPS,
    copy_taps,
    filters_to_points,
    points_to_filters,
    read_pixels,
    write_results,
)

PLACES = POINTS * POINTS
# Elements between the 36 parts of a buffer. Without them all parts begin in one set of the first-level cache, and
# transforming filters took 4 times as long.
GAP = 16


def tile_count(results: tuple[int, ...], side: int = RESULTS) -> int:
    """Tiles of ``side`` × ``side`` results (N, O, OH, OW), of one channel."""
    return results[0] * ceil_div(results[2], side) * ceil_div(results[3], side)


class Tiling(NamedTuple):
    """Tiles in blocks of whole groups. A strip is a row of tiles of one image."""

    sizes: np.ndarray  # see IMAGE_STRIPS ...
    pixels: np.ndarray  # of each slot: where its tile begins in the strips of its block, 6 rows each
    results: np.ndarray  # the same, 4 rows each


IMAGE_STRIPS, STRIP_TILES, TILES, BLOCK, PITCH, BLOCK_STRIPS, SLOTS = range(7)


@lru_cache(maxsize=256)
def tiling(batch: int, size: Pair, slots: int, groups: int) -> Tiling:
    """Tile ``batch`` images of results of a ``size``, ``groups`` of so many ``slots`` in a block.

    Slots behind the last tile of all lie in a strip of their own, which is zero.
    """
    rows, columns, block = ceil_div(size[0], RESULTS), ceil_div(size[1], RESULTS), slots * groups
    tiles, pitch = batch * rows * columns, RESULTS * (columns + 1)
    strips = min(batch * rows, (block - 1) // columns + 2)  # that a block touches
    slot = np.arange(ceil_div(tiles, block) * block)
    strip = np.where(slot < tiles, slot // columns - slot // block * block // columns, strips)
    across = np.where(slot < tiles, slot % columns * RESULTS, 0)
    sizes = np.array((rows, columns, tiles, block, pitch, strips, slots), np.int64)
    return Tiling(sizes, strip * POINTS * pitch + across, strip * RESULTS * pitch + across)


# The kernels work on flat arrays: views, and arrays of two dimensions, took a third of the time of compiling them.


@njit
def transform(start, stop, x, shape, sizes, positions, top, left, first, lanes, points, steps):
    """Read the tiles of some blocks, from ``first`` on, and transform them; block by block, all channels of each.

    shape : (C, H, W). The transformed tiles of one channel and group begin at
    ``points[place * step + channel * c_step + group * g_step]`` for each of the 36 places; ``steps`` are these three.
    """
    channels, height, width = shape
    step, c_step, g_step = steps
    columns, block, pitch, slots = sizes[STRIP_TILES], sizes[BLOCK], sizes[PITCH], sizes[SLOTS]
    together = columns % max(1, lanes // RESULTS) == 0
    size = (sizes[BLOCK_STRIPS] + 1) * POINTS * pitch
    strips = scratch(size + lanes, x.dtype)
    clear_run(strips, 0, size, lanes)
    for task in range(start, stop):
        part, c = task // channels, task % channels
        begin = (first + part) * block
        end = min(begin + block, sizes[TILES])
        at = 0
        for strip in range(begin // columns, (end - 1) // columns + 1):
            image, top_row = strip // sizes[IMAGE_STRIPS], strip % sizes[IMAGE_STRIPS] * RESULTS - top
            # what is beside the image is zero from the beginning: only what exists is copied
            above, below = min(max(0, -top_row), POINTS), max(0, min(POINTS, height - top_row))
            low = max(0, max(0, begin - strip * columns) * RESULTS - left)
            high = min(width, min(columns, end - strip * columns) * RESULTS + TAPS - 1 - left)
            clear_run(strips, at, above * pitch, lanes)
            if above < below and low < high:
                rows, here, place = below - above, high - low, at + above * pitch + left + low
                row = ((image * channels + c) * height + top_row + above) * width + low
                if row + (rows - 1) * width + max(here, lanes) <= x.size:
                    copy_rows(strips, place, pitch, x, row, width, rows, here)
                    _fetch_rows(x, row + height * width, width, rows, here)  # of the next channel
                else:
                    for t in range(rows * here):
                        strips[place + t // here * pitch + t % here] = x[row + t // here * width + t % here]
            clear_run(strips, at + below * pitch, (POINTS - below) * pitch, lanes)
            at += POINTS * pitch
        clear_vector(strips, at)  # the last row was the last of all strips: restore the zeros behind it
        for group in range((end - begin + slots - 1) // slots):
            to = c * c_step + (part * block // slots + group) * g_step
            for slot in range(begin + group * slots, begin + (group + 1) * slots, lanes):
                read_pixels(strips, 0, pitch, positions, slot, together, points, to, step)
                to += lanes


@njit
def _fetch_rows(x, at, pitch, rows, width):
    """``fetch`` rows, at once if nothing lies between them."""
    run = rows * width if width == pitch else width
    for r in range(0, rows * pitch, max(run, pitch, 1)):
        fetch(x, at + r, run)


@njit
def transform_filters(start, stop, w, strides, channels, outputs, filters, sizes, lanes):
    """Transform the filters of panels of output channels."""
    _read_filters(w, strides, 0, channels, outputs, start, stop - start, filters, start * sizes[0], sizes, lanes)


@njit
def _read_filters(w, strides, channel0, channels, outputs, panel0, panels, filters, at, sizes, lanes):
    """Transform the filters of some channels and panels of output channels."""
    tap0, tap_step, o_step, c_step = strides
    panel_step, step = sizes
    t_step = panel_step + GAP
    taps = scratch(TAPS * TAPS * t_step, w.dtype)
    for panel in range(panel0, panel0 + panels):
        # channel by channel: output by output, with a line of memory for each tap and channel, took twice as long
        for c in range(channels):
            for m in range(OUTER_ROWS):
                o = min(panel * OUTER_ROWS + m, outputs - 1)  # those behind the last are thrown away
                source = tap0 + o * o_step + (channel0 + c) * c_step
                copy_taps(taps, c * OUTER_ROWS + m, t_step, w, source, tap_step)
        for q in range(0, channels * OUTER_ROWS, lanes):
            filters_to_points(taps, q, t_step, filters, at + q, step)
        at += panel_step


@njit
def write_filters(sums, at, step, taps, pitch, gw, target, channels, lanes):
    """Transform ``sums[at + k * step + channel]`` of an output to its filters at ``target``; are they finite?"""
    for c in range(0, channels, lanes):
        points_to_filters(sums, at + c, step, taps, c, pitch)
    return copy_filters(taps, pitch, gw, target, channels)


@njit
def copy_filters(taps, pitch, gw, target, channels):
    """Copy the filters ``taps[i * pitch + channel]`` of an output to ``target``; are they finite?"""
    zero = gw.dtype.type(0)
    check = zero
    for c in range(channels):
        copy_taps(gw, target, 1, taps, c, pitch)
        zeros = zero  # of one filter: a single sum over all would wait for each addition
        for i in range(TAPS * TAPS):
            zeros += gw[target + i] * zero
        check += zeros
        target += TAPS * TAPS
    return check == 0


@njit
def convolve(
    start,
    stop,
    x,
    x_shape,
    top,
    left,
    points,
    steps,
    w,
    strides,
    filters,
    filter_sizes,
    cut,
    lanes,
    out,
    out_shape,
    sizes,
    pixels,
    results,
    first,
    finite,
):
    """Multiply blocks of tiles, from ``first`` on, with the filters of some output channels, and write the results.

    points, filters : what is transformed already; a task transforms the pixels of its block, or its filters, if empty.
    cut : tasks of each block; panels and channels at a time.
    """
    tasks, chunk, some = cut
    step, c_step, g_step = steps
    channels, outputs, slots = x_shape[0], out_shape[0], sizes[SLOTS]
    panels, panel_size = (outputs + OUTER_ROWS - 1) // OUTER_ROWS, OUTER_ROWS * slots
    own_points, own_filters, vectors = points.size == 0, filters.size == 0, slots // lanes
    if own_points:
        points = scratch(PLACES * step, x.dtype)
    if own_filters:
        filters = scratch(PLACES * filter_sizes[1], x.dtype)
    p_step = sizes[BLOCK] // slots * chunk * panel_size + GAP
    products = scratch(PLACES * p_step, x.dtype)
    strips = scratch((sizes[BLOCK_STRIPS] + 1) * RESULTS * sizes[PITCH] + lanes, x.dtype)
    zeros = scratch(lanes, x.dtype)
    for task in range(start, stop):
        part, share = task // tasks, task % tasks
        number, source0, last = first + part, part * channels * sizes[BLOCK], (share + 1) * panels // tasks
        groups = (min(sizes[BLOCK], sizes[TILES] - number * sizes[BLOCK]) + slots - 1) // slots
        if own_points:
            source0 = 0
        if own_points and (task == start or share == 0):  # else the task before has done it
            transform(0, channels, x, x_shape, sizes, pixels, top, left, number, lanes, points, steps)
        clear_vector(zeros, 0)
        for panel in range(share * panels // tasks, last, chunk):
            here, filter0 = min(chunk, last - panel), panel * filter_sizes[0]
            for c in range(0, channels, some):
                count = min(some, channels - c)
                if own_filters:
                    filter0 = 0
                    _read_filters(w, strides, c, count, outputs, panel, here, filters, 0, filter_sizes, lanes)
                for k in range(PLACES):
                    target = k * p_step
                    for group in range(groups):
                        source, at = source0 + k * step + group * g_step + c * c_step, filter0 + k * filter_sizes[1]
                        for _ in range(here):
                            multiply_panels(
                                *(filters, at, 1, OUTER_ROWS, OUTER_ROWS, points, source, slots, vectors, count),
                                *(products, target, slots, c > 0),
                            )
                            at += filter_sizes[0]
                            target += panel_size
            _write_block(products, p_step, strips, zeros, lanes, out, out_shape, sizes, results, number, panel, here)
        good = True
        for t in range(lanes):
            good &= zeros[t] == 0
        finite[first * tasks + task] = good


@njit
def _write_block(products, p_step, strips, zeros, lanes, out, shape, sizes, positions, number, panel0, panels):
    """Transform the products of a block of tiles and some panels, and write the results."""
    outputs, height, width = shape
    columns, block, pitch, slots = sizes[STRIP_TILES], sizes[BLOCK], sizes[PITCH], sizes[SLOTS]
    together = columns % max(1, lanes // RESULTS) == 0
    begin = number * block
    end = min(begin + block, sizes[TILES])
    strip0, first_output = begin // columns, panel0 * OUTER_ROWS
    for o in range(first_output, min((panel0 + panels) * OUTER_ROWS, outputs)):
        for group in range((end - begin + slots - 1) // slots):
            source = (group * panels * OUTER_ROWS + o - first_output) * slots
            for slot in range(begin + group * slots, begin + (group + 1) * slots, lanes):
                write_results(products, source, p_step, strips, 0, pitch, positions, slot, together, zeros)
                source += lanes
        for strip in range(strip0, (end - 1) // columns + 1):
            image, top = strip // sizes[IMAGE_STRIPS], strip % sizes[IMAGE_STRIPS] * RESULTS
            low = max(0, begin - strip * columns) * RESULTS
            high, rows = min(width, (end - strip * columns) * RESULTS), min(RESULTS, height - top)
            target = ((image * outputs + o) * height + top) * width + low
            source = (strip - strip0) * RESULTS * pitch + low
            if high - low >= lanes:
                copy_rows(out, target, width, strips, source, pitch, rows, high - low)
            else:
                for r in range(rows):
                    to = target + r * width
                    copy_run(out, to, strips, source + r * pitch, high - low, to + high - low, lanes)
            _fetch_rows(out, target + height * width, width, rows, high - low)  # of the next channel
