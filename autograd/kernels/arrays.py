"""One memory layout at the door of a kernel: C-contiguous, aligned, native byte order, typed as writeable.

Numba compiles a kernel anew for each layout and for read-only arrays (0.2 s each), so every input is brought to one
form. Nothing is copied that has that form already.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .blocks import FLOATS, LARGE, copied


def is_large(x: Any, *others: Any) -> bool:
    """Whether ``x`` is a large array of floats in row-major order, and the others are of its shape and dtype."""
    if not (type(x) is np.ndarray and x.size >= LARGE and x.dtype in FLOATS and x.flags.c_contiguous):
        return False
    for o in others:
        if not (type(o) is np.ndarray and o.shape == x.shape and o.dtype == x.dtype and o.flags.c_contiguous):
            return False
    return True


def around(shape: tuple[int, ...], dim: int) -> tuple[int, int, int]:
    """An array as (outer, n, inner), where ``dim`` is the middle one."""
    return math.prod(shape[:dim]), shape[dim], math.prod(shape[dim + 1 :])


class _Alias:
    """The memory of a read-only array under a writeable flag."""

    def __init__(self, owner: np.ndarray) -> None:
        self.owner = owner  # keeps the memory alive: NumPy holds on to this object
        interface = dict(owner.__array_interface__)
        interface["data"] = (interface["data"][0], False)
        self.__array_interface__ = interface


def canonical(x: Any, dtype: Any = None) -> np.ndarray:
    """``x`` in the one form kernels are compiled for. The kernel only reads it: the memory may be read-only."""
    if type(x) is np.ndarray and (dtype is None or dtype is x.dtype) and x.flags.carray and x.dtype.isnative:
        return x
    x = np.asarray(x, dtype)
    flags, native = x.flags, x.dtype.isnative
    if not (flags.c_contiguous and flags.aligned and native):
        if native and x.size >= LARGE and not flags.c_contiguous:
            return copied(x)
        x = np.require(x, x.dtype.newbyteorder("="), ("C", "A"))
    # a copy would cost as much as some kernels; the flag only decides which signature Numba sees
    return x if x.flags.writeable else np.asarray(_Alias(x))
