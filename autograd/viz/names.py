"""Names made fit for pictures: every text that comes from a user passes here before it reaches a file."""

from __future__ import annotations

import re

_LENGTH = 80  # characters of a name or a value that are kept


def clean(value: object) -> str:
    """A short one-line text without the characters that no file format can hold."""
    text = str(value)
    if not text.isprintable():
        text = "".join(" " if c in "\t\r\n" else c for c in text if c in "\t\r\n" or printable(ord(c)))
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…"


def printable(code: int) -> bool:
    """Not a control character, half of a surrogate pair, or one of the two code points XML forbids."""
    return not (code < 32 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code in (0xFFFE, 0xFFFF, 0x2028, 0x2029))


def safe(name: str) -> str:
    """``name`` with only letters, digits, ``_``, ``.`` and ``-``: fit for an id in every file format."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:_LENGTH] or "_"
