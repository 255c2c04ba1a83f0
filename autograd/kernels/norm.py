"""Normalisation of channels and groups of channels: statistics, forward, gradient.

A *plane* is the numbers of one channel of one image, L of them, neighbours in memory. What shares a mean and a variance
is a *set*: the planes of one channel in all images (batch normalisation), or the neighbouring channels of one image
(group and instance normalisation). One thread works on one set from its first look to its last. At usual sizes a set
stays in the second-level cache meanwhile: each number is fetched from memory once.

Sums are taken block by block and the blocks joined in float64 in one order. A block's variance is taken about its own
mean, in a second look at numbers that are still there, so that a large common offset does no harm.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .arrays import canonical
from .jit import njit
from .parallel import parallel_for

BLOCK = 2048  # elements: at most 64 are added up in one lane of a float32 vector
_SHORT = 16  # planes of batch normalisation shorter than this are joined into one plane per channel first


class Sets(NamedTuple):
    """Set s is made of the planes ``s·stride + j·step``, j < size."""

    number: int
    stride: int
    step: int
    size: int


def batch_norm(
    x: np.ndarray, weight: np.ndarray | None, bias: np.ndarray | None, eps: float, relu: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``y = (x − mean) / √(var + eps) · weight + bias`` with each channel's own mean and biased variance.

    x : (N, C, ...); weight, bias : (C,), ``None`` for ones and zeros; relu : take ``max(y, 0)`` in the same pass.
    Returns y, mean (C,) and var (C,); NaN for channels without values.
    """
    x = canonical(x)
    planes, sets = _channel_sets(x)
    y, mean, var = _forward(planes, sets, *affine(x, weight, bias), eps, relu)
    return _as_images(y, x), mean, var


