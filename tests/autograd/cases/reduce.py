"""Reductions, against loops over every slice."""

from __future__ import annotations

import math
from statistics import fmean

import numpy as np

from .case import Case, between, distinct, normal


def slices(function):
    """A function of a list of numbers, applied to each slice over the dimensions ``dim``."""

    def reference(x, *, dim, keepdim=False, **settings):
        out = {}
        for position in np.ndindex(*x.shape):
            key = tuple(0 if d in dim else i for d, i in enumerate(position))
            out.setdefault(key, []).append(x[position])
        kept = np.zeros([1 if d in dim else n for d, n in enumerate(x.shape)])
        for key in np.ndindex(*kept.shape):
            kept[key] = function(out.get(key, []), **settings)
        return kept if keepdim else kept.reshape([n for d, n in enumerate(x.shape) if d not in dim])

    return reference


def variance(values, correction):
    mean = fmean(values)
    return sum((v - mean) ** 2 for v in values) / (len(values) - correction)


def p_norm(values, p):
    if p == math.inf:
        return max(abs(v) for v in values)
    if p == -math.inf:
        return min(abs(v) for v in values)
    if p == 0:
        return sum(v != 0 for v in values)
    return sum(abs(v) ** p for v in values) ** (1 / p)


def by_hand(function):
    """A function of a list of numbers along the one dimension ``dim``; gives one number."""

    def reference(x, *, dim, keepdim):
        if dim is None:
            out = np.array(function(x.ravel().tolist()))
            return out.reshape((1,) * x.ndim) if keepdim else out
        return (
            np.apply_along_axis(lambda v: function(v.tolist()), dim, x)
            if not keepdim
            else np.expand_dims(np.apply_along_axis(lambda v: function(v.tolist()), dim, x), dim)
        )

    return reference


def sums_over_repeats(x, shape):
    out = np.zeros(shape)
    for position in np.ndindex(*x.shape):
        tail = position[len(position) - len(shape) :]
        out[tuple(0 if n == 1 else i for n, i in zip(shape, tail))] += x[position]
    return out


def with_zeros(*places):
    def make(rng):
        x = rng.uniform(0.5, 2, (3, 5)) * rng.choice([-1, 1], (3, 5))
        for place in places:
            x[place] = 0
        return [x]

    return make


SHAPE = (2, 3, 4)
DIMS = {
    "all": {"dim": (0, 1, 2), "keepdim": False},
    "one": {"dim": (1,), "keepdim": False},
    "two, kept": {"dim": (0, 2), "keepdim": True},
}
REDUCTIONS = {  # op: (inputs, function of a list, further settings)
    "sum": (normal, math.fsum, {}),
    "mean": (normal, fmean, {}),
    "amax": (distinct, max, {}),
    "amin": (distinct, min, {}),
    "prod": (normal, math.prod, {}),
    "var": (normal, variance, {"correction": 1}),
    "std": (normal, lambda values, correction: math.sqrt(variance(values, correction)), {"correction": 1}),
    "logsumexp": (normal, lambda values: math.log(sum(map(math.exp, values))), {}),
    "norm": (distinct, p_norm, {"p": 2.0}),
}


def cases():
    for op, (inputs, function, more) in REDUCTIONS.items():
        for note, s in DIMS.items():
            yield Case(op, inputs(SHAPE), s | more, slices(function), note)
        if "correction" not in more:
            yield Case(op, inputs(()), {"dim": (), "keepdim": False} | more, slices(function), "0-d")
    for op in ("sum", "prod"):
        yield Case(op, normal((2, 0, 3)), {"dim": (1,), "keepdim": False}, slices(REDUCTIONS[op][1]), "of nothing")
    for correction in (0, 2):
        yield Case(
            "var",
            normal((3, 5)),
            {"dim": (1,), "keepdim": True, "correction": correction},
            slices(variance),
            f"correction {correction}",
        )
    for p in (1.0, 3.0, 2.5, 0.5, math.inf, -math.inf, 0.0):
        s = {"dim": (1,), "keepdim": False, "p": p}
        yield Case("norm", distinct((3, 5)), s, slices(p_norm), f"p {p}", 1 if p == 0 else 2)
    row = {"dim": (1,), "keepdim": False}
    yield Case("prod", with_zeros((0, 2)), row, slices(math.prod), "one zero")
    yield Case("prod", with_zeros((0, 2), (0, 4), (1, 0)), row, slices(math.prod), "two zeros")
    yield Case(
        "prod",
        with_zeros((0, 2), (2, 4), (1, 0)),
        {"dim": (0, 1), "keepdim": True},
        slices(math.prod),
        "three zeros, all",
    )
    for op, function in (("max", max), ("min", min)):
        for dim, keepdim in ((0, False), (1, True), (2, False)):
            reference = lambda x, dim, keepdim, f=function: slices(f)(x, dim=(dim,), keepdim=keepdim)
            yield Case(op, distinct(SHAPE), {"dim": dim, "keepdim": keepdim}, reference, f"dim {dim}")
    for op, function in (("argmax", max), ("argmin", min)):
        for dim, keepdim in ((0, False), (2, True), (None, False), (None, True)):
            reference = by_hand(lambda values, f=function: values.index(f(values)))
            yield Case(
                op, distinct(SHAPE), {"dim": dim, "keepdim": keepdim}, reference, f"dim {dim}{' kept' * keepdim}"
            )
    for op, function in (("any", any), ("all", all), ("count_nonzero", lambda values: sum(v != 0 for v in values))):
        some = lambda rng: [rng.integers(0, 2, (3, 2, 2))]
        yield Case(op, some, {"dim": (1, 2), "keepdim": False}, slices(function), "two")
        yield Case(op, some, {"dim": (0,), "keepdim": True}, slices(function), "one, kept")
    for shape in ((2, 3, 4), (3, 1), (4,), (1, 1, 1), ()):
        yield Case("sum_to", normal((2, 3, 4)), {"shape": shape}, sums_over_repeats, str(shape))
    yield Case(
        "sum()",
        normal((2, 3)),
        {"axis": -1, "keepdims": True},
        lambda x, axis, keepdims: slices(sum)(x, dim=(1,), keepdim=True),
        "NumPy's names",
    )
    yield Case(
        "var()",
        between(0, 1, (2, 3)),
        {"unbiased": False},
        lambda x, unbiased: np.array(variance(x.ravel().tolist(), 0)),
    )


CASES = list(cases())
