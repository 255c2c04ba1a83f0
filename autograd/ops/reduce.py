"""Sums, means and extremes over dimensions. ``dim`` is one dimension, several, or ``None`` for all."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from .. import kernels
from ..kernels import blocks
from ..kernels.arrays import is_large
from ..modes import modes
from ..primitive import Primitive, primitive
from ..tensor import Tensor
from .compare import keep, where
from .elementwise import exp
from .layout import _broadcast_to, _reshape, axes_of, cast
from .pieces import _no_slope, sign
from .rules import difference, product


def kept_shape(shape: tuple[int, ...], dim: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a reduction that keeps its dimensions, as 1."""
    return tuple(1 if i in dim else n for i, n in enumerate(shape))


def keep_dims(y: Any, shape: tuple[int, ...], dim: tuple[int, ...], keepdim: bool) -> Any:
    """A reduced value with its dimensions put back as 1, so that it broadcasts against what was reduced."""
    return y if keepdim else _reshape(y, shape=kept_shape(shape, dim))


def spread(g: Any, shape: tuple[int, ...], dim: tuple[int, ...], keepdim: bool) -> Any:
    """The gradient of a sum: each summand gets the whole of ``g``."""
    if type(g) is np.ndarray and g.size and g.flags.c_contiguous:
        return _repeated(g, shape, dim, keepdim)
    return _broadcast_to(keep_dims(g, shape, dim, keepdim), shape=shape)


def _repeated(g: np.ndarray, shape: tuple[int, ...], dim: tuple[int, ...], keepdim: bool) -> np.ndarray:
    """The same of an array in one step: two ops and ``np.broadcast_to`` took a fifth of the time of a whole sum."""
    view = np.ndarray(shape, g.dtype, g, 0, _strides(g.strides, dim, keepdim))
    view.setflags(write=False)
    return view


@lru_cache(maxsize=256)
def _strides(reduced: tuple[int, ...], dim: tuple[int, ...], keepdim: bool) -> tuple[int, ...]:
    strides = [0 if keepdim and i in dim else step for i, step in enumerate(reduced)]
    if not keepdim:
        for i in sorted(dim):
            strides.insert(i, 0)
    return tuple(strides)


def value_of(x: Any) -> Any:
    """The values behind a Tensor, for what a rule needs as a constant (which elements were the largest)."""
    return x._data if isinstance(x, Tensor) else x


def _count(shape: tuple[int, ...], dim: tuple[int, ...]) -> int:
    return math.prod(shape[d] for d in dim)


def flag_of(keepdim: Any, keepdims: Any, op: str) -> bool:
    """``keepdim``, by either name; only ``True`` and ``False`` are meant."""
    keepdim = keepdim if keepdims is None else keepdims
    if not isinstance(keepdim, (bool, np.bool_, int)):
        raise TypeError(f"{op}: keepdim is True or False, not {keepdim!r}")
    return bool(keepdim)


def asked_for(input: Any, dtype: Any, op: str) -> Any:
    """The input in the dtype that is asked for, if one is; a gradient must not get lost on the way."""
    if dtype is None or input.dtype == dtype:
        return input
    dtype = np.dtype(dtype)
    if dtype.kind != "f" and getattr(input, "requires_grad", False) and modes.grad_enabled:
        raise TypeError(f"{op}: the input requires grad, and {dtype} carries none; use x.detach().{op}(dtype=...)")
    return cast(input, dtype=dtype)


def in_dtype(out: Any, dtype: Any) -> Any:
    """A sum or product in the dtype asked for: integers are summed up in int64 whatever it is."""
    return out if dtype is None or out.dtype == dtype else cast(out, dtype=np.dtype(dtype))


def _door(input: Any, dim: Any, keepdim: Any, axis: Any, keepdims: Any, op: str) -> dict:
    dim = axes_of(dim if axis is None else axis, input.ndim, op)
    return {"dim": dim, "keepdim": flag_of(keepdim, keepdims, op)}


def _floating(input: Any, op: str) -> None:
    if input.dtype.kind != "f":
        raise TypeError(f"{op}: the result of {input.dtype} is not whole; convert first, as in x.float().{op}()")


def folded(kind: str, input: Any, dim: tuple[int, ...], keepdim: bool) -> Any | None:
    """A large array reduced on all threads (:func:`autograd.kernels.folds.fold`); ``None`` for what NumPy is to do."""
    if not is_large(input) or (total := kernels.folds.fold(kind, input, dim)) is None:
        return None
    return total.reshape(kept_shape(input.shape, dim)) if keepdim else total


# --- sums -----------------------------------------------------------------------------------------------------------


@primitive
def _sum(input, *, dim, keepdim):
    if (total := folded("sum", input, dim, keepdim)) is not None:
        return total
    # integers and booleans add up in int64, as PyTorch does
    return np.add.reduce(input, axis=dim, dtype=None if input.dtype.kind == "f" else np.int64, keepdims=keepdim)


