"""Pieces of numbers and quotients, away from where they jump; the jumps are in test_pieces.py."""

from __future__ import annotations

import math

import numpy as np

from .case import Case
from .elementwise import ONE, both_signs, each, off_halves, quotients, small_integers, truncated

with_specials = lambda rng: [np.array([0.5, math.nan, -2.0, math.inf, -math.inf])]


def replaced(x, nan, posinf, neginf):
    if math.isnan(x):
        return nan
    largest = np.finfo(np.float64).max
    if math.isinf(x):
        return (largest if posinf is None else posinf) if x > 0 else (-largest if neginf is None else neginf)
    return x


def cases():
    yield Case("frac", off_halves, {}, each(lambda x: x - math.trunc(x)))
    yield Case("copysign", both_signs(0.2, 2, (2, 1, 3), (4, 1)), {}, each(math.copysign), "broadcast")
    yield Case("signbit", lambda rng: [np.array([1.5, -1.5, 0.0, -0.0])], {}, each(lambda x: math.copysign(1, x) < 0))
    steps = lambda rng: [rng.integers(-1, 2, (3, 4)) * 1.5, rng.normal(size=4)]
    yield Case("heaviside", steps, {}, each(lambda x, v: v if x == 0 else float(x > 0)))
    plain = {"nan": 0.0, "posinf": None, "neginf": None}
    yield Case("nan_to_num", both_signs(0.2, 2, ONE), plain, each(replaced))
    for note, settings in {"": plain, "numbers": {"nan": 1.0, "posinf": 2.0, "neginf": 3.0}}.items():
        yield Case("nan_to_num", with_specials, settings, each(replaced), f"special values {note}".strip(), 0)
    yield Case("div()", quotients, {"rounding_mode": "floor"}, each(lambda a, b, rounding_mode: math.floor(a / b)))
    yield Case("div()", quotients, {"rounding_mode": "trunc"}, each(lambda a, b, rounding_mode: truncated(a, b)))
    whole = lambda rng: [small_integers((4, 3))(rng)[0], np.array([-2, 1, 3])]
    for op, reference in {"floor_divide": int.__floordiv__, "remainder": int.__mod__}.items():
        yield Case(op, whole, {}, each(lambda a, b, f=reference: f(int(a), int(b))), "integers", 0)
    yield Case("fmod", whole, {}, each(math.fmod), "integers", 0)


CASES = list(cases())
