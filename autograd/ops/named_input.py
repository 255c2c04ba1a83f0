"""PyTorch's older names for some functions, whose arguments have other names."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor
from . import decompositions, solve
from .compare import where
from .layout import transpose


def det(input: Any) -> Any:
    """:func:`autograd.linalg.det`"""
    return solve.det(input)


def inverse(input: Any) -> Any:
    """:func:`autograd.linalg.inv`"""
    return solve.inv(input)


def slogdet(input: Any) -> solve.SLogDet:
    """:func:`autograd.linalg.slogdet`"""
    return solve.slogdet(input)


def logdet(input: Any) -> Any:
    """The logarithm of the determinant: NaN where it is negative, −inf where it is 0."""
    sign, logabsdet = solve.slogdet(input)
    negative = (sign._data if isinstance(sign, Tensor) else np.asarray(sign)) < 0
    return where(negative, float("nan"), logabsdet) if negative.any() else logabsdet


def pinverse(input: Any, rcond: float = 1e-15) -> Any:
    """:func:`autograd.linalg.pinv` with a relative tolerance of ``1e-15``."""
    return decompositions.pinv(input, rcond)


def swapaxes(input: Any, axis0: int, axis1: int) -> Any:
    """Swap two dimensions."""
    return transpose(input, axis0, axis1)


def swapdims(input: Any, dim0: int, dim1: int) -> Any:
    """Swap two dimensions."""
    return transpose(input, dim0, dim1)
