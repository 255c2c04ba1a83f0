"""Correlation of small maps, one input channel to a group, where the output is as large as the input: a stencil.

The input gradient of a stride of 2 is four of them, one for each residue of rows and columns.

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
from .tile import STENCIL_VECTORS, multiply_masked
from .vectors import interleave, lanes

_MASK_BYTES = 200_000  # leave room in the second-level cache


class Stencil(NamedTuple):
    """Which pixels the taps meet."""

    taps: np.ndarray  # (taps, 2): where the weight is, and the distance of the pixel
    masks: np.ndarray  # (taps, pixels), integers as wide as the numbers: all bits where there is such a pixel
    reach: int  # the largest distance
    phases: np.ndarray  # (1, 2), or (4, 2) for a stride of 2: first tap, number of taps


@lru_cache(maxsize=64)
def stencil(size: Pair, vertical: Axis, horizontal: Axis, columns: int, itemsize: int) -> Stencil | None:
    """The stencil of a correlation, or None where it is none or would not pay. columns : of the filter."""
    height, width = size
    phases = [(v, h) for v in vertical.phases for h in horizontal.phases]
    spread = vertical.spread, horizontal.spread
    if (vertical.step, horizontal.step) != (1, 1) or spread not in ((1, 1), (2, 2)) or len(phases) != spread[0] ** 2:
        return None
    if any((v.outputs, h.outputs) != size or not (v.taps and h.taps) for v, h in phases):
        return None
    pixels, count = height * width, sum(len(v.taps) * len(h.taps) for v, h in phases)
    if pixels < STENCIL_VECTORS * lanes(f"f{itemsize}") or pixels * count * itemsize > _MASK_BYTES:
        return None
    taps: list[Pair] = []
    masks, ranges = [], []
    rows, places = np.arange(height)[:, None], np.arange(width)
    for v, h in phases:
        ranges.append((len(taps), len(v.taps) * len(h.taps)))
        for i, down in v.taps:
            for j, right in h.taps:
                taps.append((i * columns + j, down * width + right))
                inside = (rows + down >= 0) & (rows + down < height) & (places + right >= 0) & (places + right < width)
                masks.append(-inside.ravel().astype(f"i{itemsize}"))
    tables = np.array(taps), np.array(masks), np.array(ranges)
    for table in tables:
        table.flags.writeable = False
    return Stencil(tables[0], tables[1], int(np.abs(tables[0][:, 1]).max()), tables[2])


def apply_stencil(x: np.ndarray, w: np.ndarray, how: Stencil, out: np.ndarray) -> np.ndarray:
    """Fill ``out`` (N, C·M, H, W), M outputs for each channel of ``x``, each with a filter of ``w``."""
    maps, pixels = x.shape[0] * x.shape[1], x.shape[2] * x.shape[3]
    filters = w.reshape(out.shape[1], -1)
    parallel_for(
        *(_apply, maps, x.reshape(maps, pixels), filters, out.reshape(-1), x.shape[1], x.shape[3], lanes(x.dtype)),
        *how,
        cost=pixels * len(how.taps) * out.shape[1] / x.shape[1] / 8,
    )
    return out


@njit
def _apply(start, stop, x, w, out, channels, width, lanes, taps, masks, reach, phases):
    pixels, outputs = x.shape[1], w.shape[0] // channels
    flat, weights, bits = x.reshape(-1), w.reshape(-1), masks.reshape(-1)
    tile, many = STENCIL_VECTORS * lanes, phases.shape[0] > 1
    padded = np.zeros(pixels + 2 * reach + lanes, x.dtype)
    apart = pixels + lanes
    sums = np.empty(4 * apart if many else 0, x.dtype)
    target = sums if many else out
    channel = start % channels
    for image in range(start, stop):
        base = image * pixels
        safe = base >= reach and base + pixels + reach <= flat.size
        if not safe:  # the first and the last map: nothing outside of x is read
            copy_run(padded, reach, flat, base, pixels, reach + pixels, lanes)
        for o in range(outputs):
            w0, place = (channel * outputs + o) * w.shape[1], (image * outputs + o) * pixels
            for phase in range(phases.shape[0]):
                first, count, r0 = phases[phase, 0], phases[phase, 1], phase * apart if many else place
                p = 0
                while p < pixels:
                    q = min(p, pixels - tile)  # the last tile ends with the map
                    if safe:
                        multiply_masked(
                            weights, w0, flat, base + q, taps, first, count, bits, q, pixels, target, r0 + q
                        )
                    else:
                        multiply_masked(
                            weights, w0, padded, reach + q, taps, first, count, bits, q, pixels, target, r0 + q
                        )
                    p += tile
            if many:
                _interleave_rows(sums, apart, out, 4 * place, pixels // width, width, lanes)
        channel += 1
        if channel == channels:
            channel = 0


@njit
def _interleave_rows(sums, apart, out, at, height, width, lanes):
    """The four phases of a stride of 2, in the order of rows: each overwrites what is too much of the one before."""
    end = at + 4 * height * width
    for row in range(height):
        for side in range(2):
            even = 2 * side * apart + row * width
            t = 0
            while t < width and at + 2 * (t + lanes) <= end:
                interleave(out, at + 2 * t, sums, even + t, even + apart + t)
                t += lanes
            while t < width:
                out[at + 2 * t] = sums[even + t]
                out[at + 2 * t + 1] = sums[even + apart + t]
                t += 1
            at += 2 * width
