"""Arranging tensors, from other ops: stacks and splits by name, turns, repeats, grids."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor, as_tensor
from .index import _index_select
from .join import _same_dtype, cat, split, stack
from .layout import _flip, _reshape, axis_of, broadcast_to, transpose
from .positions import value_of

# --- shape ----------------------------------------------------------------------------------------------------------


def ravel(input: Any) -> Any:
    """All elements as a vector; without a copy where memory allows."""
    return _reshape(input, shape=(-1,)) if np.prod(input.shape) else _reshape(input, shape=(0,))


def _atleast(n: int, name: str, doc: str, grown: Any) -> Any:
    def op(*tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
            tensors = tuple(tensors[0])
            return tuple(op(x) for x in tensors)
        if len(tensors) != 1:
            return tuple(op(x) for x in tensors)
        (x,) = tensors
        return x if x.ndim >= n else _reshape(x, shape=grown(tuple(x.shape)))

    op.__name__ = op.__qualname__ = name
    op.__doc__ = doc
    return op


atleast_1d = _atleast(1, "atleast_1d", "Tensors with at least 1 dimension; several give a tuple.", lambda s: (1,))
atleast_2d = _atleast(2, "atleast_2d", "Tensors with at least 2 dimensions: a vector becomes a row.",
                      lambda s: (1,) * (2 - len(s)) + s)  # fmt: skip
atleast_3d = _atleast(3, "atleast_3d", "Tensors with at least 3 dimensions: (n) → (1, n, 1), (n, m) → (n, m, 1).",
                      lambda s: (1, *s, 1) if len(s) == 1 else (*s, 1) if s else (1, 1, 1))  # fmt: skip


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape to which all of these broadcast."""
    try:
        return np.broadcast_shapes(*[(s,) if isinstance(s, int) else tuple(s) for s in shapes])
    except ValueError:
        raise ValueError(f"broadcast_shapes: {', '.join(map(str, shapes))} do not broadcast together") from None


