"""Batch normalisation layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.memory import note_write
from autograd.modes import is_recomputing
from autograd.tensor import Tensor, wrap

from . import functional as F
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

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim not in self._dimensions:
            raise ValueError(f"{type(self).__name__}: input must be {self._form}; input.shape={x.shape}")
        momentum = self.momentum
        tracked = self.num_batches_tracked
        if self.training and tracked is not None and not is_recomputing():
            tracked._data[...] += 1
            if momentum is None:
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
        )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    __doc__ = _BatchNorm.__doc__
    _dimensions = (2, 3)
    _form = "(N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    __doc__ = _BatchNorm.__doc__
    _dimensions = (4,)
    _form = "(N, C, H, W)"
