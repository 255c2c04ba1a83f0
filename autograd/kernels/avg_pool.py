"""Average pooling over the windows of (N, C, H, W) images (report section 1.2.2, figure 3), and its adjoint (fig. 10).

Forward kernels are cut into output rows, adjoints into input rows: each element has one writer.
"""

from __future__ import annotations

import numpy as np

from .arrays import canonical
from .buffers import scratch
from .jit import njit
from .parallel import parallel_for
from .pool import Pair, inside


def avg_pool2d(
    x: np.ndarray,
    *,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    output_size: Pair,
    count_include_pad: bool,
    divisor_override: int | None,
) -> np.ndarray:
    """The sum of each window over its divisor (fig. 3): x (N, C, H, W), y (N, C, *output_size).

    The divisor is ``divisor_override``, or the number of window elements inside the image, or with
    ``count_include_pad`` inside the padded image (a window that ceil mode lets hang over counts no more than that).
    Sums are taken in float64, of windows of 2×2 that cover the image in the dtype of x.
    """
    x = canonical(x)
    n, c, h, w = x.shape
    oh, ow = output_size
    y = np.empty((n, c, oh, ow), x.dtype)
    if y.size and _halves((h, w), kernel_size, stride, output_size, divisor_override):
        parallel_for(_avg_halve_rows, n * c * oh, x.reshape(n * c * h, w), y.reshape(n * c * oh, ow), cost=4 * ow)
    elif y.size:
        divisors = _divisors((h, w), kernel_size, stride, padding, output_size, count_include_pad, divisor_override)
        arguments = (x.reshape(n * c, h, w), y.reshape(n * c, oh, ow), kernel_size, stride, padding, *divisors)
        parallel_for(_avg_rows, n * c * oh, *arguments, cost=2 * (w * kernel_size[0] + ow * kernel_size[1]))
    return y


def avg_pool2d_input(
    g: np.ndarray,
    *,
    size: Pair,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    count_include_pad: bool,
    divisor_override: int | None,
) -> np.ndarray:
    """The adjoint of :func:`avg_pool2d`: each g over its divisor, given to every pixel of its window (fig. 10).

    g : (N, C, OH, OW). Returns (N, C, *size).
    """
    g = canonical(g)
    n, c, oh, ow = g.shape
    h, w = size
    gx = np.empty((n, c, h, w), g.dtype)
    if gx.size and _halves(size, kernel_size, stride, (oh, ow), divisor_override):
        parallel_for(_avg_double_rows, n * c * oh, g.reshape(n * c * oh, ow), gx.reshape(n * c * h, w), cost=4 * ow)
    elif gx.size:
        divisors = _divisors(size, kernel_size, stride, padding, (oh, ow), count_include_pad, divisor_override)
        arguments = (g.reshape(n * c, oh, ow), gx.reshape(n * c, h, w), kernel_size, stride, padding, *divisors)
        cost = 2 * w + ow * (kernel_size[0] + kernel_size[1]) // stride[0]
        parallel_for(_avg_input_rows, n * c * h, *arguments, cost=cost)
    return gx


def _halves(size: Pair, kernel_size: Pair, stride: Pair, output_size: Pair, divisor_override: int | None) -> bool:
    """Whether windows of 2×2 cover the image, each pixel once."""
    covered = size == (2 * output_size[0], 2 * output_size[1])
    return kernel_size == stride == (2, 2) and covered and divisor_override is None


def _divisors(size, kernel_size, stride, padding, output_size, count_include_pad, divisor_override):
    """The divisor of window (oh, ow) is rows[oh] · columns[ow]."""
    if divisor_override is not None:
        return np.full(output_size[0], float(divisor_override)), np.ones(output_size[1])
    counts = []
    for n, k, s, p, outputs in zip(size, kernel_size, stride, padding, output_size):
        start = np.arange(outputs) * s - p
        stop = np.minimum(start + k, n + p)
        if not count_include_pad:
            start, stop = np.maximum(start, 0), np.minimum(stop, n)
        counts.append(np.maximum(stop - start, 1).astype(np.float64))  # an empty window sums to 0: 0 / 1
    return counts


