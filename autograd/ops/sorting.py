"""Sorting and what follows from an order: the largest k, medians, quantiles. Ties keep their order."""

from __future__ import annotations

from operator import index as as_int
from typing import Any

import numpy as np

from ..primitive import primitive
from ..tensor import Tensor, as_tensor
from .compare import where
from .elementwise import lerp
from .extremes import ValuesIndices, _share_rule
from .index import _gather
from .layout import _reshape, axis_of, movedim, squeeze
from .reduce import _floating, flag_of

# --- elements picked by an order: none of them twice ----------------------------------------------------------------


@primitive
def _pick_once(input, index, *, dim):
    return np.take_along_axis(input, index, dim)


@primitive
def _put_once(input, index, *, dim, size):
    out = np.zeros((*input.shape[:dim], size, *input.shape[dim + 1 :]), input.dtype)
    np.put_along_axis(out, index, input, dim)
    return out


_pick_once.vjp(
    input=lambda g, index, input_shape, *, dim: _put_once(g, index, dim=dim, size=input_shape[dim]), index=None
)
_put_once.vjp(input=lambda g, index, *, dim: _pick_once(g, index, dim=dim), index=None)


def _picked(input: Any, indices: Any, dim: int, keepdim: bool = True) -> ValuesIndices:
    values, indices = as_tensor(_pick_once(input, indices, dim=dim)), as_tensor(indices)
    return ValuesIndices(values, indices) if keepdim else ValuesIndices(squeeze(values, dim), squeeze(indices, dim))


def _no_booleans(input: Any, op: str) -> None:
    if input.dtype == np.bool_:
        raise TypeError(f"{op}: not for booleans; convert first, as in x.int()")


def _of_a_number(input: Any) -> ValuesIndices:
    return ValuesIndices(as_tensor(input), as_tensor(np.zeros((), np.int64)))


# --- sort -----------------------------------------------------------------------------------------------------------


@primitive(differentiable=False)
def _argsort(input, *, dim, descending):
    if not descending:
        return np.argsort(input, axis=dim, kind="stable")
    # the other way round twice, so that ties keep their order and NaN, the last, comes first
    order = np.argsort(np.flip(input, dim), axis=dim, kind="stable")
    return input.shape[dim] - 1 - np.flip(order, dim)


def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = True) -> ValuesIndices:
    """``(values, indices)``: the elements along ``dim`` in order, and where they were. NaN counts as the largest.

    Equal elements keep their order, whatever ``stable`` says.
    """
    dim = axis_of(dim, input.ndim, "sort")
    if not input.ndim:
        return _of_a_number(input)
    return _picked(input, _argsort(input, dim=dim, descending=bool(descending)), dim)


def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The indices that sort ``input`` along ``dim``."""
    dim = axis_of(dim, input.ndim, "argsort")
    return as_tensor(_argsort(input, dim=dim, descending=bool(descending))) if input.ndim else _of_a_number(input)[1]


def msort(input: Any) -> Tensor:
    """The elements along dimension 0 in order."""
    return sort(input, 0)[0]


# --- the k-th and the first k ---------------------------------------------------------------------------------------


@primitive(differentiable=False)
def _best(input, *, k, dim, largest):
    """The indices of the k largest (smallest) elements, the best first."""
    n = input.shape[dim]
    if 0 < k < n // 8:  # finding a few needs no order of the rest
        cut = np.argpartition(input, n - k if largest else k - 1, axis=dim)
        chosen = np.take(cut, np.arange(n - k, n) if largest else np.arange(k), axis=dim)
        chosen = np.sort(chosen, axis=dim)
        order = _argsort(np.take_along_axis(input, chosen, dim), dim=dim, descending=largest)
        return np.take_along_axis(chosen, order, dim)
    return np.take(_argsort(input, dim=dim, descending=largest), np.arange(k), axis=dim)


def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """``(values, indices)`` of the ``k`` largest (or smallest) elements along ``dim``, the best first."""
    _no_booleans(input, "topk")
    dim, k = axis_of(dim, input.ndim, "topk"), as_int(k)
    size = input.shape[dim] if input.ndim else 1
    if not 0 <= k <= size:
        raise ValueError(f"topk: k={k} is not between 0 and {size}, the size of dim {dim}")
    return _picked(input, _best(input, k=k, dim=dim, largest=bool(largest)), dim) if input.ndim else _of_a_number(input)


@primitive(differentiable=False)
def _kth(input, *, k, dim):
    return np.take(np.argpartition(input, k, axis=dim), [k], axis=dim)


def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """``(value, index)`` of the ``k``-th smallest element along ``dim``, counted from 1."""
    _no_booleans(input, "kthvalue")
    keepdim = flag_of(keepdim, None, "kthvalue")
    dim, k = axis_of(dim, input.ndim, "kthvalue"), as_int(k)
    size = input.shape[dim] if input.ndim else 1
    if not 1 <= k <= size:
        raise ValueError(f"kthvalue: k={k} is not between 1 and {size}, the size of dim {dim}")
    return _picked(input, _kth(input, k=k - 1, dim=dim), dim, keepdim) if input.ndim else _of_a_number(input)


# --- medians --------------------------------------------------------------------------------------------------------


@primitive(differentiable=False)
def _middle(input, *, dim, skip_nan):
    """The index of the lower median; of the first NaN if there is one, unless those are skipped."""
    n = input.shape[dim]
    count = n - np.add.reduce(np.isnan(input), axis=dim, keepdims=True, dtype=np.int64)
    # in sorted order NaN stand at the end, behind `count` numbers
    place = np.maximum(count - 1, 0) // 2 if skip_nan else np.where(count == n, (n - 1) // 2, count)
    return np.take_along_axis(np.argsort(input, axis=dim, kind="stable"), place, dim)


@primitive(kinks="ties: the gradient is split evenly")
def _median(input, *, skip_nan, dim, keepdim):
    flat = input.reshape(-1)
    return flat[_middle(flat, dim=0, skip_nan=skip_nan)[0]] if flat.size else np.full((), np.nan, input.dtype)


_median.vjp(input=lambda g, input, y, *, dim, keepdim: _share_rule(g, input, y, dim=dim, keepdim=keepdim))


def _median_of(input: Any, dim: Any, keepdim: bool, skip_nan: bool, op: str) -> Any:
    _no_booleans(input, op)
    keepdim = flag_of(keepdim, None, op)
    if dim is None:
        if 0 in input.shape and input.dtype.kind != "f":
            raise ValueError(f"{op}: there is no median of no {input.dtype}")
        return _median(input, skip_nan=skip_nan, dim=tuple(range(input.ndim)), keepdim=False)
    dim = axis_of(dim, input.ndim, op)
    if not input.ndim:
        return _of_a_number(input)
    if not input.shape[dim]:
        raise IndexError(f"{op}: dim {dim} of shape {tuple(input.shape)} is empty; it has no median")
    return _picked(input, _middle(input, dim=dim, skip_nan=skip_nan), dim, keepdim)


def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element of all, the lower of two; its ties share the gradient. NaN if there is one.

    With ``dim``: ``(values, indices)`` along it, the index of the first tie, which takes the whole gradient.
    """
    return _median_of(input, dim, keepdim, False, "median")


