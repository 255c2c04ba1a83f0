"""Pooling, pixel by pixel."""

import math

import numpy as np


def outputs(n, k, s, p, d, ceil):
    """How many windows fit along an axis of n."""
    span = n + 2 * p - d * (k - 1) - 1
    if not ceil:
        return span // s + 1
    m = -(-span // s) + 1
    return m - 1 if (m - 1) * s >= n + p else m


def max_pool2d(x, *, kernel_size, stride, padding, dilation, output_size):
    n, c, h, w = x.shape
    y = np.zeros((n, c, *output_size), x.dtype)
    indices = np.zeros(y.shape, np.int64)
    for b, ch, oh, ow in np.ndindex(*y.shape):
        best, at = None, None
        for i in range(kernel_size[0]):
            for j in range(kernel_size[1]):
                r = oh * stride[0] - padding[0] + i * dilation[0]
                s = ow * stride[1] - padding[1] + j * dilation[1]
                if 0 <= r < h and 0 <= s < w:
                    v = x[b, ch, r, s]
                    if best is None or v > best or math.isnan(v):
                        best, at = v, r * w + s
        y[b, ch, oh, ow], indices[b, ch, oh, ow] = best, at
    return y, indices


def avg_pool2d(x, *, kernel_size, stride, padding, output_size, count_include_pad, divisor_override):
    n, c, h, w = x.shape
    y = np.zeros((n, c, *output_size), x.dtype)
    for b, ch, oh, ow in np.ndindex(*y.shape):
        total, inside, padded = 0.0, 0, 0
        for i in range(kernel_size[0]):
            for j in range(kernel_size[1]):
                r, s = oh * stride[0] - padding[0] + i, ow * stride[1] - padding[1] + j
                padded += r < h + padding[0] and s < w + padding[1]
                if 0 <= r < h and 0 <= s < w:
                    inside += 1
                    total += float(x[b, ch, r, s])
        divisor = divisor_override or (padded if count_include_pad else inside)
        y[b, ch, oh, ow] = total / divisor if inside else 0
    return y


def plane_gather(x, indices):
    y = np.zeros(indices.shape, x.dtype)
    for b, c, i, j in np.ndindex(*y.shape):
        y[b, c, i, j] = x[b, c].ravel()[indices[b, c, i, j]]
    return y


def plane_scatter(x, indices, size, add):
    y = np.zeros((*x.shape[:2], size[0] * size[1]), x.dtype)
    for b, c, i, j in np.ndindex(*x.shape):
        at = indices[b, c, i, j]
        y[b, c, at] = x[b, c, i, j] + (y[b, c, at] if add else 0)
    return y.reshape(*x.shape[:2], *size)
