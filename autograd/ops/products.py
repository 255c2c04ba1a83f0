"""Products made of other ops: inner and tensor products, sums with a product, powers and chains of matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..dtypes import result_type
from ..tensor import Tensor
from .diagonals import diagonal
from .join import stack, unbind
from .layout import _permute, _reshape, axes_of, axis_of, cast
from .linalg import _check, bmm, matmul, mm, mv, outer
from .reduce import _sum


def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """The sum over pairs of dimensions: the last ``dims`` of ``a`` with the first of ``b``, or two lists of them.

    The other dimensions of ``a`` come first in the result, then those of ``b``.
    """
    _check("tensordot", a, b)
    if hasattr(dims, "tolist"):
        dims = dims.tolist()
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise ValueError(f"tensordot: dims={dims} of tensors with {a.ndim} and {b.ndim} dimensions")
        first, second = tuple(range(a.ndim - dims, a.ndim)), tuple(range(dims))
    else:
        lists = [(d,) if isinstance(d, int) else tuple(d) for d in dims]
        if len(lists) != 2 or len(lists[0]) != len(lists[1]):
            raise ValueError(f"tensordot: dims is a number or two lists of equal length, not {dims}")
        first, second = (axes_of(d, x.ndim, "tensordot") if d else () for d, x in zip(lists, (a, b)))
    for i, j in zip(first, second):
        if a.shape[i] != b.shape[j]:
            if 1 in (a.shape[i], b.shape[j]):  # a size of 1 broadcasts: the other is summed over
                a = _sum(a, dim=(i,), keepdim=True) if b.shape[j] == 1 else a
                b = _sum(b, dim=(j,), keepdim=True) if a.shape[i] == 1 else b
                continue
            raise ValueError(
                f"tensordot: dim {i} of a has size {a.shape[i]} but dim {j} of b has {b.shape[j]}; "
                f"a.shape={tuple(a.shape)}, b.shape={tuple(b.shape)}"
            )
    rows = [i for i in range(a.ndim) if i not in first]
    columns = [j for j in range(b.ndim) if j not in second]
    shape = (*(a.shape[i] for i in rows), *(b.shape[j] for j in columns))
    inner = math.prod(a.shape[i] for i in first)
    left = _reshape(_permute(a, dims=(*rows, *first)), shape=(math.prod(a.shape[i] for i in rows), inner))
    right = _reshape(_permute(b, dims=(*second, *columns)), shape=(inner, math.prod(b.shape[j] for j in columns)))
    return _reshape(matmul(left, right), shape=shape)


def inner(input: Any, other: Any) -> Any:
    """The sum of products along the last dimension of both; a 0-d one scales the other."""
    if not input.ndim or not other.ndim:
        return input * other
    _check("inner", input, other)
    if input.shape[-1] != other.shape[-1]:
        raise ValueError(
            f"inner: the last dimensions differ, {input.shape[-1]} and {other.shape[-1]}; "
            f"input.shape={tuple(input.shape)}, other.shape={tuple(other.shape)}"
        )
    return tensordot(input, other, ([-1], [-1]))


def vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    """The inner products of the vectors along ``dim``; the other dimensions broadcast."""
    _check("vecdot", x, y)
    if x.dtype.kind != "f":
        raise TypeError(f"vecdot: vectors are floating point, not {x.dtype}; convert them with .to(dtype)")
    if not x.ndim and not y.ndim:
        return x * y
    ndim = max(x.ndim, y.ndim)
    axis = axis_of(dim, ndim, "vecdot")
    sizes = [((1,) * (ndim - v.ndim) + tuple(v.shape))[axis] for v in (x, y)]
    if sizes[0] != sizes[1] and (1 not in sizes or x.ndim == y.ndim == 1):
        raise ValueError(f"vecdot: vectors of {sizes[0]} and of {sizes[1]} elements")
    return _sum(x * y, dim=(axis,), keepdim=False)


def kron(input: Any, other: Any) -> Any:
    """The Kronecker product: every element of ``input`` times the whole of ``other``, as blocks."""
    ndim = max(input.ndim, other.ndim)
    a = (1,) * (ndim - input.ndim) + tuple(input.shape)
    b = (1,) * (ndim - other.ndim) + tuple(other.shape)
    left = _reshape(input, shape=tuple(n for size in a for n in (size, 1)))  # (a0, 1, a1, 1, ...)
    right = _reshape(other, shape=tuple(n for size in b for n in (1, size)))  # (1, b0, 1, b1, ...)
    return _reshape(left * right, shape=tuple(m * n for m, n in zip(a, b)))


# --- a sum and a product --------------------------------------------------------------------------------------------


def _plus(op: str, input: Any, product: Any, beta: float, alpha: float) -> Any:
    """``beta · input + alpha · product``, where ``input`` broadcasts to the product and not the other way."""
    shape = tuple(product.shape)
    if product.dtype.kind != "f" and (isinstance(alpha, float) or isinstance(beta, float)):
        raise TypeError(f"{op}: beta={beta} and alpha={alpha} of {product.dtype} are whole; or convert the tensors")
    if input.dtype != product.dtype:
        raise TypeError(f"{op}: input is {input.dtype} but the product {product.dtype}; convert one with .to(dtype)")
    lead = len(shape) - input.ndim
    if lead < 0 or any(n not in (1, shape[i + lead]) for i, n in enumerate(input.shape)):
        raise ValueError(f"{op}: input of shape {tuple(input.shape)} does not broadcast to the product's {shape}")
    if alpha != 1:
        product = product * alpha
    if beta == 0:  # not a factor: NaN in input stays out
        return product
    return product + (input if beta == 1 else input * beta)


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta · input + alpha · mat1 @ mat2``; with ``beta`` 0 the input is not read."""
    return _plus("addmm", input, mm(mat1, mat2), beta, alpha)


