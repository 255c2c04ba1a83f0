"""Layer normalisation: rows of numbers, each with its own mean and variance, and a weight for each place in a row."""

from __future__ import annotations

import numpy as np

from .arrays import canonical
from .jit import njit
from .norm import SUMS, affine, inverse_deviation, statistics
from .parallel import parallel_for

_BLOCKS = 32  # of rows, whose gradients of weight and bias are added up first
# Numbers of a row, and rows, that are added up in the dtype of x before float64 takes over: all in float64, the kernel
# took a third longer.
_BLOCK, _TOGETHER = 2048, 32


def layer_norm(
    x: np.ndarray, weight: np.ndarray | None, bias: np.ndarray | None, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows normalised each by itself: x (R, D); weight, bias (D,). Returns y (R, D), mean and var (R,)."""
    x = canonical(x)
    y = np.empty(x.shape, x.dtype)
    mean, var = np.full((2, len(x)), np.nan, x.dtype)
    if x.size:
        parallel_for(_layer_rows, len(x), x, y, *affine(x, weight, bias), mean, var, float(eps), cost=6 * x.shape[1])
    return y, mean, var


def layer_norm_backward(
    g: np.ndarray, x: np.ndarray, mean: np.ndarray, var: np.ndarray, weight: np.ndarray | None, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of :func:`layer_norm`: gx (R, D), gweight and gbias (D,)."""
    x, g = canonical(x), canonical(g, x.dtype)
    rows, size = x.shape
    gx = np.empty(x.shape, x.dtype)
    height = max(1, -(-rows // _BLOCKS))
    sums = np.zeros((-(-rows // height), 2, size))
    if x.size:
        weight, _ = affine(x, weight, None)
        statistics = (canonical(mean, x.dtype), canonical(var, x.dtype))
        cost = 12 * size * height
        parallel_for(_layer_gradient_blocks, len(sums), g, x, gx, weight, *statistics, float(eps), sums, cost=cost)
    gweight, gbias = sums.sum(0).astype(x.dtype)
    return gx, gweight, gbias


@njit
def _layer_rows(start, stop, x, y, weight, bias, means, variances, eps):
    for r in range(start, stop):
        means[r], variances[r] = statistics(x, r, 1, 1)
        mean, rstd = means[r], x.dtype.type(inverse_deviation(variances[r], eps))
        row, out = x[r], y[r]
        for i in range(row.size):
            out[i] = (row[i] - mean) * rstd * weight[i] + bias[i]


@njit(fastmath=SUMS)
def _weighted_sums(g, x, weight, mean):
    """``Σ g·weight`` and ``Σ g·weight·(x − mean)``"""
    total = slope = x.dtype.type(0)
    for i in range(g.size):
        gw = g[i] * weight[i]
        total += gw
        slope += gw * (x[i] - mean)
    return total, slope


@njit
def _row_gradient(out, g, x, weight, mean, scale, slope, average):
    for i in range(out.size):
        out[i] = g[i] * weight[i] * scale - ((x[i] - mean) * slope + average)


@njit
def _add_row(gweight, gbias, g, x, mean, scale):
    for i in range(g.size):
        gbias[i] += g[i]
        gweight[i] += g[i] * ((x[i] - mean) * scale)


@njit
def _move(part, total):
    """Add ``part`` to ``total`` and begin it anew."""
    for i in range(part.size):
        total[i] += part[i]
        part[i] = 0


@njit
def _layer_gradient_blocks(start, stop, g, x, gx, weight, means, variances, eps, sums):
    rows, size = x.shape
    height = (rows + sums.shape[0] - 1) // sums.shape[0]
    part = np.zeros((2, size), x.dtype)
    for block in range(start, stop):
        last = min(rows, (block + 1) * height) - 1
        for r in range(block * height, last + 1):
            values, gradients, mean = x[r], g[r], means[r]
            rstd = inverse_deviation(variances[r], eps)
            total, slope = 0.0, 0.0
            for low in range(0, size, _BLOCK):
                high = low + _BLOCK
                here = _weighted_sums(gradients[low:high], values[low:high], weight[low:high], mean)
                total += here[0]
                slope += here[1]
            scale = x.dtype.type(rstd)
            average, slope = x.dtype.type(total * rstd / size), x.dtype.type(slope * rstd * rstd * rstd / size)
            _row_gradient(gx[r], gradients, values, weight, mean, scale, slope, average)
            _add_row(part[0], part[1], gradients, values, mean, scale)
            if r % _TOGETHER == 0 or r == last:
                _move(part[0], sums[block, 0])
                _move(part[1], sums[block, 1])
