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
from .jit import njit
from .parallel import parallel_for
from .plan import ceil_div
from .planes import copy_run
from .tile import OUTER_ROWS, OUTER_VECTORS, multiply_outer
from .vectors import clear_vector, lanes
from .winograd_tile import POINTS, RESULTS, TAPS, filters_to_points, read_gradients, read_pixels, write_results

PLACES = POINTS * POINTS
# Elements between the 36 parts of a buffer. Without them all parts begin in one set of the first-level cache, and
# transforming filters took 4 times as long.
GAP = 16
# Bytes of the transformed pixels of one pass, which should stay in a cache; at least so many groups, because each pass
# transforms the filters anew.
_PASS_BYTES, _LEAST_GROUPS = 2_500_000, 8
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

    sizes: np.ndarray  # see STRIPS ...
    pixels: np.ndarray  # of each slot: where its tile begins in the strips of its block, 6 rows each
    results: np.ndarray  # the same, 4 rows each


STRIPS, STRIP_TILES, TILES, BLOCK, PITCH, BLOCK_STRIPS = range(6)


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
    sizes = np.array((batch * rows, columns, tiles, block, pitch, strips), np.int64)
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

    strides = (TAPS * TAPS, TAPS * TAPS * outputs) if adjoint else (TAPS * TAPS * channels, TAPS * TAPS)
    points = np.empty((PLACES, parts * block * channels * slots + GAP), x.dtype)
    finite = np.ones((blocks, chunks), np.bool_)
    (top, _), (left, _) = padding
    for first in range(0, blocks, parts):
        here = min(parts, blocks - first)
        parallel_for(
            *(transform, channels * here, x, how.sizes, how.pixels, POINTS, top, left, first, vector),
            *(points, slots, channels * slots),
            cost=50 * block * slots,
        )
        parallel_for(
            *(_multiply, chunks * here, points, w.reshape(-1), channels, *strides, adjoint, vector),
            *(out, how.sizes, how.results, first, chunk, finite),
            cost=PLACES * block * slots * channels * chunk * OUTER_ROWS / 8,
        )
    return bool(finite.all())


