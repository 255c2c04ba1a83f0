"""The NumPy functions that arrange, pick and multiply arrays, as ops under NumPy's argument names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensor import Tensor, wrap
from . import decompositions, diagonals, index, join, layout, linalg, matrix_norms, products, rearrange, solve, windows
from .positions import take, value_of


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list:
    n = ary.shape[axis]
    if isinstance(indices_or_sections, int) and n % indices_or_sections:
        raise ValueError(f"split: {n} elements do not divide into {indices_or_sections} equal parts")
    return list(rearrange.tensor_split(ary, indices_or_sections, axis))


def _pad(array: Any, pad_width: Any, mode: str = "constant", constant_values: float = 0) -> Any:
    pairs = np.broadcast_to(pad_width, (array.ndim, 2)).tolist()
    if mode == "constant":
        return join._pad(array, padding=tuple(map(tuple, pairs)), value=constant_values)
    name = {"edge": "replicate", "wrap": "circular"}.get(mode, mode)
    return join.pad(array, [n for pair in reversed(pairs) for n in pair], name)


def _reversed(a: Any, axes: Any = None) -> Any:
    return layout.permute(a, tuple(reversed(range(a.ndim))) if axes is None else tuple(axes))


def _take(a: Any, indices: Any, axis: int | None = None) -> Any:
    if axis is None:
        return take(a, indices)
    return index.getitem(a, (slice(None),) * layout.axis_of(axis, a.ndim, "take") + (value_of(indices),))


def _repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    return rearrange.repeat_interleave(a, repeats, axis)


def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    if axis is None:
        arr, values = rearrange.ravel(arr), rearrange.ravel(values)
    return join.cat([arr, values], axis or 0)


def _expand_dims(a: Any, axis: Any) -> Any:
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    at = layout.axes_of(axes, a.ndim + len(axes), "expand_dims")
    rest = iter(a.shape)
    return layout.reshape(a, tuple(1 if d in at else next(rest) for d in range(a.ndim + len(axes))))


def _sliding_window_view(x: Any, window_shape: Any, axis: Any = None) -> Any:
    sizes = (window_shape,) if isinstance(window_shape, int) else tuple(window_shape)
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    for dim, size in zip(layout.axes_of(tuple(axes), x.ndim, "sliding_window_view"), sizes, strict=True):
        x = windows.unfold(x, dim, size, 1)
    return x


def _meshgrid(*xi: Any, indexing: str = "xy") -> tuple:
    return rearrange.meshgrid(*xi, indexing=indexing)


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    return decompositions.svd(a, full_matrices) if compute_uv else decompositions.svdvals(a)


def _dot(a: Any, b: Any) -> Any:
    """Over the last dimension of ``a`` and the last but one of ``b``, which do not broadcast."""
    if not np.ndim(a) or not np.ndim(b):
        return a * b
    return products.tensordot(a, b, ([-1], [-2 if b.ndim > 1 else -1]))


def _vdot(a: Any, b: Any) -> Any:
    return linalg.dot(rearrange.ravel(a), rearrange.ravel(b))


def _like(make: Callable) -> Callable:
    def function(a: Any, dtype: Any = None) -> Tensor:
        return wrap(make(value_of(a), dtype=dtype), None)

    return function


def _shared(test: Callable) -> Callable:
    return lambda a, b: test(value_of(a), value_of(b))


FUNCTIONS: dict[Callable, Callable] = {
    np.reshape: lambda a, shape: layout.reshape(a, shape),
    np.ravel: lambda a: rearrange.ravel(a),
    np.transpose: _reversed,
    np.permute_dims: _reversed,
    np.matrix_transpose: lambda x: layout.matrix_transpose(x),
    np.swapaxes: lambda a, axis1, axis2: layout.transpose(a, axis1, axis2),
    np.moveaxis: lambda a, source, destination: layout.movedim(a, source, destination),
    np.squeeze: lambda a, axis=None: layout.squeeze(a, axis),
    np.expand_dims: _expand_dims,
    np.broadcast_to: lambda array, shape: layout.broadcast_to(array, (shape,) if isinstance(shape, int) else shape),
    np.broadcast_arrays: lambda *args: rearrange.broadcast_tensors(*args),
    np.atleast_1d: lambda *arys: rearrange.atleast_1d(*arys),
    np.atleast_2d: lambda *arys: rearrange.atleast_2d(*arys),
    np.atleast_3d: lambda *arys: rearrange.atleast_3d(*arys),
    np.flip: lambda m, axis=None: layout.flip(m, layout.axes_of(axis, m.ndim, "flip")),
    np.fliplr: lambda m: rearrange.fliplr(m),
    np.flipud: lambda m: rearrange.flipud(m),
    np.rot90: lambda m, k=1, axes=(0, 1): rearrange.rot90(m, k, axes),
    np.roll: lambda a, shift, axis=None: layout.roll(a, shift, axis),
    np.tril: lambda m, k=0: layout.tril(m, k),
    np.triu: lambda m, k=0: layout.triu(m, k),
    np.copy: lambda a: layout.clone(a),
    np.concatenate: lambda arrays, axis=0: join.cat(arrays, axis),
    np.append: _append,
    np.stack: lambda arrays, axis=0: join.stack(arrays, axis),
    np.hstack: lambda tup: rearrange.hstack(tup),
    np.vstack: lambda tup: rearrange.vstack(tup),
    np.dstack: lambda tup: rearrange.dstack(tup),
    np.column_stack: lambda tup: rearrange.column_stack(tup),
    np.split: _split,
    np.array_split: lambda ary, indices_or_sections, axis=0: list(
        rearrange.tensor_split(ary, indices_or_sections, axis)
    ),
    np.hsplit: lambda ary, indices_or_sections: list(rearrange.hsplit(ary, indices_or_sections)),
    np.vsplit: lambda ary, indices_or_sections: list(rearrange.vsplit(ary, indices_or_sections)),
    np.dsplit: lambda ary, indices_or_sections: list(rearrange.dsplit(ary, indices_or_sections)),
    np.unstack: lambda x, axis=0: join.unbind(x, axis),
    np.tile: lambda A, reps: join.tile(A, (reps,) if isinstance(reps, int) else reps),
    np.repeat: _repeat,
    np.pad: _pad,
    np.meshgrid: _meshgrid,
    np.lib.stride_tricks.sliding_window_view: _sliding_window_view,
    np.take: _take,
    np.take_along_axis: lambda arr, indices, axis=-1: index.take_along_dim(arr, indices, axis),
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: diagonals.diagonal(a, offset, axis1, axis2),
    np.diag: lambda v, k=0: diagonals.diag(v, k),
    np.diagflat: lambda v, k=0: diagonals.diagflat(v, k),
    np.trace: lambda a, offset=0, axis1=0, axis2=1: diagonals.diagonal(a, offset, axis1, axis2).sum(-1),
    np.dot: _dot,
    np.vdot: _vdot,
    np.inner: lambda a, b: products.inner(a, b),
    np.outer: lambda a, b: linalg.outer(rearrange.ravel(a), rearrange.ravel(b)),
    np.tensordot: lambda a, b, axes=2: products.tensordot(a, b, axes),
    np.kron: lambda a, b: products.kron(a, b),
    np.cross: lambda a, b, axis=-1: products.cross(a, b, axis),
    np.einsum: linalg.einsum,
    np.linalg.norm: lambda x, ord=None, axis=None, keepdims=False: matrix_norms.norm(x, ord, axis, keepdims),
    np.linalg.matrix_norm: lambda x, keepdims=False, ord="fro": matrix_norms.matrix_norm(x, ord, keepdim=keepdims),
    np.linalg.vector_norm: lambda x, axis=None, keepdims=False, ord=2: matrix_norms.vector_norm(x, ord, axis, keepdims),
    np.linalg.cond: lambda x, p=None: matrix_norms.cond(x, p),
    np.linalg.inv: lambda a: solve.inv(a),
    np.linalg.solve: lambda a, b: solve.solve(a, b),
    np.linalg.det: lambda a: solve.det(a),
    np.linalg.slogdet: lambda a: solve.slogdet(a),
    np.linalg.cholesky: lambda a, upper=False: decompositions.cholesky(a, upper=upper),
    np.linalg.qr: lambda a, mode="reduced": decompositions.qr(a, mode),
    np.linalg.svd: _svd,
    np.linalg.svdvals: lambda x: decompositions.svdvals(x),
    np.linalg.eigh: lambda a, UPLO="L": decompositions.eigh(a, UPLO),
    np.linalg.eigvalsh: lambda a, UPLO="L": decompositions.eigvalsh(a, UPLO),
    np.linalg.pinv: lambda a, rcond=None, hermitian=False, rtol=None: decompositions.pinv(
        a, rtol=1e-15 if rcond is None and rtol is None else rcond if rtol is None else rtol, hermitian=hermitian
    ),
    np.linalg.matrix_rank: lambda A, tol=None, hermitian=False, rtol=None: decompositions.matrix_rank(
        A, atol=tol, rtol=rtol, hermitian=hermitian
    ),
    np.linalg.matrix_power: lambda a, n: products.matrix_power(a, n),
    np.linalg.multi_dot: lambda arrays: products.multi_dot(arrays),
    np.linalg.cross: lambda x1, x2, axis=-1: products.cross(x1, x2, axis),
    np.linalg.outer: lambda x1, x2: linalg.outer(x1, x2),
    np.linalg.matmul: lambda x1, x2: linalg.matmul(x1, x2),
    np.linalg.tensordot: lambda x1, x2, axes=2: products.tensordot(x1, x2, axes),
    np.linalg.matrix_transpose: lambda x: layout.matrix_transpose(x),
    np.linalg.diagonal: lambda x, offset=0: diagonals.diagonal(x, offset, -2, -1),
    np.linalg.trace: lambda x, offset=0: diagonals.diagonal(x, offset, -2, -1).sum(-1),
    np.nonzero: lambda a: index.nonzero(a, as_tuple=True),
    np.argwhere: lambda a: index.nonzero(a),
    np.flatnonzero: lambda a: index.nonzero(rearrange.ravel(a), as_tuple=True)[0],
    np.unravel_index: lambda indices, shape: rearrange.unravel_index(indices, shape),
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.numel() if axis is None else a.shape[axis],
    np.zeros_like: _like(np.zeros_like),
    np.ones_like: _like(np.ones_like),
    np.empty_like: _like(np.empty_like),
    np.full_like: lambda a, fill_value, dtype=None: wrap(np.full_like(value_of(a), fill_value, dtype=dtype), None),
    np.shares_memory: _shared(np.shares_memory),
    np.may_share_memory: _shared(np.may_share_memory),
}
UFUNCS: dict[np.ufunc, Callable] = {
    np.matmul: linalg.matmul,
    np.vecdot: products.vecdot,
    np.matvec: lambda a, b: linalg.matmul(a, layout.unsqueeze(b, -1)).squeeze(-1),
    np.vecmat: lambda a, b: linalg.matmul(layout.unsqueeze(a, -2), b).squeeze(-2),
}
