"""New tensors: constants, sequences, random numbers. Float32 unless ``dtype`` or whole values say otherwise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..dtypes import default_float
from ..random import numpy_generator
from ..tensor import Tensor, wrap
from .layout import sizes_of


def _finish(array: np.ndarray, requires_grad: bool) -> Tensor:
    out = wrap(array, None)
    return out.requires_grad_() if requires_grad else out


def _dtype(dtype: Any) -> np.dtype:
    return default_float if dtype is None else np.dtype(dtype)


def _float_dtype(dtype: Any, op: str) -> np.dtype:
    dtype = _dtype(dtype)
    if dtype.kind != "f":
        raise TypeError(f"{op}: random real numbers need a floating point dtype, not {dtype}; see randint")
    return dtype


def _shape(sizes: tuple, size: Any) -> tuple[int, ...]:
    if size is not None and sizes:
        raise TypeError("the size is given twice")
    return sizes_of(sizes if size is None else (size,))


def is_tensor(value: Any) -> bool:
    """Whether ``value`` is a Tensor."""
    return isinstance(value, Tensor)


# --- constants ------------------------------------------------------------------------------------------------------


def zeros(*sizes: Any, size: Any = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """All 0."""
    return _finish(np.zeros(_shape(sizes, size), _dtype(dtype)), requires_grad)


def ones(*sizes: Any, size: Any = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """All 1."""
    return _finish(np.ones(_shape(sizes, size), _dtype(dtype)), requires_grad)


def empty(*sizes: Any, size: Any = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Whatever the memory holds: to be written before it is read."""
    return _finish(np.empty(_shape(sizes, size), _dtype(dtype)), requires_grad)


