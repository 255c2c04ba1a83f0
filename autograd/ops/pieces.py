"""Quotients and pieces of numbers: whole parts, signs, remainders. They jump, and are flat or straight in between."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import kernels
from ..kernels.arrays import is_large
from ..primitive import primitive
from .compare import isfinite, keep
from .rules import product

# --- pieces ---------------------------------------------------------------------------------------------------------


@primitive(elementwise=True, kinds="iuf", kinks="0: gradient 0")
def abs(input):
    """``|input|``"""
    return kernels.pointwise.absolute(input) if is_large(input) else np.abs(input)


@primitive(elementwise=True, kinks="0: jumps, gradient 0 everywhere")
def sign(input):
    """−1, 0 or 1; 0 of NaN."""
    if is_large(input):
        return kernels.pointwise.sign(input)
    if np.asarray(input).dtype == np.bool_:
        return np.array(input)
    return np.subtract(np.greater(input, 0), np.less(input, 0), dtype=np.asarray(input).dtype)


@primitive(elementwise=True, kinds="iuf", kinks="whole numbers: jumps, gradient 0 everywhere")
def floor(input):
    """The largest whole number not above ``input``."""
    return np.floor(input)


@primitive(elementwise=True, kinds="iuf", kinks="whole numbers: jumps, gradient 0 everywhere")
def ceil(input):
    """The smallest whole number not below ``input``."""
    return np.ceil(input)


@primitive(elementwise=True, kinds="iuf", kinks="whole numbers: jumps, gradient 0 everywhere")
def trunc(input):
    """``input`` without its decimals."""
    return np.trunc(input)


@primitive(elementwise=True, kinds="iuf", kinks="halves: jumps, gradient 0 everywhere")
def _round(input, *, decimals):
    return np.round(input, decimals)


def round(input: Any, *, decimals: int = 0) -> Any:
    """The nearest number of that many decimals; a half goes to the even neighbour."""
    if decimals and getattr(input, "dtype", np.dtype(float)).kind != "f":
        raise TypeError(f"round: decimals={decimals} is for floating point numbers, not {input.dtype}")
    return _round(input, decimals=decimals)


@primitive(elementwise=True, kinds="f", kinks="whole numbers: jumps, gradient 1 everywhere")
def frac(input):
    """The decimals of ``input``, with its sign."""
    return input - np.trunc(input)


@primitive(elementwise=True, promote="float", kinks="0: jumps, gradient 0")
def copysign(input, other):
    """``|input|`` with the sign of ``other``."""
    return np.copysign(input, other)


@primitive(elementwise=True, differentiable=False)
def _heaviside(input, values):
    step = np.where(np.equal(input, 0), values, np.greater(input, 0))
    return step.astype(np.result_type(input, values), copy=False)


def heaviside(input: Any, values: Any) -> Any:
    """0 where ``input`` is negative, 1 where it is positive, ``values`` where it is 0; both of one dtype."""
    if getattr(values, "dtype", input.dtype) != input.dtype:
        raise TypeError(f"heaviside: input is {input.dtype} but values is {values.dtype}; convert one with .to(dtype)")
    return _heaviside(input, values)


@primitive(elementwise=True, differentiable=False)
def signbit(input):
    """Where the sign is negative, that of −0 too."""
    return np.signbit(input)


@primitive(elementwise=True, kinks="NaN, ±inf: gradient 0")
def _nan_to_num(input, *, nan, posinf, neginf):
    return np.nan_to_num(input, nan=nan, posinf=posinf, neginf=neginf)


def nan_to_num(input: Any, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """``input`` with numbers in place of NaN (0), inf and −inf (the largest and the smallest number of the dtype)."""
    return _nan_to_num(input, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


@primitive
def _no_slope(input):
    """The gradient of a step function: zeros."""
    return np.zeros_like(input)


_no_slope.vjp(input=None)
abs.vjp(input=lambda g, input: product(g, sign(input)))
for _step in (sign, floor, ceil, trunc, _round):
    _step.vjp(input=lambda g: _no_slope(g))
frac.vjp(input=lambda g: g)
copysign.vjp(input=lambda g, input, y: keep(g * (y / input), input != 0), other=lambda g: _no_slope(g))
_nan_to_num.vjp(input=lambda g, input: keep(g, isfinite(input)))


# --- quotients ------------------------------------------------------------------------------------------------------


@primitive(elementwise=True, kinds="iuf", kinks="at whole quotients: jumps, gradient 0 everywhere")
def floor_divide(input, other):
    """The largest whole number not above ``input / other``."""
    _check_divisor(input, other, "floor_divide")
    return np.floor_divide(input, other)


@primitive(elementwise=True, kinds="iuf", kinks="at whole quotients: jumps, gradient 0 everywhere")
def _trunc_divide(input, other):
    """``input / other`` without its decimals."""
    _check_divisor(input, other, "div")
    quotient = np.true_divide(input, other)
    if np.result_type(input, other).kind == "f":
        return np.trunc(quotient)
    return (input - np.fmod(input, other)) // other  # exact for integers beyond 2**53, which a float is not


@primitive(elementwise=True, kinds="iuf", kinks="at whole quotients: jumps; the gradient of the piece to the right")
def remainder(input, other):
    """``input − other · ⌊input / other⌋``: has the sign of ``other``."""
    _check_divisor(input, other, "remainder")
    return np.remainder(input, other)


@primitive(elementwise=True, kinds="iuf", kinks="at whole quotients: jumps; the gradient of the piece away from 0")
def fmod(input, other):
    """``input − other · trunc(input / other)``: has the sign of ``input``."""
    _check_divisor(input, other, "fmod")
    return np.fmod(input, other)


def _check_divisor(input, other, op):
    """Floating point has inf and NaN for a division by 0; integers have nothing that could be told from a result."""
    if np.result_type(input, other).kind != "f" and not np.all(other):
        raise ZeroDivisionError(f"{op}: an integer is divided by 0; divide floating point numbers to get inf or NaN")


remainder.vjp(input=lambda g: g, other=lambda g, input, other: -g * (input // other))
fmod.vjp(input=lambda g: g, other=lambda g, input, other: -g * _trunc_divide(input, other))
for _step in (floor_divide, _trunc_divide):
    _step.vjp(input=lambda g: _no_slope(g), other=lambda g: _no_slope(g))