def broadcast_tensors(*tensors: Any) -> tuple:
    """All tensors in the one shape to which they broadcast."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    shape = broadcast_shapes(*[tuple(x.shape) for x in tensors])
    return tuple(broadcast_to(x, shape) for x in tensors)


# --- stacks ---------------------------------------------------------------------------------------------------------


def hstack(tensors: Sequence[Any]) -> Any:
    """Side by side: along dimension 1, vectors along 0."""
    tensors = [atleast_1d(x) for x in _same_dtype(tensors, "hstack")]
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Any:
    """One below the other: along dimension 0, vectors as rows."""
    return cat([atleast_2d(x) for x in _same_dtype(tensors, "vstack")], 0)


def dstack(tensors: Sequence[Any]) -> Any:
    """Behind each other: along dimension 2."""
    return cat([atleast_3d(x) for x in _same_dtype(tensors, "dstack")], 2)


def column_stack(tensors: Sequence[Any]) -> Any:
    """Side by side, vectors as columns."""
    tensors = [_reshape(x, shape=(-1, 1)) if x.ndim < 2 else x for x in _same_dtype(tensors, "column_stack")]
    return cat(tensors, 1)


def block_diag(*tensors: Any) -> Any:
    """Matrices along the diagonal of a matrix of zeros; vectors are rows."""
    blocks = [atleast_2d(x) for x in _same_dtype(tensors, "block_diag")]
    for i, x in enumerate(blocks):
        if x.ndim > 2:
            raise ValueError(f"block_diag: tensor {i} has shape {tuple(x.shape)}, more than 2 dimensions")
    from .join import _pad

    width, left, rows = sum(x.shape[1] for x in blocks), 0, []
    for x in blocks:
        rows.append(_pad(x, padding=((0, 0), (left, width - left - x.shape[1])), value=0))
        left += x.shape[1]
    return cat(rows, 0)


# --- splits ---------------------------------------------------------------------------------------------------------


def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple:
    """Pieces that start at given positions, or so many pieces of nearly equal size: larger ones first."""
    if not input.ndim:
        raise ValueError("tensor_split: a 0-d tensor has no pieces")
    dim = axis_of(dim, input.ndim, "tensor_split")
    n = input.shape[dim]
    if isinstance(indices_or_sections, (Tensor, np.ndarray)):
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        count = indices_or_sections
        if count < 1:
            raise ValueError(f"tensor_split: at least 1 piece, not {count}")
        return split(input, [n // count + (i < n % count) for i in range(count)], dim)
    cuts = [slice(0, int(i)).indices(n)[1] for i in indices_or_sections]
    from .index import basic

    ends = [slice(a, max(a, b)) for a, b in itertools.pairwise([0, *cuts, n])]
    return tuple(basic(input, index=(*(slice(None),) * dim, part)) for part in ends)


def _split_along(name: str, least: int, dim_of: Any, doc: str) -> Any:
    def op(input: Any, indices_or_sections: Any) -> tuple:
        if input.ndim < least:
            raise ValueError(f"{name}: at least {least} dimensions are needed, not {input.ndim}")
        dim = dim_of(input.ndim)
        if isinstance(indices_or_sections, int) and (indices_or_sections < 1 or input.shape[dim] % indices_or_sections):
            raise ValueError(
                f"{name}: {input.shape[dim]} elements of dim {dim} do not divide into {indices_or_sections} equal parts"
            )
        return tensor_split(input, indices_or_sections, dim)

    op.__name__ = op.__qualname__ = name
    op.__doc__ = doc
    return op


hsplit = _split_along("hsplit", 1, lambda ndim: 1 if ndim > 1 else 0, "Split along dimension 1, a vector along 0.")
vsplit = _split_along("vsplit", 2, lambda ndim: 0, "Split along dimension 0.")
dsplit = _split_along("dsplit", 3, lambda ndim: 2, "Split along dimension 2.")


# --- order ----------------------------------------------------------------------------------------------------------


def fliplr(input: Any) -> Any:
    """Columns in reverse order."""
    if input.ndim < 2:
        raise ValueError(f"fliplr: at least 2 dimensions are needed, not {input.ndim}")
    return _flip(input, dims=(1,))


def flipud(input: Any) -> Any:
    """Rows in reverse order."""
    if input.ndim < 1:
        raise ValueError("flipud: at least 1 dimension is needed, not 0")
    return _flip(input, dims=(0,))


def rot90(input: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Any:
    """Turned ``k`` times by 90° in the plane of ``dims``, from the first towards the second."""
    if len(dims) != 2:
        raise ValueError(f"rot90: dims names two dimensions, not {tuple(dims)}")
    if input.ndim < 2:
        raise ValueError(f"rot90: at least 2 dimensions are needed, not {input.ndim}")
    a, b = (axis_of(d, input.ndim, "rot90") for d in dims)
    if a == b:
        raise ValueError(f"rot90: dims {tuple(dims)} are the same dimension")
    k %= 4
    if k == 2:
        return _flip(input, dims=(a, b))
    if k == 0:
        return _flip(input, dims=())
    turned = transpose(input, a, b)
    return _flip(turned, dims=(a,) if k == 1 else (b,))


def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Any:
    """Each element (or slice along ``dim``) several times in a row: a number of times, or one number for each.

    ``repeat_interleave(repeats)`` alone gives the position of the element that stands in each place.
    """
    if repeats is None:
        counts = _counts(value_of(input))
        return as_tensor(np.repeat(np.arange(counts.size), counts))
    if dim is None:
        input, dim = ravel(input), 0
    if not input.ndim:
        raise IndexError("repeat_interleave: a 0-d tensor has no dim; leave it out")
    dim = axis_of(dim, input.ndim, "repeat_interleave")
    n = input.shape[dim]
    counts = _counts(value_of(repeats).reshape(-1))
    if counts.size not in (1, n):
        raise ValueError(f"repeat_interleave: {counts.size} repeats for {n} elements of dim {dim}")
    index = np.repeat(np.arange(n), counts)
    if output_size is not None and output_size != index.size:
        raise ValueError(f"repeat_interleave: output_size is {output_size}, but the repeats add up to {index.size}")
    return _index_select(input, index, dim=dim)


def _counts(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "iu" or array.ndim > 1:
        raise TypeError(f"repeat_interleave: repeats are whole numbers, not {array.dtype} of shape {array.shape}")
    if array.size and array.min() < 0:
        raise ValueError(f"repeat_interleave: repeats must not be negative, got {array.min()}")
    return array


# --- grids ----------------------------------------------------------------------------------------------------------


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple:
    """The coordinates of all points of a grid: tensor ``i`` varies along dimension ``i``.

    With ``indexing="xy"`` the first varies along dimension 1 and the second along 0.
    """
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: indexing is 'ij' or 'xy', not {indexing!r}")
    if not tensors:
        raise ValueError("meshgrid: the sequence of tensors is empty")
    for i, x in enumerate(tensors):
        if x.ndim > 1:
            raise ValueError(f"meshgrid: tensor {i} has shape {tuple(x.shape)}; vectors and numbers make a grid")
        if x.dtype != tensors[0].dtype:
            raise TypeError(f"meshgrid: tensor {i} is {x.dtype} but the first is {tensors[0].dtype}; use .to(dtype)")
    n = len(tensors)
    order = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    sizes = [int(np.prod(x.shape)) for x in tensors]
    shape = tuple(sizes[i] for i in order)
    return tuple(
        broadcast_to(_reshape(x, shape=tuple(size if i == order[d] else 1 for d in range(n))), shape)
        for i, (x, size) in enumerate(zip(tensors, sizes))
    )


def cartesian_prod(*tensors: Any) -> Any:
    """All combinations of one element of each vector, a row each, the last varying fastest."""
    for i, x in enumerate(tensors):
        if x.ndim != 1:
            raise ValueError(f"cartesian_prod: tensor {i} has shape {tuple(x.shape)}; vectors are needed")
    if len(tensors) == 1:
        return tensors[0]
    return stack([ravel(x) for x in meshgrid(*tensors)], 1)


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """All choices of ``r`` elements of a vector, a row each, in order."""
    if input.ndim != 1:
        raise ValueError(f"combinations: a vector is needed, not shape {tuple(input.shape)}")
    if r < 0:
        raise ValueError(f"combinations: r must not be negative, got {r}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    if r == 0:
        return input.new_zeros(0) if isinstance(input, Tensor) else np.zeros(0, input.dtype)
    rows = np.array(list(choose(range(input.shape[0]), r)), np.int64).reshape(-1, r)
    return _reshape(_index_select(input, rows.reshape(-1), dim=0), shape=rows.shape)


def unravel_index(indices: Any, shape: Sequence[int]) -> tuple:
    """Flat positions, which may count from the end, as one index tensor for each dimension of ``shape``."""
    array = value_of(indices)
    size = int(np.prod(shape))
    if array.dtype.kind not in "iu":
        raise TypeError(f"unravel_index: indices are integers, not {array.dtype}")
    if array.size and (array.min() < -size or array.max() >= size):
        raise ValueError(f"unravel_index: an index is out of range for {size} elements of shape {tuple(shape)}")
    return tuple(as_tensor(np.asarray(i, np.int64)) for i in np.unravel_index(array % max(size, 1), tuple(shape)))
