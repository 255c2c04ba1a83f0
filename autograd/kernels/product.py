"""Products of matrices on register tiles, of one pair or a stack of them.

A task is a *chunk* of the rows of the result for a *group* of its columns, over a *part* of the inner dimension, of
which it takes a *block* at a time: it copies those rows of the right matrix, tile by tile, into the second-level cache
and multiplies them with some panels of the left one after the other. The parts are added in order. All cuts are fixed
by shape, and each sum runs through the blocks in order, so bits do not depend on who does which tasks; a thread that
has neighbouring chunks copies the columns once for all of them.

Either matrix may be the transpose of one in row-major order. The left one is read where it is, or a line of memory,
with numbers of 16 rows, is copied at a time; the right one is copied as it is, or turned in the registers.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .arrays import canonical
from .buffers import scratch
from .grid import ceil_div
from .jit import njit
from .moves import copy_part, copy_rows
from .parallel import parallel_for
from .plan import LEAST_TASKS
from .tile import OUTER_ROWS, OUTER_VECTORS, multiply_panels
from .vectors import VECTOR_BYTES, lanes
from .weight_product import add_parts, gather, power_of_two

# Multiply-adds that pay for copying, and for the first call. Rows that share a copy of the right matrix, columns that
# fill enough of a vector, and bytes of a row of them that pay for copying the left matrix, if it is a transpose.
_LEAST_PRODUCTS, _LEAST_ROWS, _LEAST_COLUMNS, _LEAST_BYTES = 1 << 21, 16, 10, 256
# Inner places of a block. With twice as many, sums are loaded and stored half as often (1 or 2 % of 512 × 512 × 512),
# but a group has half as many columns that share a copy of the left matrix (3 % in float32, 13 % in float64).
_BLOCK = 256
# Bytes of the columns of a group. They may fill the second-level cache, as several panels use a tile one by one.
_GROUP_BYTES = 1_000_000
# Rows that are multiplied with a tile before the next one, and rows of a chunk, at least.
_ROWS_TOGETHER, _ROWS_OF_CHUNK = 64, 32
# Tiles of a group, at least, that share a copy of the left matrix: with one, 128 × 128 × 128 took half as long again.
_TILES_OF_LINES = 4


class _Cut(NamedTuple):
    """How products are cut."""

    parts: int
    groups: int
    chunks: int
    pieces: int  # blocks


def pays(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether such matrices, or stacks of them, are multiplied faster here than by BLAS."""
    (rows, inner), columns = a.shape[-2:], b.shape[-1]
    a_turned, b_turned = (x.strides[-1] != x.itemsize for x in (a, b))
    products = (a.size if b_turned else rows * inner) * columns  # BLAS is slow with stacks of small transposes
    if products < _LEAST_PRODUCTS or rows < _LEAST_ROWS or columns < _LEAST_COLUMNS:
        return False
    return not a_turned or columns * a.itemsize >= _LEAST_BYTES


