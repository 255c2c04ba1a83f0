"""Softmax, its logarithm, and cross-entropy on logits (report eq. 14-15 and 24-27), with their gradients.

The classes stand along one axis; every element of the other axes is a *position*. Kernels take arrays (outer, K, inner)
in blocks fixed by shape. Loops run along positions, so that they vectorise whatever K is; where classes are neighbours
in memory instead, along those (:mod:`.softmax_runs`). Where few of either are, a transposed copy brings positions
together.

Logits are shifted by the largest of their position: nothing overflows, and log-probabilities are exact where
probabilities underflow. A position that holds a NaN, or −inf only, gives NaN.
"""

from __future__ import annotations

import numpy as np

from . import softmax_runs
from .arrays import around, canonical
from .buffers import scratch
from .exponential import exponential, logarithm
from .jit import njit
from .parallel import parallel_for

# Positions of a block, fewer where less than 16 blocks would come of it. The classes of a position lie far apart in
# memory, and what counts is that each is read in long runs: short ones took three times as long for 1000 classes.
_BLOCK, _SHORT_BLOCK = 1024, 64
_TOGETHER = 32  # classes added up in the precision of the logits, before float64 takes over
# Fewer positions side by side than the one, or classes than the other: transpose. As runs, 5 classes took 1.6 times as
# long, forward and backward on one thread; 8 took as long.
_NEIGHBOURS, _RUN = 16, 8
_CONTRACT = frozenset({"contract"})


def softmax(x: np.ndarray, dim: int) -> np.ndarray:
    """``y_i = e^{x_i} / Σ_k e^{x_k}`` along ``dim``; y like x."""
    return _along((_softmax_blocks, softmax_runs.softmax), dim, x)


def log_softmax(x: np.ndarray, dim: int) -> np.ndarray:
    """``y_i = x_i − log Σ_k e^{x_k}`` along ``dim``; y like x."""
    return _along((_log_softmax_blocks, softmax_runs.log_softmax), dim, x)


def softmax_backward(g: np.ndarray, y: np.ndarray, dim: int) -> np.ndarray:
    """``gx = y · (g − Σ_k g_k y_k)`` with y the softmax."""
    return _along((_softmax_backward_blocks, softmax_runs.softmax_backward), dim, y, g)


def log_softmax_backward(g: np.ndarray, y: np.ndarray, dim: int) -> np.ndarray:
    """``gx = g − e^y · Σ_k g_k`` with y the logarithm of the softmax."""
    return _along((_log_softmax_backward_blocks, softmax_runs.log_softmax_backward), dim, y, g)


