"""Calls that are answered differently on purpose."""

from __future__ import annotations

import math

from .conditions import Deliberate, at_a_pole, booleans, empty, no_dims, no_freedom, not_finite, singular

ANSWERED = [
    Deliberate(
        ("var", "std", "var_mean", "std_mean"),
        "gradient",
        no_freedom,
        "without degrees of freedom the gradient is infinite; PyTorch's signs then depend on how dim is written",
    ),
    Deliberate(
        ("linalg.det", "det"),
        "gradient",
        singular,
        "the gradient of det is the adjugate, at a singular matrix too; PyTorch divides by pivots that are 0",
    ),
    Deliberate(
        ("linalg.slogdet", "slogdet", "logdet"),
        "backward fails",
        singular,
        "log|det| of a singular matrix has no slope: an error; PyTorch gives what its solver makes of it",
    ),
    Deliberate(
        ("addmm", "addmv", "addbmm", "baddbmm", "addr"),
        "dtype",
        lambda call: any(isinstance(v, float) for v in call.kwargs.values()),
        "a real factor of whole numbers gives real numbers; PyTorch cuts the factor down to a whole number",
    ),
    Deliberate(
        ("polygamma",),
        "value",
        at_a_pole,
        "a pole is inf; PyTorch's is a large number, as far as its sine of a multiple of π is from 0",
    ),
    Deliberate(
        ("operator **", "pow"),
        "gradient",
        booleans,
        "x ** False is x ** 0, with gradient 0 at 0 too; PyTorch gives NaN",
    ),
    Deliberate(
        ("setitem", "method fill_", "method copy_"),
        "requires_grad",
        lambda call: call.arrays[0].dtype.kind != "f",
        "whole numbers carry no gradient, also where a real number was written into them",
    ),
    Deliberate(
        ("var_mean", "std_mean"),
        "value",
        not_finite,
        "the mean of numbers with an infinite one is infinite, as mean() says; PyTorch's var_mean says NaN",
    ),
    Deliberate(
        ("bincount",),
        "dtype",
        empty,
        "weights decide the dtype, also where there is nothing to weigh",
    ),
    Deliberate(
        ("polygamma",),
        "value",
        lambda call: bool((call.arrays[-1].values == -math.inf).any()),
        "between ever more poles there is no limit at -inf: NaN; PyTorch gives -inf for even n",
    ),
    Deliberate(
        ("addmv",),
        "shape",
        empty,
        "a 0-d input broadcasts to a product over no elements too; PyTorch then returns it as it is",
    ),
    Deliberate(
        ("addcmul",),
        "gradient",
        lambda call: any(a.dtype.kind != "f" for a in call.arrays) and isinstance(call.kwargs.get("value"), float),
        "PyTorch multiplies the whole numbers by the factor in float32, and loses nine digits",
    ),
    Deliberate(
        ("digamma", "polygamma"),
        "gradient",
        at_a_pole,
        "the slope at a pole is infinite; PyTorch's is a large number, as far as its sine of a multiple of π is from 0",
    ),
    Deliberate(
        ("var", "std", "var_mean", "std_mean"),
        "gradient",
        no_dims,
        "dim=() means all dimensions; PyTorch's value agrees, but its gradient has the degrees of freedom of 1 element",
    ),
    Deliberate(
        ("linalg.svd",),
        "backward fails",
        lambda call: call.arrays[0].shape[-1] != call.arrays[0].shape[-2],
        "the last singular vectors of a matrix that is not square are arbitrary: an error; PyTorch ignores them",
    ),
    Deliberate(
        ("addmv",),
        "shape",
        empty,
        "the shape is that of the product; PyTorch forgets to broadcast to a product of nothing",
    ),
    Deliberate(
        ("scatter_reduce",),
        "gradient",
        lambda call: call.arguments.get("reduce") == "prod",
        "values of src beside no index have no gradient; PyTorch gives them one where the product leaves input out",
    ),
    Deliberate(
        ("linalg.matrix_norm", "linalg.norm"),
        "requires_grad",
        empty,
        "the norm of nothing has a gradient, of no elements",
    ),
]
