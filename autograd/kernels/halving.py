"""Convolution with 3 × 3 filters and a stride of 2 by minimal filtering: 25 multiplications for what takes 36.

In one direction two results y meet five pixels d. The taps 0 and 2 of a filter w meet every second pixel, as a filter
of two taps without a stride does, and three multiplications are enough for both of its results:

    p = (d0 − d2)·w0, d1·w1, d2·(w0 + w2), d3·w1, (d4 − d2)·w2
    y = p0 + p1 + p2, p2 + p3 + p4

In both directions 5 × 5 pixels become 25 *points*, and products with the same part in all results are added up over the
channels at once: nine sums. The input gradient is four correlations, one for each of its *phases*; 3 × 3 gradients g
become 4 × 4 pixels through as many multiplications. In one direction, with a padding of one,

    p = (g0 − g1)·w2, g0·w1, g1·(w0 + w2), g1·w1, (g2 − g1)·w0
    pixels = p1, p0 + p2, p3, p2 + p4

A task reads and transforms the tiles of a *block* in its core's second-level cache, and multiplies them by the filters
of a *share* of the output channels, on the register tiles of :mod:`.tile`. Transforms only add, so that the error is
near that of the direct sum; it is relative to the largest values that a tile meets, not a window: a huge pixel that
meets only zero taps leaves its rounding in the results beside it. As in :mod:`.winograd`, what is not finite has to be
computed directly.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..geometry import Padding, Pair
from .grid import ceil_div
from .halving_loops import FILTER_STEP, GAP, GROUP, SHARES, convolve, transform_filters
from .halving_tile import FILTER_POINTS, GRADIENT_POINTS, PIXEL_POINTS, TAPS
from .parallel import get_num_threads, parallel_for
from .plan import frozen
from .tile import OUTER_ROWS, OUTER_VECTORS
from .vectors import lanes
from .winograd_loops import tile_count

# The points of the five products in one direction: of the filter, and of the gradients.
_PRODUCT_FILTERS, _PRODUCT_GRADIENTS = (0, 1, 2, 1, 3), (0, 1, 2, 2, 3)
# Which of them are added up at once.
_SUMS, _PRODUCTS = ((0, 1), (2,), (3, 4)), ((0,), (1,), (2,), (3,), (4,))
# Bytes of the points of a block, of a block that is the only one, and of sums at a time: all stay in the second-level
# cache.
_BLOCK_BYTES, _MOST_BYTES, _SUM_BYTES = 850_000, 1_500_000, 160_000
# Vectors of tiles from which on there are two blocks, and multiply-adds for each point.
_LEAST_VECTORS, _LEAST_WORK = 8, 500_000


def pays(source: tuple[int, ...], target: tuple[int, ...], padding: Padding, dtype: Any, *, adjoint: bool) -> bool:
    """Whether to convolve a source (N, C, H, W) this way, or with ``adjoint`` to compute an input gradient.

    Transforming tiles costs as much as some 20 channels on either side save, and transforming filters as much as some
    tiles save: 100 tiles of 128 to 256 channels took as long as the direct sum, 400 of 64 to 128 four fifths.
    """
    side, (top, left) = (4 if adjoint else 2), (padding[0][0], padding[1][0])
    tiles, channels, outputs = tile_count(target, side), source[1], target[1]
    slots = ceil_div(tiles, lanes(dtype)) * lanes(dtype)
    return (
        tiles * channels * outputs >= _LEAST_WORK
        and channels * outputs >= 16 * (channels + outputs)
        and tiles >= max(channels, outputs)
        and target[0] * target[2] * target[3] >= 0.8 * side**2 * slots
        and _point_bytes(channels, adjoint, np.dtype(dtype).itemsize) * OUTER_VECTORS <= _MOST_BYTES
        and max(map(max, padding)) < TAPS
        and ((top, left) == (1, 1) if adjoint else min(map(min, padding)) >= 0)
    )


def _points(adjoint: bool) -> int:
    """In one direction."""
    return GRADIENT_POINTS if adjoint else PIXEL_POINTS


def _point_bytes(channels: int, adjoint: bool, itemsize: int) -> int:
    """Of one vector of tiles."""
    return _points(adjoint) ** 2 * channels * lanes(f"f{itemsize}") * itemsize


class Layout(NamedTuple):
    """How tiles are cut, and where everything is; arrays are int64."""

    segments: np.ndarray  # see IMAGE ... in .halving_loops
    blocks: np.ndarray  # the first segment of each block, and the end
    products: np.ndarray  # where the point of the filter is, and that of the tiles; the sum and whether it has begun
    sizes: np.ndarray  # see SHARES ...


@lru_cache(maxsize=256)
def _lay_out(
    source: tuple[int, ...], target: tuple[int, ...], corner: Pair, adjoint: bool, itemsize: int, threads: int
) -> Layout:
    """How to convolve (N, C, H, W) to (N, O, OH, OW); the first tile begins ``corner`` before the source.

    No number depends on the threads: they may share the output channels if there is one block for all of them.
    """
    channels, panels, vector = source[1], ceil_div(target[1], OUTER_ROWS), lanes(f"f{itemsize}")
    side = 4 if adjoint else 2
    vectors = ceil_div(tile_count(target, side), vector)
    size = vectors * _point_bytes(channels, adjoint, itemsize)
    blocks = min(vectors, 2 * ceil_div(size, 2 * _BLOCK_BYTES))  # an even number, for two threads
    shares = 1
    if vectors < _LEAST_VECTORS and size <= _MOST_BYTES:
        blocks, shares = 1, min(panels, threads)
    segments, starts = _segments(
        target, side, corner, [(i + 1) * vectors // blocks * vector for i in range(blocks)], vector
    )
    slots, points = OUTER_VECTORS * vector, _points(adjoint) ** 2
    filter_step, point_step = (channels * step + GAP for step in (max(OUTER_ROWS, vector), slots))
    added, products = _PRODUCTS if adjoint else _SUMS, []
    for k, places in enumerate([(i, j) for i in down for j in right] for down in added for right in added):
        for n, (i, j) in enumerate(places):
            weight = _PRODUCT_FILTERS[i] * FILTER_POINTS + _PRODUCT_FILTERS[j]
            row, column = (_PRODUCT_GRADIENTS[i], _PRODUCT_GRADIENTS[j]) if adjoint else (i, j)
            place = row * _points(adjoint) + column
            products.append((weight * filter_step, place * point_step, k, n > 0))
    chunk = min(panels, max(1, _SUM_BYTES // (len(added) ** 2 * OUTER_ROWS * slots * itemsize)))
    sizes = shares, points, point_step, filter_step, chunk, segments[:, GROUP].max() + 1, len(added) ** 2
    return Layout(*map(frozen, (segments, starts, products, sizes)))


def _segments(
    target: tuple[int, ...], side: int, corner: Pair, ends: list[int], vector: int
) -> tuple[np.ndarray, list[int]]:
    """The tiles of all images, image by image and row by row, in blocks up to ``ends``; the first segment of each."""
    batch, outputs, height, width = target
    rows, columns, slots, step = ceil_div(height, side), ceil_div(width, side), OUTER_VECTORS * vector, 8 // side
    segments, starts, tile = [], [0], 0
    for begin, end in zip([0, *ends], ends):
        while tile < min(end, batch * rows * columns):
            (strip, column), (group, slot) = divmod(tile, columns), divmod(tile - begin, slots)
            image, row = divmod(strip, rows)
            here = min(columns - column, slots - slot, end - tile)
            place = (image * outputs * height + row * side) * width + column * side
            results = min(side, height - row * side), min(here * side, width - column * side)
            segments.append((image, row * step - corner[0], column * step, here, group, slot, place, *results))
            tile += here
        starts.append(len(segments))
    return np.array(segments), starts


def correlate(x: np.ndarray, w: np.ndarray, out: np.ndarray, padding: Padding, *, adjoint: bool) -> bool:
    """Fill ``out`` with the correlation of x and w, or with ``adjoint`` with its input gradient; is it finite?

    x : (N, C, H, W), w : (O, C, 3, 3), with ``adjoint`` (C, O, 3, 3), out : (N, O, OH, OW).
    """
    corner = (0, 0) if adjoint else (padding[0][0], padding[1][0])
    layout = _lay_out(x.shape, out.shape, corner, adjoint, x.itemsize, get_num_threads())
    channels, outputs, vector = x.shape[1], out.shape[1], lanes(x.dtype)
    columns, filter_step = ceil_div(outputs, max(OUTER_ROWS, vector)), int(layout.sizes[FILTER_STEP])
    filters = np.empty(columns * FILTER_POINTS**2 * filter_step, x.dtype)
    parallel_for(
        *(transform_filters, columns, w.reshape(-1), adjoint, channels, outputs, filters, filter_step, vector),
        cost=channels * 300,
    )
    tasks = (len(layout.blocks) - 1) * int(layout.sizes[SHARES])
    finite = np.empty(tasks, np.bool_)
    parallel_for(
        *(convolve, tasks, x.reshape(-1), x.shape[1:], corner[1], adjoint, filters, *layout, vector),
        *(out.reshape(-1), out.shape[1:], finite),
        cost=out.size * channels / tasks,
    )
    return bool(finite.all())
