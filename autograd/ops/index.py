"""Picking elements and putting them back: every op here stands beside its adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import kernels
from ..kernels.arrays import is_large
from ..kernels.blocks import copied
from ..primitive import primitive
from ..tensor import Tensor, wrap
from .compare import where
from .layout import _broadcast_to, _reshape, axis_of, cast

# --- x[...] ---------------------------------------------------------------------------------------------------------
# Basic indices (numbers, slices, ..., None) give a view and name no element twice; others gather, and may.


@primitive(view=True)
def basic(input, *, index):
    """``input[index]`` of numbers, slices, ``...`` and ``None``: a view."""
    view = input[index]
    return view if isinstance(view, np.ndarray) else input[(*index, ...)]  # of one element, too


@primitive
def advanced(input, *, index):
    """``input[index]`` with integer or boolean arrays among the indices."""
    return input[index]


@primitive
def embed(input, *, index, shape):
    """Zeros of ``shape`` with ``input`` at a basic index: the adjoint of taking it out."""
    out = np.zeros(shape, input.dtype)
    out[index] = input
    return out


@primitive
def embed_add(input, *, index, shape):
    """Zeros of ``shape``, and ``input`` added at an advanced index: elements named twice receive both."""
    out = np.zeros(shape, input.dtype)
    if all(_names_once(i) for i in index):
        out[index] = input
    else:
        np.add.at(out, index, input)
    return out


basic.vjp(input=lambda g, input_shape, *, index: embed(g, index=index, shape=input_shape))
embed.vjp(input=lambda g, *, index: basic(g, index=index))
advanced.vjp(input=lambda g, input_shape, *, index: embed_add(g, index=index, shape=input_shape))
embed_add.vjp(input=lambda g, *, index: advanced(g, index=index))


def _names_once(part: Any) -> bool:
    return not isinstance(part, np.ndarray) or part.dtype == np.bool_ or part.size == 1


def _part(part: Any) -> Any:
    """One entry of an index as a number, slice, None, Ellipsis or a private copy of an array."""
    if part is None or part is Ellipsis:
        return part
    if isinstance(part, (int, np.integer)) and not isinstance(part, bool):
        return int(part)
    if isinstance(part, slice):
        return slice(*[None if n is None else n.__index__() for n in (part.start, part.stop, part.step)])
    if isinstance(part, Tensor):
        part = part._data
        if part.ndim == 0 and part.dtype.kind in "iu":
            return int(part)
    if isinstance(part, (list, tuple)):
        part = [p._data if isinstance(p, Tensor) else p for p in part]
        part = np.asarray(part) if len(part) else np.zeros(0, np.int64)
    array = np.array(part)  # a copy: what the caller does with the index later must not change the gradient
    if array.dtype.kind not in "iub":
        raise IndexError(
            f"indices are integers, booleans, slices, None or ..., not {type(part).__name__}"
            + (f" of {array.dtype}" if array.dtype != object else "")
        )
    return array


def parts_of(index: Any) -> tuple:
    """An index as a tuple of numbers, slices, ``None``, ``...`` and arrays of our own."""
    return tuple(_part(p) for p in index) if isinstance(index, tuple) else (_part(index),)


def getitem(input: Any, index: Any) -> Any:
    """``input[index]`` with every index NumPy takes, and Tensors among them."""
    if type(index) is int or type(index) is slice:
        return basic(input, index=(index,))
    parts = parts_of(index)
    if not any(isinstance(p, np.ndarray) for p in parts):
        return basic(input, index=parts)
    if any(type(p) is int for p in parts):
        # numbers go first, as in PyTorch: x[0, :, rows] has the dimensions of x[0][:, rows], which NumPy swaps
        input = basic(input, index=tuple(s for p in parts for s in _basic_stage(p)))
        parts = tuple(
            p if isinstance(p, np.ndarray) or p is Ellipsis else slice(None) for p in parts if type(p) is not int
        )
    return advanced(input, index=parts)


def _basic_stage(part: Any) -> tuple:
    return (slice(None),) * (part.ndim if part.dtype == np.bool_ else 1) if isinstance(part, np.ndarray) else (part,)


# --- along one dimension --------------------------------------------------------------------------------------------


@primitive
def _gather(input, index, *, dim):
    if _fit_kernels(input, index, index, dim):
        return kernels.indexing.gather(input, index, dim)
    return input[_grid(index, dim)]


@primitive
def _scatter_add(input, index, src, *, dim):
    out = copied(input)
    if _fit_kernels(out, src, index, dim) and src.shape == index.shape:
        kernels.indexing.scatter_add(out, index, src, dim)
    elif index.shape[dim] == 1:
        out[_grid(index, dim)] += src  # no element twice; four times faster
    else:
        np.add.at(out, _grid(index, dim), src)
    return out


def _grid(index: np.ndarray, dim: int) -> tuple:
    """The index of every dimension, where only ``dim`` is not in place."""
    grid = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    grid[dim] = index
    return tuple(grid)


def _fit_kernels(x, part, index, dim):
    """Whether compiled loops may take ``part`` (which may be the index itself) from ``x``, or add it there.

    They trust shapes and index, which may have changed since an op checked it. What is not in order is left to NumPy.
    """
    return (
        (is_large(x) or is_large(part))
        and part.shape[:dim] == x.shape[:dim]
        and part.shape[dim + 1 :] == x.shape[dim + 1 :]
        and (part is index or part.dtype == x.dtype)
        and index.dtype == np.int64
        and index.size > 0
        and index.min() >= 0
        and index.max() < x.shape[dim]
    )


def _empty_sum(shape, dtype):
    """Zeros that take no memory: an op that adds to a copy of them writes each zero once."""
    return np.ndarray(shape, dtype, bytes(dtype.itemsize), strides=(0,) * len(shape))


def _gather_rule(g, index, input_shape, *, dim):
    return _scatter_add(_empty_sum(input_shape, g.dtype), index, g, dim=dim)


_gather.vjp(input=_gather_rule, index=None)
_scatter_add.vjp(input=lambda g: g, index=None, src=lambda g, index, *, dim: _gather(g, index, dim=dim))


@primitive
def _index_select(input, index, *, dim):
    return np.take(input, index, axis=dim)


@primitive
def _index_add(input, index, source, *, dim):
    out = copied(input)
    if _fit_kernels(out, source, index, dim) and index.shape == (source.shape[dim],):
        kernels.indexing.index_add(out, index, source, dim)
    else:
        np.add.at(out, (slice(None),) * dim + (index,), source)
    return out


def _index_select_rule(g, index, input_shape, *, dim):
    return _index_add(_empty_sum(input_shape, g.dtype), index, g, dim=dim)


_index_select.vjp(input=_index_select_rule, index=None)
_index_add.vjp(input=lambda g: g, index=None, source=lambda g, index, *, dim: _index_select(g, index, dim=dim))


def _checked(index: Any, size: int, dim: int, op: str, negative: bool = False) -> Any:
    array = index._data if isinstance(index, Tensor) else np.asarray(index)
    if array.dtype.kind not in "iu" and (array.size or isinstance(index, Tensor)):  # an empty list is real numbers
        raise TypeError(f"{op}: the index holds integers, not {array.dtype}")
    low = -size if negative else 0
    if array.size and (array.min() < low or array.max() >= size):
        bad = array[(array < low) | (array >= size)].flat[0]
        raise IndexError(f"{op}: index {bad} is out of range for dim {dim} of size {size}")
    return index if isinstance(index, Tensor) and array.dtype == np.int64 else array.astype(np.int64)


def _check_along(input: Any, index: Any, dim: int, op: str) -> None:
    if index.ndim != input.ndim:
        raise ValueError(f"{op}: index has {index.ndim} dimensions and input {input.ndim}; they must be equal")
    if any(i > n for d, (i, n) in enumerate(zip(index.shape, input.shape)) if d != dim):
        raise ValueError(
            f"{op}: index.shape={tuple(index.shape)} reaches beyond input.shape={tuple(input.shape)} outside dim {dim}"
        )


def gather(input: Any, dim: int, index: Any) -> Any:
    """``out[i][j] = input[index[i][j]][j]`` for ``dim`` 0, and so on: one element for each of ``index``."""
    dim = axis_of(dim, input.ndim, "gather")
    index = _checked(index, input.shape[dim] if input.ndim else 1, dim, "gather")
    if index.ndim == 0 and input.ndim == 1:  # a number stands for a vector of one
        return _reshape(_gather(input, index.reshape(1), dim=0), shape=())
    if input.ndim == 0 and index.ndim == 1:
        return _gather(_reshape(input, shape=(1,)), index, dim=0)
    _check_along(input, index, dim, "gather")
    return _gather(input, index, dim=dim) if input.ndim else _reshape(input, shape=())


def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """``input`` with ``src[i][j]`` added at ``[index[i][j]][j]`` for ``dim`` 0: the adjoint of :func:`gather`."""
    if max(input.ndim, index.ndim, src.ndim) == 1 and 0 in (input.ndim, index.ndim, src.ndim):  # vectors of one
        vectors = [x if x.ndim else _reshape(x, shape=(1,)) for x in (input, index, src)]
        return _reshape(scatter_add(vectors[0], dim, *vectors[1:]), shape=tuple(input.shape))
    dim = axis_of(dim, input.ndim, "scatter_add")
    index = _checked(index, input.shape[dim] if input.ndim else 1, dim, "scatter_add")
    _check_along(input, index, dim, "scatter_add")
    if src.ndim != index.ndim or any(i > n for i, n in zip(index.shape, src.shape)):
        raise ValueError(f"scatter_add: index.shape={tuple(index.shape)} reaches beyond src.shape={tuple(src.shape)}")
    if src.dtype != input.dtype:
        raise TypeError(f"scatter_add: input is {input.dtype} but src is {src.dtype}; convert one with .to(dtype)")
    if src.shape != index.shape:
        src = basic(src, index=tuple(slice(n) for n in index.shape))
    return _scatter_add(input, index, src, dim=dim) if input.ndim else input + src


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """:func:`gather` whose other dimensions broadcast; without ``dim``, from the flattened input."""
    if dim is None:
        flat = indices.reshape(-1) if np.prod(indices.shape) else np.zeros(0, np.int64)
        return gather(_reshape(input, shape=(-1,)), 0, flat)
    dim = axis_of(dim, input.ndim, "take_along_dim")
    indices = _checked(indices, input.shape[dim], dim, "take_along_dim", negative=True)
    if indices.ndim != input.ndim:
        raise ValueError(
            f"take_along_dim: indices have {indices.ndim} dimensions and input {input.ndim}; equal numbers needed"
        )
    array = indices._data if isinstance(indices, Tensor) else indices
    array = np.where(array < 0, array + input.shape[dim], array)

    def without(shape: tuple) -> tuple:
        return (*shape[:dim], 1, *shape[dim + 1 :])

    common = np.broadcast_shapes(without(input.shape), without(array.shape))
    wide = (*common[:dim], array.shape[dim], *common[dim + 1 :])
    deep = (*common[:dim], input.shape[dim], *common[dim + 1 :])
    if tuple(input.shape) != deep:
        input = _broadcast_to(input, shape=deep)
    return _gather(input, np.broadcast_to(array, wide), dim=dim)


def index_select(input: Any, dim: int, index: Any) -> Any:
    """The slices of ``input`` at a list of positions along ``dim``."""
    dim = axis_of(dim, input.ndim, "index_select")
    index = _checked(index, input.shape[dim] if input.ndim else 1, dim, "index_select")
    if input.ndim == 0:
        if np.prod(index.shape) != 1:
            raise ValueError(f"index_select: of a 0-d tensor one position is selected, not {tuple(index.shape)}")
        return _reshape(input, shape=())
    if index.ndim > 1:
        raise ValueError(f"index_select: the index is a vector, not of shape {tuple(index.shape)}")
    return _index_select(input, index.reshape(-1), dim=dim)


def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Any:
    """``input`` with slices of ``source`` added at positions along ``dim``: the adjoint of :func:`index_select`."""
    dim = axis_of(dim, input.ndim, "index_add")
    index = _checked(index, input.shape[dim] if input.ndim else 1, dim, "index_add")
    if source.dtype != input.dtype:
        raise TypeError(f"index_add: input is {input.dtype} but source is {source.dtype}; convert one with .to(dtype)")
    if input.dtype.kind != "f" and not isinstance(alpha, int):
        raise TypeError(f"index_add: alpha={alpha} is no whole number, and input is {input.dtype}")
    if input.ndim == 0 and np.prod(index.shape) == np.prod(source.shape) == 1 and source.ndim == 0:
        return input + source * alpha
    if index.ndim > 1:
        raise ValueError(f"index_add: the index is a vector, not of shape {tuple(index.shape)}")
    index = index.reshape(-1)
    expected = (*input.shape[:dim], index.shape[0], *input.shape[dim + 1 :])
    if tuple(source.shape) != expected:
        raise ValueError(
            f"index_add: source.shape={tuple(source.shape)}, expected {expected} for {index.shape[0]} positions"
        )
    alpha = bool(alpha) if input.dtype == np.bool_ else alpha
    return _index_add(input, index, source if alpha == 1 else source * alpha, dim=dim)


# --- by mask, and as numbers ----------------------------------------------------------------------------------------


def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    """``value`` (a number or 0-d Tensor) where ``mask`` is true, else ``input``."""
    if isinstance(value, (Tensor, np.ndarray)) and value.ndim:
        raise ValueError(f"masked_fill: value is a number or 0-d, not of shape {tuple(value.shape)}; use where")
    if mask.dtype != np.bool_:
        raise TypeError(f"masked_fill: the mask has dtype {mask.dtype}, but it must be boolean")
    return where(mask, fitting(value, input.dtype, "masked_fill"), input)


def fitting(value: Any, dtype: np.dtype, op: str) -> Any:
    """A number or 0-d Tensor in the dtype of what it is written to; a gradient must not get lost on the way."""
    if isinstance(value, Tensor):
        if value.requires_grad and dtype.kind != "f":
            raise TypeError(f"{op}: a value that requires grad is written to {dtype}, which has no gradient")
        return value if value.dtype == dtype else cast(value, dtype=dtype)
    if dtype.kind in "iu" and not np.iinfo(dtype).min <= int(value) <= np.iinfo(dtype).max:
        raise ValueError(f"{op}: value {value} does not fit into {dtype}")
    return np.asarray(value).astype(dtype)


def masked_select(input: Any, mask: Any) -> Any:
    """The elements where ``mask`` is true, as a vector."""
    shape = np.broadcast_shapes(tuple(input.shape), tuple(mask.shape))
    if mask.dtype != np.bool_:
        raise TypeError(f"masked_select: the mask has dtype {mask.dtype}, but it must be boolean")
    mask = np.broadcast_to(mask._data if isinstance(mask, Tensor) else mask, shape)
    return getitem(input if tuple(input.shape) == shape else _broadcast_to(input, shape=shape), mask)


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The indices of the nonzero elements: one row each, or one vector for each dimension with ``as_tuple``."""
    if not hasattr(input, "ndim"):
        raise TypeError(f"nonzero: input is a Tensor or array, not {type(input).__name__}")
    array = input._data if isinstance(input, Tensor) else np.asarray(input)
    if as_tuple:
        return tuple(wrap(i) for i in np.nonzero(np.atleast_1d(array)))
    return wrap(np.argwhere(array))


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """Class numbers as rows of zeros with a single 1 (int64), in a new last dimension."""
    array = tensor._data if isinstance(tensor, Tensor) else np.asarray(tensor)
    if array.dtype.kind not in "iu":
        raise TypeError(f"one_hot: class numbers are integers, not {array.dtype}")
    if num_classes == -1:
        if not array.size:
            raise ValueError("one_hot: num_classes cannot be found from an empty tensor; give it")
        num_classes = int(array.max()) + 1
    if array.size and (array.min() < 0 or array.max() >= num_classes):
        bad = array[(array < 0) | (array >= num_classes)].flat[0]
        raise IndexError(f"one_hot: class {bad} is not in [0, {num_classes})")
    return wrap((array[..., None] == np.arange(num_classes)).astype(np.int64))
