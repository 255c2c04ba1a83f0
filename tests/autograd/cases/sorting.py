"""Sorting, the first k, medians and quantiles, by Python's sort of every line."""

from __future__ import annotations

import math

import numpy as np

from .case import Case, distinct, normal


def lines(function, keepdim=True):
    """A function of a list that gives a list, for each line along ``dim``."""

    def reference(x, dim, **settings):
        rows = np.moveaxis(x, dim, -1)
        found = [function(row.tolist(), **settings) for row in rows.reshape(-1, rows.shape[-1])]
        out = np.moveaxis(np.array(found).reshape(*rows.shape[:-1], -1), -1, dim)
        return out if keepdim else np.squeeze(out, dim)

    return reference


def order(values, descending=False):
    return sorted(range(len(values)), key=lambda i: -values[i] if descending else values[i])


def both(places):
    """Values and places along ``dim``."""

    def reference(x, dim, **settings):
        keepdim = settings.pop("keepdim", True)
        found = lines(places)(x, dim, **settings)
        values = np.take_along_axis(x, found, dim)
        return (values, found) if keepdim else (np.squeeze(values, dim), np.squeeze(found, dim))

    return reference


def first(values, k, largest):
    return order(values, largest)[:k]


def middle(values, skip_nan=False):
    numbers = [v for v in values if not math.isnan(v)]
    if len(numbers) < len(values) and not (skip_nan and numbers):
        return [next(i for i, v in enumerate(values) if math.isnan(v))]
    return [values.index(sorted(numbers)[(len(numbers) - 1) // 2])]


def quantile_of(values, q, interpolation="linear"):
    values = sorted(values)
    rank = q * (len(values) - 1)
    low, high = values[math.floor(rank)], values[math.ceil(rank)]
    part = {"linear": rank % 1, "lower": 0, "higher": 1, "midpoint": 0.5, "nearest": round(rank) - math.floor(rank)}
    return low + (high - low) * part[interpolation]


def quantiles(x, q, dim=None, keepdim=False, interpolation="linear"):
    rows = x.reshape(1, -1) if dim is None else np.moveaxis(x, dim, -1)
    left = rows.shape[:-1] if dim is not None else ()
    if keepdim:
        left = tuple(1 if dim is None or d == dim % x.ndim else n for d, n in enumerate(x.shape))
    found = [
        [quantile_of(row.tolist(), float(level), interpolation) for row in rows.reshape(-1, rows.shape[-1])]
        for level in np.ravel(q)
    ]
    return np.array(found).reshape((*np.shape(q), *left))


def extreme(function):
    return lambda x, dim, keepdim: np.array(function(x.ravel().tolist())).reshape((1,) * x.ndim if keepdim else ())


def put_back(x, index, dim, size):
    out = np.zeros([size if d == dim else n for d, n in enumerate(x.shape)])
    for place in np.ndindex(*x.shape):
        out[tuple(index[place] if d == dim else i for d, i in enumerate(place))] = x[place]
    return out


def line_and_places(count):
    return lambda rng: [rng.normal(size=(3, count)), np.argsort(rng.random((3, 5)), axis=1)[:, :3]]


ties = lambda rng: [rng.integers(0, 3, (4, 5))]
with_nan = lambda rng: [np.array([[1.0, math.nan, 3.0, -2.0], [4.0, 1.0, 2.0, 3.0], [math.nan] * 4])]
SHAPE = (2, 5, 3)


def cases():
    for descending in (False, True):
        for dim in (0, 1):
            s = {"dim": dim, "descending": descending}
            yield Case("argsort", ties, s, lines(order), f"ties, dim {dim}, {descending}")
            yield Case("sort()", distinct(SHAPE), s, both(order), f"dim {dim}, {descending}")
    yield Case("pick_once", line_and_places(5), {"dim": 1}, lambda x, index, dim: np.take_along_axis(x, index, dim))
    yield Case("put_once", line_and_places(3), {"dim": 1, "size": 5}, put_back)
    for largest in (True, False):
        for note, shape, k in (("few", (2, 40), 2), ("many", (2, 7), 5), ("none", (2, 7), 0)):
            s = {"k": k, "dim": 1, "largest": largest}
            yield Case("best", distinct(shape), s, lines(first), f"{note}, {largest}")
        yield Case("topk()", distinct(SHAPE), {"k": 2, "dim": 1, "largest": largest}, both(first), f"{largest}")
    yield Case("kth", distinct(SHAPE), {"k": 2, "dim": 1}, lines(lambda values, k: [order(values)[k]]))
    for keepdim in (True, False):
        s = {"k": 2, "dim": 1, "keepdim": keepdim}
        yield Case("kthvalue()", distinct(SHAPE), s, both(lambda values, k: [order(values)[k - 1]]), f"{keepdim}")
        yield Case("median()", distinct(SHAPE), {"dim": 1, "keepdim": keepdim}, both(middle), f"dim, {keepdim}")
    for skip in (True, False):
        yield Case("middle", with_nan, {"dim": 1, "skip_nan": skip}, lines(middle), f"{skip}")
    s = {"skip_nan": False, "dim": (0, 1), "keepdim": False}
    yield Case("median", distinct((3, 4)), s, lambda x, **s: np.array(sorted(x.ravel())[5]))
    for op, function in {"max_of_all": max, "min_of_all": min}.items():
        for keepdim in (True, False):
            yield Case(op, distinct((3, 4)), {"dim": (0, 1), "keepdim": keepdim}, extreme(function), f"{keepdim}")
    for interpolation in ("linear", "lower", "higher", "midpoint", "nearest"):
        s = {"q": 0.37, "dim": 1, "interpolation": interpolation}
        yield Case("quantile()", distinct(SHAPE), s, quantiles, interpolation)
    levels = lambda rng: [*distinct((3, 4))(rng), np.array([0.1, 0.55, 0.93])]
    for note, s in {"all": {}, "dim": {"dim": 0}, "kept": {"dim": -1, "keepdim": True}}.items():
        yield Case("quantile()", levels, s, quantiles, f"levels, {note}")
    yield Case("nanquantile()", normal((3, 4)), {"q": 0.5}, quantiles)


CASES = list(cases())
