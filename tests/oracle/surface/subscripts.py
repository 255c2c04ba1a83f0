"""``x[...]`` read and written, with every form of index."""

from __future__ import annotations

from typing import Any

from .generators import ANY, BITS, Draw, integer, number, one_of, tensor
from .indexing import one_position_each, positions
from .spec import Spec
from .values import Array

X = tensor(ANY)


def slice_(d: Draw) -> slice:
    ends = [None if d.chance(0.35) else d.integer(-5, 5) for _ in range(2)]
    return slice(*ends, d.pick((None, None, 1, 2, 3, 0 if d.chance(0.1) else 2, -1 if d.chance(0.1) else 1)))


def entry(d: Draw, n: int, group: tuple) -> Any:
    """One entry of an index, for a dimension of size ``n``."""
    style = d.rng.random()
    if style < 0.3:
        return slice_(d)
    if style < 0.5:
        return d.integer(-n, n - 1) if n and d.chance(0.95) else n
    if style < 0.75:
        return positions(d, d.pick((group, group[1:], ())), n)
    if style < 0.85:
        values = [d.integer(-n, n - 1) if n else 0 for _ in range(group[-1])]
        return values if d.chance(0.9) else [bool(v % 2) for v in range(n)]
    if style < 0.95:
        return Array(d.rng.random(n) < 0.5, grad=False)
    return slice(None)


def index(d: Draw) -> Any:
    """Every form of index: numbers, slices, ``...``, ``None``, lists, integer and boolean tensors."""
    shape = d["input"].shape
    style = d.rng.random()
    if style < 0.1:
        mask_shape = shape[: d.integer(0, len(shape))] if d.chance(0.5) else shape
        return Array(d.rng.random(mask_shape) < 0.5, grad=False)
    if style < 0.2:
        return entry(d, shape[0] if shape else 0, (2, 2)) if shape else d.pick((..., None, 0, True, False, ()))
    group = d.pick(((2,), (1, 3), (2, 1)))
    parts = [entry(d, n, group) for n in shape[: d.integer(0, len(shape))]]
    if d.chance(0.25):
        parts.insert(d.integer(0, len(parts)), ...)
    if d.chance(0.2):
        parts.insert(d.integer(0, len(parts)), None)
    if d.chance(0.03):
        parts.append(d.pick((0, ..., 1.5, "x", True)))
    return tuple(parts)


def basic_index(d: Draw) -> Any:
    """Numbers, slices, ``...`` and ``None`` only."""
    parts: list = [slice_(d) if d.chance(0.6) else d.integer(-n, n - 1) if n else slice(None) for n in d["input"].shape]
    parts = parts[: d.integer(0, len(parts))]
    if d.chance(0.2):
        parts.insert(d.integer(0, len(parts)), d.pick((..., None)))
    return parts[0] if len(parts) == 1 else tuple(parts)


def assigned(library: Any, x: Any, where: Any, what: Any) -> Any:
    y = x.clone()
    y[where] = what
    return y


SMALL = one_of(number(), tensor(ANY, (0,)), tensor(("float64",), (0, 1)))


SPECS = [
    Spec("getitem", {"input": X, "index": index}, run=lambda library, x, i: x[i]),
    Spec("getitem", {"input": X, "index": basic_index}, run=lambda library, x, i: x[i], note="basic"),
    Spec("setitem", {"input": X, "index": index, "value": number()}, run=assigned, note="a number"),
    Spec("setitem", {"input": X, "index": basic_index, "value": SMALL}, run=assigned, note="basic"),
    Spec(
        "setitem",
        {"input": X, "index": lambda d: Array(d.rng.random(d["input"].shape) < 0.5, grad=False), "value": SMALL},
        run=assigned,
        note="mask",
    ),
    Spec(
        "setitem",
        {"input": tensor(ANY, (1, 2, 3)), "index": one_position_each, "value": SMALL},
        run=assigned,
        note="positions",
    ),
    Spec(
        "bitwise mask select",
        {"input": tensor(BITS, (1, 2)), "low": integer(-1, 1)},
        run=lambda library, x, low: x[x > low],
    ),
]
