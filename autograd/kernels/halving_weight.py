"""The weight gradient of :mod:`.halving`, its adjoint in the filter.

In one direction, two gradients g of results and the five pixels d that they meet add to the gradients of three taps

    s = g0·(d0 − d2), g0·d1 + g1·d3, (g0 + g1)·d2, g1·(d4 − d2)
    taps = s0 + s2, s1, s2 + s3

so that of 36 products 25 are left, and 16 sums over all tiles. As in :mod:`.winograd_parts` a task transforms the tiles
of a block, with a channel in each lane and a *chunk* of channels at a time, and adds their products to the sums of its
*part* of all tiles.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..geometry import Padding
from .buffers import scratch
from .grid import ceil_div
from .halving_loops import GAP
from .halving_tile import (
    TAPS,
    gradients_of_channels_to_points,
    pixels_of_channels_to_points,
    sums_to_filters,
)
from .jit import njit
from .plan import frozen
from .winograd_loops import copy_filters, tile_count
from .winograd_parts import (
    Cut,
    chunk_of,
    evened_out,
    in_parts,
    multiply_tiles,
    parts_for,
    planes,
    read_strip,
    task_of,
)

# Results, and pixels, from one tile to the next; pixels of a tile.
_RESULTS, _STEP, _SIDE = 2, 4, 5
_SUMS, _GRADIENTS = 16, 9  # and points of gradients
# Of each product in one direction, the points of the gradients and of the pixels, and the sum; the last one that is
# added to a sum that has begun.
_PRODUCTS = ((0, 0, 0), (0, 1, 1), (1, 2, 2), (2, 4, 3), (2, 3, 1))
# Bytes, at most, of the transformed tiles of a block, half of a second-level cache, of the sums of a part, and of those
# of all parts: with sums of 128 to 256 channels, 2 MB, two parts took a twentieth longer than the direct sum.
_BLOCK_BYTES, _PART_BYTES, _SUM_BYTES = 900_000, 1_100_000, 4_200_000
# Tiles, at least, of a part and of a block: for each, the sums are written.
_PART_TILES, _BLOCK_TILES = 64, 24
_LEAST_WORK = 500_000


@lru_cache(maxsize=256)
def cut(g: tuple[int, ...], x: tuple[int, ...], padding: Padding, dtype: Any) -> Cut | None:
    """For results g (N, O, OH, OW) of pixels x (N, C, H, W), if it pays: where tiles are many beside the weights."""
    itemsize, tiles = np.dtype(dtype).itemsize, tile_count(g, _RESULTS)
    outputs, channels = (planes(shape, itemsize).size for shape in (g, x))
    chunk = chunk_of(channels, itemsize)
    sum_bytes = _SUMS * outputs * ceil_div(channels, chunk) * chunk * itemsize
    block = max(1, _BLOCK_BYTES // ((_GRADIENTS * outputs + _SIDE**2 * chunk) * itemsize))
    parts = parts_for(min(_SUM_BYTES // sum_bytes, tiles // _PART_TILES))
    block = evened_out(tiles, parts, block)
    pays = (
        sum_bytes <= _PART_BYTES
        and tiles >= parts * _PART_TILES
        and tiles * g[1] * x[1] >= _LEAST_WORK
        and g[1] * x[1] >= 16 * (g[1] + x[1])
        and block >= _BLOCK_TILES
        and g[0] * g[2] * g[3] >= 0.8 * _RESULTS**2 * tiles
        and min(map(min, padding)) >= 0
        and max(map(max, padding)) < TAPS
    )
    return Cut(parts, block, chunk) if pays else None


@lru_cache
def _products() -> np.ndarray:
    """For all products: the points, the sum and whether it has begun."""
    rows = []
    for i, (g, x, s) in enumerate(_PRODUCTS):
        for j, (right_g, right_x, right_s) in enumerate(_PRODUCTS):
            rows.append((3 * g + right_g, _SIDE * x + right_x, 4 * s + right_s, i == 4 or j == 4))
    return frozen(rows)


def weight_gradient(g: np.ndarray, x: np.ndarray, padding: Padding, how: Cut) -> tuple[np.ndarray, bool]:
    """The adjoint of ``conv2d`` in w, from g (N, O, OH, OW) and x (N, C, H, W), and whether it is finite."""
    counts = tile_count(g.shape, _RESULTS), _SUMS, _SIDE**2
    return in_parts((_add_parts, _collect), g, x, padding, how, counts, _products())


@njit
def _add_parts(
    start, stop, g, g_shape, g_planes, x, x_shape, x_planes, corner, cut, sums, places, step, tiles, lanes, products
):
    outputs, grid = g_shape[0], ((g_shape[1] + _RESULTS - 1) // _RESULTS, (g_shape[2] + _RESULTS - 1) // _RESULTS)
    (parts, block, chunk, shares), all_outputs = cut, g_planes.size
    g_step, x_step = block * all_outputs + GAP, block * chunk + GAP
    gradients, pixels = scratch(_GRADIENTS * g_step, x.dtype), scratch(_SIDE * _SIDE * x_step, x.dtype)
    strip = scratch((_SIDE * (_STEP * grid[1] + 1) + lanes) * lanes, x.dtype)
    for task in range(start, stop):
        part, first, last, low, high = task_of(task, parts, shares, tiles, x_planes.size, chunk)
        for begin in range(first, last, block):
            count, target = min(block, last - begin), (part * places + low // chunk * _SUMS) * step
            _transform(
                *(g, g_shape, g_planes, 0, all_outputs, True, (0, 0), grid, begin, count, lanes, strip),
                *(gradients, g_step, all_outputs),
            )
            for c in range(low, high, chunk):
                here = min(chunk, high - c)
                _transform(
                    *(x, x_shape, x_planes, c, here, False, corner, grid, begin, count, lanes, strip),
                    *(pixels, x_step, chunk),
                )
                for k in range(products.shape[0]):
                    g0, x0, more = products[k, 0] * g_step, products[k, 1] * x_step, begin > first or products[k, 3] > 0
                    multiply_tiles(
                        *(gradients, g0, all_outputs, outputs, pixels, x0, chunk, here),
                        *(count, sums, target + products[k, 2] * step, chunk, more, lanes),
                    )
                target += _SUMS * step


@njit
def _transform(
    x, shape, planes, c0, count, of_results, corner, grid, begin, tiles, lanes, strip, points, point_step, pitch
):
    """Transform the pixels, or gradients, of some tiles, ``count`` channels from c0 on, side by side."""
    (top, left), (tile_rows, tile_columns), end = corner, grid, begin + tiles
    side, apart = (_RESULTS, _RESULTS) if of_results else (_SIDE, _STEP)
    for s in range(begin // tile_columns, (end - 1) // tile_columns + 1):  # strips: rows of tiles
        image, top_row = s // tile_rows, s % tile_rows * apart - top
        low, high = max(begin - s * tile_columns, 0), min(end - s * tile_columns, tile_columns)
        first, line = low * apart - left, (high - low) * apart + side - apart  # in pixels
        for c in range(0, count, lanes):
            read_strip(x, shape, planes, c0 + c, image, top_row, side, first, line, lanes, strip)
            to = (s * tile_columns + low - begin) * pitch + c
            for at in range(0, (high - low) * apart * lanes, apart * lanes):
                if of_results:
                    gradients_of_channels_to_points(strip, at, line * lanes, points, to, point_step)
                else:
                    pixels_of_channels_to_points(strip, at, line * lanes, points, to, point_step)
                to += pitch


@njit
def _collect(start, stop, sums, chunk, step, gw, channels, lanes, finite):
    pitch = (channels + lanes - 1) // lanes * lanes + GAP
    taps = scratch(TAPS * TAPS * pitch, gw.dtype)
    for o in range(start, stop):
        for c in range(0, channels, lanes):
            sums_to_filters(sums, c // chunk * _SUMS * step + o * chunk + c % chunk, step, taps, c, pitch)
        finite[o] = copy_filters(taps, pitch, gw, o * channels * TAPS * TAPS, channels)
