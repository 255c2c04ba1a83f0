"""The weight gradient of :mod:`.winograd_weight` where channels are few: a task computes all of it, for some tiles.

Otherwise all transformed tiles go from one core to another, through a cache that both share or, three times slower,
between two such caches. Here a task transforms a block of tiles that stays in its second-level cache and multiplies it,
one block of its *part* of the tiles after another; the parts are added in order. That pays as long as the sums of a
part, 36 for each weight, are few beside the tiles. Of the pixels only a *chunk* of channels is transformed at a time,
so that there is room for sums: with those of all channels, float64 took a tenth to a fifth longer.

There are as many parts as the machine has cores, if the tiles are enough for so many, and two at least: each part has
sums of its own, and with four parts on two cores weights of 128 to 128 channels took a tenth longer, small images a
fifth. Where there are more threads than parts, those of a part share its channels, and each transforms the gradients.

Blocks are so short that sums across lanes would take half as long as the products. So a vector holds channels, not
tiles: rows of pixels are transposed, which spares the transform from moving lanes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..geometry import Padding
from .buffers import scratch
from .grid import ceil_div
from .jit import njit
from .parallel import get_num_threads, parallel_for
from .plan import frozen
from .planes import clear_run
from .tile import OUTER_ROWS, OUTER_VECTORS, multiply_panels
from .vectors import lanes
from .weight_product import add_parts, gather, power_of_two
from .winograd_loops import GAP, PLACES, copy_filters, tile_count
from .winograd_tile import POINTS, RESULTS, TAPS, gradients_to_points, pixels_to_points, points_to_filters

CORES = os.cpu_count() or 1  # of the machine, whatever this process may use: the same bits for any number of threads
# Bytes of the transformed gradients of a block and pixels of a chunk, half of a second-level cache, and of the sums of
# all parts, at most.
_BLOCK_BYTES, _SUM_BYTES = 900_000, 40_000_000
# Tiles of a block, at least, before blocks are evened out: for each, the sums are read and written. So few as are
# enough may fill that cache.
_LEAST_TILES, _ENOUGH_TILES, _MOST_BYTES = 24, 32, 1_400_000
# Transformed numbers, at least, for each sum: of all tiles, and of a part where there are more than two.
_LEAST_NUMBERS, _NUMBERS_OF_PART = 2.5, 4


class Cut(NamedTuple):
    """How the sum over the tiles is cut."""

    parts: int  # not more than there are tiles
    block: int  # tiles
    chunk: int  # channels whose pixels are transformed at a time


@lru_cache(maxsize=256)
def cut(g: tuple[int, ...], x: tuple[int, ...], itemsize: int) -> Cut | None:
    """For results g (N, O, OH, OW) of pixels x (N, C, H, W), if it pays."""
    outputs, channels = (_padded(shape[1], itemsize) for shape in (g, x))
    tiles, numbers = tile_count(g), tile_count(g) * (outputs + channels) / (outputs * channels)
    chunk = chunk_of(channels, itemsize)
    sum_bytes = PLACES * outputs * ceil_div(channels, chunk) * chunk * itemsize
    tile_bytes = PLACES * (outputs + chunk) * itemsize
    block = max(_BLOCK_BYTES // tile_bytes, min(_MOST_BYTES // tile_bytes, _ENOUGH_TILES))
    parts = parts_for(min(int(numbers / _NUMBERS_OF_PART), tiles // _LEAST_TILES, _SUM_BYTES // sum_bytes))
    pays = numbers >= _LEAST_NUMBERS and parts * sum_bytes <= _SUM_BYTES and min(block, tiles // parts) >= _LEAST_TILES
    return Cut(parts, evened_out(tiles, parts, block), chunk) if pays else None


def parts_for(most: int) -> int:
    """One for each core, ``most`` at most, and a power of two; but two at least."""
    return max(2, power_of_two(min(CORES, most)))


def evened_out(tiles: int, parts: int, block: int) -> int:
    """Tiles of a block, ``block`` at most, where those of a part have as many."""
    of_part = ceil_div(tiles, parts)
    return ceil_div(of_part, ceil_div(of_part, block))


def chunk_of(channels: int, itemsize: int) -> int:
    """Channels of a register tile: two vectors, or three where one would be left over."""
    vector, padded = lanes(f"f{itemsize}"), _padded(channels, itemsize)
    return min((2 if padded // vector % 2 == 0 else OUTER_VECTORS) * vector, padded)


def _padded(channels: int, itemsize: int) -> int:
    """So many fill whole vectors."""
    vector = lanes(f"f{itemsize}")
    return ceil_div(channels, vector) * vector


@lru_cache(maxsize=256)
def planes(shape: tuple[int, ...], itemsize: int) -> np.ndarray:
    """Where the channels of an image (N, C, H, W) begin, for whole vectors of them."""
    _, channels, height, width = shape
    return frozen(np.minimum(np.arange(_padded(channels, itemsize)), channels - 1) * height * width)


def weight_gradient(g: np.ndarray, x: np.ndarray, padding: Padding, how: Cut) -> tuple[np.ndarray, bool]:
    """The adjoint of ``conv2d`` in w, from g (N, O, OH, OW) and x (N, C, H, W), and whether it is finite."""
    return in_parts((_multiply_parts, _collect), g, x, padding, how, (tile_count(g.shape), PLACES, PLACES))


def in_parts(
    kernels: tuple[Callable, Callable],
    g: np.ndarray,
    x: np.ndarray,
    padding: Padding,
    how: Cut,
    counts: tuple[int, int, int],
    *more: Any,
) -> tuple[np.ndarray, bool]:
    """The weight gradient, and whether it is finite: the sums of each part, added up and transformed.

    kernels : one that adds up the products of tiles, one that transforms the sums of some outputs.
    counts : tiles, and sums and products for each weight.
    more : what the first kernel takes besides.
    """
    outputs, channels, (tiles, places, products) = g.shape[1], x.shape[1], counts
    g_planes, x_planes = planes(g.shape, x.itemsize), planes(x.shape, x.itemsize)
    # the sums lie chunk by chunk: else those of a chunk are in few sets of a cache
    places, step = ceil_div(x_planes.size, how.chunk) * places, outputs * how.chunk + GAP
    sums, (add_up, collect) = np.empty(how.parts * places * step, x.dtype), kernels
    shares = min(ceil_div(get_num_threads(), how.parts), ceil_div(x_planes.size, how.chunk))  # which change no sum
    parallel_for(
        *(add_up, how.parts * shares, g.reshape(-1), g.shape[1:], g_planes, x.reshape(-1), x.shape[1:], x_planes),
        *((padding[0][0], padding[1][0]), (*how, shares), sums, places, step, tiles, lanes(x.dtype), *more),
        cost=products * tiles * x_planes.size * (outputs + 16) / 8 / how.parts / shares,
    )
    total = sums[: places * step]
    parallel_for(add_parts, places, sums, total, how.parts, step, cost=step * how.parts / 8)
    gw, finite = np.empty((outputs, channels, TAPS, TAPS), x.dtype), np.empty(outputs, np.bool_)
    parallel_for(
        *(collect, outputs, total, how.chunk, step, gw.reshape(-1), channels, lanes(x.dtype), finite),
        cost=places * how.chunk + 14 * channels,
    )
    return gw, bool(finite.all())


@njit
def _multiply_parts(
    start, stop, g, g_shape, g_planes, x, x_shape, x_planes, corner, cut, sums, places, step, tiles, lanes
):
    outputs, grid = g_shape[0], ((g_shape[1] + RESULTS - 1) // RESULTS, (g_shape[2] + RESULTS - 1) // RESULTS)
    (parts, block, chunk, shares), all_outputs = cut, g_planes.size
    g_step, x_step = block * all_outputs + GAP, block * chunk + GAP
    gradients, pixels = scratch(PLACES * g_step, x.dtype), scratch(PLACES * x_step, x.dtype)
    strip = scratch((POINTS * (RESULTS * grid[1] + 2) + lanes) * lanes, x.dtype)
    for task in range(start, stop):
        part, first, last, low, high = task_of(task, parts, shares, tiles, x_planes.size, chunk)
        for begin in range(first, last, block):
            count, target = min(block, last - begin), (part * places + low // chunk * PLACES) * step
            transform_tiles(
                *(g, g_shape, g_planes, 0, all_outputs, RESULTS, (0, 0), grid, begin, count, lanes, strip),
                *(gradients, 0, (g_step, all_outputs, 0)),
            )
            for c in range(low, high, chunk):
                here = min(chunk, high - c)
                transform_tiles(
                    *(x, x_shape, x_planes, c, here, POINTS, corner, grid, begin, count, lanes, strip),
                    *(pixels, 0, (x_step, chunk, 0)),
                )
                for k in range(PLACES):
                    multiply_tiles(
                        *(gradients, k * g_step, all_outputs, outputs, pixels, k * x_step, chunk, here),
                        *(count, sums, target, chunk, begin > first, lanes),
                    )
                    target += step


@njit
def task_of(task, parts, shares, tiles, channels, chunk):
    """The part that a task belongs to, where its tiles and its share of the channels, whole chunks, begin and end."""
    part, share, chunks = task // shares, task % shares, (channels + chunk - 1) // chunk
    low, high = share * chunks // shares * chunk, min((share + 1) * chunks // shares * chunk, channels)
    return part, part * tiles // parts, (part + 1) * tiles // parts, low, high


@njit
def multiply_tiles(
    gradients, g0, g_step, outputs, pixels, x0, x_step, channels, tiles, sums, target, pitch, add, lanes
):
    """``sums[target + o·pitch + c]``: the sum over some tiles of gradient o times pixel c, added with ``add``.

    g_step, x_step : from one tile to the next. Whole vectors of channels are written.
    """
    vectors = (channels + lanes - 1) // lanes
    wide = vectors if vectors <= OUTER_VECTORS else 2
    for o in range(0, outputs, OUTER_ROWS):
        rows = min(OUTER_ROWS, outputs - o)
        for v in range(0, vectors, wide):
            c = v * lanes
            multiply_panels(
                *(gradients, g0 + o, 1, g_step, rows, pixels, x0 + c, x_step, min(wide, vectors - v), tiles),
                *(sums, target + o * pitch + c, pitch, add),
            )


@njit
def transform_tiles(
    x, shape, planes, c0, count, side, corner, grid, begin, tiles, lanes, strip, points, first_to, steps
):
    """Transform the pixels (side 6) or gradients (4) of some tiles, ``count`` channels from c0 on.

    corner, grid : where the first tile begins, how many rows before the image and columns; rows and columns of tiles.
    steps : from one of the 36 places to the next, from one tile to the next, which is the number of channels side by
        side, and from these channels to the next ones.
    """
    (top, left), (tile_rows, tile_columns), (step, pitch, far), end = corner, grid, steps, begin + tiles
    for s in range(begin // tile_columns, (end - 1) // tile_columns + 1):  # strips: rows of tiles
        image, top_row = s // tile_rows, s % tile_rows * RESULTS - top
        low, high = max(begin - s * tile_columns, 0), min(end - s * tile_columns, tile_columns)
        first, line = low * RESULTS - left, (high - low) * RESULTS + side - RESULTS  # in pixels
        for c in range(0, count, lanes):
            read_strip(x, shape, planes, c0 + c, image, top_row, side, first, line, lanes, strip)
            to = first_to + (s * tile_columns + low - begin) * pitch + c // pitch * far + c % pitch
            for at in range(0, (high - low) * RESULTS * lanes, RESULTS * lanes):
                if side == POINTS:
                    pixels_to_points(strip, at, line * lanes, points, to, step)
                else:
                    gradients_to_points(strip, at, line * lanes, points, to, step)
                to += pitch


@njit
def read_strip(x, shape, planes, c, image, top_row, rows, corner, line, lanes, strip):
    """Read rows of ``line`` pixels of an image, from ``top_row`` and column ``corner`` on; zeros lie beside the image.

    A vector holds one pixel of the channels from c on.
    """
    channels, height, width = shape
    first, last = max(corner, 0), min(corner + line, width)
    for r in range(rows):
        at, row = r * line * lanes, top_row + r
        if row < 0 or row >= height:
            clear_run(strip, at, line * lanes, lanes)
            continue
        clear_run(strip, at, (first - corner) * lanes, lanes)
        place, source = at + (first - corner) * lanes, (image * channels * height + row) * width + first
        gather(x, source, last - first, planes, c, lanes, strip, place, lanes)
        clear_run(strip, at + (last - corner) * lanes, (corner + line - last) * lanes, lanes)


@njit
def _collect(start, stop, sums, chunk, step, gw, channels, lanes, finite):
    pitch = (channels + lanes - 1) // lanes * lanes + GAP
    taps = scratch(TAPS * TAPS * pitch, gw.dtype)
    for o in range(start, stop):
        for c in range(0, channels, lanes):
            points_to_filters(sums, c // chunk * PLACES * step + o * chunk + c % chunk, step, taps, c, pitch)
        finite[o] = copy_filters(taps, pitch, gw, o * channels * TAPS * TAPS, channels)
