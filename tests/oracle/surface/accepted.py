"""Calls that PyTorch refuses and that are accepted here on purpose: each has one meaning only."""

from __future__ import annotations

from .conditions import Deliberate, booleans, empty, mixed_bounds, negative_step, three_dims, whole_result

KIND = "accepts what PyTorch refuses"

ACCEPTED = [
    Deliberate(
        ("sub", "subtract", "operator -", "method sub_"),
        KIND,
        booleans,
        "beside a number a boolean is 0 or 1, in differences as in sums; two booleans have no difference",
        "with a bool tensor is not supported",
    ),
    Deliberate(
        ("operator +x",),
        KIND,
        booleans,
        "+x is x",
    ),
    Deliberate(
        ("pow",),
        KIND,
        lambda call: not call.args or (empty(call) and call.arrays[0].dtype.kind in "bi"),
        "a number may be given by name; nothing to a negative power is nothing",
    ),
    Deliberate(
        ("method pow_",),
        KIND,
        empty,
        "nothing to a negative power is nothing",
    ),
    Deliberate(
        ("round",),
        KIND,
        lambda call: call.arguments.get("decimals") == 0,
        "decimals=0 is the default",
    ),
    Deliberate(
        ("heaviside",),
        KIND,
        lambda call: call.arrays[0].dtype != call.arrays[-1].dtype,
        "dtypes mix as everywhere",
    ),
    Deliberate(
        ("sum", "prod", "cumsum", "cumprod", "nansum", "select_scatter", "slice_scatter", "index_fill", "masked_fill"),
        KIND,
        whole_result,
        "a result of whole numbers carries no gradient, as after .long(); PyTorch refuses to record it",
        "Autograd not support dtype",
    ),
    Deliberate(
        ("index_copy", "index_fill", "take", "take_along_dim", "put", "index_add", "index_select"),
        KIND,
        lambda call: any(a.dtype == "int32" or (a.values.size == 0 and a.dtype.kind == "f") for a in call.arrays),
        "an index is int64 or int32, or empty (an empty list is float64): PyTorch decides it for each function anew",
    ),
    Deliberate(
        ("scatter", "dot"),
        KIND,
        empty,
        "there is nothing to be drawn, reduced or multiplied",
    ),
    Deliberate(
        ("max", "min"),
        KIND,
        lambda call: call.arguments.get("other", 0) is None,
        "other=None is the default",
    ),
    Deliberate(
        ("flip",),
        KIND,
        lambda call: isinstance(call.arguments.get("dims"), int),
        "a single dimension may be given as a number, as x.flip(0) may in PyTorch",
    ),
    Deliberate(
        ("kron",),
        KIND,
        lambda call: any(a.layout in ("F", "step 2") for a in call.arrays),
        "tensors in any order of memory: PyTorch flattens them with view(), which fails if they are not contiguous",
    ),
    Deliberate(
        ("xlogy",),
        KIND,
        lambda call: not call.args,
        "a number may be given by name: PyTorch has the overload for numbers, but by position only",
    ),
    Deliberate(
        ("clamp", "clip", "method clamp_"),
        KIND,
        mixed_bounds,
        "one bound may be a number and the other a tensor: there is only one meaning",
    ),
    Deliberate(
        ("where",),
        KIND,
        lambda call: {"input", "other"} & set(call.kwargs) != set(),
        "numbers may be given by name: PyTorch has the overload for numbers, but by position only",
    ),
    Deliberate(
        ("sum", "mean"),
        KIND,
        lambda call: (
            "keepdim" in call.kwargs and "dim" not in call.arguments and call.kwargs["keepdim"] in (True, False)
        ),
        "keepdim without dim keeps all dimensions, as PyTorch's amax, any and var do",
    ),
    Deliberate(
        ("getitem", "setitem"),
        KIND,
        lambda call: negative_step(call.args[1]),
        "slices with a negative step mean what they mean in NumPy",
    ),
    Deliberate(
        ("norm",),
        KIND,
        three_dims,
        "the Frobenius norm of more than two dimensions is the root of the sum of squares, not an error",
    ),
    Deliberate(
        ("nn.functional.pad",),
        KIND,
        lambda call: call.arguments.get("mode") in ("reflect", "replicate", "circular"),
        "borders are padded in any number of dimensions; PyTorch has kernels for the last one to three of images only",
    ),
    Deliberate(
        ("take_along_dim", "kron"),
        KIND,
        lambda call: any(a.layout != "C" for a in call.arrays),
        "tensors in any order of memory: PyTorch flattens them with view(), which fails if they are not contiguous",
    ),
    Deliberate(
        ("index_copy", "index_fill", "put", "take", "take_along_dim", "index_reduce", "index_add"),
        KIND,
        lambda call: any(a.dtype.kind in "iu" and a.dtype != "int64" for a in call.arrays),
        "an index may have any integer dtype",
    ),
    Deliberate(
        ("flip",),
        KIND,
        lambda call: any(isinstance(v, int) for v in (*call.args[1:], *call.kwargs.values())),
        "dimensions one by one are taken by the function as by the method",
    ),
    Deliberate(
        ("index_put",),
        KIND,
        lambda call: call.arrays[0].ndim == 0,
        "a 0-d mask picks a number, as it does in reading",
    ),
    Deliberate(
        ("dot", "vdot"),
        KIND,
        empty,
        "the product of two empty vectors of any dtype is 0",
    ),
    Deliberate(
        ("max", "min"),
        KIND,
        lambda call: call.arguments.get("other", 0) is None,
        "other=None is the default",
    ),
]
