"""How a convolution is laid out for the register tiles: planes, offsets, blocks. Integers only, computed once per geometry.

**Implicit im2col.** Copy the image, zero-padded, row after row with a fixed pitch. Then the input that tap (c, i, j) meets
at output pixel p lies at ``p + offset[c, i, j]`` for *every* p, so row k of the im2col matrix is the image read from
``offset[k]`` on, and the matrix itself is never built. Pixels between the end of an output row and the next pitch are
computed and thrown away; there are few, because the right padding of a row doubles as the left padding of the next.

**Any stride, without a dilated image.** With a stride s the input is split into s² *residue planes* (rows ≡ a, columns ≡ b
mod s), inside of which neighbouring outputs read neighbouring pixels again. The input gradient of a strided convolution is
s² stride-1 correlations, one for each residue of the *output* (a *phase*), each with the taps that can reach it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..geometry import Pair
from . import tile

# A block's planes should stay in the second-level cache beside a panel of weights.
_BLOCK_BYTES = 400_000
# Enough blocks for this many threads, when the batch is smaller.
_LEAST_TASKS = 16


class Phase(NamedTuple):
    """The outputs ``origin, origin + spread, ...`` of one axis, and what reaches them."""

    origin: int
    count: int
    taps: tuple[tuple[int, int], ...]  # (index in the kernel, offset in the source)


class Axis(NamedTuple):
    """One axis of a correlation: output number q of a phase meets ``source[step·q + offset]`` for each tap."""

    step: int
    spread: int
    phases: tuple[Phase, ...]


def forward_axis(outputs: int, kernel: int, stride: int, before: int, dilation: int) -> Axis:
    """Output q of a convolution meets input ``s·q + d·i − before`` at tap i."""
    return Axis(stride, 1, (Phase(0, outputs, tuple((i, i * dilation - before) for i in range(kernel))),))


def adjoint_axis(inputs: int, kernel: int, stride: int, before: int, dilation: int) -> Axis:
    """Input h meets the output gradient ``(h + before − d·i)/s`` at each tap i for which that is whole."""
    phases = []
    for origin in range(min(stride, inputs)):
        taps = tuple(
            (i, (origin + before - i * dilation) // stride)
            for i in range(kernel)
            if (origin + before - i * dilation) % stride == 0
        )
        phases.append(Phase(origin, -(-(inputs - origin) // stride), taps))
    return Axis(1, stride, tuple(phases))


class _Planes(NamedTuple):
    """One axis of the residue planes: plane position r of residue a holds source ``step·(r + first) + a``."""

    residues: tuple[int, ...]
    first: int
    span: int  # positions needed besides one for each output


def _planes(axis: Axis) -> _Planes:
    offsets = [offset for phase in axis.phases for _, offset in phase.taps]
    if not offsets:
        return _Planes((0,), 0, 0)
    positions = [offset // axis.step for offset in offsets]
    residues = sorted({offset % axis.step for offset in offsets})
    return _Planes(tuple(residues), min(positions), max(positions) - min(positions))


class Plan(NamedTuple):
    """What the kernels need to know; arrays are int64."""

    sizes: np.ndarray  # see SIZES
    rows: np.ndarray  # residues of the row planes
    columns: np.ndarray  # per residue of the column planes: residue, first and last + 1 plane column inside the source
    phases: np.ndarray  # see PHASE
    offsets: np.ndarray  # taps × channels of all phases, one after the other
    taps: np.ndarray  # their positions in one flattened filter, for each phase
    tasks: int  # blocks per image and group


# Positions in Plan.sizes and in a row of Plan.phases; the kernels unpack them in this order.
SIZES = "channels height width step_h step_w first_h first_w pitch block_rows blocks plane_rows spread_h spread_w scratch"
PHASE = "y x rows columns taps first_tap"


@lru_cache(maxsize=1024)
def plan(
    channels: int, size: Pair, vertical: Axis, horizontal: Axis, kernel_width: int, images: int, itemsize: int
) -> Plan:
    """Lay out a correlation over ``channels`` channels (of one group) of a source of ``size``.

    images : batch × groups, which decides how finely one image is cut.
    """
    height, width = size
    rows, columns = _planes(vertical), _planes(horizontal)
    out_rows = max(phase.count for phase in vertical.phases)
    out_columns = max(phase.count for phase in horizontal.phases)

    # plane columns [low, high) lie inside the source, the others are padding
    inside = []
    row_length = out_columns + columns.span
    for residue in columns.residues:
        low = -(-(-residue) // horizontal.step) - columns.first
        high = -(-(width - residue) // horizontal.step) - columns.first
        low, high = min(max(low, 0), row_length), min(max(high, 0), row_length)
        inside.append((residue, low, max(low, high)))
    shared = min(min(low for _, low, _ in inside), row_length - max(high for _, _, high in inside))
    pitch = max(row_length - shared, out_columns)

    per_row = channels * len(rows.residues) * len(columns.residues) * pitch
    pixels = tile.OUTER_VECTORS * tile.lanes(f"f{itemsize}")
    block_rows = _block_rows(out_rows, out_columns, pitch, rows.span, per_row * itemsize, images, pixels)
    blocks = -(-out_rows // block_rows)
    plane_rows = block_rows + rows.span
    # the last tile reads up to a whole tile behind the last pixel
    scratch = per_row * plane_rows + shared + pixels

    phases, offsets, taps = [], [], []
    plane = plane_rows * pitch
    for v in vertical.phases:
        for h in horizontal.phases:
            phases.append((v.origin, h.origin, v.count, h.count, len(v.taps) * len(h.taps), len(taps)))
            where = []
            for i, down in v.taps:
                for j, right in h.taps:
                    a, b = rows.residues.index(down % vertical.step), columns.residues.index(right % horizontal.step)
                    r, t = down // vertical.step - rows.first, right // horizontal.step - columns.first
                    where.append((a * len(columns.residues) + b) * plane + r * pitch + t)
                    taps.append(i * kernel_width + j)
            step = len(rows.residues) * len(columns.residues) * plane
            offsets.append((np.arange(channels)[:, None] * step + np.array(where, np.int64)).ravel())
    sizes = (
        *(channels, height, width, vertical.step, horizontal.step, rows.first, columns.first, pitch),
        *(block_rows, blocks, plane_rows, vertical.spread, horizontal.spread, scratch),
    )
    arrays = (sizes, rows.residues, inside, phases, np.concatenate(offsets), taps)
    return Plan(*map(_frozen, arrays), tasks=blocks)


def _block_rows(
    out_rows: int, out_columns: int, pitch: int, span: int, row_bytes: int, images: int, pixels: int
) -> int:
    """Output rows of one block: within the cache, enough blocks for the threads, little wasted in the last tile."""
    most = min(out_rows, max(1, _BLOCK_BYTES // max(row_bytes, 1) - span))
    most = min(most, max(1, -(-out_rows * images // _LEAST_TASKS)))

    def waste(rows: int) -> float:
        last = out_rows % rows or rows
        tiles = (out_rows // rows) * -(-((rows - 1) * pitch + out_columns) // pixels)
        tiles += -(-((last - 1) * pitch + out_columns) // pixels) if last != rows else 0
        copied = -(-out_rows // rows) * (rows + span)
        return tiles * pixels * (1 + 0.05 * copied / out_rows)

    return min(range(most, max(most // 2, 1) - 1, -1), key=waste)


def _frozen(values: object) -> np.ndarray:
    array = np.array(values, np.int64)
    array.flags.writeable = False
    return array
