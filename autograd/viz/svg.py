"""The picture as one self-contained SVG: no script, no font, no reference to anything outside."""

from __future__ import annotations

from itertools import pairwise

from .layout import TITLE, Layout, Path, Rect, layout
from .names import clean
from .paint import MODULE, QUIET, TEXT, TINT, text_width
from .view import Box, Item, View

_TITLE_SIZE = 12.0
_LINE_SIZE = 10.5
_LEADING = 15.0
_SIDE = 10.0
_FONT = "Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif"

# Attributes paint the light picture, which every viewer shows; the style sheet only knows the dark one.
_DARK = """@media (prefers-color-scheme:dark){.gg-page{fill:#1c1e22}.gg-box{fill:#fff;fill-opacity:.06;stroke:#7d8590}
.gg-edge{stroke:#aab2bd}.gg-tip{fill:#aab2bd}.gg-name{fill:#e6e6e6}.gg-tab{fill:none}}"""


def xml_escape(text: str) -> str:
    """``text`` for use between tags and inside quoted attributes."""
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        text = text.replace(character, entity)
    return text


def svg(view: View, direction: str, title: str) -> str:
    """Draw a view; equal views give equal bytes."""
    sizes = {item.id: _size(item) for item in view.items}
    titles = {box.id: text_width(box.title, _TITLE_SIZE, bold=True) for box in view.boxes}
    placed = layout(view, sizes, titles, direction)
    legend, legend_width, legend_height = _legend(view, placed.boxes[""])
    page = placed.boxes[""]
    width, height = max(page.w, legend_width), page.h + legend_height
    facts = "; ".join(f"{item.title} {' '.join(item.lines)}" for item in view.items[:200])
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gg" viewBox="0 0 {_n(width)} {_n(height)}" '
        f'width="{_n(width)}" height="{_n(height)}" style="max-width:100%;height:auto" role="graphics-document" '
        f'font-family="{_FONT}" fill="{TEXT}">',
        f"<title>{xml_escape(clean(title))}</title>",
        f"<desc>{xml_escape(facts)}</desc>",
        f"<style>{_DARK}</style>",
        f'<rect class="gg-page" width="{_n(width)}" height="{_n(height)}" fill="#ffffff"/>',
    ]
    out += [_box(box, placed.boxes[box.id]) for box in view.boxes if box.id]
    out += [_path(path, placed) for path in placed.paths]
    out += [_box_title(box, placed.boxes[box.id]) for box in view.boxes if box.id]
    out += [_item(item, placed.items[item.id]) for item in view.items]
    return "\n".join([*out, legend, "</svg>"]) + "\n"


def _n(value: float) -> str:
    """A coordinate: one decimal is finer than a pixel and the same everywhere."""
    text = f"{value:.1f}"
    return "0" if text in ("0.0", "-0.0") else text.removesuffix(".0")


def _size(item: Item) -> tuple[float, float]:
    lines = max((text_width(line, _LINE_SIZE) for line in item.lines), default=0.0)
    width = max(lines, text_width(item.title, _TITLE_SIZE, bold=True)) + 2 * _SIDE
    return max(64.0, width), 12 + _LEADING * (1 + len(item.lines)) + (7 if item.mix else 0)


def _details(lines: tuple[str, ...]) -> str:
    return f"<title>{xml_escape(chr(10).join(lines))}</title>" if lines else ""


def _box(box: Box, at: Rect) -> str:
    return (
        f'<rect class="gg-box" x="{_n(at.x)}" y="{_n(at.y)}" width="{_n(at.w)}" height="{_n(at.h)}" rx="8" '
        f'fill="#5b6b8c" fill-opacity="0.07" stroke="#8a93a3"/>'
    )


def _box_title(box: Box, at: Rect) -> str:
    width = text_width(box.title, _TITLE_SIZE, bold=True)
    return (
        f'<g role="graphics-symbol">{_details(box.details)}<rect class="gg-tab" x="{_n(at.x + 5)}" y="{_n(at.y + 4)}" '
        f'width="{_n(width + 8)}" height="{_n(TITLE - 6)}" rx="4" fill="#eef0f4"/><text class="gg-name" '
        f'x="{_n(at.x + 9)}" y="{_n(at.y + 17)}" font-size="{_n(_TITLE_SIZE)}" font-weight="bold" fill="#333a45">'
        f"{xml_escape(box.title)}</text></g>"
    )


