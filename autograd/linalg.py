"""Linear algebra: PyTorch's ``torch.linalg``. LAPACK computes; the gradient rules are ops, right to any order.

Matrices stand in the last two dimensions, everything before is a batch. What has no answer is a ``LinAlgError``.
"""
# ruff: noqa: F401  (the names are here for others to import)

from typing import Any

from .ops import diagonals, products
from .ops.decompositions import cholesky, eigh, eigvalsh, lstsq, matrix_rank, pinv, qr, svd, svdvals
from .ops.linalg import matmul
from .ops.matrix_norms import cond, matrix_norm, norm, vector_norm
from .ops.products import matrix_power, multi_dot, vecdot
from .ops.solve import LinAlgError, det, inv, slogdet, solve, solve_triangular


def cross(input: Any, other: Any, *, dim: int = -1) -> Any:
    """The cross products of 3-vectors along ``dim``; the other dimensions broadcast."""
    return products.cross(input, other, dim)


def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonals of matrices, in the last dimension."""
    return diagonals.diagonal(A, offset, dim1, dim2)
