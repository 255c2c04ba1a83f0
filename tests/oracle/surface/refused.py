"""Calls that PyTorch accepts and that are refused here on purpose."""

from __future__ import annotations

from .conditions import Deliberate, booleans, ellipses, empty, real_factor, whole_numbers, with_zero_dims

KINDS = ("refuses what PyTorch accepts",)

REFUSED = [
    Deliberate(
        ("pow", "operator **"),
        KINDS,
        lambda call: whole_numbers(call.args[:2]),
        "a whole number to a negative power is no whole number, and booleans have no powers; PyTorch gives 0 where the "
        "exponent is a tensor and refuses it where it is a number, and the other way round for booleans",
    ),
    Deliberate(
        ("addcmul", "index_add", "addmm", "addmv", "addbmm", "baddbmm"),
        KINDS,
        real_factor,
        "a real factor of whole numbers is refused, as by PyTorch's `add`; its others cut it to a whole number",
    ),
    Deliberate(
        ("clamp", "clip", "clamp_min", "clamp_max"),
        KINDS,
        booleans,
        "booleans have no order to be clamped in; PyTorch clamps them by one tensor, not by two and not by numbers",
    ),
    Deliberate(
        ("inner", "index_reduce", "linalg.solve_triangular"),
        KINDS,
        lambda call: any(a.dtype.kind != "f" for a in call.arrays) or len({a.dtype for a in call.arrays}) > 1,
        "a dtype without an answer is refused for every shape; in PyTorch it depends on the shape",
    ),
    Deliberate(
        ("method index_fill_", "method index_put_"),
        KINDS,
        lambda call: call.arrays[0].dtype.kind != "f",
        "a real number that requires grad is not written into whole numbers, which lose its gradient: the functions "
        "refuse it in PyTorch too",
        "requires grad",
    ),
    Deliberate(
        ("method addbmm_",),
        KINDS,
        lambda call: True,
        "in place the shape stays; PyTorch's `addbmm_`, not its `addmm_`, changes it",
        "does not fit",
    ),
    Deliberate(
        ("linspace",),
        KINDS,
        lambda call: "dtype" in call.kwargs and call.kwargs["dtype"].name == "bool",
        "booleans do not count; PyTorch refuses them from the second step on",
    ),
    Deliberate(
        ("adjoint", "property mT"),
        KINDS,
        with_zero_dims,
        "a number is no matrix; PyTorch accepts it with a warning that this goes away",
    ),
    Deliberate(
        ("unravel_index",),
        KINDS,
        lambda call: True,
        "a position beyond the last element is refused; PyTorch counts on from the first",
    ),
    Deliberate(
        ("setitem",),
        KINDS,
        lambda call: ellipses(call.args[1]) > 1,
        "`...` stands once in an index; PyTorch accepts it twice where no dimension is named behind",
    ),
    Deliberate(
        ("nn.functional.pad",),
        KINDS,
        lambda call: call.arguments.get("mode") == "circular",
        "nothing is left to go round after cutting; PyTorch hands out memory that nobody wrote",
    ),
    Deliberate(
        (
            "fmod", "remainder", "floor_divide", "operator //", "operator %", "softmax", "log_softmax", "median",
            "nanmedian", "cummax", "cummin", "linalg.eigh", "linalg.eigvalsh", "expand", "repeat", "tile", "roll",
            "cat", "concat", "concatenate", "gather", "scatter", "scatter_add", "scatter_reduce", "index_add",
            "index_fill", "index_copy", "cumprod", "method normal_",
        ),
        KINDS,
        empty,
        "what is refused (a dtype, a dim or an index out of range, a divisor 0) is refused of a tensor without "
        "elements too; PyTorch does not look",
    ),
]  # fmt: skip
