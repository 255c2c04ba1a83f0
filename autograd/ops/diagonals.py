"""Diagonals: taking them out, building matrices of them, and writing them into a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import primitive
from .layout import axis_of


@primitive
def _diagonal(input, *, offset, dim1, dim2):
    return np.diagonal(input, offset, dim1, dim2)


@primitive
def _diagonal_embed(input, *, offset, dim1, dim2, shape):
    """Zeros of ``shape`` with ``input`` on a diagonal: the adjoint of taking it out."""
    out = np.zeros(shape, input.dtype)
    _view(out, offset, dim1, dim2)[...] = input
    return out


@primitive
def _diagonal_scatter(input, src, *, offset, dim1, dim2):
    """A copy of ``input`` with ``src`` on a diagonal."""
    out = input.copy()
    _view(out, offset, dim1, dim2)[...] = src
    return out


def _view(x: np.ndarray, offset: int, dim1: int, dim2: int) -> np.ndarray:
    view = np.diagonal(x, offset, dim1, dim2)
    view.flags.writeable = True  # NumPy's caution: this array was made here
    return view


def _erase(g: Any, src_shape: tuple, **where: Any) -> Any:
    return _diagonal_scatter(g, np.zeros(src_shape, g.dtype), **where)


_diagonal.vjp(input=lambda g, input_shape, **where: _diagonal_embed(g, shape=input_shape, **where))
_diagonal_embed.vjp(input=lambda g, *, offset, dim1, dim2: _diagonal(g, offset=offset, dim1=dim1, dim2=dim2))
_diagonal_scatter.vjp(input=_erase, src=lambda g, **where: _diagonal(g, **where))


def _planes(ndim: int, dim1: int, dim2: int, op: str) -> dict[str, int]:
    if ndim < 2:
        raise ValueError(f"{op}: at least 2 dimensions are needed, not {ndim}")
    a, b = axis_of(dim1, ndim, op), axis_of(dim2, ndim, op)
    if a == b:
        raise ValueError(f"{op}: dim1 and dim2 are the same dimension, {a}")
    return {"dim1": a, "dim2": b}


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonals in the plane of two dimensions, in a new last dimension; ``offset`` > 0 lies above the main one."""
    return _diagonal(input, offset=offset, **_planes(input.ndim, dim1, dim2, "diagonal"))


def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Square matrices of zeros with the vectors of the last dimension on a diagonal: the adjoint of diagonal."""
    if not input.ndim:
        raise ValueError("diag_embed: a 0-d tensor holds no vectors")
    planes = _planes(input.ndim + 1, dim1, dim2, "diag_embed")
    n = input.shape[-1] + abs(offset)
    rest = iter(input.shape[:-1])
    shape = tuple(n if d in planes.values() else next(rest) for d in range(input.ndim + 1))
    return _diagonal_embed(input, offset=offset, shape=shape, **planes)


def diag(input: Any, diagonal: int = 0) -> Any:
    """A vector as a square matrix with it on a diagonal; of a matrix, that diagonal."""
    if input.ndim not in (1, 2):
        raise ValueError(f"diag: a vector or a matrix, not shape {tuple(input.shape)}; see diagonal and diag_embed")
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    return _diagonal(input, offset=diagonal, dim1=0, dim2=1)


def diagflat(input: Any, offset: int = 0) -> Any:
    """All elements on a diagonal of a square matrix of zeros."""
    from .layout import _reshape

    return diag_embed(_reshape(input, shape=(-1,)), offset)


def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """``input`` with ``src`` written on a diagonal; ``src`` has the shape of that :func:`diagonal`."""
    planes = _planes(input.ndim, dim1, dim2, "diagonal_scatter")
    rows, columns = input.shape[planes["dim1"]], input.shape[planes["dim2"]]
    length = max(0, min(rows + min(0, offset), columns - max(0, offset)))
    shape = (*(n for d, n in enumerate(input.shape) if d not in planes.values()), length)
    if tuple(src.shape) != shape:
        raise ValueError(f"diagonal_scatter: src.shape={tuple(src.shape)}, but this diagonal has shape {shape}")
    if src.dtype != input.dtype:
        raise TypeError(f"diagonal_scatter: input is {input.dtype} but src is {src.dtype}; convert one with .to(dtype)")
    return _diagonal_scatter(input, src, offset=offset, **planes)
