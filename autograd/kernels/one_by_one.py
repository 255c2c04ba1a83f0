"""Convolution with 1 × 1 filters: a product of the weights and the image, which is the matrix of columns as it is.

BLAS packs the weights, which the register tiles of :mod:`.correlate` read where they are: with 1024 channels it takes
half the time. A stride leaves out pixels before the product, in a copy.

A task is one BLAS call on one thread, for some pixels of an image and some channels of the result. The tasks are fixed
by shape, and so are the bits, see :mod:`.matmul`.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..geometry import Padding, Pair
from .matmul import has_one_thread, parallel_products

# Channels on either side and weights, from which on packing them pays.
_LEAST_CHANNELS, _LEAST_WEIGHTS = 64, 1 << 14
# Pixels of a task, which BLAS packs once and keeps in the second-level cache; a multiple of its register tile.
_PIXELS, _MULTIPLE = 200, 16
# Tasks, at most, of the channels of one product; channels and multiply-adds of the result that are worth one.
_MOST_BANDS, _LEAST_BAND, _LEAST_WORK = 16, 64, 1 << 22
# Of an image, and weights, from which on a weight gradient is faster here: each image adds to all of it.
_LEAST_SUMMED, _LEAST_GRADIENTS = 128, 1 << 15


def pays(weights: tuple[int, ...], padding: Padding, groups: int) -> bool:
    """Whether a convolution with weights of this shape (O, C, KH, KW) is a product, and a large one."""
    outputs, channels, *kernel_size = weights
    return (
        kernel_size == [1, 1]
        and groups == 1
        and not any(map(any, padding))
        and min(outputs, channels) >= _LEAST_CHANNELS
        and outputs * channels >= _LEAST_WEIGHTS
        and has_one_thread()
    )


def pays_for_weights(weights: tuple[int, ...], size: Pair) -> bool:
    """Whether its weight gradient is, too, with results of ``size``."""
    return weights[0] * weights[1] >= _LEAST_GRADIENTS and size[0] * size[1] >= _LEAST_SUMMED


def correlate(x: np.ndarray, w: np.ndarray, stride: Pair, out: np.ndarray) -> np.ndarray:
    """Fill ``out`` (N, O, OH, OW) with the correlation of x (N, C, H, W) and w (O, C, 1, 1)."""
    _multiply(w[:, :, 0, 0], _matrices(_met(x, stride)), _matrices(out))
    return out


def adjoint(g: np.ndarray, w: np.ndarray, stride: Pair, out: np.ndarray) -> np.ndarray:
    """Fill ``out`` (N, C, H, W) with the input gradient that belongs to g (N, O, OH, OW)."""
    weights = w[:, :, 0, 0].T
    if tuple(stride) == (1, 1):
        _multiply(weights, _matrices(g), _matrices(out))
    else:
        met = np.empty((*out.shape[:2], *g.shape[2:]), g.dtype)
        _multiply(weights, _matrices(g), _matrices(met))
        out[...] = 0
        _met(out, stride)[...] = met
    return out


def weight_gradient(g: np.ndarray, x: np.ndarray, stride: Pair) -> np.ndarray:
    """(O, C, 1, 1) of g (N, O, OH, OW) and x (N, C, H, W)."""
    g, x = _matrices(g), _matrices(_met(x, stride))
    gw = np.empty((g.shape[1], x.shape[1]), x.dtype)
    bands = _bands(gw.shape[1], 1, g.size * x.shape[1])

    def work(start: int, stop: int) -> None:
        for band in bands[start:stop]:
            np.matmul(g[0], x[0, band].T, out=gw[:, band])
            for i in range(1, len(g)):
                gw[:, band] += g[i] @ x[i, band].T

    parallel_products(work, len(bands), cost=g.size * x.shape[1] / len(bands))
    return gw[:, :, None, None]


def _multiply(weights: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    """Fill each matrix of ``out`` (N, M, pixels) with ``weights`` (M, K) times that of x (N, K, pixels)."""
    (images, channels, pixels), together = out.shape, max(1, _PIXELS // out.shape[2])
    if together > 1:
        groups = [(slice(i, i + together), slice(None)) for i in range(0, images, together)]
    else:
        cuts = _slices(pixels, max(1, pixels // _PIXELS), _MULTIPLE)
        groups = [(slice(i, i + 1), cut) for i in range(images) for cut in cuts]
    bands = _bands(channels, len(groups), x.size * channels)
    shared = len(bands) > 1
    matrices = [x[images, :, cut] for images, cut in groups]
    if shared:
        matrices = [_side_by_side(matrix) for matrix in matrices]

    def work(start: int, stop: int) -> None:
        for task in range(start, stop):
            i, band = divmod(task, len(bands))
            images, cut = groups[i]
            matrix = matrices[i] if shared else _side_by_side(matrices[i])
            target = out[images, bands[band], cut]
            if len(target) == 1:
                np.matmul(weights[bands[band]], matrix, out=target[0])
            else:
                product = weights[bands[band]] @ matrix
                target[...] = product.reshape(len(product), len(target), -1).swapaxes(0, 1)

    tasks = len(groups) * len(bands)
    parallel_products(work, tasks, cost=x.size * len(weights) / tasks)


def _bands(channels: int, groups: int, work: int) -> list[slice]:
    """Into which to cut each of so many products: a power of two, since three would leave one of two threads idle."""
    bands = max(1, min(channels // _LEAST_BAND, _MOST_BANDS // groups, work // groups // _LEAST_WORK))
    return _slices(channels, 1 << (bands.bit_length() - 1))


def _slices(length: int, parts: int, multiple: int = 1) -> list[slice]:
    edges = [length if i == parts else i * length // parts // multiple * multiple for i in range(parts + 1)]
    return [slice(low, high) for low, high in pairwise(edges)]


def _met(x: np.ndarray, stride: Pair) -> np.ndarray:
    """The pixels that a 1 × 1 filter meets."""
    return x[:, :, :: stride[0], :: stride[1]]


def _matrices(x: np.ndarray) -> np.ndarray:
    """Images (N, C, H, W) as matrices (N, C, pixels); a view if there are no gaps."""
    return x.reshape(*x.shape[:2], -1)


def _side_by_side(x: np.ndarray) -> np.ndarray:
    """Matrices (N, C, pixels) as one (C, N · pixels)."""
    return x[0] if len(x) == 1 else x.swapaxes(0, 1).reshape(x.shape[1], -1)
