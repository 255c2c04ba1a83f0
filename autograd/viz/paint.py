"""Colours that tell op categories apart for everybody, and the widths of letters without asking for a font."""

from __future__ import annotations

import unicodedata

from .labels import CATEGORIES

# Tints of Okabe & Ito's palette, which people with any colour vision tell apart; light, so that black text reads on
# all of them.
_TINTS = (
    "#fbd9a0", "#c5e1f5", "#d9ecc9", "#b5e3d2", "#f8f2a6", "#f7c3a4", "#ecd2e2", "#dfe3ea", "#ececec",
    "#ffffff", "#f3ead9",
)  # fmt: skip
TINT = dict(zip(CATEGORIES, _TINTS, strict=True))
MODULE = "#f7f7f9"
TEXT = "#111111"
QUIET = "#4a4a4a"

# Advance widths in hundredths of the font size, of DejaVu Sans: wider than the other common sans-serif fonts, so that a
# text measured here fits whichever of them is there.
_REGULAR = (
    32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63,
    61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97,
    63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84,
)  # fmt: skip
_OTHER = {"×": 0.84, "→": 0.84, "·": 0.33, "…": 1.0, "–": 0.5}
_BOLD = 1.12


def text_width(text: str, size: float, bold: bool = False) -> float:
    """How wide a line of text is at most."""
    total = 0.0
    for c in text:
        code = ord(c) - 32
        if 0 <= code < len(_REGULAR):
            total += _REGULAR[code] / 100
        elif c in _OTHER:
            total += _OTHER[c]
        elif unicodedata.combining(c):
            continue
        else:
            total += 1.05 if unicodedata.east_asian_width(c) in "WF" else 0.75
    return total * size * (_BOLD if bold else 1.0)


def contrast(a: str, b: str) -> float:
    """The WCAG contrast ratio of two ``#rrggbb`` colours: at least 4.5 for text."""
    bright, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
