"""Shape and order: no arithmetic, so every gradient is the move undone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from operator import index as as_int
from typing import Any

import numpy as np

from .. import kernels
from ..kernels.arrays import is_large
from ..kernels.blocks import copied
from ..primitive import primitive


def axis_of(dim: Any, ndim: int, op: str) -> int:
    """One dimension counted from the front; 0 and −1 are allowed for a 0-d tensor."""
    dim = as_int(dim)
    limit = ndim or 1
    if not -limit <= dim < limit:
        raise IndexError(f"{op}: dim {dim} is out of range for {ndim} dimensions ([{-limit}, {limit - 1}])")
    return dim % limit


def axes_of(dim: Any, ndim: int, op: str) -> tuple[int, ...]:
    """The dimensions counted from the front, all of them for ``None`` or an empty tuple."""
    if dim is None:
        return tuple(range(ndim))
    if isinstance(dim, (tuple, list)):
        return _axes(tuple(map(as_int, dim)), ndim, op)
    found = axis_of(dim, ndim, op)
    return (found,) if ndim else ()


@lru_cache(maxsize=256)
def _axes(dims: tuple[int, ...], ndim: int, op: str) -> tuple[int, ...]:
    found = tuple([axis_of(d, ndim, op) for d in dims]) or tuple(range(ndim))
    if len(set(found)) != len(found):
        raise ValueError(f"{op}: dim {dims} names a dimension twice")
    return found if ndim else ()


def given(one_by_one: tuple, together: Any, op: str, name: str) -> tuple[int, ...]:
    """Numbers given one by one, as one tuple, or by name; one of these."""
    if (together is None) == (not one_by_one):
        raise TypeError(f"{op}: {name} is missing" if together is None else f"{op}: {name} is given twice")
    return sizes_of(one_by_one if together is None else (together,))


def sizes_of(sizes: tuple) -> tuple[int, ...]:
    """``f(2, 3)`` and ``f((2, 3))`` mean the same."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    return tuple(as_int(n) for n in sizes)


# --- shape ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _repeated(large: tuple[int, ...], small: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of ``large`` along which broadcasting repeats ``small``."""
    lead = len(large) - len(small)
    return tuple(range(lead)) + tuple(i + lead for i, n in enumerate(small) if n == 1 and large[i + lead] != 1)


@primitive
def sum_to(input, *, shape):
    """Sum over the axes that broadcasting ``shape`` to ``input.shape`` would repeat: the adjoint of broadcasting."""
    axes = _repeated(input.shape, shape)
    total = kernels.folds.fold("sum", input, axes) if is_large(input) else None
    if total is None:
        total = np.add.reduce(input, axis=axes)
    return total if total.shape == shape else total.reshape(shape)


@primitive(view=True)
def _broadcast_to(input, *, shape):
    return np.broadcast_to(input, shape)


sum_to.vjp(input=lambda g, input_shape: _broadcast_to(g, shape=input_shape))
_broadcast_to.vjp(input=lambda g, input_shape: sum_to(g, shape=input_shape))


