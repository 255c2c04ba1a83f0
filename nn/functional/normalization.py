"""Batch normalisation with running statistics."""

from __future__ import annotations

import numpy as np

from autograd.memory import note_write
from autograd.modes import is_recomputing
from autograd.ops.norm import batch_norm as normalise
from autograd.tensor import Tensor


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``y = (x − mean) / √(var + eps) · weight + bias``, channel by channel.

    Parameters
    ----------
    input : Tensor, shape (N, C) or (N, C, ...)
    running_mean, running_var : Tensors, shape (C,), or ``None``. Used instead of the batch's own statistics when not
        training; when training, updated in place: ``new = (1 − momentum)·old + momentum·batch``, the variance unbiased
    weight, bias : Tensors, shape (C,), optional
    training : normalise with the batch's mean and biased variance
    momentum, eps : see the equations

    Returns
    -------
    Tensor, shape of ``input``

    Raises
    ------
    ValueError : fewer than two values a channel in training, sizes that do not fit

    References
    ----------
    Ioffe and Szegedy, Batch normalization, 2015, algorithm 1.
    """
    if input.ndim < 2:
        raise ValueError(f"batch_norm: input must have 2 dimensions (N, C) or more; input.shape={input.shape}")
    channels = input.shape[1]
    for name, tensor in (
        ("running_mean", running_mean),
        ("running_var", running_var),
        ("weight", weight),
        ("bias", bias),
    ):
        if tensor is not None and tensor.shape != (channels,):
            raise ValueError(
                f"batch_norm: input has {channels} channels but {name}.shape={tensor.shape}; input.shape={input.shape}"
            )
    if not training and running_mean is not None and running_var is not None:
        return _with_statistics(input, running_mean._data, running_var._data, weight, bias, eps)
    count = input.numel() // channels if channels else 0
    if count == 1 and training:
        raise ValueError(
            f"batch_norm: one value a channel has no variance; input.shape={input.shape}; use a larger batch, or eval()"
        )
    y, mean, var = normalise.with_residuals(input, weight, bias, eps=eps)
    if training and running_mean is not None and running_var is not None and count and not is_recomputing():
        _blend(running_mean._data, mean, momentum)
        _blend(running_var._data, var * (count / (count - 1)), momentum)
    return y


def _with_statistics(
    x: Tensor, mean: np.ndarray, var: np.ndarray, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Tensor:
    shape = (1, -1) + (1,) * (x.ndim - 2)
    rstd = 1 / np.sqrt(var + float(eps))
    scale = rstd if weight is None else weight * rstd
    shift = -mean * scale if bias is None else bias - scale * mean
    return x * scale.reshape(shape) + shift.reshape(shape)


def _blend(old: np.ndarray, new: np.ndarray, share: float) -> None:
    old *= 1 - share
    old += share * new
    note_write(old, "batch_norm (running statistics)")
