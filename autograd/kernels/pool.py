"""Max pooling over the windows of (N, C, H, W) images (report section 1.2.2, figure 2), and its ways back.

Positions are flat indices into one (n, c) plane of the unpadded image, int32 where they fit: they are kept from the
forward pass to the backward pass, and compared as fast as float32. Forward kernels are cut into output rows,
adjoints into input rows or whole planes: each output element has one writer. The loop over a row of pixels is innermost
and free of branches, so that it vectorises; the loops over the window are outside it.
"""

from __future__ import annotations

import numpy as np

from .arrays import canonical
from .buffers import scratch
from .jit import njit
from .parallel import parallel_for

Pair = tuple[int, int]


def max_pool2d(
    x: np.ndarray, *, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, output_size: Pair
) -> tuple[np.ndarray, np.ndarray]:
    """The largest value of each window and where it stands: ``y = max x[oh·s − p + i·d, ow·s − p + j·d]``.

    Padding counts as −inf. Of equal values the first in row-major order is taken, NaN beats everything (of several the
    last, as in PyTorch), and a window of −inf gives the position of its first pixel.

    x : (N, C, H, W). Returns y and indices, both (N, C, *output_size); indices are int32, or int64 for planes of 2³¹
    pixels or more.
    Raises ValueError where a dilated window misses the image altogether: it has no position to give.
    """
    x = canonical(x)
    n, c, h, w = x.shape
    oh, ow = output_size
    _check_windows_meet_image((h, w), kernel_size, stride, padding, dilation, output_size)
    y = np.empty((n, c, oh, ow), x.dtype)
    indices = np.empty(y.shape, np.int32 if h * w < 2**31 else np.int64)
    if y.size:
        arguments = (x.reshape(n * c, h, w), y.reshape(n * c, oh, ow), indices.reshape(n * c, oh, ow))
        halving = kernel_size == stride == (2, 2) and padding == (0, 0) and dilation == (1, 1)
        if halving and 2 * oh <= h and 2 * ow <= w:
            parallel_for(_max_halve_rows, n * c * oh, *arguments, cost=4 * ow)
        else:
            cost = 2 * ow * kernel_size[0] * kernel_size[1]
            parallel_for(_max_rows, n * c * oh, *arguments, kernel_size, stride, padding, dilation, cost=cost)
    return y, indices


def _check_windows_meet_image(
    size: Pair, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, output_size: Pair
) -> None:
    for n, k, s, p, d, outputs in zip(size, kernel_size, stride, padding, dilation, output_size):
        if d == 1:
            continue  # p ≤ k/2 and the ceil-mode rule see to it
        for o in range(outputs):
            start = o * s - p
            if max(start, start % d) >= n or start + (k - 1) * d < 0:
                raise ValueError(
                    f"max_pool2d: window {o} reads {[start + i * d for i in range(k)]}, all in the padding of an axis "
                    f"of {n} (kernel_size={k}, stride={s}, padding={p}, dilation={d})"
                )


