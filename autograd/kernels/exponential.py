"""An exponential and a logarithm that vectorise. Numba calls the C library once per element: 5-10 times slower.

``e^x = 2^n · e^r`` with n the integer nearest to x/ln 2, so that |r| ≤ ln 2 / 2, and a polynomial for e^r. 2^n is
written straight into exponent bits, in two factors, so that results below the normal range round as they should. Within
1 ulp for both dtypes; e^−inf = 0, e^NaN = NaN. Not for kernels with "reassoc": the order of the steps matters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

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

# float64: the Taylor polynomial of degree 13; its first missing term is 4e-18.
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROUND64, _MOST64 = 1.5 * 2.0**52 + 2 * 1023, 1.5 * 2.0**52 + 2 * 1023 + 1100


def exponential(x: Any) -> Any:
    """``e^x`` of one float32 or float64, for use inside kernels."""
    return np.exp(x)


@overload(exponential)
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
    p = ((((_P0 * r + _P1) * r + _P2) * r + _P3) * r + _P4) * r + _P5
    p = p * r * r + r + _ONE32
    whole = np.float32(t).view(np.int32)  # n + 2·bias, below bits that the shifts push out
    half = whole >> np.int32(1)
    a = np.int32(half << np.int32(23)).view(np.float32)
    b = np.int32((whole - half) << np.int32(23)).view(np.float32)
    return p * a * b


def _exponential64(x):
    c = -760.0 if x < -760.0 else x
    t = c * _LOG2E + _ROUND64
    t = _MOST64 if t > _MOST64 else t
    n = t - _ROUND64
    r = c - n * _LN2_HIGH - n * _LN2_LOW
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
    p = p * r * r + r + 1.0
    whole = np.float64(t).view(np.uint64)  # without a sign: AVX2 shifts no signed ones to the right
    half = whole >> np.uint64(1)
    a = np.uint64(half << np.uint64(52)).view(np.float64)
    b = np.uint64((whole - half) << np.uint64(52)).view(np.float64)
    return p * a * b


def logarithm(x: Any) -> Any:
    """``ln x`` of one positive, normal float64, for use inside kernels; inf and NaN are kept. Within 2 ulp."""
    return np.log(x)


@overload(logarithm)
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
