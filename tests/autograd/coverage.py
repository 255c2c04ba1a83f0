"""The table of checked gradients, made from the op table.

``python -m tests.autograd.coverage`` writes docs/gradients.md.

``test_coverage.py`` fails where the document is not what this makes.
"""

from __future__ import annotations

from collections import defaultdict
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import autograd.ops
from autograd.primitive import registry

from .cases import CASES

PATH = Path(__file__).parent.parent.parent / "docs" / "gradients.md"

HEAD = """\
# Which gradients are checked

Made by `python -m tests.autograd.coverage` from the table that the tests run (`tests/autograd/cases`); do not edit.

Every differentiable op is compared with central finite differences in float64 at random points with random upstream
gradients, element by element: order 1 checks its gradient rules, order 2 the gradients of those. A rule that is wrong
by 0.1 % is caught (`tests/autograd/test_gradcheck.py`). Every op also runs in float32, where values and gradients must
stay float32, and on every memory layout.

Where an op has a kink or a jump, the last column says which gradient it uses there; [`kinks.md`](kinks.md) has the
points, the numbers and the reasons.

"""


def document() -> str:
    for module in iter_modules(autograd.ops.__path__):
        import_module(f"autograd.ops.{module.name}")
    orders: dict[str, list[int]] = defaultdict(list)
    for case in CASES:
        orders[case.op.removesuffix("()")].append(case.order)
    families: dict[str, list[str]] = defaultdict(list)
    for name, op in registry.items():
        if op.__module__.startswith("autograd.ops."):
            families[op.__module__.removeprefix("autograd.ops.")].append(name)
    differentiable = [op for names in families.values() for op in names if registry[op].differentiable]
    checked = [[op for op in differentiable if max(orders[op], default=0) >= k] for k in (1, 2)]
    others = sum(map(len, families.values())) - len(differentiable)
    lines = [
        f"{len(differentiable)} differentiable ops: {len(checked[0])} checked at order 1, "
        f"{len(checked[1])} at order 2; {others} ops without a gradient.",
        "",
        "| family | op | rows | order 1 | order 2 | dtypes | kinks |",
        "|---|---|---|---|---|---|---|",
    ]
    for family in sorted(families):
        for name in sorted(families[family]):
            op, highest = registry[name], max(orders[name], default=0)
            marks = " | ".join(("yes" if highest >= k else "NO") if op.differentiable else "none" for k in (1, 2))
            dtypes = "float64, float32" if op.differentiable else ""
            kinks = op.kinks.replace("|", "\\|")
            lines.append(f"| {family} | `{name}` | {len(orders[name])} | {marks} | {dtypes} | {kinks} |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PATH.write_text(document())
    print(f"wrote docs/{PATH.name}")
