"""The page ``docs/numpy.md``, made from the tables: ``python -m autograd.ops.numpy_coverage > docs/numpy.md``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .numpy_protocol import FUNCTIONS, UFUNCS, name_of

_HEAD = """# NumPy functions on Tensors

Called with a Tensor, these NumPy functions give Tensors and record, so that gradients flow through code written for
arrays. An array beside a Tensor is a constant. Everything else is a `TypeError` that says so: nothing is converted
silently. `t.detach().numpy()` is the array itself, without a copy, for whatever is not listed.

Made from the tables by `python -m autograd.ops.numpy_coverage`; a test compares.

- `np.asarray(t)` shares memory and `np.array(t)` copies; both refuse a tensor that requires grad.
- `array * t`, `array @ t` and so on are Tensors. `array += t` is refused, as is `out=array`.
- `np.from_dlpack(t)` and `autograd.from_dlpack(array)` share memory, as with every library that speaks DLPack.
- `np.add.reduce` and the other reductions of `add`, `multiply`, `maximum`, `minimum`, `logical_or` and `logical_and`
  are `np.sum` and so on along an axis.
- The axis and keyword arguments are NumPy's: `np.var` divides by n (`ddof=0`), `np.max` shares the gradient among ties.
"""


def _signature(function: Callable) -> str:
    """What can be given: names, and ``name=`` for what may be left out."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return "..."
    mark: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return ", ".join(
        mark.get(p.kind, "") + p.name + ("=" if p.default is not inspect.Parameter.empty else "") for p in parameters
    )


def page() -> str:
    """The whole page."""
    lines = [_HEAD, "## Universal functions\n"]
    by_count: dict[int, list[str]] = {}
    for ufunc in UFUNCS:
        by_count.setdefault(ufunc.nin, []).append(f"`{name_of(ufunc)}`")
    for count, names in sorted(by_count.items()):
        lines.append(f"Of {count} argument{'s' * (count > 1)}: " + ", ".join(sorted(names)) + ".\n")
    lines.append("## Functions\n\n| function | arguments |\n|---|---|")
    rows = {name_of(function): _signature(op) for function, op in FUNCTIONS.items()}
    lines += [f"| `{name}` | `{rows[name]}` |" for name in sorted(rows)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
