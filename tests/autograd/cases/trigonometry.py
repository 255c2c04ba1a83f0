"""Inverse functions of circle and hyperbola, against Python's own one number at a time."""

from __future__ import annotations

import math

from .case import Case, between, normal
from .elementwise import ONE, SHAPES, both_signs, each

FUNCTIONS = {  # op: (inputs, reference)
    "asin": (between(-0.8, 0.8, ONE), math.asin),
    "acos": (between(-0.8, 0.8, ONE), math.acos),
    "atan": (normal(ONE), math.atan),
    "asinh": (normal(ONE), math.asinh),
    "acosh": (between(1.2, 3, ONE), math.acosh),
    "atanh": (between(-0.8, 0.8, ONE), math.atanh),
    "deg2rad()": (normal(ONE), math.radians),
    "rad2deg()": (normal(ONE), math.degrees),
}


def cases():
    for op, (inputs, reference) in FUNCTIONS.items():
        yield Case(op, inputs, {}, each(reference))
    for op, reference in {"atan2": math.atan2, "hypot": math.hypot}.items():
        for note, shapes in SHAPES.items():
            yield Case(op, both_signs(0.2, 2, *shapes), {}, each(reference), note)


CASES = list(cases())
