"""Calls that PyTorch accepts and that are refused here on purpose."""

from __future__ import annotations

from .conditions import Deliberate, booleans, empty

KIND = "refuses what PyTorch accepts"

REFUSED = [
    Deliberate(
        ("pow", "operator **", "method pow_"),
        KIND,
        lambda call: all(getattr(v, "dtype", None) != "float64" and not isinstance(v, float) for v in call.args),
        "whole numbers to negative powers are no whole numbers, and booleans have no powers: refused, not 0",
    ),
    Deliberate(
        ("softmax", "log_softmax", "matmul", "operator @", "linalg.matmul", "dot", "mm", "bmm", "mv"),
        KIND,
        empty,
        "a dtype that is refused is refused for a tensor without elements too",
    ),
    Deliberate(
        ("fmod", "remainder", "floor_divide", "div", "operator //", "operator %"),
        KIND,
        empty,
        "a divisor 0 among whole numbers is refused beside a tensor without elements too",
    ),
    Deliberate(
        ("clamp", "clip", "clamp_min", "clamp_max"),
        KIND,
        booleans,
        "booleans have no order to be clamped in; PyTorch refuses numbers as their bounds, but not tensors",
    ),
    Deliberate(
        ("addcmul",),
        KIND,
        lambda call: isinstance(call.kwargs.get("value"), float) and all(a.dtype.kind != "f" for a in call.arrays),
        "a real factor of whole numbers is refused; PyTorch cuts it down to a whole number",
    ),
    Deliberate(
        ("index_add",),
        KIND,
        lambda call: isinstance(call.kwargs.get("alpha"), float) and call.arrays[0].dtype.kind != "f",
        "a real factor of whole numbers is refused; PyTorch cuts it down to a whole number",
    ),
    Deliberate(
        (
            "cummax",
            "cummin",
            "bernoulli",
            "method normal_",
            "linalg.eigh",
            "linalg.eigvalsh",
            "inner",
            "linalg.vecdot",
            "linalg.cond",
            "median",
            "nanmedian",
            "index_reduce",
            "nn.functional.pad",
        ),
        KIND,
        empty,
        "what is refused is refused for a tensor without elements too",
    ),
    Deliberate(
        ("linspace",),
        KIND,
        lambda call: "dtype" in call.kwargs and call.kwargs["dtype"].name == "bool",
        "booleans do not count; PyTorch refuses them unless there is nothing to count",
    ),
    Deliberate(
        ("adjoint",),
        KIND,
        lambda call: call.arrays[0].ndim == 0,
        "a number is no matrix; PyTorch accepts it with a warning that this goes away",
    ),
    Deliberate(
        ("property mT",),
        KIND,
        lambda call: call.arrays[0].ndim == 0,
        "a number is no matrix; PyTorch accepts it with a warning that this goes away",
    ),
    Deliberate(
        ("repeat", "tile", "expand", "broadcast_to"),
        KIND,
        empty,
        "a negative size is refused for a tensor without elements too",
    ),
    Deliberate(
        ("cat", "concat", "concatenate", "roll", "cumsum", "cumprod"),
        KIND,
        empty,
        "a dim out of range is refused for a tensor without elements too",
    ),
    Deliberate(
        ("scatter_add", "scatter", "scatter_reduce", "gather", "index_copy", "index_add", "index_fill"),
        KIND,
        empty,
        "an index that does not fit is refused also when it holds no element",
    ),
    Deliberate(
        ("linalg.eigh", "linalg.eigvalsh", "linalg.solve_triangular", "index_reduce", "inner", "index_add"),
        KIND,
        lambda call: any(a.dtype.kind != "f" for a in call.arrays) or len({a.dtype for a in call.arrays}) > 1,
        "a dtype without an answer is refused always; PyTorch refuses it where its kernel for many numbers runs",
    ),
    Deliberate(
        ("linspace",),
        KIND,
        lambda call: call.kwargs.get("dtype") is not None,
        "booleans do not count; PyTorch refuses them from the second step on",
    ),
    Deliberate(
        ("nn.functional.pad",),
        KIND,
        lambda call: call.arguments.get("mode") == "circular",
        "nothing is left to go round after cutting; PyTorch hands out memory that nobody wrote",
    ),
]
