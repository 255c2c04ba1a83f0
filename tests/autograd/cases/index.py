"""Picking and putting back, against loops."""

from __future__ import annotations

import numpy as np

from .case import Case, normal

BASIC = {
    "number": (1,),
    "negative": (-1, -2),
    "slice": (slice(0, 2),),
    "step": (slice(None), slice(None, None, 2)),
    "backwards": (slice(None, None, -1), slice(2, 0, -1)),
    "dots": (..., 1),
    "new": (None, 0, None, slice(None), ...),
    "all numbers": (1, 2, 3),
    "nothing": (slice(1, 1),),
    "empty": (),
}
ADVANCED = {
    "array": (np.array([1, 0, 1, 1]),),
    "matrix": (slice(None), np.array([[0, 2], [2, -1]])),
    "two arrays": (np.array([0, 1, 1]), np.array([2, 0, 0])),
    "arrays apart": (np.array([0, 1, 1]), slice(None), np.array([3, 0, 0])),
    "arrays broadcast": (np.array([[0], [1]]), np.array([0, 2, 2])),
    "array and number": (0, np.array([1, 1]), slice(1, 3)),
    "mask": (np.array([[True, False, True], [False, False, True]]),),
    "mask of one dimension": (slice(None), np.array([True, False, True])),
    "mask and array": (np.array([True, True]), np.array([2, 2])),
    "mask of nothing": (np.zeros((2, 3, 4), bool),),
    "no positions": (np.zeros(0, np.int64),),
}


def picked(x, index):
    """Where each element comes from, by indexing the numbers of the elements, then one copy each."""
    numbers = np.arange(x.size).reshape(x.shape)[index]
    out = np.zeros(np.shape(numbers))
    for p in np.ndindex(*out.shape):
        out[p] = x.ravel()[np.asarray(numbers)[p]]
    return out


def put(x, index, shape):
    numbers = np.asarray(np.arange(int(np.prod(shape))).reshape(shape)[index])
    out = np.zeros(int(np.prod(shape)))
    for p in np.ndindex(*numbers.shape):
        out[numbers[p]] += x[p]
    return out.reshape(shape)


def gathered(x, index, dim):
    out = np.zeros(index.shape)
    for p in np.ndindex(*index.shape):
        out[p] = x[(*p[:dim], index[p], *p[dim + 1 :])]
    return out


def scattered(x, index, src, dim):
    out = x.copy()
    for p in np.ndindex(*index.shape):
        out[(*p[:dim], index[p], *p[dim + 1 :])] += src[p]
    return out


def selected(x, index, dim):
    out = [np.moveaxis(x, dim, 0)[i] for i in index]
    return np.moveaxis(np.array(out).reshape(len(out), *np.moveaxis(x, dim, 0).shape[1:]), 0, dim)


def added(x, index, source, dim):
    out = np.moveaxis(x.copy(), dim, 0)
    for i, row in zip(index, np.moveaxis(source, dim, 0)):
        out[i] += row
    return np.moveaxis(out, 0, dim)


X = (2, 3, 4)


def shape_of(index):
    return np.zeros(X)[index].shape


def with_index(shape, index_shape, high, *more):
    return lambda rng: [rng.normal(size=shape), rng.integers(0, high, index_shape), *(rng.normal(size=s) for s in more)]


def cases():
    for note, index in BASIC.items():
        yield Case("basic", normal(X), {"index": index}, picked, note)
        yield Case("embed", normal(shape_of(index)), {"index": index, "shape": X}, put, note)
    for note, index in ADVANCED.items():
        yield Case("advanced", normal(X), {"index": index}, picked, note)
        yield Case("embed_add", normal(shape_of(index)), {"index": index, "shape": X}, put, note)
    for dim, index_shape in ((0, (5, 3, 4)), (1, (2, 2, 4)), (2, (1, 3, 6)), (1, (2, 1, 4)), (0, (0, 3, 4))):
        note = f"dim {dim}, index {index_shape}"
        yield Case("gather", with_index(X, index_shape, X[dim]), {"dim": dim}, gathered, note)
        yield Case("scatter_add", with_index(X, index_shape, X[dim], index_shape), {"dim": dim}, scattered, note)
    for dim, count in ((0, 3), (1, 5), (2, 0)):
        source = tuple(count if d == dim else n for d, n in enumerate(X))
        note = f"dim {dim}, {count} positions"
        yield Case("index_select", with_index(X, (count,), X[dim]), {"dim": dim}, selected, note)
        yield Case("index_add", with_index(X, (count,), X[dim], source), {"dim": dim}, added, note)
    yield Case("take_along_dim()", with_index((2, 1, 4), (1, 3, 5), 4), {"dim": 2}, None, "broadcast")


CASES = list(cases())
