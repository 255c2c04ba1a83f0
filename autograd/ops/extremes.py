"""Largest and smallest, and products."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import kernels
from ..kernels import blocks
from ..kernels.arrays import is_large
from ..primitive import primitive
from ..tensor import Tensor, as_tensor, by_product
from .compare import maximum, minimum
from .index import _gather_rule
from .join import _pad
from .layout import _flip, _permute, _reshape, axes_of, axis_of
from .reduce import _door, _sum, asked_for, flag_of, folded, in_dtype, keep_dims, spread, value_of
from .rules import product


def _largest(input, dim, keepdim):
    found = folded("largest", input, dim, keepdim)
    return np.maximum.reduce(input, axis=dim, keepdims=keepdim) if found is None else found


def _smallest(input, dim, keepdim):
    found = folded("smallest", input, dim, keepdim)
    return np.minimum.reduce(input, axis=dim, keepdims=keepdim) if found is None else found


# --- all ties share -------------------------------------------------------------------------------------------------


@primitive(kinks="ties: the gradient is split evenly; NaN: NaN for all")
def _amax(input, *, dim, keepdim):
    return _largest(input, dim, keepdim)


@primitive(kinks="ties: the gradient is split evenly; NaN: NaN for all")
def _amin(input, *, dim, keepdim):
    return _smallest(input, dim, keepdim)


@primitive(kinks="ties: the gradient is split evenly, also among NaN")
def _max_of_all(input, *, dim, keepdim):
    return _largest(input, dim, keepdim)


@primitive(kinks="ties: the gradient is split evenly, also among NaN")
def _min_of_all(input, *, dim, keepdim):
    return _smallest(input, dim, keepdim)


def _share_rule(g, input, y, *, dim, keepdim, nan=True):
    x, best = value_of(input), keep_dims(value_of(y), input.shape, dim, keepdim)
    winners = blocks.spread(np.equal, x, best)
    if nan and np.isnan(best).any():
        winners = (x == best) | (np.isnan(x) & np.isnan(best))
    if winners.dtype != x.dtype:
        winners = winners.astype(x.dtype)
    share = keep_dims(g, input.shape, dim, keepdim) / _sum.forward(winners, dim=dim, keepdim=True)
    return product(share, winners)


for _op in (_amax, _amin):  # a NaN equals nothing: 0 winners share, which makes NaN
    _op.vjp(input=lambda g, input, y, *, dim, keepdim: _share_rule(g, input, y, dim=dim, keepdim=keepdim, nan=False))
for _op in (_max_of_all, _min_of_all):
    _op.vjp(input=lambda g, input, y, *, dim, keepdim: _share_rule(g, input, y, dim=dim, keepdim=keepdim))


def amax(input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: Any = None) -> Any:
    """The largest element along ``dim``; equal largest elements share the gradient. NaN if there is one."""
    return _amax(input, **_door(input, dim, keepdim, axis, keepdims, "amax"))


def amin(input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: Any = None) -> Any:
    """The smallest element along ``dim``; equal smallest elements share the gradient. NaN if there is one."""
    return _amin(input, **_door(input, dim, keepdim, axis, keepdims, "amin"))


class MinMax(NamedTuple):
    """The smallest and the largest."""

    min: Tensor
    max: Tensor


def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """``(amin, amax)`` along ``dim``, or of all elements."""
    return MinMax(amin(input, dim, keepdim), amax(input, dim, keepdim))


# --- one winner -----------------------------------------------------------------------------------------------------


class ValuesIndices(NamedTuple):
    """What was found along a dimension, and where."""

    values: Tensor
    indices: Tensor


@primitive(residuals=("indices",), kinks="ties: the first takes the whole gradient")
def _max(input, *, dim, keepdim):
    return _pick("largest", np.argmax, input, dim, keepdim)


@primitive(residuals=("indices",), kinks="ties: the first takes the whole gradient")
def _min(input, *, dim, keepdim):
    return _pick("smallest", np.argmin, input, dim, keepdim)


def _pick(kind, index, input, dim, keepdim):
    if input.ndim == 0:
        return input, np.int64(0)
    if is_large(input):
        values, indices = kernels.extremes.first(kind, input, dim)
    else:
        indices = index(input, axis=dim)
        values = np.squeeze(np.take_along_axis(input, np.expand_dims(indices, dim), dim), dim)
    return (np.expand_dims(values, dim), np.expand_dims(indices, dim)) if keepdim else (values, indices)


def _pick_rule(g, indices, input_shape, *, dim, keepdim):
    if not input_shape:
        return g
    if not keepdim:
        shape = (*input_shape[:dim], 1, *input_shape[dim + 1 :])
        g, indices = _reshape(g, shape=shape), np.reshape(value_of(indices), shape)
    return _gather_rule(g, indices, input_shape, dim=dim)


_max.vjp(input=_pick_rule)
_min.vjp(input=_pick_rule)


def _extreme(input, dim, keepdim, other, axis, keepdims, by_dim, over_all, of_two):
    dim = dim if axis is None else axis
    if other is ... and isinstance(dim, (Tensor, np.ndarray)):
        dim, other = None, dim
    if other is not ...:  # None is no tensor, and refused as PyTorch refuses it
        if dim is not None or keepdim:
            raise TypeError(f"{by_dim.name}: of two tensors element by element, or of one along dim, not both")
        return of_two(input, other)
    keepdim = flag_of(keepdim, keepdims, by_dim.name)
    if dim is None:
        return over_all(input, dim=axes_of(None, input.ndim, by_dim.name), keepdim=keepdim)
    values, indices = by_dim.with_residuals(input, dim=axis_of(dim, input.ndim, by_dim.name), keepdim=keepdim)
    return ValuesIndices(as_tensor(values), by_product(np.asarray(indices)))


def max(
    input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = ..., axis: Any = None, keepdims: Any = None
) -> Any:
    """The largest element of all, whose ties share the gradient.

    With ``dim``: ``(values, indices)`` of the first largest along it, which takes the whole gradient.
    With a Tensor ``other``, which may stand in the place of ``dim``: :func:`maximum`.
    """
    return _extreme(input, dim, keepdim, other, axis, keepdims, _max, _max_of_all, maximum)


def min(
    input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = ..., axis: Any = None, keepdims: Any = None
) -> Any:
    """The smallest element of all, whose ties share the gradient.

    With ``dim``: ``(values, indices)`` of the first smallest along it, which takes the whole gradient.
    With a Tensor ``other``, which may stand in the place of ``dim``: :func:`minimum`.
    """
    return _extreme(input, dim, keepdim, other, axis, keepdims, _min, _min_of_all, minimum)


@primitive(differentiable=False)
def _argmax(input, *, dim, keepdim):
    return _index("largest", np.argmax, input, dim, keepdim)


@primitive(differentiable=False)
def _argmin(input, *, dim, keepdim):
    return _index("smallest", np.argmin, input, dim, keepdim)


def _index(kind, index, input, dim, keepdim):
    if dim is None or not is_large(input):
        return index(input, axis=dim, keepdims=keepdim)
    _, indices = kernels.extremes.first(kind, input, dim)
    return np.expand_dims(indices, dim) if keepdim else indices


def argmax(input: Any, dim: int | None = None, keepdim: bool = False, *, axis: Any = None, keepdims: Any = None) -> Any:
    """The index of the first largest element along ``dim``; without ``dim``, in the flattened order."""
    return _where_best(_argmax, input, dim, keepdim, axis, keepdims)


def argmin(input: Any, dim: int | None = None, keepdim: bool = False, *, axis: Any = None, keepdims: Any = None) -> Any:
    """The index of the first smallest element along ``dim``; without ``dim``, in the flattened order."""
    return _where_best(_argmin, input, dim, keepdim, axis, keepdims)


def _where_best(op, input, dim, keepdim, axis, keepdims):
    dim = dim if axis is None else axis
    dim = None if dim is None else axis_of(dim, input.ndim, op.name)
    if input.ndim == 0:
        dim = None
    return op(input, dim=dim, keepdim=flag_of(keepdim, keepdims, op.name))


# --- products -------------------------------------------------------------------------------------------------------


@primitive
def _prod(input, *, dim, keepdim):
    return np.multiply.reduce(input, axis=dim, dtype=None if input.dtype.kind == "f" else np.int64, keepdims=keepdim)


def _prod_rule(g, input, y, *, dim, keepdim):
    if value_of(input).all():
        return spread(g * y, input.shape, dim, keepdim) / input
    # a zero forbids dividing: the product of the others is formed for each element, by products only
    shape = input.shape
    order = (*(d for d in range(len(shape)) if d not in dim), *dim)
    moved = _permute(input, dims=order)
    others = _product_of_others(_reshape(moved, shape=(*(shape[d] for d in range(len(shape)) if d not in dim), -1)))
    back = _permute(_reshape(others, shape=moved.shape), dims=tuple(int(i) for i in np.argsort(order)))
    return keep_dims(g, shape, dim, keepdim) * back


def _product_of_others(x):
    """For each element along the last axis, the product of all others: up a tree of pairs and down again."""
    n = x.shape[-1]
    levels = []
    while x.shape[-1] > 1:
        if x.shape[-1] % 2:
            x = _pad(x, padding=((0, 0),) * (x.ndim - 1) + ((0, 1),), value=1)
        pairs = _reshape(x, shape=(*x.shape[:-1], x.shape[-1] // 2, 2))
        levels.append(pairs)
        x = pairs[..., 0] * pairs[..., 1]
    others = np.ones(x.shape, x.dtype)  # at the top there are no others
    for pairs in reversed(levels):
        swapped = _flip(pairs, dims=(pairs.ndim - 1,))
        parent = _reshape(others[..., : pairs.shape[-2]], shape=(*pairs.shape[:-1], 1))
        others = _reshape(swapped * parent, shape=(*pairs.shape[:-2], 2 * pairs.shape[-2]))
    return others[..., :n]


_prod.vjp(input=_prod_rule)


def prod(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None, keepdims: Any = None
) -> Any:
    """The product of the elements along ``dim``; its gradient is right where elements are 0 too."""
    input = asked_for(input, dtype, "prod")
    return in_dtype(_prod(input, **_door(input, dim, keepdim, axis, keepdims, "prod")), dtype)
