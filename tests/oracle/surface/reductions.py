"""Functions of all elements along dimensions: sums, extremes, running sums, norms."""

from __future__ import annotations

import numpy as np

from .generators import (
    ANY,
    BITS,
    FLOATS,
    INTEGERS,
    MOSTLY_FLOATS,
    Draw,
    dimension,
    dimensions,
    dtype,
    flag,
    integer,
    like,
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

KEEP = maybe(flag, 0.4)
DTYPE = maybe(dtype(), 0.15)
FLOAT_DTYPE = maybe(dtype("float64", "float64", "float32", "int64"), 0.15)
X = tensor(MOSTLY_FLOATS)
ANY_X = tensor(ANY)


def distinct(d: Draw) -> Array:
    """No ties and no NaN: which of equal elements is chosen is not specified."""
    shape = d.shape()
    n = max(1, int(abs(1 if not shape else _product(shape))))
    name = d.pick(("float64", "float64", "float32", "int64"))
    values = (d.rng.permutation(n) - n // 2 + (0 if name == "int64" else 0.25)).astype(name)
    return Array(values[: _product(shape)].reshape(shape), d.pick(("C", "C", "F", "step 2", "reversed")))


def _product(shape: tuple) -> int:
    out = 1
    for n in shape:
        out *= n
    return out


def reduction(name: str, dims: object = maybe(dimensions()), **more: object) -> Spec:
    keywords = tuple(k for k in more if k == "dtype")
    return Spec(name, {"input": ANY_X, "dim": dims, "keepdim": KEEP, **more}, keywords)  # type: ignore[dict-item]


P = one_of(2, 1, 3, 0.5, 0, 1.5, float("inf"), -float("inf"), 2.0, -1.0)
QUANTILE = {
    "keepdim": KEEP,
    "interpolation": maybe(usually(one_of("linear", "lower", "higher", "midpoint", "nearest"), "cubic")),
}


def fractions(d: Draw) -> object:
    if d.chance(0.5):
        return d.pick((0.0, 0.25, 0.5, 1.0, 0.3, 1.2 if d.chance(0.2) else 0.9))
    return Array(d.rng.random(d.integer(0, 3) or 1), grad=False)


def correction_arguments() -> dict:
    return {"input": X, "dim": maybe(dimensions()), "correction": maybe(one_of(0, 1, 2, 1.5)), "keepdim": KEEP}


SPECS = [
    *[reduction(name, dtype=DTYPE) for name in ("sum",)],
    reduction("mean", dtype=FLOAT_DTYPE),
    Spec("mean", {"input": X, "dim": maybe(dimensions()), "keepdim": KEEP}, note="floating"),
    Spec("prod", {"input": ANY_X, "dtype": DTYPE}, ("dtype",), note="all"),
    Spec("prod", {"input": ANY_X, "dim": dimension(), "keepdim": KEEP, "dtype": DTYPE}, ("dtype",)),
    *[reduction(name) for name in ("amax", "amin", "any", "all")],
    *[Spec(name, {"input": ANY_X, "dim": lambda d: ()}, note="no dims") for name in ("any", "all")],
    Spec("count_nonzero", {"input": ANY_X, "dim": maybe(dimensions())}),
    *[Spec(name, {"input": ANY_X}, note="all") for name in ("max", "min")],
    *[Spec(name, {"input": ANY_X, "dim": dimension(), "keepdim": KEEP}) for name in ("max", "min")],
    *[Spec(name, {"input": ANY_X, "other": partner("input")}, note="of two") for name in ("max", "min")],
    *[
        Spec(name, {"input": distinct, "dim": maybe(one_of(dimension(), None)), "keepdim": KEEP})
        for name in ("argmax", "argmin")
    ],
    *[
        Spec(name, correction_arguments(), ("correction", "keepdim"), note="correction")
        for name in ("var", "std", "var_mean", "std_mean")
    ],
    *[
        Spec(name, {"input": X, "dim": dimensions(none=False), "unbiased": flag, "keepdim": KEEP}, note="unbiased")
        for name in ("var", "std", "var_mean", "std_mean")
    ],
    *[Spec(name, {"input": X, "unbiased": maybe(flag)}, note="all") for name in ("var", "std", "var_mean", "std_mean")],
    *[Spec(name, {"input": ANY_X}, note="all") for name in ("median",)],
    *[Spec(name, {"input": distinct, "dim": dimension(), "keepdim": KEEP}) for name in ("median",)],
    *[
        Spec(
            name,
            {
                "input": usually(distinct, ANY_X),
                "q": fractions,
                "dim": maybe(one_of(None, dimension())),
                **QUANTILE,
            },
            ("interpolation",),
        )
        for name in ("quantile",)
    ],
    *[Spec(name, {"input": ANY_X, "dim": dimension(), "dtype": DTYPE}, ("dtype",)) for name in ("cumsum", "cumprod")],
    *[Spec(name, {"input": ANY_X, "dim": dimension()}) for name in ("cummax", "cummin")],
    Spec("logcumsumexp", {"input": X, "dim": dimension()}),
    Spec("logsumexp", {"input": X, "dim": dimensions(none=False), "keepdim": KEEP}),
    *[
        Spec(name, {"input": X, "dim": dimension(), "dtype": FLOAT_DTYPE}, ("dtype",))
        for name in ("softmax", "log_softmax")
    ],
    Spec(
        "norm", {"input": X, "p": maybe(one_of(P, "fro", None)), "dim": maybe(dimensions(none=False)), "keepdim": KEEP}
    ),
    Spec(
        "linalg.norm",
        {"input": X, "ord": maybe(one_of(P, None)), "dim": maybe(dimensions()), "keepdim": KEEP, "dtype": FLOAT_DTYPE},
        ("dtype",),
        gradients="finite",
    ),
    Spec(
        "linalg.vector_norm",
        {"x": X, "ord": maybe(P), "dim": maybe(dimensions("x")), "keepdim": KEEP, "dtype": FLOAT_DTYPE},
        ("dtype",),
        first_by_name=False,
    ),
    # --- order ------------------------------------------------------------------------------------------------------
    *[
        Spec(name, {"input": distinct, "dim": maybe(dimension()), "descending": maybe(flag)})
        for name in ("sort", "argsort")
    ],
    *[
        Spec(
            name,
            {"input": ANY_X, "stable": lambda d: True, "dim": maybe(dimension()), "descending": maybe(flag)},
            ("stable", "dim", "descending"),
            note="stable",
        )
        for name in ("sort", "argsort")
    ],
    Spec("topk", {"input": distinct, "k": integer(0, 3), "dim": maybe(dimension()), "largest": maybe(flag)}),
    Spec(
        "topk",
        {"input": ANY_X, "k": integer(0, 3), "dim": dimension(), "largest": maybe(flag)},
        run=lambda library, x, k, *rest: library.topk(x, k, *rest)[0],
        note="values of ties",
        gradients="none",
        needs=("topk",),
    ),
    Spec("kthvalue", {"input": distinct, "k": integer(0, 3), "dim": maybe(dimension()), "keepdim": KEEP}),
    Spec(
        "unique",
        {
            "input": tensor(ANY, low=-2, high=2, special=0),
            "sorted": maybe(flag, 0.2),
            "return_inverse": maybe(flag),
            "return_counts": maybe(flag),
            "dim": maybe(dimension(), 0.3),
        },
        gradients="none",
    ),
    Spec(
        "bincount",
        {
            "input": usually(tensor(INTEGERS, ndims=(1,), low=0, high=5), ANY_X),
            "weights": maybe(one_of(like("input", FLOATS), like("input", ANY), tensor(ndims=(1,)))),
            "minlength": maybe(usually(integer(0, 8), -1)),
        },
        gradients="none",
    ),
    Spec(
        "histc",
        {
            "input": usually(tensor(FLOATS, special=0), ANY_X),
            "bins": maybe(usually(integer(1, 6), 0)),
            "min": maybe(number((int, float), -2, 1)),
            "max": maybe(number((int, float), -1, 3)),
        },
        gradients="none",
    ),
    Spec(
        "searchsorted",
        {
            "sorted_sequence": lambda d: Array(np.sort(d.rng.permutation(9)[: d.integer(0, 5)]) / 2, grad=False),
            "input": one_of(number((float, int)), tensor(("float64",), grad=False)),
            "out_int32": maybe(flag, 0.2),
            "right": maybe(flag),
            "side": maybe(usually(one_of("left", "right"), "up"), 0.3),
        },
        ("out_int32", "right", "side"),
        gradients="none",
        positional_only=True,
        note="vector",
    ),
]


def sorted_rows(d: Draw) -> Array:
    array = d.array(d.shape((2, 3)), d.pick(("float64", "int64")), grad=False, special=0)
    array.values = array.values.copy()
    array.values.sort(axis=-1)
    array.layout = "C"
    return array


SPECS += [
    Spec(
        "searchsorted",
        {
            "sorted_sequence": sorted_rows,
            "input": usually(
                shaped(lambda d: (*d["sorted_sequence"].shape[:-1], d.size()), ("float64", "int64"), grad=False),
                tensor(BITS, grad=False),
            ),
            "right": maybe(flag),
        },
        ("right",),
        gradients="none",
        note="rows",
    ),
]
