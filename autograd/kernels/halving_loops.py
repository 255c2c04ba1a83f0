"""The loops of :mod:`.halving`: tiles are read and transformed, multiplied and written."""

from __future__ import annotations

import numpy as np

from .buffers import scratch
from .halving_tile import (
    FILTER_POINTS,
    TAPS,
    filters_to_points,
    gradients_to_points,
    pixels_to_points,
    products_to_pixels,
    sums_to_results,
)
from .jit import njit
from .moves import clear_vector, copy_rows, fetch
from .planes import clear_run
from .tile import OUTER_ROWS, OUTER_VECTORS, multiply_panels
from .weight_product import gather

# Elements behind each point of all channels: a vector that begins in the last one may end there. Without them, all
# points begin in one set of the first-level cache.
GAP = 16
# Channels that are multiplied at a time: their points stay in the first-level cache for all filters.
_RUN = 96
# A segment is a row of neighbouring tiles in one *group*, which is as wide as a register tile: where they are read
# and written, how many they are, and how many rows and columns of results.
IMAGE, ROW, COLUMN, TILES, GROUP, SLOT, TARGET, ROWS, COLUMNS = range(9)
# Of a task: shares of a block, points of a channel, the distance of two of them and of two points of the filters,
# panels of output channels at a time, groups of a block, and sums.
SHARES, POINTS, POINT_STEP, FILTER_STEP, CHUNK, GROUPS, SUMS = range(7)


@njit
def transform_filters(start, stop, w, turned, channels, outputs, filters, step, lanes):
    """Transform the filters of some columns of output channels, as many as fill a vector, or a register tile."""
    abreast, size = max(OUTER_ROWS, lanes), TAPS * TAPS * lanes
    taps, offsets = scratch((channels * TAPS * TAPS + lanes) * lanes, w.dtype), scratch(lanes, np.int64)
    for column in range(start, stop):
        for v in range(0, abreast, lanes):
            for m in range(lanes):
                o = min(column * abreast + v + m, outputs - 1)  # those behind the last are thrown away
                offsets[m] = o * TAPS * TAPS * (1 if turned else channels)
            at = column * FILTER_POINTS**2 * step + v
            if not turned:
                gather(w, 0, channels * TAPS * TAPS, offsets, 0, lanes, taps, 0, lanes)
            for c in range(channels):
                if turned:
                    gather(w, c * outputs * TAPS * TAPS, TAPS * TAPS, offsets, 0, lanes, taps, 0, lanes)
                    filters_to_points(taps, size - lanes, -lanes, filters, at, step)
                else:
                    filters_to_points(taps, c * size, lanes, filters, at, step)
                at += abreast


