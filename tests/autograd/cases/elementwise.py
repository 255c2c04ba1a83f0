"""Elementwise ops, against Python's own mathematics one number at a time."""

from __future__ import annotations

import math

import numpy as np

from .case import Case, between, distinct, normal


def each(function):
    """A function of numbers, for arrays that broadcast."""
    return lambda *arrays, **settings: np.vectorize(lambda *numbers: function(*numbers, **settings), otypes=[float])(
        *arrays
    )


def both_signs(low, high, *shapes):
    """Magnitudes in (low, high), signs mixed: away from 0."""
    return lambda rng: [rng.uniform(low, high, s) * rng.choice([-1, 1], s) for s in shapes]


def off_halves(rng):
    """Away from whole and half numbers, where rounding jumps."""
    return [rng.integers(-4, 4, (2, 5)) + rng.choice([0.25, 0.75], (2, 5)) + rng.uniform(-0.2, 0.2, (2, 5))]


def quotients(rng):
    """Pairs whose quotient is away from whole numbers."""
    divisor = rng.choice([-2.0, -0.75, 0.5, 1.5], (2, 3))
    return [divisor * (rng.integers(-3, 3, (2, 3)) + rng.uniform(0.2, 0.8, (2, 3))), divisor]


def truncated(a, b):
    return float(math.trunc(a / b))


def base_and_exponent(*shapes):
    return lambda rng: [rng.uniform(0.3, 2, shapes[0]), rng.uniform(-2, 2, shapes[1])]


ONE = (3, 4)
FUNCTIONS = {  # op: (inputs, reference)
    "neg": (normal(ONE), lambda x: -x),
    "abs": (both_signs(0.1, 2, ONE), lambda x: x if x > 0 else -x),
    "sign": (both_signs(0.1, 2, ONE), lambda x: math.copysign(1, x)),
    "floor": (off_halves, math.floor),
    "ceil": (off_halves, math.ceil),
    "trunc": (off_halves, math.trunc),
    "square": (normal(ONE), lambda x: x * x),
    "sqrt": (between(0.2, 3, ONE), math.sqrt),
    "rsqrt": (between(0.2, 3, ONE), lambda x: 1 / math.sqrt(x)),
    "reciprocal": (both_signs(0.3, 2, ONE), lambda x: 1 / x),
    "exp": (normal(ONE), math.exp),
    "expm1": (normal(ONE), math.expm1),
    "log": (between(0.2, 3, ONE), math.log),
    "log1p": (between(-0.7, 3, ONE), math.log1p),
    "log2": (between(0.2, 3, ONE), math.log2),
    "log10": (between(0.2, 3, ONE), math.log10),
    "sin": (normal(ONE), math.sin),
    "cos": (normal(ONE), math.cos),
    "tan": (between(-1.2, 1.2, ONE), math.tan),
    "sinh": (normal(ONE), math.sinh),
    "cosh": (normal(ONE), math.cosh),
    "tanh": (normal(ONE), math.tanh),
    "sigmoid": (normal(ONE), lambda x: 1 / (1 + math.exp(-x))),
    "relu": (both_signs(0.1, 2, ONE), lambda x: x if x > 0 else 0.0),
    "clone": (normal(ONE), lambda x: x),
    "no_slope": (normal(ONE), lambda x: 0.0),
}
PAIRS = {
    "add": (normal, lambda a, b: a + b),
    "sub": (normal, lambda a, b: a - b),
    "mul": (normal, lambda a, b: a * b),
    "div": (lambda *s: lambda rng: [rng.normal(size=s[0]), *both_signs(0.4, 2, s[1])(rng)], lambda a, b: a / b),
    "pow": (base_and_exponent, lambda a, b: a**b),
    "maximum": (distinct, lambda a, b: a if a > b else b),
    "minimum": (distinct, lambda a, b: a if a < b else b),
}
SHAPES = {"": ((2, 3), (2, 3)), "broadcast": ((2, 1, 3), (4, 1)), "with 0-d": ((2, 3), ())}
COMPARISONS = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "logical_and": lambda a, b: bool(a) and bool(b),
    "logical_or": lambda a, b: bool(a) or bool(b),
    "logical_xor": lambda a, b: bool(a) != bool(b),
}


def small_integers(*shapes):
    return lambda rng: [rng.integers(-2, 3, shape) for shape in shapes]


def softplus(x, beta, threshold):
    return x if beta * x > threshold else math.log(1 + math.exp(beta * x)) / beta


def clamped(x, low, high):
    x = x if low is None or x > low else low
    return x if high is None or x < high else high


def bounds(rng):
    """Values inside and outside of bounds that differ by element; in the last column the bounds are crossed."""
    low = rng.uniform(-0.6, -0.4, (3, 4)) + np.array([0, 0, 0, 2.0])
    return [rng.choice([-1.5, 0.1, 1.5], (3, 4)) + rng.uniform(-0.2, 0.2, (3, 4)), low, rng.uniform(0.4, 0.6, (3, 4))]


def masked(*shapes):
    """A mask and as many inputs as there are further shapes."""
    return lambda rng: [rng.random(shapes[0]) < 0.5, *(rng.normal(size=s) for s in shapes[1:])]


