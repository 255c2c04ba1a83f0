"""Matrices taken apart: Cholesky, QR, singular values, eigenvalues, and what follows from them.

Gradients where a decomposition is not unique: the gradient of the *values* (eigenvalues, singular values) exists
always; that of the *vectors* divides by the gaps between values, and is inf or NaN where two of them are equal.
Vectors are unique up to their sign only: a function of them must not depend on it.

References: M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation"
(2008); J. Townsend, "Differentiating the singular value decomposition" (2016); S. Walter and L. Lehmann, "Algorithmic
differentiation of linear algebra functions" (2010), for QR; G. Golub and V. Pereyra (1973), eq. 4.12, for pinv.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..primitive import primitive
from ..tensor import Tensor, as_tensor
from .diagonals import _diagonal_embed
from .index import basic
from .join import cat
from .layout import _reshape, matrix_transpose, tril, triu
from .linalg import _check, _matmul
from .solve import LinAlgError, _solve, matrices, square_matrices


class QR(NamedTuple):
    Q: Any
    R: Any


class SVD(NamedTuple):
    U: Any
    S: Any
    Vh: Any


class Eigh(NamedTuple):
    eigenvalues: Any
    eigenvectors: Any


class LstSq(NamedTuple):
    solution: Any
    residuals: Any
    rank: Any
    singular_values: Any


def _matrix_of(values: Any) -> Any:
    """Diagonal matrices."""
    n, ndim = values.shape[-1], values.ndim
    return _diagonal_embed(values, offset=0, dim1=ndim - 1, dim2=ndim, shape=(*values.shape, n))


def _column(values: Any) -> Any:
    return _reshape(values, shape=(*values.shape, 1))


def _row(values: Any) -> Any:
    return _reshape(values, shape=(*values.shape[:-1], 1, values.shape[-1]))


def _over_gaps(skew: Any, values: Any) -> Any:
    """``skew[i, j] / (values[j] − values[i])``, 0 on the diagonal."""
    n = values.shape[-1]
    return skew / (_row(values) - _column(values) + np.eye(n, dtype=values.dtype)) * (1 - np.eye(n, dtype=values.dtype))


# --- Cholesky -------------------------------------------------------------------------------------------------------


@primitive
def _cholesky(A):
    try:
        return np.linalg.cholesky(A)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            "cholesky: a matrix is not positive definite"
            + (f" (matrix {_first_indefinite(A)} of the batch)" if A.ndim > 2 else "")
        ) from None


def _first_indefinite(A: np.ndarray) -> tuple:
    lower = np.tril(A)
    lowest = np.linalg.eigvalsh(lower + np.swapaxes(np.tril(A, -1), -1, -2))[..., 0]
    return tuple(int(i) for i in np.unravel_index(np.argmin(lowest), lowest.shape))


def _cholesky_rule(g, y):
    t = matrix_transpose(y)
    half = 1 - 0.5 * np.eye(y.shape[-1], dtype=y.dtype)
    inner = tril(_matmul(t, g)) * half
    left = _solve(t, inner)  # L⁻ᵀ Φ(Lᵀ g) L⁻¹, then its symmetric part
    gA = matrix_transpose(_solve(t, matrix_transpose(left)))
    return (gA + matrix_transpose(gA)) * 0.5


_cholesky.vjp(A=_cholesky_rule)


def cholesky(A: Any, *, upper: bool = False) -> Any:
    """Lower triangular ``L`` with ``A = L Lᵀ`` (``upper``: its transpose) of symmetric positive definite matrices.

    The lower triangle of ``A`` is read (``upper``: the upper one); the gradient is symmetric, as ``A`` is.
    ``LinAlgError`` where ``A`` is not positive definite.
    """
    square_matrices(A, "cholesky")
    return matrix_transpose(_cholesky(matrix_transpose(A))) if upper else _cholesky(A)


def cholesky_solve(input: Any, input2: Any, upper: bool = False) -> Any:
    """``X`` in ``A X = input``, where ``input2`` is the Cholesky factor of ``A``."""
    matrices(input, "cholesky_solve", "input")
    square_matrices(input2, "cholesky_solve", "input2")
    _check("cholesky_solve", input, input2)
    if input.shape[-2] != input2.shape[-1]:
        raise ValueError(f"cholesky_solve: {input.shape[-2]} rows but a factor of {input2.shape[-1]}")
    L = matrix_transpose(triu(input2)) if upper else tril(input2)
    return _solve(matrix_transpose(L), _solve(L, input))


# --- QR -------------------------------------------------------------------------------------------------------------


@primitive(outputs=("Q", "R"))
def _qr(A, *, mode):
    return tuple(np.linalg.qr(A, mode=mode))


def _qr_rule(g, A, Q, R, *, mode):
    m, n = A.shape[-2:]
    if mode == "complete" and m > n:
        raise RuntimeError("qr: no gradient with mode='complete' of a tall matrix: Q's last columns are arbitrary")
    if m >= n:
        return _tall_qr_rule(g[0], g[1], Q, R)
    # A = [X Y], R = [U V]: X = Q U is square, Y = Q V
    gU, gV = g[1][..., :m], g[1][..., m:]
    gX = _tall_qr_rule(g[0] + _matmul(A[..., m:], matrix_transpose(gV)), gU, Q, R[..., :m])
    return cat([gX, _matmul(Q, gV)], -1)


def _tall_qr_rule(gQ, gR, Q, R):
    M = _matmul(R, matrix_transpose(gR)) - _matmul(matrix_transpose(gQ), Q)
    lower = tril(M)
    M = lower + matrix_transpose(tril(M, -1))
    return matrix_transpose(_solve(R, matrix_transpose(gQ + _matmul(Q, M))))


_qr.vjp(A=_qr_rule)


def qr(A: Any, mode: str = "reduced") -> QR:
    """``A = Q R``: ``Q`` has orthonormal columns, ``R`` is upper triangular.

    mode : ``"reduced"``, ``Q`` of shape (m, min(m, n)); ``"complete"``, (m, m), without a gradient where m > n; or
        ``"r"``, ``R`` alone (``Q`` is empty). The gradient needs linearly independent first min(m, n) columns.
    """
    matrices(A, "qr")
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"qr: mode is 'reduced', 'complete' or 'r', not {mode!r}")
    Q, R = _qr(A, mode="reduced" if mode == "r" else mode)
    if mode == "r":
        Q = np.zeros(0, A.dtype)
        Q = as_tensor(Q) if isinstance(A, Tensor) else Q
    return QR(Q, R)


# --- symmetric eigenvalues ------------------------------------------------------------------------------------------


@primitive(
    outputs=("eigenvalues", "eigenvectors"), kinks="equal eigenvalues: their vectors have no gradient (inf or NaN)"
)
def _eigh(A, *, UPLO):
    return tuple(np.linalg.eigh(A, UPLO))


def _eigh_rule(g, eigenvalues, eigenvectors, *, UPLO):
    V = eigenvectors
    inner = _matrix_of(g[0])
    if 1 in g:
        turned = _matmul(matrix_transpose(V), g[1])
        inner = inner + _over_gaps((turned - matrix_transpose(turned)) * 0.5, eigenvalues)
    return _matmul(_matmul(V, inner), matrix_transpose(V))


_eigh.vjp(A=_eigh_rule)


def eigh(A: Any, UPLO: str = "L") -> Eigh:
    """Eigenvalues in ascending order and orthonormal eigenvectors (columns) of symmetric matrices.

    ``UPLO`` says which triangle of ``A`` is read; the gradient is symmetric, as ``A`` is.
    """
    square_matrices(A, "eigh")
    if UPLO.upper() not in ("L", "U"):
        raise ValueError(f"eigh: UPLO is 'L' or 'U', not {UPLO!r}")
    return Eigh(*_eigh(A, UPLO=UPLO.upper()))


def eigvalsh(A: Any, UPLO: str = "L") -> Any:
    """The eigenvalues of symmetric matrices in ascending order."""
    return eigh(A, UPLO)[0]


# --- singular values ------------------------------------------------------------------------------------------------


@primitive(outputs=("U", "S", "Vh"), kinks="equal singular values: singular vectors have no gradient (inf or NaN)")
def _svd(A, *, full_matrices):
    try:
        return tuple(np.linalg.svd(A, full_matrices=full_matrices))
    except np.linalg.LinAlgError:
        raise LinAlgError("svd: no convergence; does the matrix hold NaN or inf?") from None


def _svd_rule(g, U, S, Vh, *, full_matrices):
    m, n, k = U.shape[-2], Vh.shape[-1], S.shape[-1]
    if (0 in g or 2 in g) and full_matrices and m != n:
        raise RuntimeError(
            "svd: no gradient of the singular vectors of a matrix that is not square with full_matrices=True: the last "
            "ones are arbitrary; use full_matrices=False"
        )
    if full_matrices and m != n:
        U, Vh = U[..., :, :k], Vh[..., :k, :]
    Ut, V = matrix_transpose(U), matrix_transpose(Vh)
    inner = _matrix_of(g[1])
    outside = None
    if 0 in g:
        turned = _matmul(Ut, g[0])
        inner = inner + _over_gaps(turned - matrix_transpose(turned), S * S) * _row(S)
        if m > k:
            rest = (g[0] - _matmul(U, turned)) / _row(S)
            outside = _matmul(rest, Vh)
    if 2 in g:
        gV = matrix_transpose(g[2])
        turned = _matmul(Vh, gV)
        inner = inner + _column(S) * _over_gaps(turned - matrix_transpose(turned), S * S)
        if n > k:
            rest = matrix_transpose((gV - _matmul(V, turned)) / _row(S))
            part = _matmul(U, rest)
            outside = part if outside is None else outside + part
    gA = _matmul(_matmul(U, inner), Vh)
    return gA if outside is None else gA + outside


_svd.vjp(A=_svd_rule)


def svd(A: Any, full_matrices: bool = True) -> SVD:
    """``A = U diag(S) Vh`` with orthonormal ``U`` and ``Vh``; ``S`` descends and is not negative.

    With ``full_matrices=False``, ``U`` and ``Vh`` have min(m, n) columns and rows; of a matrix that is not square only
    these have a gradient.
    """
    matrices(A, "svd")
    return SVD(*_svd(A, full_matrices=bool(full_matrices)))


def svdvals(A: Any) -> Any:
    """The singular values, descending."""
    return svd(A, full_matrices=False).S


def matrix_rank(A: Any, *, atol: Any = None, rtol: Any = None, hermitian: bool = False, tol: Any = None) -> Any:
    """How many singular values exceed ``max(atol, rtol · largest)``.

    ``rtol`` is max(m, n)·eps unless ``atol`` is given; ``hermitian`` takes magnitudes of eigenvalues instead.
    """
    matrices(A, "matrix_rank")
    array = A._data if isinstance(A, Tensor) else A
    values = np.abs(np.linalg.eigvalsh(array)) if hermitian else np.linalg.svd(array, compute_uv=False)
    rank = (values > _tolerance(array, values, tol if atol is None else atol, rtol)).sum(-1).astype(np.int64)
    return as_tensor(np.asarray(rank))


def _tolerance(A: np.ndarray, values: np.ndarray, atol: Any, rtol: Any) -> np.ndarray:
    if rtol is None:
        rtol = 0.0 if atol is not None else max(A.shape[-2:]) * float(np.finfo(A.dtype).eps)
    largest = np.max(values, axis=-1, keepdims=True, initial=0)
    return np.maximum(np.asarray(0.0 if atol is None else atol)[..., None], np.asarray(rtol)[..., None] * largest)


# --- pseudo-inverse -------------------------------------------------------------------------------------------------


@primitive(kinks="where the rank changes: not continuous")
def _pinv(A, *, atol, rtol):
    U, S, Vh = np.linalg.svd(A, full_matrices=False)
    kept = S > _tolerance(A, S, atol, rtol)
    inverse = np.where(kept, 1 / np.where(kept, S, 1), 0).astype(A.dtype)
    return np.swapaxes(Vh, -1, -2) @ (inverse[..., None] * np.swapaxes(U, -1, -2))


def _pinv_rule(g, A, y, *, atol, rtol):
    t, gt = matrix_transpose(y), matrix_transpose(g)
    right = _matmul(gt, _matmul(y, t))
    right = right - _matmul(A, _matmul(y, right))  # (1 − A P) gᵀ P Pᵀ
    left = _matmul(_matmul(t, y), gt)
    left = left - _matmul(_matmul(left, y), A)  # Pᵀ P gᵀ (1 − P A)
    return right + left - _matmul(_matmul(t, g), t)


_pinv.vjp(A=_pinv_rule)


def pinv(A: Any, rcond: Any = None, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Any:
    """The pseudo-inverse (Moore and Penrose). Singular values up to ``max(atol, rtol · largest)`` count as 0.

    ``rtol`` (or ``rcond``) is max(m, n)·eps unless ``atol`` is given. The gradient is that at constant rank.
    """
    matrices(A, "pinv")
    if hermitian:
        square_matrices(A, "pinv")
    plain = (x._data if isinstance(x, Tensor) else x for x in (atol, rcond if rtol is None else rtol))
    atol, rtol = plain
    return _pinv(A, atol=atol, rtol=rtol)


def lstsq(A: Any, B: Any, rcond: Any = None, *, driver: Any = None) -> LstSq:
    """``X`` that makes ``‖A X − B‖`` smallest, and of these the shortest; the gradient is that of ``pinv(A) @ B``.

    ``residuals`` are the squared sums where ``A`` is tall and of full rank, else empty.
    """
    matrices(A, "lstsq")
    _check("lstsq", A, B)
    vector = B.ndim == 1 or (A.ndim - 1 == B.ndim and tuple(B.shape) == tuple(A.shape[:-1]))
    columns = _column(B) if vector else B
    if columns.ndim < 2 or columns.shape[-2] != A.shape[-2]:
        raise ValueError(f"lstsq: A has {A.shape[-2]} rows but B has shape {tuple(B.shape)}")
    X = _matmul(pinv(A, rcond), columns)
    rank = matrix_rank(A, rtol=rcond)
    m, n = A.shape[-2:]
    residuals: Any = as_tensor(np.zeros(0, A.dtype))
    if m > n and bool((rank._data == n).all()):
        from .reduce import _sum

        error = _matmul(A, X) - columns
        residuals = _sum(error * error, dim=(error.ndim - 2,), keepdim=False)
    solution = basic(X, index=(..., 0)) if vector else X
    return LstSq(solution, residuals, rank, as_tensor(np.zeros(0, A.dtype)))
