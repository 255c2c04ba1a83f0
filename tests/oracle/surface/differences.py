"""What differs from PyTorch on purpose. Every entry has a reason, and a test that generated calls still meet it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from .spec import Call
from .values import Array

REFUSES = "accepts what PyTorch refuses"
ACCEPTS = "refuses what PyTorch accepts"


class Deliberate(NamedTuple):
    """A difference on purpose: of which functions, of which kind, for which calls, and why."""

    functions: tuple[str, ...]
    kind: str
    when: Callable[[Call], bool]
    reason: str


def _no_dims(call: Call) -> bool:
    return call.arguments.get("dim") in ((), []) and "dim" in call.arguments


def _no_freedom(call: Call) -> bool:
    """No degrees of freedom are left: ``correction`` is at least the number of elements."""
    x, dim = call.arrays[0], call.arguments.get("dim")
    dims = range(x.ndim) if dim is None or dim in ((), []) else dim if isinstance(dim, (tuple, list)) else (dim,)
    return call.arguments.get("correction", 1) >= math.prod(x.shape[d] for d in dims if x.ndim)


def _mixed_bounds(call: Call) -> bool:
    bounds = [call.arguments.get(name) for name in ("min", "max")]
    return any(isinstance(b, Array) for b in bounds) and any(isinstance(b, (int, float)) for b in bounds)


def _negative_step(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(p, slice) and p.step is not None and p.step < 0 for p in parts)


def _empty(call: Call) -> bool:
    return any(a.values.size == 0 for a in call.arrays)


def _three_dims(call: Call) -> bool:
    dim, x = call.arguments.get("dim"), call.arrays[0]
    count = len(dim) if isinstance(dim, (tuple, list)) else 1
    return (count or x.ndim) not in (1, 2)


def _singular(call: Call) -> bool:
    x = call.arrays[0].values
    return bool((x == 1.0).all(axis=(-1, -2)).any())


def _at_a_pole(call: Call) -> bool:
    x = call.arrays[-1].values
    return bool(((x <= 0) & (x == x.round())).any())


DELIBERATE: list[Deliberate] = [
    Deliberate(
        ("var", "std", "var_mean", "std_mean"),
        "gradient",
        _no_freedom,
        "without degrees of freedom the gradient is infinite; PyTorch's signs then depend on how dim is written",
    ),
    Deliberate(
        ("linalg.det", "det"),
        "gradient",
        _singular,
        "the gradient of det is the adjugate, at a singular matrix too; PyTorch divides by pivots that are 0",
    ),
    Deliberate(
        ("linalg.slogdet", "slogdet", "logdet"),
        "backward fails",
        _singular,
        "log|det| of a singular matrix has no slope: an error; PyTorch gives what its solver makes of it",
    ),
    Deliberate(
        ("addmm", "addmv", "addbmm", "baddbmm", "addr", "addcmul"),
        "dtype",
        lambda call: any(isinstance(v, float) for v in call.kwargs.values()),
        "a real factor of whole numbers gives real numbers; PyTorch cuts the factor down to a whole number",
    ),
    Deliberate(
        ("pow", "operator **", "method pow_"),
        ACCEPTS,
        lambda call: all(getattr(v, "dtype", None) != "float64" and not isinstance(v, float) for v in call.args),
        "whole numbers to negative powers are no whole numbers, and booleans have no powers: refused, not 0",
    ),
    Deliberate(
        ("softmax", "log_softmax", "matmul", "operator @", "linalg.matmul", "dot", "mm", "bmm", "mv"),
        ACCEPTS,
        _empty,
        "a dtype that is refused is refused for a tensor without elements too",
    ),
    Deliberate(
        ("fmod", "remainder", "floor_divide", "div", "operator //", "operator %"),
        ACCEPTS,
        _empty,
        "a divisor 0 among whole numbers is refused beside a tensor without elements too",
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
        _empty,
        "a 0-d input broadcasts to a product over no elements too; PyTorch then returns it as it is",
    ),
    Deliberate(
        ("flip",),
        REFUSES,
        lambda call: isinstance(call.arguments.get("dims"), int),
        "a single dimension may be given as a number, as x.flip(0) may in PyTorch",
    ),
    Deliberate(
        ("kron",),
        REFUSES,
        lambda call: any(a.layout in ("F", "step 2") for a in call.arrays),
        "tensors in any order of memory: PyTorch flattens them with view(), which fails if they are not contiguous",
    ),
    Deliberate(
        ("addcmul",),
        "gradient",
        lambda call: any(a.dtype.kind != "f" for a in call.arrays) and isinstance(call.kwargs.get("value"), float),
        "PyTorch multiplies the whole numbers by the factor in float32, and loses nine digits",
    ),
    Deliberate(
        ("xlogy",),
        REFUSES,
        lambda call: not call.args,
        "a number may be given by name: PyTorch has the overload for numbers, but by position only",
    ),
    Deliberate(
        ("digamma", "polygamma"),
        "gradient",
        _at_a_pole,
        "the slope at a pole is infinite; PyTorch's is a large number, as far as its sine of a multiple of π is from 0",
    ),
    Deliberate(
        ("var", "std", "var_mean", "std_mean"),
        "gradient",
        _no_dims,
        "dim=() means all dimensions; PyTorch's value agrees, but its gradient has the degrees of freedom of 1 element",
    ),
    Deliberate(
        ("clamp", "clip", "method clamp_"),
        REFUSES,
        _mixed_bounds,
        "one bound may be a number and the other a tensor: there is only one meaning",
    ),
    Deliberate(
        ("where",),
        REFUSES,
        lambda call: {"input", "other"} & set(call.kwargs) != set(),
        "numbers may be given by name: PyTorch has the overload for numbers, but by position only",
    ),
    Deliberate(
        ("sum", "mean"),
        REFUSES,
        lambda call: (
            "keepdim" in call.kwargs and "dim" not in call.arguments and call.kwargs["keepdim"] in (True, False)
        ),
        "keepdim without dim keeps all dimensions, as PyTorch's amax, any and var do",
    ),
    Deliberate(
        ("getitem", "setitem"),
        REFUSES,
        lambda call: _negative_step(call.args[1]),
        "slices with a negative step mean what they mean in NumPy",
    ),
    Deliberate(
        ("norm",),
        REFUSES,
        _three_dims,
        "the Frobenius norm of more than two dimensions is the root of the sum of squares, not an error",
    ),
    Deliberate(
        ("property mT",),
        ACCEPTS,
        lambda call: call.arrays[0].ndim == 0,
        "a number is no matrix; PyTorch accepts it with a warning that this goes away",
    ),
    Deliberate(
        ("nn.functional.pad",),
        REFUSES,
        lambda call: call.arguments.get("mode") in ("reflect", "replicate", "circular"),
        "borders are padded in any number of dimensions; PyTorch has kernels for the last one to three of images only",
    ),
    Deliberate(
        ("repeat", "tile", "expand", "broadcast_to"),
        ACCEPTS,
        _empty,
        "a negative size is refused for a tensor without elements too",
    ),
    Deliberate(
        ("cat", "concat", "concatenate", "roll", "cumsum", "cumprod"),
        ACCEPTS,
        _empty,
        "a dim out of range is refused for a tensor without elements too",
    ),
    Deliberate(
        ("scatter_add", "scatter", "scatter_reduce", "gather", "index_copy", "index_add", "index_fill"),
        ACCEPTS,
        _empty,
        "an index that does not fit is refused also when it holds no element",
    ),
    Deliberate(
        ("take_along_dim", "kron"),
        REFUSES,
        lambda call: any(a.layout != "C" for a in call.arrays),
        "tensors in any order of memory: PyTorch flattens them with view(), which fails if they are not contiguous",
    ),
    Deliberate(
        ("index_copy", "index_fill", "put", "take", "take_along_dim", "index_reduce", "index_add"),
        REFUSES,
        lambda call: any(a.dtype.kind in "iu" and a.dtype != "int64" for a in call.arrays),
        "an index may have any integer dtype",
    ),
    Deliberate(
        ("flip",),
        REFUSES,
        lambda call: any(isinstance(v, int) for v in (*call.args[1:], *call.kwargs.values())),
        "dimensions one by one are taken by the function as by the method",
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
        _empty,
        "the shape is that of the product; PyTorch forgets to broadcast to a product of nothing",
    ),
    Deliberate(
        ("scatter_reduce",),
        "gradient",
        lambda call: call.arguments.get("reduce") == "prod",
        "values of src beside no index have no gradient; PyTorch gives them one where the product leaves input out",
    ),
    Deliberate(
        ("index_put",),
        REFUSES,
        lambda call: call.arrays[0].ndim == 0,
        "a 0-d mask picks a number, as it does in reading",
    ),
    Deliberate(
        ("linalg.eigh", "linalg.eigvalsh", "linalg.solve_triangular", "index_reduce", "inner", "index_add"),
        ACCEPTS,
        lambda call: any(a.dtype.kind != "f" for a in call.arrays) or len({a.dtype for a in call.arrays}) > 1,
        "a dtype without an answer is refused always; PyTorch refuses it where its kernel for many numbers runs",
    ),
    Deliberate(
        ("linalg.matrix_norm", "linalg.norm"),
        "requires_grad",
        _empty,
        "the norm of nothing has a gradient, of no elements",
    ),
    Deliberate(
        ("dot", "vdot"),
        REFUSES,
        _empty,
        "the product of two empty vectors of any dtype is 0",
    ),
    Deliberate(
        ("linspace",),
        ACCEPTS,
        lambda call: call.kwargs.get("dtype") is not None,
        "booleans do not count; PyTorch refuses them from the second step on",
    ),
    Deliberate(
        ("nn.functional.pad",),
        ACCEPTS,
        lambda call: call.arguments.get("mode") == "circular",
        "nothing is left to go round after cutting; PyTorch hands out memory that nobody wrote",
    ),
]


def documented(call: Call, kind: str) -> str | None:
    """The reason for a difference, if it is one on purpose."""
    for entry in DELIBERATE:
        if call.spec.name in entry.functions and kind == entry.kind and entry.when(call):
            return entry.reason
    return None
