"""Softmax and cross-entropy, position by position."""

import math

import numpy as np


def _shifted(values):
    """x − max and log Σ e^(x − max); NaN if there is nothing but −inf, or a NaN."""
    peak = max(values)
    if any(math.isnan(v) for v in values) or math.isinf(peak):
        return [math.nan] * len(values), math.nan
    shifted = [v - peak for v in values]
    return shifted, math.log(math.fsum(math.exp(v) for v in shifted))


def _along(function, dim, *arrays):
    moved = [np.moveaxis(a, dim, -1) for a in arrays]
    y = np.zeros(moved[0].shape)
    for index in np.ndindex(*y.shape[:-1]):
        y[index] = function(*([float(v) for v in a[index]] for a in moved))
    return np.moveaxis(y, -1, dim)


def log_softmax(x, dim):
    def one(values):
        shifted, log_sum = _shifted(values)
        return [v - log_sum for v in shifted]

    return _along(one, dim, x)


def softmax(x, dim):
    return _along(lambda values: [math.exp(v) for v in log_softmax(np.array(values), 0)], dim, x)


def softmax_backward(g, y, dim):
    def one(g, y):
        dot = math.fsum(a * b for a, b in zip(g, y))
        return [b * (a - dot) for a, b in zip(g, y)]

    return _along(one, dim, g, y)


def log_softmax_backward(g, y, dim):
    return _along(lambda g, y: [a - math.exp(b) * math.fsum(g) for a, b in zip(g, y)], dim, g, y)


def _positions(logits, targets, weight, ignore_index, label_smoothing):
    classes = logits.shape[1]
    for index in np.ndindex(*targets.shape):
        t = int(targets[index])
        column = (index[0], slice(None), *index[1:])
        if t == ignore_index:
            yield index, column, None, None
            continue
        q = [label_smoothing / classes + (1 - label_smoothing if k == t else 0) for k in range(classes)]
        q = q if weight is None else [a * float(b) for a, b in zip(q, weight)]
        yield index, column, q, log_softmax(logits[column], 0)


def cross_entropy(logits, targets, *settings):
    losses = np.zeros(targets.shape)
    for index, _, q, logs in _positions(logits, targets, *settings):
        if q is not None:
            losses[index] = -sum(a * b for a, b in zip(q, logs) if a)
    return losses


def cross_entropy_input(g, logits, targets, *settings):
    gx = np.zeros(logits.shape)
    for index, column, q, logs in _positions(logits, targets, *settings):
        if q is not None:
            gx[column] = [float(g[index]) * (math.exp(b) * sum(q) - a) for a, b in zip(q, logs)]
    return gx
