"""The complement of the error function and the family of the gamma function, which NumPy lacks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import canonical
from .jit import njit
from .parallel import parallel_for

# B_2j / (2j)!, the coefficients of the Euler-Maclaurin formula
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
_CORRECTIONS = np.array([b / math.factorial(2 * j + 2) for j, b in enumerate(_BERNOULLI)])
_FAR = 10.0  # from here on the asymptotic series are good to the last bit


def erfc(x: np.ndarray) -> np.ndarray:
    """``1 − erf(x)``, exact where erf rounds to 1."""
    return _each(_erfc, x)


def lgamma(x: np.ndarray) -> np.ndarray:
    """``log |Γ(x)|``; inf at 0, −1, −2, ..."""
    return _each(_lgamma, x)


def digamma(x: np.ndarray) -> np.ndarray:
    """``d/dx log Γ(x)``; −inf at 0, inf at −0, NaN at −1, −2, ..., where it jumps between the two."""
    return _each(_digamma, x)


def polygamma(n: int, x: np.ndarray) -> np.ndarray:
    """The n-th derivative of :func:`digamma`, n >= 1: ``(−1)^(n+1) n! ζ(n + 1, x)``."""
    factor = math.gamma(n + 1) if n < 171 else math.inf
    return _each(_polygamma, x, n + 1, factor if n % 2 else -factor, _CORRECTIONS)


def _each(kernel: Callable, x: np.ndarray, *settings: Any) -> np.ndarray:
    flat = canonical(x).reshape(-1)
    y = np.empty_like(flat)
    parallel_for(kernel, flat.size, flat, y, *settings, cost=50)
    return y.reshape(np.shape(x))


@njit
def _erfc(start, stop, x, y):
    for i in range(start, stop):
        y[i] = math.erfc(x[i])


@njit
def _lgamma(start, stop, x, y):
    for i in range(start, stop):
        y[i] = math.lgamma(np.float64(x[i]))


@njit
def _digamma(start, stop, x, y):
    for i in range(start, stop):
        y[i] = _digamma_of(np.float64(x[i]))


@njit
def _digamma_of(x):
    if x == 0:
        return math.copysign(math.inf, -x)
    reflected = 0.0
    if x < 0:  # ψ(x) = ψ(1 − x) − π / tan(πx), where only the distance to a whole number counts, which is exact
        distance = x - np.rint(x)
        if distance == 0 or np.isinf(x):
            return math.nan
        reflected = math.pi / math.tan(math.pi * distance)
        x = 1 - x
    steps = 0.0
    while x < _FAR:
        steps += 1 / x
        x += 1
    z = 1 / (x * x)
    series = z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z * (1 / 240 - z * (1 / 132 - z * (691 / 32760 - z / 12))))))
    return math.log(x) - 0.5 / x - series - steps - reflected


@njit
def _polygamma(start, stop, x, y, order, factor, corrections):
    for i in range(start, stop):
        y[i] = factor * _zeta(order, np.float64(x[i]), corrections)


@njit
def _zeta(order, q, corrections):
    """``Σ_k (q + k)^−order`` over k >= 0, for whole orders and any q."""
    if q > 0 or q != q:
        return _zeta_of_positive(order, q, corrections)
    if np.isinf(q):
        return math.nan
    above, below = q - np.floor(q), np.floor(q) + 1 - q  # distances of the terms next to 0
    if above == 0:
        return math.inf
    # the terms below 0 are those of two positive arguments: no loop over them, however many there are
    negative = _zeta_of_positive(order, below, corrections) - _zeta_of_positive(order, 1 - q, corrections)
    return _zeta_of_positive(order, above, corrections) + (negative if order % 2 == 0 else -negative)


@njit
def _zeta_of_positive(order, q, corrections):
    total = 0.0
    exponent = -float(order)  # a whole one would be 1 / qⁿ, whose divisor may be 0
    while q < _FAR + order:
        total += q**exponent
        q += 1
    power = q**exponent
    total += q ** (exponent + 1) / (order - 1) + 0.5 * power
    power *= order / q
    for j in range(corrections.size):  # Euler-Maclaurin
        total += corrections[j] * power
        power *= (order + 2 * j + 1) / q * ((order + 2 * j + 2) / q)
    return total
