"""Picking elements and putting them back."""

from __future__ import annotations

from typing import Any

import numpy as np

from .generators import (
    ANY,
    RARELY,
    Draw,
    dimension,
    flag,
    integer,
    maybe,
    number,
    one_of,
    partner,
    shaped,
    tensor,
    usually,
)
from .spec import Spec
from .values import Array

X = tensor(ANY)


def size_along(d: Draw, dim: Any) -> int:
    x = d["input"]
    if not x.ndim:
        return 1
    return x.shape[dim] if isinstance(dim, int) and -x.ndim <= dim < x.ndim else 2


def positions(d: Draw, shape: tuple, n: int, distinct: bool = False, dtype: str | None = None) -> Array:
    """Indices below ``n``; rarely one beyond, rarely a dtype that is not for indices."""
    if distinct:
        values = d.rng.permutation(max(n, 1))[: shape[0]]
    else:
        values = d.rng.integers(0, max(n, 1), shape)
    values = np.array(values, np.int64)
    if values.size and d.chance(RARELY):
        values.flat[d.integer(0, values.size - 1)] = d.pick((n, -n - 1, -1))
    name = dtype or d.pick(("int64",) * 18 + ("int32", "float64"))
    return Array(values.astype(name), d.pick(("C", "C", "F", "step 2", "reversed")), grad=False)


def vector_of_positions(distinct: bool = False) -> Any:
    def draw(d: Draw) -> Array:
        n = size_along(d, d["dim"])
        shape = (d.integer(0, min(4, n) if distinct else 4),)
        if d.chance(0.05):
            shape = d.pick(((), (2, 2)))
        return positions(d, shape, n, distinct and len(shape) == 1)

    return draw


def index_of_dims(d: Draw) -> Array:
    """An index for gather and scatter: as many dimensions, no larger outside ``dim``; rarely wrong."""
    x, dim = d["input"], d["dim"]
    shape = [d.integer(0, n) if d.chance(0.2) else n for n in x.shape]
    if shape and isinstance(dim, int) and -x.ndim <= dim < x.ndim:
        shape[dim] = d.integer(0, 4)
    if shape and d.chance(0.04):
        shape[d.integer(0, len(shape) - 1)] += 1
    elif d.chance(0.04):
        shape = [*shape, 1] if d.chance(0.5) else shape[1:]
    return positions(d, tuple(shape), size_along(d, dim))


def distinct_index(d: Draw) -> Array:
    """Like :func:`index_of_dims` without an element named twice: which value would win is not specified."""
    x, dim = d["input"], d["dim"]
    if not x.ndim or not isinstance(dim, int) or not -x.ndim <= dim < x.ndim:
        return positions(d, (1,) * x.ndim, 1)
    shape = [d.integer(0, n) if d.chance(0.2) else n for n in x.shape]
    n = x.shape[dim]
    full = d.rng.permuted(
        np.broadcast_to(np.arange(n).reshape([-1 if i == dim % x.ndim else 1 for i in range(x.ndim)]), x.shape),
        axis=dim,
    )
    return Array(full[tuple(slice(s) for s in shape)].astype(d.pick(("int64",) * 19 + ("float64",))), grad=False)


def same(d: Draw, shape: tuple) -> Array:
    x = d["input"]
    return d.array(tuple(shape), x.dtype.name if d.chance(0.95) else d.pick(ANY))


def source(d: Draw) -> Array:
    """Values for an index: of its shape or larger; rarely smaller."""
    shape = [n + d.chance(0.1) for n in d["index"].shape]
    if shape and d.chance(0.04):
        shape[0] = max(0, shape[0] - 1)
    return same(d, shape)


def slices(d: Draw) -> Array:
    """Slices for positions along ``dim``; rarely one too many."""
    x, dim, count = d["input"], d["dim"], d["index"].values.size
    shape = list(x.shape)
    if shape and isinstance(dim, int) and -x.ndim <= dim < x.ndim:
        shape[dim] = count + d.chance(0.04)
    if shape and d.chance(0.04):
        shape[d.integer(0, len(shape) - 1)] += 1
    return same(d, tuple(shape))


def one_position_each(d: Draw) -> tuple:
    """``index_put``'s indices without an element named twice."""
    x = d["input"]
    if d.chance(0.3) or not x.ndim:
        return (Array(d.rng.random(x.shape) < 0.5, grad=False),)
    k = d.integer(1, x.ndim)
    shape = x.shape[:k]
    total = int(np.prod(shape))
    flat = d.rng.permutation(total)[: d.integer(0, min(total, 3))]
    return (
        tuple(Array(i.astype(np.int64), grad=False) for i in np.unravel_index(flat, shape))
        if total
        else (Array(np.zeros(0, np.int64), grad=False),)
    )


def anywhere(d: Draw) -> tuple:
    x = d["input"]
    shape = d.pick(((3,), (2, 1), (1,)))
    return tuple(positions(d, shape, n, dtype="int64") for n in x.shape[: d.integer(1, max(1, x.ndim))])


