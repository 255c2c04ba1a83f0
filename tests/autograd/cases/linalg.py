"""Products, against loops over every index."""

from __future__ import annotations

import itertools

import numpy as np

from .case import Case, normal


def matmul(a, b):
    shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (np.broadcast_to(m, (*shape, *m.shape[-2:])) for m in (a, b))
    out = np.zeros((*shape, a.shape[-2], b.shape[-1]))
    for p in np.ndindex(*out.shape):
        out[p] = sum(a[(*p[:-1], k)] * b[(*p[:-2], k, p[-1])] for k in range(a.shape[-1]))
    return out


def matmul_of_any(a, b):
    rows, columns = a[None] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b
    out = matmul(rows, columns)
    out = out[..., 0] if b.ndim == 1 else out
    return out[..., 0] if a.ndim == b.ndim == 1 else out[..., 0, :] if a.ndim == 1 else out


def einsum(*operands, equation):
    """The definition: for every value of every letter, one product."""
    left, right = equation.split("->")
    terms = left.split(",")
    size = {letter: n for term, x in zip(terms, operands) for letter, n in zip(term, x.shape)}
    out = np.zeros([size[i] for i in right])
    for values in itertools.product(*(range(n) for n in size.values())):
        at = dict(zip(size, values))
        product = 1.0
        for term, x in zip(terms, operands):
            product *= x[tuple(at[i] for i in term)]
        out[tuple(at[i] for i in right)] += product
    return out


def cases():
    for note, a, b in (
        ("matrices", (2, 3), (3, 4)),
        ("batch", (2, 3, 2), (2, 2, 4)),
        ("batch and matrix", (2, 2, 3), (3, 4)),
        ("matrix and batch", (2, 3), (2, 3, 2)),
        ("broadcast batch", (2, 1, 2, 3), (3, 3, 2)),
        ("no inner", (2, 0), (0, 3)),
        ("empty batch", (0, 2, 3), (3, 2)),
    ):
        yield Case("matmul", normal(a, b), {}, matmul, note)
    for note, a, b in (
        ("vectors", (3,), (3,)),
        ("vector and matrix", (3,), (3, 4)),
        ("matrix and vector", (2, 3), (3,)),
        ("vector and batch", (3,), (2, 3, 4)),
        ("batch and vector", (2, 2, 3), (3,)),
    ):
        yield Case("matmul()", normal(a, b), {}, matmul_of_any, note)
    yield Case("dot", normal((4,), (4,)), {}, lambda a, b: np.array(sum(x * y for x, y in zip(a, b))))
    yield Case("outer()", normal((2,), (3,)), {}, lambda a, b: np.array([[x * y for y in b] for x in a]))
    for equation, *shapes in (
        ("ij,jk->ik", (2, 3), (3, 2)),
        ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
        ("bij,bkj->kbi", (2, 2, 3), (2, 2, 3)),
        ("i,j->ji", (2,), (3,)),
        ("ij,ij->", (2, 3), (2, 3)),
        ("bi,bi->b", (2, 3), (2, 3)),
        ("abc,cd->abd", (2, 2, 3), (3, 2)),
    ):
        yield Case("contract", normal(*shapes), {"equation": equation}, einsum, equation)


CASES = list(cases())
