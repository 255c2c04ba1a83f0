"""Correlation where each group has one input channel: map by map, read where it is.

Few products are made with each pixel, so what surrounds them decides. Nothing is copied, not even to pad: see
:mod:`.depthwise_tile`. A filter is cut into units of at most COLUMN taps below each other and four side by side.
Filters of 3 × 3 taps are one unit, and one pass over the map; larger ones, whose results further passes would read and
write again, are left to :mod:`.depthwise_strips`, but for the gradient of the weights (:mod:`.depthwise_weight`).

The input gradient of a stride of 2 is four correlations, one for each residue of rows and columns; those of even and
odd columns are computed together and interleaved.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..geometry import Pair
from .blocks import last_cache
from .buffers import flattened, scratch
from .depthwise_tile import COLUMN, INSIDE, multiply_down, places
from .grid import Axis, ceil_div, starts_of
from .jit import njit
from .parallel import parallel_for
from .plan import LEAST_TASKS, frozen
from .vectors import VECTOR_BYTES, lanes

# Hosts whose vectors are shorter have no masks: there maps go to :mod:`.depthwise_strips`, and gradients of weights the
# way of all other convolutions.
_MASKS = VECTOR_BYTES > 16
# Bytes of a row. A column of wider maps falls out of the first cache before the next one is read.
_WIDEST = 2000
# Rows of a block, which is read column by column from the caches; some more rows are read twice.
_BLOCK_ROWS = 128


class Maps(NamedTuple):
    """How maps are cut, and what is computed of each block; arrays are int64."""

    steps: Pair
    spreads: Pair
    far: bool  # whether the maps have left the caches when they come
    block_rows: int  # of outputs, of one phase
    blocks: int  # of each map
    phases: np.ndarray  # of each unit: taps below each other, first row of its outputs, rows
    units: np.ndarray  # see LINE ... of :mod:`.depthwise_tile`
    positions: np.ndarray  # see START ...; the columns of a map, one after the other


def maps(
    x: tuple[int, int, int, int], out: Pair, vertical: Axis, horizontal: Axis, kernel_size: Pair, itemsize: int
) -> Maps | None:
    """The plan for a source of shape (N, C, H, W), or None for what :mod:`.depthwise_strips` does faster."""
    if not fits(horizontal):
        return None
    vector, outputs = lanes(f"f{itemsize}"), horizontal.phases[0].outputs
    positions = [(c, vector) for c in starts_of(outputs, vector)]
    tables = lay_out(x[3], out[1], vertical, horizontal, kernel_size[1], COLUMN, positions)
    if len(tables[0]) > len(vertical.phases) or max(x[3], out[1]) * itemsize > _WIDEST:
        return None
    steps, spreads = (vertical.step, horizontal.step), (vertical.spread, horizontal.spread)
    far = leaves_cache(x[0] * x[1] * (x[2] * x[3] + out[0] * out[1]) * itemsize)
    return Maps(steps, spreads, far, *cut_rows(vertical, x[0] * x[1]), *tables)


def fits(horizontal: Axis) -> bool:
    """Whether the tiles know such steps along the rows."""
    return _MASKS and horizontal.step <= 2 and horizontal.spread <= 2


def leaves_cache(bytes: int) -> bool:
    """Whether pixels and results of so many bytes, and the gradients of both, fill most of the last cache."""
    return 3 * bytes >= last_cache()


def cut_rows(vertical: Axis, count: int) -> Pair:
    """Output rows of a block, and blocks of each of ``count`` maps."""
    rows = vertical.phases[0].outputs
    blocks = max(ceil_div(rows, _BLOCK_ROWS), min(ceil_div(rows, 8), ceil_div(LEAST_TASKS, count)))
    block_rows = ceil_div(rows, blocks)
    return block_rows, ceil_div(rows, block_rows)


def lay_out(
    width: int, out: int, vertical: Axis, horizontal: Axis, kernel_width: int, tallest: int, positions: list[Pair]
) -> tuple[np.ndarray, ...]:
    """``phases``, ``units`` and ``positions`` of columns (first output, outputs) for rows of ``width`` and ``out``."""
    step, spread = horizontal.step, horizontal.spread
    rows = _rows_of_units(horizontal)
    phases, units, read = [], [], []
    for phase in vertical.phases:
        for line, below in _columns(phase.taps, tallest):
            for where, beside in rows:
                taps = [-1 if i is None or j is None else i * kernel_width + j for i in below for j in beside]
                phases.append((len(below), phase.origin, phase.outputs))
                taps += [-1] * (COLUMN * len(beside) - len(taps))
                units.append(
                    (line, -1 not in taps[: len(below) * len(beside)], *(offset for offset, _ in where), *taps)
                )
                read += where
    columns = [
        (
            c,
            _inside(spread * c, spread * count, out),
            *(_inside(step * c + offset, step * count, width) & which for offset, which in read),
        )
        for c, count in positions
    ]
    return tuple(map(frozen, (phases, units, columns)))


_ALL, _EVEN, _NONE = -1, 0x5555_5555_5555_5555, 0  # which of the pixels at a place
_NOWHERE = -(1 << 40)  # a row above every map, as are those that follow it


def _rows_of_units(axis: Axis) -> list[tuple[list[Pair], list[int | None]]]:
    """The taps along a row in units: (offset, pixels) of each place that is read, and the numbers of the taps.

    Where a unit has less taps than others, what is read in their place is nothing.
    """
    found: list[tuple[list[Pair], list[int | None]]] = []
    sides = [list(phase.taps) for phase in axis.phases]

    def take(side: list[Pair]) -> Pair | None:
        return side.pop(0) if side else None

    while not found or any(sides):
        if axis.spread == 2:
            taps = [take(side) for side in sides for _ in range(2)]
        else:
            (side,) = sides
            first = take(side)
            adjacent = axis.step == 1 or (first and side and side[0][1] == first[1] + 1)
            taps = [first, take(side) if adjacent else None, take(side)]
        where = [(tap[1], _ALL) if tap else (0, _NONE) for tap in taps]
        if axis.step == 2:
            where = [(where[0][0], _ALL if taps[1] else _EVEN), where[2]]
        found.append((where, [tap and tap[0] for tap in taps]))
    return found


def _columns(taps: tuple[Pair, ...], tallest: int) -> list[tuple[int, list[int | None]]]:
    """Taps (number, row) as columns below each other: the first row, and the numbers.

    None are one of nothing, which meets no row of the map: zero times NaN is NaN.
    """
    rest = {row: number for number, row in taps}
    found: list[tuple[int, list[int | None]]] = [] if taps else [(_NOWHERE, [None])]
    for row in sorted(rest):
        column: list[int | None] = []
        while len(column) < tallest and row + len(column) in rest:
            column.append(rest.pop(row + len(column)))
        if column:
            found.append((row, column))
    return found


def _inside(first: int, count: int, length: int) -> int:
    """The bits i < ``count`` with 0 ≤ first + i < length."""
    return sum(1 << i for i in range(count) if 0 <= first + i < length)


def correlate_maps(x: np.ndarray, w: np.ndarray, how: Maps, out: np.ndarray) -> np.ndarray:
    """Fill ``out`` (N, C·M, H, W), M outputs for each channel of ``x``, each with a filter of ``w``."""
    count = x.shape[0] * x.shape[1] * how.blocks
    parallel_for(
        *(_kernel(min(how.steps[0], COLUMN), how.steps[1], how.spreads[1], how.far), count, x, w, out),
        *(how.steps[0], how.spreads[0], *how[3:]),
        cost=out.size / count * w.shape[2] * w.shape[3],
    )
    return out


@cache
def _kernel(down: int, step: int, spread: int, far: bool) -> Any:
    """The loop over maps with these steps; further rows are skipped."""
    three, two, one = (multiply_down(height, down, step, spread, far=far) for height in (3, 2, 1))
    reads = len(places(step, spread))

    @njit(key=(down, step, spread, far))
    def correlate(start, stop, x, w, out, step, spread, block_rows, blocks, phases, units, positions):
        channels, height, width = x.shape[1], x.shape[2], x.shape[3]
        outputs, out_rows, out_columns = out.shape[1] // channels, out.shape[2], out.shape[3]
        pixels, weights, result = flattened(x), flattened(w), flattened(out)
        taps, columns = flattened(units), flattened(positions)
        pitch, filter_size = spread * out_columns, w.shape[2] * w.shape[3]
        ahead, results_ahead = height * width, out_rows * out_columns  # from a block to the next one
        if blocks > 1:
            ahead, results_ahead = step * block_rows * width, spread * block_rows * out_columns
        zeros = scratch(width, x.dtype)
        for i in range(width):
            zeros[i] = 0
        block, image, channel = start % blocks, start // blocks, start // blocks % channels
        for _ in range(start, stop):
            x0, first = image * height * width, step * block * block_rows
            for o in range(outputs):
                w0 = (channel * outputs + o) * filter_size
                top = ((image * outputs + o) * out_rows + block * block_rows * spread) * out_columns
                p = 0  # counted by hand: a range with a step that is no constant divides first
                for _ in range(positions.shape[0]):
                    inside = p + INSIDE
                    for u in range(units.shape[0]):
                        tall, u0 = phases[u, 0], u * units.shape[1]
                        count = min(block_rows, phases[u, 2] - block * block_rows)
                        numbers = (
                            *(x0, width, height, first, max(0, step - tall), ahead, w0, u0, p, inside),
                            *(top + phases[u, 1] * out_columns, pitch, count, results_ahead),
                        )
                        unit = (pixels, zeros, weights, taps, columns, result, numbers)
                        if count <= 0:
                            pass  # an odd number of rows has less of one phase
                        elif tall == 3:
                            three(*unit)
                        elif tall == 2:
                            two(*unit)
                        else:
                            one(*unit)
                        inside += reads
                    p += positions.shape[1]
            block += 1
            if block == blocks:
                block, image, channel = 0, image + 1, channel + 1
            if channel == channels:
                channel = 0

    return correlate
