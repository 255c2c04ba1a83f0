"""How the product of :mod:`.packed` is cut into tasks, and where its pixels are read and its results go."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..geometry import Pair
from .grid import ceil_div
from .plan import LEAST_TASKS, frozen
from .tile import OUTER_ROWS, OUTER_VECTORS
from .vectors import lanes

# Bytes of the pixels of a group. With half as many, 512 channels of 14 × 14 pixels took a tenth longer.
_GROUP_BYTES = 500_000
# Output channels for each pixel from which on all pixels are one group, though they fill most of the second-level
# cache: each group reads all weights. (In float64, 1024 channels of 7 × 7 pixels took a sixth longer in two groups.)
_MANY = 8
# Panels of output channels, at least, that share a copy of their pixels.
_LEAST_PANELS = 8

# Where things stand in the sizes: of the product; of the images; of the results. A run begins and ends with a tile, an
# image, or a row if it is no neighbour of the next one.
ROWS, COLUMNS, PIXELS, TILES, GROUPS, CHUNKS = range(6)
IMAGE, LINE, STEP, PATCHES, OUT_IMAGE, OUT_PLANE, OUT_LINE, OUT_ROWS, SPREAD_H, SPREAD_W, OUT_PATCHES = range(6, 17)


class PackedLayout(NamedTuple):
    """What the kernel reads; arrays are int64."""

    sizes: np.ndarray  # see ROWS ...
    sources: np.ndarray  # of the channels: where the first pixel of each is
    targets: np.ndarray  # where the first result of each is


@lru_cache(maxsize=256)
def lay_out(
    x: tuple[int, ...], out: tuple[int, ...], weights: Pair, stride: Pair, spread: Pair, itemsize: int
) -> PackedLayout:
    """By which images of shape ``x`` (N, C, H, W) become ``out`` (N, O, OH, OW)."""
    images, _, height, width = x
    outputs, channels = weights
    patch, out_patch = stride if channels > x[1] else (1, 1), spread if outputs > out[1] else (1, 1)
    rows, columns = x[2:] if stride == (1, 1) else out[2:]
    line, out_line, out_rows = width * stride[0], out[3], out[2]
    if stride == spread == (1, 1):  # an image is one row
        rows, columns, line, out_line, out_rows = 1, rows * columns, 0, rows * columns, 1
    pixels, tile = images * rows * columns, OUTER_VECTORS * lanes(f"f{itemsize}")
    tiles, panels = ceil_div(pixels + lanes(f"f{itemsize}") - 1, tile), ceil_div(outputs, OUTER_ROWS)
    # a power of two: three would leave one of two threads idle
    chunks = min(LEAST_TASKS, 1 << (max(1, panels // _LEAST_PANELS).bit_length() - 1))
    by_bytes = ceil_div(pixels * channels * itemsize, _GROUP_BYTES)
    if by_bytes == 2 and outputs >= _MANY * pixels:
        by_bytes = 1
    groups = max(by_bytes, min(ceil_div(LEAST_TASKS, chunks), max(1, tiles // 2)))
    together = ceil_div(tiles, groups)
    groups = ceil_div(tiles, together)
    while chunks > 1 and groups * chunks >= 2 * LEAST_TASKS:
        chunks //= 2
    sizes = (
        *(rows, columns, pixels, together, groups, chunks),
        *(x[1] * height * width, line, stride[1], channels > x[1]),
        *(out[1] * out[2] * out[3], out[2] * out[3], out_line, out_rows, *spread, outputs > out[1]),
    )
    return PackedLayout(frozen(sizes), frozen(_places(x, patch)), frozen(_places(out, out_patch)))


def _places(images: tuple[int, ...], patch: Pair) -> np.ndarray:
    """Where the first patch of each channel of an image lies, pixel by pixel."""
    _, channels, height, width = images
    planes, rows, columns = (np.arange(n) for n in (channels, *patch))
    return ((planes[:, None] * height + rows)[:, :, None] * width + columns).reshape(-1)
