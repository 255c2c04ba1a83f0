"""Normalisation: of channels over the batch, of groups of channels, of single channels, of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from autograd.memory import note_write
from autograd.modes import effect, is_recomputing
from autograd.ops import norm as ops
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
    *,
    relu: bool = False,
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
    relu : take ``max(y, 0)`` in the same pass over memory, with the numbers of :func:`relu` of the result; the backward
        pass needs ``input`` only. ``nn.Sequential`` asks for it where a ReLU follows a batch normalisation.

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
    channels = _channels("batch_norm", input)
    _check_sizes("batch_norm", input, channels, running_mean, running_var, weight, bias)
    eps = float(eps)
    if not training and running_mean is not None and running_var is not None:
        mean, var = effect(_copies, running_mean, running_var)
        return ops.batch_norm_with(input, weight, bias, mean=mean, var=var, eps=eps, relu=relu)
    count = input.numel() // channels if channels else 0
    if count == 1 and training:
        raise ValueError(
            f"batch_norm: one value a channel has no variance; input.shape={input.shape}; use a larger batch, or eval()"
        )
    y, mean, var = ops.batch_norm.with_residuals(input, weight, bias, eps=eps, relu=relu)
    if training and count and not is_recomputing():
        effect(_update, running_mean, running_var, mean, var, count, momentum, "batch_norm")
    return y


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """:func:`batch_norm` with a mean and variance for each image and each group of neighbouring channels.

    Parameters
    ----------
    input : Tensor, shape (N, C, ...)
    num_groups : the C channels are cut into so many groups of equal size
    weight, bias : Tensors, shape (C,), optional
    eps : added to the variance

    Raises
    ------
    ValueError : ``num_groups`` does not divide C, one image of one value a group, sizes that do not fit

    References
    ----------
    Wu and He, Group normalization, 2018, equations 1-4.
    """
    channels = _channels("group_norm", input)
    _check_sizes("group_norm", input, channels, None, None, weight, bias)
    if num_groups < 1 or channels % num_groups:
        raise ValueError(
            f"group_norm: num_groups={num_groups} does not divide the {channels} channels; input.shape={input.shape}"
        )
    if input.numel() == num_groups:
        raise ValueError(
            f"group_norm: one value a group has no variance; input.shape={input.shape}, num_groups={num_groups}"
        )
    return ops.group_norm(input, weight, bias, num_groups=int(num_groups), eps=float(eps))


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """:func:`batch_norm` with a mean and variance for each channel of each image.

    Parameters
    ----------
    input : Tensor, shape (N, C, ...), one dimension of positions at least
    running_mean, running_var : Tensors, shape (C,), or ``None``: the means over the images move them as in
        :func:`batch_norm`; they are used where ``use_input_stats`` is ``False``
    weight, bias : Tensors, shape (C,), optional
    use_input_stats : normalise with the image's own statistics
    momentum, eps : as in :func:`batch_norm`

    Raises
    ------
    ValueError : one position only, running statistics needed and not given, sizes that do not fit

    References
    ----------
    Ulyanov, Vedaldi and Lempitsky, Instance normalization, 2016, equation 3.
    """
    channels = _channels("instance_norm", input, 3)
    _check_sizes("instance_norm", input, channels, running_mean, running_var, weight, bias)
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise ValueError("instance_norm: use_input_stats=False needs running_mean and running_var")
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    count = math.prod(input.shape[2:])
    if count == 1:
        raise ValueError(f"instance_norm: one position has no variance; input.shape={input.shape}")
    settings = {"num_groups": channels, "eps": float(eps)}
    y, mean, var = ops.group_norm.with_residuals(input, weight, bias, **settings)
    if input.numel() and not is_recomputing():
        effect(_update, running_mean, running_var, mean, var, count, momentum, "instance_norm")
    return y


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """``y = (x − mean) / √(var + eps) · weight + bias`` with mean and biased variance over the last dimensions.

    Parameters
    ----------
    input : Tensor, shape (..., *normalized_shape)
    normalized_shape : the last dimensions of ``input``
    weight, bias : Tensors, shape ``normalized_shape``, optional
    eps : added to the variance

    Raises
    ------
    ValueError : sizes that do not fit

    References
    ----------
    Ba, Kiros and Hinton, Layer normalization, 2016, equation 3.
    """
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or input.shape[-len(shape) :] != shape:
        raise ValueError(
            f"layer_norm: normalized_shape={shape} names the last dimensions, but input.shape={input.shape}"
        )
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tensor.shape != shape:
            raise ValueError(f"layer_norm: {name}.shape={tensor.shape}, but normalized_shape={shape}")
    size, rows = math.prod(shape), math.prod(input.shape[: input.ndim - len(shape)])
    affine = [None if tensor is None else _shaped(tensor, (size,)) for tensor in (weight, bias)]
    return _shaped(ops.layer_norm(_shaped(input, (rows, size)), *affine, eps=float(eps)), input.shape)


def _shaped(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """``tensor.reshape(shape)`` where that changes anything: four ops less around a layer normalisation of rows."""
    return tensor if tensor.shape == shape else tensor.reshape(shape)


def _channels(caller: str, input: Tensor, least: int = 2) -> int:
    if input.ndim < least:
        form = "(N, C)" if least == 2 else "(N, C, L)"
        raise ValueError(f"{caller}: input must have {least} dimensions {form} or more; input.shape={input.shape}")
    return input.shape[1]


def _check_sizes(
    caller: str,
    input: Tensor,
    channels: int,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
) -> None:
    named = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, tensor in named.items():
        if tensor is not None and tensor.shape != (channels,):
            raise ValueError(
                f"{caller}: input has {channels} channels but {name}.shape={tensor.shape}; input.shape={input.shape}"
            )


def _copies(running_mean: Tensor, running_var: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """What evaluation uses: the statistics may move on before the backward pass."""
    return running_mean._data.copy(), running_var._data.copy()


def _update(
    running_mean: Tensor | None,
    running_var: Tensor | None,
    mean: np.ndarray,
    var: np.ndarray,
    count: int,
    share: float,
    by: str,
) -> None:
    """``new = (1 − share)·old + share·batch`` with the unbiased variance; of several images, their mean."""
    if running_mean is None or running_var is None:
        return
    for old, new, factor in ((running_mean._data, mean, 1), (running_var._data, var, count / (count - 1))):
        old *= 1 - share
        old += (new.mean(0) if new.ndim > 1 else new) * (share * factor)
        note_write(old, f"{by} (running statistics)")
