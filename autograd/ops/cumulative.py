"""Running sums, products and extremes along one dimension."""

from __future__ import annotations

from operator import index as as_int
from typing import Any

import numpy as np

from .. import kernels
from ..kernels.arrays import is_large
from ..primitive import primitive
from ..tensor import as_tensor
from .compare import isinf, where
from .elementwise import exp
from .extremes import ValuesIndices
from .index import _gather, basic
from .join import _pad
from .layout import _flip, _roll, axis_of, cast
from .reduce import _floating, asked_for, in_dtype


def _door(input: Any, dim: Any, dtype: Any, axis: Any, op: str) -> tuple[Any, int]:
    input = asked_for(input, dtype, op)
    dim = axis if dim is None else dim
    if dim is None:
        raise TypeError(f"{op}: dim is missing")
    return input, axis_of(as_int(dim), input.ndim, op)


def _running_total(op: Any, input: Any, dim: int, dtype: Any, **settings: Any) -> Any:
    """Integers run up in int64; a number is its own total."""
    if dtype is not None and np.dtype(dtype) == np.bool_ and input.ndim:
        raise TypeError(f"{op.name}: running totals are numbers, not booleans; see cummax")
    if not input.ndim:
        input = input if input.dtype.kind == "f" else cast(input, dtype=np.dtype(np.int64))
    return in_dtype(op(input, dim=dim, **settings) if input.ndim else input, dtype)


# --- sums -----------------------------------------------------------------------------------------------------------


@primitive
def _cumsum(input, *, dim, reverse):
    if is_large(input):
        return kernels.scan.running_sum(input, dim, reverse)
    if reverse:
        return np.flip(_cumsum.forward(np.flip(input, dim), dim=dim, reverse=False), dim)
    return np.add.accumulate(input, axis=dim, dtype=None if input.dtype.kind == "f" else np.int64)


_cumsum.vjp(input=lambda g, *, dim, reverse: _cumsum(g, dim=dim, reverse=not reverse))


def cumsum(input: Any, dim: int | None = None, *, dtype: Any = None, axis: int | None = None) -> Any:
    """The sum of all elements up to each one along ``dim``."""
    input, dim = _door(input, dim, dtype, axis, "cumsum")
    return _running_total(_cumsum, input, dim, dtype, reverse=False)


# --- recurrences ----------------------------------------------------------------------------------------------------


@primitive
def _recurrence(factor, summand, *, dim):
    """``y_i = factor_i · y_{i−1} + summand_i``, with ``y_0 = summand_0``."""
    return kernels.scan.recurrence(factor, summand, dim)


def _back(factor, g, dim):
    """``h_i = g_i + factor_{i+1} · h_{i+1}``: the adjoint of the recurrence is a recurrence the other way."""
    moved = _flip(_roll(factor, shifts=(-1,), dims=(dim,)), dims=(dim,))
    return _flip(_recurrence(moved, _flip(g, dims=(dim,)), dim=dim), dims=(dim,))


def _previous(x, dim, first):
    """The element before each one, and ``first`` before the first."""
    kept = basic(x, index=(slice(None),) * dim + (slice(None, -1),))
    return _pad(kept, padding=tuple((int(d == dim), 0) for d in range(x.ndim)), value=first)


def _recurrence_rule(g, factor, y, *, dim):
    h = _back(factor, g, dim)
    return h * _previous(y, dim, 0), h


_recurrence.vjp_joint(_recurrence_rule)


# --- products -------------------------------------------------------------------------------------------------------


@primitive
def _cumprod(input, *, dim):
    return np.multiply.accumulate(input, axis=dim, dtype=None if input.dtype.kind == "f" else np.int64)


def _cumprod_rule(g, input, y, *, dim):
    """``gx_i = Π_{j<i} x_j · Σ_{k≥i} g_k Π_{i<j≤k} x_j``: no division, so that zeros are nothing special."""
    if 0 in g.shape:
        return g
    return _previous(y, dim, 1) * _back(input, g, dim)


_cumprod.vjp(input=_cumprod_rule)


def cumprod(input: Any, dim: int | None = None, *, dtype: Any = None, axis: int | None = None) -> Any:
    """The product of all elements up to each one along ``dim``; its gradient is right where elements are 0 too."""
    input, dim = _door(input, dim, dtype, axis, "cumprod")
    return _running_total(_cumprod, input, dim, dtype)


# --- sums of exponentials -------------------------------------------------------------------------------------------


@primitive
def _logcumsumexp(input, *, dim):
    return np.logaddexp.accumulate(input, axis=dim)


def _logcumsumexp_rule(g, input, y, *, dim):
    """``gx_i = e^(x_i − y_i) · h_i`` with ``h_i = g_i + e^(y_i − y_{i+1}) · h_{i+1}``: no exponent is above 0."""
    if 0 in g.shape:
        return g
    head = (slice(None),) * dim
    before, behind = basic(y, index=(*head, slice(None, -1))), basic(y, index=(*head, slice(1, None)))
    step = where(isinf(behind) & (before == behind), 0.0, before - behind)
    factor = _pad(exp(step), padding=tuple((int(d == dim), 0) for d in range(y.ndim)), value=0)
    return exp(input - y) * _back(factor, g, dim)


_logcumsumexp.vjp(input=_logcumsumexp_rule)


def logcumsumexp(input: Any, dim: int | None = None, *, axis: int | None = None) -> Any:
    """The logarithm of the sum of the exponentials of all elements up to each one along ``dim``."""
    _floating(input, "logcumsumexp")
    input, dim = _door(input, dim, None, axis, "logcumsumexp")
    return _logcumsumexp(input, dim=dim) if input.ndim else input


# --- extremes -------------------------------------------------------------------------------------------------------


@primitive(differentiable=False)
def _running_best(input, *, dim, largest):
    """The index of the largest (smallest) element so far: the last of ties, and of NaN once there is one."""
    best = (np.maximum if largest else np.minimum).accumulate(input, axis=dim)
    place = np.arange(input.shape[dim]).reshape([-1 if d == dim else 1 for d in range(input.ndim)])
    return np.maximum.accumulate(np.where((input == best) | np.isnan(input), place, 0), axis=dim)


def _running(input: Any, dim: Any, axis: Any, largest: bool, op: str) -> ValuesIndices:
    input, dim = _door(input, dim, None, axis, op)
    if not input.ndim:
        return ValuesIndices(as_tensor(input), as_tensor(np.zeros((), np.int64)))
    indices = _running_best(input, dim=dim, largest=largest)
    return ValuesIndices(as_tensor(_gather(input, indices, dim=dim)), as_tensor(indices))


def cummax(input: Any, dim: int | None = None, *, axis: int | None = None) -> ValuesIndices:
    """``(values, indices)`` of the largest element up to each one along ``dim``; of ties, the last. NaN wins."""
    return _running(input, dim, axis, True, "cummax")


def cummin(input: Any, dim: int | None = None, *, axis: int | None = None) -> ValuesIndices:
    """``(values, indices)`` of the smallest element up to each one along ``dim``; of ties, the last. NaN wins."""
    return _running(input, dim, axis, False, "cummin")
