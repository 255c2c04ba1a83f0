"""What a user calls as ``autograd.something``, of the families that arrange, pick, multiply and make arrays."""
# ruff: noqa: F401  (the names are here for others to import)

from .decompositions import cholesky_solve
from .decompositions import pinv as pinverse
from .diagonals import diag, diag_embed, diagflat, diagonal, diagonal_scatter
from .layout import movedim as moveaxis
from .linalg import dot as vdot
from .linalg import outer as ger
from .positions import index_copy, index_fill, index_put, masked_scatter, put, take
from .products import (
    addbmm,
    addmm,
    addmv,
    addr,
    baddbmm,
    chain_matmul,
    cross,
    inner,
    kron,
    matrix_power,
    tensordot,
    trace,
)
from .scatter import index_reduce, scatter, scatter_reduce
from .slices import narrow, select, select_scatter, slice_scatter
from .solve import det, logdet, slogdet
from .solve import inv as inverse
