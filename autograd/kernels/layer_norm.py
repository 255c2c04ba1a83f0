"""Layer normalisation: rows of numbers, each with its own mean and variance, and a weight for each place in a row."""

from __future__ import annotations

import numpy as np
from numba import types

from .arrays import canonical
from .jit import njit
from .norm import BLOCK, SUMS, affine, centre_of, inverse_deviation, moments, statistics
from .parallel import parallel_for
from .vectors import Body, Emitter, constant, float_arrays, intrinsic

_BLOCKS = 32  # of rows, whose gradients of weight and bias are added up first
# Rows that are added up in the dtype of x before float64 takes over: all in float64, the kernel took a third longer.
_TOGETHER = 32
# Rows of which first all means are taken, then all variances, then the results: within one row each waits for the last,
# and that took longer than the arithmetic. They stay in the first cache.
_GROUP = 8


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
    size = x.shape[1]
    for low in range(start, stop, _GROUP):
        high = min(stop, low + _GROUP)
        if size <= BLOCK:
            for r in range(low, high):
                means[r] = centre_of(x[r])
            for r in range(low, high):
                means[r], squares = moments(x[r], means[r])
                variances[r] = squares / size
        else:
            for r in range(low, high):
                means[r], variances[r] = statistics(x, r, 1, 1)
        for r in range(low, high):
            rstd = x.dtype.type(inverse_deviation(variances[r], eps))
            _normalise(y[r], x[r], weight, bias, means[r], rstd)


@intrinsic
def _normalise(typing_context, out, x, weight, bias, mean, rstd):
    """``out = (x − mean) · rstd · weight + bias``"""
    element = float_arrays(out, x, weight, bias)

    def generate(context, builder, signature, args):
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        out, x, weight, bias = (body.address(i, constant(0)) for i in range(4))

        def normalise(k, load, store, number):
            value, slope, shift = (load(builder.gep(p, [k])) for p in (x, weight, bias))
            normal = builder.fmul(builder.fsub(value, number(args[4])), number(args[5]))
            store(builder.fadd(builder.fmul(normal, slope), shift), builder.gep(out, [k]))

        body.elements(body.size(0), emit, normalise)
        return context.get_dummy_value()

    return types.void(out, x, weight, bias, element, element), generate


@njit(fastmath=SUMS)
def _weighted_sums(g, x, weight, mean):
    """``Σ g·weight`` and ``Σ g·weight·(x − mean)``"""
    total = slope = x.dtype.type(0)
    for i in range(g.size):
        gw = g[i] * weight[i]
        total += gw
        slope += gw * (x[i] - mean)
    return total, slope


@intrinsic
def _row_gradient(typing_context, gx, g, x, weight, gweight, gbias, mean, scale, slope, average):
    """``gx = g·weight·scale − ((x − mean)·slope + average)``; ``gbias += g``, ``gweight += g·(x − mean)·scale``"""
    element = float_arrays(gx, g, x, weight, gweight, gbias)

    def generate(context, builder, signature, args):
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        arrays = [body.address(i, constant(0)) for i in range(6)]

        def row_gradient(k, load, store, number):
            to, *places = (builder.gep(p, [k]) for p in arrays)
            g, x, weight, gweight, gbias = (load(place) for place in places)
            mean, scale, slope, average = (number(scalar) for scalar in args[6:])
            centred = builder.fsub(x, mean)
            common = builder.fadd(builder.fmul(centred, slope), average)
            store(builder.fsub(builder.fmul(builder.fmul(g, weight), scale), common), to)
            store(builder.fadd(gweight, builder.fmul(g, builder.fmul(centred, scale))), places[3])
            store(builder.fadd(gbias, g), places[4])

        body.elements(body.size(0), emit, row_gradient)
        return context.get_dummy_value()

    numbers = [element] * 4
    return types.void(gx, g, x, weight, gweight, gbias, *numbers), generate


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
            for low in range(0, size, BLOCK):
                high = low + BLOCK
                here = _weighted_sums(gradients[low:high], values[low:high], weight[low:high], mean)
                total += here[0]
                slope += here[1]
            scale = x.dtype.type(rstd)
            average, slope = x.dtype.type(total * rstd / size), x.dtype.type(slope * rstd * rstd * rstd / size)
            _row_gradient(gx[r], gradients, values, weight, part[0], part[1], mean, scale, slope, average)
            if r % _TOGETHER == 0 or r == last:
                _move(part[0], sums[block, 0])
                _move(part[1], sums[block, 1])
