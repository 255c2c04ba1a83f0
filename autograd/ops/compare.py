"""Comparisons, logic, and the ops that choose between values: what is chosen passes its gradient on, unchanged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import kernels
from ..dtypes import default_float
from ..kernels.arrays import is_large
from ..primitive import primitive
from ..tensor import Tensor

# --- comparisons and logic carry no gradient ----------------------------------------------------------------------


@primitive(elementwise=True, differentiable=False)
def eq(input, other):
    """``input == other``, element by element."""
    return np.equal(input, other)


@primitive(elementwise=True, differentiable=False)
def ne(input, other):
    """``input != other``, element by element."""
    return np.not_equal(input, other)


@primitive(elementwise=True, differentiable=False)
def lt(input, other):
    """``input < other``, element by element."""
    return np.less(input, other)


@primitive(elementwise=True, differentiable=False)
def le(input, other):
    """``input <= other``, element by element."""
    return np.less_equal(input, other)


@primitive(elementwise=True, differentiable=False)
def gt(input, other):
    """``input > other``, element by element."""
    return np.greater(input, other)


@primitive(elementwise=True, differentiable=False)
def ge(input, other):
    """``input >= other``, element by element."""
    return np.greater_equal(input, other)


@primitive(elementwise=True, differentiable=False)
def logical_and(input, other):
    """Both are nonzero."""
    return np.logical_and(input, other)


@primitive(elementwise=True, differentiable=False)
def logical_or(input, other):
    """At least one is nonzero."""
    return np.logical_or(input, other)


@primitive(elementwise=True, differentiable=False)
def logical_xor(input, other):
    """Exactly one is nonzero."""
    return np.logical_xor(input, other)


@primitive(elementwise=True, differentiable=False)
def logical_not(input):
    """It is zero."""
    return np.logical_not(input)


@primitive(elementwise=True, differentiable=False)
def bitwise_and(input, other):
    """``input & other`` of integers or booleans."""
    return np.bitwise_and(input, other)


@primitive(elementwise=True, differentiable=False)
def bitwise_or(input, other):
    """``input | other`` of integers or booleans."""
    return np.bitwise_or(input, other)


@primitive(elementwise=True, differentiable=False)
def bitwise_xor(input, other):
    """``input ^ other`` of integers or booleans."""
    return np.bitwise_xor(input, other)


@primitive(elementwise=True, differentiable=False)
def bitwise_not(input):
    """``~input`` of integers or booleans."""
    return np.invert(input)


@primitive(elementwise=True, differentiable=False)
def bitwise_left_shift(input, other):
    """``input · 2^other`` of integers."""
    return np.left_shift(input, other)


@primitive(elementwise=True, differentiable=False)
def bitwise_right_shift(input, other):
    """``⌊input / 2^other⌋`` of integers."""
    return np.right_shift(input, other)


@primitive(elementwise=True, differentiable=False)
def isnan(input):
    """Where ``input`` is not a number."""
    return np.isnan(input)


@primitive(elementwise=True, differentiable=False)
def isinf(input):
    """Where ``input`` is infinite, of either sign."""
    return np.isinf(input)


@primitive(elementwise=True, differentiable=False)
def isposinf(input):
    """Where ``input`` is inf."""
    return np.equal(input, np.inf)


@primitive(elementwise=True, differentiable=False)
def isneginf(input):
    """Where ``input`` is −inf."""
    return np.equal(input, -np.inf)


@primitive(elementwise=True, differentiable=False)
def isfinite(input):
    """Where ``input`` is a finite number."""
    return np.isfinite(input)


def isclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """``|input − other| <= atol + rtol·|other|``, element by element."""
    if isinstance(input, Tensor) and isinstance(other, Tensor) and input.dtype != other.dtype:
        raise TypeError(f"isclose: input is {input.dtype} but other is {other.dtype}; convert one with .to(dtype)")
    return Tensor(np.isclose(_array(input), _array(other), rtol=rtol, atol=atol, equal_nan=equal_nan))


def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements satisfy :func:`isclose`."""
    return bool(isclose(input, other, rtol, atol, equal_nan)._data.all())


def equal(input: Any, other: Any) -> bool:
    """Whether both have the same shape and the same elements."""
    for x in (input, other):
        if not isinstance(x, (Tensor, np.ndarray)):
            raise TypeError(f"equal: both are Tensors or arrays, not {type(x).__name__}")
    return np.array_equal(_array(input), _array(other))


def _array(x: Any) -> np.ndarray:
    return x._data if isinstance(x, Tensor) else np.asarray(x)


# --- choosing -------------------------------------------------------------------------------------------------------

_NUMBERS = (bool, int, float)
_BITS = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}


@primitive(elementwise=True, masks=("mask",))
def keep(input, mask):
    """``input`` where ``mask``, else exactly 0 (also where ``input`` is inf or NaN, which ``input * mask`` is not)."""
    if is_large(input) and (whole := _stretched(mask, input.shape)) is not None:
        return kernels.pointwise.keep(input, whole)
    bits = _BITS.get(input.dtype) if isinstance(input, np.ndarray) and isinstance(mask, np.ndarray) else None
    if bits is None or input.ndim == 0:
        return np.where(mask, input, 0)
    # all bits set or none: np.where takes ten times as long on a mask that a processor cannot predict
    chosen = np.negative(mask.view(np.int8)) if mask.ndim else np.int8(-int(mask))
    return np.bitwise_and(input.view(bits), chosen).view(input.dtype)


