"""Running sums, products and extremes, one element after the other."""

from __future__ import annotations

import math

import numpy as np

from .case import Case, distinct, normal


def running(step):
    """A function of (what came before, this element), along the dimension ``dim``."""

    def reference(x, dim, reverse=False):
        rows = np.moveaxis(x, dim, 0)
        if reverse:
            return np.moveaxis(reference(rows[::-1], 0)[::-1], 0, dim)
        out = np.zeros(rows.shape)
        for place in np.ndindex(*rows.shape[1:]):
            for i in range(len(rows)):
                here = (i, *place)
                out[here] = step(out[(i - 1, *place)], rows[here]) if i else rows[here]
        return np.moveaxis(out, 0, dim)

    return reference


def recurrence(factor, summand, dim):
    a, b = np.moveaxis(factor, dim, 0), np.moveaxis(summand, dim, 0)
    out = np.zeros(b.shape)
    for i in range(len(b)):
        out[i] = b[i] + (a[i] * out[i - 1] if i else 0)
    return np.moveaxis(out, 0, dim)


def place_of_best(x, dim, largest):
    rows = np.moveaxis(x, dim, 0)
    out = np.zeros(rows.shape)
    for place in np.ndindex(*rows.shape[1:]):
        best = 0
        for i in range(len(rows)):
            if rows[(i, *place)] >= rows[(best, *place)] if largest else rows[(i, *place)] <= rows[(best, *place)]:
                best = i
            out[(i, *place)] = best
    return np.moveaxis(out, 0, dim)


def values_and_places(largest):
    def reference(x, dim):
        places = place_of_best(x, dim, largest).astype(int)
        return np.take_along_axis(x, places, dim), places

    return reference


def with_zeros(rng):
    x = rng.uniform(0.5, 2, (3, 5)) * rng.choice([-1, 1], (3, 5))
    x[0, 0] = x[1, 2] = x[1, 4] = x[2, 4] = 0
    return [x]


def ties(rng):
    return [rng.integers(0, 3, (4, 5))]


RUNNING = {
    "cumsum": lambda before, x: before + x,
    "cumprod": lambda before, x: before * x,
    "logcumsumexp": lambda before, x: math.log(math.exp(before) + math.exp(x)),
}


def cases():
    for op, step in RUNNING.items():
        more = {"reverse": False} if op == "cumsum" else {}
        for dim in (0, 1, 2):
            yield Case(op, normal((2, 3, 4)), {"dim": dim, **more}, running(step), f"dim {dim}")
        yield Case(op, normal((3, 0)), {"dim": 1, **more}, running(step), "of nothing")
        yield Case(f"{op}()", normal(()), {"dim": -1}, lambda x, dim: x, "0-d")
    yield Case("cumsum", normal((3, 4)), {"dim": 0, "reverse": True}, running(RUNNING["cumsum"]), "reverse")
    yield Case("cumprod", with_zeros, {"dim": 1}, running(RUNNING["cumprod"]), "zeros")
    for dim in (0, 1):
        yield Case("recurrence", normal((3, 4), (3, 4)), {"dim": dim}, recurrence, f"dim {dim}")
    for largest in (True, False):
        yield Case("running_best", ties, {"dim": 1, "largest": largest}, place_of_best, f"ties, {largest}")
        yield Case("running_best", distinct((4, 3)), {"dim": 0, "largest": largest}, place_of_best, f"{largest}")
    for op, largest in {"cummax()": True, "cummin()": False}.items():
        yield Case(op, distinct((2, 4, 3)), {"dim": 1}, values_and_places(largest))


CASES = list(cases())
