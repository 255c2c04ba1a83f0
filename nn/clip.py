"""Gradient clipping: the names that ``torch.nn.utils`` has."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from autograd import kernels
from autograd.memory import note_write
from autograd.modes import effect
from autograd.tensor import Tensor, by_product


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients by one factor ``min(1, max_norm / (‖g‖ + 1e-6))``, ‖g‖ the norm of all of them together.

    Parameters
    ----------
    parameters : those without a gradient are left out
    max_norm : the largest norm permitted
    norm_type : p of the norm, or ``inf``
    error_if_nonfinite : refuse a norm that is infinite or NaN; else such gradients become 0 or NaN, as in PyTorch

    Returns
    -------
    Tensor, shape (): the norm before clipping

    Raises
    ------
    ValueError : ``max_norm`` below 0, ``norm_type`` not above 0
    RuntimeError : the norm is not finite and ``error_if_nonfinite`` is set; nothing is changed
    """
    if not max_norm >= 0:
        raise ValueError(f"clip_grad_norm_: max_norm must not be negative, not {max_norm!r}")
    if not norm_type > 0:
        raise ValueError(f"clip_grad_norm_: norm_type must be above 0, not {norm_type!r}")
    tensors = _listed(parameters)
    return by_product(effect(_clip_norm, tensors, max_norm, float(norm_type), error_if_nonfinite, writes=True))


def _clip_norm(tensors: list[Tensor], max_norm: float, norm_type: float, error_if_nonfinite: bool) -> np.ndarray:
    grads = _gradients(tensors)
    total = kernels.clip.norm(grads, norm_type)
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(f"clip_grad_norm_: the norm of the gradients is {total}; nothing was changed")
    factor = max_norm / (total + 1e-6)
    if not factor >= 1:  # NaN goes through, and shows
        kernels.clip.scale(grads, factor)
        for g in grads:
            note_write(g, "clip_grad_norm_")
    return np.asarray(total, grads[0].dtype if grads else np.float32)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Clip every element of every gradient to [−clip_value, clip_value].

    Raises
    ------
    ValueError : ``clip_value`` below 0
    """
    if not clip_value >= 0:
        raise ValueError(f"clip_grad_value_: clip_value must not be negative, not {clip_value!r}")
    effect(_clip_value, _listed(parameters), float(clip_value), writes=True)


def _clip_value(tensors: list[Tensor], clip_value: float) -> None:
    grads = _gradients(tensors)
    kernels.clip.clamp(grads, clip_value)
    for g in grads:
        note_write(g, "clip_grad_value_")


def _listed(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [parameters] if isinstance(parameters, Tensor) else [*parameters]


def _gradients(tensors: list[Tensor]) -> list[np.ndarray]:
    return [t._grad._data for t in tensors if t._grad is not None]