@njit
def convolve(
    start, stop, x, x_shape, left, adjoint, filters, segments, blocks, products, sizes, lanes, out, out_shape, finite
):
    """Read the tiles of blocks, multiply them with the filters of shares of the outputs, and write the results."""
    (channels, _, _), (outputs, height, width), shares, chunk = x_shape, out_shape, sizes[SHARES], sizes[CHUNK]
    slots, point_step, column_step = OUTER_VECTORS * lanes, sizes[POINT_STEP], FILTER_POINTS**2 * sizes[FILTER_STEP]
    abreast, panels, panel_size = max(OUTER_ROWS, lanes), (outputs + OUTER_ROWS - 1) // OUTER_ROWS, OUTER_ROWS * slots
    group_step = sizes[POINTS] * point_step
    points = scratch(sizes[GROUPS] * group_step, x.dtype)
    step = chunk * panel_size + GAP
    sums, zeros = scratch(sizes[SUMS] * step + lanes, x.dtype), scratch(lanes, x.dtype)
    wide, high, read = (2, 4, 3) if adjoint else (4, 2, 5)
    pitch = left + x_shape[2] + wide + lanes
    strip = scratch(read * pitch + 2 * (wide + 1) * lanes, x.dtype)
    clear_run(strip, 0, strip.size - lanes, lanes)
    for task in range(start, stop):
        block, share = task // shares, task % shares
        first, end = blocks[block], blocks[block + 1]
        if task == start or share == 0:
            transform(x, x_shape, left, adjoint, segments, first, end, strip, pitch, lanes, points, sizes)
        clear_vector(zeros, 0)
        last = (share + 1) * panels // shares
        for panel in range(share * panels // shares, last, chunk):
            here, segment = min(chunk, last - panel), first
            for group in range(segments[end - 1, GROUP] + 1):
                begin = segment
                while segment < end and segments[segment, GROUP] == group:
                    segment += 1
                vectors = (segments[segment - 1, SLOT] + segments[segment - 1, TILES] + lanes - 1) // lanes
                for k in range(products.shape[0]):
                    w0, p0 = products[k, 0], group * group_step + products[k, 1]
                    for c in range(0, channels, _RUN):
                        to, count, add = products[k, 2] * step, min(_RUN, channels - c), c > 0 or products[k, 3] > 0
                        for o in range(panel * OUTER_ROWS, (panel + here) * OUTER_ROWS, OUTER_ROWS):
                            at = o // abreast * column_step + o % abreast + w0 + c * abreast
                            multiply_panels(
                                *(filters, at, 1, abreast, OUTER_ROWS, points, p0 + c * slots, slots, vectors, count),
                                *(sums, to, slots, add),
                            )
                            to += panel_size
                for o in range(panel * OUTER_ROWS, min((panel + here) * OUTER_ROWS, outputs)):
                    for s in range(begin, segment):
                        source = (o - panel * OUTER_ROWS) * slots + segments[s, SLOT]
                        target, rows = segments[s, TARGET] + o * height * width, segments[s, ROWS]
                        columns = segments[s, COLUMNS]
                        for r in range(rows):
                            fetch(out, target + (height + r) * width, columns)  # of the next output
                        while columns > 0:
                            if adjoint:
                                products_to_pixels(sums, source, step, out, target, width, rows, columns, zeros)
                            else:
                                sums_to_results(sums, source, step, out, target, width, rows, columns, zeros)
                            source, target, columns = source + lanes, target + high * lanes, columns - high * lanes
        good = True
        for t in range(lanes):
            good &= zeros[t] == 0
        finite[task] = good


@njit
def transform(x, shape, left, adjoint, segments, first, end, strip, pitch, lanes, points, sizes):
    """Read the tiles of a block and transform them: channel by channel, what is too much of one is overwritten."""
    (channels, height, width), point_step = shape, sizes[POINT_STEP]
    slots, group_step, (wide, read) = OUTER_VECTORS * lanes, sizes[POINTS] * point_step, (2, 3) if adjoint else (4, 5)
    used = segments[end - 1, SLOT] + segments[end - 1, TILES]
    if used % lanes > 0:
        for k in range(sizes[POINTS]):
            for c in range(channels):
                at = segments[end - 1, GROUP] * group_step + k * point_step + c * slots
                clear_vector(points, at + used // lanes * lanes)
    for c in range(channels):
        for s in range(first, end):
            image, row, column, tiles = segments[s, IMAGE], segments[s, ROW], segments[s, COLUMN], segments[s, TILES]
            if s == first or image != segments[s - 1, IMAGE] or row != segments[s - 1, ROW]:
                above, below = min(max(0, -row), read), max(0, min(read, height - row))
                clear_run(strip, 0, above * pitch, lanes)
                if above < below:
                    source, place = ((image * channels + c) * height + row + above) * width, above * pitch + left
                    rows = below - above
                    if source + (rows - 1) * width + max(width, lanes) <= x.size:
                        copy_rows(strip, place, pitch, x, source, width, rows, width)
                        fetch(x, source + height * width, rows * width)  # of the next channel
                    else:
                        for t in range(rows * width):
                            strip[place + t // width * pitch + t % width] = x[source + t]
                clear_run(strip, below * pitch, (read - below) * pitch, lanes)
            to = segments[s, GROUP] * group_step + c * slots + segments[s, SLOT]
            for t in range(0, tiles, lanes):
                if adjoint:
                    gradients_to_points(strip, column + t * wide, pitch, points, to + t, point_step)
                else:
                    pixels_to_points(strip, column + t * wide, pitch, points, to + t, point_step)
