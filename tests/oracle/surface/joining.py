"""Putting tensors together and taking them apart, repeating and padding."""

from __future__ import annotations

from typing import Any

from .generators import ANY, Draw, dimension, integer, maybe, number, one_of, sizes, tensor, usually
from .layout import X, sized
from .spec import Spec
from .values import Array

PAD = "nn.functional.pad"


def several(d: Draw) -> Any:
    """Tensors that can be joined along a dimension; rarely not."""
    shape, count = list(d.shape((0, 1, 1, 2, 2, 3))), d.integer(1, 4) if d.chance(0.97) else 0
    axis = d.integer(0, max(0, len(shape) - 1))
    dtype = d.pick(ANY)
    out = []
    for _ in range(count):
        own = list(shape)
        if own:
            own[axis] = d.size() if d.chance(0.5) else own[axis]
        if own and d.chance(0.03):
            own[-1] += 1
        out.append(d.array((0,) if d.chance(0.03) else tuple(own), d.pick(ANY) if d.chance(0.1) else dtype))
    return tuple(out) if d.chance(0.5) else out


def alike(d: Draw) -> Any:
    shape, dtype = d.shape((0, 1, 1, 2, 2, 3)), d.pick(ANY)
    out = [
        d.array(shape if d.chance(0.97) else (*shape, 2), d.pick(ANY) if d.chance(0.1) else dtype)
        for _ in range(d.integer(1, 3) if d.chance(0.97) else 0)
    ]
    return tuple(out) if d.chance(0.5) else out


def sections(d: Draw) -> Any:
    """``split_size_or_sections``: one size, or sizes that add up."""
    x, dim = d["input"] if "input" in d.arguments else d["tensor"], d.get("dim", 0)
    n = x.shape[dim] if x.ndim and isinstance(dim, int) and -x.ndim <= dim < x.ndim else 3
    if d.chance(0.5):
        return d.integer(1, 4) if d.chance(0.93) else d.pick((0, -1))
    cut = d.integer(0, n)
    out = [cut, n - cut] if d.chance(0.9) else [cut, n]
    return tuple(out) if d.chance(0.5) else out


def indices_or_sections(d: Draw) -> Any:
    if d.chance(0.5):
        return d.integer(1, 5) if d.chance(0.95) else 0
    out = [d.integer(-3, 5) for _ in range(d.integer(0, 3))]
    return tuple(out) if d.chance(0.5) else out


def counts(d: Draw) -> list[int]:
    n = d["input"].ndim + d.pick((0, 0, 0, 1, -1 if d.chance(0.2) else 0))
    return [d.integer(0, 3) if d.chance(0.97) else -1 for _ in range(max(n, 0))]


def interleaved(d: Draw) -> Any:
    x, dim = d["input"], d.get("dim")
    if d.chance(0.5):
        return d.integer(0, 3) if d.chance(0.95) else -1
    n = x.values.size if dim is None else x.shape[dim] if x.ndim and -x.ndim <= dim < x.ndim else 1
    return Array(d.rng.integers(0 if d.chance(0.95) else -1, 3, n if d.chance(0.9) else 1), grad=False)


def paddings(low: int, high: int) -> Any:
    def draw(d: Draw) -> Any:
        pairs = d.integer(0, d["input"].ndim) if d.chance(0.95) else d["input"].ndim + 1
        out = [d.integer(low, high) for _ in range(2 * pairs - d.chance(0.03))]
        return tuple(out) if d.chance(0.6) else out

    return draw


def border_pads(d: Draw) -> Any:
    """Pads of the last dimensions of an image; rarely too many or negative."""
    n = d["input"].ndim
    pairs = d.pick((max(n - 2, 0), max(n - 2, 1), max(n - 1, 1)))
    return [d.integer(0, 2) if d.chance(0.95) else d.pick((-1, 4)) for _ in range(2 * pairs)]


SPECS = [
    *[Spec(name, {"tensors": several, "dim": maybe(integer(-3, 2))}) for name in ("cat", "concat", "concatenate")],
    Spec("stack", {"tensors": alike, "dim": maybe(integer(-3, 3))}),
    *[Spec(name, {"tensors": several}) for name in ("hstack", "vstack")],
    Spec("split", {"tensor": X, "split_size_or_sections": sections}, note="dim 0", method=False),
    Spec(
        "split",
        {"tensor": X, "dim": dimension("tensor"), "sections": sections},
        note="dim",
        run=lambda library, x, dim, n: library.split(x, n, dim),
    ),
    Spec(
        "split",
        {"tensor": X, "dim": dimension("tensor"), "sections": sections},
        note="method",
        run=lambda library, x, dim, n: x.split(n, dim=dim),
    ),
    Spec(
        "tensor_split",
        {"input": X, "indices_or_sections": indices_or_sections, "dim": maybe(dimension())},
        positional_only=True,
    ),
    Spec("chunk", {"input": X, "chunks": usually(integer(1, 5), one_of(0, -1)), "dim": maybe(dimension())}),
    Spec("unbind", {"input": X, "dim": maybe(dimension())}),
    *sized("repeat", counts),
    Spec("tile", {"input": X, "dims": sizes(counts)}),
    Spec("repeat_interleave", {"input": X, "repeats": interleaved}, note="flat"),
    Spec(
        "repeat_interleave",
        {"input": X, "dim": dimension(), "repeats": interleaved},
        note="dim",
        run=lambda library, x, dim, n: library.repeat_interleave(x, n, dim=dim),
        needs=("repeat_interleave",),
    ),
    Spec(
        "meshgrid",
        {
            "tensors": lambda d: [
                d.array(d.shape((0, 1, 1, 1, 1, 1, 2) if d.chance(0.2) else (1,)), "float64")
                for _ in range(d.integer(0, 3))
            ],
            "indexing": usually(one_of("ij", "xy"), "yx"),
        },
        needs=("meshgrid",),
        run=lambda library, xs, indexing: library.meshgrid(*xs, indexing=indexing),
    ),
    Spec(
        PAD,
        {"input": X, "pad": paddings(-2, 3), "mode": maybe(lambda d: "constant", 0.3), "value": maybe(number(), 0.5)},
        note="constant",
    ),
    *[
        Spec(
            PAD,
            {
                "input": tensor(("float64",) * 5 + ("float32", "int64"), (1, 2, 2, 3, 3, 4, 4)),
                "pad": border_pads,
                "mode": lambda d, m=mode: m,
            },
            note=mode,
        )
        for mode in ("reflect", "replicate", "circular")
    ],
    Spec(PAD, {"input": X, "pad": paddings(0, 1), "mode": lambda d: "mirror"}, note="unknown mode"),
]