@primitive
def _mean(input, *, dim, keepdim):
    return _sum.forward(input, dim=dim, keepdim=keepdim) / _divisor(_count(input.shape, dim))


_sum.vjp(input=lambda g, input_shape, *, dim, keepdim: spread(g, input_shape, dim, keepdim))
_mean.vjp(
    input=lambda g, input_shape, *, dim, keepdim: spread(
        g / _divisor(_count(input_shape, dim)), input_shape, dim, keepdim
    )
)


def _divisor(n: float) -> Any:
    """``n``, where dividing by 0 is not Python's error but NumPy's NaN."""
    return n if n > 0 else np.float16(0)  # the narrowest: it widens nothing


def sum(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None, keepdims: Any = None
) -> Any:
    """The sum of the elements along ``dim``; integers and booleans add up in int64."""
    if dtype is None:
        return _sum(input, **_door(input, dim, keepdim, axis, keepdims, "sum"))
    input = asked_for(input, dtype, "sum")
    return in_dtype(_sum(input, **_door(input, dim, keepdim, axis, keepdims, "sum")), dtype)


def mean(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None, keepdims: Any = None
) -> Any:
    """The arithmetic mean of the elements along ``dim``; NaN of none."""
    input = asked_for(input, dtype, "mean")
    _floating(input, "mean")
    return _mean(input, **_door(input, dim, keepdim, axis, keepdims, "mean"))


# --- spread of values -----------------------------------------------------------------------------------------------


@primitive
def _var(input, *, dim, keepdim, correction):
    count = _count(input.shape, dim)
    centred = blocks.spread(np.subtract, input, _sum.forward(input, dim=dim, keepdim=True) / _divisor(count))
    return _sum_of_squares(centred, dim, keepdim) / _divisor(count - correction)


def _sum_of_squares(x, dim, keepdim):
    total = folded("sum of products", x, dim, keepdim)  # with itself
    return np.add.reduce(x * x, axis=dim, keepdims=keepdim) if total is None else total


@primitive(kinks="all elements equal: gradient 0")
def _std(input, *, dim, keepdim, correction):
    return np.sqrt(_var(input, dim=dim, keepdim=keepdim, correction=correction))


def _var_rule(g, input, *, dim, keepdim, correction):
    """``2 (x − x̄) / (n − correction)``; with no degrees of freedom inf, or NaN at the mean"""
    degrees = _count(input.shape, dim) - correction
    centred = difference(input, _mean(input, dim=dim, keepdim=True))
    g = keep_dims(g, input.shape, dim, keepdim)
    if degrees > 0:
        return product(centred, g * (2 / degrees))
    return g * where(centred == 0, math.nan, math.inf)


def _std_rule(g, input, y, *, dim, keepdim, correction):
    flat = value_of(y) == 0  # where the true slope would be 0/0, the gradient is 0
    slope = g / (2 * (y + flat.astype(y.dtype))) * (~flat).astype(y.dtype)
    return _var_rule(slope, input, dim=dim, keepdim=keepdim, correction=correction)


_var.vjp(input=_var_rule)
_std.vjp(input=_std_rule)


def _spread_of_values(op, input, dim, unbiased, keepdim, correction, axis, keepdims):
    _floating(input, op.name)
    if isinstance(dim, bool):  # PyTorch's var(input, unbiased)
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    return op(input, correction=correction, **_door(input, dim, keepdim, axis, keepdims, op.name))


def var(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    axis: Any = None,
    keepdims: Any = None,
) -> Any:
    """``Σ (x − x̄)² / (n − correction)``; the correction is 1 unless ``unbiased=False``. NaN if ``n <= correction``."""
    return _spread_of_values(_var, input, dim, unbiased, keepdim, correction, axis, keepdims)


def std(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    axis: Any = None,
    keepdims: Any = None,
) -> Any:
    """The square root of :func:`var`. Where all elements are equal the gradient is 0."""
    return _spread_of_values(_std, input, dim, unbiased, keepdim, correction, axis, keepdims)


# --- exponentials and norms -----------------------------------------------------------------------------------------


@primitive
def _logsumexp(input, *, dim, keepdim):
    largest = folded("largest", input, dim, True)
    if largest is None:
        largest = np.max(input, axis=dim, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(largest), largest, 0)  # inf − inf would be NaN
    powers = blocks.spread(np.exp, blocks.spread(np.subtract, input, shift), cost=blocks.EXPONENTIAL)
    total = _sum.forward(powers, dim=dim, keepdim=True)
    out = np.log(total) + shift
    return out if keepdim else out.reshape([n for i, n in enumerate(out.shape) if i not in dim])


def _logsumexp_rule(g, input, y, *, dim, keepdim):
    softmax = exp(difference(input, keep_dims(y, input.shape, dim, keepdim)))
    return product(softmax, keep_dims(g, input.shape, dim, keepdim))


_logsumexp.vjp(input=_logsumexp_rule)


