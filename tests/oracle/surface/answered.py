"""Calls that are answered differently on purpose."""

from __future__ import annotations

import math

from .conditions import (
    Deliberate,
    at_a_pole,
    booleans,
    empty,
    no_dims,
    no_freedom,
    not_finite,
    real_factor,
    singular,
)

ANSWERED = [
    Deliberate(
        ("var", "var_mean"),
        ("gradient",),
        no_freedom,
        "without degrees of freedom the gradient is infinite; PyTorch's signs then depend on how `dim` is written",
    ),
    Deliberate(
        ("var", "std", "var_mean", "std_mean"),
        ("gradient",),
        no_dims,
        "`dim=()` means all dimensions; PyTorch's value agrees, its gradient has the degrees of freedom of 1 element",
    ),
    Deliberate(
        ("var_mean", "std_mean"),
        ("value",),
        not_finite,
        "the mean of numbers with an infinite one is infinite, as `mean` says; PyTorch's `var_mean` says NaN",
    ),
    Deliberate(
        ("linalg.det", "det"),
        ("gradient",),
        singular,
        "the gradient of `det` is the adjugate, at a singular matrix too; PyTorch divides by pivots that are 0",
    ),
    Deliberate(
        ("linalg.slogdet", "slogdet", "logdet"),
        ("backward fails",),
        singular,
        "log|det| of a singular matrix has no slope: an error; PyTorch gives what its solver makes of it",
    ),
    Deliberate(
        ("linalg.svd",),
        ("backward fails",),
        lambda call: call.arrays[0].shape[-1] != call.arrays[0].shape[-2],
        "the last singular vectors of a matrix that is not square are arbitrary: an error; PyTorch ignores them",
    ),
    Deliberate(
        ("linalg.matrix_norm",),
        ("requires_grad",),
        empty,
        "the norm of nothing has a gradient, of no elements",
    ),
    Deliberate(
        ("polygamma",),
        ("value",),
        lambda call: bool((call.arrays[-1].values == -math.inf).any()),
        "between ever more poles there is no limit at −inf: NaN; PyTorch gives −inf for even `n`",
    ),
    Deliberate(
        ("polygamma", "digamma"),
        ("value", "gradient"),
        at_a_pole,
        "a pole is infinite; PyTorch's is a large number, as far as its sine of a multiple of π is from 0",
    ),
    Deliberate(
        ("operator **", "pow"),
        ("gradient",),
        booleans,
        "`x ** False` is `x ** 0`, with gradient 0 at 0 too; PyTorch gives NaN",
    ),
    Deliberate(
        ("addcmul",),
        ("gradient",),
        real_factor,
        "PyTorch multiplies whole numbers by the factor in float32, and loses nine digits",
    ),
    Deliberate(
        ("addcdiv",),
        ("gradient",),
        lambda call: bool((call.arrays[-1].values == 0).any()),
        "gradients that add up are added before they are divided by 0: inf, where PyTorch adds inf and -inf",
    ),
    Deliberate(
        ("addmv",),
        ("shape",),
        empty,
        "the shape is that of the product; PyTorch forgets to broadcast to a product of nothing",
    ),
    Deliberate(
        ("scatter_reduce",),
        ("gradient",),
        lambda call: call.arguments.get("reduce") == "prod",
        "values of `src` beside no index have no gradient; PyTorch gives them one where the product leaves `input` out",
    ),
    Deliberate(
        (
            "setitem",
            "method fill_",
            "eq",
            "ne",
            "lt",
            "le",
            "gt",
            "ge",
            "greater",
            "greater_equal",
            "less",
            "less_equal",
            "not_equal",
        ),
        ("requires_grad",),
        lambda call: call.arrays[0].dtype.kind != "f",
        "whole numbers carry no gradient, also where a real number was written into them",
    ),
    Deliberate(
        ("logical_not", "logical_and", "logical_or", "logical_xor"),
        ("gradient",),
        lambda call: call.spec.name.endswith("_"),
        "in place, what was overwritten with truth values has the gradient 0; PyTorch passes the gradient on to it",
    ),
    Deliberate(
        ("unique_consecutive",),
        ("shape", "result"),
        lambda call: call.form == "function" and len(call.args) > 1,
        "`return_inverse` may be given by position; PyTorch's function, not its method, then returns an empty tensor",
    ),
]