def nanmedian(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """:func:`median` of the elements that are not NaN; NaN where there are none."""
    return _median_of(input, dim, keepdim, True, "nanmedian")


# --- quantiles ------------------------------------------------------------------------------------------------------

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, skip_nan: bool, op: str) -> Any:
    _floating(input, op)
    q = _checked_q(input, q, interpolation, op)
    if 0 in input.shape:
        raise ValueError(f"{op}: the input of shape {tuple(input.shape)} is empty")
    kept = (1,) * input.ndim
    if dim is None:
        lines = _reshape(input, shape=(-1,))
    else:
        dim = axis_of(dim, input.ndim, op)
        lines = movedim(input, dim, -1) if input.ndim else _reshape(input, shape=(1,))
        kept = tuple(1 if d == dim else n for d, n in enumerate(input.shape))
    values = sort(lines)[0]
    count = np.add.reduce(~np.isnan(values._data), axis=-1, keepdims=True).astype(input.dtype)
    n = values.shape[-1]
    levels = q.reshape(-1) if q.ndim else q.reshape(1)
    if skip_nan:
        ranks = levels * np.maximum(count - 1, 0)
    else:
        ranks = where(count == n, levels * (n - 1), float(n - 1))  # the last place, where a NaN stands
    at = ranks._data if isinstance(ranks, Tensor) else ranks
    if interpolation in ("linear", "midpoint"):
        weight = 0.5 if interpolation == "midpoint" else ranks - np.floor(at)
        found = lerp(_pick(values, np.floor(at)), _pick(values, np.ceil(at)), weight)
    else:
        found = _pick(values, {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}[interpolation](at))
    found = movedim(found, -1, 0)  # (levels, *the dimensions that are left)
    left = kept if keepdim else tuple(found.shape[1:])
    return _reshape(found, shape=(found.shape[0], *left) if q.ndim else left)


def _pick(values: Any, ranks: np.ndarray) -> Any:
    places = np.broadcast_to(ranks, (*values.shape[:-1], ranks.shape[-1])).astype(np.int64)
    return _gather(values, places, dim=values.ndim - 1)


def _checked_q(input: Any, q: Any, interpolation: str, op: str) -> Any:
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(f"{op}: interpolation is one of {', '.join(_INTERPOLATIONS)}, not {interpolation!r}")
    if not isinstance(q, (Tensor, np.ndarray)):
        q = as_tensor(np.asarray(q, input.dtype))
    if q.ndim > 1:
        raise ValueError(f"{op}: q is a number or a vector, not of shape {tuple(q.shape)}")
    if q.dtype != input.dtype:
        raise TypeError(f"{op}: q is {q.dtype} but the input {input.dtype}; convert one with .to(dtype)")
    numbers = q._data if isinstance(q, Tensor) else q
    if not np.all((numbers >= 0) & (numbers <= 1)):
        raise ValueError(f"{op}: q lies between 0 and 1, not at {numbers[~((numbers >= 0) & (numbers <= 1))].flat[0]}")
    return q


def quantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Any:
    """The values below which the parts ``q`` of the elements along ``dim`` lie; NaN where there is a NaN.

    q : a number in [0, 1], or a vector of them, which makes a new dimension 0 of the result.
    interpolation : between two elements ``linear``, ``lower``, ``higher``, ``midpoint`` or ``nearest``.
    """
    return _quantile(input, q, dim, keepdim, interpolation, False, "quantile")


def nanquantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Any:
    """:func:`quantile` of the elements that are not NaN; NaN where there are none."""
    return _quantile(input, q, dim, keepdim, interpolation, True, "nanquantile")
