"""Reading and writing at flat positions: take, put, and everything that writes at an index.

An index of any form becomes the numbers of the elements it names, counted row by row. Three primitives are left: read
there, add there, write there. Where an index names an element twice, a write that does not accumulate keeps the last
value, and only that one gets the gradient. (PyTorch gives the gradient to all of them, which is not the derivative.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..primitive import primitive
from ..tensor import Tensor
from .index import _check_along, _grid, _part, basic, fitting
from .layout import _broadcast_to, _reshape, axis_of


@primitive
def _read_at(input, positions):
    return np.ravel(input)[positions]


@primitive
def _add_at(input, positions, src):
    out = np.array(input, order="C")
    np.add.at(out.reshape(-1), positions, src)
    return out


@primitive
def _write_at(input, positions, src):
    out = np.array(input, order="C")
    # raveled: NumPy goes through a strided index in the order of its memory, and another value would be the last
    out.reshape(-1)[np.ravel(positions)] = np.ravel(src)
    return out


def _last_ones(positions: np.ndarray) -> np.ndarray:
    """Whether no later entry names the same element."""
    flat = positions.reshape(-1)
    last = np.zeros(flat.max(initial=-1) + 1, np.int64)
    numbers = np.arange(flat.size)
    np.maximum.at(last, flat, numbers)
    return (last[flat] == numbers).reshape(positions.shape)


def _written_rule(g, positions):
    kept = _last_ones(value_of(positions))
    return _read_at(g, positions) * kept.astype(g.dtype)


_read_at.vjp(
    input=lambda g, positions, input_shape: _add_at(np.zeros(input_shape, g.dtype), positions, g), positions=None
)
_add_at.vjp(input=lambda g: g, positions=None, src=lambda g, positions: _read_at(g, positions))
_write_at.vjp(
    input=lambda g, positions: _write_at(g, positions, np.zeros(positions.shape, g.dtype)),
    positions=None,
    src=_written_rule,
)


def value_of(x: Any) -> np.ndarray:
    """The array of a Tensor, or of anything that makes one."""
    return x._data if isinstance(x, Tensor) else np.asarray(x)


def same_dtype(op: str, input: Any, src: Any, name: str = "src") -> None:
    """Raise unless both have one dtype."""
    if not hasattr(src, "dtype"):
        raise TypeError(f"{op}: {name} is a Tensor or array, not {type(src).__name__}")
    if src.dtype != input.dtype:
        raise TypeError(f"{op}: input is {input.dtype} but {name} is {src.dtype}; convert one with .to(dtype)")


def whole(index: Any, size: int, op: str, where: str, negative: bool = False) -> np.ndarray:
    """An array of integers in [0, size); negative ones, where they are allowed, count from the end."""
    array = value_of(index)
    if array.dtype.kind not in "iu" and (array.size or isinstance(index, Tensor)):  # an empty list is real numbers
        raise TypeError(f"{op}: the index holds integers, not {array.dtype}")
    bad = array[(array < (-size if negative else 0)) | (array >= size)]
    if bad.size:
        raise IndexError(f"{op}: index {bad.flat[0]} is out of range for {where} of size {size}")
    return np.where(array < 0, array + size, array).astype(np.int64)


# --- flat -----------------------------------------------------------------------------------------------------------


def take(input: Any, index: Any) -> Any:
    """The elements at flat positions, counted row by row; negative ones count from the end."""
    return _read_at(input, whole(index, int(np.prod(input.shape)), "take", "the flattened input", negative=True))


def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """``input`` with ``source`` written (``accumulate``: added) at flat positions: the adjoint of :func:`take`."""
    positions = whole(index, int(np.prod(input.shape)), "put", "the flattened input", negative=True)
    same_dtype("put", input, source, "source")
    if positions.size != np.prod(source.shape):
        raise ValueError(f"put: {positions.size} positions but {int(np.prod(source.shape))} values in source")
    source = _reshape(source, shape=positions.shape)
    return (_add_at if accumulate else _write_at)(input, positions, source)


def _numbers(shape: Sequence[int]) -> np.ndarray:
    """The number of each element, in place."""
    return np.arange(int(np.prod(shape))).reshape(shape)


def index_put(input: Any, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Any:
    """``input`` with ``values`` written (``accumulate``: added) where ``input[indices]`` reads; they broadcast."""
    if not isinstance(indices, (tuple, list)):
        raise TypeError(f"index_put: indices is a tuple of index tensors, not {type(indices).__name__}")
    parts = tuple(_part(i) for i in indices)
    values = to_put(input, parts, values, "index_put", accumulate)
    return _put(input, _numbers(input.shape)[parts], values, accumulate, "index_put")


def to_put(input: Any, parts: tuple, values: Any, op: str, accumulate: bool = False) -> Any:
    """The values in the dtype of what they are written to: one value under a mask is converted, others fit."""
    masked = len(parts) == 1 and getattr(parts[0], "dtype", None) == np.bool_ and parts[0].ndim
    if masked and not accumulate and np.prod(getattr(values, "shape", (0,))) == 1:
        return fitting(values, input.dtype, op)
    same_dtype(op, input, values, "values" if op == "index_put" else "the value")
    return values


def _put(input: Any, positions: np.ndarray, values: Any, accumulate: bool, op: str) -> Any:
    shape = np.shape(positions)
    if tuple(values.shape) != shape:
        try:
            fits = np.broadcast_shapes(tuple(values.shape), shape) == shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(f"{op}: values of shape {tuple(values.shape)} do not broadcast to the index's {shape}")
        values = _broadcast_to(values, shape=shape)
    return (_add_at if accumulate else _write_at)(input, np.asarray(positions), values)


# --- along one dimension --------------------------------------------------------------------------------------------


def rows_at(input: Any, dim: int, index: Any, op: str, negative: bool = False) -> tuple[int, np.ndarray, np.ndarray]:
    """The dimension, the positions in it, and the numbers of all elements there."""
    dim = axis_of(dim, input.ndim, op)
    index = whole(index, input.shape[dim] if input.ndim else 1, op, f"dim {dim}", negative)
    if index.ndim > 1:
        raise ValueError(f"{op}: the index is a vector, not of shape {index.shape}")
    index = index.reshape(-1)
    shape = tuple(input.shape) or (1,)
    return dim, index, _numbers(shape)[(slice(None),) * dim + (index,)]


def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    """``input`` with slices of ``source`` written at positions along ``dim``; the last of equal positions stays."""
    dim, index, positions = rows_at(input, dim, index, "index_copy")
    same_dtype("index_copy", input, source, "source")
    if source.ndim == 0 or input.ndim == 0:
        source = _reshape(source, shape=(1,) * max(1, input.ndim))
    if tuple(source.shape) != positions.shape:
        raise ValueError(
            f"index_copy: source.shape={tuple(source.shape)}, expected {positions.shape} for {index.size} positions"
        )
    return _write_at(input, positions, source)


def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """``input`` with a number (or 0-d Tensor) written at positions along ``dim``."""
    if isinstance(value, (Tensor, np.ndarray)) and value.ndim:
        raise ValueError(f"index_fill: value is a number or 0-d, not of shape {tuple(value.shape)}")
    _, _, positions = rows_at(input, dim, index, "index_fill", negative=True)
    return _write_at(input, positions, filled(value, positions.shape, input.dtype, "index_fill"))


def filled(value: Any, shape: tuple[int, ...], dtype: np.dtype, op: str) -> Any:
    """A number or 0-d Tensor, everywhere."""
    return _broadcast_to(fitting(value, dtype, op), shape=shape)


def places_along(input: Any, dim: int, index: Any, op: str) -> tuple[np.ndarray, np.ndarray]:
    """The index as :func:`gather` takes it, and the numbers of the elements it names."""
    dim = axis_of(dim, input.ndim, op)
    index = whole(index, input.shape[dim] if input.ndim else 1, op, f"dim {dim}")
    if index.size == 0:
        return index, index
    shape = tuple(input.shape) or (1,)
    array = index if index.ndim or len(shape) > 1 else index.reshape(1)
    _check_along(np.broadcast_to(0, shape), array, dim, op)
    return index, _numbers(shape)[_grid(array, dim)].reshape(index.shape)


def cut_to(op: str, src: Any, index: np.ndarray) -> Any:
    """The part of ``src`` that stands beside ``index``."""
    if src.ndim != index.ndim or any(i > n for i, n in zip(index.shape, src.shape)):
        raise ValueError(f"{op}: index.shape={index.shape} reaches beyond src.shape={tuple(src.shape)}")
    return src if tuple(src.shape) == index.shape else basic(src, index=tuple(slice(n) for n in index.shape))


# --- by mask --------------------------------------------------------------------------------------------------------


def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """``input`` with the elements of ``source``, one after the other, where ``mask`` is true."""
    array = value_of(mask)
    if array.dtype != np.bool_:
        raise TypeError(f"masked_scatter: the mask has dtype {array.dtype}, but it must be boolean")
    same_dtype("masked_scatter", input, source, "source")
    shape = np.broadcast_shapes(tuple(input.shape), array.shape)
    if tuple(input.shape) != shape:
        input = _broadcast_to(input, shape=shape)
    positions = np.flatnonzero(np.broadcast_to(array, shape))
    size = int(np.prod(source.shape))
    if positions.size > size:
        raise ValueError(f"masked_scatter: the mask is true {positions.size} times but source has {size} elements")
    source = basic(_reshape(source, shape=(-1,)), index=(slice(positions.size),))
    return _write_at(input, positions, source)
