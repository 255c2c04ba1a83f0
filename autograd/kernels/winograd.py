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

from ..geometry import Padding
from .blocks import last_cache
from .grid import ceil_div
from .parallel import parallel_for
from .tile import OUTER_ROWS, OUTER_VECTORS
from .vectors import REGISTERS, VECTOR_BYTES, lanes
from .winograd_loops import GAP, PLACES, convolve, tile_count, tiling, transform, transform_filters
from .winograd_tile import TAPS

# Bytes of the transformed pixels of one group up to which a task transforms those it needs itself, into its core's
# second-level cache, if there are so many groups; and bytes of products at a time, then.
_GROUP_BYTES, _LEAST_GROUPS, _OWN_PRODUCT_BYTES = 1_200_000, 5, 250_000
# Otherwise bytes of the products and of the transformed filters of a task, which stay in that cache, and of the
# transformed pixels of one pass, which should stay in a cache.
_PRODUCT_BYTES, _FILTER_BYTES, _PASS_BYTES = 400_000, 300_000, 2_500_000
# Groups of a block, at most: filters are transformed anew for each block.
_MOST_GROUPS = 3
# Tasks, at least, of a pass over blocks, and of all groups: of eleven tasks, one core has a tenth more than the other.
_LEAST_TASKS, _LEAST_OWN_TASKS = 8, 12
# Results, at least, for each tile that the register tiles have room for: of 16, if all are whole.
_LEAST_FILLED = 8 if REGISTERS == 32 else 5
# Multiply-adds (of the direct sum, over 9) below which two parallel loops cost more than they save.
_LEAST_WORK = 1_000_000


def pays(pixels: tuple[int, ...], results: tuple[int, ...], padding: Padding, dtype: Any) -> bool:
    """Whether to convolve ``pixels`` (N, C, H, W) to ``results`` (N, O, OH, OW) this way. Decided by shape and type.

    A transform costs some 30 operations for each of C + O channels of a tile, and the products save 13 C·O: with 8 to 8
    channels the two ways took equally long, with 8 to 16 this one three quarters, with 16 to 16 two thirds. Small
    images fill tiles of 4 × 4 and register tiles badly: with AVX2, 16 tiles of the 24 of one register tile still won
    90 %, 8 of 24 won 30 %, 4 lost; with AVX-512, 8 of 24 in float64 lost 15 %, and 16 of 48 in float32 up to 8 %.
    """
    batch, channels, outputs, size = pixels[0], pixels[1], results[1], results[2] * results[3]
    products, tiles = channels * outputs, tile_count(results)
    slots = _group_vectors(tiles, lanes(dtype)) * lanes(dtype)
    return (
        batch * size * products >= _LEAST_WORK
        and products >= 5 * (channels + outputs)
        and batch * size >= _LEAST_FILLED * ceil_div(tiles, slots) * slots
        and max(map(max, padding)) < TAPS
        and min(map(min, padding)) >= 0
    )


def _group_vectors(tiles: int, vector: int) -> int:
    """The width of the register tiles: with two vectors, each takes a tenth longer than with three."""
    few = 2.2 * ceil_div(tiles, 2 * vector) < OUTER_VECTORS * ceil_div(tiles, OUTER_VECTORS * vector)
    return 2 if few else OUTER_VECTORS


class Cut(NamedTuple):
    """How tiles and channels are cut. A group of tiles is as wide as a register tile, a panel of outputs as high."""

    vectors: int  # of tiles in a group
    block: int  # groups of a block
    parts: int  # blocks whose pixels are transformed before tasks multiply them; 0: a task transforms its own block
    tasks: int  # that share the outputs of a block
    chunk: int  # panels at a time
    some: int  # channels at a time: all where a task transforms its own block


