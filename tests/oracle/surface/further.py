"""Functions that are there beside the ones every user expects: NumPy's ways of stacking, NaN-blind reductions."""

from __future__ import annotations

from .generators import (
    ANY,
    INTEGERS,
    Draw,
    dimension,
    dimensions,
    flag,
    integer,
    maybe,
    one_of,
    shaped,
    tensor,
    usually,
)
from .joining import indices_or_sections, several
from .reductions import DTYPE, FLOAT_DTYPE, KEEP, QUANTILE, distinct, fractions
from .spec import Spec
from .values import Array

X = tensor(ANY)
WITH_NAN = tensor(special=0.5)


def vectors(d: Draw) -> list[Array]:
    name = d.pick(ANY)
    return [d.array((d.integer(0, 3),) if d.chance(0.97) else (2, 2), name) for _ in range(d.integer(1, 3))]


def matrices(d: Draw) -> list[Array]:
    return [d.array(d.shape((0, 1, 2, 2, 2, 3 if d.chance(0.1) else 2)), d.pick(ANY)) for _ in range(d.integer(1, 3))]


def broadcasting(d: Draw) -> list[Array]:
    shapes = [tuple(d.pick((1, 3)) for _ in range(d.integer(0, 2))) for _ in range(d.integer(1, 3))]
    return [d.array(shape if d.chance(0.97) else (5,), "float64") for shape in shapes]


def limits(d: Draw) -> Array:
    return Array(d.rng.permutation(5).cumsum().astype("float64") - 5, grad=False)


SPECS = [
    Spec("nansum", {"input": WITH_NAN, "dim": maybe(dimensions()), "keepdim": KEEP, "dtype": DTYPE}, ("dtype",)),
    Spec("nanmean", {"input": WITH_NAN, "dim": maybe(dimensions()), "keepdim": KEEP, "dtype": FLOAT_DTYPE}, ("dtype",)),
    Spec("nanmedian", {"input": WITH_NAN}, note="all"),
    Spec("nanmedian", {"input": distinct, "dim": dimension(), "keepdim": KEEP}),
    Spec(
        "nanquantile",
        {
            "input": distinct,
            "q": fractions,
            "dim": maybe(one_of(None, dimension())),
            **QUANTILE,
        },
        ("interpolation",),
    ),
    Spec("aminmax", {"input": X, "dim": maybe(dimension()), "keepdim": KEEP}, ("dim", "keepdim")),
    Spec("msort", {"input": distinct}),
    Spec(
        "bucketize",
        {"input": tensor(("float64",), grad=False), "boundaries": limits, "right": maybe(flag)},
        ("right",),
        method=False,
    ),
    Spec(
        "unique_consecutive",
        {
            "input": tensor(INTEGERS, (0, 1, 1, 2), low=0, high=1),
            "return_inverse": maybe(flag),
            "return_counts": maybe(flag),
        },
    ),
    *[Spec(name, {"input": X}) for name in ("adjoint", "fliplr", "flipud")],
    *[Spec(name, {"tensors": several}) for name in ("column_stack", "dstack", "row_stack")],
    *[
        Spec(name, {"input": X, "indices_or_sections": indices_or_sections}, positional_only=True)
        for name in ("hsplit", "vsplit", "dsplit")
    ],
    *[Spec(f"atleast_{n}d", {"input": X}, method=False, positional_only=True) for n in (1, 2, 3)],
    *[
        Spec(name, {"tensors": draw}, run=lambda library, xs, n=name: getattr(library, n)(*xs), needs=(name,))
        for name, draw in {"block_diag": matrices, "broadcast_tensors": broadcasting, "cartesian_prod": vectors}.items()
    ],
    Spec(
        "broadcast_shapes",
        {"shapes": broadcasting},
        needs=("broadcast_shapes",),
        run=lambda library, xs: tuple(library.broadcast_shapes(*[tuple(x.shape) for x in xs])),
    ),
    Spec("combinations", {"input": tensor(ANY, (1,)), "r": maybe(integer(0, 3)), "with_replacement": maybe(flag)}),
    *[
        Spec(
            name,
            {"row": usually(integer(0, 4), -1), "col": integer(0, 4), "offset": maybe(integer(-2, 2))},
            method=False,
        )
        for name in ("tril_indices", "triu_indices")
    ],
    Spec(
        "logspace",
        {
            "start": integer(-2, 2),
            "end": integer(-2, 3),
            "steps": usually(integer(0, 5), -1),
            "base": maybe(one_of(2.0, 10.0, 3.0)),
        },
        method=False,
    ),
    Spec(
        "poisson",
        {"input": tensor(("float64", "float32"), low=0.1, high=4, special=0)},
        compare="shapes",
        gradients="none",
        method=False,
    ),
    Spec(
        "unravel_index",
        {
            "indices": shaped(lambda d: d.shape((0, 1, 2)), INTEGERS, low=0, high=5),
            "shape": lambda d: d.pick(((2, 3), (6,), (1, 2, 3), (2, 2))),
        },
        method=False,
    ),
]
