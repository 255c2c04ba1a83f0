"""Ops that choose between two, or stand between them, away from where they change sides."""

from __future__ import annotations

import math

import numpy as np

from .case import Case, distinct, normal
from .elementwise import SHAPES, each, small_integers

with_specials = lambda rng: [np.array([1.0, math.nan, math.inf, -math.inf])]


def between(a, b, weight):
    return a + weight * (b - a)


def weights(rng):
    """Weights on both sides of 1/2, where the formula changes."""
    return [*normal((2, 1, 4), (3, 1))(rng), rng.choice([-0.3, 0.2, 0.8, 1.4], (3, 4))]


def cases():
    for op, better in {"fmax": max, "fmin": min}.items():
        for note, shapes in SHAPES.items():
            yield Case(op, distinct(*shapes), {}, each(better), note)
    yield Case("clamp_min()", distinct((3, 4)), {"min": 0.02}, each(lambda x, min: x if x > min else min))
    yield Case("clamp_max()", distinct((3, 4)), {"max": 0.02}, each(lambda x, max: x if x < max else max))
    yield Case("lerp", weights, {}, each(between))
    three = normal((2, 1, 3), (4, 1), ())
    yield Case("addcmul()", three, {}, each(lambda a, b, c: a + b * c))
    yield Case("addcmul()", three, {"value": -0.5}, each(lambda a, b, c, value: a + value * b * c), "value")
    parts = lambda rng: [*normal((3, 4), (3, 1))(rng), rng.uniform(0.5, 2, 4)]
    yield Case("addcdiv()", parts, {"value": 3}, each(lambda a, b, c, value: a + value * b / c))
    shifts = lambda rng: [small_integers((4, 3))(rng)[0], rng.integers(0, 5, 3)]
    yield Case("bitwise_left_shift", shifts, {}, each(lambda a, n: int(a) << int(n)))
    yield Case("bitwise_right_shift", shifts, {}, each(lambda a, n: int(a) >> int(n)))
    yield Case("isposinf", with_specials, {}, each(lambda x: x == math.inf))
    yield Case("isneginf", with_specials, {}, each(lambda x: x == -math.inf))


CASES = list(cases())
