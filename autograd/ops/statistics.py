"""Pairs of statistics, and statistics of the elements that are numbers: composed of other reductions."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..tensor import Tensor
from .compare import isnan, where
from .layout import cast
from .reduce import _floating, mean, std, sum, var


class VarMean(NamedTuple):
    """The variance and the mean."""

    var: Tensor
    mean: Tensor


class StdMean(NamedTuple):
    """The standard deviation and the mean."""

    std: Tensor
    mean: Tensor


def var_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> VarMean:
    """``(var, mean)`` along ``dim``, with the arguments of :func:`var`."""
    spread = var(input, dim, unbiased, keepdim, correction=correction)
    return VarMean(spread, mean(input, None if isinstance(dim, bool) else dim, keepdim))


def std_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> StdMean:
    """``(std, mean)`` along ``dim``, with the arguments of :func:`std`."""
    spread = std(input, dim, unbiased, keepdim, correction=correction)
    return StdMean(spread, mean(input, None if isinstance(dim, bool) else dim, keepdim))


def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum of the elements along ``dim`` that are not NaN."""
    return sum(where(isnan(input), 0, input), dim, keepdim, dtype=dtype)


def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean of the elements along ``dim`` that are not NaN; NaN where there are none."""
    _floating(input, "nanmean")
    total = nansum(input, dim, keepdim, dtype=dtype)
    _floating(total, "nanmean")
    return total / cast(sum(~isnan(input), dim, keepdim), dtype=total.dtype)