def addmv(input: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta · input + alpha · mat @ vec``"""
    return _plus("addmv", input, mv(mat, vec), beta, alpha)


def addr(input: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta · input + alpha · vec1 ⊗ vec2``"""
    product = outer(vec1, vec2)
    dtype = result_type([x._data if isinstance(x, Tensor) else x for x in (input, product)])
    input, product = (x if x.dtype == dtype else cast(x, dtype=dtype) for x in (input, product))
    return _plus("addr", input, product, beta, alpha)


def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta · input[i] + alpha · batch1[i] @ batch2[i]`` for each ``i``."""
    return _plus("baddbmm", input, bmm(batch1, batch2), beta, alpha)


def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta · input + alpha · Σᵢ batch1[i] @ batch2[i]``"""
    return _plus("addbmm", input, _sum(bmm(batch1, batch2), dim=(0,), keepdim=False), beta, alpha)


# --- several matrices -----------------------------------------------------------------------------------------------


def multi_dot(tensors: Sequence[Any]) -> Any:
    """The product of several matrices in the order that needs the fewest multiplications.

    The first and the last may be vectors: a row and a column.
    """
    tensors = list(tensors)
    if len(tensors) < 2:
        raise ValueError(f"multi_dot: at least 2 tensors are multiplied, {len(tensors)} given")
    for i, x in enumerate(tensors):
        if x.ndim != 2 and not (x.ndim == 1 and i in (0, len(tensors) - 1)):
            raise ValueError(f"multi_dot: tensor {i} has shape {tuple(x.shape)}; only the ends may be vectors")
    row, column = tensors[0].ndim == 1, tensors[-1].ndim == 1
    if row:
        tensors[0] = _reshape(tensors[0], shape=(1, -1))
    if column:
        tensors[-1] = _reshape(tensors[-1], shape=(-1, 1))
    for i, (x, y) in enumerate(pairwise(tensors)):
        if x.shape[1] != y.shape[0]:
            raise ValueError(
                f"multi_dot: tensor {i} has {x.shape[1]} columns but tensor {i + 1} has {y.shape[0]} rows; "
                f"shapes {[tuple(t.shape) for t in tensors]}"
            )
    sizes = [x.shape[0] for x in tensors] + [tensors[-1].shape[1]]
    cut = _best_cuts(sizes)

    def product(i: int, j: int) -> Any:
        return tensors[i] if i == j else mm(product(i, cut[i, j]), product(cut[i, j] + 1, j))

    out = product(0, len(tensors) - 1)
    shape = (() if row else (sizes[0],)) + (() if column else (sizes[-1],))
    return _reshape(out, shape=shape) if row or column else out


def _best_cuts(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where to cut the product of matrices ``i`` to ``j``, of ``sizes[i] × sizes[i + 1]``: Cormen et al., 15.2."""
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    cut = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            prices = {k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)}
            cut[i, j] = min(prices, key=prices.__getitem__)
            cost[i, j] = prices[cut[i, j]]
    return cut


def chain_matmul(*matrices: Any) -> Any:
    """:func:`multi_dot` of matrices given one by one."""
    return matrices[0] if len(matrices) == 1 else multi_dot(matrices)


def matrix_power(input: Any, n: int) -> Any:
    """Each square matrix multiplied by itself ``n`` times; a negative ``n`` multiplies inverses, 0 gives identities."""
    from .slices import _overwrite
    from .solve import inv

    if n < 0:
        input, n = inv(input), -n
    if input.ndim < 2 or input.shape[-1] != input.shape[-2]:
        raise ValueError(f"matrix_power: square matrices are needed, not shape {tuple(input.shape)}")
    if n == 0:
        identity = np.zeros(tuple(input.shape), input.dtype) + np.eye(input.shape[-1], dtype=input.dtype)
        return _overwrite(input, identity, index=(...,))
    result, power = None, input
    while n:  # squares of squares: log2(n) products
        if n & 1:
            result = power if result is None else matmul(result, power)
        n >>= 1
        if n:
            power = matmul(power, power)
    return result


def trace(input: Any) -> Any:
    """The sum of the diagonal of a matrix."""
    if input.ndim != 2:
        raise ValueError(f"trace: one matrix is needed, not shape {tuple(input.shape)}; see diagonal(...).sum(-1)")
    main = diagonal(input)
    if input.dtype == np.bool_:
        raise TypeError("trace: booleans are not added; convert them with .to(dtype)")
    return _sum(main, dim=(0,), keepdim=False)


def cross(input: Any, other: Any, dim: int | None = None) -> Any:
    """The cross products of 3-vectors along ``dim`` (default: the first of size 3); the other dimensions broadcast."""
    _check("cross", input, other)
    if input.ndim != other.ndim:
        raise ValueError(f"cross: {input.ndim} and {other.ndim} dimensions; they must be equal")
    if dim is None:
        if 3 not in input.shape:
            raise ValueError(f"cross: no dimension of {tuple(input.shape)} has size 3")
        dim = tuple(input.shape).index(3)
    at = axis_of(dim, input.ndim, "cross")
    if input.shape[at] != 3 or other.shape[at] != 3:
        raise ValueError(f"cross: dim {dim} has sizes {input.shape[at]} and {other.shape[at]}; both must be 3")
    (a, b, c), (x, y, z) = unbind(input, at), unbind(other, at)
    return stack([b * z - c * y, c * x - a * z, a * y - b * x], at)
