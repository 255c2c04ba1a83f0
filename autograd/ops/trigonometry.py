"""Angles: functions of the circle and of the hyperbola, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import kernels
from ..kernels.arrays import is_large
from ..kernels.blocks import EXPONENTIAL, spread
from ..primitive import primitive
from .compare import where
from .elementwise import mul


@primitive(elementwise=True, promote="float")
def sin(input):
    """The sine."""
    return spread(np.sin, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float")
def cos(input):
    """The cosine."""
    return spread(np.cos, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float")
def tan(input):
    """The tangent."""
    return spread(np.tan, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float")
def sinh(input):
    """The hyperbolic sine."""
    return spread(np.sinh, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float")
def cosh(input):
    """The hyperbolic cosine."""
    return spread(np.cosh, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float")
def tanh(input):
    """The hyperbolic tangent."""
    return spread(np.tanh, input, cost=EXPONENTIAL)


def _tanh_rule(g, y):
    return kernels.pointwise.tanh_backward(g, y) if is_large(g, y) else g * (1 - y * y)


@primitive(elementwise=True, promote="float", kinks="±1: gradient inf")
def asin(input):
    """The angle in [−π/2, π/2] whose sine is ``input``."""
    return spread(np.arcsin, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float", kinks="±1: gradient −inf")
def acos(input):
    """The angle in [0, π] whose cosine is ``input``."""
    return spread(np.arccos, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float")
def atan(input):
    """The angle in (−π/2, π/2) whose tangent is ``input``."""
    return spread(np.arctan, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float", kinks="(0, 0): gradients 0; it jumps by 2π at input 0, other < 0")
def atan2(input, other):
    """The angle of the point with ordinate ``input`` and abscissa ``other``, in [−π, π]."""
    return spread(np.arctan2, input, other, cost=EXPONENTIAL)


@primitive(elementwise=True, kinds="f", kinks="(0, 0): gradients NaN")
def hypot(input, other):
    """``√(input² + other²)``, without overflow."""
    return spread(np.hypot, input, other, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float")
def asinh(input):
    """The number whose hyperbolic sine is ``input``."""
    return spread(np.arcsinh, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float", kinks="1: gradient inf")
def acosh(input):
    """The number from 0 on whose hyperbolic cosine is ``input``."""
    return spread(np.arccosh, input, cost=EXPONENTIAL)


@primitive(elementwise=True, promote="float", kinks="±1: gradient inf")
def atanh(input):
    """The number whose hyperbolic tangent is ``input``."""
    return spread(np.arctanh, input, cost=EXPONENTIAL)


sin.vjp(input=lambda g, input: g * cos(input))
cos.vjp(input=lambda g, input: -g * sin(input))
tan.vjp(input=lambda g, y: g * (y * y + 1))
sinh.vjp(input=lambda g, input: g * cosh(input))
cosh.vjp(input=lambda g, input: g * sinh(input))
tanh.vjp(input=_tanh_rule)
asin.vjp(input=lambda g, input: g * (1 - input * input) ** -0.5)
acos.vjp(input=lambda g, input: -g * (1 - input * input) ** -0.5)
atan.vjp(input=lambda g, input: g / (input * input + 1))
atan2.vjp(
    input=lambda g, input, other: g * (other / _square_radius(input, other)),
    other=lambda g, input, other: -g * (input / _square_radius(input, other)),
)
hypot.vjp(input=lambda g, input, y: g * (input / y), other=lambda g, other, y: g * (other / y))
asinh.vjp(input=lambda g, input: g * (input * input + 1) ** -0.5)
acosh.vjp(input=lambda g, input: g * (input * input - 1) ** -0.5)
atanh.vjp(input=lambda g, input: g / (1 - input * input))


def _square_radius(x, y):
    """``x² + y²``, and 1 in the origin: there the gradients of the angle are 0."""
    square = x * x + y * y
    return where(square == 0, 1.0, square)


def deg2rad(input: Any) -> Any:
    """Degrees in radians: ``input · π/180``"""
    return mul(input, math.pi / 180)


def rad2deg(input: Any) -> Any:
    """Radians in degrees: ``input · 180/π``"""
    return mul(input, 180 / math.pi)