def batch_norm_with(
    x: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    eps: float,
    relu: bool,
) -> np.ndarray:
    """:func:`batch_norm` with given statistics."""
    x = canonical(x)
    y = np.empty(x.shape, x.dtype)
    if x.size:
        planes = x.shape[0] * x.shape[1]
        arguments = (x.reshape(planes, -1), y.reshape(planes, -1), *affine(x, weight, bias))
        statistics = (canonical(mean, x.dtype), canonical(var, x.dtype))
        parallel_for(_affine_planes, planes, *arguments, *statistics, float(eps), bool(relu), cost=x.size // planes)
    return y


def batch_norm_backward(
    g: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    weight: np.ndarray | None,
    bias: np.ndarray | None,
    eps: float,
    relu: bool,
    own: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of batch normalisation: gx like x, gweight and gbias (C,).

    own : whether mean and var are those of x itself. With x̂ = (x − mean)·rstd and m values a channel:
        ``gbias = Σ g``, ``gweight = Σ g·x̂``, ``gx = weight·rstd · (g − gbias/m − x̂·gweight/m)``, the last two terms
        only if they are its own. With ``relu``, g counts where the output was not 0, which is computed again.
    """
    x = canonical(x)
    planes, sets = _channel_sets(x)
    gradients, _ = _channel_sets(canonical(g, x.dtype))
    gx, sums = _backward(gradients, planes, sets, mean, var, *affine(x, weight, bias), eps, relu, own)
    gweight, gbias = _channel_sums(sums, x)
    return _as_images(gx, x), gweight, gbias


def group_norm(
    x: np.ndarray, groups: int, weight: np.ndarray | None, bias: np.ndarray | None, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """:func:`batch_norm` with a mean and variance for each image and group of C/groups channels, both (N, groups)."""
    x = canonical(x)
    planes, sets = _group_sets(x, groups)
    y, mean, var = _forward(planes, sets, *affine(x, weight, bias), eps, False)
    return y.reshape(x.shape), mean.reshape(len(x), groups), var.reshape(len(x), groups)


def group_norm_backward(
    g: np.ndarray, x: np.ndarray, mean: np.ndarray, var: np.ndarray, weight: np.ndarray | None, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of group normalisation: gx like x, gweight and gbias (C,).

    ``gx = rstd · (gw − Σ gw/m − x̂·Σ(gw·x̂)/m)`` with gw = g·weight and sums over the m values of a group.
    """
    x = canonical(x)
    planes, sets = _group_sets(x, mean.size // max(len(x), 1))
    gradients = canonical(g, x.dtype).reshape(planes.shape)
    mean, var = mean.reshape(-1), var.reshape(-1)
    gx, sums = _backward(gradients, planes, sets, mean, var, *affine(x, weight, None), eps, False, True)
    return gx.reshape(x.shape), *_channel_sums(sums, x)


def _channel_sets(x: np.ndarray) -> tuple[np.ndarray, Sets]:
    """The planes of ``x`` (N, C, ...) and their sets: the channels. Short planes are copied to one plane a channel."""
    n, c = x.shape[:2]
    length = x[0, 0].size if x.size else 0
    if 0 < length < _SHORT:
        planes = np.ascontiguousarray(x.reshape(n, c, length).swapaxes(0, 1)).reshape(c, n * length)
        return planes, Sets(c, 1, 1, 1)
    return x.reshape(n * c, length), Sets(c, 1, c, n)


def _as_images(planes: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The undoing of :func:`_channel_sets`."""
    n, c = like.shape[:2]
    if len(planes) != n * c:
        planes = np.ascontiguousarray(planes.reshape(c, n, -1).swapaxes(0, 1))
    return planes.reshape(like.shape)


def _group_sets(x: np.ndarray, groups: int) -> tuple[np.ndarray, Sets]:
    n, c = x.shape[:2]
    together = c // groups if groups else 0
    return x.reshape(n * c, x[0, 0].size if x.size else 0), Sets(n * groups, together, 1, together)


def affine(x: np.ndarray, weight: np.ndarray | None, bias: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    weight = np.ones(x.shape[1], x.dtype) if weight is None else canonical(weight, x.dtype)
    return weight, np.zeros(x.shape[1], x.dtype) if bias is None else canonical(bias, x.dtype)


def _channel_sums(sums: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sums of all planes of a channel: gweight and gbias."""
    channels = sums.reshape(-1, x.shape[1], 2).sum(0) if x.size else np.zeros((x.shape[1], 2))
    return channels[:, 1].astype(x.dtype), channels[:, 0].astype(x.dtype)


def _forward(x, sets, weight, bias, eps, relu):
    y = np.empty(x.shape, x.dtype)
    mean, var = np.full((2, sets.number), np.nan, x.dtype)
    if x.size:
        arguments = (x, y, weight, bias, mean, var, float(eps), bool(relu), *sets[1:])
        parallel_for(_normalise_sets, sets.number, *arguments, cost=5 * sets.size * x.shape[1])
    return y, mean, var


def _backward(g, x, sets, mean, var, weight, bias, eps, relu, own):
    gx, sums = np.empty(x.shape, x.dtype), np.empty((len(x), 2))
    if x.size:
        statistics = (canonical(mean, x.dtype), canonical(var, x.dtype))
        arguments = (g, x, gx, weight, bias, *statistics, sums, float(eps), bool(relu), bool(own), *sets[1:])
        parallel_for(_gradient_sets, sets.number, *arguments, cost=8 * sets.size * x.shape[1])
    return gx, sums


# --- kernels --------------------------------------------------------------------------------------------------------

# A sum vectorises only if its terms may be regrouped. "reassoc" allows that and nothing else: NaN and inf stay what
# they are, and one compiled loop regroups one length always in the same way. 6× faster than without.
SUMS = frozenset({"reassoc", "contract"})


@njit(fastmath=SUMS)
def _sum(values, total):
    for i in range(values.size):
        total += values[i]
    return total


@njit(fastmath=SUMS)
def _deviations(values, centre, zero):
    """``Σ (v − centre)`` and ``Σ (v − centre)²``, in the precision of ``zero``."""
    first, second = zero, zero
    for i in range(values.size):
        deviation = values[i] - centre
        first += deviation
        second += deviation * deviation
    return first, second


@njit
def centre_of(values):
    """The mean of a block in its own precision, which may overflow."""
    return values.dtype.type(_sum(values, values.dtype.type(0)) / values.size)


@njit
def moments(values, centre):
    """Mean and sum of squared deviations of a block. In its own precision, in float64 where that overflows: twice as
    fast, and the first sum of deviations makes up for the rounding of the centre."""
    first, second = _deviations(values, centre, values.dtype.type(0))
    if second < np.inf:
        shift = first / np.float64(values.size)
        return centre + shift, second - first * shift
    mean = _sum(values, 0.0) / values.size
    _, squares = _deviations(values, mean, 0.0)
    return mean, squares


@njit
def statistics(x, first, step, count):
    """Mean and biased variance of the planes ``first + j·step``, j < count.

    Blocks are joined by Chan, Golub & LeVeque's formula (1979, eq. 2.1): with δ the difference of two means,
    ``M = M₁ + M₂ + δ² n₁n₂/(n₁+n₂)`` for sums of squared deviations M.
    """
    if count == 1 and x.shape[1] <= BLOCK:  # nothing to join: a fifth less time for planes of 256 numbers
        mean, squares = moments(x[first], centre_of(x[first]))
        return mean, squares / x.shape[1]
    size, mean, squares = 0.0, 0.0, 0.0
    for j in range(count):
        plane = x[first + j * step]
        for low in range(0, plane.size, BLOCK):
            values = plane[low : low + BLOCK]
            block_mean, block_squares = moments(values, centre_of(values))
            delta = block_mean - mean
            size += values.size
            mean += delta * (values.size / size)
            squares += block_squares + delta * delta * (values.size * (size - values.size) / size)
    return mean, squares / size


@njit
def inverse_deviation(var, eps):
    """``1 / √(var + eps)``"""
    return 1.0 / np.sqrt(np.float64(var) + eps)


@njit
def _affine_plane(x, y, mean, scale, shift, relu):
    zero = x.dtype.type(0)
    if relu:
        for i in range(x.size):
            v = (x[i] - mean) * scale + shift
            y[i] = zero if v <= zero else v  # NaN stays
    else:
        for i in range(x.size):
            y[i] = (x[i] - mean) * scale + shift


@njit
def _affine_planes(start, stop, x, y, weight, bias, mean, var, eps, relu):
    for plane in range(start, stop):
        c = plane % weight.size
        scale = x.dtype.type(inverse_deviation(var[c], eps)) * weight[c]
        _affine_plane(x[plane], y[plane], mean[c], scale, bias[c], relu)


@njit
def _normalise_sets(start, stop, x, y, weight, bias, means, variances, eps, relu, stride, step, count):
    for s in range(start, stop):
        mean, var = statistics(x, s * stride, step, count)
        means[s], variances[s] = mean, var
        rstd = x.dtype.type(inverse_deviation(variances[s], eps))
        for j in range(count):
            plane = s * stride + j * step
            c = plane % weight.size
            _affine_plane(x[plane], y[plane], means[s], rstd * weight[c], bias[c], relu)


@njit
def _passed(g, x, out, mean, scale, shift, relu):
    """``g``, where the forward pass with ``relu`` gave more than 0: its arithmetic once more, so nothing is kept."""
    zero = x.dtype.type(0)
    if relu:
        for i in range(x.size):
            v = (x[i] - mean) * scale + shift
            out[i] = zero if v <= zero else g[i]
    else:
        for i in range(x.size):
            out[i] = g[i]


@njit(fastmath=SUMS)
def _gradient_sums(g, x, mean):
    """``Σ g`` and ``Σ g·(x − mean)``"""
    total = slope = x.dtype.type(0)
    for i in range(g.size):
        total += g[i]
        slope += g[i] * (x[i] - mean)
    return total, slope


@njit
def _finish(gx, x, mean, scale, slope, average):
    """In place: with an array of its own for g the loop would not vectorise where the two are one."""
    for i in range(x.size):
        gx[i] = gx[i] * scale - ((x[i] - mean) * slope + average)


@njit
def _gradient_sets(start, stop, g, x, gx, weight, bias, means, variances, sums, eps, relu, own, stride, step, count):
    length = x.shape[1]
    for s in range(start, stop):
        mean = means[s]
        rstd = inverse_deviation(variances[s], eps)
        total, slope = 0.0, 0.0  # of g·weight
        for j in range(count):
            plane = s * stride + j * step
            c = plane % weight.size
            scale = x.dtype.type(rstd) * weight[c]
            sums[plane, 0] = sums[plane, 1] = 0
            for low in range(0, length, BLOCK):
                values, passed = x[plane, low : low + BLOCK], gx[plane, low : low + BLOCK]
                _passed(g[plane, low : low + BLOCK], values, passed, mean, scale, bias[c], relu)
                block_total, block_slope = _gradient_sums(passed, values, mean)
                sums[plane, 0] += block_total
                sums[plane, 1] += block_slope * rstd
            total += sums[plane, 0] * weight[c]
            slope += sums[plane, 1] * weight[c]
        size = count * length
        average, slope = x.dtype.type(total * rstd / size), x.dtype.type(slope * rstd * rstd / size)
        for j in range(count):
            plane = s * stride + j * step
            scale = x.dtype.type(rstd) * weight[plane % weight.size]
            if own:
                _finish(gx[plane], x[plane], mean, scale, slope, average)
            else:
                row = gx[plane]
                for i in range(length):
                    row[i] *= scale
