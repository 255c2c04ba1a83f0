"""Shape, order, joining, taking apart, padding."""

from __future__ import annotations

from typing import Any

from .generators import (
    ANY,
    BITS,
    Draw,
    dimension,
    dimensions,
    integer,
    like,
    maybe,
    one_of,
    shaped,
    sizes,
    tensor,
    usually,
)
from .spec import Spec

X = tensor(ANY)
SHARED = tensor(ANY, layouts=("C", "F", "step 2", "expanded"))  # what both libraries can hold in the same memory order


def new_shape(d: Draw) -> list[int]:
    """Another shape of as many elements: sizes merged, sizes of 1 put in, one of them −1; rarely wrong."""
    shape = list(d["input"].shape)
    while len(shape) > 1 and d.chance(0.4):
        i = d.integer(0, len(shape) - 2)
        shape[i : i + 2] = [shape[i] * shape[i + 1]]
    if shape and shape[-1] == 4 and d.chance(0.5):
        shape[-1:] = [2, 2]
    if d.chance(0.3):
        shape.insert(d.integer(0, len(shape)), 1)
    if shape and d.chance(0.35):
        shape[d.integer(0, len(shape) - 1)] = -1
    if shape and d.chance(0.05):
        shape[d.integer(0, len(shape) - 1)] = d.pick((3, -1, -2, 0))
    return shape


def larger(d: Draw) -> list[int]:
    """A shape to which the input broadcasts; rarely not."""
    shape = [d.integer(0, 3) if n == 1 and d.chance(0.6) else -1 if d.chance(0.2) else n for n in d["input"].shape]
    if d.chance(0.4):
        shape = [d.integer(1, 2), *shape]
    if shape and d.chance(0.08):
        shape[d.integer(0, len(shape) - 1)] = d.pick((-1, -2, 5, 1))
    return shape[1:] if shape and d.chance(0.04) else shape


def order(d: Draw) -> list[int]:
    n = d["input"].ndim
    dims = [int(i) - n * d.chance(0.4) for i in d.rng.permutation(n)]
    if dims and d.chance(0.06):
        dims[0] = d.pick((dims[-1], n, -n - 1))
    return dims[1:] if d.chance(0.03) else dims


