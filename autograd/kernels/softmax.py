"""Softmax, its logarithm, and cross-entropy on logits (report eq. 14-15 and 24-27), with their gradients.

The classes stand along one axis; every element of the other axes is a *position*. Kernels take positions in blocks
fixed by shape. A block is copied into a tile (K, positions) first, whatever the memory order is, so that all loops run
along positions and vectorise, and the exponentials stay in the cache.

Logits are shifted by the largest of their position: nothing overflows, and log-probabilities are exact where
probabilities underflow. A position that holds a NaN, or −inf only, gives NaN.
"""

from __future__ import annotations

import numpy as np

from .arrays import canonical
from .exponential import exponential, logarithm
from .jit import njit
from .parallel import parallel_for

_TILE = 8192  # elements: what a block of positions may take of the first-level cache
_CONTRACT = frozenset({"contract"})


def softmax(x: np.ndarray, dim: int) -> np.ndarray:
    """``y_i = e^{x_i} / Σ_k e^{x_k}`` along ``dim``; y like x."""
    return _along(_softmax_blocks, dim, x)


def log_softmax(x: np.ndarray, dim: int) -> np.ndarray:
    """``y_i = x_i − log Σ_k e^{x_k}`` along ``dim``; y like x."""
    return _along(_log_softmax_blocks, dim, x)


def softmax_backward(g: np.ndarray, y: np.ndarray, dim: int) -> np.ndarray:
    """``gx = y · (g − Σ_k g_k y_k)`` with y the softmax."""
    return _along(_softmax_backward_blocks, dim, y, g)


def log_softmax_backward(g: np.ndarray, y: np.ndarray, dim: int) -> np.ndarray:
    """``gx = g − e^y · Σ_k g_k`` with y the logarithm of the softmax."""
    return _along(_log_softmax_backward_blocks, dim, y, g)


def cross_entropy(
    logits: np.ndarray, targets: np.ndarray, weight: np.ndarray | None, ignore_index: int, label_smoothing: float
) -> np.ndarray:
    """The loss of each position, ``−Σ_k q_k log softmax(logits)_k`` (report eq. 26-27, with e^{z_j} above the line).

    q is the weighted target distribution: ``w_k · ((1 − ε)·[k = target] + ε/K)`` for a label smoothing of ε. Where the
    target is ``ignore_index`` the loss is 0, whatever the logits are.

    logits : (N, K, ...); targets : (N, ...) integers in [0, K) or ``ignore_index``; weight : (K,). Returns (N, ...).
    """
    logits = canonical(logits)
    losses = np.empty(targets.shape, logits.dtype)
    if losses.size:
        settings = _target_settings(logits, targets, weight, ignore_index, label_smoothing)
        _blocks(_cross_entropy_blocks, [_split(logits, 1)], losses.reshape(-1), *settings)
    return losses


def cross_entropy_input(
    g: np.ndarray,
    logits: np.ndarray,
    targets: np.ndarray,
    weight: np.ndarray | None,
    ignore_index: int,
    label_smoothing: float,
) -> np.ndarray:
    """The gradient of :func:`cross_entropy`: ``g · (softmax · Σ_k q_k − q)``, exactly 0 at ignored positions.

    g : (N, ...), one for each position. Returns (N, K, ...). The softmax is computed again: it costs one exponential
    per logit, which keeping the probabilities would not save either, as the forward pass does not need them.
    """
    logits = canonical(logits)
    gx = np.empty(logits.shape, logits.dtype)
    if gx.size:
        settings = _target_settings(logits, targets, weight, ignore_index, label_smoothing)
        g = canonical(g, logits.dtype).reshape(-1)
        _blocks(_cross_entropy_input_blocks, [_split(logits, 1), _split(gx, 1)], g, *settings)
    return gx


def _target_settings(logits, targets, weight, ignore_index, label_smoothing):
    """Flat targets, and the two parts of q: ``sure[target] + spread[k]``, in float64."""
    classes = logits.shape[1]
    w = np.ones(classes) if weight is None else np.asarray(weight, np.float64)
    sure, spread = w * (1 - label_smoothing), w * (label_smoothing / classes)
    flat = canonical(targets, np.int64).reshape(-1)
    return flat, sure, spread, bool(label_smoothing), int(ignore_index)


