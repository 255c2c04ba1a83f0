"""Diagonals, element by element."""

from __future__ import annotations

import numpy as np

from .case import Case, normal


def places(shape, offset, dim1, dim2):
    """Where each element of a diagonal stands: pairs (place in the diagonal's tensor, place in the whole)."""
    rest = [d for d in range(len(shape)) if d not in (dim1, dim2)]
    for p in np.ndindex(*(shape[d] for d in rest)):
        i, j = max(0, -offset), max(0, offset)
        k = 0
        while i < shape[dim1] and j < shape[dim2]:
            place = dict(zip(rest, p)) | {dim1: i, dim2: j}
            yield (*p, k), tuple(place[d] for d in range(len(shape)))
            i, j, k = i + 1, j + 1, k + 1


def shape_of(shape, **where):
    rest = tuple(n for d, n in enumerate(shape) if d not in (where["dim1"], where["dim2"]))
    return (*rest, max((p[-1] + 1 for p, _ in places(shape, **where)), default=0))


def diagonal(x, **where):
    out = np.zeros(shape_of(x.shape, **where))
    for p, place in places(x.shape, **where):
        out[p] = x[place]
    return out


def embed(x, shape, **where):
    return scatter(np.zeros(shape), x, **where)


def scatter(x, src, **where):
    out = x.copy()
    for p, place in places(x.shape, **where):
        out[place] = src[p]
    return out


def diag_embed(x, offset, dim1, dim2):
    n, ndim = x.shape[-1] + abs(offset), x.ndim + 1
    dim1, dim2 = dim1 % ndim, dim2 % ndim
    rest = iter(x.shape[:-1])
    shape = [n if d in (dim1, dim2) else next(rest) for d in range(ndim)]
    return embed(x, shape, offset=offset, dim1=dim1, dim2=dim2)


def cases():
    for note, shape, offset, dim1, dim2 in (
        ("square", (3, 3), 0, 0, 1),
        ("wide, batch", (2, 3, 2), 0, 1, 2),
        ("apart", (2, 3, 2), 0, 2, 0),
        ("above", (3, 4), 2, 0, 1),
        ("below", (2, 3, 4), -1, 1, 2),
        ("outside", (2, 3), 5, 0, 1),
    ):
        where = {"offset": offset, "dim1": dim1, "dim2": dim2}
        part = shape_of(shape, **where)
        yield Case("diagonal", normal(shape), where, diagonal, note)
        yield Case("diagonal_scatter", normal(shape, part), where, scatter, note)
        if part[-1]:
            yield Case("diagonal_embed", normal(part), where | {"shape": shape}, embed, note)
    for offset, dim1, dim2 in ((0, -2, -1), (1, 0, 2), (-2, 2, 1)):
        where = {"offset": offset, "dim1": dim1, "dim2": dim2}
        yield Case("diag_embed()", normal((2, 3)), where, diag_embed, str(offset))


CASES = list(cases())
