"""Putting tensors together and taking them apart: cat, stack, split, repeat, pad."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..dtypes import result_type
from ..kernels.blocks import LARGE, assign, copied
from ..primitive import primitive
from ..tensor import Tensor
from .index import basic
from .layout import _reshape, axis_of, broadcast_to, cast, given


@primitive
def _cat(*tensors, dim, ends):
    if sum(x.size for x in tensors) < LARGE:
        return np.concatenate(tensors, axis=dim)
    out = np.empty((*tensors[0].shape[:dim], ends[-1], *tensors[0].shape[dim + 1 :]), tensors[0].dtype)
    for x, end in zip(tensors, ends):
        assign(out[(*(slice(None),) * dim, slice(end - x.shape[dim], end))], x)
    return out


@primitive
def _stack(*tensors, dim):
    return np.stack(tensors, axis=dim)


def _piece(g, dim, start, stop):
    index = (*(slice(None),) * dim, slice(start, stop))
    return g[index] if type(g) is np.ndarray else basic(g, index=index)


_cat.vjp(
    tensors=lambda g, *, dim, ends, position: _piece(g, dim, ends[position - 1] if position else 0, ends[position])
)
_stack.vjp(tensors=lambda g, *, dim, position: basic(g, index=(*(slice(None),) * dim, position)))


def _same_dtype(tensors: Any, op: str) -> list:
    if isinstance(tensors, Tensor):
        raise TypeError(f"{op}: expected a sequence of tensors, not one Tensor")
    tensors = [x if isinstance(x, (Tensor, np.ndarray)) else np.asarray(x) for x in tensors]
    if not tensors:
        raise ValueError(f"{op}: the sequence of tensors is empty")
    if len({x.dtype for x in tensors}) == 1:
        return tensors
    dtype = result_type([x._data if isinstance(x, Tensor) else x for x in tensors])
    return [x if x.dtype == dtype else cast(x, dtype=dtype) for x in tensors]


def cat(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Any:
    """Join tensors along an existing dimension; their other sizes are equal."""
    tensors = _same_dtype(tensors, "cat")
    # PyTorch lets 1-d empty tensors through whatever the others are: a list that starts empty can be grown
    tensors = [x for x in tensors if x.shape != (0,)] or tensors[:1]
    ndim = tensors[0].ndim
    if ndim == 0:
        raise ValueError("cat: 0-d tensors have no dimension to join; use stack")
    dim = axis_of(dim if axis is None else axis, ndim, "cat")
    shapes = [x.shape for x in tensors]
    before, behind = shapes[0][:dim], shapes[0][dim + 1 :]
    for i, shape in enumerate(shapes):
        if len(shape) != ndim or shape[:dim] != before or shape[dim + 1 :] != behind:
            raise ValueError(
                f"cat: tensor {i} has shape {tuple(shape)}, the first {tuple(shapes[0])}; "
                f"they may differ in dim {dim} only"
            )
    return _cat(*tensors, dim=dim, ends=tuple(accumulate([shape[dim] for shape in shapes])))


def stack(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Any:
    """Join tensors of one shape along a new dimension."""
    tensors = _same_dtype(tensors, "stack")
    for i, x in enumerate(tensors):
        if x.shape != tensors[0].shape:
            raise ValueError(f"stack: tensor {i} has shape {tuple(x.shape)}, the first {tuple(tensors[0].shape)}")
    return _stack(*tensors, dim=axis_of(dim if axis is None else axis, tensors[0].ndim + 1, "stack"))


def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple:
    """Consecutive pieces of a size (the last may be smaller), or of the sizes in a list."""
    dim = axis_of(dim, tensor.ndim, "split")
    n = tensor.shape[dim]
    if isinstance(split_size_or_sections, (tuple, list)):
        sizes = [int(s) for s in split_size_or_sections]
        if sum(sizes) != n or any(s < 0 for s in sizes):
            raise ValueError(f"split: sizes {sizes} add up to {sum(sizes)}, but dim {dim} has {n}")
    else:
        size = int(split_size_or_sections)
        if size < 1 and (n or size < 0):
            raise ValueError(f"split: the size of a piece is at least 1, not {size}")
        sizes = [min(size, n - start) for start in range(0, n, size or 1)] or [0]
    ends = list(accumulate(sizes))
    whole = (slice(None),) * dim
    return tuple(basic(tensor, index=(*whole, slice(end - size, end))) for size, end in zip(sizes, ends))


def chunk(input: Any, chunks: int, dim: int = 0) -> tuple:
    """At most ``chunks`` pieces of equal size (the last may be smaller)."""
    if chunks < 1:
        raise ValueError(f"chunk: chunks is at least 1, not {chunks}")
    n = input.shape[axis_of(dim, input.ndim, "chunk")]
    return split(input, max(1, -(-n // chunks)), dim) if n else split(input, [0] * chunks, dim)


def unbind(input: Any, dim: int = 0) -> tuple:
    """The slices along a dimension, which goes away."""
    if input.ndim == 0:
        raise ValueError("unbind: a 0-d tensor has no slices")
    dim = axis_of(dim, input.ndim, "unbind")
    return tuple(basic(input, index=(*(slice(None),) * dim, i)) for i in range(input.shape[dim]))


def repeat(input: Any, *counts: Any, repeats: Any = None) -> Any:
    """Copies side by side, ``repeats[i]`` of them along dimension ``i``; missing leading dimensions are added."""
    counts = given(counts, repeats, "repeat", "repeats")
    if len(counts) < input.ndim:
        raise ValueError(f"repeat: {len(counts)} counts for {input.ndim} dimensions; one for each is needed")
    if any(n < 0 for n in counts):
        raise ValueError(f"repeat: counts {counts} must not be negative")
    shape = (1,) * (len(counts) - input.ndim) + tuple(input.shape)
    apart = _reshape(input, shape=tuple(n for size in shape for n in (1, size)))  # (1, n0, 1, n1, ...)
    filled = broadcast_to(apart, tuple(n for pair in zip(counts, shape) for n in pair))  # (r0, n0, r1, n1, ...)
    return _reshape(filled, shape=tuple(r * n for r, n in zip(counts, shape)))


def tile(input: Any, *counts: Any, dims: Any = None) -> Any:
    """:func:`repeat` that adds missing counts as ones in front."""
    counts = given(counts, dims, "tile", "dims")
    return repeat(input, (1,) * (input.ndim - len(counts)) + counts)


# --- padding --------------------------------------------------------------------------------------------------------


@primitive
def _pad(input, *, padding, value):
    """Constant padding, ``(before, after)`` for each dimension; a negative number cuts. Adjoint: negated numbers."""
    kept = tuple(slice(max(0, -a), n - max(0, -b)) for n, (a, b) in zip(input.shape, padding))
    if max(map(max, padding), default=0) <= 0:
        return copied(input[kept])
    out = np.empty([n + a + b for n, (a, b) in zip(input.shape, padding)], input.dtype)
    assign(out, np.broadcast_to(np.full((), value, out.dtype), out.shape))
    into = tuple(slice(max(0, a), n - max(0, b)) for n, (a, b) in zip(out.shape, padding))
    assign(out[into], input[kept])
    return out


_pad.vjp(input=lambda g, *, padding: _pad(g, padding=tuple((-a, -b) for a, b in padding), value=0))

_BORDERS: dict[str, Any] = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@primitive
def _pad_border(input, *, padding, mode):
    """Padding with the input's own border: ``reflect``, ``replicate`` or ``circular``."""
    return np.pad(input, padding, mode=_BORDERS[mode])


