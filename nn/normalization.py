"""Layers that normalise without looking at the rest of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd.tensor import Tensor

from . import functional as F
from .module import Module
from .parameter import Parameter


class GroupNorm(Module):
    """Normalise groups of channels of each image; see :func:`nn.functional.group_norm`.

    Parameters
    ----------
    num_groups, num_channels : the channels are cut into so many groups of equal size
    eps : added to the variance
    affine : whether a weight and a bias of each channel are learned
    dtype : of the parameters

    Raises
    ------
    ValueError : ``num_groups`` does not divide ``num_channels``
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, dtype: Any = np.float32
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups={num_groups} does not divide num_channels={num_channels}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        _register_affine(self, (num_channels,), affine, affine, dtype)

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


class LayerNorm(Module):
    """Normalise the last dimensions; see :func:`nn.functional.layer_norm`.

    Parameters
    ----------
    normalized_shape : the last dimensions of the input
    eps : added to the variance
    elementwise_affine : whether a weight is learned, of that shape
    bias : whether there is a bias beside the weight
    dtype : of the parameters
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps, self.elementwise_affine = shape, eps, elementwise_affine
        _register_affine(self, shape, elementwise_affine, elementwise_affine and bias, dtype)

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


def _register_affine(module: Module, shape: tuple[int, ...], weight: bool, bias: bool, dtype: Any) -> None:
    module.register_parameter("weight", Parameter(np.ones(shape, dtype)) if weight else None)
    module.register_parameter("bias", Parameter(np.zeros(shape, dtype)) if bias else None)
