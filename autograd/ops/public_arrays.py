"""What a user calls as ``autograd.something``, of the families that arrange, pick, multiply and make arrays."""
# ruff: noqa: F401  (the names are here for others to import)

from .creation import logspace, tril_indices, triu_indices
from .decompositions import cholesky_solve
from .diagonals import diag, diag_embed, diagflat, diagonal, diagonal_scatter
from .dlpack import from_dlpack
from .layout import matrix_transpose as adjoint
from .layout import movedim as moveaxis
from .linalg import outer as ger
from .linalg import vdot
from .named_input import det, inverse, logdet, pinverse, slogdet, swapaxes, swapdims
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
from .rearrange import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    block_diag,
    broadcast_shapes,
    broadcast_tensors,
    cartesian_prod,
    column_stack,
    combinations,
    dsplit,
    dstack,
    fliplr,
    flipud,
    hsplit,
    hstack,
    meshgrid,
    ravel,
    repeat_interleave,
    rot90,
    tensor_split,
    unravel_index,
    vsplit,
    vstack,
)
from .rearrange import vstack as row_stack
from .sampling import bernoulli, multinomial, normal, poisson, randint_like
from .scatter import index_reduce, scatter, scatter_reduce
from .slices import narrow, select, select_scatter, slice_scatter
