"""Functions of one, two and three elements, and the operators."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from .generators import (
    ANY,
    BITS,
    FLOATS,
    INTEGERS,
    MOSTLY_FLOATS,
    NUMBERS,
    Argument,
    flag,
    integer,
    like,
    maybe,
    number,
    one_of,
    partner,
    tensor,
    usually,
)
from .spec import Spec

# --- of one ---------------------------------------------------------------------------------------------------------

DOMAINS: dict[str, tuple[float, float]] = {  # where the interesting values lie; one call in five leaves it
    "log": (0.05, 4), "log2": (0.05, 4), "log10": (0.05, 4), "log1p": (-0.9, 3), "sqrt": (0.05, 4), "rsqrt": (0.05, 4),
    "asin": (-0.95, 0.95), "acos": (-0.95, 0.95), "atanh": (-0.95, 0.95), "acosh": (1.05, 4), "sinh": (-4, 4),
    "cosh": (-4, 4), "tanh": (-4, 4), "sigmoid": (-6, 6), "lgamma": (-3.5, 6), "digamma": (-3.5, 6), "erf": (-4, 4),
    "erfc": (-4, 4), "tan": (-5, 5), "sin": (-20, 20), "cos": (-20, 20), "exp": (-6, 6),
}  # fmt: skip
UNARY = [
    "neg", "abs", "sign", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "square",
    "reciprocal", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "sigmoid", "erf", "erfc", "lgamma", "digamma", "floor", "ceil", "trunc", "frac", "isnan", "isinf", "isfinite",
    "logical_not", "deg2rad", "rad2deg", "signbit", "sinc", "positive", "absolute", "negative", "relu", "clone",
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "fix", "isneginf", "isposinf",
]  # fmt: skip


def unary(name: str) -> Spec:
    low, high = DOMAINS.get(name, (-3, 3))
    condition = 100 if name == "sinc" else 1  # its slope (cos πx − sinc x) / x cancels near 0
    return Spec(name, {"input": tensor(MOSTLY_FLOATS, low=low, high=high)}, condition=condition)


def bits_or_number() -> Argument:
    return one_of(partner("input", BITS), number((int, bool)), usually(number((int,)), number((float,))))


# --- of two ---------------------------------------------------------------------------------------------------------


def pair(name: str, dtypes: tuple = ANY, numbers: bool = True, **more: Argument) -> Spec:
    other = one_of(*[partner("input", dtypes)] * 3, number()) if numbers else partner("input", dtypes)
    keywords = tuple(k for k in more if k in ("alpha", "rounding_mode"))
    return Spec(name, {"input": tensor(dtypes), "other": other, **more}, keywords)


ARITHMETIC = [
    "mul", "multiply", "true_divide", "divide", "remainder", "fmod", "floor_divide", "eq", "ne", "lt", "le", "gt",
    "ge", "greater", "greater_equal", "less", "less_equal", "not_equal",
]  # fmt: skip
TENSORS_ONLY = [
    "maximum", "minimum", "fmax", "fmin", "hypot", "atan2", "logaddexp", "logaddexp2", "logical_and", "logical_or",
    "logical_xor", "arctan2",
]  # fmt: skip
ALPHA = maybe(number((float, int)), 0.4)
ROUNDING = maybe(usually(one_of(None, "floor", "trunc"), "round"), 0.7)
TOLERANCES = {
    "rtol": maybe(one_of(1e-5, 0.1, 0.0), 0.3),
    "atol": maybe(one_of(1e-8, 0.5, 0.0), 0.3),
    "equal_nan": maybe(flag, 0.3),
}
BOUND = one_of(None, number(), partner("input", ANY), number((float,), -1, 1))


def power(base: Argument, exponent: Argument, note: str) -> Spec:
    return Spec("pow", {"input": base, "exponent": exponent}, note=note)


SPECS = [
    *map(unary, UNARY),
    Spec("bitwise_not", {"input": tensor(usually_bits := BITS * 5 + ("float64",))}),
    Spec("round", {"input": tensor(MOSTLY_FLOATS, low=-30, high=30), "decimals": maybe(integer(-2, 3))}, ("decimals",)),
    Spec(
        "nan_to_num",
        {"input": tensor(ANY, special=0.4)}
        | {name: maybe(one_of(None, number((float,)))) for name in ("nan", "posinf", "neginf")},
    ),
    *[pair(name) for name in ARITHMETIC],
    *[pair(name, numbers=False) for name in TENSORS_ONLY],
    *[pair(name, alpha=ALPHA) for name in ("add", "sub", "subtract")],
    *[pair(name, rounding_mode=ROUNDING) for name in ("div",)],
    pair("copysign"),
    Spec("xlogy", {"input": one_of(tensor(), tensor(), number()), "other": partner("input", low=0.05, high=3)}),
    Spec("xlogy", {"input": tensor(), "other": number(low=0.1)}, note="number"),
    Spec("heaviside", {"input": tensor(FLOATS), "values": partner("input", FLOATS, same=0.95)}, gradients="none"),
    power(tensor(low=0.1, high=2.5), one_of(partner("input"), number()), "positive base"),
    power(tensor(), one_of(number((int, float)), one_of(0, 1, 2, 3, -1, 0.5, -0.5, 0.0, 2.0)), "any base"),
    power(tensor(), partner("input"), "two tensors"),
    power(number(), tensor(), "number base"),
    *[Spec(f"bitwise_{op}", {"input": tensor(usually_bits), "other": bits_or_number()}) for op in ("and", "or", "xor")],
    *[
        Spec(f"bitwise_{way}_shift", {"input": tensor(INTEGERS), "other": partner("input", INTEGERS, low=0, high=5)})
        for way in ("left", "right")
    ],
    Spec("polygamma", {"n": usually(integer(0, 3), -1), "input": tensor(MOSTLY_FLOATS, low=0.1, high=5)}, method=False),
    *[Spec(op, {"input": tensor(), "other": partner("input"), **TOLERANCES}) for op in ("isclose", "allclose")],
    Spec("isclose", {"input": tensor(), "other": like("input"), **TOLERANCES}, note="same shape"),
    Spec("equal", {"input": tensor(), "other": one_of(partner("input"), like("input"))}),
    Spec("equal", {"input": tensor(BITS, low=0, high=0), "other": like("input", low=0, high=0)}, note="often equal"),
    # --- of three ---------------------------------------------------------------------------------------------------
    Spec("where", {"condition": tensor(("bool",)), "input": partner("condition"), "other": partner("input")}),
    Spec(
        "where",
        {
            "condition": usually(tensor(("bool",)), tensor(ANY)),
            "input": one_of(number(), partner("condition")),
            "other": one_of(number(), partner("condition")),
        },
        method=False,
        note="numbers",
    ),
    Spec(
        "where",
        {"input": tensor(("bool",)), "condition": partner("input", ("bool",)), "other": partner("input")},
        run=lambda library, x, c, y: x.where(c, y),
        note="as a method",
    ),
    Spec("where", {"condition": tensor()}, note="indices", method=False),
    *[
        Spec(name, {"input": tensor(), "min": maybe(BOUND, 0.8), "max": maybe(BOUND, 0.8)})
        for name in ("clamp", "clip")
    ],
    Spec("clamp_min", {"input": tensor(), "min": one_of(number(), partner("input"))}),
    Spec("clamp_max", {"input": tensor(), "max": one_of(number(), partner("input"))}),
    Spec(
        "lerp",
        {
            "input": tensor(MOSTLY_FLOATS),
            "end": partner("input", MOSTLY_FLOATS, same=0.95),
            "weight": one_of(number((float,)), partner("input", MOSTLY_FLOATS, same=0.95)),
        },
    ),
    *[
        Spec(
            name,
            {
                "input": tensor(NUMBERS),
                "tensor1": partner("input", NUMBERS, same=0.85),
                "tensor2": partner("input", NUMBERS, same=0.85),
                "value": maybe(number((float, int))),
            },
            ("value",),
        )
        for name in ("addcmul", "addcdiv")
    ],
]

# --- operators ------------------------------------------------------------------------------------------------------


def applied(op: Callable) -> Callable:
    return lambda library, *operands: op(*operands)


def operator_specs(name: str, op: Callable, dtypes: tuple = ANY, kinds: tuple = (float, int, bool)) -> list[Spec]:
    left: dict[str, Any] = {"left": tensor(dtypes), "right": one_of(partner("left", dtypes), number(kinds))}
    right: dict[str, Any] = {"left": number(kinds), "right": tensor(dtypes)}
    return [
        Spec(f"operator {name}", left, run=applied(op)),
        Spec(f"operator {name}", right, run=applied(op), note="number first"),
    ]


OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
for _name, _op in OPERATORS.items():
    SPECS += operator_specs(_name, _op)
for _name, _op in {"&": operator.and_, "|": operator.or_, "^": operator.xor}.items():
    SPECS += operator_specs(_name, _op, BITS * 5 + ("float64",), (int, bool))
SPECS += [
    Spec(
        "operator **", {"left": tensor(low=0.1), "right": one_of(partner("left"), number())}, run=applied(operator.pow)
    ),
    Spec("operator **", {"left": number(low=0.1), "right": tensor()}, run=applied(operator.pow), note="number first"),
    Spec("operator -x", {"x": tensor()}, run=applied(operator.neg)),
    Spec("operator +x", {"x": tensor()}, run=applied(operator.pos)),
    Spec("operator ~", {"x": tensor(BITS * 5 + ("float64",))}, run=applied(operator.invert)),
    Spec("operator abs", {"x": tensor()}, run=applied(abs)),
    Spec("operator bool", {"x": tensor(ndims=(0, 1))}, run=applied(bool)),
    Spec("operator float", {"x": tensor(ndims=(0, 1))}, run=applied(float)),
    Spec("operator int", {"x": tensor(ndims=(0, 1), special=0)}, run=applied(lambda x: int(x * math.pi))),
    Spec("operator len", {"x": tensor()}, run=applied(len)),
    Spec("operator iter", {"x": tensor()}, run=applied(list)),
]
