"""The registry of kinks: where a function has no derivative, or a formula for it breaks, and which gradient is used.

``python -m tests.autograd.kinks`` writes docs/kinks.md from these rows; ``test_kinks.py`` runs every one of them, and
``tests/oracle/test_kinks.py`` runs them in PyTorch.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import autograd
import nn.functional

inf, nan = math.inf, math.nan
PATH = Path(__file__).parent.parent.parent / "docs" / "kinks.md"


class Kink(NamedTuple):
    """One point: the gradient of the sum of ``call`` there, in float64.

    op : the primitive whose rule decides, or the function that is composed of several
    call : an expression in x (and y), with the functions of autograd and F = nn.functional
    at : the value of x, or a tuple of the values of x and y
    gradient : with respect to x, or a tuple for x and y
    reason : why this one
    peer : what PyTorch does, where it does something else
    """

    op: str
    call: str
    at: Any
    gradient: Any
    reason: str
    peer: str = ""


LEAST = "the subgradient of least norm"
EVEN = "ties share: the subgradient of least norm"
FIRST = "one position is returned, and it takes everything: the gradients of ties sum to 1"
CONSTANT = "constant on both sides of the jump"
LIMIT = "the limit of the slope"

KINKS = [
    # pieces
    Kink("relu", "relu(x)", 0.0, 0.0, LEAST),
    Kink("relu", "relu(x)", nan, 1.0, "NaN is not below 0, and goes through"),
    Kink("leaky_relu", "F.leaky_relu(x, 0.1)", 0.0, 0.1, "the slope of the negative side, as everywhere up to 0"),
    Kink("elu", "F.elu(x, 0.5)", 0.0, 0.5, "the slope of the negative side, as everywhere up to 0"),
    Kink("abs", "abs(x)", 0.0, 0.0, LEAST),
    Kink("clamp", "clamp(x, min=0.0)", 0.0, 1.0, "at a bound the value is still the input's"),
    Kink("clamp", "clamp(x, -1.0, 1.0)", 1.0, 1.0, "at a bound the value is still the input's"),
    Kink("clamp", "clamp(x, -1.0, 1.0)", -1.0, 1.0, "at a bound the value is still the input's"),
    Kink("maximum", "maximum(x, y)", (2.0, 2.0), (0.5, 0.5), EVEN),
    Kink("minimum", "minimum(x, y)", (2.0, 2.0), (0.5, 0.5), EVEN),
    Kink("fmax", "fmax(x, y)", (2.0, 2.0), (1.0, 0.0), "the first of equal values is taken"),
    Kink("fmin", "fmin(x, y)", (2.0, 2.0), (1.0, 0.0), "the first of equal values is taken"),
    Kink("fmax", "fmax(x, y)", (nan, 2.0), (0.0, 1.0), "NaN is passed over, and so is its gradient"),
    Kink("where", "where(x > 0, x, 0.0)", 0.0, 0.0, "the side that is taken; the condition has no slope"),
    Kink("where", "where(x > 0, x, 0.0 * x) * inf", -1.0, nan, "0 · inf arrives at the side that is taken"),
    Kink("floor", "floor(x)", 1.0, 0.0, CONSTANT),
    Kink("ceil", "ceil(x)", 1.0, 0.0, CONSTANT),
    Kink("round", "round(x)", 0.5, 0.0, CONSTANT),
    Kink("trunc", "trunc(x)", 1.0, 0.0, CONSTANT),
    Kink("sign", "sign(x)", 0.0, 0.0, CONSTANT),
    Kink("frac", "frac(x)", 1.0, 1.0, "the slope on both sides of the jump"),
    Kink("copysign", "copysign(x, y)", (0.0, 1.0), (0.0, 0.0), "±|x|, with the slope of |x| at 0"),
    Kink("floor_divide", "floor_divide(x, y)", (4.0, 2.0), (0.0, 0.0), CONSTANT, "it has no derivative"),
    Kink("trunc_divide", "div(x, y, rounding_mode='trunc')", (4.0, 2.0), (0.0, 0.0), CONSTANT),
    Kink("remainder", "remainder(x, y)", (4.0, 2.0), (1.0, -2.0), "x − y·⌊x/y⌋ with the quotient of the value"),
    Kink("fmod", "fmod(x, y)", (4.0, 2.0), (1.0, -2.0), "x − y·trunc(x/y) with the quotient of the value"),
    Kink("nan_to_num", "nan_to_num(x)", [nan, inf, 1.0], [0.0, 0.0, 1.0], "what was replaced is a constant"),
    # powers, roots, logarithms
    Kink("sqrt", "sqrt(x)", 0.0, inf, LIMIT),
    Kink("sqrt", "0 * sqrt(x)", 0.0, nan, "0 · inf; where(x > 0, ...) with functions avoids it"),
    Kink("rsqrt", "rsqrt(x)", 0.0, -inf, LIMIT),
    Kink("log", "log(x)", 0.0, inf, LIMIT),
    Kink("pow", "x ** 0", 0.0, 0.0, "x⁰ is 1 everywhere"),
    Kink("pow", "x ** 0.5", 0.0, inf, LIMIT),
    Kink("pow", "x ** -1", 0.0, -inf, LIMIT),
    Kink("pow", "pow(x, y)", (0.0, 2.0), (0.0, 0.0), "0ʸ is 0 for y ≥ 0, and constant"),
    Kink("pow", "pow(x, y)", (0.0, -1.0), (-inf, -inf), LIMIT),
    Kink("pow", "pow(x, y)", (-2.0, 2.0), (-4.0, nan), "(−2)ʸ is no real function of y"),
    Kink("xlogy", "xlogy(x, y)", (0.0, 0.0), (0.0, nan), "0 · log 0 counts as 0; its slope in y is 0/0"),
    Kink("hypot", "hypot(x, y)", (0.0, 0.0), (nan, nan), "0/0: any direction would do"),
    Kink("atan2", "atan2(x, y)", (0.0, 0.0), (0.0, 0.0), "no direction is preferred"),
    Kink("asin", "asin(x)", 1.0, inf, LIMIT),
    Kink("acos", "acos(x)", 1.0, -inf, LIMIT),
    Kink("acosh", "acosh(x)", 1.0, inf, LIMIT),
    Kink("atanh", "atanh(x)", 1.0, inf, LIMIT),
    Kink("lgamma", "lgamma(x)", 0.0, -inf, LIMIT),
    Kink("lgamma", "lgamma(x)", -1.0, nan, "±inf from the two sides of a pole"),
    Kink("digamma", "digamma(x)", -1.0, inf, LIMIT, "a large number, as far as its sin(πx) is from 0"),
    Kink("softplus", "F.softplus(x)", 25.0, 1.0, "above the threshold 20 it is the identity"),
    # extremes, sorting
    Kink("max_of_all", "max(x)", [2.0, 2.0, 1.0], [0.5, 0.5, 0.0], EVEN),
    Kink("min_of_all", "min(x)", [2.0, 1.0, 1.0], [0.0, 0.5, 0.5], EVEN),
    Kink("max_of_all", "max(x)", [1.0, nan, 3.0], [0.0, 1.0, 0.0], "NaN wins, and takes the gradient"),
    Kink("amax", "amax(x, 0)", [2.0, 2.0, 1.0], [0.5, 0.5, 0.0], EVEN),
    Kink("amin", "amin(x, 0)", [2.0, 1.0, 1.0], [0.0, 0.5, 0.5], EVEN),
    Kink("max", "max(x, 0).values", [2.0, 2.0, 1.0], [1.0, 0.0, 0.0], FIRST),
    Kink("min", "min(x, 0).values", [2.0, 1.0, 1.0], [0.0, 1.0, 0.0], FIRST),
    Kink("max", "max(x, 0).values", [1.0, nan, 3.0], [0.0, 1.0, 0.0], "NaN wins, and takes the gradient"),
    Kink("median", "median(x)", [2.0, 1.0, 2.0], [0.5, 0.0, 0.5], EVEN),
    Kink("median", "median(x)", [4.0, 1.0, 3.0, 2.0], [0.0, 0.0, 0.0, 1.0], "of an even number the lower one"),
    Kink("cummax", "cummax(x, 0).values", [2.0, 2.0, 1.0], [1.0, 2.0, 0.0], "the last of equal values is taken"),
    Kink("extreme_at", "zeros(2, dtype=float64).scatter_reduce(0, tensor([0, 0]), x, 'amax')", [2.0, 2.0], [0.5, 0.5],
         EVEN),
    Kink("max_pool2d", "F.max_pool2d(x, 2)", [[[[1.0, 1.0], [1.0, 0.0]]]], [[[[1.0, 0.0], [0.0, 0.0]]]], FIRST),
    # sums
    Kink("prod", "prod(x)", [0.0, 2.0, 3.0], [6.0, 0.0, 0.0], "the product of the others, not result / x"),
    Kink("prod", "prod(x)", [0.0, 0.0, 3.0], [0.0, 0.0, 0.0], "the product of the others, not result / x"),
    Kink("cumprod", "cumprod(x, 0)", [2.0, 0.0, 3.0], [1.0, 8.0, 0.0], "the products of the others, not result / x"),
    Kink("norm", "linalg.vector_norm(x, 1)", [0.0, 0.0], [0.0, 0.0], LEAST),
    Kink("norm", "linalg.vector_norm(x)", [0.0, 0.0], [0.0, 0.0], LEAST),
    Kink("norm", "linalg.vector_norm(x, 3)", [0.0, 0.0], [0.0, 0.0], LEAST),
    Kink("norm", "linalg.vector_norm(x, inf)", [3.0, -3.0, 1.0], [0.5, -0.5, 0.0], EVEN),
    Kink("std", "std(x)", [2.0, 2.0, 2.0], [0.0, 0.0, 0.0], LEAST),
    Kink("std", "std(x)", [2.0], [nan], "0/0: one value has no spread to estimate"),
    Kink("std", "std(x, unbiased=False)", [2.0], [0.0], LEAST),
    Kink("logsumexp", "logsumexp(x, 0)", [-inf, -inf], [nan, nan], "0/0: no element is the largest"),
    # losses
    Kink("bounded_log", "F.binary_cross_entropy(x, 1.0 + 0.0 * x.detach())", 0.0, -1e12,
         "the logarithm is bounded at −100, the denominator of its slope at 1e−12"),
    Kink("bce_losses", "F.binary_cross_entropy(x, 0.0 * x.detach())", 1.0, 1e12,
         "the logarithm is bounded at −100, the denominator of its slope at 1e−12"),
    Kink("bce_with_logits_losses", "F.binary_cross_entropy_with_logits(x, 1.0 + 0.0 * x.detach())", 0.0, -0.5,
         "σ(x) − target; relu(x) − x·target + log1p(exp(−|x|)) by parts would give −1"),
    Kink("smooth_l1_loss", "F.smooth_l1_loss(x, 0.0 * x.detach())", 1.0, 1.0, "both pieces have this slope"),
    Kink("abs", "F.l1_loss(x, 0.0 * x.detach())", 0.0, 0.0, LEAST),
    # matrices
    Kink("eigh", "linalg.eigvalsh(x)", [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]],
         "the sum of equal eigenvalues has a slope; their vectors have none"),
    Kink("svd", "linalg.svdvals(x)", [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]],
         "the sum of equal singular values has a slope; their vectors have none"),
]  # fmt: skip

UNTESTED = {
    "batch_norm": "of relu, which it takes over (tests/autograd/kernels/test_norm.py has the same bits at 0)",
    "batch_norm_with": "of relu, which it takes over (tests/autograd/kernels/test_norm.py has the same bits at 0)",
    "pinv": "jumps where the rank changes, to no number that could be named",
    "slogdet": "a singular matrix is refused in the backward pass (tests/autograd/test_linalg.py)",
}


def points(kink: Kink) -> tuple:
    """The values of x and, where there is one, y."""
    return kink.at if isinstance(kink.at, tuple) else (kink.at,)


def expected(kink: Kink) -> tuple:
    return kink.gradient if isinstance(kink.gradient, tuple) else (kink.gradient,)


def gradients(kink: Kink, library: Any = autograd, functional: Any = nn.functional) -> list[Any]:
    """What a library gives at this point."""
    tensors = [library.tensor(np.asarray(v, np.float64), requires_grad=True) for v in points(kink)]
    names = {**vars(library), "F": functional, "inf": inf, "nan": nan, **dict(zip("xy", tensors))}
    eval(kink.call, names).sum().backward()
    return [t.grad.tolist() for t in tensors]


HEAD = """\
# Kinks

Made by `python -m tests.autograd.kinks` from the rows that the tests run (`tests/autograd/kinks.py`); do not edit.

Where a function has no derivative, or a formula for it breaks, a gradient is chosen. These are the choices: the
gradient of the (summed) call at the point, and the reason. They are PyTorch's, unless a row says otherwise.
`F` is `nn.functional`; two numbers belong to `x` and `y`.

| op | call | at | gradient | why |
|---|---|---|---|---|
"""


def _text(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return text.replace(".0", "").replace("-", "−").replace("000000000000", "e12")


def document() -> str:
    lines = []
    for kink in KINKS:
        reason = f"{kink.reason} (PyTorch: {kink.peer})" if kink.peer else kink.reason
        cells = f"`{kink.op}`", f"`{kink.call}`", _text(kink.at), _text(kink.gradient), reason
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PATH.write_text(document())
    print(f"wrote docs/{PATH.name}")
