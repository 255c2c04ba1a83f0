"""The weight gradient: each weight is a dot product over all output pixels of all images.

Both operands of such a product are runs of pixels, so the sum runs lane by lane in vectors and is added up across lanes
at the end of each piece. A task is a *part* of the pixels for a *chunk* of the input channels: it copies its channels
into padded planes, gathers the pixels that a few taps meet (they stay in the first-level cache) and multiplies them
with the gradients of all output channels. Parts and chunks are fixed by shape, and the parts are added in order.
1 × 1 filters need no copies where rows are whole vectors. What is a faster matrix product is left to
:mod:`.weight_product`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..geometry import Padding, Pair
from .buffers import flattened, scratch
from .grid import ceil_div, forward_axis, grid
from .jit import njit
from .moves import copy_vector
from .parallel import parallel_for
from .plan import (
    BLOCK_ROWS,
    DIRECT,
    ELEMENTS,
    HEIGHT,
    LEAST_TASKS,
    PITCH,
    TILES_BYTES,
    WIDTH,
    Layout,
    lay_out,
)
from .planes import clear_run, copy_run, fill_planes
from .tile import DOT_ROWS, DOT_TAPS, add_dots, add_run_dots, dot_results
from .vectors import lanes
from .weight_product import product_pays, weight_product

# Bytes of the gradients of one piece of pixels, in all output channels; they are read again for every few taps.
_PIECE_BYTES = 540_000
# Pixels of a piece. Fewer, and adding up lanes counts (10 % at 384); with more bytes, a piece of 32 channels leaves the
# second-level cache: in float64, twice as many took a quarter longer.
_FEWEST, _MOST_BYTES = 384, 4096
# Taps of a chunk: so many products pay for copying a gradient.
_CHUNK_TAPS = 144


class _Cut(NamedTuple):
    """How the sum is cut into tasks."""

    layout: Layout  # of the planes of one chunk and piece
    chunk: int  # channels
    images: int  # of a piece; more than one only if they are whole
    pieces: int
    parts: int
    run_rows: int  # of a run of pixels that is multiplied where it is; 0: pixels are gathered
    product: bool = False  # then the layout is of all channels and rows


def weight_gradient(
    g: np.ndarray, x: np.ndarray, *, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: int
) -> np.ndarray:
    """The adjoint of ``conv2d`` in w: g (N, O, OH, OW) and x (N, C, H, W) to (O, C/groups, *kernel_size)."""
    channels, outputs = x.shape[1] // groups, g.shape[1] // groups
    cut = _cut(x.shape, g.shape, kernel_size, stride, padding, dilation, groups, x.itemsize)
    gw = np.empty((g.shape[1], channels, *kernel_size), x.dtype)
    if cut.product:
        weight_product(g, x, gw, groups, cut.layout)
        return gw
    chunks, taps = ceil_div(channels, cut.chunk), len(cut.layout.taps)
    blocks = ceil_div(outputs, DOT_ROWS), ceil_div(taps, DOT_TAPS)
    sums = np.zeros((cut.parts, groups, chunks, *blocks, dot_results(DOT_ROWS, DOT_TAPS, x.dtype)), x.dtype)
    tasks = cut.parts * groups * chunks
    layout = (cut.layout.sizes, cut.layout.moves, cut.layout.taps)
    parallel_for(
        *(_add_parts, tasks, g.reshape(-1, *g.shape[2:]), x.reshape(-1), sums, channels, outputs, lanes(x.dtype)),
        *(cut.chunk, cut.images, cut.pieces, cut.run_rows, *layout),
        cost=g.size * taps * chunks / tasks / 8,
    )
    parallel_for(_collect, g.shape[1], sums, gw.reshape(g.shape[1], -1), outputs, taps, cost=gw[0].size * cut.parts)
    return gw


@lru_cache(maxsize=256)
def _cut(
    x: tuple[int, ...],
    g: tuple[int, ...],
    kernel_size: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: int,
    itemsize: int,
) -> _Cut:
    batch, _, out_rows, out_columns = g
    channels, filter_size = x[1] // groups, kernel_size[0] * kernel_size[1]
    chunks = max(1, round(channels * filter_size / _CHUNK_TAPS))
    chunk = ceil_div(channels, min(chunks, channels))
    chunks = ceil_div(channels, chunk)

    pixels = min(max(_PIECE_BYTES // (itemsize * g[1] // groups), _FEWEST), _MOST_BYTES // itemsize)
    images = min(max(1, pixels // (out_rows * out_columns)), batch)
    images = ceil_div(batch, ceil_div(batch, images))
    rows = out_rows if images > 1 else min(out_rows, max(1, pixels // out_columns))
    rows = ceil_div(out_rows, ceil_div(out_rows, rows))
    pieces = ceil_div(batch, images) * ceil_div(out_rows, rows)
    parts = min(pieces, ceil_div(LEAST_TASKS, groups * chunks))

    vertical = forward_axis(out_rows, kernel_size[0], stride[0], padding[0][0], dilation[0])
    horizontal = forward_axis(out_columns, kernel_size[1], stride[1], padding[1][0], dilation[1])
    planes = grid((x[2], x[3]), vertical, horizontal)
    direct, vector, outputs = planes.is_source, lanes(f"f{itemsize}"), g[1] // groups
    # rows, or whole pieces, that are vectors are multiplied where they are
    run_rows = rows if planes.pitch == out_columns and out_rows % rows == 0 else 1
    if run_rows * out_columns % vector or outputs % DOT_ROWS:
        run_rows = 0
    few = direct or batch * x[1] * planes.elements * itemsize <= TILES_BYTES
    if few and product_pays(outputs, channels * filter_size, groups, images * rows * out_columns, vector, run_rows > 0):
        layout = lay_out(planes, channels, out_rows, kernel_size, filter_size, direct)
        return _Cut(layout, channels, batch, 1, 1, 0, True)
    layout = lay_out(planes, chunk, rows, kernel_size, filter_size, direct and run_rows > 0)
    return _Cut(layout, chunk, images, pieces, parts, run_rows)


@njit
def _add_parts(start, stop, g, x, sums, channels, outputs, lanes, chunk, images, pieces, run_rows, sizes, moves, taps):
    image_size, pitch = sizes[HEIGHT] * sizes[WIDTH], sizes[PITCH]
    elements, block_rows, direct = sizes[ELEMENTS], sizes[BLOCK_ROWS], sizes[DIRECT] > 0
    parts, groups, chunks, row_blocks, tap_blocks, results = sums.shape
    batch, out_rows, out_columns = g.shape[0] // (groups * outputs), g.shape[1], g.shape[2]
    row_pieces, out_size = (out_rows + block_rows - 1) // block_rows, out_rows * out_columns
    chunk_taps = taps.shape[0] // chunk
    gathered = run_rows == 0
    capacity = (images * block_rows * out_columns + lanes - 1) // lanes * lanes
    flat_g, flat_sums = flattened(g), flattened(sums)
    planes = scratch(0 if direct else images * elements, x.dtype)
    gradients = scratch(row_blocks * DOT_ROWS * capacity + lanes if gathered else 0, x.dtype)
    windows = scratch(DOT_TAPS * capacity + lanes if gathered else 0, x.dtype)
    clear_run(planes, 0, planes.size - lanes, lanes)
    clear_run(gradients, 0, gradients.size, lanes)
    clear_run(windows, 0, windows.size, lanes)
    positions, runs = scratch(DOT_TAPS, np.int64), scratch(2 * images * block_rows, np.int64)
    for j in range(DOT_TAPS):  # np.arange takes half a second to compile
        positions[j] = j * capacity
    pixels, image_step, p0 = (x, groups * channels * image_size, 0) if direct else (planes, elements, 0)
    for task in range(start, stop):
        first_channel = task % chunks * chunk
        group, part = task // chunks % groups, task // chunks // groups
        here = min(chunk, channels - first_channel)
        for piece in range(part * pieces // parts, (part + 1) * pieces // parts):
            first_image, first_row = piece // row_pieces * images, piece % row_pieces * block_rows
            count, high = min(images, batch - first_image), min(block_rows, out_rows - first_row)
            run = high * out_columns
            length = (count * run + lanes - 1) // lanes * lanes
            g0 = (first_image * groups + group) * outputs * out_size + first_row * out_columns
            source = ((first_image * groups + group) * channels + first_channel) * image_size
            if direct:
                p0 = source + first_row * pitch
            for i in range(0 if direct else count):
                fill_planes(x, source, here, piece % row_pieces, lanes, sizes, moves, planes, i * elements)
                source += groups * channels * image_size
            n = 0
            for i in range(0 if gathered else count):
                for row in range(0, high, run_rows):
                    runs[2 * n] = i * groups * outputs * out_size + row * out_columns
                    runs[2 * n + 1] = i * image_step + row * pitch
                    n += 1
            for o in range(outputs if gathered else 0):
                for i in range(count):
                    at = g0 + (i * groups * outputs + o) * out_size
                    copy_run(gradients, o * capacity + i * run, flat_g, at, run, gradients.size, lanes)
                for t in range(o * capacity + count * run, o * capacity + length):
                    gradients[t] = 0
            for block in range((here * chunk_taps + DOT_TAPS - 1) // DOT_TAPS):
                here_taps = min(DOT_TAPS, here * chunk_taps - block * DOT_TAPS)
                at = (task * row_blocks * tap_blocks + block) * results
                if not gathered:
                    for j in range(DOT_TAPS):
                        positions[j] = taps[block * DOT_TAPS + min(j, here_taps - 1), 1]
                    for b in range(row_blocks):
                        add_run_dots(
                            *(flat_g, g0 + b * DOT_ROWS * out_size, out_size, pixels, p0, positions, 0),
                            *(run_rows * out_columns, flat_sums, at, runs, n),
                        )
                        at += tap_blocks * results
                    continue
                for j in range(here_taps):
                    target = j * capacity
                    for i in range(count):
                        source = i * elements + taps[block * DOT_TAPS + j, 1]
                        for _ in range(high):
                            t = 0
                            while t < out_columns:
                                copy_vector(windows, target + t, planes, source + t)
                                t += lanes
                            target += out_columns
                            source += pitch
                    for t in range(target, j * capacity + length):
                        windows[t] = 0
                for b in range(row_blocks):
                    first = b * DOT_ROWS * capacity
                    add_dots(gradients, first, capacity, windows, 0, positions, 0, length, flat_sums, at)
                    at += tap_blocks * results


@njit
def _collect(start, stop, sums, gw, outputs, chunk_taps):
    """Add the parts, in order, and put the sums where their weights are."""
    parts, _, chunks, _, tap_blocks, _ = sums.shape
    for o in range(start, stop):
        group, row = o // outputs, o % outputs
        block, place = row // DOT_ROWS, row % DOT_ROWS * DOT_TAPS
        for chunk in range(chunks):
            first = chunk * chunk_taps
            for k in range(first, min(first + chunk_taps, gw.shape[1])):
                gw[o, k] = 0
            for part in range(parts):
                for tap_block in range(tap_blocks):
                    at = first + tap_block * DOT_TAPS
                    for j in range(min(DOT_TAPS, first + chunk_taps - at, gw.shape[1] - at)):
                        gw[o, at + j] += sums[part, group, chunk, block, tap_block, place + j]
