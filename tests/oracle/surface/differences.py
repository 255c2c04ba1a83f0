"""What differs from PyTorch on purpose. Every entry has a reason, and a test that generated calls still meet it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .accepted import ACCEPTED
from .answered import ANSWERED
from .conditions import Deliberate
from .refused import REFUSED

if TYPE_CHECKING:
    from .spec import Call

DELIBERATE: list[Deliberate] = [*ACCEPTED, *REFUSED, *ANSWERED]


def function_of(name: str) -> str:
    """``method add_`` is a form of ``add``."""
    return name.removeprefix("method ").removesuffix("_") if name.endswith("_") else name


def concerns(entry: Deliberate, name: str) -> bool:
    """Whether an entry is about a function: by its name, or by that of the function whose in-place form it is."""
    return name in entry.functions or function_of(name) in entry.functions


def documented(call: Call, kind: str, detail: str) -> str | None:
    """The reason for a difference, if it is one on purpose."""
    for entry in DELIBERATE:
        if concerns(entry, call.spec.name) and kind in entry.kinds and entry.says in detail and entry.when(call):
            return entry.reason
    return None
