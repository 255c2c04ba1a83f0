"""Calls that PyTorch refuses and that are accepted here on purpose: each has one meaning only."""

from __future__ import annotations

from .conditions import (
    Deliberate,
    border_mode,
    keepdim_without_dim,
    mixed_bounds,
    negative_step,
    no_dims,
    number_by_name,
    of_int32,
    with_zero_dims,
)

KINDS = ("accepts what PyTorch refuses",)

ACCEPTED = [
    Deliberate(
        ("getitem", "setitem"),
        KINDS,
        lambda call: negative_step(call.args[1]),
        "slices with a negative step mean what they mean in NumPy",
    ),
    Deliberate(
        ("clamp", "clip"),
        KINDS,
        mixed_bounds,
        "one bound may be a number and the other a tensor, as in `np.clip`",
    ),
    Deliberate(
        ("sum", "mean"),
        KINDS,
        keepdim_without_dim,
        "`keepdim` without `dim` keeps all dimensions, as in NumPy and in PyTorch's `amax`, `any` and `var`",
    ),
    Deliberate(
        ("nn.functional.pad",),
        KINDS,
        border_mode,
        "borders are padded in any number of dimensions, as by `np.pad`; PyTorch pads the last one to three of images",
    ),
    Deliberate(
        ("pow", "xlogy", "where"),
        KINDS,
        number_by_name,
        "a number may be given by name, as a tensor may; PyTorch takes it by position only",
        "invalid combination of arguments",
    ),
    Deliberate(
        ("round",),
        KINDS,
        lambda call: call.arguments.get("decimals") == 0,
        "whole numbers are rounded with `decimals=0`, the default, given or not",
    ),
    Deliberate(
        ("logsumexp",),
        KINDS,
        no_dims,
        "`dim=()` means all dimensions; PyTorch takes it with `keepdim=True` only",
        "doesn't match the broadcast shape",
    ),
    Deliberate(
        ("kron", "take_along_dim"),
        KINDS,
        lambda call: any(a.layout != "C" for a in call.arrays),
        "tensors in any order of memory: PyTorch flattens them with `view()`, which fails if they are not contiguous",
        "view size is not compatible",
    ),
    Deliberate(
        ("take", "take_along_dim", "put", "index_copy", "index_fill"),
        KINDS,
        of_int32,
        "an index may be int32; PyTorch takes it in `gather`, `index_select` and `index_add`, but not here",
    ),
    Deliberate(
        ("index_put",),
        KINDS,
        with_zero_dims,
        "a 0-d mask picks a number, as in `x[mask]`",
        "too many indices",
    ),
]