def _item(item: Item, at: Rect) -> str:
    fill = TINT.get(item.category, MODULE)
    radius = at.h / 2 if item.category == "input, output" else 3 if item.kind == "module" else 6
    middle = at.x + at.w / 2
    out = [f'<g role="graphics-symbol">{_details(item.details)}']
    if item.kind == "module":  # a second sheet behind it: there is more inside
        out.append(_sheet(Rect(at.x + 3, at.y + 3, at.w, at.h), radius, MODULE))
    out.append(_sheet(at, radius, fill))
    if item.mix:
        out.append(_mix(item, at))
    y = at.y + 19
    out.append(_text(item.title, middle, y, _TITLE_SIZE, TEXT, ' font-weight="bold"'))
    for line in item.lines:
        y += _LEADING
        out.append(_text(line, middle, y, _LINE_SIZE, QUIET, ""))
    return "".join([*out, "</g>"])


def _sheet(at: Rect, radius: float, fill: str) -> str:
    return (
        f'<rect x="{_n(at.x)}" y="{_n(at.y)}" width="{_n(at.w)}" height="{_n(at.h)}" rx="{_n(radius)}" '
        f'fill="{fill}" stroke="#555d69"/>'
    )


def _text(text: str, x: float, y: float, size: float, fill: str, more: str) -> str:
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" text-anchor="middle" fill="{fill}"{more}>'
        f"{xml_escape(text)}</text>"
    )


def _mix(item: Item, at: Rect) -> str:
    """A strip in the colours of what is inside, as wide as there are ops of each."""
    total = sum(n for _, n in item.mix)
    x, out = at.x + 8, []
    for name, n in item.mix:
        width = (at.w - 16) * n / total
        out.append(
            f'<rect x="{_n(x)}" y="{_n(at.y + at.h - 11)}" width="{_n(width)}" height="6" fill="{TINT[name]}" '
            f'stroke="#555d69" stroke-width="0.5"/>'
        )
        x += width
    return "".join(out)


def _path(path: Path, placed: Layout) -> str:
    points = path.points
    if path.arrow:  # the line ends inside the head, so that its tip stays sharp
        (x, y), right = points[-1], placed.flows_right
        points = (*points[:-1], (x - 5, y) if right else (x, y - 5))
        head = f"M{_n(x)} {_n(y)}" + ("l-7 -3.6v7.2z" if right else "l-3.6 -7h7.2z")
    out = f"M{_n(points[0][0])} {_n(points[0][1])}"
    for (x0, y0), (x1, y1) in pairwise(points):
        if abs(x0 - x1) < 0.05 or abs(y0 - y1) < 0.05:
            out += f"L{_n(x1)} {_n(y1)}"
        elif placed.flows_right:
            half = (x0 + x1) / 2
            out += f"C{_n(half)} {_n(y0)} {_n(half)} {_n(y1)} {_n(x1)} {_n(y1)}"
        else:
            half = (y0 + y1) / 2
            out += f"C{_n(x0)} {_n(half)} {_n(x1)} {_n(half)} {_n(x1)} {_n(y1)}"
    line = f'<path class="gg-edge" d="{out}" fill="none" stroke="#6b7480" stroke-width="1.3"/>'
    tip = f'<path class="gg-tip" d="{head}" fill="#6b7480"/>' if path.arrow else ""
    return f"<g>{_details((f'{path.link.source} → {path.link.target}', path.link.shapes))}{line}{tip}</g>"


def _legend(view: View, page: Rect) -> tuple[str, float, float]:
    """The colours that occur, in rows no wider than the picture (but as wide as one entry)."""
    present = {item.category for item in view.items} | {name for item in view.items for name, _ in item.mix}
    names = [name for name in TINT if name in present]
    x, y, widest, out = 16.0, page.h + 4, 0.0, []
    for name in names:
        width = 16 + text_width(name, 10) + 14
        if x > 16 and x + width > max(page.w, 360):
            x, y = 16.0, y + 18
        out.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="11" height="11" rx="2" fill="{TINT[name]}" stroke="#555d69"/>'
            f'<text class="gg-name" x="{_n(x + 16)}" y="{_n(y + 9.5)}" font-size="10" fill="{QUIET}">{name}</text>'
        )
        x += width
        widest = max(widest, x)
    return f"<g>{''.join(out)}</g>", widest, y + 26 - page.h
