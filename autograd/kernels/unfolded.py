"""Convolution with so many weights that they exceed the cache, as a product of BLAS with explicit columns.

BLAS packs the weights, once for some hundred pixels; the register tiles of :mod:`.correlate` read them where they are,
anew for every tile: the input gradient of 2×256×14×14 → 512, 3×3, stride 2 took 1.6 times as long in float32, and 3.3
times in float64. The columns are those of :mod:`.im2col`; the bits are as in :mod:`.one_by_one`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..geometry import Pair
from .im2col import col2im, im2col
from .matmul import keeps_up
from .one_by_one import multiply

# Weights, and channels on either side, from which on it pays; for an input gradient, whose tiles skip through the
# weights, a third of them: 4×512×8×8 → 256, 2×2, transposed, takes a fifth less time, and its gradient a tenth more.
_LEAST_WEIGHTS, _LEAST_OF_ADJOINT, _LEAST_CHANNELS = 3 << 18, 1 << 18, 128
# Of all columns that are there at a time. Where one image has more, its pixels outweigh the weights.
_COLUMN_BYTES = 4_000_000


def pays(weights: tuple[int, ...], size: Pair, groups: int, itemsize: int, *, adjoint: bool) -> bool:
    """Whether a convolution with weights of this shape (O, C, KH, KW) and outputs (OH, OW) has few pixels for them."""
    outputs, channels, *kernel_size = weights
    taps = channels * kernel_size[0] * kernel_size[1]
    return (
        groups == 1
        and min(outputs, channels) >= _LEAST_CHANNELS
        and outputs * taps >= (_LEAST_OF_ADJOINT if adjoint else _LEAST_WEIGHTS)
        and taps * size[0] * size[1] * itemsize <= _COLUMN_BYTES
        and keeps_up()
    )


def correlate(x: np.ndarray, w: np.ndarray, out: np.ndarray, **settings) -> np.ndarray:
    """Fill ``out`` (N, O, OH, OW) with the correlation of x (N, C, H, W) and w (O, C, KH, KW)."""
    for images in _some_images(w, out):
        columns = im2col(x[images], kernel_size=w.shape[2:], **settings)
        multiply(w.reshape(len(w), -1), columns.reshape(*columns.shape[:2], *out.shape[2:]), out[images])
    return out


def adjoint(g: np.ndarray, w: np.ndarray, out: np.ndarray, **settings) -> np.ndarray:
    """Fill ``out`` (N, C, H, W) with the input gradient that belongs to g (N, O, OH, OW)."""
    for images in _some_images(w, g):
        columns = np.empty((len(g[images]), w[0].size, *g.shape[2:]), g.dtype)
        multiply(w.reshape(len(w), -1).T, g[images], columns)
        columns = columns.reshape(*columns.shape[:2], -1)
        out[images] = col2im(columns, size=out.shape[2:], kernel_size=w.shape[2:], **settings)
    return out


def _some_images(w: np.ndarray, results: np.ndarray) -> Iterator[slice]:
    """The images, a few at a time, of results (N, O, OH, OW)."""
    together = max(1, _COLUMN_BYTES // (w[0].size * results[0, 0].size * w.itemsize))
    return (slice(i, i + together) for i in range(0, len(results), together))
