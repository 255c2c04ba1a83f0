"""Cross-entropy of logits or log-probabilities with class numbers or class distributions (report eq. 24-27)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from autograd.batched import per_sample
from autograd.modes import effect, modes, not_compiled
from autograd.ops.compare import where
from autograd.ops.index import gather
from autograd.ops.loss import check_targets, cross_entropy_losses
from autograd.ops.softmax import log_softmax
from autograd.tensor import Tensor, as_tensor

from .shapes import as_input, as_target, check_reduction, class_weight, reduce


@per_sample
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    all_ignored: str = "nan",
) -> Tensor:
    """Categorical cross-entropy with the softmax inside: ``−Σ_j y_j · log softmax(z)_j``, report eq. (24)-(27).

    Parameters
    ----------
    input : Tensor of logits, shape (N, K, ...) or (K,)
    target : class numbers from 0, shape (N, ...) or (), or class distributions of the shape of ``input``
    weight : factor of each class, shape (K,), optional. The mean divides by the sum of the targets' weights
    ignore_index : class numbers equal to this count nowhere; its logit stays in the softmax
    reduction : ``"mean"``, ``"sum"`` or ``"none"``
    label_smoothing : ε of the target distribution ``(1 − ε)·y + ε/K``
    all_ignored : what the mean of no targets is: ``"nan"`` as in PyTorch, with a warning; ``"zero"``; or ``"raise"``.
        The gradient is zero.

    Returns
    -------
    Tensor, shape (), or (N, ...) with ``reduction="none"``

    Raises
    ------
    IndexError : a class number that is no class, with the number and the classes
    ValueError : shapes that do not fit

    Examples
    --------
    >>> from autograd import tensor
    >>> from nn.functional import cross_entropy
    >>> round(cross_entropy(tensor([[0.0, 0.0]]), [1]).item(), 4)
    0.6931
    """
    input, target = as_input("cross_entropy", input), as_tensor(target)
    _check_options("cross_entropy", reduction, all_ignored)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be in [0, 1], not {label_smoothing!r}")
    rows, target, alone = _rows("cross_entropy", input, target)
    losses, total = _losses(rows, target, weight, ignore_index, label_smoothing)
    return _reduced("cross_entropy", losses.reshape(()) if alone else losses, total, reduction, all_ignored)


def _rows(caller: str, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor, bool]:
    """Logits and targets with a batch dimension, and whether it was added here."""
    if input.ndim == 0:
        raise ValueError(f"{caller}: input must have a dimension of classes, (N, K, ...) or (K,); input.shape=()")
    if input.ndim > 1:
        return input, target, False
    return input.reshape((1, -1)), target.reshape((1, *target.shape)), True


def _losses(input: Tensor, target: Tensor, weight: Any, ignore_index: int, smoothing: float) -> tuple[Tensor, Any]:
    """The loss of each position, and what their mean divides by: a number, or while a call is recorded, arrays."""
    classes = input.shape[1]
    weight = class_weight("cross_entropy", weight, classes, input.dtype)
    if target.dtype.kind != "f":
        numbers = target._setting()
        losses = cross_entropy_losses(
            input, targets=numbers, weight=weight, ignore_index=ignore_index, label_smoothing=float(smoothing)
        )
        total = _total if modes.trace is None else _total_of_this_call
        return losses, effect(total, numbers, weight, ignore_index)
    if target.shape != input.shape and target.ndim == input.ndim - 1:
        raise TypeError(
            f"cross_entropy: class numbers are integers, these targets are {target.dtype}; convert them, or give class "
            f"distributions of shape {input.shape}"
        )
    target = as_target("cross_entropy", target, input)
    if smoothing:
        target = target * (1 - smoothing) + smoothing / classes
    terms = target * log_softmax(input, dim=1)
    if weight is not None:
        terms = terms * weight.reshape((1, -1) + (1,) * (input.ndim - 2))
    losses = -terms.sum(dim=1)
    return losses, losses.numel()


@per_sample
def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    all_ignored: str = "nan",
) -> Tensor:
    """The negative log-likelihood ``−w_t · input_t``: :func:`cross_entropy` of what :func:`log_softmax` gave.

    Parameters
    ----------
    input : Tensor of log-probabilities, shape (N, K, ...) or (K,)
    target : class numbers from 0, shape (N, ...) or ()
    weight, ignore_index, reduction, all_ignored : as in :func:`cross_entropy`

    Raises
    ------
    IndexError : a class number that is no class
    ValueError : shapes that do not fit
    """
    input, target = as_input("nll_loss", input), as_tensor(target)
    _check_options("nll_loss", reduction, all_ignored)
    rows, target, alone = _rows("nll_loss", input, target)
    weight = class_weight("nll_loss", weight, rows.shape[1], input.dtype)
    numbers = target._data
    check_targets("nll_loss", rows, numbers, weight, ignore_index)
    valid = numbers != ignore_index
    chosen = np.where(valid, numbers, 0)
    losses = -gather(rows, 1, chosen[:, None]).reshape(chosen.shape)
    if weight is not None:
        losses = losses * weight[chosen]
    losses = where(valid, losses, 0.0)  # not a product with valid: the loss of an ignored position may be infinite
    total = _total(numbers, weight, ignore_index)
    return _reduced("nll_loss", losses.reshape(()) if alone else losses, total, reduction, all_ignored)


def _total(numbers: np.ndarray, weight: np.ndarray | None, ignore_index: int) -> float:
    valid = numbers != ignore_index
    return int(np.count_nonzero(valid)) if weight is None else float(weight[numbers[valid]].sum(dtype=np.float64))


def _total_of_this_call(
    numbers: np.ndarray, weight: np.ndarray | None, ignore_index: int
) -> tuple[np.ndarray, np.ndarray]:
    """A divisor that is not 0, and what is added to the mean: NaN where it is one of nothing."""
    total = _total(numbers, weight, ignore_index)
    return np.asarray(total or 1, np.float32), np.asarray(0 if total else np.nan, np.float32)


def _check_options(caller: str, reduction: str, all_ignored: str) -> None:
    check_reduction(caller, reduction)
    if all_ignored not in ("nan", "zero", "raise"):
        raise ValueError(f"{caller}: all_ignored is 'nan', 'zero' or 'raise', not {all_ignored!r}")


def _reduced(caller: str, losses: Tensor, total: float, reduction: str, all_ignored: str) -> Tensor:
    if reduction != "mean":
        return reduce(caller, losses, reduction)
    if isinstance(total, tuple):
        if all_ignored != "nan":
            not_compiled(f"{caller} with all_ignored={all_ignored!r} asks whether every target is ignored")
        divisor, offset = total
        if divisor[()] and offset[()] == 0:
            return losses.sum() / divisor + offset
        total = 0
    if total:
        return losses.sum() / total
    what = f"{caller}: every target is ignored (or has weight 0), so the mean is 0/0; all_ignored='zero' makes it 0"
    if all_ignored == "raise":
        raise ValueError(what)
    if all_ignored == "zero":
        return losses.sum()
    warnings.warn(what, stacklevel=4)  # the caller of the function that per_sample wraps
    return losses.sum() + float("nan")  # added, so that the gradient is zero, as PyTorch's is
