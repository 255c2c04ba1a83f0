"""Convolution with 3 × 3 filters by minimal filtering: 36 multiplications for what takes 144 otherwise.

A tile of 4 × 4 results meets 6 × 6 pixels d. With the matrices A, B and G of :mod:`.winograd_tile` and a filter w,

    results  = Aᵀ [sum over channels of (G w Gᵀ) ⊙ (Bᵀ d B)] A
    weight gradient = Gᵀ [sum over tiles of (A g Aᵀ) ⊙ (Bᵀ d B)] G   (its adjoint; g are 4 × 4 gradients)

(Lavin and Gray, Fast algorithms for convolutional neural networks, 2016, equations 8 and 12, F(4 × 4, 3 × 3)). For each
of the 36 places the sum is a matrix product, which the register tiles of :mod:`.tile` compute. The input gradient is
the same correlation with the filter turned by 180°.

Rounding: for 16 to 512 channels the error of results is twice that of the direct sum (root mean square; in float32 5e-7
to 2e-6 of the results'), that of weight gradients 3 to 5 times (5e-7 to 1e-6; PyTorch's are 5e-7 to 4e-6); in float64
both are 1e-15 to 2e-15. It is relative to the largest values that a tile meets, not a window. What is infinite, or
overflows, would reach all results of its tile: each function here says whether its results are finite, and if not, the
direct kernels have to compute them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..geometry import Padding, Pair
from .buffers import scratch
from .jit import njit
from .parallel import parallel_for
from .plan import ceil_div
from .planes import clear_run, copy_run
from .tile import OUTER_ROWS, OUTER_VECTORS, multiply_outer
from .vectors import clear_vector, lanes
from .winograd_tile import (
    POINTS,
    RESULTS,
    TAPS,
    copy_taps,
    filters_to_points,
    read_gradients,
    read_pixels,
    write_results,
)

PLACES = POINTS * POINTS
# Elements between the 36 parts of a buffer. Without them all parts begin in one set of the first-level cache, and
# transforming filters took 4 times as long.
GAP = 16
# Bytes of the transformed pixels of one pass, which should stay in a cache; at least so many groups, because each pass
# transforms the filters anew. (Six groups of 512 channels in float64, 10 MB, took a quarter longer than twice three.)
_PASS_BYTES, _LEAST_GROUPS = 2_500_000, 4
# Bytes of the transformed filters of one task.
_FILTER_BYTES = 600_000
_LEAST_TASKS = 8
# Multiply-adds (of the direct sum, over 9) below which two parallel loops cost more than they save.
_LEAST_WORK = 1_000_000


def group_slots(dtype: Any) -> int:
    """Tiles of a group: the columns of one register tile."""
    return OUTER_VECTORS * lanes(dtype)


def pays(pixels: tuple[int, ...], results: tuple[int, ...], padding: Padding, dtype: Any) -> bool:
    """Whether to convolve ``pixels`` (N, C, H, W) to ``results`` (N, O, OH, OW) this way. Decided by shape and type.

    A transform costs some 30 operations for each of C + O channels of a tile, and the products save 13 C·O: with 8 to 8
    channels the two ways took equally long, with 16 to 16 this one two thirds. Where vectors are wider, transforms wait
    for memory sooner and more channels are needed. Small images fill tiles of 4 × 4 and register tiles badly: 16 tiles
    of the 24 of one register tile still won 90 %, 8 of 24 won 30 %, 4 lost.
    """
    batch, channels, outputs, size = pixels[0], pixels[1], results[1], results[2] * results[3]
    products, slots = channels * outputs, group_slots(dtype)
    return (
        batch * size * products >= _LEAST_WORK
        and 4 * products >= 3 * lanes(np.float32) * (channels + outputs)
        and batch * size >= 5 * ceil_div(tile_count(results), slots) * slots
        and max(map(max, padding)) < TAPS
        and min(map(min, padding)) >= 0
    )


def tile_count(results: tuple[int, ...]) -> int:
    """Tiles of results (N, O, OH, OW), of one channel."""
    return results[0] * ceil_div(results[2], RESULTS) * ceil_div(results[3], RESULTS)


class Tiling(NamedTuple):
    """Tiles in blocks of whole groups. A strip is a row of tiles of one image."""

    sizes: np.ndarray  # see IMAGE_STRIPS ...
    pixels: np.ndarray  # of each slot: where its tile begins in the strips of its block, 6 rows each
    results: np.ndarray  # the same, 4 rows each


IMAGE_STRIPS, STRIP_TILES, TILES, BLOCK, PITCH, BLOCK_STRIPS = range(6)


@lru_cache(maxsize=256)
def tiling(batch: int, size: Pair, block: int) -> Tiling:
    """Tile ``batch`` images of results of a ``size``, ``block`` slots together.

    Slots behind the last tile of all lie in a strip of their own, which is zero.
    """
    rows, columns = ceil_div(size[0], RESULTS), ceil_div(size[1], RESULTS)
    tiles, pitch = batch * rows * columns, RESULTS * (columns + 1)
    strips = min(batch * rows, (block - 1) // columns + 2)  # that a block touches
    slot = np.arange(ceil_div(tiles, block) * block)
    strip = np.where(slot < tiles, slot // columns - slot // block * block // columns, strips)
    across = np.where(slot < tiles, slot % columns * RESULTS, 0)
    sizes = np.array((rows, columns, tiles, block, pitch, strips), np.int64)
    return Tiling(sizes, strip * POINTS * pitch + across, strip * RESULTS * pitch + across)


def correlate(x: np.ndarray, w: np.ndarray, out: np.ndarray, padding: Padding, *, adjoint: bool) -> bool:
    """Fill ``out`` with the correlation of x and w, or with ``adjoint`` of x and wᵀ turned by 180°; is it finite?

    x : (N, C, H, W), w : (O, C, 3, 3), with ``adjoint`` (C, O, 3, 3), out : (N, O, OH, OW).
    """
    channels, outputs, vector, slots = x.shape[1], out.shape[1], lanes(x.dtype), group_slots(x.dtype)
    panels = ceil_div(outputs, OUTER_ROWS)
    panel_bytes = PLACES * channels * OUTER_ROWS * x.itemsize
    chunk = max(1, min(ceil_div(panels, _LEAST_TASKS), _FILTER_BYTES // panel_bytes))
    chunks = ceil_div(panels, chunk)
    groups = ceil_div(tile_count(out.shape), slots)
    most = max(_LEAST_GROUPS, _PASS_BYTES // (PLACES * channels * slots * x.itemsize))
    parts = min(groups, ceil_div(_LEAST_TASKS, chunks))
    passes = ceil_div(groups, most)
    block = ceil_div(groups, passes * parts)  # groups
    how = tiling(x.shape[0], out.shape[2:], block * slots)
    blocks = ceil_div(groups, block)

    # where the first tap is, and how far the next tap, output and channel are
    taps = TAPS * TAPS
    strides = (taps - 1, -1, taps, taps * outputs) if adjoint else (0, 1, taps * channels, taps)
    step = parts * block * channels * slots + GAP
    points = np.empty(PLACES * step, x.dtype)
    table = np.arange(channels)[:, None] * (OUTER_ROWS, slots)
    finite = np.ones(blocks * chunks, np.bool_)
    (top, _), (left, _) = padding
    for first in range(0, blocks, parts):
        here = min(parts, blocks - first)
        parallel_for(
            *(transform, channels * here, x.reshape(-1), x.shape[1:], how.sizes, how.pixels, POINTS, top, left),
            *(first, vector, points, (step, slots, channels * slots)),
            cost=50 * block * slots,
        )
        parallel_for(
            *(_multiply, chunks * here, points, step, table, w.reshape(-1), strides, vector),
            *(out.reshape(-1), out.shape[1:], how.sizes, how.results, first, chunk, chunks, finite),
            cost=PLACES * block * slots * channels * chunk * OUTER_ROWS / 8,
        )
    return bool(finite.all())


# The kernels work on flat arrays: views, and arrays of two dimensions, took a third of the time of compiling them.


@njit
def transform(start, stop, x, shape, sizes, positions, side, top, left, first, lanes, points, steps):
    """Read the tiles of some blocks, from ``first`` on, and transform them; block by block, all channels of each.

    shape : (C, H, W). side : 6 for pixels, 4 for gradients. The transformed tiles of one channel and group begin at
    ``points[place * step + channel * c_step + group * g_step]`` for each of the 36 places; ``steps`` are these three.
    """
    channels, height, width = shape
    step, c_step, g_step = steps
    columns, block, pitch, slots = sizes[STRIP_TILES], sizes[BLOCK], sizes[PITCH], OUTER_VECTORS * lanes
    size = (sizes[BLOCK_STRIPS] + 1) * side * pitch
    strips = scratch(size + lanes, x.dtype)
    clear_run(strips, 0, size, lanes)
    for task in range(start, stop):
        part, c = task // channels, task % channels
        begin = (first + part) * block
        end = min(begin + block, sizes[TILES])
        at = 0
        for strip in range(begin // columns, (end - 1) // columns + 1):
            image, top_row = strip // sizes[IMAGE_STRIPS], strip % sizes[IMAGE_STRIPS] * RESULTS - top
            for h in range(top_row, top_row + side):
                # whole vectors, in ascending order: each overwrites what is too much of the one before
                if 0 <= h < height:
                    row = ((image * channels + c) * height + h) * width
                    clear_run(strips, at, left, lanes)
                    copy_run(strips, at + left, x, row, width, strips.size, lanes)
                    clear_run(strips, at + left + width, pitch - left - width, lanes)
                else:
                    clear_run(strips, at, pitch, lanes)
                at += pitch
        clear_vector(strips, at)  # the last row was the last of all strips: restore the zeros behind it
        for group in range((end - begin + slots - 1) // slots):
            to = c * c_step + (part * block // slots + group) * g_step
            for slot in range(begin + group * slots, begin + (group + 1) * slots, lanes):
                if side == POINTS:
                    read_pixels(strips, 0, pitch, positions, slot, points, to, step)
                else:
                    read_gradients(strips, 0, pitch, positions, slot, points, to, step)
                to += lanes


@njit
def _multiply(
    start, stop, points, step, table, w, strides, lanes, out, shape, sizes, positions, first, chunk, chunks, finite
):
    """Transform the filters of a chunk of output channels, multiply a block of tiles with them, write the results."""
    outputs, height, width = shape
    tap0, tap_step, o_step, c_step = strides
    channels, panels = table.shape[0], (outputs + OUTER_ROWS - 1) // OUTER_ROWS
    columns, block, pitch, slots = sizes[STRIP_TILES], sizes[BLOCK], sizes[PITCH], OUTER_VECTORS * lanes
    groups, panel_size = block // slots, OUTER_ROWS * slots
    filter_size = (channels * OUTER_ROWS + lanes - 1) // lanes * lanes
    f_step, t_step, p_step = chunk * filter_size + GAP, filter_size + GAP, groups * chunk * panel_size + GAP
    filters, taps = scratch(PLACES * f_step, points.dtype), scratch(TAPS * TAPS * t_step, points.dtype)
    products = scratch(PLACES * p_step, points.dtype)
    strips = scratch((sizes[BLOCK_STRIPS] + 1) * RESULTS * pitch + lanes, points.dtype)
    zeros = scratch(lanes, points.dtype)
    for task in range(start, stop):
        part, panel0 = task // chunks, task % chunks * chunk
        here = min(chunk, panels - panel0)
        for panel in range(here):
            for m in range(OUTER_ROWS):
                o = min((panel0 + panel) * OUTER_ROWS + m, outputs - 1)  # those behind the last are thrown away
                for c in range(channels):
                    copy_taps(taps, c * OUTER_ROWS + m, t_step, w, tap0 + o * o_step + c * c_step, tap_step)
            for q in range(0, filter_size, lanes):
                filters_to_points(taps, q, t_step, filters, panel * filter_size + q, f_step)

        begin = (first + part) * block
        end = min(begin + block, sizes[TILES])
        groups_here = (end - begin + slots - 1) // slots
        for k in range(PLACES):
            for group in range(groups_here):
                source = k * step + (part * groups + group) * channels * slots
                target = k * p_step + group * chunk * panel_size
                for panel in range(here):
                    multiply_outer(
                        *(filters, k * f_step + panel * filter_size, 1, OUTER_ROWS),
                        *(points, source, table, 0, channels),
                        *(products, target + panel * panel_size, slots, False),
                    )

        clear_vector(zeros, 0)
        strip0, first_output = begin // columns, panel0 * OUTER_ROWS
        for o in range(first_output, min((panel0 + here) * OUTER_ROWS, outputs)):
            for group in range(groups_here):
                source = group * chunk * panel_size + (o - first_output) * slots
                for slot in range(begin + group * slots, begin + (group + 1) * slots, lanes):
                    write_results(products, source, p_step, strips, 0, pitch, positions, slot, zeros)
                    source += lanes
            for strip in range(strip0, (end - 1) // columns + 1):
                image, top = strip // sizes[IMAGE_STRIPS], strip % sizes[IMAGE_STRIPS] * RESULTS
                low = max(0, begin - strip * columns) * RESULTS
                high = min(width, (end - strip * columns) * RESULTS)
                for i in range(min(RESULTS, height - top)):
                    target = ((image * outputs + o) * height + top + i) * width
                    source = ((strip - strip0) * RESULTS + i) * pitch
                    copy_run(out, target + low, strips, source + low, high - low, target + high, lanes)
        for t in range(lanes):
            if zeros[t] != 0:
                finite[(first + part) * chunks + panel0 // chunk] = False
