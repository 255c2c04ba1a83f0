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
# Planes of all images at once, when tiles gather their pixels from several.
_TILES_BYTES = 4_000_000
# Copying a vector into a tile, in multiply-adds of a vector.
_COPY_COST = 2
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
    taps: np.ndarray  # taps × channels of all phases: where the weight is, where its pixels begin
    blocks: int  # of each image and group
    scratch: int  # elements of the planes of one block
    tiles: int  # of all images in one group and phase, or 0: multiply block by block
    chunks: int  # into which the output channels of a tile are cut


# Positions in Plan.sizes and in a row of Plan.phases; the kernels unpack them in this order.
SIZES = "channels height width step_h step_w first_h first_w pitch block_rows blocks plane_rows spread_h spread_w scratch"
PHASE = "y x rows columns taps first_tap"


@lru_cache(maxsize=1024)
def plan(
    batch: int,
    groups: int,
    channels: int,
    outputs: int,
    size: Pair,
    vertical: Axis,
    horizontal: Axis,
    kernel_size: Pair,
    transposed: bool,
    itemsize: int,
) -> Plan:
    """Lay out a correlation of ``channels`` with ``outputs`` channels (both of one group) over a source of ``size``."""
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
    lanes = tile.lanes(f"f{itemsize}")
    pixels = tile.OUTER_VECTORS * lanes

    # Blocks read the planes directly. Tiles gather their pixels first, from all images alike: nothing is wasted on the
    # gaps of small images, but each tap of a tile costs a few copies, which only many output channels pay for.
    panels, phase_count = -(-outputs // tile.OUTER_ROWS), len(vertical.phases) * len(horizontal.phases)
    tiles = -(-batch * out_rows * out_columns // pixels)
    chunks = min(-(-_LEAST_TASKS // (tiles * phase_count * groups)), -(-panels // 4))
    block_rows = _block_rows(out_rows, out_columns, pitch, rows.span, per_row * itemsize, batch * groups, pixels)
    products = panels * tile.OUTER_ROWS * tile.OUTER_VECTORS  # for each tap of a tile
    copies = (pixels / out_columns + 1) * -(-min(out_columns, pixels) // lanes)
    by_blocks = batch * _block_tiles(out_rows, out_columns, pitch, block_rows, pixels) * products
    by_tiles = tiles * (products + chunks * _COPY_COST * copies)
    if by_blocks <= by_tiles or batch * groups * per_row * (out_rows + rows.span) * itemsize > _TILES_BYTES:
        tiles = chunks = 0
    else:
        block_rows = out_rows
    blocks = -(-out_rows // block_rows)
    plane_rows = block_rows + rows.span
    # the last tile reads up to a whole tile behind the last pixel
    scratch = per_row * plane_rows + shared + pixels

    phases, taps = [], []
    plane, filter_size = plane_rows * pitch, kernel_size[0] * kernel_size[1]
    channel_step = len(rows.residues) * len(columns.residues) * plane
    weight_step = filter_size * outputs if transposed else filter_size
    for v in vertical.phases:
        for h in horizontal.phases:
            phases.append((v.origin, h.origin, v.count, h.count, len(v.taps) * len(h.taps) * channels, len(taps)))
            for c in range(channels):
                for i, down in v.taps:
                    for j, right in h.taps:
                        a = rows.residues.index(down % vertical.step)
                        b = columns.residues.index(right % horizontal.step)
                        r, t = down // vertical.step - rows.first, right // horizontal.step - columns.first
                        source = c * channel_step + (a * len(columns.residues) + b) * plane + r * pitch + t
                        taps.append((c * weight_step + i * kernel_size[1] + j, source))
    sizes = (
        *(channels, height, width, vertical.step, horizontal.step, rows.first, columns.first, pitch),
        *(block_rows, blocks, plane_rows, vertical.spread, horizontal.spread, scratch),
    )
    arrays = (sizes, rows.residues, inside, phases, np.reshape(taps, (-1, 2)))
    return Plan(*map(_frozen, arrays), blocks, scratch, tiles, chunks)


def _block_rows(
    out_rows: int, out_columns: int, pitch: int, span: int, row_bytes: int, images: int, pixels: int
) -> int:
    """Output rows of one block: within the cache, enough blocks for the threads, little wasted in the last tile."""
    most = min(out_rows, max(1, _BLOCK_BYTES // max(row_bytes, 1) - span))
    most = min(most, max(1, -(-out_rows * images // _LEAST_TASKS)))

    def cost(rows: int) -> float:
        copied = -(-out_rows // rows) * (rows + span)
        return _block_tiles(out_rows, out_columns, pitch, rows, pixels) * (1 + 0.05 * copied / out_rows)

    return min(range(most, max(most // 2, 1) - 1, -1), key=cost)


def _block_tiles(out_rows: int, out_columns: int, pitch: int, block_rows: int, pixels: int) -> int:
    """Tiles of one image in blocks of ``block_rows``."""
    full, rest = divmod(out_rows, block_rows)
    count = full * -(-((block_rows - 1) * pitch + out_columns) // pixels)
    return count + (-(-((rest - 1) * pitch + out_columns) // pixels) if rest else 0)


def _frozen(values: object) -> np.ndarray:
    array = np.array(values, np.int64)
    array.flags.writeable = False
    return array