def broadcast_to(input: Any, size: Sequence[int]) -> Any:
    """``input`` repeated (without a copy) to a larger shape; −1 keeps a size."""
    shape = tuple(as_int(n) for n in size)
    have = input.shape
    lead = len(shape) - len(have)
    if lead < 0:
        raise ValueError(f"broadcast_to: shape {shape} has fewer dimensions than the input, {tuple(have)}")
    shape = tuple(have[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(shape))
    if min(shape, default=0) < 0:
        raise ValueError(f"broadcast_to: {shape} holds a negative size; -1 keeps the size of a dimension that exists")
    if any(n not in (1, shape[i + lead]) for i, n in enumerate(have)):
        raise ValueError(
            f"broadcast_to: input of shape {tuple(have)} does not broadcast to {shape}; only sizes of 1 grow"
        )
    return _broadcast_to(input, shape=shape)


def expand(input: Any, *sizes: Any, size: Any = None) -> Any:
    """``input.expand(2, −1)``: :func:`broadcast_to` as a method, with sizes one by one."""
    return broadcast_to(input, given(sizes, size, "expand", "size"))


@primitive(elementwise=True)
def cast(input, *, dtype):
    """Convert to another dtype; the engine converts the gradient back, as it does for every elementwise op."""
    return np.asarray(input).astype(dtype)


cast.vjp(input=lambda g: g)


@primitive
def clone(input):
    """A copy of the values that stays in the graph."""
    return copied(input)


clone.vjp(input=lambda g: g)


@primitive(view=True)
def _reshape(input, *, shape):
    return np.reshape(input, shape)


_reshape.vjp(input=lambda g, input_shape: _reshape(g, shape=input_shape))


def reshape(input: Any, *sizes: Any, shape: Any = None) -> Any:
    """The same elements in another shape (one size may be −1); without a copy where memory allows."""
    wanted = given(sizes, shape, "reshape", "shape")
    if min(wanted, default=0) < -1:
        raise ValueError(f"reshape: {wanted} holds a negative size other than -1")
    return _reshape(input, shape=wanted)


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Merge the dimensions from ``start_dim`` to ``end_dim``, both included, into one."""
    start, end = (axis_of(d, input.ndim, "flatten") for d in (start_dim, end_dim))
    if start > end:
        raise ValueError(f"flatten: start_dim {start} comes after end_dim {end}")
    shape = input.shape
    return _reshape(input, shape=(*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Any:
    """Split one dimension into several; one of ``sizes`` may be −1."""
    dim = axis_of(dim, input.ndim, "unflatten")
    sizes = tuple(as_int(n) for n in sizes)
    if not sizes or sizes.count(-1) > 1:
        raise ValueError(f"unflatten: sizes {sizes} hold at least one number, and -1 at most once")
    size, known = input.shape[dim], math.prod(n for n in sizes if n != -1)
    sizes = tuple(size // known if n == -1 and known else n for n in sizes)
    if math.prod(sizes) != size:
        raise ValueError(f"unflatten: sizes {tuple(sizes)} do not multiply to {size}, the size of dim {dim}")
    return _reshape(input, shape=(*input.shape[:dim], *sizes, *input.shape[dim + 1 :]))


def squeeze(input: Any, dim: Any = None, *, axis: Any = None) -> Any:
    """Drop the dimensions of size 1: all of them, or those named that have size 1."""
    dim = dim if axis is None else axis
    drop = () if isinstance(dim, (tuple, list)) and not dim else axes_of(dim, input.ndim, "squeeze")
    return _reshape(input, shape=tuple(n for i, n in enumerate(input.shape) if n != 1 or i not in drop))


def unsqueeze(input: Any, dim: int) -> Any:
    """Put a dimension of size 1 in front of ``dim``."""
    dim = axis_of(dim, input.ndim + 1, "unsqueeze")
    return _reshape(input, shape=(*input.shape[:dim], 1, *input.shape[dim:]))


# --- order ----------------------------------------------------------------------------------------------------------


@primitive(view=True)
def _permute(input, *, dims):
    return np.transpose(input, dims)


_permute.vjp(input=lambda g, *, dims: _permute(g, dims=tuple(int(i) for i in np.argsort(dims))))


def permute(input: Any, *order: Any, dims: Any = None) -> Any:
    """The dimensions in another order: dimension ``i`` of the result is ``dims[i]`` of the input."""
    wanted = given(order, dims, "permute", "dims")
    found = tuple(axis_of(d, input.ndim, "permute") for d in wanted)
    if sorted(found) != list(range(input.ndim)):
        raise ValueError(f"permute: dims {wanted} must name each of the {input.ndim} dimensions once")
    return _permute(input, dims=found)


def transpose(input: Any, dim0: int, dim1: int) -> Any:
    """Swap two dimensions."""
    dims = list(range(input.ndim))
    a, b = axis_of(dim0, input.ndim, "transpose"), axis_of(dim1, input.ndim, "transpose")
    if dims:
        dims[a], dims[b] = dims[b], dims[a]
    return _permute(input, dims=tuple(dims))


def t(input: Any) -> Any:
    """A matrix with rows and columns swapped; vectors stay."""
    if input.ndim > 2:
        raise ValueError(f"t: a matrix has at most 2 dimensions, not {input.ndim}; use .mT or transpose(dim0, dim1)")
    return _permute(input, dims=tuple(reversed(range(input.ndim))))


def matrix_transpose(input: Any) -> Any:
    """Each matrix of a batch with rows and columns swapped: ``.mT``."""
    if input.ndim < 2:
        raise ValueError(f"mT: a batch of matrices has at least 2 dimensions, not {input.ndim}")
    if type(input) is np.ndarray:  # in the rules of products, which feel every call
        return input.swapaxes(-2, -1)
    return transpose(input, -2, -1)


def movedim(input: Any, source: Any, destination: Any) -> Any:
    """Move dimensions to other places; the others keep their order."""
    sources, targets = ((d,) if isinstance(d, int) else tuple(d) for d in (source, destination))
    if len(sources) != len(targets):
        raise ValueError(f"movedim: {len(sources)} dimensions cannot move to {len(targets)} places")
    from_, to = axes_of(sources, input.ndim, "movedim"), axes_of(targets, input.ndim, "movedim")
    order = [d for d in range(input.ndim) if d not in from_]
    for place, dim in sorted(zip(to, from_)):
        order.insert(place, dim)
    return _permute(input, dims=tuple(order))


@primitive
def _flip(input, *, dims):
    return copied(np.flip(input, dims))  # as in PyTorch: a copy, so a later change in place stays its own


@primitive
def _roll(input, *, shifts, dims):
    return np.roll(input, shifts, dims)


_flip.vjp(input=lambda g, *, dims: _flip(g, dims=dims))
_roll.vjp(input=lambda g, *, shifts, dims: _roll(g, shifts=tuple(-n for n in shifts), dims=dims))


def flip(input: Any, dims: Sequence[int]) -> Any:
    """Reverse the order along each of ``dims``."""
    if not isinstance(dims, (tuple, list)):
        raise TypeError(f"flip: dims is a tuple or a list, not {dims!r}; numbers one by one go to the method x.flip(0)")
    return _flip(input, dims=axes_of(dims, input.ndim, "flip") if dims else ())


def roll(input: Any, shifts: Any, dims: Any = None) -> Any:
    """Shift along ``dims``; what falls off one end comes in at the other. Without ``dims``: in flattened order."""
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    if not dims and isinstance(dims, (tuple, list, type(None))):
        if len(shifts) != 1:
            raise ValueError(f"roll: {len(shifts)} shifts for no dims")
        return _reshape(_roll(_reshape(input, shape=(-1,)), shifts=shifts, dims=(0,)), shape=tuple(input.shape))
    dims = (dims,) if isinstance(dims, int) else tuple(dims)
    if len(dims) != len(shifts):
        raise ValueError(f"roll: {len(shifts)} shifts for {len(dims)} dims")
    return _roll(input, shifts=shifts, dims=tuple(axis_of(d, input.ndim, "roll") for d in dims))


@primitive
def _tril(input, *, diagonal):
    return np.tril(input, diagonal)


@primitive
def _triu(input, *, diagonal):
    return np.triu(input, diagonal)


_tril.vjp(input=lambda g, *, diagonal: _tril(g, diagonal=diagonal))
_triu.vjp(input=lambda g, *, diagonal: _triu(g, diagonal=diagonal))


def _matrix(input: Any, op: str) -> None:
    if input.ndim < 2:
        raise ValueError(f"{op}: a matrix has at least 2 dimensions, not shape {tuple(input.shape)}")


def tril(input: Any, diagonal: int = 0) -> Any:
    """The part on and below a diagonal of each matrix, zeros above."""
    _matrix(input, "tril")
    return _tril(input, diagonal=diagonal)


def triu(input: Any, diagonal: int = 0) -> Any:
    """The part on and above a diagonal of each matrix, zeros below."""
    _matrix(input, "triu")
    return _triu(input, diagonal=diagonal)
