"""The weight gradient of a 3 × 3 filter by minimal filtering; :mod:`.winograd` has the equation.

Where weights are few beside the tiles, :mod:`.winograd_parts` does all of it. Otherwise all tiles are transformed, and
a task multiplies them for some output channels and some channels: it keeps the sums of all 36 places in its core's
second-level cache and transforms them to weights at once.
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
from .tile import OUTER_ROWS
from .vectors import lanes
from .weight_product import add_parts
from .winograd_loops import GAP, PLACES, tile_count, write_filters
from .winograd_parts import multiply_tiles, planes, transform_tiles
from .winograd_tile import POINTS, RESULTS, TAPS

# Bytes of the transformed tiles of one pass, at most.
_PASS_BYTES = 24_000_000
# Channels and output channels of a task: their sums take 300 KB in float32.
_CHANNELS, _OUTPUTS = 64, 32
# Bytes of the pixels of one place that are multiplied at a time: they stay in the first-level cache.
_RUN_BYTES = 16_000
_LEAST_TASKS = 8
# Tiles, at least: with 16, a quarter to two fifths of the time of the direct sum is saved.
_LEAST_TILES = 16


def pays(g: tuple[int, ...], x: tuple[int, ...], padding: Padding, dtype: Any) -> bool:
    """``winograd.pays`` for the gradient from results g and pixels x; fewer than 8 channels leave register tiles idle.

    With 16 to 256 tiles, two images of 14 × 14 pixels gained least over the direct sum, a tenth to a fifth.
    """
    return tile_count(g) >= _LEAST_TILES and min(x[1], g[1]) >= 8 and winograd.pays(x, g, padding, dtype)


def weight_gradient(g: np.ndarray, x: np.ndarray, padding: Padding) -> tuple[np.ndarray, bool]:
    """The adjoint of ``conv2d`` in w, from g (N, O, OH, OW) and x (N, C, H, W), and whether it is finite."""
    cut = winograd_parts.cut(g.shape, x.shape, x.itemsize)
    if cut:
        return winograd_parts.weight_gradient(g, x, padding, cut)
    outputs, channels, vector, tiles = g.shape[1], x.shape[1], lanes(x.dtype), tile_count(g.shape)
    block = ceil_div(tiles, ceil_div(tiles * PLACES * (outputs + channels) * x.itemsize, _PASS_BYTES))
    passes = ceil_div(tiles, block)
    g_planes, x_planes = planes(g.shape, x.itemsize), planes(x.shape, x.itemsize)
    some, least = min(_CHANNELS, x_planes.size), max(OUTER_ROWS, vector)
    c_chunks = ceil_div(channels, some)
    o_chunk = min(_OUTPUTS, ceil_div(outputs, ceil_div(_LEAST_TASKS, c_chunks) * least) * least)
    o_chunks = ceil_div(outputs, o_chunk)
    # chunk by chunk: parts of rows of all channels lie in few sets of the first-level cache, and took up to half longer
    g_steps = o_chunks * block * o_chunk + GAP, o_chunk, block * o_chunk
    x_steps = c_chunks * block * some + GAP, some, block * some
    gradients, pixels = (np.empty(PLACES * step, x.dtype) for step, *_ in (g_steps, x_steps))
    run = max(1, _RUN_BYTES // (some * x.itemsize))
    gw, finite = np.empty((outputs, channels, TAPS, TAPS), x.dtype), np.empty(c_chunks * outputs, np.bool_)
    sums = np.empty((passes, *gw.shape), x.dtype) if passes > 1 else gw[None]
    (top, _), (left, _) = padding
    good = True
    for i in range(passes):
        first = i * block
        here = min(block, tiles - first)
        pieces = min(here, 2 * _LEAST_TASKS)
        for source, starts, side, corner, target, steps in (
            (g, g_planes, RESULTS, (0, 0), gradients, g_steps),
            (x, x_planes, POINTS, (top, left), pixels, x_steps),
        ):
            parallel_for(
                *(_transform, pieces, pieces, source.reshape(-1), source.shape[1:], g.shape[2:], starts, side, corner),
                *(first, here, vector, target, steps),
                cost=here * 50 * starts.size / pieces,
            )
        parallel_for(
            *(_multiply, c_chunks * o_chunks, o_chunks, gradients, g_steps, pixels, x_steps, here, run),
            *(sums[i].reshape(-1), outputs, channels, vector, finite),
            cost=PLACES * here * some * o_chunk / 8,
        )
        good &= bool(finite.all())
    if passes > 1:
        size = gw[0].size
        parallel_for(add_parts, outputs, sums.reshape(-1), gw.reshape(-1), passes, size, cost=size * passes)
        good &= bool(np.isfinite(gw).all())
    return gw, good


@njit
def _transform(start, stop, pieces, x, shape, results, planes, side, corner, first, tiles, lanes, points, steps):
    grid = (results[0] + RESULTS - 1) // RESULTS, (results[1] + RESULTS - 1) // RESULTS
    strip = scratch((POINTS * (RESULTS * grid[1] + 2) + lanes) * lanes, x.dtype)
    for piece in range(start, stop):
        begin, end = piece * tiles // pieces, (piece + 1) * tiles // pieces
        transform_tiles(
            *(x, shape, planes, 0, planes.size, side, corner, grid, first + begin, end - begin, lanes, strip),
            *(points, begin * steps[1], steps),
        )


@njit
def _multiply(
    start, stop, o_chunks, gradients, g_steps, pixels, x_steps, tiles, run, gw, outputs, channels, lanes, finite
):
    """Add up the tiles for the weights of a chunk of output channels and one of channels."""
    (g_step, o_chunk, g_far), (x_step, some, x_far) = g_steps, x_steps
    step, pitch = o_chunk * some + GAP, some + GAP
    sums, taps = scratch(PLACES * step, gw.dtype), scratch(TAPS * TAPS * pitch, gw.dtype)
    for task in range(start, stop):
        o_part, c_part = task % o_chunks, task // o_chunks
        o0, c0 = o_part * o_chunk, c_part * some
        rows, count = min(o_chunk, outputs - o0), min(some, channels - c0)
        for k in range(PLACES):
            for t in range(0, tiles, run):
                g0, x0 = k * g_step + o_part * g_far + t * o_chunk, k * x_step + c_part * x_far + t * some
                multiply_tiles(
                    *(gradients, g0, o_chunk, rows, pixels, x0, some, count, min(run, tiles - t)),
                    *(sums, k * step, some, t > 0, lanes),
                )
        for o in range(rows):
            target = ((o0 + o) * channels + c0) * TAPS * TAPS
            finite[c_part * outputs + o0 + o] = write_filters(
                sums, o * some, step, taps, pitch, gw, target, count, lanes
            )