def _along(kernel, dim, x, *others):
    x = canonical(x)
    y = np.empty(x.shape, x.dtype)
    if x.size:
        _blocks(kernel, [_split(a, dim) for a in (x, *(canonical(o, x.dtype) for o in others), y)])
    return y


def _split(x: np.ndarray, dim: int) -> np.ndarray:
    """(before, K, after) around the axis of the classes. Position p is (p // after, p % after)."""
    dim = dim % x.ndim if x.ndim else 0
    shape = x.shape or (1,)
    return x.reshape(int(np.prod(shape[:dim], dtype=np.int64)), shape[dim], -1)


def _blocks(kernel, tiled, *args):
    outer, classes, inner = tiled[0].shape
    # positions far apart in memory fill a tile column by column: few of them, or the columns evict each other
    size = min(256 if inner >= 16 else 16, max(16, _TILE // classes // 16 * 16))
    parallel_for(kernel, -(-outer * inner // size), size, *tiled, *args, cost=8 * size * classes)


# --- tiles ------------------------------------------------------------------------------------------------------


@njit
def _load(x, first, count, tile):
    """Positions first ... first + count of x (before, K, after), as columns of ``tile``."""
    inner = x.shape[2]
    if inner == 1:
        for k in range(x.shape[1]):
            row = tile[k]
            for j in range(count):
                row[j] = x[first + j, k, 0]
        return
    done = 0
    while done < count:
        o, i = (first + done) // inner, (first + done) % inner
        run = min(inner - i, count - done)
        for k in range(x.shape[1]):
            source, column = x[o, k, i : i + run], tile[k, done : done + run]
            for j in range(run):
                column[j] = source[j]
        done += run


@njit
def _store(tile, first, count, x):
    inner = x.shape[2]
    if inner == 1:
        for j in range(count):
            for k in range(x.shape[1]):
                x[first + j, k, 0] = tile[k, j]
        return
    done = 0
    while done < count:
        o, i = (first + done) // inner, (first + done) % inner
        run = min(inner - i, count - done)
        for k in range(x.shape[1]):
            target, column = x[o, k, i : i + run], tile[k, done : done + run]
            for j in range(run):
                target[j] = column[j]
        done += run


@njit
def _subtract_peak(tile, count, peak):
    """Shift each column by its largest element. Comparisons drop NaN; the difference brings it back."""
    for j in range(count):
        peak[j] = -np.inf
    for k in range(tile.shape[0]):
        row = tile[k]
        for j in range(count):
            peak[j] = row[j] if row[j] > peak[j] else peak[j]
    for k in range(tile.shape[0]):
        row = tile[k]
        for j in range(count):
            row[j] -= peak[j]


@njit(fastmath=_CONTRACT)
def _sum_exponentials(tile, count, total):
    """``total = Σ_k e^tile[k]`` in float64. Two loops a row: in one, the float64 sum halves the exponential's speed."""
    exponentials = np.empty(count, tile.dtype)
    total[:count] = 0
    for k in range(tile.shape[0]):
        row = tile[k]
        for j in range(count):
            exponentials[j] = exponential(row[j])
        for j in range(count):
            total[j] += exponentials[j]


@njit(fastmath=_CONTRACT)
def _exponentiate(tile, count, total):
    """As :func:`_sum_exponentials`, and leave the exponentials in the tile."""
    total[:count] = 0
    for k in range(tile.shape[0]):
        row = tile[k]
        for j in range(count):
            row[j] = exponential(row[j])
        for j in range(count):
            total[j] += row[j]


# --- kernels: block b is positions b·size ... (b+1)·size ------------------------------------------------------------


@njit
def _softmax_blocks(start, stop, size, x, y):
    outer, classes, inner = x.shape
    tile, peak, total = np.empty((classes, size), x.dtype), np.empty(size, x.dtype), np.empty(size)
    for block in range(start, stop):
        first = block * size
        count = min(size, outer * inner - first)
        _load(x, first, count, tile)
        _subtract_peak(tile, count, peak)
        _exponentiate(tile, count, total)
        for j in range(count):
            peak[j] = 1 / total[j]
        for k in range(classes):
            row = tile[k]
            for j in range(count):
                row[j] *= peak[j]
        _store(tile, first, count, y)


@njit
def _log_softmax_blocks(start, stop, size, x, y):
    outer, classes, inner = x.shape
    tile, peak, total = np.empty((classes, size), x.dtype), np.empty(size, x.dtype), np.empty(size)
    for block in range(start, stop):
        first = block * size
        count = min(size, outer * inner - first)
        _load(x, first, count, tile)
        _subtract_peak(tile, count, peak)
        _sum_exponentials(tile, count, total)
        for j in range(count):
            peak[j] = logarithm(total[j])
        for k in range(classes):
            row = tile[k]
            for j in range(count):
                row[j] -= peak[j]
        _store(tile, first, count, y)


@njit
def _softmax_backward_blocks(start, stop, size, y, g, gx):
    outer, classes, inner = y.shape
    tile, other = np.empty((classes, size), y.dtype), np.empty((classes, size), y.dtype)
    total, sums = np.empty(size), np.empty(size, y.dtype)
    for block in range(start, stop):
        first = block * size
        count = min(size, outer * inner - first)
        _load(y, first, count, tile)
        _load(g, first, count, other)
        total[:count] = 0
        for k in range(classes):
            row, grad = tile[k], other[k]
            for j in range(count):
                total[j] += row[j] * grad[j]
        for j in range(count):
            sums[j] = total[j]
        for k in range(classes):
            row, grad = tile[k], other[k]
            for j in range(count):
                row[j] *= grad[j] - sums[j]
        _store(tile, first, count, gx)


@njit(fastmath=_CONTRACT)
def _log_softmax_backward_blocks(start, stop, size, y, g, gx):
    outer, classes, inner = y.shape
    tile, other = np.empty((classes, size), y.dtype), np.empty((classes, size), y.dtype)
    total, sums = np.empty(size), np.empty(size, y.dtype)
    for block in range(start, stop):
        first = block * size
        count = min(size, outer * inner - first)
        _load(y, first, count, tile)
        _load(g, first, count, other)
        total[:count] = 0
        for k in range(classes):
            grad = other[k]
            for j in range(count):
                total[j] += grad[j]
        for j in range(count):
            sums[j] = total[j]
        for k in range(classes):
            row, grad = tile[k], other[k]
            for j in range(count):
                row[j] = grad[j] - exponential(row[j]) * sums[j]
        _store(tile, first, count, gx)


@njit
def _cross_entropy_blocks(start, stop, size, logits, losses, targets, sure, spread, smooth, ignore_index):
    outer, classes, inner = logits.shape
    tile, peak = np.empty((classes, size), logits.dtype), np.empty(size, logits.dtype)
    total, smoothed = np.empty(size), np.zeros(size)
    for block in range(start, stop):
        first = block * size
        count = min(size, outer * inner - first)
        _load(logits, first, count, tile)
        _subtract_peak(tile, count, peak)
        _sum_exponentials(tile, count, total)
        for j in range(count):
            total[j] = logarithm(total[j])
        if smooth:
            smoothed[:count] = 0
            for k in range(classes):
                row, q = tile[k], spread[k]
                for j in range(count):
                    smoothed[j] += q * (total[j] - row[j])
        for j in range(count):
            t = targets[first + j]
            losses[first + j] = 0 if t == ignore_index else sure[t] * (total[j] - tile[t, j]) + smoothed[j]


@njit
def _cross_entropy_input_blocks(start, stop, size, logits, gx, g, targets, sure, spread, smooth, ignore_index):
    outer, classes, inner = logits.shape
    tile, peak, total = np.empty((classes, size), logits.dtype), np.empty(size, logits.dtype), np.empty(size)
    spread_sum = spread.sum()
    for block in range(start, stop):
        first = block * size
        count = min(size, outer * inner - first)
        _load(logits, first, count, tile)
        _subtract_peak(tile, count, peak)
        _exponentiate(tile, count, total)
        for j in range(count):
            t = targets[first + j]
            peak[j] = 0 if t == ignore_index else g[first + j] * (sure[t] + spread_sum) / total[j]
        for k in range(classes):
            row = tile[k]
            for j in range(count):
                row[j] *= peak[j]
        if smooth:
            for k in range(classes):
                row, q = tile[k], spread[k]
                for j in range(count):
                    row[j] -= g[first + j] * q
        for j in range(count):
            t = targets[first + j]
            if t == ignore_index:  # after the arithmetic: 0 · NaN is not 0
                for k in range(classes):
                    tile[k, j] = 0
            else:
                tile[t, j] -= g[first + j] * sure[t]
        _store(tile, first, count, gx)
