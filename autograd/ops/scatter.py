"""scatter and its reductions: several values for one place are summed, multiplied, averaged, or the largest stays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import primitive
from .layout import _reshape
from .positions import (
    _add_at,
    _read_at,
    _write_at,
    cut_to,
    filled,
    places_along,
    rows_at,
    same_dtype,
    value_of,
)


def scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Any:
    """``input`` with ``src[i][j]`` (or a number) written at ``[index[i][j]][j]`` for ``dim`` 0, and so on.

    Where ``index`` names a place twice, the last value stays and has the gradient. ``reduce="add"`` or ``"multiply"``
    combines the values with what was there.
    """
    if (src is None) == (value is None):
        raise TypeError("scatter: give either src or value")
    if reduce not in (None, "add", "multiply"):
        raise ValueError(f"scatter: reduce is 'add', 'multiply' or None, not {reduce!r}; see scatter_reduce")
    index, positions = places_along(input, dim, index, "scatter")
    src = value if src is None else src
    if not hasattr(src, "ndim") or (src.ndim == 0 and index.ndim):
        src = filled(src, index.shape, input.dtype, "scatter")
    same_dtype("scatter", input, src)
    if not index.size:
        return _add_at(input, positions, np.zeros(positions.shape, input.dtype))
    src = cut_to("scatter", src, index)
    if reduce is None:
        return _write_at(input, positions, src)
    return _reduced(input, positions, src, {"add": "sum", "multiply": "prod"}[reduce], True)


def scatter_reduce(input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Any:
    """All values of ``src`` that ``index`` sends to one place, as one number.

    reduce : ``"sum"``, ``"prod"``, ``"mean"``, ``"amax"`` or ``"amin"``; equal largest values share the gradient
    include_self : whether the value of ``input`` in that place is one of them; places nothing is sent to keep theirs
    """
    _check_reduce(reduce, "scatter_reduce")
    if input.dtype == np.bool_ and reduce == "mean":
        raise TypeError("scatter_reduce: booleans have no mean; convert them with .to(dtype)")
    index, positions = places_along(input, dim, index, "scatter_reduce")
    same_dtype("scatter_reduce", input, src)
    if not index.size:
        return _add_at(input, positions, np.zeros(positions.shape, input.dtype))
    return _reduced(input, positions, cut_to("scatter_reduce", src, index), reduce, include_self)


def index_reduce(input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True) -> Any:
    """:func:`scatter_reduce` of whole slices of ``source``, at positions along ``dim``."""
    _check_reduce(reduce, "index_reduce")
    if reduce == "sum":
        raise ValueError("index_reduce: index_add sums")
    if input.dtype == np.bool_:
        raise TypeError("index_reduce: numbers are reduced, not booleans")
    dim, index, positions = rows_at(input, dim, index, "index_reduce")
    same_dtype("index_reduce", input, source, "source")
    if input.ndim == source.ndim == 0:
        source = _reshape(source, shape=(1,))
    if tuple(source.shape) != positions.shape:
        raise ValueError(
            f"index_reduce: source.shape={tuple(source.shape)}, expected {positions.shape} for {index.size} positions"
        )
    return _reduced(input, positions, source, reduce, include_self)


def _check_reduce(reduce: str, op: str) -> None:
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise ValueError(f"{op}: reduce is 'sum', 'prod', 'mean', 'amax' or 'amin', not {reduce!r}")


def _reduced(input: Any, positions: np.ndarray, src: Any, reduce: str, include_self: bool) -> Any:
    if reduce in ("amax", "amin"):
        if not include_self:
            input = _with(input, positions, _worst(input.dtype, reduce))
        return _extreme_at(input, positions, src, largest=reduce == "amax")
    if reduce == "prod":
        return _times_at(input if include_self else _with(input, positions, 1), positions, src)
    total = _add_at(input if include_self else _with(input, positions, 0), positions, src)
    if reduce == "sum":
        return total
    count = np.bincount(positions.reshape(-1), minlength=int(np.prod(input.shape))).reshape(tuple(input.shape))
    count = count + 1 if include_self else np.maximum(count, 1)
    if input.dtype.kind != "f":
        from .elementwise import div

        return div(total, count.astype(input.dtype), rounding_mode="floor")
    return total / count.astype(input.dtype)


def _with(input: Any, positions: np.ndarray, value: Any) -> Any:
    return _write_at(input, positions, np.full(positions.shape, value, input.dtype))


def _worst(dtype: np.dtype, reduce: str) -> Any:
    """What loses against every number."""
    if dtype.kind == "f":
        return -np.inf if reduce == "amax" else np.inf
    if dtype.kind == "b":
        return reduce == "amin"
    return np.iinfo(dtype).min if reduce == "amax" else np.iinfo(dtype).max


@primitive(kinks="ties: split evenly")
def _extreme_at(input, positions, src, *, largest):
    """The largest (or smallest) of the value in a place and those sent to it."""
    out = np.array(input, order="C")
    (np.maximum if largest else np.minimum).at(out.reshape(-1), positions, src)
    return out


def _winners(input: Any, positions: Any, src: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Each one's share of the gradient: 1 over the number of equals, 0 of those who lost."""
    input, positions, src, y = (value_of(v) for v in (input, positions, src, y))

    def equal(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a == b) | ((a != a) & (b != b))

    flat = y.reshape(-1)
    here, sent = equal(input, y), equal(src, flat[positions])
    count = here.reshape(-1).astype(y.dtype)
    np.add.at(count, positions, sent.astype(y.dtype))
    share = 1 / np.maximum(count, 1)
    return here * share.reshape(y.shape), sent * share[positions]


_extreme_at.vjp(
    input=lambda g, input, positions, src, y: g * _winners(input, positions, src, y)[0],
    positions=None,
    src=lambda g, input, positions, src, y: _read_at(g, positions) * _winners(input, positions, src, y)[1],
)


def _times_at(input: Any, positions: np.ndarray, src: Any) -> Any:
    """``input`` times the product of all that is sent to each place.

    Values for one place are multiplied in pairs, then pairs of pairs: a composition of products, right to any order
    for zeros too.
    """
    positions, src = positions.reshape(-1), _reshape(src, shape=(-1,))
    order = np.argsort(positions, kind="stable")
    positions, src = positions[order], _read_at(src, order)
    while positions.size:
        first = np.r_[True, positions[1:] != positions[:-1]]
        start = np.maximum.accumulate(np.where(first, np.arange(positions.size), 0))
        odd = (np.arange(positions.size) - start) % 2 == 1
        if not odd.any():
            break
        kept = np.flatnonzero(~odd)
        partners = np.searchsorted(kept, np.flatnonzero(odd) - 1)
        src = _read_at(src, kept) * _write_at(
            np.ones(kept.size, src.dtype), partners, _read_at(src, np.flatnonzero(odd))
        )
        positions = positions[kept]
    return input * _write_at(np.ones(tuple(input.shape), input.dtype), positions, src)
