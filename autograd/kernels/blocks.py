"""NumPy's functions of one element on large arrays: on all threads, in blocks whatever their number."""

from __future__ import annotations

import numpy as np

from .parallel import parallel_for

_BLOCK = 1 << 15  # elements
_COST = 10  # operations of an exponential, about


def each(function: np.ufunc, x: np.ndarray) -> np.ndarray:
    """``function(x)`` of an array in row-major order."""
    flat, out = x.reshape(-1), np.empty(x.shape, x.dtype)
    parallel_for(_run, -(-flat.size // _BLOCK), function, flat, out.reshape(-1), cost=_COST * _BLOCK)
    return out


def _run(start: int, stop: int, function: np.ufunc, x: np.ndarray, y: np.ndarray) -> None:
    with np.errstate(all="ignore"):  # each thread warns for itself
        for i in range(start * _BLOCK, stop * _BLOCK, _BLOCK):
            function(x[i : i + _BLOCK], out=y[i : i + _BLOCK])
