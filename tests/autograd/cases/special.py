"""Special functions, against Python's own, differences of them, and sums of series."""

from __future__ import annotations

import math

import numpy as np

from .case import Case, between, normal
from .elementwise import ONE, SHAPES, both_signs, each

_EULER = 0.57721566490153286061


def digamma(x):
    """``−γ + Σ_k (1/(k + 1) − 1/(k + x))``, whose rest after n terms is an integral, to the order 1/n⁴."""
    n = 4000
    head = math.fsum(1 / (k + 1) - 1 / (k + x) for k in range(n))
    a, b = n + 1, n + x
    rest = math.log(b / a) + (1 / a - 1 / b) / 2 + (1 / a**2 - 1 / b**2) / 12
    return head + rest - _EULER


def polygamma(x, n):
    terms = 4000
    head = math.fsum((k + x) ** -(n + 1) for k in range(terms))
    b = terms + x
    rest = b**-n / n + b ** -(n + 1) / 2 + (n + 1) * b ** -(n + 2) / 12
    return (-1) ** (n + 1) * math.factorial(n) * (head + rest)


def sinc(x):
    return math.sin(math.pi * x) / (math.pi * x) if x else 1.0


def off_poles(rng):
    """Positive numbers, and negative ones away from whole ones."""
    return [np.concatenate([rng.uniform(0.3, 4, (2, 4)), -rng.integers(0, 4, (2, 4)) - rng.uniform(0.3, 0.7, (2, 4))])]


def near_and_far(rng):
    """On both sides of where the slope changes from its series to its formula, at 1/2π."""
    return [np.array([0.0, 1e-9, -1e-4, 0.02, 0.13, -0.155, 0.162, 0.3, -1.0, 2.5])]


def factor_and_positive(*shapes):
    return lambda rng: [rng.normal(size=shapes[0]), rng.uniform(0.2, 3, shapes[1])]


PAIRS = {
    "logaddexp": (normal, lambda a, b: math.log(math.exp(a) + math.exp(b))),
    "logaddexp2": (normal, lambda a, b: math.log2(2**a + 2**b)),
    "xlogy": (factor_and_positive, lambda a, b: a * math.log(b)),
}


def cases():
    yield Case("erf", normal(ONE), {}, each(math.erf))
    yield Case("erfc", normal(ONE), {}, each(math.erfc))
    yield Case("erfc", between(3, 6, ONE), {}, each(math.erfc), "tail")
    yield Case("exp2", normal(ONE), {}, each(lambda x: 2.0**x))
    yield Case("lgamma", off_poles, {}, each(math.lgamma))
    yield Case("digamma", off_poles, {}, each(digamma))
    for n in (1, 2, 5):
        yield Case("polygamma", off_poles, {"n": n}, each(polygamma), f"n {n}")
    yield Case("sinc", both_signs(0.2, 3, ONE), {}, each(sinc))
    yield Case("sinc", near_and_far, {}, each(sinc), "near 0")
    for op, (inputs, reference) in PAIRS.items():
        for note, shapes in SHAPES.items():
            yield Case(op, inputs(*shapes), {}, each(reference), note)


CASES = list(cases())