@njit
def transform(start, stop, x, sizes, positions, side, top, left, first, lanes, points, channel_step, group_step):
    """Read the tiles of some blocks, from ``first`` on, and transform them; block by block, all channels of each.

    side : 6 for pixels, 4 for gradients. The transformed tiles of one channel and group, one vector for each of the 36
    places, begin at ``points[place, channel * channel_step + group * group_step]``.
    """
    _, channels, height, width = x.shape
    flat, target, step = x.reshape(-1), points.reshape(-1), points.shape[1]
    block, columns, pitch, slots = sizes[BLOCK], sizes[STRIP_TILES], sizes[PITCH], OUTER_VECTORS * lanes
    image_strips = sizes[STRIPS] // x.shape[0]
    strips = np.zeros((sizes[BLOCK_STRIPS] + 1) * side * pitch + lanes, x.dtype)
    for task in range(start, stop):
        part, c = task // channels, task % channels
        begin = (first + part) * block
        end = min(begin + block, sizes[TILES])
        at = 0
        for strip in range(begin // columns, (end - 1) // columns + 1):
            image, top_row = strip // image_strips, strip % image_strips * RESULTS - top
            for h in range(top_row, top_row + side):
                # whole vectors, in ascending order: each overwrites what is too much of the one before
                if 0 <= h < height:
                    for t in range(0, left, lanes):
                        clear_vector(strips, at + t)
                    row = ((image * channels + c) * height + h) * width
                    copy_run(strips, at + left, flat, row, width, strips.size, lanes)
                    for t in range(left + width, pitch):
                        strips[at + t] = 0
                else:
                    for t in range(0, pitch, lanes):
                        clear_vector(strips, at + t)
                at += pitch
        for t in range(lanes):  # the last row was the last of all strips: restore the zeros behind it
            strips[at + t] = 0
        for slot in range(0, (end - begin + slots - 1) // slots * slots, lanes):
            to = c * channel_step + (part * block + slot) // slots * group_step + slot % slots
            if side == POINTS:
                read_pixels(strips, 0, pitch, positions, begin + slot, target, to, step)
            else:
                read_gradients(strips, 0, pitch, positions, begin + slot, target, to, step)


@njit
def _multiply(
    start, stop, points, w, channels, out_step, in_step, turned, lanes, out, sizes, positions, first, chunk, finite
):
    """Transform the filters of a chunk of output channels, multiply a block of tiles with them, write the results."""
    _, outputs, height, width = out.shape
    chunks, panels = finite.shape[1], -(-outputs // OUTER_ROWS)
    block, columns, pitch, slots = sizes[BLOCK], sizes[STRIP_TILES], sizes[PITCH], OUTER_VECTORS * lanes
    image_strips, groups = sizes[STRIPS] // out.shape[0], block // slots
    filter_size = (channels * OUTER_ROWS + lanes - 1) // lanes * lanes
    filters = np.empty((PLACES, chunk * filter_size + GAP), points.dtype)
    filter_taps = np.zeros((TAPS * TAPS, filter_size + GAP), points.dtype)
    panel_size = OUTER_ROWS * slots
    products = np.empty((PLACES, groups * chunk * panel_size + GAP), points.dtype)
    strips = np.empty((sizes[BLOCK_STRIPS] + 1) * RESULTS * pitch + lanes, points.dtype)
    zeros = np.empty(lanes, points.dtype)
    taps = np.empty((channels, 2), np.int64)
    for c in range(channels):
        taps[c, 0], taps[c, 1] = c * OUTER_ROWS, c * slots
    flat, flat_out = points.reshape(-1), out.reshape(-1)
    flat_filters, flat_taps, flat_products = filters.reshape(-1), filter_taps.reshape(-1), products.reshape(-1)
    for task in range(start, stop):
        part, chunk_here = task // chunks, task % chunks
        panel0 = chunk_here * chunk
        here = min(chunk, panels - panel0)
        for panel in range(here):
            for m in range(OUTER_ROWS):
                o = min((panel0 + panel) * OUTER_ROWS + m, outputs - 1)  # those behind the last are thrown away
                for c in range(channels):
                    at = o * out_step + c * in_step
                    for i in range(TAPS * TAPS):
                        filter_taps[i, c * OUTER_ROWS + m] = w[at + (TAPS * TAPS - 1 - i if turned else i)]
            for q in range(0, filter_size, lanes):
                to = panel * filter_size + q
                filters_to_points(flat_taps, q, filter_taps.shape[1], flat_filters, to, filters.shape[1])

        begin = (first + part) * block
        end = min(begin + block, sizes[TILES])
        groups_here = (end - begin + slots - 1) // slots
        for k in range(PLACES):
            for group in range(groups_here):
                source = k * points.shape[1] + (part * groups + group) * channels * slots
                target = k * products.shape[1] + group * chunk * panel_size
                for panel in range(here):
                    multiply_outer(
                        *(flat_filters, k * filters.shape[1] + panel * filter_size, 1, OUTER_ROWS),
                        *(flat, source, taps, 0, channels),
                        *(flat_products, target + panel * panel_size, slots, False),
                    )

        for t in range(lanes):
            zeros[t] = 0
        strip0 = begin // columns
        for o in range(panel0 * OUTER_ROWS, min((panel0 + here) * OUTER_ROWS, outputs)):
            row = (o - panel0 * OUTER_ROWS) * slots
            for slot in range(0, groups_here * slots, lanes):
                source = slot // slots * chunk * panel_size + row + slot % slots
                write_results(
                    flat_products, source, products.shape[1], strips, 0, pitch, positions, begin + slot, zeros
                )
            for strip in range(strip0, (end - 1) // columns + 1):
                image, top = strip // image_strips, strip % image_strips * RESULTS
                low = max(0, begin - strip * columns) * RESULTS
                high = min(width, (end - strip * columns) * RESULTS)
                for i in range(min(RESULTS, height - top)):
                    target = ((image * outputs + o) * height + top + i) * width
                    source = ((strip - strip0) * RESULTS + i) * pitch
                    copy_run(flat_out, target + low, strips, source + low, high - low, target + high, lanes)
        for t in range(lanes):
            finite[first + part, chunk_here] &= zeros[t] == 0
