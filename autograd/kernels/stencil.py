"""Correlation of small maps, one input channel to a group, where the output is as large as the input: a stencil.

The map is read where it is, as one run of pixels: output pixel p meets pixel ``p + offset`` for each tap. Where that is
beyond the border, or in the next row, the vector is masked. The masks are the same for every map and stay in the cache;
copying maps of 7 × 7 pixels into padded planes took twice as long as all the rest.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..geometry import Pair
from .jit import njit
from .parallel import parallel_for
from .plan import Axis
from .planes import copy_run
from .tile import STENCIL_VECTORS, lanes, multiply_masked

_MASK_BYTES = 200_000  # leave room in the second-level cache


class Stencil(NamedTuple):
    """Which pixels the taps meet."""

    taps: np.ndarray  # (taps, 2): where the weight is, and the distance of the pixel
    masks: np.ndarray  # (taps, pixels), integers as wide as the numbers: all bits where there is such a pixel
    reach: int  # the largest distance


@lru_cache(maxsize=64)
def stencil(size: Pair, vertical: Axis, horizontal: Axis, columns: int, itemsize: int) -> Stencil | None:
    """The stencil of a correlation, or None where it is none or would not pay. columns : of the filter."""
    height, width = size
    one_phase = all(a.step == a.spread == len(a.phases) == 1 for a in (vertical, horizontal))
    if not one_phase or (vertical.phases[0].outputs, horizontal.phases[0].outputs) != size:
        return None
    down, right = vertical.phases[0].taps, horizontal.phases[0].taps
    pixels = height * width
    if pixels < STENCIL_VECTORS * lanes(f"f{itemsize}") or pixels * len(down) * len(right) * itemsize > _MASK_BYTES:
        return None
    taps, masks = [], []
    rows, places = np.arange(height)[:, None], np.arange(width)
    for i, dh in down:
        for j, dw in right:
            taps.append((i * columns + j, dh * width + dw))
            inside = (rows + dh >= 0) & (rows + dh < height) & (places + dw >= 0) & (places + dw < width)
            masks.append(-inside.ravel().astype(f"i{itemsize}"))
    table, bits = np.array(taps), np.array(masks)
    table.flags.writeable = bits.flags.writeable = False
    return Stencil(table, bits, int(np.abs(table[:, 1]).max()))


def apply_stencil(x: np.ndarray, w: np.ndarray, how: Stencil, out: np.ndarray) -> np.ndarray:
    """Fill ``out`` (N, C·M, H, W), M outputs for each channel of ``x``, each with a filter of ``w``."""
    maps, pixels = x.shape[0] * x.shape[1], x.shape[2] * x.shape[3]
    filters = w.reshape(out.shape[1], -1)
    parallel_for(
        *(_apply, maps, x.reshape(maps, pixels), filters, out.reshape(-1), x.shape[1], lanes(x.dtype), *how),
        cost=pixels * len(how.taps) * out.shape[1] / x.shape[1] / 8,
    )
    return out


@njit
def _apply(start, stop, x, w, out, channels, lanes, taps, masks, reach):
    pixels, outputs = x.shape[1], w.shape[0] // channels
    flat, weights, bits, count = x.reshape(-1), w.reshape(-1), masks.reshape(-1), taps.shape[0]
    tile = STENCIL_VECTORS * lanes
    padded = np.zeros(pixels + 2 * reach + lanes, x.dtype)
    channel = start % channels
    for image in range(start, stop):
        base = image * pixels
        safe = base >= reach and base + pixels + reach <= flat.size
        if not safe:  # the first and the last map: nothing outside of x is read
            copy_run(padded, reach, flat, base, pixels, reach + pixels, lanes)
        for o in range(outputs):
            w0, r0 = (channel * outputs + o) * w.shape[1], (image * outputs + o) * pixels
            p = 0
            while p < pixels:
                q = min(p, pixels - tile)  # the last tile ends with the map
                if safe:
                    multiply_masked(weights, w0, flat, base + q, taps, count, bits, q, pixels, out, r0 + q)
                else:
                    multiply_masked(weights, w0, padded, reach + q, taps, count, bits, q, pixels, out, r0 + q)
                p += tile
        channel += 1
        if channel == channels:
            channel = 0