def parts_of(d: Draw) -> list[int]:
    """Sizes that unflatten one dimension."""
    n = d["input"].shape[d["dim"]] if -d["input"].ndim <= d["dim"] < d["input"].ndim else 4
    options = [[n], [1, n], [n, 1], [-1], [-1, 1], [2, -1], [2, 2]] + ([[n // 2, 2], [2, n // 2]] if n % 2 == 0 else [])
    return d.pick([*options, [-1, n]])


def shifts(d: Draw) -> Any:
    return d.integer(-4, 4) if d.chance(0.6) else tuple(d.integer(-4, 4) for _ in range(d.integer(1, 2)))


def shift_dims(d: Draw) -> Any:
    n = max(1, d["input"].ndim)
    if isinstance(d["shifts"], int) and d.chance(0.95):
        return dimension()(d)
    return tuple(d.integer(-n, n - 1) for _ in range(len(d["shifts"]) if isinstance(d["shifts"], tuple) else 2))


SHAPE = sizes(new_shape)


def sized(name: str, draw: Any, **more: Any) -> list[Spec]:
    """A method that takes sizes as one tuple or one by one."""
    return [
        Spec(name, {"input": SHARED, "sizes": sizes(draw)}, function=False, positional_only=True, **more),
        Spec(
            name,
            {"input": SHARED, "sizes": draw},
            run=lambda library, x, n: getattr(x, name)(*n),
            note="one by one",
            **more,
        ),
    ]


SPECS = [
    Spec("reshape", {"input": X, "shape": SHAPE}),
    Spec("reshape", {"input": X, "shape": new_shape}, run=lambda library, x, n: x.reshape(*n), note="one by one"),
    *sized("view", new_shape),
    Spec("flatten", {"input": X, "start_dim": maybe(dimension()), "end_dim": maybe(dimension())}),
    Spec("unflatten", {"input": X, "dim": dimension(), "sizes": sizes(parts_of)}),
    Spec("ravel", {"input": X}),
    Spec("transpose", {"input": X, "dim0": dimension(), "dim1": dimension()}),
    *[
        Spec(
            "moveaxis",
            {
                "input": X,
                "source": one_of(dimension(), sizes(order)),
                "destination": lambda d: dimension()(d) if isinstance(d["source"], int) else sizes(order)(d),
            },
        )
    ],
    Spec("swapaxes", {"input": X, "axis0": dimension(), "axis1": dimension()}),
    Spec("swapdims", {"input": X, "dim0": dimension(), "dim1": dimension()}),
    Spec("permute", {"input": X, "dims": sizes(order)}),
    Spec("permute", {"input": X, "dims": order}, run=lambda library, x, n: x.permute(*n), note="one by one"),
    Spec("t", {"input": X}),
    Spec("property mT", {"x": X}, run=lambda library, x: x.mT),
    Spec("property T", {"x": tensor(ANY, ndims=(2,))}, run=lambda library, x: x.T),
    Spec(
        "movedim",
        {
            "input": X,
            "source": one_of(dimension(), sizes(order)),
            "destination": lambda d: dimension()(d) if isinstance(d["source"], int) else sizes(order)(d),
        },
    ),
    Spec("squeeze", {"input": X, "dim": maybe(dimensions(none=False))}),
    Spec("unsqueeze", {"input": X, "dim": dimension(extra=1)}),
    *sized("expand", larger),
    Spec("expand_as", {"input": X, "other": shaped(lambda d: [abs(n) for n in larger(d)])}, function=False),
    Spec("broadcast_to", {"input": X, "size": sizes(larger)}),
    Spec("view_as", {"input": SHARED, "other": shaped(lambda d: d["input"].shape[::-1])}, function=False),
    Spec("reshape_as", {"input": X, "other": shaped(lambda d: d["input"].shape[::-1])}, function=False),
    Spec("contiguous", {"input": X}, function=False),
    Spec("roll", {"input": X, "shifts": shifts, "dims": maybe(shift_dims, 0.7)}),
    Spec("flip", {"input": X, "dims": dimensions(none=False)}),
    Spec("rot90", {"input": X, "k": maybe(integer(-5, 5)), "dims": maybe(sizes(lambda d: order(d)[:2]))}),
    Spec("narrow", {"input": X, "dim": dimension(), "start": integer(-2, 2), "length": integer(0, 3)}),
    Spec("select", {"input": X, "dim": dimension(), "index": integer(-3, 2)}),
    *[Spec(name, {"input": X, "diagonal": maybe(integer(-3, 3))}) for name in ("tril", "triu")],
    Spec("diag", {"input": tensor(ANY, (0, 1, 1, 2, 2, 3)), "diagonal": maybe(integer(-3, 3))}),
    Spec(
        "diag_embed",
        {
            "input": tensor(ANY, (0, 1, 1, 2, 2, 3)),
            "offset": maybe(integer(-2, 2)),
            "dim1": maybe(integer(-4, 3)),
            "dim2": maybe(integer(-4, 3)),
        },
    ),
    Spec(
        "unfold",
        {"input": X, "dimension": dimension(), "size": integer(0, 3), "step": usually(integer(1, 3), 0)},
        function=False,
    ),
    Spec(
        "method size",
        {"x": X, "dim": maybe(dimension("x"))},
        run=lambda library, x, *dim: list(x.size(*dim)) if not dim else x.size(*dim),
    ),
    *[
        Spec(f"method {name}", {"x": SHARED}, run=lambda library, x, n=name: getattr(x, n)())
        for name in ("numel", "dim", "is_floating_point", "is_contiguous", "double", "float", "long", "int", "bool")
    ],
    Spec("method tolist", {"x": tensor(ANY, special=0)}, run=lambda library, x: x.tolist()),
    Spec("method item", {"x": tensor(ANY, (0, 1), special=0)}, run=lambda library, x: x.item()),
    Spec("type_as", {"input": X, "other": like("input", BITS)}, function=False),
]
