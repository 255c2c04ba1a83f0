"""The names, and if wanted the mask colours, of a data set's classes."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from .errors import DataError, show

Color = tuple[int, int, int]


class ClassList(NamedTuple):
    """Names in the order of their class numbers, and the colour of each in RGB masks (None: no colour map is known).

    ``ignore_color`` marks pixels without a label in RGB masks; it comes from an entry "ignore", which is no class.
    """

    names: tuple[str, ...]
    colors: tuple[Color, ...] | None = None
    ignore_color: Color | None = None


def make_classes(entries: object, source: str = "classes") -> ClassList:
    """Build a class list from names, (name, colour) pairs, {"name", "color"} objects or a {name: colour} mapping.

    A colour is (r, g, b) with 0..255, or "#rrggbb". Either every class has one or none has. An entry named "ignore" is
    not a class: its colour marks the pixels of RGB masks that have no label.
    Raises DataError, beginning with ``source``, for fewer than two classes, repeated names or colours, or bad colours.
    """
    names, colors = [], []
    pairs = entries.items() if isinstance(entries, Mapping) else entries
    if isinstance(pairs, str) or not hasattr(pairs, "__iter__"):
        raise DataError(f"{source}: expected a list of class names or a mapping of names to colours, found {entries!r}")
    for entry in pairs:
        if isinstance(entry, Mapping):
            name, color = entry.get("name"), entry.get("color", entry.get("colour"))
        elif isinstance(entry, Sequence) and not isinstance(entry, str) and len(entry) == 2:
            name, color = entry
        else:
            name, color = entry, None
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"{source}: {entry!r} is not a class name or a name with a colour")
        names.append(name.strip())
        colors.append(None if color is None else _color(color, name, source))
    _refuse_repeats(names, "name", source)
    _refuse_repeats([c for c in colors if c is not None], "colour", source)
    ignore_color = None
    if "ignore" in names:
        at = names.index("ignore")
        ignore_color = colors[at]
        if ignore_color is None:
            raise DataError(
                f"{source}: the entry 'ignore' needs a colour; for masks of class numbers set ignore_index instead"
            )
        del names[at], colors[at]
    if len(names) < 2:
        raise DataError(f"{source}: {len(names)} class named but at least 2 are needed (the background is a class too)")
    if len(names) > 65535:
        raise DataError(f"{source}: {len(names)} classes named but at most 65535 are possible")
    with_color = [c for c in colors if c is not None]
    if not with_color:
        if ignore_color:
            raise DataError(f"{source}: only the entry 'ignore' has a colour: give every class one")
        return ClassList(tuple(names))
    if len(with_color) < len(names):
        raise DataError(
            f"{source}: class {names[colors.index(None)]!r} has no colour but others have: give every class one, or "
            "none"
        )
    return ClassList(tuple(names), tuple(with_color), ignore_color)


def read_classes(folder: Path) -> ClassList | None:
    """Read ``classes.json`` or ``classes.txt`` in a folder; None where neither exists.

    classes.json holds anything ``make_classes`` takes. classes.txt holds a class a line: ``name``, or a name and its
    colour as ``name 128 64 0`` (spaces, commas or tabs) or ``name #804000``.
    """
    as_json, as_text = folder / "classes.json", folder / "classes.txt"
    if as_json.is_file() and as_text.is_file():
        raise DataError(f"{show(folder)} holds both classes.json and classes.txt: keep one")
    path = as_json if as_json.is_file() else as_text
    if not path.is_file():
        return None
    try:
        text = path.read_text(encoding="utf-8-sig")
        entries = json.loads(text) if path is as_json else [_line(row) for row in text.splitlines() if row.strip()]
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{show(path)} cannot be read ({' '.join(str(error).split())}): correct it") from error
    return make_classes(entries, show(path))


def _line(row: str) -> tuple[str, object]:
    """Split a row of classes.txt into a name and its colour, None where it has none."""
    found = re.fullmatch(r"\s*(.+?)[\s,:]+(?:(\d+)[\s,]+(\d+)[\s,]+(\d+)|(#[0-9a-fA-F]{6}))\s*", row)
    if not found:
        return row, None
    name, red, green, blue, code = found.groups()
    return name, code or (int(red), int(green), int(blue))


def _color(color: object, name: str, source: str) -> Color:
    if isinstance(color, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", color):
        color = bytes.fromhex(color[1:])
    if (
        isinstance(color, Sequence)
        and not isinstance(color, str)
        and len(color) == 3
        and all(isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= 255 for v in color)
    ):
        return int(color[0]), int(color[1]), int(color[2])
    raise DataError(
        f"{source}: the colour of class {name!r} is {color!r} but must be [r, g, b] with 0..255, or '#rrggbb'"
    )


def _refuse_repeats(values: list, what: str, source: str) -> None:
    seen = set()
    for value in values:
        if value in seen:
            raise DataError(f"{source}: the {what} {value!r} is given to two classes: each needs its own")
        seen.add(value)
