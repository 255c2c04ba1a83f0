"""Elementwise ops as expressions of one element, for generated kernels: NumPy's arithmetic, operation by operation.

Each entry takes the texts of the inputs, a way to write a constant in the dtype of the result, and the settings; it
gives the text of the result, or ``None`` where there is no expression for these inputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Number = Callable[[float], str]


def _infix(sign: str) -> Callable:
    return lambda args, number, settings: f"{args[0]} {sign} {args[1]}"


def _of_one(text: str) -> Callable:
    return lambda args, number, settings: text.format(args[0])


def _relu(args: list[str], number: Number, settings: dict) -> str:
    return f"{number(0)} if {args[0]} <= {number(0)} else {args[0]}"


def _leaky_relu(args: list[str], number: Number, settings: dict) -> str:
    return f"{args[0]} if {args[0]} > {number(0)} else {args[0]} * {number(settings['negative_slope'])}"


def _elu(args: list[str], number: Number, settings: dict) -> str:
    x = args[0]
    return f"{x} if {x} > {number(0)} else {number(settings['alpha'])} * exponential_less_1({x})"


def _gelu(args: list[str], number: Number, settings: dict) -> str:
    x = args[0]
    z = f"({x} * {number(math.sqrt(0.5))})"
    return f"{x} * {number(0.5)} * ({number(1)} + error_function({z}, exponential(-{z} * {z})))"


def _keep(args: list[str], number: Number, settings: dict) -> str:
    return f"{args[0]} if {args[1]} else {number(0)}"


def _where(args: list[str], number: Number, settings: dict) -> str:
    return f"{args[1]} if {args[0]} else {args[2]}"


def _larger(sign: str) -> Callable:
    # NaN if either is: of the first by its test, of the second because it compares with nothing
    return lambda args, number, settings: "{0} if ({0} {2} {1}) | ({0} != {0}) else {1}".format(*args, sign)


def _clamp(args: list[str], number: Number, settings: dict) -> str | None:
    x, low, high = args
    if low == "None":
        return f"{high} if {x} > {high} else {x}"
    if high == "None":
        return f"{low} if {x} < {low} else {x}"
    return None  # the bounds may cross: an op of its own


def _pow(args: list[str], number: Number, settings: dict) -> str | None:
    forms = {
        "2": "{0} * {0}",
        "3": "{0} * {0} * {0}",
        "0.5": "np.sqrt({0})",
        "-0.5": f"{number(1)} / np.sqrt({{0}})",
        "-1": f"{number(1)} / {{0}}",
    }
    exponent = settings.get("constant exponent")
    form = forms.get(str(int(exponent)) if exponent is not None and exponent == int(exponent) else str(exponent))
    return None if form is None else form.format(args[0])


EXPRESSIONS: dict[str, Callable[[list[str], Number, dict], str | None]] = {
    "add": _infix("+"),
    "sub": _infix("-"),
    "mul": _infix("*"),
    "div": _infix("/"),
    "neg": _of_one("-{0}"),
    "square": _of_one("{0} * {0}"),
    "sqrt": _of_one("np.sqrt({0})"),
    "rsqrt": lambda args, number, settings: f"{number(1)} / np.sqrt({args[0]})",
    "reciprocal": lambda args, number, settings: f"{number(1)} / {args[0]}",
    "pow": _pow,
    "abs": _of_one("np.abs({0})"),
    "exp": _of_one("exponential({0})"),
    "sigmoid": lambda args, number, settings: f"{number(1)} / ({number(1)} + exponential(-{args[0]}))",
    "expm1": _of_one("exponential_less_1({0})"),
    "erf": _of_one("error_function({0}, exponential(-{0} * {0}))"),
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "silu": lambda args, number, settings: f"{args[0]} / ({number(1)} + exponential(-{args[0]}))",
    "gelu": _gelu,
    "keep": _keep,
    "where": _where,
    "maximum": _larger(">="),
    "minimum": _larger("<="),
    "clamp": _clamp,
    "eq": _infix("=="),
    "ne": _infix("!="),
    "lt": _infix("<"),
    "le": _infix("<="),
    "gt": _infix(">"),
    "ge": _infix(">="),
    "bitwise_not": _of_one("not {0}"),
    "logical_not": _of_one("not {0}"),
    "bitwise_and": _infix("&"),
    "bitwise_or": _infix("|"),
    "isnan": _of_one("{0} != {0}"),
    "clone": _of_one("{0}"),
}
_OF_BOOLEANS = {"bitwise_not", "logical_not", "bitwise_and", "bitwise_or"}


def expression(instruction: Any, text_of: Callable[[Any, Any], str]) -> str | None:
    """The expression of an instruction, ``text_of(arg, dtype)`` being its inputs; ``None`` where there is none."""
    op = instruction.op
    if op is None or not op.__module__.startswith("autograd.") or op.name not in EXPRESSIONS or instruction.several:
        return None
    values = [x for x in instruction.args if hasattr(x, "dtype")]
    if any(hasattr(x, "dtype") for x in instruction.settings.values()):
        return None
    out = instruction.outputs[0].dtype
    kinds = {x.dtype for x in values if x.dtype.kind != "b"}
    if len(kinds) > 1 or any(d.str not in ("<f4", "<f8") for d in kinds):
        return None
    inside = next(iter(kinds), None)
    if out.kind == "b":
        if op.name in _OF_BOOLEANS and inside is not None:
            return None
        dtype = inside
    elif out.str in ("<f4", "<f8") and (inside is None or inside == out):
        dtype = out
    else:
        return None
    masks = {"keep": (1,), "where": (0,)}.get(op.name, ())
    for i, x in enumerate(instruction.args):
        boolean = (hasattr(x, "dtype") and x.dtype.kind == "b") or type(x) is bool
        if boolean != (i in masks or op.name in _OF_BOOLEANS):
            return None
    settings = dict(instruction.settings)
    if op.name == "pow":
        if type(instruction.args[1]) not in (int, float) or instruction.args[1] != instruction.args[1]:
            return None
        settings["constant exponent"] = instruction.args[1]
    args = ["None" if x is None else text_of(x, dtype) for x in instruction.args]
    return EXPRESSIONS[op.name](args, lambda n: text_of(n, dtype), settings)
