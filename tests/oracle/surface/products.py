"""Products of matrices and what is built on them: linear algebra."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .generators import (
    ANY,
    FLOATS,
    RARELY,
    Argument,
    Draw,
    integer,
    maybe,
    number,
    shaped,
    tensor,
)
from .spec import Spec
from .values import Array

MATCHED = ("float64",) * 8 + ("float32",) * 2 + ("int64", "int32", "bool")


def same_dtype(d: Draw, name: str = "input") -> str:
    """The dtype of another argument, rarely another one: products do not promote."""
    first = d[name]
    return d.pick(ANY) if d.chance(0.05) or not isinstance(first, Array) else first.dtype.name


def product(left: Callable[[Draw], tuple], right: Callable[[Draw, tuple], tuple], second: str) -> dict[str, Argument]:
    """Two tensors whose shapes fit, of one dtype; rarely a size too many."""

    def draw(d: Draw) -> Array:
        shape = list(right(d, d["input"].shape))
        if shape and d.chance(RARELY):
            shape[d.integer(0, len(shape) - 1)] += 1
        elif d.chance(RARELY):
            shape = [*shape, 2] if d.chance(0.5) else shape[1:]
        return d.array(tuple(shape), same_dtype(d), special=0.05)

    return {"input": shaped(left, MATCHED, special=0.05), second: draw}


def any_left(d: Draw) -> tuple:
    return d.shape((0, 1, 1, 2, 2, 2, 3, 3, 4) if d.chance(0.2) else (1, 2, 2, 3, 3, 4))


def any_right(d: Draw, left: tuple) -> tuple:
    inner = left[-1] if left else 2
    if d.chance(0.25):
        return (inner,)
    batch = tuple(n if d.chance(0.7) else 1 for n in left[:-2])
    batch = batch[d.integer(0, len(batch)) :] if d.chance(0.4) else (d.size(), *batch) if d.chance(0.1) else batch
    return (*batch, inner, d.size())


VECTOR = lambda d: (d.size(),)
MATRIX = lambda d: (d.size(), d.size())
BATCH = lambda d: (d.size(), d.size(), d.size())
SCALES = {"beta": maybe(number((float, int))), "alpha": maybe(number((float, int)))}


def added(first: Callable[[Draw], tuple], *names: str) -> dict[str, Argument]:
    """``beta · input + alpha · (first @ second)``: the input broadcasts to the product."""

    def left(d: Draw) -> Array:
        return d.array(first(d), d.pick(("float64",) * 6 + ("float32", "int64")), special=0.05)

    def right(d: Draw) -> Array:
        a = d[names[0]].shape
        shape = [*a[:-2], a[-1] + d.chance(RARELY), d.size()] if names[1] != "vec" else [a[-1] + d.chance(RARELY)]
        return d.array(tuple(shape), same_dtype(d, names[0]), special=0.05)

    def start(d: Draw) -> Array:
        a, b = d[names[0]].shape, d[names[1]].shape
        shape = [*a[:-1], b[-1]] if names[1] != "vec" else [a[0]]
        if d.chance(0.3):
            shape = shape[1:]
        if shape and d.chance(0.3):
            shape[d.integer(0, len(shape) - 1)] = 1 if d.chance(0.8) else 5
        return d.array(tuple(shape), same_dtype(d, names[0]), special=0.05)

    return {names[0]: left, names[1]: right, "input": start}


ADDED = {
    "addmm": (MATRIX, "mat1", "mat2"),
    "addmv": (MATRIX, "mat", "vec"),
    "baddbmm": (BATCH, "batch1", "batch2"),
    "addbmm": (BATCH, "batch1", "batch2"),
}


def added_spec(name: str, first: Callable[[Draw], tuple], *names: str) -> Spec:
    def run(library: Any, a: Any, b: Any, x: Any, **scales: Any) -> Any:
        return getattr(library, name)(x, a, b, **scales)

    # drawn in the order of need, handed on in PyTorch's
    return Spec(name, {**added(first, *names), **SCALES}, ("beta", "alpha"), run=run, needs=(name,))


EQUATIONS = [
    "ij,jk->ik", "ij,jk", "ij->ji", "ii->i", "ii", "ij->", "i,j->ij", "i,i->", "bij,bjk->bik", "...ij,...jk->...ik",
    "ij,ij->i", "ij,kj->ik", "bij,j->bi", "ijk->kij", "iij->j", "ab,bc,cd->ad", "a,b,c->abc", "a...,a...->...",
    "ij , jk -> ki", "i->", "ij,jk->iz", "ij->ii", "ijk,jk", "ij,->ij", "Aa,aB->AB", "...->...", "i...->...i",
    "bhqd,bhkd->bhqk",
]  # fmt: skip


def operands(d: Draw) -> list[Array]:
    sizes: dict[str, int] = {}
    extra = d.shape((0, 1, 2))
    dtype = d.pick(("float64",) * 6 + ("float32", "int64"))
    out = []
    for term in d["equation"].replace(" ", "").split("->")[0].split(","):
        shape: tuple[int, ...] = ()
        for letter in term.replace("...", "."):
            n = sizes.setdefault(letter, d.integer(1, 3) if d.chance(0.95) else 0)
            if letter == ".":
                shape += extra
            else:
                shape += (n + 1 if d.chance(0.015) else 1 if d.chance(0.03) else n,)
        out.append(d.array(shape, dtype, special=0.05))
    return out


def contraction(d: Draw) -> Any:
    """``dims`` of tensordot: how many, or which."""
    n = min(d["a"].ndim, d["b"].ndim)
    if d.chance(0.5):
        return d.integer(0, n) if d.chance(0.95) else d.pick((n + 1, -1))
    k = d.integer(0, n)
    chosen = [[int(i) for i in d.rng.permutation(d[name].ndim)[:k]] for name in ("a", "b")]
    return tuple(chosen) if d.chance(0.5) else chosen


def added_to_outer(d: Draw) -> Array:
    shape = (*d["vec1"].shape, *d["vec2"].shape)
    return d.array(shape if d.chance(0.6) else shape[1:] if d.chance(0.8) else (7,), same_dtype(d, "vec1"))


def diagonal_source(d: Draw) -> Array:
    shape = d["input"].shape
    n = min(shape[:2]) if len(shape) > 1 else 1
    return d.array((*shape[2:], n if d.chance(0.95) else n + 1), d["input"].dtype.name)


SPECS = [
    Spec("matmul", product(any_left, any_right, "other")),
    Spec("operator @", product(any_left, any_right, "other"), run=lambda library, a, b: a @ b),
    Spec("mm", product(MATRIX, lambda d, a: (a[1], d.size()), "mat2")),
    Spec("bmm", product(BATCH, lambda d, a: (a[0], a[2], d.size()), "mat2")),
    Spec("mv", product(MATRIX, lambda d, a: (a[1],), "vec")),
    Spec("dot", product(VECTOR, lambda d, a: a, "tensor")),
    Spec("outer", product(VECTOR, lambda d, a: (d.size(),), "vec2")),
    Spec("inner", product(lambda d: d.shape(), lambda d, a: (*d.shape((0, 1, 2)), a[-1] if a else 2), "other")),
    Spec("kron", {"input": tensor(MATCHED, (0, 1, 2, 2, 3)), "other": tensor(MATCHED, (0, 1, 2, 2))}),
    *[added_spec(name, *operands) for name, operands in ADDED.items()],
    Spec(
        "einsum",
        {"equation": lambda d: d.pick(EQUATIONS), "operands": operands},
        run=lambda library, equation, xs: library.einsum(equation, *xs),
        needs=("einsum",),
    ),
    Spec(
        "tensordot",
        {
            "a": tensor(("float64",) * 5 + ("float32", "int64")),
            "b": lambda d: d.array(d["a"].shape[::-1] if d.chance(0.5) else d["a"].shape, same_dtype(d, "a")),
            "dims": contraction,
        },
        method=False,
    ),
    Spec(
        "diagonal",
        {
            "input": tensor(),
            "offset": maybe(integer(-3, 3)),
            "dim1": maybe(integer(-4, 3)),
            "dim2": maybe(integer(-4, 3)),
        },
    ),
    *[Spec(name, product(VECTOR, lambda d, a: a, "other")) for name in ("vdot",)],
    Spec("ger", product(VECTOR, lambda d, a: (d.size(),), "vec2")),
    Spec("trace", {"input": tensor(MATCHED, (0, 1, 2, 2, 2, 2, 3))}),
    Spec("diagflat", {"input": tensor(ANY), "offset": maybe(integer(-2, 2))}),
    Spec(
        "addr",
        {"vec1": tensor(FLOATS, (1,)), "vec2": tensor(FLOATS, (1,)), "input": added_to_outer, **SCALES},
        ("beta", "alpha"),
        run=lambda library, a, b, x, **scales: library.addr(x, a, b, **scales),
    ),
    Spec(
        "diagonal_scatter",
        {"input": tensor(ANY, (1, 2, 2, 2, 3)), "src": diagonal_source, "offset": maybe(integer(-1, 1), 0.2)},
    ),
]
