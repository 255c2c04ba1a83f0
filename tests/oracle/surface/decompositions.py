"""Linear algebra. What is not unique in a decomposition (signs) is compared through what is."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from .generators import (
    FLOATS,
    RARELY,
    Argument,
    Draw,
    dimension,
    dimensions,
    flag,
    integer,
    maybe,
    one_of,
    usually,
)
from .products import MATCHED, any_left, any_right, product, same_dtype
from .spec import Spec
from .values import Array


def square(d: Draw) -> tuple:
    n = d.size()
    return (*d.shape((0, 0, 1, 2)), n, n if d.chance(0.95) else n + 1)


def well_conditioned(d: Draw, singular: float = 0.05) -> Array:
    """Square matrices near the identity, rarely singular, rarely integers."""
    shape = square(d)
    values = d.rng.normal(size=shape) * 0.5
    if shape[-1] == shape[-2]:
        values += 2 * np.eye(shape[-1])
        if d.chance(singular):
            values[...] = 1.0
    return _laid_out(d, values)


def _laid_out(d: Draw, values: np.ndarray) -> Array:
    name = d.pick(("float64",) * 7 + ("float64", "float32", "int64"))
    return Array(np.asarray(values, name), d.pick(("C", "C", "F", "step 2", "reversed")))


def regular(d: Draw) -> Array:
    """:func:`well_conditioned` without the singular ones."""
    return well_conditioned(d, singular=0)


def positive_definite(d: Draw) -> Array:
    shape = square(d)
    if shape[-1] != shape[-2]:
        return _laid_out(d, d.rng.normal(size=shape))
    a = d.rng.normal(size=shape)
    return _laid_out(d, a @ a.swapaxes(-1, -2) + (0.5 if d.chance(0.95) else -5.0) * np.eye(shape[-1]))


def rectangular(d: Draw) -> Array:
    shape = (*d.shape((0, 0, 1, 2)), d.size(), d.size())
    return _laid_out(d, d.rng.normal(size=shape[1:] if d.chance(RARELY) and len(shape) == 2 else shape))


def right_side(d: Draw) -> Array:
    a = d["A"].shape
    style = d.rng.random()
    shape = (*a[:-2], a[-1], d.size()) if style < 0.6 else a[:-1] if style < 0.85 else (a[-1], d.size())
    return d.array(shape if d.chance(0.95) else (*shape[:-1], 7), same_dtype(d, "A"), special=0)


def rebuilt_svd(library: Any, A: Any, full: bool) -> tuple:
    u, s, vh = library.linalg.svd(A, full_matrices=full)
    k = s.shape[-1]
    return (u[..., :, :k] * s[..., None, :]) @ vh[..., :k, :], s


def rebuilt_eigh(library: Any, A: Any) -> tuple:
    w, v = library.linalg.eigh(A)
    return (v * w[..., None, :] ** 2) @ v.mT, w


def rebuilt_qr(library: Any, A: Any, mode: str) -> tuple:
    q, r = library.linalg.qr(A, mode)
    return (r.mT @ r,) if mode == "r" else (q @ r, r.mT @ r)


def symmetric(d: Draw) -> Array:
    array = positive_definite(d)
    array.values = np.asarray(array.values)
    return array


def linalg(name: str, matrix: Argument, **more: Any) -> Spec:
    return Spec(
        f"linalg.{name}", {"A": matrix, **more.pop("arguments", {})}, first_by_name=False, condition=1000, **more
    )


def chain(d: Draw) -> list[Array]:
    """Matrices that can be multiplied one after the other."""
    sizes = [d.integer(1, 3) for _ in range(d.integer(3, 5))]
    dtype = d.pick(FLOATS)
    return [d.array((n, m + d.chance(0.02)), dtype, special=0.05) for n, m in pairwise(sizes)]


def threes(d: Draw) -> Array:
    return d.array(d.pick(((3,), (2, 3), (3, 2), (3, 3), (2, 4), (2, 3, 2), (0, 3))), d.pick(MATCHED))


def threes_like(d: Draw, name: str = "input") -> Array:
    return d.array(d[name].shape if d.chance(0.9) else (3,), same_dtype(d, name))


def factor(d: Draw) -> Array:
    n = d["B"].shape[-2]
    values = np.tril(d.rng.normal(size=(*d["B"].shape[:-2], n, n))) + 2 * np.eye(n)
    return Array(np.asarray(values, d["B"].dtype))


def right_side_of_factor(d: Draw) -> Array:
    return d.array((*d.shape((0, 0, 1)), d.integer(1, 3), d.size()), d.pick(FLOATS), special=0)


def tall(d: Draw) -> Array:
    """More rows than columns, of full rank: the solution is then unique."""
    n = d.integer(1, 3)
    return _laid_out(d, d.rng.normal(size=(*d.shape((0, 0, 1)), n + d.integer(0, 2), n)))


def right_side_of_rows(d: Draw) -> Array:
    a = d["A"].shape
    return d.array((*a[:-1], d.size()) if d.chance(0.95) else (*a[:-2], 7, 1), same_dtype(d, "A"), special=0)


def vectors(d: Draw) -> Array:
    return d.array(d.shape(), d.pick(MATCHED))


NORM_ORDERS = one_of("fro", "nuc", 1, 2, -1, -2, float("inf"), -float("inf"), 3, "max")

SPECS = [
    linalg("inv", well_conditioned),
    linalg("det", well_conditioned),
    linalg("slogdet", well_conditioned),
    linalg("solve", well_conditioned, arguments={"B": right_side}),
    linalg("cholesky", positive_definite, arguments={"upper": maybe(flag)}, keywords=("upper",)),
    linalg("pinv", rectangular),
    linalg(
        "matrix_norm",
        rectangular,
        arguments={
            "ord": maybe(NORM_ORDERS),
            "dim": maybe(usually((-2, -1), dimensions("A", none=False))),
            "keepdim": maybe(flag),
        },
    ),
    linalg("svd", rectangular, arguments={"full_matrices": flag}, run=rebuilt_svd, needs=("linalg.svd",)),
    linalg("eigh", symmetric, run=rebuilt_eigh, needs=("linalg.eigh",)),
    linalg(
        "qr",
        rectangular,
        arguments={"mode": usually(one_of("reduced", "complete", "r"), "full")},
        run=rebuilt_qr,
        needs=("linalg.qr",),
    ),
    *[linalg(name, rectangular, compare="shapes", note="shapes") for name in ("svd", "qr")],
    linalg(
        "eigh",
        symmetric,
        arguments={"UPLO": maybe(usually(one_of("L", "U"), "X"))},
        compare="shapes",
        note="shapes",
    ),
    *[Spec(name, {"input": well_conditioned}) for name in ("inverse", "det", "slogdet", "logdet")],
    Spec("pinverse", {"input": rectangular}, condition=1000),
    *[Spec("matrix_power", {"input": well_conditioned, "n": integer(-2, 4)})],
    linalg("matrix_power", well_conditioned, arguments={"n": integer(-2, 4)}),
    linalg("multi_dot", lambda d: chain(d), keywords=(), method=False),
    Spec("chain_matmul", {"matrices": lambda d: chain(d)}, run=lambda library, xs: library.chain_matmul(*xs)),
    Spec("cross", {"input": threes, "other": threes_like, "dim": maybe(integer(-3, 2))}, note="vectors of 3"),
    linalg("cross", threes, arguments={"other": lambda d: threes_like(d, "A"), "dim": maybe(integer(-3, 2))}),
    Spec(
        "cholesky_solve",
        {"B": right_side_of_factor, "L": factor, "upper": maybe(flag)},
        gradients="none",
        first_by_name=False,
    ),
    linalg("eigvalsh", symmetric, arguments={"UPLO": maybe(one_of("L", "U"))}),
    linalg("svdvals", rectangular),
    linalg("matrix_rank", rectangular, gradients="none"),
    linalg("cond", regular, arguments={"p": maybe(one_of(None, 2, "fro", 1, -1, float("inf"), -2))}),
    linalg("lstsq", tall, arguments={"B": right_side_of_rows}, run=lambda library, a, b: library.linalg.lstsq(a, b)[0]),
    linalg(
        "solve_triangular",
        well_conditioned,
        arguments={"B": right_side, "upper": flag, "left": maybe(flag, 0.2), "unitriangular": maybe(flag)},
        keywords=("upper", "left", "unitriangular"),
    ),
    linalg(
        "vecdot",
        vectors,
        arguments={"y": lambda d: threes_like(d, "A"), "dim": maybe(dimension("A"))},
        keywords=("dim",),
    ),
    Spec("linalg.matmul", product(any_left, any_right, "other"), first_by_name=False),
    linalg("diagonal", rectangular, arguments={"offset": maybe(integer(-2, 2))}, keywords=("offset",)),
]
