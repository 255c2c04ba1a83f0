"""Convolution with 1 × 1 filters as a product of BLAS: the image is the matrix of columns as it is.

Where BLAS keeps up, that is: the tiles of :mod:`.packed` do the same. Tiles that read images where they are took twice
the time with 1024 channels.

A task is one BLAS call on one thread, for some rows of an image and some channels of the result; small images stand
side by side. The pixels that a stride leaves out are left out in a copy. The tasks are fixed by shape, and so are the
bits, see :mod:`.matmul`.
"""

from __future__ import annotations

import numpy as np

from ..geometry import Padding, Pair
from .grid import ceil_div
from .matmul import bands, keeps_up, parallel_products, pieces

# Channels on either side from which on packing the weights pays, and weights, by the bytes of a number, for small maps
# and for large ones: BLAS multiplies float64 no faster than the register tiles do.
_LEAST_CHANNELS, _LEAST_WEIGHTS, _LARGE = 64, {4: (1 << 14, 1 << 13), 8: (1 << 17, 1 << 17)}, 400
# Numbers and pixels of a task, one of which is reached: BLAS packs them once and keeps them in the second-level cache.
# Smaller tasks wait for the interpreter: with 64 channels, 200 pixels took a fifth longer than 784.
_NUMBERS, _PIXELS = 50_000, 200
# Tasks, at most, of the channels of one product; channels and multiply-adds of the result that are worth one.
_MOST_BANDS, _LEAST_BAND, _LEAST_WORK = 16, 64, 1 << 22
# Of an image, and weights, from which on a weight gradient is faster here: each image adds to all of it.
_LEAST_SUMMED, _LEAST_GRADIENTS = 128, 1 << 15


def pays(weights: tuple[int, ...], size: Pair, padding: Padding, groups: int, itemsize: int) -> bool:
    """Whether a convolution with weights (O, C, KH, KW) to maps of ``size`` is a product, and a large one."""
    outputs, channels, *kernel_size = weights
    return (
        kernel_size == [1, 1]
        and groups == 1
        and not any(map(any, padding))
        and min(outputs, channels) >= _LEAST_CHANNELS
        and outputs * channels >= _LEAST_WEIGHTS[itemsize][size[0] * size[1] >= _LARGE]
        and keeps_up()
    )


def pays_for_weights(weights: tuple[int, ...], size: Pair) -> bool:
    """Whether its weight gradient is, too, with results of ``size``."""
    return weights[0] * weights[1] >= _LEAST_GRADIENTS and size[0] * size[1] >= _LEAST_SUMMED


def correlate(x: np.ndarray, w: np.ndarray, stride: Pair, out: np.ndarray) -> np.ndarray:
    """Fill ``out`` (N, O, OH, OW) with the correlation of x (N, C, H, W) and w (O, C, 1, 1)."""
    multiply(w[:, :, 0, 0], _met(x, stride), out)
    return out


def adjoint(g: np.ndarray, w: np.ndarray, stride: Pair, out: np.ndarray) -> np.ndarray:
    """Fill ``out`` (N, C, H, W) with the input gradient that belongs to g (N, O, OH, OW)."""
    multiply(w[:, :, 0, 0].T, g, out, stride)
    return out


def weight_gradient(g: np.ndarray, x: np.ndarray, stride: Pair) -> np.ndarray:
    """(O, C, 1, 1) of g (N, O, OH, OW) and x (N, C, H, W)."""
    x = _met(x, stride)
    g, x = g.reshape(*g.shape[:2], -1), x.reshape(*x.shape[:2], -1)
    gw = np.empty((g.shape[1], x.shape[1]), x.dtype)
    cuts = _bands(gw.shape[1], 1, g.size * x.shape[1])

    def work(start: int, stop: int) -> None:
        for band in cuts[start:stop]:
            np.matmul(g[0], x[0, band].T, out=gw[:, band])
            for i in range(1, len(g)):
                gw[:, band] += g[i] @ x[i, band].T

    parallel_products(work, len(cuts), cost=g.size * x.shape[1] / len(cuts))
    return gw[:, :, None, None]


def multiply(weights: np.ndarray, x: np.ndarray, out: np.ndarray, spread: Pair = (1, 1)) -> None:
    """Fill ``out`` (N, M, H, W) with ``weights`` (M, K) times each pixel of x (N, K, rows, columns).

    spread : distance of two results in ``out``; there is zero between them.
    """
    images, channels, rows, columns = x.shape
    pixels = max(_PIXELS, _NUMBERS // channels)
    together, parts = max(1, _PIXELS // (rows * columns)), ceil_div(rows, max(1, round(pixels / columns)))
    groups = [(slice(i, i + together), part) for i in range(0, images, together) for part in pieces(rows, parts)]
    cuts = _bands(len(weights), len(groups), x.size * len(weights))
    results = _met(out, spread)

    def matrix(group: int) -> np.ndarray:
        some, part = groups[group]
        pixels = x[some, :, part]
        return (pixels[0] if len(pixels) == 1 else pixels.swapaxes(0, 1)).reshape(x.shape[1], -1)

    shared = [matrix(group) for group in range(len(groups))] if len(cuts) > 1 else []

    def work(start: int, stop: int) -> None:
        for task in range(start, stop):
            group, band = divmod(task, len(cuts))
            some, part = groups[group]
            if results is not out:
                out[some, cuts[band], part.start * spread[0] : part.stop * spread[0]] = 0
            factors = weights[cuts[band]], shared[group] if shared else matrix(group)
            target = results[some, cuts[band], part]
            if len(target) == 1 and results is out:
                np.matmul(*factors, out=target.reshape(len(factors[0]), -1))  # a view
            else:
                product = np.matmul(*factors)
                target[...] = product.reshape(len(product), len(target), *target.shape[2:]).swapaxes(0, 1)

    tasks = len(groups) * len(cuts)
    parallel_products(work, tasks, cost=x.size * len(weights) / tasks)


def _bands(channels: int, groups: int, work: int) -> list[slice]:
    """Into which to cut each of so many products, which all together have ``work`` multiply-adds."""
    return bands(channels, min(channels // _LEAST_BAND, _MOST_BANDS // groups, work // groups // _LEAST_WORK))


def _met(x: np.ndarray, stride: Pair) -> np.ndarray:
    """The pixels that a 1 × 1 filter meets."""
    return x if tuple(stride) == (1, 1) else x[:, :, :: stride[0], :: stride[1]]