def masks(d: Draw) -> Array:
    array = partner("input", ("bool",))(d)
    return array if d.chance(0.95) else Array(array.values.astype(np.int64), grad=False)


def enough(d: Draw) -> Array:
    """A source of masked_scatter with as many elements as the input or more; rarely fewer."""
    return same(d, (d["input"].values.size + d.integer(0, 2) if d.chance(0.9) else 1,))


def values_to_put(d: Draw) -> Array:
    return same(d, d["index"].shape if d.chance(0.95) else (7,))


def smaller_by_one(d: Draw) -> Array:
    return same(d, d["input"].shape[1:])


REDUCE = usually(one_of("sum", "prod", "mean", "amax", "amin"), "median")

SPECS = [
    Spec("index_select", {"input": X, "dim": dimension(), "index": vector_of_positions()}),
    Spec(
        "index_add",
        {
            "input": X,
            "dim": dimension(),
            "index": vector_of_positions(),
            "source": slices,
            "alpha": maybe(number((float, int)), 0.3),
        },
        ("alpha",),
    ),
    Spec("index_copy", {"input": X, "dim": dimension(), "index": vector_of_positions(True), "source": slices}),
    Spec(
        "index_fill",
        {"input": X, "dim": dimension(), "index": vector_of_positions(), "value": one_of(number(), tensor(ANY, (0,)))},
    ),
    Spec(
        "index_put",
        {"input": X, "indices": one_position_each, "values": shaped(lambda d: (), ANY), "accumulate": maybe(flag)},
        note="one value",
    ),
    Spec(
        "index_put",
        {
            "input": tensor(ANY, (1, 2, 3)),
            "indices": anywhere,
            "values": lambda d: same(d, d.pick(((), (1,), (3,)))),
            "accumulate": lambda d: True,
        },
        note="add",
    ),
    Spec("gather", {"input": X, "dim": dimension(), "index": index_of_dims}),
    Spec("scatter", {"input": X, "dim": dimension(), "index": distinct_index, "src": source}),
    Spec(
        "scatter",
        {"input": X, "dim": dimension(), "index": index_of_dims, "value": number()},
        ("value",),
        note="number",
    ),
    Spec(
        "scatter",
        {
            "input": X,
            "dim": dimension(),
            "index": index_of_dims,
            "src": source,
            "reduce": usually(one_of("add", "multiply"), "max"),
        },
        ("reduce",),
        note="reduce",
        gradients="none",
    ),
    Spec("scatter_add", {"input": X, "dim": dimension(), "index": index_of_dims, "src": source}),
    Spec(
        "scatter_reduce",
        {
            "input": X,
            "dim": dimension(),
            "index": index_of_dims,
            "src": source,
            "reduce": REDUCE,
            "include_self": maybe(flag),
        },
        ("include_self",),
    ),
    Spec(
        "index_reduce",
        {
            "input": X,
            "dim": dimension(),
            "index": vector_of_positions(),
            "source": slices,
            "reduce": usually(one_of("prod", "mean", "amax", "amin"), "sum"),
            "include_self": maybe(flag),
        },
        ("include_self",),
    ),
    Spec(
        "put",
        {
            "input": X,
            "index": lambda d: positions(d, d.shape((0, 1, 2)), d["input"].values.size),
            "source": values_to_put,
        }
        | {"accumulate": lambda d: True},
        method=False,
    ),
    Spec(
        "select_scatter",
        {"input": X, "src": smaller_by_one, "dim": lambda d: 0, "index": integer(-2, 1)},
    ),
    Spec(
        "slice_scatter",
        {
            "input": X,
            "src": lambda d: same(d, d["input"].shape),
            "dim": maybe(dimension()),
            "start": maybe(lambda d: 0),
        },
    ),
    Spec("take", {"input": X, "index": lambda d: positions(d, d.shape((0, 1, 2)), d["input"].values.size)}),
    Spec(
        "take_along_dim",
        {"input": X, "dim": dimension(), "indices": index_of_dims},
        note="dim",
        run=lambda library, x, dim, i: library.take_along_dim(x, i, dim),
    ),
    Spec("take_along_dim", {"input": X, "indices": lambda d: positions(d, d.shape((0, 1, 2)), d["input"].values.size)}),
    Spec(
        "masked_fill",
        {"input": X, "mask": masks, "value": one_of(number(), number(), tensor(ANY, (0,)), tensor(ANY, (1,)))},
    ),
    Spec("masked_select", {"input": X, "mask": masks}),
    Spec("masked_scatter", {"input": X, "mask": masks, "source": enough}),
    Spec("nonzero", {"input": X, "as_tuple": maybe(flag)}, ("as_tuple",)),
    Spec(
        "nn.functional.one_hot",
        {
            "tensor": usually(tensor(("int64",), low=0, high=4, grad=False), X),
            "num_classes": maybe(usually(integer(4, 6), integer(-2, 2))),
        },
        positional_only=True,
    ),
]