@lru_cache(maxsize=256)
def cut(x: tuple[int, ...], out: tuple[int, ...], itemsize: int) -> Cut:
    """For the correlation of x (N, C, H, W) to ``out`` (N, O, OH, OW).

    What one core has transformed the other one reads slowly, and overwrites slowly: on a machine of two second-level
    caches and a slow third one, that took up to half of the time. So tasks transform the pixels of a group themselves
    where that fits such a cache, even if several do the same; the filters, which are read in order for each group, need
    not fit, but should leave room in the last cache: where they filled more than half of it, that took a tenth longer.
    Otherwise blocks come in pairs where there are more tiles than output channels, so that transforming filters twice
    costs less: as threads take tasks share by share, each then multiplies what it has transformed.

    All tiles of a block are read for each chunk, so chunks are as large as a cache allows: it holds the products of all
    channels, but the filters of some channels at a time.
    """
    channels, panels, tiles, vector = x[1], ceil_div(out[1], OUTER_ROWS), tile_count(out), lanes(f"f{itemsize}")
    panel_bytes, vector_bytes = PLACES * OUTER_ROWS * itemsize, PLACES * channels * VECTOR_BYTES  # of one tile; pixels
    vectors = _group_vectors(tiles, vector)
    if vectors * vector_bytes > _GROUP_BYTES >= 2 * vector_bytes:
        vectors = 2
    slots, group_bytes = vectors * vector, vectors * vector_bytes
    groups = ceil_div(tiles, slots)
    filter_bytes = panels * channels * panel_bytes
    if groups >= _LEAST_GROUPS and group_bytes <= _GROUP_BYTES and 2 * filter_bytes <= last_cache():
        tasks = min(panels, ceil_div(_LEAST_OWN_TASKS, groups))
        chunk = min(ceil_div(panels, tasks), max(1, _OWN_PRODUCT_BYTES // (panel_bytes * slots)))
        return Cut(vectors, 1, 0, tasks, chunk, channels)
    parts, block = 1, groups
    if groups > _MOST_GROUPS or tiles >= max(out[1], 2 * slots):
        block = ceil_div(groups, 2 * ceil_div(groups, 2 * _MOST_GROUPS))
        parts = 2 * max(1, _PASS_BYTES // (2 * block * group_bytes))
    chunk = min(ceil_div(panels, ceil_div(_LEAST_TASKS, parts)), _PRODUCT_BYTES // (panel_bytes * slots * block))
    chunk = max(chunk, 1)
    some = ceil_div(channels, ceil_div(channels * chunk * panel_bytes, _FILTER_BYTES))
    return Cut(vectors, block, min(parts, ceil_div(groups, block)), ceil_div(panels, chunk), chunk, some + some % 2)


def correlate(x: np.ndarray, w: np.ndarray, out: np.ndarray, padding: Padding, *, adjoint: bool) -> bool:
    """Fill ``out`` with the correlation of x and w, or with ``adjoint`` of x and wᵀ turned by 180°; is it finite?

    x : (N, C, H, W), w : (O, C, 3, 3), with ``adjoint`` (C, O, 3, 3), out : (N, O, OH, OW).
    """
    how = cut(x.shape, out.shape, x.itemsize)
    channels, outputs, vector, taps = x.shape[1], out.shape[1], lanes(x.dtype), TAPS * TAPS
    slots, panels, tasks = how.vectors * vector, ceil_div(outputs, OUTER_ROWS), how.tasks
    size = how.block * slots  # tiles
    blocks, tiles = ceil_div(tile_count(out.shape), size), tiling(x.shape[0], out.shape[2:], slots, how.block)
    # where the first tap is, and how far the next tap, output and channel are
    strides = (taps - 1, -1, taps, taps * outputs) if adjoint else (0, 1, taps * channels, taps)
    panel = ceil_div(how.some * OUTER_ROWS, vector) * vector
    filter_sizes = panel, (how.chunk if how.parts else panels) * panel + GAP
    pixels, flat, (top, _), (left, _) = x.reshape(-1), w.reshape(-1), *padding
    points = filters = np.empty(0, x.dtype)  # in the tasks' own memory
    if how.parts:
        step = how.parts * channels * size + GAP
        points = np.empty(PLACES * step, x.dtype)
    else:
        step = channels * size + GAP
        filters = np.empty(PLACES * filter_sizes[1], x.dtype)
        parallel_for(
            *(transform_filters, panels, flat, strides, channels, outputs, filters, filter_sizes, vector),
            cost=channels * 200,
        )
    steps = step, slots, channels * slots
    finite = np.empty(blocks * tasks, np.bool_)
    for first in range(0, blocks, how.parts or blocks):
        here = min(how.parts or blocks, blocks - first)
        if how.parts:
            parallel_for(
                *(transform, channels * here, pixels, x.shape[1:], tiles.sizes, tiles.pixels, top, left),
                *(first, vector, points, steps),
                cost=50 * size,
            )
        parallel_for(
            *(convolve, here * tasks, pixels, x.shape[1:], top, left, points, steps, flat, strides, filters),
            *(filter_sizes, (tasks, how.chunk, how.some), vector, out.reshape(-1)),
            *(out.shape[1:], *tiles, first, finite),
            cost=PLACES * size * channels * (outputs + 16) / 8 / tasks,
        )
    return bool(finite.all())
