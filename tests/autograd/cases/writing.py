"""Writing at positions and slices, value by value."""

from __future__ import annotations

import numpy as np

from .case import Case, distinct, normal


def read(x, positions):
    flat, out = x.ravel(), np.zeros(positions.shape)
    for p in np.ndindex(*positions.shape):
        out[p] = flat[positions[p]]
    return out


def placed(combine):
    def function(x, positions, src, **_):
        flat = [float(v) for v in x.ravel()]
        for p in np.ndindex(*positions.shape):
            flat[positions[p]] = combine(flat[positions[p]], src[p])
        return np.array(flat).reshape(x.shape)

    return function


def overwritten(x, src, index):
    numbers = np.asarray(np.arange(x.size).reshape(x.shape)[index])
    flat = x.ravel().copy()
    for p in np.ndindex(*numbers.shape):
        flat[numbers[p]] = src[p]
    return flat.reshape(x.shape)


def scatter_reduced(x, dim, index, src, reduce, include_self=True):
    """A list of values for each place, then one number of each list."""
    lists = {p: [x[p]] if include_self else [] for p in np.ndindex(*x.shape)}
    for p in np.ndindex(*index.shape):
        lists[(*p[:dim], index[p], *p[dim + 1 :])].append(src[p])
    function = {"sum": sum, "prod": np.prod, "mean": np.mean, "amax": max, "amin": min}[reduce]
    out = np.zeros(x.shape)
    for p, values in lists.items():
        out[p] = function(values) if values else x[p]
    return out


def with_positions(shape, positions, numbers=normal):
    def make(rng):
        x, src = numbers(shape, np.shape(positions))(rng)
        return [x, np.array(positions, np.int64), src]

    return make


def along(dim):
    return lambda x, index, src: (x, dim, index, src)


def zeros(rng):
    return [np.array([1.0, 2.0, 0.0]), np.array([0, 0, 1, 1, 1, 2]), np.array([0.0, 3, 0, 0, 2, 5])]


def cases():
    for note, shape, positions in (
        ("once", (2, 3), [5, 0, 2]),
        ("again", (2, 3), [[1, 4], [1, 1]]),
        ("nothing", (2, 3), []),
        ("0-d", (), [0]),
    ):
        inputs = with_positions(shape, positions)
        yield Case("read_at", lambda rng, inputs=inputs: inputs(rng)[:2], {}, read, note)
        yield Case("add_at", inputs, {}, placed(lambda a, b: a + b), note)
        yield Case("write_at", inputs, {}, placed(lambda a, b: b), note)
        inputs = with_positions(shape, positions, distinct)
        yield Case("extreme_at", inputs, {"largest": True}, placed(max), note)
        yield Case("extreme_at", inputs, {"largest": False}, placed(min), f"{note}, smallest")
    for note, index in (
        ("number", (1,)),
        ("slice", (slice(None), slice(0, 2))),
        ("step", (..., slice(None, None, 2))),
        ("all", ()),
        ("nothing", (slice(1, 1),)),
    ):
        yield Case("overwrite", normal((3, 4), np.zeros((3, 4))[index].shape), {"index": index}, overwritten, note)
    for reduce in ("sum", "prod", "mean", "amax", "amin"):
        for include_self in (True, False):
            for dim, shape in ((0, (5, 2)), (1, (2, 4))):

                def inputs(rng, shape=shape, dim=dim):
                    x, src = distinct((3, 4), shape)(rng)
                    return [x, rng.integers(0, (3, 4)[dim], shape), src]

                s = {"reduce": reduce, "include_self": include_self}
                note = f"{reduce}, dim {dim}" + ", without input" * (not include_self)
                yield Case("scatter_reduce()", inputs, s, scatter_reduced, note, prepare=along(dim))
    yield Case("scatter_reduce()", zeros, {"reduce": "prod"}, scatter_reduced, "product of zeros", prepare=along(0))


CASES = list(cases())