@njit
def _avg_halve_rows(start, stop, x, y):
    quarter = x.dtype.type(0.25)
    for row in range(start, stop):
        upper, lower, out = x[2 * row], x[2 * row + 1], y[row]
        for i in range(out.size):
            out[i] = ((upper[2 * i] + upper[2 * i + 1]) + (lower[2 * i] + lower[2 * i + 1])) * quarter


@njit
def _avg_double_rows(start, stop, g, gx):
    quarter = g.dtype.type(0.25)
    for row in range(start, stop):
        source, upper, lower = g[row], gx[2 * row], gx[2 * row + 1]
        for i in range(source.size):
            upper[2 * i] = upper[2 * i + 1] = source[i] * quarter
        for i in range(upper.size):
            lower[i] = upper[i]


@njit
def _avg_rows(start, stop, x, y, kernel_size, stride, padding, row_divisor, column_divisor):
    """The rows of a window are added to one line, then its columns: kh + kw additions instead of kh · kw."""
    h, w = x.shape[1:]
    oh, ow = y.shape[1:]
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, padding
    line, total = scratch(w, np.float64), scratch(ow, np.float64)
    for unit in range(start, stop):
        plane, row = unit // oh, unit % oh
        top = row * sh - ph
        line[:] = 0
        for r in range(max(top, 0), min(top + kh, h)):
            source = x[plane, r]
            for i in range(w):
                line[i] += source[i]
        total[:] = 0
        if sw == 1:  # a column of all windows at once, in whole vectors: a third of the time; wider steps are slower so
            for j in range(kw):
                lo, hi = inside(j - pw, 1, w, ow)
                if lo < hi:
                    _add(total[lo:hi], line[lo + j - pw :])
        else:
            for i in range(ow):
                left = i * sw - pw
                for j in range(max(left, 0), min(left + kw, w)):
                    total[i] += line[j]
        for i in range(ow):
            y[plane, row, i] = total[i] / (row_divisor[row] * column_divisor[i])


@njit
def _avg_input_rows(start, stop, g, gx, kernel_size, stride, padding, row_divisor, column_divisor):
    """The shares of the windows over a row are added up, then given to their columns. Rows under the same windows are
    equal: of windows of 16 rows that do not overlap, 15 are copies."""
    oh, ow = g.shape[1:]
    h, w = gx.shape[1:]
    (kh, kw), (sh, sw), (ph, pw) = kernel_size, stride, padding
    total, share = scratch(w, np.float64), scratch(ow, np.float64)
    known = (-1, 0, 0)
    for unit in range(start, stop):
        plane, row = unit // h, unit % h
        # the windows r with r·sh − ph ≤ row < r·sh − ph + kh
        first, last = max(0, (row + ph - kh) // sh + 1), min(oh, (row + ph) // sh + 1)
        if known != (plane, first, last):
            known = (plane, first, last)
            share[:] = 0
            for r in range(first, last):
                for i in range(ow):
                    share[i] += g[plane, r, i] / (row_divisor[r] * column_divisor[i])
            total[:] = 0
            if sw == 1:
                for j in range(kw):
                    lo, hi = inside(j - pw, 1, w, ow)
                    if lo < hi:
                        _add(total[lo + j - pw : hi + j - pw], share[lo:])
            else:
                for i in range(ow):
                    left = i * sw - pw
                    for j in range(max(left, 0), min(left + kw, w)):
                        total[j] += share[i]
        for i in range(w):
            gx[plane, row, i] = total[i]


@njit
def _add(total, values):
    """``total += values[: total.size]``"""
    for i in range(total.size):
        total[i] += values[i]
