"""What differs from PyTorch on purpose. Every entry has a reason, and a test that generated calls still meet it."""

from __future__ import annotations

from .accepted import ACCEPTED
from .answered import ANSWERED
from .conditions import Deliberate
from .refused import REFUSED
from .spec import Call

DELIBERATE: list[Deliberate] = [*ACCEPTED, *REFUSED, *ANSWERED]


def documented(call: Call, kind: str, detail: str) -> str | None:
    """The reason for a difference, if it is one on purpose."""
    for entry in DELIBERATE:
        if call.spec.name in entry.functions and kind == entry.kind and entry.says in detail and entry.when(call):
            return entry.reason
    return None
