"""Batch normalisation layers, and instance normalisation, which is the same for each image alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.memory import note_write
from autograd.modes import effect, is_recomputing, not_compiled
from autograd.tensor import Tensor, wrap

from . import functional as F
from .activation import ReLU
from .module import Module
from .parameter import Parameter


class _BatchNorm(Module):
    """Normalise each channel over the batch; see :func:`nn.functional.batch_norm`.

    Parameters
    ----------
    num_features : number of channels C
    eps : added to the variance
    momentum : share of the new batch in the running statistics; ``None``: the mean of all batches so far
    affine : whether a weight and a bias are learned
    track_running_stats : ``False``: the batch's own statistics are used in evaluation too
    dtype : of parameters and statistics

    Attributes
    ----------
    weight, bias : Parameters, shape (C,), ones and zeros, or ``None``
    running_mean, running_var : buffers, shape (C,), zeros and ones; the variance is the unbiased one
    num_batches_tracked : buffer, shape (), int64
    """

    _dimensions: tuple[int, ...] = ()
    _form = ""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.register_parameter("weight", Parameter(np.ones(num_features, dtype)) if affine else None)
        self.register_parameter("bias", Parameter(np.zeros(num_features, dtype)) if affine else None)
        kept = track_running_stats
        self.register_buffer("running_mean", wrap(np.zeros(num_features, dtype)) if kept else None)
        self.register_buffer("running_var", wrap(np.ones(num_features, dtype)) if kept else None)
        self.register_buffer("num_batches_tracked", wrap(np.zeros((), np.int64)) if kept else None)

    def reset_running_stats(self) -> None:
        """Forget the batches seen so far."""
        if self.track_running_stats:
            for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
                buffer._data[...] = value
                note_write(buffer._data, "reset_running_stats")

    def forward(self, x: Tensor, relu: bool = False) -> Tensor:
        self._check_dimensions(x)
        momentum, tracked = self.momentum, self.num_batches_tracked
        if self.training and tracked is not None and not is_recomputing():
            effect(_count, tracked)
            if momentum is None:
                not_compiled("a batch norm with momentum=None weighs its batches by their number")
                momentum = 1 / int(tracked._data)
        return F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            0.0 if momentum is None else momentum,
            self.eps,
            relu=relu,
        )

    def _check_dimensions(self, x: Tensor) -> None:
        if x.ndim not in self._dimensions:
            raise ValueError(f"{type(self).__name__}: input must be {self._form}; input.shape={x.shape}")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


def _count(tracked: Tensor) -> None:
    np.add(tracked._data, 1, out=tracked._data)


class BatchNorm1d(_BatchNorm):
    __doc__ = _BatchNorm.__doc__
    _dimensions = (2, 3)
    _form = "(N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    __doc__ = _BatchNorm.__doc__
    _dimensions = (4,)
    _form = "(N, C, H, W)"


class BatchNorm3d(_BatchNorm):
    __doc__ = _BatchNorm.__doc__
    _dimensions = (5,)
    _form = "(N, C, D, H, W)"


def takes_relu(module: Module, after: Module | None) -> bool:
    """Whether ``module`` is a batch normalisation that may do the ReLU ``after`` it: nobody looks between the two."""
    return (
        type(after) is ReLU
        and isinstance(module, _BatchNorm)
        and getattr(module.forward, "__func__", None) is _BatchNorm.forward
        and not (module._forward_hooks or after._forward_pre_hooks or after._forward_hooks)
    )


class _InstanceNorm(_BatchNorm):
    """Normalise each channel of each image; see :func:`nn.functional.instance_norm`.

    Parameters
    ----------
    num_features : number of channels C
    eps : added to the variance
    momentum : share of the new batch in the running statistics; ``None`` leaves them alone
    affine : whether a weight and a bias are learned
    track_running_stats : keep running statistics, and use them in evaluation
    dtype : of parameters and statistics

    The dimension of images may be left out.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        self._check_dimensions(x)
        momentum = 0.0 if self.momentum is None else self.momentum  # batches are not counted here
        own = self.training or not self.track_running_stats
        alone = x.ndim < max(self._dimensions)
        images = x.reshape((1, *x.shape)) if alone else x
        statistics = (self.running_mean, self.running_var)
        y = F.instance_norm(images, *statistics, self.weight, self.bias, own, momentum, self.eps)
        return y.reshape(x.shape) if alone else y


class InstanceNorm1d(_InstanceNorm):
    __doc__ = _InstanceNorm.__doc__
    _dimensions = (2, 3)
    _form = "(C, L) or (N, C, L)"


class InstanceNorm2d(_InstanceNorm):
    __doc__ = _InstanceNorm.__doc__
    _dimensions = (3, 4)
    _form = "(C, H, W) or (N, C, H, W)"


class InstanceNorm3d(_InstanceNorm):
    __doc__ = _InstanceNorm.__doc__
    _dimensions = (4, 5)
    _form = "(C, D, H, W) or (N, C, D, H, W)"
