"""Resizing of (N, C, H, W) images: nearest neighbour and bilinear (report section 2.0.1, figure 10), and the adjoints.

Along each axis an output pixel reads one or two input pixels, its *taps*, so resizing is ``y = A_h x A_wᵀ`` with sparse
matrices that are small enough to be made in NumPy, once for each geometry. The adjoint is the transposed matrices.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .arrays import canonical
from .jit import njit
from .parallel import parallel_for

Pair = tuple[int, int]
Scales = tuple[float | None, float | None] | None


def resize2d(x: np.ndarray, *, size: Pair, mode: str, align_corners: bool, scales: Scales) -> np.ndarray:
    """``x (N, C, H, W)`` to ``(N, C, *size)``.

    mode : "nearest" reads pixel ⌊i·r⌋ with r = in/out, "nearest-exact" ⌊(i+½)·r⌋, "bilinear" interpolates at
        (i+½)·r − ½ clamped at 0, or at i·(in−1)/(out−1) with ``align_corners``.
    scales : scale factors given by the user; r is then 1/scale, whatever in/out came to be.

    A tap of weight 0 is not read, so an inf beside a pixel that is hit exactly stays out.
    """
    x = canonical(x)
    n, c, h, w = x.shape
    y = np.empty((n, c, *size), x.dtype)
    if y.size:
        rows, columns = _axes((h, w), size, mode, align_corners, scales)
        arguments = (x.reshape(n * c, h, w), y.reshape(n * c, *size))
        if mode == "bilinear":
            taps = (*_in_dtype(rows, x.dtype), *_in_dtype(columns, x.dtype))
            doubled = _is_doubled(w, columns)
            parallel_for(_bilinear_rows, n * c * size[0], *arguments, *taps, doubled, cost=4 * size[1])
        else:
            parallel_for(_nearest_rows, n * c * size[0], *arguments, rows[0], columns[0], cost=size[1])
    return y


def resize2d_adjoint(g: np.ndarray, *, size: Pair, mode: str, align_corners: bool, scales: Scales) -> np.ndarray:
    """The adjoint of :func:`resize2d` for images of ``size``: each g, times its weights, back to the pixels it read.

    g : (N, C, OH, OW). Returns (N, C, *size). Sums are taken in float64; the 16 terms of bilinear
    doubling are added up in the dtype of g.
    """
    g = canonical(g)
    n, c, oh, ow = g.shape
    gx = np.empty((n, c, *size), g.dtype)
    if gx.size:
        arguments = (g.reshape(n * c, oh, ow), gx.reshape(n * c, *size))
        if mode == "bilinear" and all(map(_is_doubled, size, _axes(size, (oh, ow), mode, align_corners, scales))):
            parallel_for(_adjoint_of_doubling, n * c * size[0], *arguments, cost=12 * size[1])
            return gx
        scale_h, scale_w = scales or (None, None)
        rows = _readers(size[0], oh, mode, bool(align_corners), scale_h)
        columns = _readers(size[1], ow, mode, bool(align_corners), scale_w)
        cost = ow * (3 + 2 * oh // size[0])
        parallel_for(_adjoint_rows, n * c * size[0], *arguments, *rows, *columns, cost=cost)
    return gx


# --- geometry of one axis ---------------------------------------------------------------------------------------


def _axes(size, output_size, mode, align_corners, scales):
    scales = scales or (None, None)
    return [_taps(n, m, mode, bool(align_corners), s) for n, m, s in zip(size, output_size, scales)]


@lru_cache(maxsize=256)
def _taps(n: int, outputs: int, mode: str, align_corners: bool, scale: float | None):
    """The pixels that each output reads, and the weight of the second: ``(1 − w)·x[first] + w·x[second]``."""
    position: np.ndarray
    i = np.arange(outputs, dtype=np.float64)
    if n == outputs and mode != "nearest-exact":  # PyTorch ignores a scale here
        first, weight = np.arange(n), np.zeros(n)
    elif mode == "bilinear":
        if align_corners:
            position = i * ((n - 1) / (outputs - 1) if outputs > 1 else 0.0)
        else:
            position = np.maximum((i + 0.5) * _ratio(n, outputs, scale) - 0.5, 0.0)
        first = np.minimum(np.floor(position).astype(np.int64), n - 1)
        weight = np.where(first < n - 1, position - first, 0.0)
    else:
        # in float32 whatever the image is, as in PyTorch: one geometry in 70 rounds to a neighbour for an output or two
        shift = np.float32(0.5 if mode == "nearest-exact" else 0)
        position = (i.astype(np.float32) + shift) * np.float32(_ratio(n, outputs, scale))
        first, weight = np.minimum(position.astype(np.int64), n - 1), np.zeros(outputs)
    return first, np.minimum(first + 1, n - 1), weight


def _is_doubled(n: int, taps: tuple) -> bool:
    """Whether outputs 2i and 2i + 1 are ¼·x[i − 1] + ¾·x[i] and ¾·x[i] + ¼·x[i + 1], with the outermost repeated."""
    first, _, weight = taps
    return len(first) == 2 * n and bool((weight[1:-1:2] == 0.25).all() and (weight[2:-1:2] == 0.75).all())


def _in_dtype(taps, dtype):
    """Both weights in the dtype of the image: in a kernel, ``1 - w`` of a float32 is a float64."""
    first, second, weight = taps
    return first, second, (1 - weight).astype(dtype), weight.astype(dtype)


def _ratio(n: int, outputs: int, scale: float | None) -> float:
    return 1 / scale if scale is not None and scale > 0 else n / outputs


@lru_cache(maxsize=256)
def _readers(n: int, outputs: int, mode: str, align_corners: bool, scale: float | None):
    """Who reads pixel i: outputs ``reader[starts[i]:starts[i+1]]``, ``weights`` alike (rows of the transposed A)."""
    first, second, weight = _taps(n, outputs, mode, align_corners, scale)
    both = weight != 0
    pixel = np.concatenate([first, second[both]])
    reader = np.concatenate([np.arange(outputs), np.flatnonzero(both)])
    weights = np.concatenate([1 - weight, weight[both]])
    order = np.lexsort((reader, pixel))
    starts = np.concatenate([[0], np.cumsum(np.bincount(pixel, minlength=n))])
    return starts, reader[order], weights[order]


# --- kernels ----------------------------------------------------------------------------------------------------


@njit
def _nearest_rows(start, stop, x, y, source_row, source_column):
    rows, width = y.shape[1:]
    for unit in range(start, stop):
        plane, row = unit // rows, unit % rows
        out, source = y[plane, row], x[plane, source_row[row]]
        if unit > start and row > 0 and source_row[row] == source_row[row - 1]:
            above = y[plane, row - 1]
            for i in range(width):
                out[i] = above[i]
        else:
            for i in range(width):
                out[i] = source[source_column[i]]


@njit
def _bilinear_rows(
    start, stop, x, y, upper, lower, upper_weight, lower_weight, left, right, left_weight, right_weight, doubled
):
    """Each input row is interpolated along the row once, then pairs of such rows are blended: the gather, which is the
    slow part, is done for input rows and not for every output row."""
    h = x.shape[1]
    rows, width = y.shape[1:]
    lines, held = np.empty((2, width), x.dtype), np.array([-1, -1])  # input row r is kept in line r % 2
    for unit in range(start, stop):
        plane, row = unit // rows, unit % rows
        for source in (upper[row], lower[row]):
            if held[source % 2] != plane * h + source:
                if doubled:
                    _double(lines[source % 2], x[plane, source])
                else:
                    _interpolate(lines[source % 2], x[plane, source], left, right, left_weight, right_weight)
                held[source % 2] = plane * h + source
        above, below, out = lines[upper[row] % 2], lines[lower[row] % 2], y[plane, row]
        v, w = upper_weight[row], lower_weight[row]
        for i in range(width):
            blend = v * above[i] + w * below[i]
            out[i] = above[i] if w == 0 else blend


@njit
def _interpolate(out, source, left, right, left_weight, right_weight):
    for i in range(out.size):
        a, b, w = source[left[i]], source[right[i]], right_weight[i]
        blend = left_weight[i] * a + w * b
        out[i] = a if w == 0 else blend


@njit
def _double(out, source):
    """:func:`_interpolate` to twice the size, without a gather: it vectorises."""
    near, far = source.dtype.type(0.75), source.dtype.type(0.25)
    out[0], out[-1] = source[0], source[-1]
    inner = out[1:]
    for i in range(source.size - 1):
        a, b = source[i], source[i + 1]
        inner[2 * i] = near * a + far * b
        inner[2 * i + 1] = far * a + near * b


@njit
def _adjoint_of_doubling(start, stop, g, gx):
    """Each pixel gathers from the 4 × 4 outputs that read it; beyond the border the outermost is read once more."""
    h, w = gx.shape[1:]
    near, far = g.dtype.type(0.75), g.dtype.type(0.25)
    line = np.empty(2 * w + 2, g.dtype)
    inner = line[1 : 2 * w + 1]
    for unit in range(start, stop):
        plane, row = unit // h, unit % h
        a, b, c, d = (
            g[plane, max(2 * row - 1, 0)],
            g[plane, 2 * row],
            g[plane, 2 * row + 1],
            g[plane, min(2 * row + 2, 2 * h - 1)],
        )
        for i in range(inner.size):
            inner[i] = (far * a[i] + near * b[i]) + (near * c[i] + far * d[i])
        line[0], line[-1] = line[1], line[-2]
        out = gx[plane, row]
        for i in range(w):
            out[i] = (far * line[2 * i] + near * line[2 * i + 1]) + (near * line[2 * i + 2] + far * line[2 * i + 3])


@njit
def _adjoint_rows(start, stop, g, gx, row_starts, row_reader, row_weight, starts, reader, weight):
    h, w = gx.shape[1:]
    total = np.empty(g.shape[2])
    for unit in range(start, stop):
        plane, row = unit // h, unit % h
        total[:] = 0
        for e in range(row_starts[row], row_starts[row + 1]):
            source, factor = g[plane, row_reader[e]], row_weight[e]
            for i in range(total.size):
                total[i] += factor * source[i]
        for i in range(w):
            s = 0.0
            for e in range(starts[i], starts[i + 1]):
                s += weight[e] * total[reader[e]]
            gx[plane, row, i] = s
