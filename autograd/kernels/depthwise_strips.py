"""Depthwise correlation in strips of rows: large filters, wide maps, and hosts without masks.

The others are :mod:`.depthwise`'s. A map (or a block of its rows) goes into zero-padded planes, as :mod:`.plan` lays
them out; the borders are zero from the beginning, so only the rows that exist are copied. Then every output is a sum
over the same few offsets, and a table says which vectors to compute: each row in vectors, of which the last one ends
with the row. A row that is shorter than a vector spills into the next one, which overwrites it; what would spill beyond
the end goes through a buffer.

The input gradient of a stride of 2 is four correlations, one for each residue of rows and columns, whose results are
interleaved.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..geometry import Pair
from .buffers import flattened, scratch
from .grid import Axis, Grid, ceil_div, grid, starts_of
from .jit import njit
from .moves import interleave
from .parallel import parallel_for
from .plan import (
    BLOCK_ROWS,
    ELEMENTS,
    FIRST_TAP,
    HEIGHT,
    PITCH,
    SPREAD_H,
    STEP_H,
    STEP_W,
    TAPS,
    WIDTH,
    Layout,
    frozen,
    lay_out,
)
from .planes import clear_run, copy_map, copy_run
from .tile import COLUMN, STRIP_ROWS, STRIPS, multiply_strips
from .vectors import lanes

# Elements of the planes of a block: they stay in the first-level cache, and few rows are copied twice at its border.
_ELEMENTS = 4096


class Strips(NamedTuple):
    """How the maps are cut, and what is computed of each block."""

    layout: Layout
    corner: int  # where the planes begin in their buffer
    blocks: int  # of each map
    columns: np.ndarray  # of taps, see ``_columns``
    counts: np.ndarray
    places: np.ndarray  # (strips, 2): where a strip of pixels begins in a plane, and where its results go
    targets: np.ndarray  # (vectors of a phase, 2): where results are interleaved from, and to


def cut_strips(
    size: Pair, out: Pair, vertical: Axis, horizontal: Axis, kernel_size: Pair, itemsize: int
) -> Strips | None:
    """The plan for maps of ``size``, or None for what :mod:`.correlate` must do."""
    spread = vertical.spread, horizontal.spread
    phases = len(vertical.phases) * len(horizontal.phases)
    if spread not in ((1, 1), (2, 2)) or phases != spread[0] * spread[1]:
        return None
    if not all(phase.taps for axis in (vertical, horizontal) for phase in axis.phases):
        return None
    vector = lanes(f"f{itemsize}")
    planes, corner = aligned(grid(size, vertical, horizontal), vector)
    if planes.columns.span >= planes.pitch:  # two taps would meet the same padding, and be one to ``_columns``
        return None
    block_rows, blocks = cut_rows(planes)
    layout = lay_out(planes, 1, block_rows, kernel_size, 0)
    starts = starts_of(planes.columns.outputs, vector)
    strips = [(r, c) for r in starts_of(block_rows, STRIP_ROWS) for c in starts]
    targets = []
    if phases == 1:
        places = [(r * planes.pitch + c, r * out[1] + c) for r, c in strips]
    else:
        places = [(r * planes.pitch + c, i * STRIP_ROWS * vector) for i, (r, c) in enumerate(strips)]
        lines = {
            (r + i, c): (n * STRIP_ROWS + i) * vector for n, (r, c) in enumerate(strips) for i in range(STRIP_ROWS)
        }
        apart = ceil_div(len(strips), STRIPS) * STRIPS * STRIP_ROWS * vector
        for r in range(block_rows):
            for side in range(2):
                targets += [(2 * side * apart + lines[r, c], (2 * r + side) * out[1] + 2 * c) for c in starts]
    places += places[-1:] * (-len(places) % STRIPS)
    columns, counts = _columns(layout, planes.pitch)
    tables = (columns, counts, places, np.reshape(targets, (-1, 2)))
    return Strips(layout, corner, blocks, *map(frozen, tables))


def _columns(layout: Layout, pitch: int) -> tuple[np.ndarray, np.ndarray]:
    """The taps of each phase as columns of taps below each other, see ``multiply_strips``; (first, counts) of each."""
    columns: list[list[int]] = []
    counts = []
    for phase in layout.phases:
        taps = {offset: weight for weight, offset in layout.taps[phase[FIRST_TAP] :][: phase[TAPS]].tolist()}
        found = []
        for offset in sorted(taps):
            column: list[int] = []
            while offset in taps and len(column) < COLUMN:
                if len(column) > 1 and taps[offset] - column[-1] != column[1] - column[0]:
                    break
                column.append(taps.pop(offset))
                offset += pitch
            if column:
                step = column[1] - column[0] if len(column) > 1 else 0
                found.append((len(column), column[0], offset - len(column) * pitch, step))
        found.sort(key=lambda column: -column[0])
        lengths = [length for length, *_ in found]
        counts.append((len(columns), *(lengths.count(length) for length in range(COLUMN, 0, -1))))
        columns += [column for _, *column in found]
    return np.array(columns), np.array(counts)


def aligned(planes: Grid, vector: int) -> tuple[Grid, int]:
    """The planes with the first number of each row at the beginning of a vector, and how many elements before them.

    Not where the rows would become much longer. (Maps of 56 × 56 took a tenth less time.)
    """
    pitch = ceil_div(planes.pitch, vector) * vector
    if 8 * (pitch - planes.pitch) > pitch:
        return planes, 0
    return planes._replace(pitch=pitch, overhang=0), -min(low for _, low, _ in planes.inside) % vector


def cut_rows(planes: Grid) -> Pair:
    """Output rows of a block, and blocks of a map."""
    rows = planes.rows.outputs
    block_rows = ceil_div(rows, ceil_div(rows * planes.row_elements, _ELEMENTS))
    return block_rows, ceil_div(rows, block_rows)


def correlate_strips(x: np.ndarray, w: np.ndarray, how: Strips, out: np.ndarray) -> np.ndarray:
    """Fill ``out`` (N, C·M, H, W), M outputs for each channel of ``x``, each with a filter of ``w``."""
    count = x.shape[0] * x.shape[1] * how.blocks
    parallel_for(
        *(_correlate_strips, count, x.reshape(-1), w.reshape(out.shape[1], -1), out, x.shape[1], lanes(x.dtype)),
        *(how.layout.sizes, how.corner, how.blocks, how.layout.moves, *how[3:]),
        cost=out.size / count * w.shape[2] * w.shape[3],
    )
    return out


@njit
def _correlate_strips(
    start, stop, x, w, out, channels, lanes, sizes, corner, blocks, moves, columns, counts, places, targets
):
    out_rows, out_columns = out.shape[2], out.shape[3]
    outputs, filter_size, phases, strips = w.shape[0] // channels, w.shape[1], counts.shape[0], places.shape[0]
    pitch, line, step = sizes[PITCH], sizes[STEP_H] * sizes[WIDTH], sizes[STEP_W]
    size, copies = sizes[BLOCK_ROWS] * sizes[SPREAD_H] * out_columns, moves.shape[0] // blocks
    map_size, out_size = sizes[HEIGHT] * sizes[WIDTH], out_rows * out_columns
    flat, weights, numbers = flattened(out), flattened(w), flattened(counts)
    apart = strips * STRIP_ROWS * lanes
    sums = scratch(phases * apart if phases > 1 else 0, x.dtype)
    planes = scratch(
        corner + sizes[ELEMENTS] + lanes + STRIP_ROWS * pitch, x.dtype
    )  # maps of fewer rows have a strip too
    clear_run(planes, 0, planes.size - lanes, lanes)
    if phases > 1:
        reach = targets[-1, 1] + 2 * lanes
    else:
        reach = places[-1, 1] + (STRIP_ROWS - 1) * out_columns + lanes
    rest = scratch(reach, x.dtype)
    block, image, channel = start % blocks, start // blocks, start // blocks % channels
    for task in range(start, stop):
        copy_map(x, image * map_size, moves, block * copies, copies, line, step, lanes, planes, corner, pitch)
        for o in range(outputs):
            w0, place = (channel * outputs + o) * filter_size, (image * outputs + o) * out_size + block * size
            # what a block may write: up to the end of the map, or of all maps of this range
            end = (image * outputs + o + 1) * out_size if blocks > 1 else stop * outputs * out_size
            alone = place + reach > end or (blocks > 1 and task + 1 == stop)
            if phases > 1:
                for phase in range(phases):
                    at, first, v = phase * (COLUMN + 1) + 1, counts[phase, 0], 0
                    while v < strips:
                        multiply_strips(
                            *(weights, w0, planes, corner, pitch, columns, first, numbers, at, places, v),
                            *(sums, phase * apart, lanes),
                        )
                        v += STRIPS
                if alone:
                    for t in range(targets.shape[0]):
                        interleave(rest, targets[t, 1], sums, targets[t, 0], targets[t, 0] + apart)
                else:
                    for t in range(targets.shape[0]):
                        interleave(flat, place + targets[t, 1], sums, targets[t, 0], targets[t, 0] + apart)
            elif alone:
                for v in range(0, strips, STRIPS):
                    multiply_strips(
                        weights, w0, planes, corner, pitch, columns, 0, numbers, 1, places, v, rest, 0, out_columns
                    )
            else:
                for v in range(0, strips, STRIPS):
                    multiply_strips(
                        weights, w0, planes, corner, pitch, columns, 0, numbers, 1, places, v, flat, place, out_columns
                    )
            if alone:
                length = min(size, out_size - block * size)
                copy_run(flat, place, rest, 0, length, place + length, lanes)
        block += 1
        if block == blocks:
            block, image, channel = 0, image + 1, channel + 1
        if channel == channels:
            channel = 0
