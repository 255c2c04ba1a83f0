"""More methods of Tensor: those that arrange, pick and multiply arrays. They are the functions of the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from . import decompositions, diagonals, layout, linalg, positions, products, scatter, slices, solve

_SAME_NAME: dict[Any, str] = {
    diagonals: "diag diag_embed diagflat diagonal diagonal_scatter",
    products: "addbmm addmm addmv addr baddbmm cross inner kron matrix_power trace",
    solve: "det logdet slogdet",
    decompositions: "cholesky_solve",
    positions: "index_copy index_fill index_put masked_scatter put take",
    scatter: "index_reduce scatter scatter_reduce",
    slices: "narrow select select_scatter slice_scatter",
}
_OTHER_NAME: dict[str, Callable] = {
    "inverse": solve.inv,
    "pinverse": decompositions.pinv,
    "vdot": linalg.dot,
    "ger": linalg.outer,
    "moveaxis": layout.movedim,
}
for _module, _names in _SAME_NAME.items():
    for _name in _names.split():
        setattr(Tensor, _name, getattr(_module, _name))
for _name, _op in _OTHER_NAME.items():
    setattr(Tensor, _name, _op)
