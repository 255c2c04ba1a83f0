"""The weight gradient of a 3 × 3 filter by minimal filtering; :mod:`.winograd` has the equation.

Pixels and gradients are transformed, some blocks of tiles at a time. For each of the 36 places, the sum over the tiles
is a product of two matrices whose rows are contiguous, which :func:`.tile.add_dots` adds to the sums so far. Where
channels are few, :mod:`.winograd_parts` does all of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..geometry import Padding
from . import winograd, winograd_parts
from .buffers import scratch
from .grid import ceil_div
from .jit import njit
from .parallel import parallel_for
from .planes import copy_run
from .tile import DOT_ROWS, DOT_TAPS, add_dots, dot_results
from .vectors import REGISTERS, lanes
from .winograd_loops import GAP, PLACES, group_slots, tile_count, tiling, transform, write_filters
from .winograd_tile import POINTS, RESULTS, TAPS

# Bytes of the transformed tiles of one block, and at least so many groups. With AVX2, 3 MB took 10 % longer, adding up
# lanes too often; with AVX-512, 6 MB took up to a fifth longer in float64, where arrays and blocks fill the last cache.
_BLOCK_BYTES, _LEAST_GROUPS = 2_500_000 if REGISTERS == 32 else 6_000_000, 4
# Groups that are transformed at a time: their strips stay in the first-level cache.
_TOGETHER = 4
# Tiles below which reading and writing 36 sums for each weight costs as much as is saved.
_LEAST_TILES = 96


def pays(g: tuple[int, ...], x: tuple[int, ...], padding: Padding, dtype: Any) -> bool:
    """``winograd.pays`` for the gradient from results g and pixels x; fewer than 8 channels leave dot products idle."""
    return tile_count(g) >= _LEAST_TILES and min(x[1], g[1]) >= 8 and winograd.pays(x, g, padding, dtype)


def weight_gradient(g: np.ndarray, x: np.ndarray, padding: Padding) -> tuple[np.ndarray, bool]:
    """The adjoint of ``conv2d`` in w, from g (N, O, OH, OW) and x (N, C, H, W), and whether it is finite."""
    cut = winograd_parts.cut(g.shape, x.shape, x.itemsize)
    if cut:
        return winograd_parts.weight_gradient(g, x, padding, cut)
    outputs, channels, vector, group = g.shape[1], x.shape[1], lanes(x.dtype), group_slots(x.dtype)
    groups = ceil_div(tile_count(g.shape), group)
    most = max(_LEAST_GROUPS, _BLOCK_BYTES // (PLACES * group * (channels + outputs) * x.itemsize))
    together = min(_TOGETHER, groups)
    slots = ceil_div(groups, ceil_div(groups, most) * together) * together * group
    piece = together * group
    how = tiling(x.shape[0], g.shape[2:], group, together)
    o_blocks, c_blocks = ceil_div(outputs, DOT_ROWS), ceil_div(channels, DOT_TAPS)
    p_step, g_step = c_blocks * DOT_TAPS * slots + GAP, o_blocks * DOT_ROWS * slots + GAP
    pixels, gradients = np.empty(PLACES * p_step, x.dtype), np.empty(PLACES * g_step, x.dtype)
    results = dot_results(DOT_ROWS, DOT_TAPS, x.dtype)
    sums = np.zeros(PLACES * o_blocks * c_blocks * results, x.dtype)
    offsets = np.arange(DOT_TAPS) * slots
    (top, _), (left, _) = padding
    for first in range(0, groups * group, slots):
        here = min(slots, groups * group - first)
        pieces = ceil_div(here, piece)
        parallel_for(
            *(transform, channels * pieces, x.reshape(-1), x.shape[1:], how.sizes, how.pixels, POINTS, top, left),
            *(first // piece, vector, pixels, (p_step, slots, group)),
            cost=50 * piece,
        )
        parallel_for(
            *(transform, outputs * pieces, g.reshape(-1), g.shape[1:], how.sizes, how.results, RESULTS, 0, 0),
            *(first // piece, vector, gradients, (g_step, slots, group)),
            cost=50 * piece,
        )
        parallel_for(
            *(_add_tiles, PLACES * c_blocks, gradients, g_step, pixels, p_step, offsets, here, sums),
            *(o_blocks, c_blocks, results),
            cost=slots * outputs * DOT_TAPS / 8,
        )
    gw = np.empty((outputs, channels, TAPS, TAPS), x.dtype)
    finite = np.empty(o_blocks, np.bool_)
    parallel_for(
        *(_collect, o_blocks, sums, o_blocks, c_blocks, results, gw.reshape(-1), outputs, channels, vector, finite),
        cost=channels * 200,
    )
    return gw, bool(finite.all())


@njit
def _add_tiles(start, stop, gradients, g_step, pixels, p_step, offsets, length, sums, o_blocks, c_blocks, results):
    slots = offsets[1]
    for task in range(start, stop):
        k, c = task // c_blocks, task % c_blocks
        row, at = k * g_step, (k * o_blocks * c_blocks + c) * results
        for _ in range(o_blocks):
            add_dots(gradients, row, slots, pixels, k * p_step + c * DOT_TAPS * slots, offsets, 0, length, sums, at)
            row += DOT_ROWS * slots
            at += c_blocks * results


@njit
def _collect(start, stop, sums, o_blocks, c_blocks, results, gw, outputs, channels, lanes, finite):
    """Transform the sums of each pair of channels into the gradient of its 9 weights."""
    pitch = (c_blocks * DOT_TAPS + lanes - 1) // lanes * lanes + GAP
    points, taps = scratch(DOT_ROWS * PLACES * pitch, gw.dtype), scratch(TAPS * TAPS * pitch, gw.dtype)
    for block in range(start, stop):
        for k in range(PLACES):
            source = (k * o_blocks + block) * c_blocks * results
            for c in range(c_blocks):
                for m in range(DOT_ROWS):  # whole vectors: each overwrites what is too much of the one before
                    target = (m * PLACES + k) * pitch + c * DOT_TAPS
                    copy_run(points, target, sums, source + m * DOT_TAPS, DOT_TAPS, points.size, lanes)
                source += results
        finite[block] = True
        for m in range(min(DOT_ROWS, outputs - block * DOT_ROWS)):
            o = block * DOT_ROWS + m
            finite[block] &= write_filters(points, m * PLACES * pitch, pitch, taps, pitch, gw, o, channels, lanes)
