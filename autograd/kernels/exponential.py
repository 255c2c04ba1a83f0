"""An exponential, a logarithm and an error function that vectorise. Numba calls the C library once per element, which
takes 5-10 times as long.

``e^x = 2^n · e^r`` with n the integer nearest to x/ln 2, so that |r| ≤ ln 2 / 2, and a polynomial for e^r. 2^n is
written straight into exponent bits, in two factors, so that results below the normal range round as they should. Within
1.01 ulp for both dtypes; e^−inf = 0, e^NaN = NaN. Not for kernels with "reassoc": the order of the steps matters.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

# A loop that calls a function has no vectors, and long ones LLVM would call.
_INLINE: Any = {"forceinline": True}

_LOG2E = 1.4426950408889634

# float32: Cephes expf (Moshier 1989). Constants must be float32, or the whole expression is computed in float64.
_F32 = tuple(
    np.float32(v)
    for v in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
)
_P0, _P1, _P2, _P3, _P4, _P5 = _F32
_ONE32, _LOG2E32 = np.float32(1), np.float32(_LOG2E)
_LN2_HIGH32, _LN2_LOW32 = np.float32(0.693359375), np.float32(-2.12194440e-4)
_LOW32 = np.float32(-110)  # e^x is 0 below
# Added to a small float, it leaves in the low bits the nearest integer, plus twice the bias of an exponent.
_ROUND32 = np.float32(1.5 * 2**23 + 2 * 127)
_MOST32 = np.float32(1.5 * 2**23 + 2 * 127 + 130)  # the same of 130: e^x is inf

_NEAR_0, _NEAR_0_32 = 0.34, np.float32(0.34)  # within what the series are made for

# float64: the Taylor polynomial of degree 13; its first missing term is 4e-18.
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROUND64, _MOST64 = 1.5 * 2.0**52 + 2 * 1023, 1.5 * 2.0**52 + 2 * 1023 + 1100


def exponential(x: Any) -> Any:
    """``e^x`` of one float32 or float64, for use inside kernels."""
    return np.exp(x)


@overload(exponential, jit_options=_INLINE)
def _exponential(x):
    if x == types.float32:
        return _exponential32
    if x == types.float64:
        return _exponential64
    return None


# One bound on x and one on n, each a single instruction through which NaN passes: the polynomial gives NaN, and inf.


def _exponential32(x):
    c = _LOW32 if x < _LOW32 else x
    t = c * _LOG2E32 + _ROUND32
    t = _MOST32 if t > _MOST32 else t
    n = t - _ROUND32
    r = c - n * _LN2_HIGH32 - n * _LN2_LOW32
    p = _series32(r) + _ONE32
    whole = np.float32(t).view(np.int32)  # n + 2·bias, below bits that the shifts push out
    half = whole >> np.int32(1)
    a = np.int32(half << np.int32(23)).view(np.float32)
    b = np.int32((whole - half) << np.int32(23)).view(np.float32)
    return p * a * b


@register_jitable(**_INLINE)
def _series32(r):
    """``e^r − 1`` for |r| ≤ ln 2 / 2."""
    p = ((((_P0 * r + _P1) * r + _P2) * r + _P3) * r + _P4) * r + _P5
    return p * r * r + r


def _exponential64(x):
    c = -760.0 if x < -760.0 else x
    t = c * _LOG2E + _ROUND64
    t = _MOST64 if t > _MOST64 else t
    n = t - _ROUND64
    r = c - n * _LN2_HIGH - n * _LN2_LOW
    p = _series64(r) + 1.0
    whole = np.float64(t).view(np.uint64)  # without a sign: AVX2 shifts no signed ones to the right
    half = whole >> np.uint64(1)
    a = np.uint64(half << np.uint64(52)).view(np.float64)
    b = np.uint64((whole - half) << np.uint64(52)).view(np.float64)
    return p * a * b


@register_jitable(**_INLINE)
def _series64(r):
    """``e^r − 1`` for |r| ≤ ln 2 / 2."""
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    return p * r * r + r


def exponential_less_1(x: Any) -> Any:
    """``e^x − 1`` of one float32 or float64, for use inside kernels; within 4 ulp, near 0 as well."""
    return np.expm1(x)


@overload(exponential_less_1, jit_options=_INLINE)
def _exponential_less_1(x):
    if x == types.float32:
        return _exponential_less_1_32
    if x == types.float64:
        return _exponential_less_1_64
    return None


def _exponential_less_1_32(x):
    near, far = _series32(x), exponential(x) - _ONE32  # both: a loop with a branch has no vectors
    return near if abs(x) < _NEAR_0_32 else far


def _exponential_less_1_64(x):
    near, far = _series64(x), exponential(x) - 1.0
    return near if abs(x) < _NEAR_0 else far


def logarithm(x: Any) -> Any:
    """``ln x`` of one positive, normal float64, for use inside kernels; inf and NaN are kept. Within 2 ulp."""
    return np.log(x)


@overload(logarithm, jit_options=_INLINE)
def _logarithm(x):
    return _logarithm64 if x == types.float64 else None


def _logarithm64(x):
    # x = 2^n · m with m in [√½, √2), and ln m = 2 artanh s with s = (m − 1)/(m + 1), |s| < 0.172: odd powers up to 21
    bits = np.float64(x).view(np.int64)
    n = (bits - 0x3FE6A09E667F3BCD) >> 52  # the bits of √½
    m = np.int64(bits - (n << 52)).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    q = s * s
    p = 1.0 / 21.0
    p = p * q + 1.0 / 19.0
    p = p * q + 1.0 / 17.0
    p = p * q + 1.0 / 15.0
    p = p * q + 1.0 / 13.0
    p = p * q + 1.0 / 11.0
    p = p * q + 1.0 / 9.0
    p = p * q + 1.0 / 7.0
    p = p * q + 1.0 / 5.0
    p = p * q + 1.0 / 3.0
    small = n * _LN2_LOW + 2.0 * s * q * p
    y = n * _LN2_HIGH + (2.0 * s + small)
    return y if x < np.inf else x  # also NaN


def logarithm_of_1_plus(x: Any) -> Any:
    """``ln(1 + x)`` of one float32 or float64 in [0, 1], for use inside kernels; within 3 ulp. NaN is kept."""
    return np.log1p(x)


@overload(logarithm_of_1_plus, jit_options=_INLINE)
def _logarithm_of_1_plus(x):
    if x == types.float32:
        return _logarithm_of_1_plus32
    if x == types.float64:
        return _logarithm_of_1_plus64
    return None


# 2 artanh s with s = x / (2 + x), at most 1/3: s times a polynomial in s², a least-squares fit to values of 50 digits.


def _logarithm_of_1_plus32(x):
    s = x / (np.float32(2) + x)
    q = s * s
    p = np.float32(0.281781494555539)
    p = p * q + np.float32(0.2796064397902431)
    p = p * q + np.float32(0.40024907418054645)
    p = p * q + np.float32(0.6666631474566396)
    p = p * q + np.float32(2.0000000079188323)
    return p * s


def _logarithm_of_1_plus64(x):
    s = x / (2.0 + x)
    q = s * s
    p = 0.17078428371909002
    p = p * q + 0.08309211964892109
    p = p * q + 0.121127882889573
    p = p * q + 0.13300177264672128
    p = p * q + 0.15386616672717762
    p = p * q + 0.18181741408667534
    p = p * q + 0.2222222404048139
    p = p * q + 0.2857142854656654
    p = p * q + 0.4000000000017232
    p = p * q + 0.6666666666666621
    p = p * q + 2.0
    return p * s


def error_function(x: Any, power: Any) -> Any:
    """``erf(x)`` of one float32 or float64, given ``e^(−x²)``, for use inside kernels; within 2.5 ulp. NaN is kept."""
    return math.erf(x)


@overload(error_function, jit_options=_INLINE)
def _error_function(x, power):
    if x == power == types.float32:
        return _error_function32
    if x == power == types.float64:
        return _error_function64
    return None


# Up to 1, x times a polynomial in x²; from there on 1 − e^(−x²) times one in |x| − 1. Both are least-squares fits,
# weighted by what an error does to the result, to values of 50 digits; from the last bound on the result is 1.


def _error_function32(x, power):
    size, one = abs(x), np.float32(1)
    t = (np.float32(4) if size > np.float32(4) else size) - one
    near, far = x * _near32(x * x), one - power * _rest32(t)
    far = far if x > np.float32(0) else -far
    return near if size < one else far


def _error_function64(x, power):
    size = abs(x)
    t = (6.0 if size > 6.0 else size) - 1.0
    near, far = x * _near64(x * x), 1.0 - power * _rest64(t)
    far = far if x > 0.0 else -far
    return near if size < 1.0 else far


@register_jitable(**_INLINE)
def _near32(s):
    p = np.float32(7.85378522594553e-05)
    p = p * s + np.float32(-0.0008010170477381662)
    p = p * s + np.float32(0.0051883250360753325)
    p = p * s + np.float32(-0.026853810528813964)
    p = p * s + np.float32(0.1128358511449432)
    p = p * s + np.float32(-0.37612625821126927)
    p = p * s + np.float32(1.1283791657261888)
    return p


@register_jitable(**_INLINE)
def _rest32(t):
    p = np.float32(0.00010818116095413712)
    p = p * t + np.float32(-0.0010659928639083984)
    p = p * t + np.float32(0.004934680058154214)
    p = p * t + np.float32(-0.015140849338166342)
    p = p * t + np.float32(0.03689639643769064)
    p = p * t + np.float32(-0.07906110850629243)
    p = p * t + np.float32(0.154351872384489)
    p = p * t + np.float32(-0.2732111572920209)
    p = p * t + np.float32(0.427583570368823)
    return p


@register_jitable(**_INLINE)
def _near64(s):
    p = -7.824988186823007e-10
    p = p * s + 1.373697928609707e-08
    p = p * s + -1.6212736836186546e-07
    p = p * s + 1.6448029449458931e-06
    p = p * s + -1.492479029049588e-05
    p = p * s + 0.00012055297927699727
    p = p * s + -0.0008548326085012649
    p = p * s + 0.00522397760958533
    p = p * s + -0.026866170643561227
    p = p * s + 0.1128379167094719
    p = p * s + -0.376126389031836
    p = p * s + 1.1283791670955126
    return p


@register_jitable(**_INLINE)
def _rest64(t):
    p = 1.2896696433736705e-12
    p = p * t + -4.2667368895095416e-11
    p = p * t + 6.641078780469928e-10
    p = p * t + -6.513950002904998e-09
    p = p * t + 4.565341056226603e-08
    p = p * t + -2.4684972514409886e-07
    p = p * t + 1.0911372516612862e-06
    p = p * t + -4.142731261388512e-06
    p = p * t + 1.4101605099038874e-05
    p = p * t + -4.451339759543774e-05
    p = p * t + 0.00013318607658315882
    p = p * t + -0.00038167680483208185
    p = p * t + 0.0010501472633183985
    p = p * t + -0.0027690252433892138
    p = p * t + 0.006970133281531598
    p = p * t + -0.01666186767527643
    p = p * t + 0.03757229607668227
    p = p * t + -0.07922696893369623
    p = p * t + 0.15437156137171415
    p = p * t + -0.27321201478389706
    p = p * t + 0.427583576155807
    return p