@njit
def _max_rows(start, stop, x, y, indices, kernel_size, stride, padding, dilation):
    """Each image row is first laid out as ``line[phase, t] = row[t·stride + phase − padding]``, with −inf outside, so
    that every tap of the window is one contiguous run for all outputs: 4× faster than strided reads with borders."""
    h, w = x.shape[1:]
    oh, ow = y.shape[1:]
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = kernel_size, stride, padding, dilation
    reach = (kw - 1) * dw
    phases = min(sw, reach + 1)
    line = np.full((phases, ow + reach // sw), -np.inf, x.dtype)
    leftmost = np.empty(ow, indices.dtype)
    for i in range(ow):
        left = i * sw - pw
        leftmost[i] = left if left >= 0 else left % dw
    for unit in range(start, stop):
        plane, row = unit // oh, unit % oh
        best, where = y[plane, row], indices[plane, row]
        top = row * sh - ph
        first = top if top >= 0 else top % dh
        best[:] = -np.inf
        for i in range(ow):
            where[i] = first * w + leftmost[i]
        for r in range(first, min(h, top + (kh - 1) * dh + 1), dh):
            for phase in range(phases):
                _copy_phase(line[phase], x[plane, r], phase - pw, sw)
            for j in range(kw):
                source = line[j * dw % sw, j * dw // sw :]
                position = r * w + j * dw - pw
                for i in range(ow):
                    v, b = source[i], best[i]
                    larger = (v > b) | (v != v)
                    best[i] = v if larger else b
                    where[i] = position + i * sw if larger else where[i]


@njit
def _copy_phase(line, row, offset, step):
    """``line[t] = row[t·step + offset]`` where that is inside the row; constant steps vectorise."""
    lo, hi = inside(offset, step, row.size, line.size)
    if lo < hi:
        target, source = line[lo:hi], row[lo * step + offset :]
        if step == 1:
            for t in range(target.size):
                target[t] = source[t]
        elif step == 2:
            for t in range(target.size):
                target[t] = source[2 * t]
        else:
            for t in range(target.size):
                target[t] = source[t * step]


@njit
def inside(offset, step, n, outputs):
    """The outputs i in [lo, hi) for which pixel ``i·step + offset`` is in [0, n)."""
    return max(0, -(offset // step)), min(outputs, (n - 1 - offset) // step + 1)


@njit
def _max_halve_rows(start, stop, x, y, indices):
    """Windows of 2×2, stride 2, nothing outside: one pass, each pixel read once."""
    w = x.shape[2]
    oh, ow = y.shape[1:]
    for unit in range(start, stop):
        plane, row = unit // oh, unit % oh
        upper, lower = x[plane, 2 * row], x[plane, 2 * row + 1]
        best, at = y[plane, row], indices[plane, row]
        for i in range(ow):
            a, b, c, d = upper[2 * i], upper[2 * i + 1], lower[2 * i], lower[2 * i + 1]
            position = 2 * row * w + 2 * i
            k = 0
            larger = b > a or b != b
            a, k = (b if larger else a), (1 if larger else k)
            larger = c > a or c != c
            a, k = (c if larger else a), (w if larger else k)
            larger = d > a or d != d
            a, k = (d if larger else a), (w + 1 if larger else k)
            best[i] = a
            at[i] = position + k


def plane_gather(x: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """``y[n, c, i] = x[n, c].flat[indices[n, c, i]]``: x (N, C, H, W), indices (N, C, OH, OW), y like indices."""
    return _gather(_gather_planes, x, indices)


def plane_gather_winners(x: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """The adjoint of :func:`plane_scatter`: as :func:`plane_gather`, but 0 for all but the last of equal positions."""
    return _gather(_gather_winners, x, indices)


def _gather(kernel, x, indices):
    x, indices = canonical(x), _positions(indices)
    y = np.empty(indices.shape, x.dtype)
    if y.size:
        planes = x.shape[0] * x.shape[1]
        arguments = (x.reshape(planes, -1), indices.reshape(planes, -1), y.reshape(planes, -1))
        parallel_for(kernel, planes, *arguments, cost=2 * y.size // planes)
    return y


def _positions(indices: np.ndarray) -> np.ndarray:
    return canonical(indices, None if indices.dtype in (np.int32, np.int64) else np.int64)


@njit
def _gather_planes(start, stop, x, indices, y):
    for plane in range(start, stop):
        for i in range(y.shape[1]):
            y[plane, i] = x[plane, indices[plane, i]]


@njit
def _gather_winners(start, stop, x, indices, y):
    last = scratch(x.shape[1], indices.dtype)  # to write to each position; only those are read
    for plane in range(start, stop):
        for i in range(y.shape[1]):
            last[indices[plane, i]] = i
        for i in range(y.shape[1]):
            position = indices[plane, i]
            y[plane, i] = x[plane, position] if last[position] == i else x.dtype.type(0)


def plane_scatter_add(g: np.ndarray, indices: np.ndarray, size: Pair) -> np.ndarray:
    """The adjoint of :func:`plane_gather`: zeros (N, C, *size) to which each g is added at its position."""
    return _scatter(_scatter_add_planes, g, indices, size)


def plane_scatter(x: np.ndarray, indices: np.ndarray, size: Pair) -> np.ndarray:
    """Zeros (N, C, *size) with each x put at its position (max unpooling, fig. 10); where one repeats, the last in
    row-major order stays."""
    return _scatter(_scatter_planes, x, indices, size)


def _scatter(kernel, x, indices, size):
    x, indices = canonical(x), _positions(indices)
    y = np.empty((*x.shape[:2], *size), x.dtype)
    if y.size:
        planes = x.shape[0] * x.shape[1]
        arguments = (x.reshape(planes, x.size // planes), indices.reshape(planes, x.size // planes))
        # a plane per thread: two threads never add to one element
        parallel_for(kernel, planes, *arguments, y.reshape(planes, -1), cost=(2 * x.size + y.size) // planes)
    return y


@njit
def _scatter_add_planes(start, stop, x, indices, y):
    for plane in range(start, stop):
        y[plane] = 0
        for i in range(x.shape[1]):
            y[plane, indices[plane, i]] += x[plane, i]


@njit
def _scatter_planes(start, stop, x, indices, y):
    for plane in range(start, stop):
        y[plane] = 0
        for i in range(x.shape[1]):
            y[plane, indices[plane, i]] = x[plane, i]
