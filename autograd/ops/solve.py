"""Linear systems, inverses and determinants of square matrices, one or a batch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..primitive import primitive
from .diagonals import _diagonal, _diagonal_embed
from .layout import _reshape, matrix_transpose, sum_to, tril, triu, unsqueeze
from .linalg import _check, _matmul


class LinAlgError(np.linalg.LinAlgError, RuntimeError):
    """A matrix for which there is no answer: singular, not positive definite, ..."""


def matrices(x: Any, op: str, name: str = "A") -> None:
    """Raise unless ``x`` is floating point with at least two dimensions."""
    if not hasattr(x, "ndim"):
        raise TypeError(f"{op}: {name} is a Tensor or array, not {type(x).__name__}")
    if x.dtype.kind != "f":
        raise TypeError(f"{op}: {name} must be floating point, not {x.dtype}; convert it with .to(dtype)")
    if x.dtype == np.float16:
        raise TypeError(f"{op}: LAPACK has no float16; convert {name} with .float()")
    if x.ndim < 2:
        raise ValueError(f"{op}: {name} has shape {tuple(x.shape)}; a matrix has at least 2 dimensions")


def square_matrices(x: Any, op: str, name: str = "A") -> None:
    """Raise unless ``x`` is one square matrix or a batch of them."""
    matrices(x, op, name)
    if x.shape[-1] != x.shape[-2]:
        raise ValueError(
            f"{op}: {name} must be square, not {x.shape[-2]} by {x.shape[-1]} ({name}.shape={tuple(x.shape)})"
        )


def _singular(op: str, A: np.ndarray) -> LinAlgError:
    signs = np.linalg.slogdet(A)[0]
    where = f" (matrix {tuple(int(i) for i in np.argwhere(signs == 0)[0])} of the batch)" if signs.ndim else ""
    return LinAlgError(f"{op}: the matrix is singular{where}; pinv gives the pseudo-inverse")


# --- inverse and systems --------------------------------------------------------------------------------------------


@primitive
def _inv(A):
    try:
        return np.linalg.inv(A)
    except np.linalg.LinAlgError:
        raise _singular("inv", A) from None


def _inv_rule(g, y):
    t = matrix_transpose(y)
    return -_matmul(t, _matmul(g, t))


_inv.vjp(A=_inv_rule)


def inv(A: Any) -> Any:
    """The inverse of each square matrix. ``LinAlgError`` where there is none."""
    square_matrices(A, "inv")
    return _inv(A)


@primitive
def _solve(A, B):
    """``X`` in ``A X = B``; the batches of ``A`` and ``B`` broadcast."""
    try:
        return np.linalg.solve(A, B)
    except np.linalg.LinAlgError:
        raise _singular("solve", A) from None


def _solve_A_rule(g, A, y, A_shape):
    gA = -_matmul(_solve(matrix_transpose(A), g), matrix_transpose(y))
    return gA if gA.shape == A_shape else sum_to(gA, shape=A_shape)


def _solve_B_rule(g, A, B_shape):
    gB = _solve(matrix_transpose(A), g)
    return gB if gB.shape == B_shape else sum_to(gB, shape=B_shape)


_solve.vjp(A=_solve_A_rule, B=_solve_B_rule)


def solve(A: Any, B: Any, *, left: bool = True) -> Any:
    """``X`` in ``A X = B`` (``left=False``: in ``X A = B``) without forming the inverse.

    ``B`` is a matrix, or a vector: it is one if it has one dimension, or the shape of ``A`` without the last. Batches
    broadcast. ``LinAlgError`` where ``A`` is singular.
    """
    square_matrices(A, "solve")
    _check("solve", A, B)
    n = A.shape[-1]
    vector = B.ndim == 1 or (A.ndim - 1 == B.ndim and tuple(B.shape) == tuple(A.shape[:-1]))
    if vector:
        if not left:
            raise ValueError(f"solve: left=False takes matrices, not a vector of shape {tuple(B.shape)}")
        X = unsqueeze(B, -1)
    else:
        X = B if left else matrix_transpose(B) if B.ndim >= 2 else B
        A = A if left else matrix_transpose(A)
    if X.ndim < 2 or X.shape[-2] != n:
        raise ValueError(f"solve: A is {n} by {n} but B has shape {tuple(B.shape)}; their sizes do not fit A X = B")
    try:
        np.broadcast_shapes(tuple(A.shape[:-2]), tuple(X.shape[:-2]))
    except ValueError:
        raise ValueError(f"solve: batches {tuple(A.shape[:-2])} and {tuple(X.shape[:-2])} do not broadcast") from None
    X = _solve(A, X)
    if vector:
        return _reshape(X, shape=tuple(X.shape[:-1]))
    return X if left else matrix_transpose(X)


def solve_triangular(A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    """:func:`solve` that reads one triangle of ``A`` (``unitriangular``: and takes the diagonal for ones)."""
    square_matrices(A, "solve_triangular")
    matrices(B, "solve_triangular", "B")
    _check("solve_triangular", A, B)
    if B.shape[-2 if left else -1] != A.shape[-1]:
        raise ValueError(
            f"solve_triangular: A is {A.shape[-1]} by {A.shape[-1]} but B has shape {tuple(B.shape)}; "
            f"their sizes do not fit {'A X' if left else 'X A'} = B"
        )
    triangle = triu if upper else tril
    if unitriangular:
        A = triangle(A, 1 if upper else -1) + np.eye(A.shape[-1], dtype=A.dtype)
    else:
        A = triangle(A)
    return _solve(A, B) if left else matrix_transpose(_solve(matrix_transpose(A), matrix_transpose(B)))


# --- determinants ---------------------------------------------------------------------------------------------------
# ∂det/∂A is the matrix of cofactors. Through the singular values it is exact for singular matrices as well, where
# det(A) A⁻ᵀ is 0 · ∞, and so is its own derivative.


@primitive
def _det(A):
    return np.linalg.det(A)


@primitive
def _cofactors(A):
    """``∂det(A)/∂A = det(A) A⁻ᵀ``"""
    U, s, Vh, sign = _svd_with_sign(A)
    return (sign * U * _products_without(s, 1)[..., None, :]) @ Vh


@primitive
def _second_cofactors(G, A):
    """The derivative of :func:`_cofactors` in the direction ``G``."""
    U, s, Vh, sign = _svd_with_sign(A)
    P = _products_without(s, 2)
    H = np.swapaxes(U, -1, -2) @ G @ np.swapaxes(Vh, -1, -2)
    diagonal = (P @ np.diagonal(H, 0, -2, -1)[..., None])[..., 0]
    inner = _diagonal_embed.forward(diagonal, offset=0, dim1=H.ndim - 2, dim2=H.ndim - 1, shape=H.shape)
    return sign * (U @ (inner - P * np.swapaxes(H, -1, -2)) @ Vh)


def _svd_with_sign(A: np.ndarray) -> tuple:
    U, s, Vh = np.linalg.svd(A)
    return U, s, Vh, (np.linalg.det(U) * np.linalg.det(Vh))[..., None, None]


def _products_without(s: np.ndarray, count: int) -> np.ndarray:
    """The products of ``s`` without ``s[i]``, or (``count`` 2) without ``s[i]`` and ``s[j]``, 0 where they are one."""
    n = s.shape[-1]
    out = np.repeat(s[..., None, :], n, axis=-2)  # out[..., i, :] = s
    i = np.arange(n)
    out[..., i, i] = 1
    if count == 1:
        return np.multiply.reduce(out, axis=-1)
    out = np.repeat(out[..., None, :, :], n, axis=-3)  # out[..., j, i, :] = s without s[i]
    out[..., i, :, i] = 1
    pairs = np.multiply.reduce(out, axis=-1)
    pairs[..., i, i] = 0
    return pairs


def _each(g: Any) -> Any:
    """A number for each matrix, in a shape that multiplies matrices."""
    return _reshape(g, shape=(*g.shape, 1, 1))


def _trace(x: Any) -> Any:
    from .reduce import _sum

    return _sum(_diagonal(x, offset=0, dim1=x.ndim - 2, dim2=x.ndim - 1), dim=(x.ndim - 2,), keepdim=False)


def _second_cofactors_rule(g, G, A):
    """The third derivative of det in the directions ``g`` and ``G``, of invertible matrices."""
    B = inv(A)
    gB, GB = _matmul(g, B), _matmul(G, B)
    tg, tG, both = (_each(_trace(x)) for x in (gB, GB, _matmul(gB, GB)))
    inner = (tg * tG - both) * B - tg * _matmul(B, GB) - tG * _matmul(B, gB)
    inner = inner + _matmul(_matmul(B, GB), gB) + _matmul(_matmul(B, gB), GB)
    return _each(_det(A)) * matrix_transpose(inner)


_det.vjp(A=lambda g, A: _each(g) * _cofactors(A))
_cofactors.vjp(A=lambda g, A: _second_cofactors(g, A))
_second_cofactors.vjp(G=lambda g, A: _second_cofactors(g, A), A=_second_cofactors_rule)


def det(A: Any) -> Any:
    """The determinant of each square matrix.

    The gradient is right for singular matrices too (of rank n−1 it is not 0), and so is the second; further ones need
    an invertible matrix.
    """
    square_matrices(A, "det")
    return _det(A)


class SLogDet(NamedTuple):
    sign: Any
    logabsdet: Any


@primitive(outputs=("sign", "logabsdet"), kinks="singular matrices: −inf, and no gradient (LinAlgError)")
def _slogdet(A):
    sign, logabsdet = np.linalg.slogdet(A)
    return sign, logabsdet


_slogdet.vjp(A=lambda g, A: _each(g[1]) * matrix_transpose(inv(A)))


def slogdet(A: Any) -> SLogDet:
    """The sign of the determinant and the logarithm of its magnitude, which does not overflow.

    Of a singular matrix: 0 and −inf, and a gradient is a ``LinAlgError``.
    """
    square_matrices(A, "slogdet")
    return SLogDet(*_slogdet(A))
