"""What a deliberate difference is, and when there is one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # the lists are read without PyTorch too, to be printed
    from .spec import Call


class Deliberate(NamedTuple):
    """A difference on purpose: of which functions, of which kinds, for which calls, why, and what PyTorch says."""

    functions: tuple[str, ...]
    kinds: tuple[str, ...]
    when: Callable[[Call], bool]
    reason: str
    says: str = ""


def no_dims(call: Call) -> bool:
    return call.arguments.get("dim") in ((), []) and "dim" in call.arguments


def no_freedom(call: Call) -> bool:
    """No degrees of freedom are left: ``correction`` is at least the number of elements."""
    x, dim = call.arrays[0], call.arguments.get("dim")
    dims = range(x.ndim) if dim is None or dim in ((), []) else dim if isinstance(dim, (tuple, list)) else (dim,)
    dims = [d for d in dims if isinstance(d, int)]
    return call.arguments.get("correction", 1) >= math.prod(x.shape[d] for d in dims if -x.ndim <= d < x.ndim)


def mixed_bounds(call: Call) -> bool:
    bounds = [b for b in (call.arguments.get(name) for name in ("min", "max")) if b is not None]
    return len({isinstance(b, (int, float)) for b in bounds}) == 2


def negative_step(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(p, slice) and p.step is not None and p.step < 0 for p in parts)


def empty(call: Call) -> bool:
    return any(a.values.size == 0 for a in call.arrays)


def singular(call: Call) -> bool:
    x = call.arrays[0].values
    return bool((x == 1.0).all(axis=(-1, -2)).any())


def at_a_pole(call: Call) -> bool:
    """At 0, −1, −2, ... or, in float32, near one of them."""
    x = call.arrays[-1].values
    near = x[(x <= 0.1) & (abs(x) < math.inf)]
    return bool((abs(near - near.round()) <= (0.05 if x.dtype == "float32" else 0)).any())


def whole_numbers(operands: tuple) -> bool:
    return all(isinstance(v, int) or (hasattr(v, "dtype") and v.dtype.kind != "f") for v in operands)


def real_factor(call: Call) -> bool:
    """Whole numbers are multiplied by a factor that is given as a real one."""
    factors = [call.kwargs.get(name) for name in ("value", "alpha", "beta")]
    return any(isinstance(v, float) for v in factors) and any(a.dtype.kind != "f" for a in call.arrays)


def number_by_name(call: Call) -> bool:
    return any(isinstance(v, (int, float)) for v in call.kwargs.values())


def keepdim_without_dim(call: Call) -> bool:
    return isinstance(call.kwargs.get("keepdim"), bool) and "dim" not in call.arguments


def border_mode(call: Call) -> bool:
    return call.arguments.get("mode") in ("reflect", "replicate", "circular")


def of_int32(call: Call) -> bool:
    index = call.arguments.get("index", call.arguments.get("indices"))
    return index is not None and index.dtype == "int32"


def with_zero_dims(call: Call) -> bool:
    return call.arrays[0].ndim == 0


def ellipses(index: Any) -> int:
    return sum(part is ... for part in index) if isinstance(index, tuple) else 0


def booleans(call: Call) -> bool:
    return any(isinstance(v, bool) or getattr(v, "dtype", None) == "bool" for v in call.arguments.values())


def not_finite(call: Call) -> bool:
    return any(abs(a.values).max(initial=0) == math.inf or (a.values != a.values).any() for a in call.arrays)