def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Fill ``out`` (S, M, N) with the products of a (S, M, K) and b (S, K, N), none of which is empty.

    ``a`` and ``b`` are best in row-major order, or transposes of matrices in that order.
    """
    (stack, rows, columns), inner = out.shape, a.shape[2]
    (a, a_turned), (b, b_turned) = _flat(a), _flat(b)
    cut = _cut(stack, rows, inner, columns, a.itemsize, a_turned)
    sums = out if cut.parts == 1 else np.empty((cut.parts, *out.shape), out.dtype)
    tasks = cut.parts * stack * cut.groups * cut.chunks
    parallel_for(
        *(_multiply, tasks, a, a_turned, b, b_turned, sums.reshape(-1)),
        *(stack, rows, inner, columns, *cut, lanes(out.dtype)),
        cost=stack * rows * inner * columns / tasks / 8,
    )
    if cut.parts > 1:
        cost = columns * cut.parts
        parallel_for(add_parts, stack * rows, sums.reshape(-1), out.reshape(-1), cut.parts, columns, cost=cost)
    return out


def _flat(x: np.ndarray) -> tuple[np.ndarray, bool]:
    """The numbers of a stack of matrices in the order of memory, and whether that is the order of columns."""
    turned = x.swapaxes(1, 2)
    if turned.flags.c_contiguous and not x.flags.c_contiguous:
        return canonical(turned).reshape(-1), True
    return canonical(x).reshape(-1), False


@lru_cache(maxsize=256)
def _cut(stack: int, rows: int, inner: int, columns: int, itemsize: int, a_turned: bool) -> _Cut:
    pieces, vectors = ceil_div(inner, _BLOCK), ceil_div(columns * itemsize, VECTOR_BYTES)
    small = inner * (rows + columns) // (2 * rows * columns)  # parts whose sums are half as much as is read
    parts = power_of_two(min(ceil_div(LEAST_TASKS, stack), pieces, small))
    groups = power_of_two(2 * ceil_div(vectors * ceil_div(inner, pieces) * VECTOR_BYTES, _GROUP_BYTES) - 1)
    chunks = power_of_two(min(ceil_div(LEAST_TASKS, stack * parts * groups), rows // _ROWS_OF_CHUNK))
    tiles = ceil_div(vectors, OUTER_VECTORS) // (_TILES_OF_LINES if a_turned else 1)
    groups = max(groups, power_of_two(min(ceil_div(LEAST_TASKS, stack * parts * chunks), tiles)))
    return _Cut(parts, groups, chunks, pieces)


@njit
def _multiply(
    start, stop, a, a_turned, b, b_turned, out, stack, rows, inner, columns, parts, groups, chunks, pieces, lanes
):
    width, together = OUTER_VECTORS * lanes, _ROWS_TOGETHER // OUTER_ROWS
    panels, all_vectors = (rows + OUTER_ROWS - 1) // OUTER_ROWS, (columns + lanes - 1) // lanes
    block, most_vectors = (inner + pieces - 1) // pieces, (all_vectors + groups - 1) // groups
    abreast, tile_size = max(OUTER_ROWS, lanes), (block + lanes) * width
    window = scratch((most_vectors + OUTER_VECTORS - 1) // OUTER_VECTORS * tile_size, a.dtype)
    lines = scratch(_ROWS_TOGETHER * block if a_turned else 0, a.dtype)
    left, l_step = (lines, abreast) if a_turned else (a, 1)
    sums = scratch(OUTER_ROWS * width + lanes, a.dtype)
    offsets = scratch(width, np.int64)
    task = start
    while task < stop:
        chunk, group, at = task % chunks, task // chunks % groups, task // chunks // groups
        part, last = at // stack, min(task - chunk + chunks, stop)  # chunks of one group are one
        first, end = chunk * panels // chunks, (chunk + last - task) * panels // chunks
        task = last
        first_vector, end_vector = group * all_vectors // groups, (group + 1) * all_vectors // groups
        tiles = (end_vector - first_vector + OUTER_VECTORS - 1) // OUTER_VECTORS
        first_piece, end_piece = part * pieces // parts, (part + 1) * pieces // parts
        for piece in range(first_piece, end_piece):
            k0, add = piece * inner // pieces, piece > first_piece
            count = (piece + 1) * inner // pieces - k0
            a0, b0 = at % stack * rows * inner, at % stack * inner * columns
            for tile in range(tiles):
                v, v_end = _of_tile(first_vector, end_vector, tile, tiles)
                size, target = (v_end - v) * lanes, tile * tile_size
                if not b_turned:
                    _copy_rows(b, b0 + k0 * columns + v * lanes, columns, count, size, window, target, width)
                for j in range(size if b_turned else 0):
                    offsets[j] = min(v * lanes + j, columns - 1) * inner
                for i in range(0, size if b_turned else 0, lanes):
                    gather(b, b0 + k0, count, offsets, i, lanes, window, target + i, width)
            for panel in range(first, end, together):
                end_panel = min(panel + together, end)
                for m in range(0, (end_panel - panel) * OUTER_ROWS if a_turned else 0, abreast):
                    source = a0 + k0 * rows + panel * OUTER_ROWS + m
                    _copy_rows(a, source, rows, count, abreast, lines, m * count, abreast)
                for tile in range(tiles):
                    v, v_end = _of_tile(first_vector, end_vector, tile, tiles)
                    here = min((v_end - v) * lanes, columns - v * lanes)
                    whole = here == (v_end - v) * lanes
                    for p in range(panel, end_panel):
                        row, p0 = p * OUTER_ROWS, tile * tile_size
                        high, place = min(OUTER_ROWS, rows - row), (at * rows + row) * columns + v * lanes
                        w0, pitch = a0 + row * inner + k0, inner
                        if a_turned:
                            w0, pitch = (p - panel) * OUTER_ROWS, 1
                            w0 = w0 // abreast * abreast * count + w0 % abreast
                        result, r0, step = (out, place, columns) if whole else (sums, 0, width)
                        if add and not whole:
                            _copy(sums, 0, width, out, place, columns, high, here, lanes)
                        multiply_panels(
                            *(left, w0, pitch, l_step, high, window, p0, width, v_end - v, count),
                            *(result, r0, step, add),
                        )
                        if not whole:
                            _copy(out, place, columns, sums, 0, width, high, here, lanes)


@njit
def _of_tile(first_vector, end_vector, tile, tiles):
    """The first vector of a tile, and that of the next."""
    vectors = end_vector - first_vector
    return first_vector + tile * vectors // tiles, first_vector + (tile + 1) * vectors // tiles


@njit
def _copy_rows(x, s, pitch, count, width, target, t, target_pitch):
    """Copy ``width`` numbers of each of ``count`` rows, with what lies behind short ones, to the end of the array."""
    whole = max(0, min(count, (x.size - width - s) // pitch + 1))
    if whole:
        copy_rows(target, t, target_pitch, x, s, pitch, whole, width)
    for k in range(whole, count):
        for i in range(min(width, x.size - s - k * pitch)):
            target[t + k * target_pitch + i] = x[s + k * pitch + i]


@njit
def _copy(target, t, target_step, source, s, source_step, rows, width, lanes):
    for r in range(rows):
        for i in range(0, width, lanes):
            copy_part(target, t + r * target_step + i, source, s + r * source_step + i, width - i)
