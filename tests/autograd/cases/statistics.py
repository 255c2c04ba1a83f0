"""Pairs of statistics, and statistics without NaN."""

from __future__ import annotations

import math
from statistics import fmean

import numpy as np

from .case import Case, normal
from .reduce import slices, variance

some_nan = lambda rng: [np.where(rng.random((3, 4)) < 0.3, math.nan, rng.normal(size=(3, 4)))]


def numbers(function):
    return lambda x, dim, keepdim: slices(lambda values: function([v for v in values if v == v]))(
        x, dim=(dim,), keepdim=keepdim
    )


def pair(function):
    def reference(x, dim, correction):
        spread = slices(lambda values: function(variance(values, correction)))(x, dim=dim)
        return spread, slices(fmean)(x, dim=dim)

    return reference


def cases():
    for op, function in {"var_mean()": lambda v: v, "std_mean()": math.sqrt}.items():
        yield Case(op, normal((3, 2, 4)), {"dim": (0, 2), "correction": 1}, pair(function))
    for op, function in {"nansum()": sum, "nanmean()": fmean}.items():
        for keepdim in (True, False):
            yield Case(op, some_nan, {"dim": 0, "keepdim": keepdim}, numbers(function), f"NaN, {keepdim}", 0)
            yield Case(op, normal((3, 4)), {"dim": 1, "keepdim": keepdim}, numbers(function), f"{keepdim}")


CASES = list(cases())
