"""The fully connected layer, and what leads to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.ops.layout import flatten
from autograd.tensor import Tensor

from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter


class Linear(Module):
    """``y = x Wᵀ + b``: report section 1.2.3, eq. (8).

    Parameters
    ----------
    in_features, out_features : sizes of the last dimension of x and y
    bias : whether there is a b
    dtype : of the parameters

    Attributes
    ----------
    weight : Parameter, shape (out_features, in_features); U(−k, k) with k = 1/√in_features
    bias : Parameter, shape (out_features,), from the same distribution, or ``None``
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, dtype: Any = np.float32) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(np.empty((out_features, in_features), dtype))
        self.register_parameter("bias", Parameter(np.empty(out_features, dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        init.fan_in_uniform_(self.weight, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Flatten(Module):
    """One dimension of ``start_dim`` to ``end_dim``: images to vectors (report section 1.2.3)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Tensor) -> Tensor:
        return flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """``y = x``; arguments are accepted and ignored, so that it can stand where another layer stood."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x