@primitive
def _fold_border(input, *, padding, mode):
    """Add a border back to where ``pad_border`` took it from: its adjoint."""
    out = input
    for axis, (before, after) in enumerate(padding):
        if not before and not after:
            continue
        out = np.moveaxis(out, axis, 0)
        n = out.shape[0] - before - after
        core = out[before : before + n].copy()
        left, right = out[:before], out[before + n :]
        if mode == "reflect":
            core[1 : before + 1] += left[::-1]
            core[n - 1 - after : n - 1] += right[::-1]
        elif mode == "replicate":
            core[0] += left.sum(axis=0)
            core[n - 1] += right.sum(axis=0)
        else:
            core[n - before :] += left
            core[:after] += right
        out = np.moveaxis(core, 0, axis)
    return out


_pad_border.vjp(input=lambda g, *, padding, mode: _fold_border(g, padding=padding, mode=mode))
_fold_border.vjp(input=lambda g, *, padding, mode: _pad_border(g, padding=padding, mode=mode))


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """Pad from the last dimension backwards: ``(left, right, top, bottom, ...)``.

    mode : ``"constant"`` (with ``value``), ``"reflect"`` (without repeating the edge),
        ``"replicate"`` (the edge) or ``"circular"``. Negative numbers cut in every mode.
    """
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise ValueError(
            f"pad: {tuple(pad)} must be pairs (before, after), at most one for each of {input.ndim} dimensions"
        )
    pairs = [(int(pad[i]), int(pad[i + 1])) for i in range(0, len(pad), 2)]
    padding = ((0, 0),) * (input.ndim - len(pairs)) + tuple(reversed(pairs))
    for n, (before, after) in zip(input.shape, padding):
        if n + before + after < 0 or -before > n or -after > n:
            raise ValueError(f"pad: cutting {-before} and {-after} from a dimension of size {n}")
    if mode == "constant":
        return _pad(input, padding=padding, value=0 if value is None else value)
    if mode not in _BORDERS:
        raise ValueError(f"pad: mode is 'constant', 'reflect', 'replicate' or 'circular', not {mode!r}")
    if value is not None:
        raise ValueError(f"pad: value belongs to mode 'constant', not {mode!r}")
    # negative numbers cut; "circular" goes round what is left, the others still see the edge that is cut away
    cut = tuple(slice(max(0, -a), n - max(0, -b)) for n, (a, b) in zip(input.shape, padding))
    if mode == "circular":
        input = _cut(input, cut)
    grown = tuple((max(0, a), max(0, b)) for a, b in padding)
    for n, pair in zip(input.shape, grown):
        limit = {"reflect": n - 1, "circular": n, "replicate": max(pair) if n else 0}[mode]
        if max(pair) > max(limit, 0):  # a dimension of size 0 that nothing is put around is no matter
            raise ValueError(f"pad: {pair} does not fit mode {mode!r} of a dimension of size {n} (at most {limit})")
    out = _pad_border(input, padding=grown, mode=mode)
    if mode == "circular":
        return out
    return _cut(out, tuple(slice(max(0, -a), n - max(0, -b)) for n, (a, b) in zip(out.shape, padding)))


def _cut(x: Any, index: tuple) -> Any:
    return x if all(s == slice(0, n) for s, n in zip(index, x.shape)) else basic(x, index=index)
