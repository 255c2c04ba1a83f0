"""What a deliberate difference is, and when there is one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from .spec import Call
from .values import Array


class Deliberate(NamedTuple):
    """A difference on purpose: of which functions, of which kind, for which calls, why, and what PyTorch says."""

    functions: tuple[str, ...]
    kind: str
    when: Callable[[Call], bool]
    reason: str
    says: str = ""


def no_dims(call: Call) -> bool:
    return call.arguments.get("dim") in ((), []) and "dim" in call.arguments


def no_freedom(call: Call) -> bool:
    """No degrees of freedom are left: ``correction`` is at least the number of elements."""
    x, dim = call.arrays[0], call.arguments.get("dim")
    dims = range(x.ndim) if dim is None or dim in ((), []) else dim if isinstance(dim, (tuple, list)) else (dim,)
    return call.arguments.get("correction", 1) >= math.prod(x.shape[d] for d in dims if x.ndim)


def mixed_bounds(call: Call) -> bool:
    bounds = [call.arguments.get(name) for name in ("min", "max")]
    return any(isinstance(b, Array) for b in bounds) and any(isinstance(b, (int, float)) for b in bounds)


def negative_step(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(p, slice) and p.step is not None and p.step < 0 for p in parts)


def empty(call: Call) -> bool:
    return any(a.values.size == 0 for a in call.arrays)


def three_dims(call: Call) -> bool:
    dim, x = call.arguments.get("dim"), call.arrays[0]
    count = len(dim) if isinstance(dim, (tuple, list)) else 1
    return (count or x.ndim) not in (1, 2)


def singular(call: Call) -> bool:
    x = call.arrays[0].values
    return bool((x == 1.0).all(axis=(-1, -2)).any())


def at_a_pole(call: Call) -> bool:
    """At 0, −1, −2, ... or, in float32, near one of them."""
    x = call.arrays[-1].values
    near = x[(x <= 0.1) & (abs(x) < math.inf)]
    return bool((abs(near - near.round()) <= (0.05 if x.dtype == "float32" else 0)).any())


def whole_result(call: Call) -> bool:
    asked = call.kwargs.get("dtype")
    return (asked is not None and asked.ours().kind != "f") or any(a.dtype.kind != "f" for a in call.arrays[:1])


def booleans(call: Call) -> bool:
    return any(isinstance(v, bool) or getattr(v, "dtype", None) == "bool" for v in call.arguments.values())


def not_finite(call: Call) -> bool:
    return any(abs(a.values).max(initial=0) == math.inf or (a.values != a.values).any() for a in call.arrays)