def full(size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """All ``fill_value``, whose kind decides the dtype."""
    value = fill_value.item() if isinstance(fill_value, (Tensor, np.ndarray, np.generic)) else fill_value
    if dtype is None:
        dtype = np.bool_ if isinstance(value, bool) else np.int64 if isinstance(value, int) else default_float
    return _finish(np.full(sizes_of((size,)), value, dtype), requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal of an ``n × m`` matrix of zeros."""
    return _finish(np.eye(n, m, dtype=_dtype(dtype)), requires_grad)


def zeros_like(input: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape and dtype of ``input``."""
    return _finish(np.zeros(input.shape, input.dtype if dtype is None else dtype), requires_grad)


def ones_like(input: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape and dtype of ``input``."""
    return _finish(np.ones(input.shape, input.dtype if dtype is None else dtype), requires_grad)


def empty_like(input: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Unwritten memory of the shape and dtype of ``input``."""
    return _finish(np.empty(input.shape, input.dtype if dtype is None else dtype), requires_grad)


def full_like(input: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """``fill_value`` in the shape and dtype of ``input``."""
    return full(
        tuple(input.shape), fill_value, dtype=input.dtype if dtype is None else dtype, requires_grad=requires_grad
    )


# --- sequences ------------------------------------------------------------------------------------------------------


def arange(
    start: Any = None, end: Any = None, step: Any = 1, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """``start, start + step, ...`` before ``end``; ``arange(n)`` counts from 0. Whole numbers give int64."""
    if end is None:
        start, end = None, start
    if end is None:
        raise TypeError("arange: end is missing")
    start = 0 if start is None else start
    start, end, step = (x.item() if isinstance(x, (Tensor, np.ndarray, np.generic)) else x for x in (start, end, step))
    if step == 0:
        raise ValueError("arange: step must not be 0")
    if (end - start) * step < 0:
        raise ValueError(f"arange: {end} is not reached from {start} in steps of {step}")
    if dtype is None:
        dtype = np.int64 if all(isinstance(x, int) for x in (start, end, step)) else default_float
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        raise TypeError("arange: booleans do not count")
    if dtype == np.int64:  # as in PyTorch, whole numbers are counted in steps of whole numbers
        start, end, step = int(start), int(end), int(step)
        if step == 0:
            raise ValueError(f"arange: the step is 0 in {dtype}")
    elif dtype.kind in "iu":
        count = max(0, math.ceil((end - start) / step))
        return _finish((int(start) + np.arange(count) * int(step)).astype(dtype), requires_grad)
    return _finish(np.arange(start, end, step).astype(dtype, copy=False), requires_grad)


def linspace(start: float, end: float, steps: int, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """``steps`` numbers at equal distances, both ends included."""
    _check_steps("linspace", steps)
    dtype = _dtype(dtype)
    if dtype.kind == "b" and steps:
        raise TypeError("linspace: booleans do not count")
    if dtype.kind in "iu":  # from both ends towards the middle, without the decimals, as PyTorch does
        first, last, i = int(start), int(end), np.arange(steps)
        step = (last - first) / max(1, steps - 1)
        whole = np.trunc(np.where(i < steps / 2, first + step * i, last - step * (steps - i - 1)))
        return _finish(whole.astype(dtype), requires_grad)
    return _finish(np.linspace(float(start), float(end), steps).astype(dtype, copy=False), requires_grad)


def logspace(
    start: float, end: float, steps: int, base: float = 10.0, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """``base`` to the power of ``steps`` exponents at equal distances."""
    _check_steps("logspace", steps)
    powers = np.logspace(float(start), float(end), steps, base=base)
    return _finish(powers.astype(_dtype(dtype), copy=False), requires_grad)


def _check_steps(op: str, steps: int) -> None:
    if steps < 0:
        raise ValueError(f"{op}: the number of steps must not be negative, got {steps}")


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = np.int64) -> Tensor:
    """Rows and columns of the lower triangle of a ``row × col`` matrix, shape (2, number of its elements)."""
    return _indices(np.tril_indices, row, col, offset, dtype)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = np.int64) -> Tensor:
    """Rows and columns of the upper triangle of a ``row × col`` matrix, shape (2, number of its elements)."""
    return _indices(np.triu_indices, row, col, offset, dtype)


def _indices(triangle: Any, row: int, col: int, offset: int, dtype: Any) -> Tensor:
    if min(row, col) < 0:
        raise ValueError(f"{triangle.__name__}: a matrix of {row} rows and {col} columns; neither is negative")
    return wrap(np.array(triangle(row, offset, col)).astype(dtype, copy=False), None)


# --- random numbers -------------------------------------------------------------------------------------------------


def rand(
    *sizes: Any, size: Any = None, generator: Any = None, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Uniform in [0, 1)."""
    return _finish(uniform(_shape(sizes, size), _float_dtype(dtype, "rand"), generator), requires_grad)


def randn(
    *sizes: Any, size: Any = None, generator: Any = None, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Normal with mean 0 and variance 1."""
    return _finish(normal(_shape(sizes, size), _float_dtype(dtype, "randn"), generator), requires_grad)


def randint(
    low: Any = None,
    high: Any = None,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Whole numbers in [low, high), int64: ``randint(high, size)`` or ``randint(low, high, size)``."""
    if isinstance(high, (tuple, list)) and size is None:
        high, size = None, high
    if high is None:
        low, high = None, low
    low = 0 if low is None else low
    if high is None or size is None:
        raise TypeError("randint: size is missing; call randint(high, size) or randint(low, high, size)")
    if low >= high:
        raise ValueError(f"randint: no whole number lies in [{low}, {high})")
    kind = np.dtype(np.int64 if dtype is None else dtype)
    most = 1 if kind.kind == "b" else np.iinfo(kind).max if kind.kind in "iu" else high
    if high - 1 > most:
        raise ValueError(f"randint: {high - 1} does not fit into {kind}")
    array = np.asarray(numpy_generator(generator).integers(low, high, sizes_of((size,))))
    return _finish(array.astype(np.int64 if dtype is None else dtype, copy=False), requires_grad)


def randperm(n: int, *, generator: Any = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """The numbers 0 to n−1 in random order."""
    if n < 0:
        raise ValueError(f"randperm: n must not be negative, got {n}")
    return _finish(
        numpy_generator(generator).permutation(n).astype(np.int64 if dtype is None else dtype), requires_grad
    )


def rand_like(input: Any, *, generator: Any = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """:func:`rand` of the shape and dtype of ``input``."""
    dtype = input.dtype if dtype is None else dtype
    return rand(tuple(input.shape), generator=generator, dtype=dtype, requires_grad=requires_grad)


def randn_like(input: Any, *, generator: Any = None, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """:func:`randn` of the shape and dtype of ``input``."""
    dtype = input.dtype if dtype is None else dtype
    return randn(tuple(input.shape), generator=generator, dtype=dtype, requires_grad=requires_grad)


def uniform(shape: tuple[int, ...], dtype: np.dtype, generator: Any = None) -> np.ndarray:
    """Uniform numbers in [0, 1) as an array."""
    draw = numpy_generator(generator).random
    if dtype in (np.float32, np.float64):
        return np.asarray(draw(shape, dtype=dtype.type))
    return np.asarray(draw(shape, dtype=np.float32)).astype(dtype)


def normal(shape: tuple[int, ...], dtype: np.dtype, generator: Any = None) -> np.ndarray:
    """Standard normal numbers as an array."""
    draw = numpy_generator(generator).standard_normal
    if dtype in (np.float32, np.float64):
        return np.asarray(draw(shape, dtype=dtype.type))
    return np.asarray(draw(shape, dtype=np.float32)).astype(dtype)
