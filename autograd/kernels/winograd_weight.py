"""The weight gradient of a 3 × 3 filter by minimal filtering; :mod:`.winograd` has the equation.

Pixels and gradients are transformed, some blocks of tiles at a time. For each of the 36 places, the sum over the tiles
is a product of two matrices whose rows are contiguous, which :func:`.tile.add_dots` adds to the sums so far.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..geometry import Padding
from . import winograd
from .jit import njit
from .parallel import parallel_for
from .plan import ceil_div
from .tile import DOT_ROWS, DOT_TAPS, add_dots, dot_results
from .vectors import lanes
from .winograd import GAP, PLACES, group_slots, tile_count, tiling, transform
from .winograd_tile import POINTS, RESULTS, TAPS, points_to_filters

# Bytes of the transformed tiles of one block (3 MB took 10 % longer, adding up lanes too often), and at least so many
# groups.
_BLOCK_BYTES, _LEAST_GROUPS = 6_000_000, 4
# Tiles below which reading and writing 36 sums for each weight costs as much as is saved.
_LEAST_TILES = 96


def pays(g: tuple[int, ...], x: tuple[int, ...], padding: Padding, dtype: Any) -> bool:
    """``winograd.pays`` for the gradient from results g and pixels x; fewer than 8 channels leave dot products idle."""
    return tile_count(g) >= _LEAST_TILES and min(x[1], g[1]) >= 8 and winograd.pays(x, g, padding, dtype)


def weight_gradient(g: np.ndarray, x: np.ndarray, padding: Padding) -> tuple[np.ndarray, bool]:
    """The adjoint of ``conv2d`` in w, from g (N, O, OH, OW) and x (N, C, H, W), and whether it is finite."""
    outputs, channels, vector, group = g.shape[1], x.shape[1], lanes(x.dtype), group_slots(x.dtype)
    groups = ceil_div(tile_count(g.shape), group)
    most = max(_LEAST_GROUPS, _BLOCK_BYTES // (PLACES * group * (channels + outputs) * x.itemsize))
    slots = ceil_div(groups, ceil_div(groups, most)) * group
    how = tiling(x.shape[0], g.shape[2:], slots)
    o_blocks, c_blocks = ceil_div(outputs, DOT_ROWS), ceil_div(channels, DOT_TAPS)
    pixels = np.empty((PLACES, c_blocks * DOT_TAPS * slots + GAP), x.dtype)
    gradients = np.empty((PLACES, o_blocks * DOT_ROWS * slots + GAP), x.dtype)
    sums = np.zeros((PLACES, o_blocks, c_blocks, dot_results(DOT_ROWS, DOT_TAPS, x.dtype)), x.dtype)
    (top, _), (left, _) = padding
    for block in range(len(how.pixels) // slots):
        here = min(slots, ceil_div(tile_count(g.shape) - block * slots, group) * group)
        parallel_for(
            *(transform, channels, x, how.sizes, how.pixels, POINTS, top, left, block, vector, pixels, slots, group),
            cost=50 * slots,
        )
        parallel_for(
            *(transform, outputs, g, how.sizes, how.results, RESULTS, 0, 0, block, vector, gradients, slots, group),
            cost=50 * slots,
        )
        parallel_for(
            *(_add_tiles, PLACES * c_blocks, gradients, pixels, here, slots, sums), cost=slots * outputs * DOT_TAPS / 8
        )
    gw = np.empty((outputs, channels, TAPS, TAPS), x.dtype)
    finite = np.empty(o_blocks, np.bool_)
    parallel_for(_collect, o_blocks, sums, gw.reshape(outputs, channels, -1), vector, finite, cost=channels * 200)
    return gw, bool(finite.all())


@njit
def _add_tiles(start, stop, gradients, pixels, length, slots, sums):
    _, o_blocks, c_blocks, results = sums.shape
    offsets = np.arange(DOT_TAPS) * slots
    flat_gradients, flat_pixels, flat_sums = gradients.reshape(-1), pixels.reshape(-1), sums.reshape(-1)
    for task in range(start, stop):
        k, c = task // c_blocks, task % c_blocks
        p0 = k * pixels.shape[1] + c * DOT_TAPS * slots
        for o in range(o_blocks):
            r0 = k * gradients.shape[1] + o * DOT_ROWS * slots
            at = ((k * o_blocks + o) * c_blocks + c) * results
            add_dots(flat_gradients, r0, slots, flat_pixels, p0, offsets, 0, length, flat_sums, at)


@njit
def _collect(start, stop, sums, gw, lanes, finite):
    """Transform the sums of each pair of channels into the gradient of its 9 weights."""
    outputs, channels = gw.shape[0], gw.shape[1]
    c_blocks = sums.shape[2]
    pitch = (c_blocks * DOT_TAPS + lanes - 1) // lanes * lanes + GAP
    points, taps = np.zeros((DOT_ROWS, PLACES, pitch), gw.dtype), np.zeros((TAPS * TAPS, pitch), gw.dtype)
    flat_points, flat_taps, zero = points.reshape(-1), taps.reshape(-1), gw.dtype.type(0)
    for block in range(start, stop):
        for k in range(PLACES):
            for c in range(c_blocks):
                for m in range(DOT_ROWS):
                    for j in range(DOT_TAPS):
                        points[m, k, c * DOT_TAPS + j] = sums[k, block, c, m * DOT_TAPS + j]
        check = zero
        for m in range(min(DOT_ROWS, outputs - block * DOT_ROWS)):
            for c in range(0, channels, lanes):
                points_to_filters(flat_points, m * PLACES * pitch + c, pitch, flat_taps, c, pitch)
            for c in range(channels):
                for i in range(TAPS * TAPS):
                    gw[block * DOT_ROWS + m, c, i] = taps[i, c]
                    check += taps[i, c] * zero
        finite[block] = check == 0
