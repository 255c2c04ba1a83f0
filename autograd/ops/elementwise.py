"""Arithmetic and functions of one element: they broadcast, and mix dtypes as PyTorch does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import kernels
from ..dtypes import result_type
from ..kernels.arrays import is_large
from ..kernels.blocks import EXPONENTIAL, spread
from ..primitive import primitive
from ..tensor import Tensor
from .compare import keep, where
from .layout import cast
from .pieces import _no_slope, _trunc_divide, floor_divide
from .rules import opposite, product, quotient

# --- arithmetic -----------------------------------------------------------------------------------------------------


@primitive(elementwise=True)
def _add(input, other):
    return spread(np.add, input, other)


@primitive(elementwise=True, booleans=False)
def _sub(input, other):
    if type(other) is bool or type(input) is bool:
        raise TypeError("sub: not for booleans; a number is written 0 or 1")
    return spread(np.subtract, input, other)


@primitive(elementwise=True)
def mul(input, other):
    """``input · other``"""
    return spread(np.multiply, input, other)


@primitive(elementwise=True, promote="float")
def _div(input, other):
    return spread(np.true_divide, input, other)


@primitive(elementwise=True)
def neg(input):
    """``−input``"""
    return spread(np.negative, input)


def _product_to(g, x, shape):
    """The sum of ``g · x`` that the engine would bring to ``shape``, without the product in between."""
    if g.shape == shape:
        return product(g, x)
    if is_large(g, x):
        axes = tuple(range(g.ndim - len(shape)))
        axes += tuple(i for i in range(len(axes), g.ndim) if shape[i - len(axes)] == 1)
        total = kernels.folds.fold("sum of products", g, axes, x)
        if total is not None:
            return total.reshape(shape)
    return product(g, x)


_add.vjp(input=lambda g: g, other=lambda g: g)
_sub.vjp(input=lambda g: g, other=lambda g: opposite(g))
mul.vjp(
    input=lambda g, other, input_shape: _product_to(g, other, input_shape),
    other=lambda g, input, other_shape: _product_to(g, input, other_shape),
)
_div.vjp(
    input=lambda g, other: quotient(g, other),
    other=lambda g, y, other: opposite(quotient(product(g, y), other)),
)
neg.vjp(input=lambda g: opposite(g))


def add(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """``input + alpha · other``"""
    return _add(input, _times(alpha, other, input, "add"))


def sub(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """``input − alpha · other`` of numbers: ``~x`` inverts a mask, ``x ^ y`` tells where two differ."""
    boolean = (
        type(other) is bool or getattr(other, "dtype", None) == np.bool_
    )  # refused, whatever the factor makes of it
    return _sub(input, other if boolean else _times(alpha, other, input, "sub"))


def positive(input: Any) -> Any:
    """``+input``: the numbers as they are."""
    if input.dtype == np.bool_:
        raise TypeError("positive: not for booleans; convert first, as in x.int()")
    return input


def _times(alpha: float, other: Any, input: Any, op: str) -> Any:
    """``alpha · other``, computed in the dtype of the sum with ``input`` that it is meant for."""
    if (alpha == 1 and not isinstance(alpha, float)) or not isinstance(input, (Tensor, np.ndarray, int, float)):
        return other
    dtype = result_type([x._data if isinstance(x, Tensor) else x for x in (input, other)])
    if isinstance(alpha, float) and dtype.kind != "f":
        raise TypeError(
            f"{op}: the factor {alpha} is not whole, but the tensors are; give a whole one, or convert them"
        )
    if isinstance(other, (Tensor, np.ndarray)) and other.dtype.kind != dtype.kind:
        other = cast(other, dtype=dtype)
    return mul(other, bool(alpha) if dtype == np.bool_ else alpha)


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """``input / other``: of integers too, floating point. ``rounding_mode="floor"`` or ``"trunc"`` keeps integers."""
    if rounding_mode is None:
        return _div(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        return _trunc_divide(input, other)
    raise ValueError(f"div: rounding_mode is None, 'floor' or 'trunc', not {rounding_mode!r}")


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """``input + value · tensor1 · tensor2``"""
    return _add(input, _times(value, mul(tensor1, tensor2), input, "addcmul"))


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """``input + value · tensor1 / tensor2`` of floating point numbers."""
    if all(getattr(x, "dtype", np.dtype(np.int64)).kind != "f" for x in (tensor1, tensor2)):
        raise TypeError("addcdiv: the quotient of integers is not whole; convert one of them first, as in x.float()")
    quotient = _div(tensor1, tensor2)
    return _add(input, quotient if value == 1 else mul(quotient, value))


@primitive(elementwise=True, kinds="f")
def _lerp(input, end, weight):
    if type(weight) is float and is_large(input, end):
        return kernels.pointwise.lerp(input, end, weight)
    way = end - input
    return np.where(np.abs(weight) < 0.5, input + weight * way, end - way * (1 - weight))


_lerp.vjp(
    input=lambda g, weight: product(g, 1 - weight),
    end=lambda g, weight: product(g, weight),
    weight=lambda g, input, end: g * (end - input),
)


def lerp(input: Any, end: Any, weight: Any) -> Any:
    """``input + weight · (end − input)``, exact at both ends, of real numbers of one dtype."""
    if input.dtype.kind != "f":
        raise TypeError(f"lerp: not for {input.dtype}; convert first, as in x.float()")
    for name, x in (("end", end), ("weight", weight)):
        if getattr(x, "dtype", input.dtype) != input.dtype and not (name == "weight" and not x.ndim):
            raise TypeError(f"lerp: input is {input.dtype} but {name} is {x.dtype}; convert one with .to(dtype)")
    return _lerp(input, end, weight)


@primitive(elementwise=True, kinds="iuf")
def pow(input, exponent):
    """``input ** exponent``

    ``x ** 0`` is 1 with gradient 0, at 0 too. The gradient in the exponent is 0 at ``0 ** y`` for ``y >= 0``, −inf for
    ``y < 0``, and NaN for a negative base.
    """
    if type(exponent) is int:
        if exponent == 3:
            return product(product(input, input), input)
        if exponent < 0 and getattr(input, "dtype", np.dtype(float)).kind != "f":  # NumPy raises where it meets one
            raise ValueError("Integers to negative integer powers are not allowed.")
    if type(exponent) is float and exponent == -0.5:
        return 1 / np.sqrt(input)
    return input**exponent  # the operator, not np.power: it knows 2, 1/2 and −1 as numbers


def _pow_input_rule(g, input, exponent):
    if not isinstance(exponent, (int, float)):
        return keep(g * (exponent * input ** (exponent - 1)), exponent != 0)
    # the op, not the operator: it tells the two sides of −0 apart
    return _no_slope(g) if exponent == 0 else product(g, product(pow(input, exponent - 1), exponent))


def _pow_exponent_rule(g, input, exponent, y):
    if not isinstance(input, (int, float)):
        # log of a 0 base would be −inf where the gradient is 0: replaced before, so that no NaN arises at any order
        return g * y * log(where((input == 0) & (exponent >= 0), 1.0, input))
    if input == 0:
        return keep(g * y * -math.inf, ~(exponent >= 0))
    return g * y * (math.log(input) if input > 0 else math.nan)


pow.vjp(input=_pow_input_rule, exponent=_pow_exponent_rule)


# --- powers, exponentials, logarithms -------------------------------------------------------------------------------


@primitive(elementwise=True)
def square(input):
    """``input²``"""
    return np.square(input, dtype=np.int64) if getattr(input, "dtype", None) == np.bool_ else spread(np.square, input)


@primitive(elementwise=True, promote="float", kinks="0: gradient inf")
def sqrt(input):
    """``√input``"""
    return spread(np.sqrt, input)


@primitive(elementwise=True, promote="float")
def rsqrt(input):
    """``1 / √input``"""
    return 1 / np.sqrt(input)


@primitive(elementwise=True, promote="float")
def reciprocal(input):
    """``1 / input``"""
    return spread(np.true_divide, 1, input)


@primitive(elementwise=True, promote="float")
def exp(input):
    """``e^input``"""
    return spread(np.exp, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float")
def exp2(input):
    """``2^input``"""
    return spread(np.exp2, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float")
def expm1(input):
    """``e^input − 1``, exact for small ``input``."""
    return spread(np.expm1, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float")
def log(input):
    """The natural logarithm."""
    return spread(np.log, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float")
def log1p(input):
    """``log(1 + input)``, exact for small ``input``."""
    return spread(np.log1p, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float")
def log2(input):
    """The logarithm to base 2."""
    return spread(np.log2, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float")
def log10(input):
    """The logarithm to base 10."""
    return spread(np.log10, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float")
def sigmoid(input):
    """``1 / (1 + e^−input)``"""
    return kernels.smooth.sigmoid(input) if is_large(input) else 1 / (1 + np.exp(np.negative(input)))


def _sigmoid_rule(g, y):
    return kernels.pointwise.sigmoid_backward(g, y) if is_large(g, y) else g * (y * (1 - y))


square.vjp(input=lambda g, input: product(g, product(input, 2)))
sqrt.vjp(input=lambda g, y: quotient(g, product(y, 2)))
rsqrt.vjp(input=lambda g, y: g * (-0.5 * y * y * y))
reciprocal.vjp(input=lambda g, y: -g * y * y)
exp.vjp(input=lambda g, y: product(g, y))
exp2.vjp(input=lambda g, y: g * (y * math.log(2)))
expm1.vjp(input=lambda g, y: g * (y + 1))
log.vjp(input=lambda g, input: quotient(g, input))
log1p.vjp(input=lambda g, input: g / (input + 1))
log2.vjp(input=lambda g, input: g / (input * math.log(2)))
log10.vjp(input=lambda g, input: g / (input * math.log(10)))
sigmoid.vjp(input=_sigmoid_rule)
