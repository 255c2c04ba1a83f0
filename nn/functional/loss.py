"""Losses (report section 1.4). Where report and PyTorch name one thing differently, both names are here.

A loss refuses shapes that would broadcast: predictions (N,) against targets (N, 1) are N² differences, and no error.
"""

from __future__ import annotations

from typing import Any

from autograd.ops.compare import where
from autograd.ops.loss import bce_with_logits_losses
from autograd.ops.probability import bce_losses, bounded_log
from autograd.tensor import Tensor, as_tensor

from .cross_entropy import cross_entropy
from .shapes import as_input, as_target, reduce


def mse_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """The mean squared error ``(ŷ − y)²``, report eq. (19), (20).

    Parameters
    ----------
    input, target : Tensors of one shape
    reduction : ``"mean"``, ``"sum"`` or ``"none"``

    Raises
    ------
    ValueError : shapes that differ

    Examples
    --------
    >>> from autograd import tensor
    >>> from nn.functional import mse_loss
    >>> mse_loss(tensor([1.0, 2.0]), tensor([0.0, 4.0])).item()
    2.5
    """
    input = as_input("mse_loss", input)
    difference = input - as_target("mse_loss", target, input)
    return reduce("mse_loss", difference * difference, reduction)


def l1_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """The mean absolute error ``|ŷ − y|``; parameters as in :func:`mse_loss`."""
    input = as_input("l1_loss", input)
    return reduce("l1_loss", (input - as_target("l1_loss", target, input)).abs(), reduction)


def smooth_l1_loss(input: Any, target: Any, *, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """With d = |ŷ − y|: ``d²/2β`` where d < β, else ``d − β/2``; parameters as in :func:`mse_loss`."""
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, not {beta!r}")
    input = as_input("smooth_l1_loss", input)
    difference = (input - as_target("smooth_l1_loss", target, input)).abs()
    if beta > 0:
        difference = where(difference < beta, difference * difference * (0.5 / beta), difference - 0.5 * beta)
    return reduce("smooth_l1_loss", difference, reduction)


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Tensor:
    """Binary cross-entropy of probabilities: ``−y·log ŷ − (1 − y)·log(1 − ŷ)``, report eq. (22), (23).

    Logarithms count as at least −100, and gradients are at most 1e12, so that 0 and 1 stay finite. Prefer
    :func:`binary_cross_entropy_with_logits`, which has nothing to bound.

    Parameters
    ----------
    input : Tensor of probabilities in [0, 1], any shape
    target : Tensor of that shape, in [0, 1]
    weight : factor of each element, of that shape or broadcast to it, optional
    reduction : ``"mean"``, ``"sum"`` or ``"none"``

    Raises
    ------
    ValueError : shapes that differ, or probabilities outside [0, 1]
    """
    input = as_input("binary_cross_entropy", input)
    target = as_target("binary_cross_entropy", target, input)
    _check_probabilities("binary_cross_entropy", input)
    return reduce("binary_cross_entropy", _weighted(bce_losses(input, target), weight), reduction)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """Binary cross-entropy with the sigmoid inside, report eq. (28), (29): exact for every logit.

    Parameters
    ----------
    input : Tensor of logits, any shape
    target : Tensor of that shape, in [0, 1]
    weight : factor of each element, of that shape or broadcast to it, optional
    reduction : ``"mean"``, ``"sum"`` or ``"none"``
    pos_weight : factor of the term of y, broadcast to ``input`` from the right: (K,) for logits (N, K)

    Raises
    ------
    ValueError : shapes that differ
    """
    name = "binary_cross_entropy_with_logits"
    input = as_input(name, input)
    target = as_target(name, target, input)
    if pos_weight is not None:
        pos_weight = as_tensor(pos_weight)._data.astype(input.dtype, copy=False)
    return reduce(name, _weighted(bce_with_logits_losses(input, target, pos_weight=pos_weight), weight), reduction)


def cross_entropy_on_probabilities(input: Any, target: Any, *, dim: int = 1, reduction: str = "mean") -> Tensor:
    """Cross-entropy of a distribution that is given as probabilities: ``−Σ_j y_j·log ŷ_j``, report eq. (21).

    The most general form: it does not ask what made the probabilities. After a softmax prefer :func:`cross_entropy` on
    the logits, which is exact. Logarithms count as at least −100.

    Parameters
    ----------
    input, target : Tensors of one shape, distributions along ``dim``
    dim : the dimension of the classes
    reduction : ``"mean"`` over positions, ``"sum"`` or ``"none"``

    Raises
    ------
    ValueError : shapes that differ, or probabilities outside [0, 1]
    """
    name = "cross_entropy_on_probabilities"
    input = as_input(name, input)
    target = as_target(name, target, input)
    _check_probabilities(name, input)
    return reduce(name, -(target * bounded_log(input)).sum(dim=dim), reduction)


def categorical_cross_entropy(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """Cross-entropy of logits (N, K, ...) with one-hot targets of that shape, report eq. (24)-(26).

    Raises
    ------
    ValueError : shapes that differ
    """
    input = as_input("categorical_cross_entropy", input)
    return cross_entropy(input, as_target("categorical_cross_entropy", target, input), reduction=reduction)


def sparse_categorical_cross_entropy(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """Cross-entropy of logits (N, K, ...) with class numbers (N, ...), counted from 0, report eq. (27).

    Raises
    ------
    IndexError : a target that is no class
    """
    return cross_entropy(input, target, reduction=reduction)


def _weighted(losses: Tensor, weight: Any) -> Tensor:
    if weight is None:
        return losses
    weight = as_tensor(weight)
    weighted = losses * (weight if weight.dtype == losses.dtype else weight.to(losses.dtype))
    if weighted.shape != losses.shape:
        raise ValueError(f"weight.shape={weight.shape} does not broadcast to the losses, of shape {losses.shape}")
    return weighted


def _check_probabilities(caller: str, input: Tensor) -> None:
    values = input._data
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"{caller}: probabilities lie in [0, 1], these from {values.min()} to {values.max()}; for logits use the "
            f"form with logits"
        )
