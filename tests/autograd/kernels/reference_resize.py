"""Resizing, pixel by pixel, from the definition of where an output pixel looks."""

import math

import numpy as np


def _look(i, n, m, mode, align_corners, scale):
    """The (pixel, weight) pairs output i of m reads in an axis of n."""
    if mode != "nearest-exact" and n == m:
        return [(i, 1.0)]
    ratio = 1 / scale if scale else n / m
    if mode == "nearest":
        return [(min(math.floor(i * ratio), n - 1), 1.0)]
    if mode == "nearest-exact":
        return [(min(math.floor((i + 0.5) * ratio), n - 1), 1.0)]
    if align_corners:
        position = i * (n - 1) / (m - 1) if m > 1 else 0.0
    else:
        position = max((i + 0.5) * ratio - 0.5, 0.0)
    low = min(math.floor(position), n - 1)
    if low == n - 1 or position == low:
        return [(low, 1.0)]
    return [(low, 1 - (position - low)), (low + 1, position - low)]


def resize2d(x, *, size, mode, align_corners, scales):
    n, c, h, w = x.shape
    y = np.zeros((n, c, *size), x.dtype)
    scale_h, scale_w = scales or (None, None)
    for b, ch, i, j in np.ndindex(*y.shape):
        for r, v in _look(i, h, size[0], mode, align_corners, scale_h):
            for s, u in _look(j, w, size[1], mode, align_corners, scale_w):
                y[b, ch, i, j] += x[b, ch, r, s] if v * u == 1 else v * u * x[b, ch, r, s]
    return y