def cross_entropy(
    logits: np.ndarray, targets: np.ndarray, weight: np.ndarray | None, ignore_index: int, label_smoothing: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The loss of each position, ``−Σ_k q_k log softmax(logits)_k`` (report eq. 26-27, with e^{z_j} above the line).

    q is the weighted target distribution: ``w_k · ((1 − ε)·[k = target] + ε/K)`` for a label smoothing of ε. Where the
    target is ``ignore_index`` the loss is 0, whatever the logits are.

    logits : (N, K, ...); targets : (N, ...) integers in [0, K) or ``ignore_index``; weight : (K,).
    Returns the losses, the largest logit of each position and ``1 / Σ_k e^{x_k − largest}``, all (N, ...).
    """
    settings = _target_settings(logits, targets, weight, ignore_index, label_smoothing)
    x = _planes(canonical(logits), 1)
    losses, peak, scale = (np.empty(targets.shape, x.dtype) for _ in range(3))
    if x.size:
        flat = [a.reshape(len(x), x.shape[2]) for a in (losses, peak, scale, settings[0])]
        _run((_cross_entropy_blocks, softmax_runs.cross_entropy), x, *flat, *settings[1:])
    return losses, peak, scale


def cross_entropy_input(
    g: np.ndarray,
    logits: np.ndarray,
    peak: np.ndarray,
    scale: np.ndarray,
    targets: np.ndarray,
    weight: np.ndarray | None,
    ignore_index: int,
    label_smoothing: float,
) -> np.ndarray:
    """The gradient of :func:`cross_entropy`: ``g · (softmax · Σ_k q_k − q)``, exactly 0 at ignored positions.

    g, peak, scale : (N, ...), for each position; the latter two as the forward pass gave them. Returns (N, K, ...).
    The softmax is made again, one exponential per logit: kept, it would take as much memory as the logits.
    """
    settings = _target_settings(logits, targets, weight, ignore_index, label_smoothing)
    x = _planes(canonical(logits), 1)
    gx = np.empty(x.shape, x.dtype)
    if x.size:
        flat = [canonical(a, x.dtype).reshape(len(x), x.shape[2]) for a in (g, peak, scale)]
        flat.append(settings[0].reshape(flat[0].shape))
        _run((_cross_entropy_input_blocks, softmax_runs.cross_entropy_input), x, gx, *flat, *settings[1:])
    return _unplanes(gx, logits.shape, 1)


def _target_settings(logits, targets, weight, ignore_index, label_smoothing):
    """Targets, and the two parts of q: ``sure[target] + spread[k]``, in float64, with the sum of the latter."""
    classes = logits.shape[1]
    w = np.ones(classes) if weight is None else np.asarray(weight, np.float64)
    sure, spread = w * (1 - label_smoothing), w * (label_smoothing / max(classes, 1))
    return canonical(targets, np.int64), sure, spread, float(spread.sum()), bool(label_smoothing), int(ignore_index)


def _along(kernels, dim, x, *others):
    planes = [_planes(canonical(a), dim) for a in (x, *others)]
    y = np.empty(planes[0].shape, planes[0].dtype)
    if y.size:
        _run(kernels, *planes, y)
    return _unplanes(y, x.shape, dim)


def _split(shape: tuple[int, ...], dim: int) -> tuple[int, int, int]:
    dim = dim % len(shape) if shape else 0
    return around(shape or (1,), dim)


def _planes(x: np.ndarray, dim: int) -> np.ndarray:
    """(outer, K, inner) around the axis of the classes, or (1, K, outer·inner) where few of either are neighbours."""
    outer, classes, inner = _split(x.shape, dim)
    x = x.reshape(outer, classes, inner)
    if outer > 1 and inner < _NEIGHBOURS and (inner > 1 or classes < _RUN):
        return np.ascontiguousarray(x.swapaxes(0, 1)).reshape(1, classes, outer * inner)
    return x


def _unplanes(y: np.ndarray, shape: tuple[int, ...], dim: int) -> np.ndarray:
    outer, classes, inner = _split(shape, dim)
    if len(y) != outer:
        y = np.ascontiguousarray(y.reshape(classes, outer, inner).swapaxes(0, 1))
    return y.reshape(shape)


def _run(kernels, x, *args):
    outer, classes, inner = x.shape
    of_blocks, of_runs = kernels
    if inner == 1:
        size = max(1, softmax_runs.TOGETHER // classes)
        parallel_for(of_runs, -(-outer // size), size, x, *args, cost=8 * size * classes)
    else:
        size = max(_SHORT_BLOCK, min(_BLOCK, outer * inner // 256 * 16))
        parallel_for(of_blocks, outer * -(-inner // size), size, x, *args, cost=8 * min(size, inner) * classes)


# --- kernels ----------------------------------------------------------------------------------------------------


@njit
def _block(unit, size, inner):
    """Block number ``unit``: its outer index, and its positions lo ... hi."""
    blocks = (inner + size - 1) // size
    lo = unit % blocks * size
    return unit // blocks, lo, min(lo + size, inner)


@njit
def _find_peak(x, o, lo, hi, peak):
    """The largest logit of each position. Comparisons drop NaN; subtracting the peak brings it back."""
    zero = x.dtype.type(0)
    peak[:] = -np.inf
    for k in range(x.shape[1]):
        row = x[o, k, lo:hi]
        for j in range(row.size):
            v, largest = row[j], peak[j]
            # plus 0: a store of what stood there before would be left out, by a branch, and four times as slow
            peak[j] = (v if v > largest else largest) + zero


@njit(fastmath=_CONTRACT)
def _keep_exponentials(row, peak, out, total):
    for j in range(row.size):
        v = exponential(row[j] - peak[j])
        out[j] = v
        total[j] += v


@njit(fastmath=_CONTRACT)
def _add_exponentials(row, peak, total):
    for j in range(row.size):
        total[j] += exponential(row[j] - peak[j])


@njit
def _clear(total):  # element by element: a slice takes longer to compile (see kernels.jit)
    for j in range(total.size):
        total[j] = 0


@njit
def _move(part, total):
    """Add ``part`` to ``total`` and begin it anew."""
    for j in range(part.size):
        total[j] += part[j]
        part[j] = 0


@njit
def _find_total(x, o, lo, hi, peak, total):
    """``Σ_k e^(x_k − peak)`` of each position."""
    part = scratch(hi - lo, x.dtype)  # float64 for each term would halve the exponential's speed
    _clear(part)
    _clear(total)
    for k in range(x.shape[1]):
        _add_exponentials(x[o, k, lo:hi], peak, part)
        if k % _TOGETHER == _TOGETHER - 1:
            _move(part, total)
    _move(part, total)


@njit
def _softmax_blocks(start, stop, size, x, y):
    peak, total = scratch(size, x.dtype), scratch(size, np.float64)
    for unit in range(start, stop):
        o, lo, hi = _block(unit, size, x.shape[2])
        _find_peak(x, o, lo, hi, peak)
        part = scratch(hi - lo, x.dtype)
        _clear(part)
        _clear(total)
        for k in range(x.shape[1]):
            _keep_exponentials(x[o, k, lo:hi], peak, y[o, k, lo:hi], part)
            if k % _TOGETHER == _TOGETHER - 1:
                _move(part, total)
        _move(part, total)
        for j in range(hi - lo):
            peak[j] = 1 / total[j]
        for k in range(x.shape[1]):
            row = y[o, k, lo:hi]
            for j in range(row.size):
                row[j] *= peak[j]


@njit
def _log_softmax_blocks(start, stop, size, x, y):
    peak, log_sum, total = scratch(size, x.dtype), scratch(size, x.dtype), scratch(size, np.float64)
    for unit in range(start, stop):
        o, lo, hi = _block(unit, size, x.shape[2])
        _find_peak(x, o, lo, hi, peak)
        _find_total(x, o, lo, hi, peak, total)
        for j in range(hi - lo):
            log_sum[j] = logarithm(total[j])
        for k in range(x.shape[1]):
            row, out = x[o, k, lo:hi], y[o, k, lo:hi]
            for j in range(row.size):
                out[j] = row[j] - peak[j] - log_sum[j]


@njit
def _softmax_backward_blocks(start, stop, size, y, g, gx):
    total, dot = scratch(size, np.float64), scratch(size, y.dtype)
    for unit in range(start, stop):
        o, lo, hi = _block(unit, size, y.shape[2])
        part = scratch(hi - lo, y.dtype)
        _clear(part)
        _clear(total)
        for k in range(y.shape[1]):
            row, grad = y[o, k, lo:hi], g[o, k, lo:hi]
            for j in range(row.size):
                part[j] += row[j] * grad[j]
            if k % _TOGETHER == _TOGETHER - 1:
                _move(part, total)
        _move(part, total)
        for j in range(hi - lo):
            dot[j] = total[j]
        for k in range(y.shape[1]):
            row, grad, out = y[o, k, lo:hi], g[o, k, lo:hi], gx[o, k, lo:hi]
            for j in range(row.size):
                out[j] = row[j] * (grad[j] - dot[j])


@njit(fastmath=_CONTRACT)
def _log_softmax_backward_blocks(start, stop, size, y, g, gx):
    total, sums = scratch(size, np.float64), scratch(size, y.dtype)
    for unit in range(start, stop):
        o, lo, hi = _block(unit, size, y.shape[2])
        part = scratch(hi - lo, y.dtype)
        _clear(part)
        _clear(total)
        for k in range(y.shape[1]):
            grad = g[o, k, lo:hi]
            for j in range(grad.size):
                part[j] += grad[j]
            if k % _TOGETHER == _TOGETHER - 1:
                _move(part, total)
        _move(part, total)
        for j in range(hi - lo):
            sums[j] = total[j]
        for k in range(y.shape[1]):
            row, grad, out = y[o, k, lo:hi], g[o, k, lo:hi], gx[o, k, lo:hi]
            for j in range(row.size):
                out[j] = grad[j] - exponential(row[j]) * sums[j]


@njit
def _cross_entropy_blocks(
    start, stop, size, x, losses, peaks, scales, targets, sure, spread, spread_sum, smooth, ignore_index
):
    log_sum, smoothed = scratch(size, np.float64), scratch(size, np.float64)
    _clear(smoothed)
    for unit in range(start, stop):
        o, lo, hi = _block(unit, size, x.shape[2])
        peak, scale = peaks[o, lo:hi], scales[o, lo:hi]
        _find_peak(x, o, lo, hi, peak)
        _find_total(x, o, lo, hi, peak, log_sum)
        for j in range(hi - lo):
            scale[j] = 1 / log_sum[j]
            log_sum[j] = logarithm(log_sum[j])
        if smooth:
            _clear(smoothed)
            for k in range(x.shape[1]):
                row = x[o, k, lo:hi]
                for j in range(row.size):
                    smoothed[j] += spread[k] * (log_sum[j] - (row[j] - peak[j]))
        for j in range(hi - lo):
            t = targets[o, lo + j]
            if t == ignore_index:
                losses[o, lo + j] = 0
            else:
                losses[o, lo + j] = sure[t] * (log_sum[j] - (x[o, t, lo + j] - peak[j])) + smoothed[j]


@njit(fastmath=_CONTRACT)
def _scaled_exponentials(row, peak, factor, out):
    for j in range(row.size):
        out[j] = exponential(row[j] - peak[j]) * factor[j]


@njit
def _cross_entropy_input_blocks(
    start, stop, size, x, gx, g, peaks, scales, targets, sure, spread, spread_sum, smooth, ignore_index
):
    factor = scratch(size, x.dtype)
    for unit in range(start, stop):
        o, lo, hi = _block(unit, size, x.shape[2])
        peak, scale = peaks[o, lo:hi], scales[o, lo:hi]
        for j in range(hi - lo):
            t = targets[o, lo + j]
            factor[j] = 0 if t == ignore_index else g[o, lo + j] * (sure[t] + spread_sum) * scale[j]
        for k in range(x.shape[1]):
            row = gx[o, k, lo:hi]
            _scaled_exponentials(x[o, k, lo:hi], peak, factor, row)
            if smooth:
                for j in range(row.size):
                    row[j] -= g[o, lo + j] * spread[k]
        for j in range(lo, hi):
            t = targets[o, j]
            if t == ignore_index:  # after the arithmetic: 0 · NaN is not 0
                for k in range(x.shape[1]):
                    gx[o, k, j] = 0
            else:
                gx[o, t, j] -= g[o, j] * sure[t]