def logsumexp(input: Any, dim: Any, keepdim: bool = False, *, axis: Any = None, keepdims: Any = None) -> Any:
    """``log Σ e^x``, shifted by the largest element so that nothing overflows."""
    if input.dtype.kind != "f":
        input = cast(input, dtype=np.dtype(np.float32))
    return _logsumexp(input, **_door(input, dim, keepdim, axis, keepdims, "logsumexp"))


@primitive(kinks="elements 0: 0; p = ±inf, ties: split evenly; norm 0: 0")
def _norm(input, *, p, dim, keepdim):
    if p == 2:
        return np.sqrt(_sum_of_squares(input, dim, keepdim))
    if p == 1 and (total := folded("sum of sizes", input, dim, keepdim)) is not None:
        return total
    if p == math.inf and (total := folded("largest size", input, dim, keepdim)) is not None:
        return total
    size = blocks.spread(np.abs, input)
    if p == 1:
        return np.add.reduce(size, axis=dim, keepdims=keepdim)
    if math.isinf(p):
        return (np.max if p > 0 else np.min)(size, axis=dim, keepdims=keepdim)
    if p == 0:
        return np.add.reduce(size != 0, axis=dim, keepdims=keepdim, dtype=input.dtype)
    return np.add.reduce(size**p, axis=dim, keepdims=keepdim) ** (1 / p)


def _norm_rule(g, input, y, *, p, dim, keepdim):
    if p == 0:
        return _no_slope(input)
    y, g = keep_dims(y, input.shape, dim, keepdim), keep_dims(g, input.shape, dim, keepdim)
    zero = value_of(y) == 0  # the slope would be 0/0 there: the gradient is 0
    if p == 2:
        return product(input, g / (y + zero.astype(y.dtype)))  # where y is 0, so is the input
    direction = value_of(sign(input))
    if p == 1:
        return g * direction
    if math.isinf(p):
        winners = np.abs(value_of(input)) == value_of(y)
        count = np.maximum(winners.sum(axis=dim, keepdims=True), 1)  # none where the norm is NaN
        return g * (direction * (winners / count).astype(input.dtype))
    y = y + zero.astype(y.dtype)
    # |x|^(p−1) at an element 0 with p < 1 is inf: there the gradient is 0 as well
    size = input * direction + (value_of(input) == 0).astype(input.dtype)
    return direction * size ** (p - 1) * keep(g / y ** (p - 1), ~zero)


_norm.vjp(input=_norm_rule)


def norm(
    input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: Any = None
) -> Any:
    """``(Σ |x|^p)^(1/p)`` of all elements along ``dim`` (``p="fro"`` is 2; ±inf: the largest or smallest ``|x|``)."""
    _floating(input, "norm")
    if p in ("fro", None) and isinstance(dim, (tuple, list)) and (len(dim) or input.ndim) > 2:
        raise ValueError(f"norm: the Frobenius norm is one of matrices, not along {dim}; see linalg.vector_norm")
    p = 2.0 if p in ("fro", None) else float(p)
    door = _door(input, dim, keepdim, axis, keepdims, "norm")
    if (p < 0 or p == math.inf) and (empty := [d for d in door["dim"] if not input.shape[d]]):
        raise ValueError(
            f"norm: dim {empty[0]} of shape {tuple(input.shape)} is empty, and there is no norm of nothing for p={p}"
        )
    return _norm(input, p=p, **door)


# --- truth ----------------------------------------------------------------------------------------------------------


@primitive(differentiable=False)
def _any(input, *, dim, keepdim):
    return np.any(input, axis=dim, keepdims=keepdim)


@primitive(differentiable=False)
def _all(input, *, dim, keepdim):
    return np.all(input, axis=dim, keepdims=keepdim)


@primitive(differentiable=False)
def _count_nonzero(input, *, dim, keepdim):
    return np.add.reduce(input != 0, axis=dim, keepdims=keepdim, dtype=np.int64)


def any(input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: Any = None) -> Any:
    """Whether at least one element is nonzero; with ``dim=()``, over no dimension, whether each is."""
    return _truth(_any, "any", input, dim, keepdim, axis, keepdims)


def all(input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: Any = None) -> Any:
    """Whether every element is nonzero; with ``dim=()``, over no dimension, whether each is."""
    return _truth(_all, "all", input, dim, keepdim, axis, keepdims)


def _truth(op: Primitive, name: str, input: Any, dim: Any, keepdim: bool, axis: Any, keepdims: Any) -> Any:
    settings = _door(input, dim, keepdim, axis, keepdims, name)
    if (axis if dim is None else dim) in ((), []):
        return op(_reshape(input, shape=(1, *input.shape)), dim=(0,), keepdim=False)
    return op(input, **settings)


def count_nonzero(input: Any, dim: Any = None, *, axis: Any = None) -> Any:
    """How many elements are nonzero."""
    return _count_nonzero(input, **_door(input, dim, False, axis, None, "count_nonzero"))
