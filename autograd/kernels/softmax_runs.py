"""The kernels of :mod:`.softmax` where the classes of a position are neighbours in memory: a *run* of K numbers.

Runs are read where they are, in blocks of some 1024 numbers, which stay in the first cache. What each number or each
position needs alone, an exponential or a logarithm, is done for a whole block at once: run by run, so many numbers were
left over by whole vectors that the softmax of 17 or 31 classes took twice as long.

Arrays are (outer, K, 1), or (outer, 1) with one number for each position. ``size`` is the number of runs of a block.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .buffers import flattened, scratch
from .exponential import exponential, logarithm
from .folds import KINDS, run_folder
from .jit import njit

TOGETHER = 1024  # numbers of a block, if a run is not longer; also those of a run added up before float64 takes over
_CONTRACT = frozenset({"contract"})


def _totals(kind: str) -> Any:
    fold_run = run_folder(KINDS[kind])

    @njit(key=kind)
    def find_totals(x, y, classes, total):
        """Reduce each run of x, or of x · y; parts of it are added in float64."""
        for i in range(x.size // classes):
            total[i] = 0
            for k in range(0, classes, TOGETHER):
                total[i] += fold_run(x, y, i * classes + k, min(TOGETHER, classes - k))

    return find_totals


_find_sums, _find_dots, _largest = _totals("sum"), _totals("sum of products"), run_folder(KINDS["largest"])


@njit
def _block(x, unit, size):
    """The numbers of block ``unit``, flat; the last block may be shorter."""
    step = size * x.shape[1]
    return flattened(x)[unit * step : (unit + 1) * step]


@njit
def _run(block, i, classes):
    return block[i * classes : (i + 1) * classes]


@njit
def _find_peaks(x, classes, peak):
    """The largest logit of each run, NaN where there is one."""
    for i in range(x.size // classes):
        peak[i] = _largest(x, x, i * classes, classes)


@njit(fastmath=_CONTRACT)
def _find_exponentials(x, classes, peak, y):
    """``y = e^(x − peak)``."""
    for i in range(x.size // classes):
        run, out, largest = _run(x, i, classes), _run(y, i, classes), peak[i]
        for j in range(classes):
            out[j] = run[j] - largest
    for j in range(x.size):
        y[j] = exponential(y[j])


@njit(wide=True)
def softmax(start, stop, size, x, y):
    classes, peak, total = x.shape[1], scratch(size, x.dtype), scratch(size, np.float64)
    for unit in range(start, stop):
        logits, block = _block(x, unit, size), _block(y, unit, size)
        _find_peaks(logits, classes, peak)
        _find_exponentials(logits, classes, peak, block)
        _find_sums(block, block, classes, total)
        for i in range(block.size // classes):
            run, scale = _run(block, i, classes), x.dtype.type(1 / total[i])
            for j in range(classes):
                run[j] *= scale


@njit(wide=True)
def log_softmax(start, stop, size, x, y):
    classes, peak, log_sum = x.shape[1], scratch(size, x.dtype), scratch(size, np.float64)
    for unit in range(start, stop):
        logits, block = _block(x, unit, size), _block(y, unit, size)
        runs = block.size // classes
        _find_peaks(logits, classes, peak)
        _find_exponentials(logits, classes, peak, block)
        _find_sums(block, block, classes, log_sum)
        for i in range(runs):
            log_sum[i] = logarithm(log_sum[i])
        for i in range(runs):
            run, out, largest = _run(logits, i, classes), _run(block, i, classes), peak[i]
            rest = x.dtype.type(log_sum[i])
            for j in range(classes):
                out[j] = run[j] - largest - rest


@njit
def softmax_backward(start, stop, size, y, g, gx):
    classes, total = y.shape[1], scratch(size, np.float64)
    for unit in range(start, stop):
        block, grads, out_block = _block(y, unit, size), _block(g, unit, size), _block(gx, unit, size)
        _find_dots(block, grads, classes, total)
        for i in range(block.size // classes):
            run, grad, out = _run(block, i, classes), _run(grads, i, classes), _run(out_block, i, classes)
            dot = y.dtype.type(total[i])
            for j in range(classes):
                out[j] = run[j] * (grad[j] - dot)


@njit(fastmath=_CONTRACT, wide=True)
def log_softmax_backward(start, stop, size, y, g, gx):
    classes, total = y.shape[1], scratch(size, np.float64)
    for unit in range(start, stop):
        logs, grads, block = _block(y, unit, size), _block(g, unit, size), _block(gx, unit, size)
        _find_sums(grads, grads, classes, total)
        for j in range(block.size):
            block[j] = exponential(logs[j])
        for i in range(block.size // classes):
            grad, out, sums = _run(grads, i, classes), _run(block, i, classes), y.dtype.type(total[i])
            for j in range(classes):
                out[j] = grad[j] - out[j] * sums


@njit(wide=True)
def cross_entropy(start, stop, size, x, losses, peaks, scales, targets, sure, spread, spread_sum, smooth, ignore_index):
    classes, buffer = x.shape[1], scratch(size * x.shape[1], x.dtype)
    log_sum, smoothed = scratch(size, np.float64), scratch(size, np.float64)
    for i in range(size):
        smoothed[i] = 0
    for unit in range(start, stop):
        logits, peak, scale = _block(x, unit, size), _block(peaks, unit, size), _block(scales, unit, size)
        loss, target, terms = _block(losses, unit, size), _block(targets, unit, size), buffer[: logits.size]
        _find_peaks(logits, classes, peak)
        _find_exponentials(logits, classes, peak, terms)
        _find_sums(terms, terms, classes, log_sum)
        for i in range(loss.size):
            scale[i] = 1 / log_sum[i]
            log_sum[i] = logarithm(log_sum[i])
        if smooth:
            for i in range(loss.size):
                run, out = _run(logits, i, classes), _run(terms, i, classes)
                for j in range(classes):
                    out[j] = spread[j] * (log_sum[i] - (run[j] - peak[i]))
            _find_sums(terms, terms, classes, smoothed)
        for i in range(loss.size):
            t = target[i]
            if t == ignore_index:
                loss[i] = 0
            else:
                loss[i] = sure[t] * (log_sum[i] - (logits[i * classes + t] - peak[i])) + smoothed[i]


@njit(wide=True)
def cross_entropy_input(
    start, stop, size, x, gx, g, peaks, scales, targets, sure, spread, spread_sum, smooth, ignore_index
):
    classes = x.shape[1]
    for unit in range(start, stop):
        block, grad, target = _block(gx, unit, size), _block(g, unit, size), _block(targets, unit, size)
        scale = _block(scales, unit, size)
        _find_exponentials(_block(x, unit, size), classes, _block(peaks, unit, size), block)
        for i in range(grad.size):
            run, t = _run(block, i, classes), target[i]
            if t == ignore_index:  # no arithmetic: 0 · NaN is not 0
                for j in range(classes):
                    run[j] = 0
                continue
            factor = x.dtype.type(grad[i] * (sure[t] + spread_sum) * scale[i])
            for j in range(classes):
                run[j] *= factor
            if smooth:
                for j in range(classes):
                    run[j] -= grad[i] * spread[j]
            run[t] -= grad[i] * sure[t]