keep.vjp(input=lambda g, mask: keep(g, mask), mask=None)


@primitive(elementwise=True, masks=("condition",), kinks="where the condition changes: the gradient of the side taken")
def _where(condition, input, other):
    check_condition(condition)
    large = input if is_large(input) else other
    if is_large(large) and (whole := _stretched(condition, large.shape)) is not None:
        sides = [_as_number(x, large.dtype) for x in (input, other)]
        if all(type(x) in _NUMBERS or is_large(x, large) for x in sides):
            return kernels.pointwise.select(whole, *sides)
    out = np.where(condition, input, other)
    if out.dtype == np.float64 and not isinstance(input, np.ndarray) and not isinstance(other, np.ndarray):
        return out.astype(default_float)  # two Python numbers
    return out


def _stretched(mask, shape):
    """A mask that broadcasts to ``shape``, in that shape; ``None`` for anything else."""
    if type(mask) is not np.ndarray:
        return None
    fits = mask.ndim <= len(shape) and all(n in (1, m) for n, m in zip(reversed(mask.shape), reversed(shape)))
    return np.broadcast_to(mask, shape) if fits else None


def _as_number(x, dtype):
    """The number in an array of no dimensions, if it has this dtype."""
    return x.item() if isinstance(x, (np.ndarray, np.generic)) and x.ndim == 0 and x.dtype == dtype else x


_where.vjp(
    condition=None,
    input=lambda g, condition: keep(g, condition),
    other=lambda g, condition: keep(g, np.logical_not(condition)),
)


def check_condition(condition: Any) -> None:
    """Raise unless ``where`` can choose by it."""
    if not isinstance(condition, bool) and condition.dtype != np.bool_:
        raise TypeError(
            f"where: the condition has dtype {condition.dtype}, but it must be boolean; compare it, as in c != 0"
        )


def where(condition: Any, input: Any = None, other: Any = None, *inputs: Any) -> Any:
    """``input`` where ``condition`` is true, else ``other``; all three broadcast.

    With ``condition`` alone: its nonzero indices. The gradient goes to the side that was taken, and the other side gets
    exactly 0. If the side *not* taken was computed through inf or NaN (``where(x > 0, log(x), 0)`` at 0), that 0 meets
    them further back and becomes NaN: make the argument safe first, ``log(where(x > 0, x, 1))``, or hand over
    functions: ``where(x > 0, autograd.log, 0, x)`` calls a side that is a function with those elements of the
    ``inputs`` for which it is taken, one vector each, and never computes it elsewhere.
    """
    if input is None and other is None:
        from .index import nonzero

        return nonzero(condition, as_tuple=True)
    if inputs or callable(input) or callable(other):
        from .choosing import where_computed

        return where_computed(condition, (input, other), inputs)
    return _where(condition, input, other)


@primitive(elementwise=True, kinks="input == other: half the gradient to each")
def maximum(input, other):
    """The larger of both, element by element; NaN if either is."""
    return np.maximum(input, other)


@primitive(elementwise=True, kinks="input == other: half the gradient to each")
def minimum(input, other):
    """The smaller of both, element by element; NaN if either is."""
    return np.minimum(input, other)


def _winner(g, lesser, greater):
    """The gradient of the one that loses where ``lesser < greater``."""
    if is_large(g, lesser, greater):
        return kernels.pointwise.winner_backward(g, lesser, greater)
    return keep(_where(lesser == greater, g * 0.5, g), ~(lesser < greater))


maximum.vjp(
    input=lambda g, input, other: _winner(g, input, other),
    other=lambda g, input, other: _winner(g, other, input),
)
minimum.vjp(
    input=lambda g, input, other: _winner(g, other, input),
    other=lambda g, input, other: _winner(g, input, other),
)


@primitive(elementwise=True, kinds="iuf", kinks="at a bound: 1, the whole gradient to the input")
def clamp(input, min=None, max=None):
    """``min(max(input, min), max)``; either bound may be missing, a number or a Tensor.

    Where ``min > max`` the result is ``max``.
    """
    if min is None and max is None:
        raise ValueError("clamp: at least one of min and max must be given")
    if is_large(input) and (bounds := _numbers(min, max)):
        return kernels.pointwise.clamp(input, *bounds)
    out = input if min is None else np.maximum(input, min)
    return out if max is None else np.minimum(out, max)


def _inside(input, min, max):
    if min is None or max is None:
        return input <= max if min is None else input >= min
    return (input >= min) & (input <= max)


def _numbers(min, max):
    """Both bounds, where they are numbers or missing."""
    low, high = -math.inf if min is None else min, math.inf if max is None else max
    return (low, high) if type(low) in _NUMBERS and type(high) in _NUMBERS and low == low and high == high else None


def _clamp_rule(g, input, min, max):
    if is_large(g, input) and (bounds := _numbers(min, max)):
        return kernels.pointwise.clamp_backward(g, input, *bounds)
    return keep(g, _inside(input, min, max))


clamp.vjp(
    input=_clamp_rule,
    min=lambda g, input, min, max: keep(g, input < min if max is None else (input < min) & (min < max)),
    max=lambda g, input, min, max: keep(g, input > max if min is None else (input > max) | (max < min)),
)
