"""Losses that must be one op to be exact: they work on logits, where the probabilities would round to 0 or 1."""

from __future__ import annotations

import numpy as np

from .. import kernels
from ..kernels.arrays import is_large
from ..primitive import primitive
from ..tensor import Tensor
from .elementwise import sigmoid
from .softmax import softmax


@primitive(residuals=("peak", "scale"))
def cross_entropy_losses(logits, *, targets, weight, ignore_index, label_smoothing):
    """The sparse categorical cross-entropy of each position (report eq. 24-27): ``−w_t · log softmax(logits)_t``.

    logits : (N, K, ...); targets : (N, ...) integers in [0, K) or ``ignore_index``; weight : (K,) or ``None``.
    With ``label_smoothing`` ε the target distribution is ``(1−ε)·onehot + ε/K``, each class weighted.
    Ignored positions give 0. Residuals: what makes the softmax of a logit z again, ``e^(z − peak) · scale``, (N, ...).
    """
    check_targets("cross_entropy", logits, targets, weight, ignore_index)
    return kernels.softmax.cross_entropy(logits, targets, weight, ignore_index, label_smoothing)


def _cross_entropy_rule(g, logits, peak, scale, *, targets, weight, ignore_index, label_smoothing):
    """``g · (softmax · Σ_k q_k − q)`` with the (weighted, smoothed) target distribution q."""
    if not isinstance(g, Tensor):
        settings = (targets, weight, ignore_index, label_smoothing)
        return kernels.softmax.cross_entropy_input(g, logits, peak, scale, *settings)
    q = _target_distribution(logits, targets, weight, ignore_index, label_smoothing)
    total = q.sum(axis=1, keepdims=True)
    return g.reshape((g.shape[0], 1, *g.shape[1:])) * (softmax(logits, dim=1) * total - q)


cross_entropy_losses.vjp(logits=_cross_entropy_rule)


def _target_distribution(logits, targets, weight, ignore_index, label_smoothing):
    classes = logits.shape[1]
    valid = targets != ignore_index
    q = np.zeros(logits.shape, logits.dtype)
    np.put_along_axis(q, np.where(valid, targets, 0)[:, None], 1, axis=1)
    q = q * (1 - label_smoothing) + label_smoothing / classes
    if weight is not None:
        q = q * weight.reshape((1, -1) + (1,) * (logits.ndim - 2))
    return (q * valid[:, None]).astype(logits.dtype)


def check_targets(op: str, logits, targets, weight, ignore_index):
    """Kernels trust class numbers, so a wrong one must not get there."""
    if targets.dtype.kind not in "iu":
        raise TypeError(f"{op}: targets are class numbers (integers), not {targets.dtype}")
    if logits.ndim < 2 or targets.shape != (logits.shape[0], *logits.shape[2:]):
        raise ValueError(
            f"{op}: targets.shape={targets.shape} does not fit logits.shape={logits.shape}: "
            f"expected {(logits.shape[0], *logits.shape[2:])}, one class number for each position"
        )
    classes = logits.shape[1]
    if weight is not None and weight.shape != (classes,):
        raise ValueError(f"{op}: weight.shape={weight.shape}, but there are {classes} classes")
    bad = (targets != ignore_index) & ((targets < 0) | (targets >= classes))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise IndexError(
            f"{op}: target {int(targets[where])} at {where} is not in [0, {classes}) "
            f"(logits.shape[1]={classes}); use ignore_index={int(targets[where])} to leave such positions out"
        )


@primitive
def bce_with_logits_losses(input, target, *, pos_weight):
    """The binary cross-entropy of each element on its logit (report eq. 28-29): ``softplus(x) − t·x``.

    One op, because composing it of ``relu`` and ``abs`` gives the wrong gradient at a logit of exactly 0, where
    zero-initialised heads start. ``pos_weight`` multiplies the term of ``t``; ``None`` is 1.
    """
    if input.shape != target.shape:
        raise ValueError(f"binary cross-entropy: input.shape={input.shape} differs from target.shape={target.shape}")
    if pos_weight is None and is_large(input, target):
        return kernels.smooth.binary_cross_entropy(input, target)
    tail = np.log1p(np.exp(-np.abs(input)))  # softplus(x) = max(x, 0) + tail, softplus(−x) = max(−x, 0) + tail
    if pos_weight is None:
        return np.maximum(input, 0) - input * target + tail
    return (1 - target) * (np.maximum(input, 0) + tail) + pos_weight * target * (np.maximum(-input, 0) + tail)


def _bce_input_rule(g, input, target, *, pos_weight):
    if pos_weight is None and is_large(input, g, target):
        return kernels.smooth.binary_cross_entropy_backward(g, input, target)
    if pos_weight is None:
        return g * (sigmoid(input) - target)
    return g * ((1 - target) * sigmoid(input) - pos_weight * target * sigmoid(-input))


def _bce_target_rule(g, input, *, pos_weight):
    if pos_weight is None:
        return -(g * input)
    tail = bce_with_logits_losses(input, input * 0, pos_weight=None)  # softplus(x)
    return g * (pos_weight * (tail - input) - tail)


bce_with_logits_losses.vjp(input=_bce_input_rule, target=_bce_target_rule)
