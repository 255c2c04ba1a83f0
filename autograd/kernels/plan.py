"""How a convolution is laid out for the register tiles: planes, taps, blocks. Integers, computed once per geometry.

**Implicit im2col.** Copy the image, zero-padded, row after row with a fixed pitch. Then the input that tap (c, i, j)
meets at output pixel p lies at ``p + offset[c, i, j]`` for *every* p, so row k of the im2col matrix is the image read
from ``offset[k]`` on, and the matrix itself is never built. Pixels between the end of an output row and the next pitch
are computed and thrown away; there are few, because the right padding of a row doubles as the left padding of the next.

**Any stride, without a dilated image.** :mod:`.grid` splits the input into planes, inside of which this holds again.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..geometry import Pair
from . import tile
from .grid import Axis, Grid, ceil_div, grid, row_moves
from .vectors import REGISTERS

# A block's planes should stay in the second-level cache beside a panel of weights.
_BLOCK_BYTES = 400_000
# Planes of all images at once, when tiles gather their pixels from several.
TILES_BYTES = 4_000_000
# Pixels of a block that is read in place: they stay in the second-level cache while all output channels use them.
_DIRECT_BYTES = 250_000
# Copying a vector into a tile, in multiply-adds of a vector.
_COPY_COST = 2
# Rows of pixels that a tile gathers at a time, for all chunks of output channels that a thread comes to if there are no
# more. With AVX-512 half a second-level cache of them, without it 27 KB that stay close to the core.
_WINDOW_ROWS = 2560 if REGISTERS == 32 else 288
# The same for an input gradient, which skips through the weights: those of the next panel lie beside those of this one,
# and are read before the processor forgets what it has fetched, and the pages of the channels. Of 512 channels, 7 × 7
# pixels, 256 at a time took 1.3 times as long as 32.
_SKIPPING_ROWS = 288
# Weights of a group from which on a tile is as wide as so many register tiles, with windows of as much fewer rows, so
# that each panel of weights is read from memory once for all of them. In float64 512 to 512 channels of 7 × 7 pixels
# take 0.65 of the time, 1024 to 512 half; in float32 the latter 0.8. With 9 MB some layers took 1.1 times as long where
# nothing else filled the third-level cache. Not measured with AVX2.
_WIDE_BYTES, _WIDE_TILES = 12_000_000, 5 if REGISTERS == 32 else 1
# Pieces of work, at least, when there is enough of it: enough for this many threads.
LEAST_TASKS = 16


class Layout(NamedTuple):
    """What the kernels read; arrays are int64."""

    sizes: np.ndarray  # of the planes and the blocks; see CHANNELS ...
    moves: np.ndarray  # what is copied to the planes, see ``row_moves``
    phases: np.ndarray  # see TOP ...
    taps: np.ndarray  # taps × channels of all phases: where the weight is, where its pixels begin
    shifts: np.ndarray  # where the pixels begin that taps of the first channel meet, each once


# Where things stand in Layout.sizes, and in a row of Layout.phases.
CHANNELS, HEIGHT, WIDTH, STEP_H, STEP_W, PITCH, CHANNEL_STEP, ELEMENTS = range(8)
SPREAD_H, SPREAD_W, BLOCK_ROWS, BLOCKS, DIRECT, WINDOW, TILE = range(8, 15)
TOP, ROWS, COLUMNS, TAPS, FIRST_TAP = range(5)


def lay_out(
    grid: Grid,
    channels: int,
    block_rows: int,
    kernel_size: Pair,
    weight_step: int,
    direct: bool = False,
    *,
    tile_pixels: int = 0,
    window_rows: int = 1,
) -> Layout:
    """The tables for planes of ``channels`` channels and ``block_rows`` output rows.

    weight_step : distance of the weights of one channel and the next.
    direct : whether the image itself is read in place of its planes.
    tile_pixels : of a tile that gathers its pixels, of WINDOW channels at a time; they have a row for each shift, and
        ``window_rows`` at most if that is enough for one channel.
    """
    rows, columns = grid.rows, grid.columns
    plane_rows = block_rows + rows.span
    plane, channel_step = plane_rows * grid.pitch, plane_rows * grid.row_elements
    if direct:
        channel_step = grid.size[0] * grid.size[1]
    first_tap, phases, places = 0, [], []
    for v in rows.axis.phases:
        for h in columns.axis.phases:
            phases.append((v.origin, v.outputs, h.outputs, len(v.taps) * len(h.taps) * channels, first_tap))
            first_tap += phases[-1][TAPS]
            of_one_channel = []
            for i, down in v.taps:
                for j, right in h.taps:
                    (a, r), (b, t) = rows.find(down), columns.find(right)
                    source = (a * len(columns.residues) + b) * plane + r * grid.pitch + t
                    of_one_channel.append((i * kernel_size[1] + j, source))
            places.append(np.reshape(of_one_channel, (-1, 2)).astype(np.int64))
    shifts, window, taps = np.unique(np.concatenate(places)[:, 1]), channels, [np.zeros((0, 2), np.int64)]
    if tile_pixels:
        window = ceil_div(channels, max(1, ceil_div(channels * len(shifts), window_rows)))
    for weights, sources in (of_one_channel.T for of_one_channel in places):
        for first in range(0, channels, window):
            number = np.arange(min(window, channels - first))[:, None]
            pixels = number * channel_step + sources
            if tile_pixels:
                pixels = (number * len(shifts) + np.searchsorted(shifts, sources)) * tile_pixels
            taps.append(np.stack(((number + first) * weight_step + weights, pixels), -1).reshape(-1, 2))
    # behind the planes lies what the last tile of pixels reads, and what the last copied vector writes
    vectors = max(tile.OUTER_VECTORS, tile.ROW_VECTORS)
    elements = channels * channel_step + grid.overhang + vectors * tile.lanes(np.float32)
    sizes = (
        *(channels, *grid.size, rows.axis.step, columns.axis.step, grid.pitch, channel_step, elements),
        *(rows.axis.spread, columns.axis.spread, block_rows),
        *(ceil_div(rows.outputs, block_rows), direct, window, tile_pixels),
    )
    return Layout(*map(frozen, (sizes, row_moves(grid, block_rows), phases, np.concatenate(taps), shifts)))


class Plan(NamedTuple):
    """How a correlation is computed: block by block of output rows, or tile by tile of pixels of all images."""

    layout: Layout
    blocks: int  # of each image and group
    tiles: int  # of all images in one group, and of all phases, or 0: block by block
    chunks: int  # into which the output channels of a block or tile are cut


def plan(
    source: tuple[int, int, int, int],
    outputs: int,
    groups: int,
    vertical: Axis,
    horizontal: Axis,
    kernel_size: Pair,
    weight_step: int,
    itemsize: int,
) -> Plan:
    """Plan the correlation of a ``source`` of shape (N, C, H, W) to ``outputs`` channels in each group.

    Blocks read the planes directly. Tiles gather their pixels first, from all images alike: nothing is wasted on the
    gaps of small images, but each tap of a tile costs some copies, which only many output channels pay for.
    """
    channels, planes = source[1] // groups, grid(source[2:], vertical, horizontal)
    lanes = tile.lanes(f"f{itemsize}")
    vectors = tile.ROW_VECTORS if outputs == 1 else tile.OUTER_VECTORS  # of a tile in a block
    out_rows, out_columns = planes.rows.outputs, planes.columns.outputs
    block_rows = _block_rows(planes, channels * planes.row_elements * itemsize, source[0] * groups, vectors * lanes)

    panels, pixels = ceil_div(outputs, tile.OUTER_ROWS), tile.OUTER_VECTORS * lanes
    register_tiles = ceil_div(source[0] * out_rows * out_columns, pixels)
    weight_bytes = outputs * channels * kernel_size[0] * kernel_size[1] * itemsize
    tiles = ceil_div(register_tiles, _WIDE_TILES if weight_bytes >= _WIDE_BYTES else 1)
    together = ceil_div(register_tiles, tiles)
    phases = len(vertical.phases) * len(horizontal.phases)
    chunks = min(ceil_div(LEAST_TASKS // (2 if phases == 1 else 1), tiles * groups), ceil_div(panels, 4))
    products = panels * tile.OUTER_ROWS * tile.OUTER_VECTORS  # for each tap of a tile
    copies = (pixels / out_columns + 1) * ceil_div(min(out_columns, pixels), lanes)
    copies *= vertical.shared * horizontal.shared  # a vector of pixels is copied once for all phases
    in_blocks = vectors if outputs == 1 else products
    by_blocks = source[0] * _tiles(planes, block_rows, vectors * lanes) * in_blocks
    by_tiles = register_tiles * (products + chunks * _COPY_COST * copies)
    memory = source[0] * source[1] * planes.elements * itemsize
    if planes.is_source and vertical.spread == horizontal.spread == 1:
        # in place: no halo is copied, so that few, large blocks and chunks of their output channels waste least
        rows = max(1, min(out_rows, _DIRECT_BYTES // (channels * out_columns * itemsize)))
        rows = ceil_div(out_rows, ceil_div(out_rows, rows))
        last = (out_rows - 1) % rows + 1
        in_place = source[0] * _tiles(planes, rows, vectors * lanes) * in_blocks
        copied = by_blocks + source[0] * out_rows * ceil_div(out_columns, lanes) * _COPY_COST
        if last * out_columns >= vectors * lanes and in_place <= min(copied, by_tiles):
            blocks = ceil_div(out_rows, rows)
            chunks = min(ceil_div(LEAST_TASKS, source[0] * groups * blocks), ceil_div(panels, 4))
            layout = lay_out(planes, channels, rows, kernel_size, weight_step, True)
            return Plan(layout, blocks, 0, chunks)
    if by_blocks <= by_tiles or memory > TILES_BYTES:
        tiles, chunks = 0, 1
    else:
        block_rows = out_rows
    in_place = tiles > 0 and planes.is_source and out_columns % lanes == 0  # tiles gather whole vectors
    window_rows = _WINDOW_ROWS // together if weight_step == kernel_size[0] * kernel_size[1] else _SKIPPING_ROWS
    gathered = {"tile_pixels": together * pixels, "window_rows": window_rows} if tiles else {}
    layout = lay_out(planes, channels, block_rows, kernel_size, weight_step, in_place, **gathered)
    return Plan(layout, ceil_div(out_rows, block_rows), tiles, chunks)


def _block_rows(planes: Grid, row_bytes: int, images: int, pixels: int) -> int:
    """Output rows of one block: within the cache, enough blocks for the threads, little wasted in the last tile."""
    rows, span = planes.rows.outputs, planes.rows.span
    most = min(rows, max(1, _BLOCK_BYTES // max(row_bytes, 1) - span), max(1, ceil_div(rows * images, LEAST_TASKS)))

    def cost(block: int) -> float:
        copied = ceil_div(rows, block) * (block + span)
        return _tiles(planes, block, pixels) * (1 + 0.05 * copied / rows)

    return min(range(most, max(most // 2, 1) - 1, -1), key=cost)


def _tiles(planes: Grid, block_rows: int, pixels: int) -> int:
    """Tiles of one image in blocks of ``block_rows``."""
    full, rest = divmod(planes.rows.outputs, block_rows)
    count = full * ceil_div((block_rows - 1) * planes.pitch + planes.columns.outputs, pixels)
    return count + (ceil_div((rest - 1) * planes.pitch + planes.columns.outputs, pixels) if rest else 0)


def frozen(values: object) -> np.ndarray:
    """A table of integers that nobody writes to."""
    array = np.array(values, np.int64)
    array.flags.writeable = False
    return array
