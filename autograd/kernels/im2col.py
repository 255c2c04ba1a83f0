"""Convolution by the book: unfold the windows into a matrix, multiply, fold back.

Readable, for every stride, dilation and grouping; it is the definition that the fast path is tested against. ``col2im``
adds up each channel in one thread: a scatter from several loses updates.
"""

from __future__ import annotations

import numpy as np

from ..geometry import Padding, Pair, conv_output_size
from .jit import njit
from .parallel import parallel_for


def im2col(x: np.ndarray, *, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair) -> np.ndarray:
    """Every window of x (N, C, H, W) as a column: (N, C·KH·KW, OH·OW), zeros where a window meets the padding."""
    n, c, *size = x.shape
    rows, columns = conv_output_size((size[0], size[1]), kernel_size, stride, padding, dilation)
    unfolded = np.empty((n, c, *kernel_size, rows, columns), x.dtype)
    corner = padding[0][0], padding[1][0]
    parallel_for(_unfold, n * c, x, unfolded, *stride, *corner, *dilation, cost=unfolded[0, 0].size if n * c else 0)
    return unfolded.reshape(n, c * kernel_size[0] * kernel_size[1], rows * columns)


def col2im(
    columns: np.ndarray, *, size: Pair, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair
) -> np.ndarray:
    """The adjoint of ``im2col``: each input pixel is the sum of the entries it was copied to. (N, C, *size)."""
    n, c = columns.shape[0], columns.shape[1] // (kernel_size[0] * kernel_size[1])
    outputs = conv_output_size(size, kernel_size, stride, padding, dilation)
    folded = np.empty((n, c, *size), columns.dtype)
    windows = columns.reshape(n, c, *kernel_size, *outputs)
    corner = padding[0][0], padding[1][0]
    parallel_for(_fold, n * c, windows, folded, *stride, *corner, *dilation, cost=windows[0, 0].size if n * c else 0)
    return folded


@njit
def _inside(size, outputs, stride, offset):
    """The first window, and the last + 1, whose entry at ``offset`` lies inside of an axis of ``size``."""
    return min(max(0, -(offset // stride)), outputs), min(max(0, -((offset - size) // stride)), outputs)


@njit
def _unfold(start, stop, x, unfolded, sh, sw, top, left, dh, dw):
    _, C, H, W = x.shape
    _, _, KH, KW, OH, OW = unfolded.shape
    for plane in range(start, stop):
        n, c = plane // C, plane % C
        for i in range(KH):
            for j in range(KW):
                low, high = _inside(W, OW, sw, j * dw - left)
                for oh in range(OH):
                    h = oh * sh + i * dh - top
                    first, last = (low, high) if 0 <= h < H else (OW, OW)
                    for ow in range(first):
                        unfolded[n, c, i, j, oh, ow] = 0
                    for ow in range(first, last):
                        unfolded[n, c, i, j, oh, ow] = x[n, c, h, ow * sw + j * dw - left]
                    for ow in range(last, OW):
                        unfolded[n, c, i, j, oh, ow] = 0


@njit
def _fold(start, stop, windows, folded, sh, sw, top, left, dh, dw):
    _, C, H, W = folded.shape
    _, _, KH, KW, OH, OW = windows.shape
    for plane in range(start, stop):
        n, c = plane // C, plane % C
        for h in range(H):
            for w in range(W):
                folded[n, c, h, w] = 0
        for i in range(KH):
            low, high = _inside(H, OH, sh, i * dh - top)
            for oh in range(low, high):
                for j in range(KW):
                    first, last = _inside(W, OW, sw, j * dw - left)
                    for ow in range(first, last):
                        folded[n, c, oh * sh + i * dh - top, ow * sw + j * dw - left] += windows[n, c, i, j, oh, ow]


def conv2d(x: np.ndarray, w: np.ndarray, *, groups: int, **settings) -> np.ndarray:
    """(O, C·KH·KW) weights times the columns."""
    columns = _grouped(im2col(x, kernel_size=w.shape[2:], **settings), groups)  # (N, G, C/G·KH·KW, OH·OW)
    rows, width = conv_output_size(x.shape[2:], w.shape[2:], **settings)
    return np.matmul(_matrix(w, groups), columns).reshape(x.shape[0], w.shape[0], rows, width)


def conv2d_input(g: np.ndarray, w: np.ndarray, *, size: Pair, groups: int, **settings) -> np.ndarray:
    """The transposed weights times the gradient are the gradient's columns; fold them."""
    columns = np.matmul(_matrix(w, groups).swapaxes(1, 2), _grouped(g, groups))  # (N, G, C/G·KH·KW, OH·OW)
    columns = columns.reshape(g.shape[0], w.shape[1] * groups * w.shape[2] * w.shape[3], g.shape[2] * g.shape[3])
    return col2im(columns, size=size, kernel_size=w.shape[2:], **settings)


def conv2d_weight(g: np.ndarray, x: np.ndarray, *, kernel_size: Pair, groups: int, **settings) -> np.ndarray:
    """The gradient times the transposed columns, summed over the batch."""
    columns = _grouped(im2col(x, kernel_size=kernel_size, **settings), groups)
    products = np.matmul(_grouped(g, groups), columns.swapaxes(2, 3))  # (N, G, O/G, C/G·KH·KW)
    return products.sum(0).reshape(g.shape[1], x.shape[1] // groups, *kernel_size)


def _matrix(w: np.ndarray, groups: int) -> np.ndarray:
    """Weights (O, C/G, KH, KW) as (G, O/G, C/G·KH·KW)."""
    return w.reshape(groups, w.shape[0] // groups, w.shape[1] * w.shape[2] * w.shape[3])


def _grouped(images: np.ndarray, groups: int) -> np.ndarray:
    """(N, C, ...) as (N, G, C/G, pixels)."""
    pixels = images[:1, :1].size if images.size else int(np.prod(images.shape[2:]))
    return images.reshape(images.shape[0], groups, images.shape[1] // groups, pixels)
