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

from typing import Any

import numpy as np

from ..geometry import Padding
from .grid import ceil_div
from .parallel import parallel_for
from .tile import OUTER_ROWS
from .vectors import REGISTERS, lanes
from .winograd_loops import (
    GAP,
    PLACES,
    convolve,
    group_slots,
    multiply,
    tile_count,
    tiling,
    transform,
    transform_filters,
)
from .winograd_tile import POINTS, TAPS

# Bytes of the transformed pixels of one pass, which should stay in a cache; at least so many groups, because each pass
# transforms the filters anew. (Six groups of 512 channels in float64, 10 MB, took a quarter longer than twice three.)
_PASS_BYTES, _LEAST_GROUPS = 2_500_000, 4
# Bytes of the transformed filters of one task.
_FILTER_BYTES = 600_000
_LEAST_TASKS = 8
# Bytes of the transformed pixels of one group up to which one task computes all that belongs to it, in its core's
# second-level cache; and of products at a time, then.
_GROUP_BYTES, _PRODUCT_BYTES = 500_000, 250_000
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
    products, slots = channels * outputs, group_slots(dtype)
    return (
        batch * size * products >= _LEAST_WORK
        and products >= 5 * (channels + outputs)
        and batch * size >= _LEAST_FILLED * ceil_div(tile_count(results), slots) * slots
        and max(map(max, padding)) < TAPS
        and min(map(min, padding)) >= 0
    )


def correlate(x: np.ndarray, w: np.ndarray, out: np.ndarray, padding: Padding, *, adjoint: bool) -> bool:
    """Fill ``out`` with the correlation of x and w, or with ``adjoint`` of x and wᵀ turned by 180°; is it finite?

    x : (N, C, H, W), w : (O, C, 3, 3), with ``adjoint`` (C, O, 3, 3), out : (N, O, OH, OW).
    """
    channels, outputs, slots = x.shape[1], out.shape[1], group_slots(x.dtype)
    # where the first tap is, and how far the next tap, output and channel are
    taps = TAPS * TAPS
    strides = (taps - 1, -1, taps, taps * outputs) if adjoint else (0, 1, taps * channels, taps)
    groups, group_bytes = ceil_div(tile_count(out.shape), slots), PLACES * channels * slots * x.itemsize
    if groups >= _LEAST_TASKS and group_bytes <= _GROUP_BYTES:
        return _by_groups(x, w, strides, out, padding, groups)
    return _in_passes(x, w, strides, out, padding, groups, max(_LEAST_GROUPS, _PASS_BYTES // group_bytes))


def _by_groups(x: np.ndarray, w: np.ndarray, strides: tuple, out: np.ndarray, padding: Padding, groups: int) -> bool:
    """A task transforms a group of tiles, multiplies it and transforms the results."""
    channels, outputs, vector, slots = x.shape[1], out.shape[1], lanes(x.dtype), group_slots(x.dtype)
    panels, how = ceil_div(outputs, OUTER_ROWS), tiling(x.shape[0], out.shape[2:], slots)
    sizes = _filter_sizes(channels, panels, vector)
    filters = np.empty(PLACES * sizes[1], x.dtype)
    parallel_for(
        *(transform_filters, panels, w.reshape(-1), strides, channels, outputs, filters, sizes, vector),
        cost=channels * 200,
    )
    chunk = max(1, _PRODUCT_BYTES // (PLACES * OUTER_ROWS * slots * x.itemsize))
    table = np.arange(channels)[:, None] * (OUTER_ROWS, slots)
    finite = np.ones(groups, np.bool_)
    (top, _), (left, _) = padding
    parallel_for(
        *(convolve, groups, x.reshape(-1), x.shape[1:], top, left, filters, sizes, table, vector),
        *(out.reshape(-1), out.shape[1:], how.sizes, how.pixels, how.results, min(chunk, panels), finite),
        cost=PLACES * slots * channels * (outputs + 16) / 8,
    )
    return bool(finite.all())


def _in_passes(
    x: np.ndarray, w: np.ndarray, strides: tuple, out: np.ndarray, padding: Padding, groups: int, most: int
) -> bool:
    """All pixels of some groups are transformed, then tasks multiply them with some output channels each."""
    channels, outputs, vector, slots = x.shape[1], out.shape[1], lanes(x.dtype), group_slots(x.dtype)
    panels = ceil_div(outputs, OUTER_ROWS)
    panel_bytes = PLACES * channels * OUTER_ROWS * x.itemsize
    chunk = max(1, min(ceil_div(panels, _LEAST_TASKS), _FILTER_BYTES // panel_bytes))
    chunks = ceil_div(panels, chunk)
    parts = min(groups, ceil_div(_LEAST_TASKS, chunks))
    passes = ceil_div(groups, most)
    block = ceil_div(groups, passes * parts)  # groups
    how = tiling(x.shape[0], out.shape[2:], block * slots)
    blocks = ceil_div(groups, block)
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
            *(multiply, chunks * here, points, step, table, w.reshape(-1), strides, vector),
            *(out.reshape(-1), out.shape[1:], how.sizes, how.results, first, chunk, chunks, finite),
            cost=PLACES * block * slots * channels * chunk * OUTER_ROWS / 8,
        )
    return bool(finite.all())


def _filter_sizes(channels: int, panels: int, lanes: int) -> tuple[int, int]:
    """Elements from one panel of transformed filters to the next, and from one of the 36 places to the next."""
    panel = ceil_div(channels * OUTER_ROWS, lanes) * lanes
    return panel, panels * panel + GAP
