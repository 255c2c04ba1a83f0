"""The table of differences from PyTorch, made from the lists that the comparison reads.

``python -m tests.oracle.surface.document`` writes docs/differences.md.
"""

from __future__ import annotations

from pathlib import Path

from .accepted import ACCEPTED
from .answered import ANSWERED
from .refused import REFUSED

PATH = Path(__file__).parents[3] / "docs" / "differences.md"

HEAD = """\
# Where this differs from PyTorch

Made by `python -m tests.oracle.surface.document` from the lists that the comparison reads; do not edit.

`make test-oracle` makes tens of thousands of calls here and in PyTorch, drawn from the whole argument space of every
function: shapes with sizes 0 and 1, every dtype, memory order and form of an argument, infinities, NaN, wrong
arguments. Values and gradients must agree to nine digits in float64, and what PyTorch refuses must be refused. What is
listed here differs on purpose; anything else is a failure, and so is an entry that no call meets any more. An entry
about `add` is also about `x.add_`.
"""

PARTS = (
    ("Accepted here, refused by PyTorch", "Each of these calls has one meaning only.", ACCEPTED),
    ("Refused here, accepted by PyTorch", "Each would be a silent wrong number, or depends on a shape.", REFUSED),
    ("Answered differently", "The last column says what PyTorch does.", ANSWERED),
)


def document() -> str:
    lines = [HEAD]
    for title, what, entries in PARTS:
        answered = entries is ANSWERED
        lines += [f"## {title}", "", what, ""]
        lines += (
            ["| functions | what differs | why |", "|---|---|---|"]
            if answered
            else ["| functions | why |", "|---|---|"]
        )
        for entry in entries:
            names = ", ".join(f"`{name}`" for name in entry.functions)
            reason = entry.reason.replace("|", "\\|")
            kinds = f" {', '.join(entry.kinds)} |" if answered else ""
            lines.append(f"| {names} |{kinds} {reason} |")
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


if __name__ == "__main__":
    PATH.write_text(document(), encoding="utf-8")
    print(f"wrote docs/{PATH.name}")
