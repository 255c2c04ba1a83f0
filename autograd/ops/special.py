"""Special functions: error functions, the family of the gamma function, and logarithms of sums and products."""

from __future__ import annotations

import math
from operator import index as as_int
from typing import Any

import numpy as np

from .. import kernels
from ..primitive import primitive
from .compare import keep, where
from .elementwise import exp, log, sigmoid
from .trigonometry import cos

# --- error functions ------------------------------------------------------------------------------------------------


@primitive(elementwise=True, promote="float")
def erf(input):
    """``2/√π · ∫₀^input e^(−t²) dt``"""
    return kernels.smooth.error_function(np.asarray(input))


@primitive(elementwise=True, promote="float")
def erfc(input):
    """``1 − erf(input)``, exact where ``erf`` rounds to 1."""
    return kernels.special.erfc(np.asarray(input))


erf.vjp(input=lambda g, input: g * (2 / math.sqrt(math.pi)) * exp(-(input * input)))
erfc.vjp(input=lambda g, input: g * (-2 / math.sqrt(math.pi)) * exp(-(input * input)))


# --- the gamma function ---------------------------------------------------------------------------------------------


@primitive(elementwise=True, promote="float", kinks="−1, −2, ...: value inf, gradient NaN; 0: gradient −inf")
def lgamma(input):
    """``log |Γ(input)|``; ``Γ(n + 1) = n!``"""
    return kernels.special.lgamma(np.asarray(input))


@primitive(elementwise=True, promote="float", kinks="−1, −2, ...: value NaN, gradient inf; 0: value −inf")
def digamma(input):
    """The slope of :func:`lgamma`."""
    return kernels.special.digamma(np.asarray(input))


@primitive(elementwise=True, promote="float")
def _polygamma(input, *, n):
    return kernels.special.polygamma(n, np.asarray(input))


lgamma.vjp(input=lambda g, input: g * digamma(input))
digamma.vjp(input=lambda g, input: g * _polygamma(input, n=1))
_polygamma.vjp(input=lambda g, input, *, n: g * _polygamma(input, n=n + 1))


def polygamma(n: int, input: Any) -> Any:
    """The n-th derivative of :func:`digamma`."""
    if (n := as_int(n)) < 0:
        raise ValueError(f"polygamma: n is the number of derivatives, at least 0, not {n}")
    return _polygamma(input, n=n) if n else digamma(input)


# --- logarithms of sums and products --------------------------------------------------------------------------------


@primitive(elementwise=True, kinds="f")
def logaddexp(input, other):
    """``log(e^input + e^other)``, without overflow."""
    return np.logaddexp(input, other)


@primitive(elementwise=True, kinds="f")
def logaddexp2(input, other):
    """``log₂(2^input + 2^other)``, without overflow."""
    return np.logaddexp2(input, other)


@primitive(elementwise=True, promote="float", kinks="input 0: value 0; gradient 0 where other <= 0")
def xlogy(input, other):
    """``input · log(other)``, and 0 where ``input`` is 0."""
    product = input * _log_of(other)
    return np.where(np.equal(input, 0) & ~np.isnan(other), np.zeros_like(product), product)


def _log_of(x):
    """The logarithm, of a Python number as a Python number: NumPy's scalar would widen float32."""
    return float(np.log(x)) if isinstance(x, (int, float)) else np.log(x)


def _xlogy_input_rule(g, input, other):
    if isinstance(other, (int, float)):
        return g * _log_of(other) if other > 0 else keep(g * _log_of(other), input != 0)
    return g * log(where((input == 0) & (other <= 0), 1.0, other))


logaddexp.vjp(
    input=lambda g, input, other: g * sigmoid(input - other),
    other=lambda g, input, other: g * sigmoid(other - input),
)
logaddexp2.vjp(
    input=lambda g, input, other: g * sigmoid((input - other) * math.log(2)),
    other=lambda g, input, other: g * sigmoid((other - input) * math.log(2)),
)
xlogy.vjp(
    input=_xlogy_input_rule,
    other=lambda g, input, other: g * (input / other),
)


# --- the slit function ----------------------------------------------------------------------------------------------


@primitive(elementwise=True, promote="float")
def sinc(input):
    """``sin(π·input) / (π·input)``, and 1 at 0."""
    return np.sinc(input)


def _sinc_slope(x):
    """``(cos πx − sinc x) / x``, near 0 by its series: the difference cancels there."""
    z = (x * math.pi) ** 2
    near = where(z < 0.25, z, 0.0)
    series = near * (1 / 840 - near * (1 / 45360 - near * (1 / 3991680 - near / 518918400)))
    series = x * (-(math.pi**2)) * (1 / 3 - near * (1 / 30 - series))
    far = where(z < 0.25, 1.0, x)
    return where(z < 0.25, series, (cos(far * math.pi) - sinc(far)) / far)


sinc.vjp(input=lambda g, input: g * _sinc_slope(input))
