"""Slices along one dimension, taken out and written back."""

from __future__ import annotations

from operator import index as as_int
from typing import Any

import numpy as np

from ..primitive import primitive
from .index import basic
from .layout import axis_of, cast


@primitive
def _overwrite(input, src, *, index):
    """A copy of ``input`` with ``src`` at a basic index."""
    out = input.copy()
    out[index] = src
    return out


_overwrite.vjp(
    input=lambda g, src_shape, *, index: _overwrite(g, np.zeros(src_shape, g.dtype), index=index),
    src=lambda g, *, index: basic(g, index=index),
)


def _at(input: Any, dim: int, op: str, what: Any) -> tuple:
    if not input.ndim:
        raise IndexError(f"{op}: a 0-d tensor has no slices")
    return (*(slice(None),) * axis_of(dim, input.ndim, op), what)


def _number(input: Any, dim: int, index: Any, op: str) -> int:
    n = input.shape[dim] if input.ndim else 0
    index = as_int(index)
    if not -n <= index < n:
        raise IndexError(f"{op}: index {index} is out of range for dim {dim} of size {n}")
    return index


def select(input: Any, dim: int, index: int) -> Any:
    """The slice at one position along ``dim``, which goes away."""
    at = _at(input, dim, "select", None)
    return basic(input, index=(*at[:-1], _number(input, len(at) - 1, index, "select")))


def narrow(input: Any, dim: int, start: Any, length: int) -> Any:
    """``length`` slices along ``dim`` from ``start`` on, which may count from the end."""
    at = _at(input, dim, "narrow", None)
    n, start, length = input.shape[len(at) - 1], as_int(start), as_int(length)
    if length < 0:
        raise ValueError(f"narrow: length {length} is negative")
    if not -n <= start <= n:
        raise IndexError(f"narrow: start {start} is out of range for dim {len(at) - 1} of size {n}")
    start += n if start < 0 else 0
    if start + length > n:
        raise ValueError(f"narrow: start {start} + length {length} exceeds {n}, the size of dim {len(at) - 1}")
    return basic(input, index=(*at[:-1], slice(start, start + length)))


def _write(input: Any, src: Any, index: tuple, op: str) -> Any:
    if src.dtype != input.dtype:
        if input.dtype.kind != "f" and getattr(src, "requires_grad", False):
            raise TypeError(f"{op}: src requires grad and is written to {input.dtype}, which has no gradient")
        src = cast(src, dtype=input.dtype)
    shape = np.broadcast_to(0, tuple(input.shape))[index].shape
    if tuple(src.shape) != shape:
        raise ValueError(f"{op}: src.shape={tuple(src.shape)}, but the slice has shape {shape}")
    return _overwrite(input, src, index=index)


def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    """``input`` with ``src`` written at one position along ``dim``: the counterpart of :func:`select`."""
    at = _at(input, dim, "select_scatter", None)
    return _write(input, src, (*at[:-1], _number(input, len(at) - 1, index, "select_scatter")), "select_scatter")


def slice_scatter(
    input: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Any:
    """``input`` with ``src`` written at ``start:end:step`` along ``dim``."""
    if step < 1:
        raise ValueError(f"slice_scatter: step is at least 1, not {step}")
    return _write(input, src, _at(input, dim, "slice_scatter", slice(start, end, step)), "slice_scatter")
