"""Batch normalisation over (N, C, ...): statistics, forward, gradient (Ioffe & Szegedy 2015, arXiv:1502.03167).

Sums are taken in float64, block by block; the blocks are fixed by shape and added in one order, so the bits do not
depend on the number of threads. A block fits the cache: its variance is taken about its own mean, in a second look at
numbers that are still there, so that a large common offset does no harm.
"""

from __future__ import annotations

import numpy as np

from .arrays import canonical
from .jit import njit
from .parallel import parallel_for

_BLOCK = 4096  # elements: 16 KB of float32, twice that of float64
_SHORT = 32  # planes shorter than this are joined into one row per channel first


def batch_norm_stats(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance of each channel: x (N, C, ...), both results (C,) in the dtype of x.

    Blocks are joined by Chan, Golub & LeVeque's formula (1979, eq. 2.1): with δ the difference of two means,
    ``M = M₁ + M₂ + δ² n₁n₂/(n₁+n₂)`` for sums of squared deviations M.
    """
    planes = _planes(x)
    n, c, length = planes.shape
    mean, var = np.full(c, np.nan, planes.dtype), np.full(c, np.nan, planes.dtype)
    if planes.size:
        blocks = -(-length // _BLOCK)
        partial = np.empty((n * c * blocks, 2))
        parallel_for(_moments_blocks, len(partial), planes, blocks, partial, cost=min(length, _BLOCK))
        _join_moments(partial.reshape(n, c, blocks, 2), length, mean, var)
    return mean, var


def batch_norm(
    x: np.ndarray, mean: np.ndarray, rstd: np.ndarray, weight: np.ndarray | None, bias: np.ndarray | None
) -> np.ndarray:
    """``y = (x − mean) · (rstd · weight) + bias`` channel by channel; ``None`` for a weight of 1 or a bias of 0."""
    x = canonical(x)
    y = np.empty(x.shape, x.dtype)
    if x.size:
        c = x.shape[1]
        scale = np.asarray(rstd, x.dtype) * (1 if weight is None else np.asarray(weight, x.dtype))
        shift = np.zeros(c, x.dtype) if bias is None else canonical(bias, x.dtype)
        flat = (x.reshape(x.shape[0] * c, -1), y.reshape(x.shape[0] * c, -1))
        parallel_for(_affine_planes, len(flat[0]), *flat, canonical(mean, x.dtype), scale, shift, cost=flat[0].shape[1])
    return y


def batch_norm_backward(
    g: np.ndarray, x: np.ndarray, mean: np.ndarray, rstd: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of batch normalisation with the statistics of its own input (training mode).

    With x̂ = (x − mean)·rstd and m values a channel: ``gbias = Σ g``, ``gweight = Σ g·x̂``,
    ``gx = weight·rstd · (g − gbias/m − x̂·gweight/m)``.

    Returns gx (N, C, ...), gweight and gbias (C,).
    """
    x, g = canonical(x), canonical(g, x.dtype)
    mean, rstd = canonical(mean, x.dtype), canonical(rstd, x.dtype)
    gx = np.empty(x.shape, x.dtype)
    gweight, gbias = np.zeros(x.shape[1], x.dtype), np.zeros(x.shape[1], x.dtype)
    if x.size:
        planes, g_planes = _planes(x), _planes(g)
        n, c, length = planes.shape
        blocks = -(-length // _BLOCK)
        partial = np.empty((n * c * blocks, 2))
        parallel_for(
            _gradient_blocks, len(partial), g_planes, planes, mean, blocks, partial, cost=2 * min(length, _BLOCK)
        )
        sums = np.zeros((c, 2))
        _join_sums(partial.reshape(n, c, blocks, 2), sums)
        sums[:, 1] *= rstd  # Σ g·(x − mean) to Σ g·x̂
        gbias[:], gweight[:] = sums[:, 0], sums[:, 1]
        scale = rstd if weight is None else rstd * np.asarray(weight, x.dtype)
        average = (sums[:, 0] / (n * length)).astype(x.dtype)
        slope = (sums[:, 1] / (n * length) * rstd).astype(x.dtype)
        flat = [a.reshape(x.shape[0] * c, -1) for a in (g, x, gx)]
        parallel_for(_input_planes, len(flat[0]), *flat, mean, scale, average, slope, cost=2 * flat[0].shape[1])
    return gx, gweight, gbias


def _planes(x: np.ndarray) -> np.ndarray:
    """(N, C, ...) as (N, C, S); short planes, as (N, C) data has, as (1, C, N·S)."""
    x = canonical(x)
    length = x[0, 0].size if x.size else 0
    if 0 < length < _SHORT:
        return np.ascontiguousarray(x.reshape(*x.shape[:2], length).swapaxes(0, 1)).reshape(1, x.shape[1], -1)
    return x.reshape(*x.shape[:2], length)


@njit
def _block(unit, planes, blocks):
    """Block number ``unit``, as a row of numbers, and its channel."""
    plane, start = unit // blocks, unit % blocks * _BLOCK
    n, c = plane // planes.shape[1], plane % planes.shape[1]
    return planes[n, c, start : start + _BLOCK], c


# A sum vectorises only if its terms may be regrouped. "reassoc" allows that and nothing else: NaN and inf stay what
# they are, and one compiled loop regroups one length always in the same way. 6× faster than without.
@njit(fastmath={"reassoc", "contract"})
def _sum(values):
    total = 0.0
    for i in range(values.size):
        total += values[i]
    return total


@njit(fastmath={"reassoc", "contract"})
def _sum_of_squares_about(values, centre):
    total = 0.0
    for i in range(values.size):
        deviation = values[i] - centre
        total += deviation * deviation
    return total


@njit(fastmath={"reassoc", "contract"})
def _sum_of_products_about(factors, values, centre):
    total = 0.0
    for i in range(values.size):
        total += factors[i] * (values[i] - centre)
    return total


@njit
def _moments_blocks(start, stop, planes, blocks, partial):
    for unit in range(start, stop):
        values, _ = _block(unit, planes, blocks)
        mean = _sum(values) / values.size
        partial[unit, 0] = mean
        partial[unit, 1] = _sum_of_squares_about(values, mean)


@njit
def _join_moments(partial, length, means, variances):
    n, channels, blocks, _ = partial.shape
    for c in range(channels):
        count, mean, squares = 0.0, 0.0, 0.0
        for i in range(n):
            for b in range(blocks):
                size = min(_BLOCK, length - b * _BLOCK)
                delta = partial[i, c, b, 0] - mean
                count += size
                mean += delta * (size / count)
                squares += partial[i, c, b, 1] + delta * delta * (size * (count - size) / count)
        means[c] = mean
        variances[c] = squares / count


@njit
def _gradient_blocks(start, stop, g, planes, mean, blocks, partial):
    for unit in range(start, stop):
        values, c = _block(unit, planes, blocks)
        gradients, _ = _block(unit, g, blocks)
        partial[unit, 0] = _sum(gradients)
        partial[unit, 1] = _sum_of_products_about(gradients, values, np.float64(mean[c]))


@njit
def _join_sums(partial, sums):
    n, channels, blocks, _ = partial.shape
    for i in range(n):
        for c in range(channels):
            for b in range(blocks):
                sums[c, 0] += partial[i, c, b, 0]
                sums[c, 1] += partial[i, c, b, 1]


@njit
def _affine_planes(start, stop, x, y, mean, scale, shift):
    for plane in range(start, stop):
        c = plane % mean.size
        m, a, b = mean[c], scale[c], shift[c]
        for i in range(x.shape[1]):
            y[plane, i] = (x[plane, i] - m) * a + b


@njit
def _input_planes(start, stop, g, x, gx, mean, scale, average, slope):
    for plane in range(start, stop):
        c = plane % mean.size
        m, a, s, k = mean[c], scale[c], average[c], slope[c]
        for i in range(x.shape[1]):
            gx[plane, i] = a * (g[plane, i] - s - (x[plane, i] - m) * k)
