"""Norms of vectors and matrices, and condition numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensor import Tensor, as_tensor
from .decompositions import svdvals
from .layout import _reshape, axes_of, cast, movedim
from .reduce import _norm, _sum
from .solve import inv, matrices


def _prepared(x: Any, dtype: Any, op: str) -> Any:
    if not hasattr(x, "ndim"):
        raise TypeError(f"{op}: expected a Tensor or array, not {type(x).__name__}")
    if x.dtype.kind != "f":
        raise TypeError(f"{op}: the input must be floating point, not {x.dtype}; convert it with .float()")
    if dtype is not None:
        if np.dtype(dtype).kind != "f":
            raise TypeError(f"{op}: dtype must be floating point, not {np.dtype(dtype)}")
        if np.dtype(dtype).itemsize < x.dtype.itemsize:
            raise TypeError(f"{op}: dtype {np.dtype(dtype)} is narrower than the input's {x.dtype}")
        if np.dtype(dtype) != x.dtype:
            x = cast(x, dtype=np.dtype(dtype))
    return x


def _order(ord: Any, op: str) -> float:
    try:
        return float(ord)
    except (TypeError, ValueError):
        raise ValueError(f"{op}: order {ord!r} is not one of a vector norm: a number, inf or -inf") from None


def vector_norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """``(Σ |x|^ord)^(1/ord)`` along ``dim``, or of all elements; inf, −inf: the largest, smallest; 0: how many not 0.

    The gradient at a vector of zeros is 0.
    """
    x, p = _prepared(x, dtype, "vector_norm"), _order(ord, "vector_norm")
    dims = axes_of(dim, x.ndim, "vector_norm")
    if (p < 0 or math.isinf(p)) and not math.prod(x.shape[d] for d in dims):
        raise ValueError(f"vector_norm: a vector of nothing has no norm of order {p}; shape {tuple(x.shape)}")
    return _norm(x, p=p, dim=dims, keepdim=keepdim)


def matrix_norm(A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The norm of each matrix in the plane ``dim``.

    ord : ``"fro"``, the root of the sum of squares; ``"nuc"``, the sum of the singular values; 2 or −2, the largest or
        smallest of these; inf or −inf, the largest or smallest row sum of magnitudes; 1 or −1, of the columns.
    """
    A = _prepared(A, dtype, "matrix_norm")
    if A.ndim < 2:
        raise ValueError(f"matrix_norm: a matrix has at least 2 dimensions, not shape {tuple(A.shape)}")
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise ValueError(f"matrix_norm: dim names the two dimensions of the matrices, not {dim!r}")
    rows, columns = axes_of(dim, A.ndim, "matrix_norm")
    if ord == "fro":
        return _norm(A, p=2.0, dim=(rows, columns), keepdim=keepdim)
    if ord not in ("nuc", 1, -1, 2, -2, math.inf, -math.inf):
        raise ValueError(f"matrix_norm: ord is 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, not {ord!r}")
    if ord in ("nuc", 2, -2):
        values = svdvals(movedim(A, (rows, columns), (-2, -1)))
        last = (values.ndim - 1,)
        if ord == -2 and not values.shape[-1]:
            raise ValueError(f"matrix_norm: a matrix of nothing has no smallest singular value; shape {tuple(A.shape)}")
        if ord == "nuc" or not values.shape[-1]:  # the norm of nothing is 0
            out = _sum(values, dim=last, keepdim=False)
        else:
            out = _norm(values, p=math.copysign(math.inf, ord), dim=last, keepdim=False)
    else:
        inner, outer = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = _norm(A, p=1.0, dim=(inner,), keepdim=True)
        out = _norm(sums, p=math.copysign(math.inf, ord), dim=(outer,), keepdim=True)
    kept = tuple(1 if d in (rows, columns) else n for d, n in enumerate(A.shape))
    return _reshape(out, shape=kept if keepdim else tuple(n for d, n in enumerate(A.shape) if d not in (rows, columns)))


def norm(input: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """A vector norm along one dimension, a matrix norm along two; without ``ord``, the 2-norm of all elements."""
    if ord is not None and dim is None and input.ndim not in (1, 2):
        raise ValueError(f"norm: with ord but without dim the input is a vector or a matrix, not {input.ndim}-d")
    if ord is not None and (input.ndim == 2 if dim is None else isinstance(dim, (tuple, list)) and len(dim) == 2):
        return matrix_norm(input, ord, (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    if isinstance(dim, (tuple, list)) and len(dim) not in (1, 2):
        raise ValueError(f"norm: dim names one dimension or two, not {tuple(dim)}; see vector_norm")
    if isinstance(ord, str):
        raise ValueError(f"norm: order {ord!r} needs matrices: two dimensions in dim")
    return vector_norm(input, 2 if ord is None else ord, dim, keepdim, dtype=dtype)


def cond(A: Any, p: Any = None) -> Any:
    """The condition number ``‖A‖ ‖A⁻¹‖`` in the matrix norm ``p``; the default 2 is that of the singular values."""
    if not math.prod(A.shape):
        zeros = np.zeros(tuple(A.shape[:-2]), A.dtype)
        return as_tensor(zeros) if isinstance(A, Tensor) else zeros
    matrices(A, "cond")
    if p in (None, 2, -2):
        values = svdvals(A)
        largest, smallest = values[..., 0], values[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    return matrix_norm(A, p) * matrix_norm(inv(A), p)