def cases():
    for op, (inputs, reference) in FUNCTIONS.items():
        yield Case(op, inputs, {}, each(reference))
    for op, (inputs, reference) in PAIRS.items():
        for note, shapes in SHAPES.items():
            yield Case(op, inputs(*shapes), {}, each(reference), note)
    for op, reference in COMPARISONS.items():
        yield Case(op, small_integers((4, 3), (3,)), {}, each(reference), "integers")
        yield Case(op, lambda rng: [rng.integers(-1, 2, (4, 3)) * 0.5, np.array(0.5)], {}, each(reference), "floats")
    for op, reference in {"bitwise_and": int.__and__, "bitwise_or": int.__or__, "bitwise_xor": int.__xor__}.items():
        yield Case(op, small_integers((4, 3), (3,)), {}, each(lambda a, b, f=reference: f(int(a), int(b))))
    yield Case("bitwise_not", small_integers((4, 3)), {}, each(lambda a: ~int(a)))
    yield Case("logical_not", small_integers((4, 3)), {}, each(lambda a: not a))
    special = lambda rng: [np.array([0.0, -1.5, math.nan, math.inf, -math.inf])]
    yield Case("isnan", special, {}, each(math.isnan))
    yield Case("isinf", special, {}, each(math.isinf))
    yield Case("isfinite", special, {}, each(math.isfinite))
    yield Case("round", off_halves, {"decimals": 0}, each(lambda x, decimals: float(math.floor(x + 0.5))))
    yield Case(
        "round",
        lambda rng: [np.array([1.234, -5.678])],
        {"decimals": 2},
        lambda x, decimals: np.array([1.23, -5.68]),
        "2 decimals",
    )
    yield Case("remainder", quotients, {}, each(lambda a, b: a - b * math.floor(a / b)))
    yield Case("fmod", quotients, {}, each(math.fmod))
    yield Case("floor_divide", quotients, {}, each(lambda a, b: math.floor(a / b)))
    yield Case("trunc_divide", quotients, {}, each(truncated))
    yield Case(
        "trunc_divide",
        lambda rng: [np.array([7, -7, 7, -7]), np.array([2, 2, -2, -2])],
        {},
        each(truncated),
        "integers",
        0,
    )
    for exponent in (-1, 0, 0.5, 1, 2, 3, 2.5):
        power = lambda x, p=exponent: np.array([float(v) ** p for v in x])
        yield Case(
            "pow",
            between(0.3, 2, (3,)),
            {"exponent": exponent},
            lambda x, exponent, f=power: f(x),
            f"exponent {exponent}",
        )
    yield Case(
        "pow", lambda rng: [-rng.uniform(0.3, 2, 3)], {"exponent": 3}, lambda x, exponent: x * x * x, "negative base"
    )
    yield Case("cast", normal(ONE), {"dtype": np.dtype(np.float64)}, lambda x, dtype: x)
    yield Case(
        "leaky_relu", both_signs(0.1, 2, ONE), {"negative_slope": 0.2}, each(lambda x, negative_slope: max(x, 0.2 * x))
    )
    yield Case(
        "elu", both_signs(0.1, 2, ONE), {"alpha": 1.5}, each(lambda x, alpha: x if x > 0 else alpha * math.expm1(x))
    )
    yield Case("silu", normal(ONE), {}, each(lambda x: x / (1 + math.exp(-x))))
    yield Case("gelu", normal(ONE), {}, each(lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2))
    yield Case("softplus", normal(ONE), {"beta": 1.0, "threshold": 20.0}, each(softplus))
    yield Case("softplus", normal(ONE), {"beta": 2.0, "threshold": 1.0}, each(softplus), "linear above 1/2")
    yield Case("where", masked((2, 3), (2, 3), (2, 3)), {}, each(lambda c, a, b: a if c else b))
    yield Case("where", masked((4, 1), (2, 1, 3), (3,)), {}, each(lambda c, a, b: a if c else b), "broadcast")
    swapped = lambda rng: masked((2, 3), (2, 3))(rng)[::-1]
    yield Case("keep", swapped, {}, each(lambda x, m: x if m else 0.0))
    wide = lambda rng: masked((4, 1), (2, 1, 3))(rng)[::-1]
    yield Case("keep", wide, {}, each(lambda x, m: x if m else 0.0), "broadcast")
    yield Case("clamp", bounds, {}, each(clamped), "tensor bounds")
    for note, low, high in (("both", -0.5, 0.6), ("min", -0.5, None), ("max", None, 0.6)):
        yield Case(
            "clamp",
            lambda rng: bounds(rng)[:1],
            {"min": low, "max": high},
            each(lambda x, min, max: clamped(x, min, max)),
            note,
        )
    yield Case("add()", normal((3,), (3,)), {"alpha": 2.5}, each(lambda a, b, alpha: a + alpha * b), "alpha")
    yield Case("sub()", normal((3,), (3,)), {"alpha": 2.5}, each(lambda a, b, alpha: a - alpha * b), "alpha")


CASES = list(cases())
