"""The weight gradient of :mod:`.winograd_weight` where channels are few: a task computes all of it, for some tiles.

Otherwise all transformed tiles go from one core to another, through a cache that both share or, three times slower,
between two such caches. Here a task transforms a block of tiles that stays in its second-level cache and multiplies it,
one block of its *part* of the tiles after another; the parts are added in order. That pays as long as the sums of all
parts, 36 for each weight, are few beside the tiles.

Blocks are so short that sums across lanes would take half as long as the products. So a vector holds channels, not
tiles: rows of pixels are transposed, which spares the transform from moving lanes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..geometry import Padding
from .buffers import scratch
from .grid import ceil_div
from .jit import njit
from .parallel import parallel_for
from .plan import frozen
from .planes import clear_run
from .tile import OUTER_ROWS, multiply_outer_one, multiply_outer_two
from .vectors import lanes
from .weight_product import add_parts, gather
from .winograd_loops import GAP, PLACES, tile_count, write_filters
from .winograd_tile import POINTS, RESULTS, TAPS, gradients_to_points, pixels_to_points

# Bytes, at most, of the transformed tiles of a block, most of a second-level cache, and of the sums of all parts.
_BLOCK_BYTES, _SUM_BYTES = 900_000, 10_000_000
# Tiles of a block, at least: for each, the sums are read and written. So few may fill that cache.
_LEAST_TILES, _MOST_BYTES = 24, 1_400_000
# Transformed numbers for each sum of one part, and parts: the first that the tiles are enough for.
_PARTS = ((64, 16), (12, 8), (1.5, 4))


class Cut(NamedTuple):
    """How the sum over the tiles is cut."""

    parts: int
    block: int  # tiles


@lru_cache(maxsize=256)
def cut(g: tuple[int, ...], x: tuple[int, ...], itemsize: int) -> Cut | None:
    """For results g (N, O, OH, OW) of pixels x (N, C, H, W), if it pays."""
    outputs, channels = (_padded(shape[1], itemsize) for shape in (g, x))
    tiles, numbers = tile_count(g), tile_count(g) * (outputs + channels) / (outputs * channels)
    most = _SUM_BYTES // (PLACES * outputs * channels * itemsize)
    parts = next((parts for least, parts in _PARTS if numbers >= least and parts <= most), 1)
    tile_bytes = PLACES * (outputs + channels) * itemsize
    block = min(max(_BLOCK_BYTES // tile_bytes, _LEAST_TILES), tiles // parts)
    if parts == 1 or block < _LEAST_TILES or block * tile_bytes > _MOST_BYTES:
        return None
    return Cut(parts, block)


def _padded(channels: int, itemsize: int) -> int:
    """So many fill whole vectors."""
    vector = lanes(f"f{itemsize}")
    return ceil_div(channels, vector) * vector


@lru_cache(maxsize=256)
def planes(shape: tuple[int, ...], itemsize: int) -> np.ndarray:
    """Where the channels of an image (N, C, H, W) begin, for whole vectors of them."""
    _, channels, height, width = shape
    return frozen(np.minimum(np.arange(_padded(channels, itemsize)), channels - 1) * height * width)


@lru_cache(maxsize=256)
def tile_table(block: int, *pitches: int) -> np.ndarray:
    """Where the numbers of the tiles of a block are, for rows of so many outputs and channels."""
    return frozen(np.arange(block)[:, None] * pitches)


def weight_gradient(g: np.ndarray, x: np.ndarray, padding: Padding, how: Cut) -> tuple[np.ndarray, bool]:
    """The adjoint of ``conv2d`` in w, from g (N, O, OH, OW) and x (N, C, H, W), and whether it is finite."""
    outputs, channels, vector, tiles = g.shape[1], x.shape[1], lanes(x.dtype), tile_count(g.shape)
    g_planes, x_planes = planes(g.shape, x.itemsize), planes(x.shape, x.itemsize)
    table = tile_table(how.block, g_planes.size, x_planes.size)
    step = outputs * x_planes.size + GAP
    sums = np.empty(how.parts * PLACES * step, x.dtype)
    (top, _), (left, _) = padding
    parallel_for(
        *(_multiply_parts, how.parts, g.reshape(-1), g.shape[1:], g_planes, x.reshape(-1), x.shape[1:], x_planes),
        *(top, left, table, sums, tiles, how.parts, vector),
        cost=PLACES * tiles * x_planes.size * (outputs + 16) / 8 / how.parts,
    )
    return add_up_parts(_collect, sums, how.parts, PLACES, step, (outputs, channels), x_planes.size)


def add_up_parts(
    collect: Callable, sums: np.ndarray, parts: int, places: int, step: int, filters: tuple[int, int], padded: int
) -> tuple[np.ndarray, bool]:
    """The weight gradient (outputs, channels, 3, 3) from the sums of all parts, and whether it is finite.

    collect : transforms the sums of some outputs, whose channels are ``padded``, at ``places`` that are a step apart.
    """
    (outputs, channels), total = filters, sums[: places * step]
    parallel_for(add_parts, places, sums, total, parts, step, cost=step * parts / 8)
    gw, finite = np.empty((outputs, channels, TAPS, TAPS), sums.dtype), np.empty(outputs, np.bool_)
    parallel_for(
        *(collect, outputs, total, padded, step, gw.reshape(-1), channels, lanes(sums.dtype), finite),
        cost=channels * (places + 14),
    )
    return gw, bool(finite.all())


@njit
def _multiply_parts(
    start, stop, g, g_shape, g_planes, x, x_shape, x_planes, top, left, table, sums, tiles, parts, lanes
):
    outputs, padded, block = g_shape[0], x_planes.size, table.size // 2
    rows, columns = (g_shape[1] + RESULTS - 1) // RESULTS, (g_shape[2] + RESULTS - 1) // RESULTS
    step, g_step, x_step = outputs * padded + GAP, block * g_planes.size + GAP, block * padded + GAP
    gradients, pixels = scratch(PLACES * g_step, x.dtype), scratch(PLACES * x_step, x.dtype)
    strip = scratch((POINTS * (RESULTS * columns + 2) + lanes) * lanes, x.dtype)
    for part in range(start, stop):
        begin, last, add = part * tiles // parts, (part + 1) * tiles // parts, False
        while begin < last:
            count = min(block, last - begin)
            end = begin + count
            transform_tiles(
                *(g, g_shape, g_planes, RESULTS, 0, 0, rows, columns, begin, end, lanes, strip),
                *(gradients, 0, (g_step, g_planes.size, 0)),
            )
            transform_tiles(
                *(x, x_shape, x_planes, POINTS, top, left, rows, columns, begin, end, lanes, strip),
                *(pixels, 0, (x_step, padded, 0)),
            )
            for k in range(PLACES):
                g0, x0, target = k * g_step, k * x_step, (part * PLACES + k) * step
                multiply_tiles(
                    *(gradients, g0, outputs, pixels, x0, padded, table, count, sums, target, padded, add, lanes)
                )
            begin, add = end, True


@njit
def multiply_tiles(gradients, g0, outputs, pixels, x0, channels, table, tiles, sums, target, pitch, add, lanes):
    """``sums[target + o·pitch + c]``: the sum over some tiles of gradient o times pixel c, added with ``add``.

    table : where the gradients and the pixels of a tile are, from g0 and x0 on. Whole vectors of channels are written.
    """
    for o in range(0, outputs, OUTER_ROWS):
        at, here = g0 + o, min(OUTER_ROWS, outputs - o)
        for c in range(0, channels, 2 * lanes):
            x_at, to = x0 + c, target + o * pitch + c
            if channels - c <= lanes:
                multiply_outer_one(gradients, at, 1, here, pixels, x_at, table, 0, tiles, sums, to, pitch, add)
            else:
                multiply_outer_two(gradients, at, 1, here, pixels, x_at, table, 0, tiles, sums, to, pitch, add)


@njit
def transform_tiles(
    x, shape, planes, side, top, left, tile_rows, tile_columns, begin, end, lanes, strip, points, first_to, steps
):
    """Transform the pixels (side 6) or gradients (4) of some tiles: some channels of one, then of the next.

    steps : from one of the 36 places to the next, from one tile to the next, which is the number of channels side by
        side, and from these channels to the next ones.
    """
    step, pitch, far = steps
    for s in range(begin // tile_columns, (end - 1) // tile_columns + 1):  # strips: rows of tiles
        image, top_row = s // tile_rows, s % tile_rows * RESULTS - top
        low, high = max(begin - s * tile_columns, 0), min(end - s * tile_columns, tile_columns)
        corner, line = low * RESULTS - left, (high - low) * RESULTS + side - RESULTS  # in pixels
        for c in range(0, planes.size, lanes):
            read_strip(x, shape, planes, c, image, top_row, side, corner, line, lanes, strip)
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
def _collect(start, stop, sums, padded, step, gw, channels, lanes, finite):
    taps = scratch(TAPS * TAPS * (padded + GAP), gw.dtype)
    for o in range(start, stop):
        target = o * channels * TAPS * TAPS
        finite[o] = write_filters(sums, o * padded, step, taps, padded + GAP, gw, target, channels, lanes)
