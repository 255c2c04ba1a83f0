"""More methods of Tensor: those that arrange, pick and multiply arrays. They are the functions of the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from . import (
    decompositions,
    diagonals,
    dlpack,  # noqa: F401  (attaches its protocol)
    join,
    layout,
    linalg,
    named_input,
    positions,
    products,
    rearrange,
    sampling,
    scatter,
    slices,
    windows,
)

_SAME_NAME: dict[Any, str] = {
    diagonals: "diag diag_embed diagflat diagonal diagonal_scatter",
    products: "addbmm addmm addmv addr baddbmm cross inner kron matrix_power trace",
    named_input: "det inverse logdet pinverse slogdet swapaxes swapdims",
    decompositions: "cholesky_solve",
    positions: "index_copy index_fill index_put masked_scatter put take",
    scatter: "index_reduce scatter scatter_reduce",
    rearrange: "dsplit fliplr flipud hsplit ravel repeat_interleave rot90 tensor_split vsplit",
    sampling: "bernoulli multinomial new_empty new_full new_ones new_tensor new_zeros",
    linalg: "vdot",
    windows: "unfold",
    slices: "narrow select select_scatter slice_scatter",
}
_OTHER_NAME: dict[str, Callable] = {
    "ger": linalg.outer,
    "moveaxis": layout.movedim,
    "adjoint": layout.matrix_transpose,
    "split_with_sizes": join.split,
}
for _module, _names in _SAME_NAME.items():
    for _name in _names.split():
        setattr(Tensor, _name, getattr(_module, _name))
for _name, _op in _OTHER_NAME.items():
    setattr(Tensor, _name, _op)


def _h(self: Tensor) -> Tensor:
    """A matrix transposed (tensors are real)."""
    if self.ndim not in (0, 2):
        raise ValueError(f"H: a matrix has 2 dimensions, not {self.ndim}; .mT transposes a batch of them")
    return layout.t(self)


Tensor.H = property(_h)  # type: ignore[attr-defined]
Tensor.mH = property(layout.matrix_transpose)  # type: ignore[attr-defined]
