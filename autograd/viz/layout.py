"""Where everything stands: each open module is laid out by itself, then is one cell of the module around it.

Inside, the direction of flow is always down; a picture that flows to the right is turned at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

from .columns import columns
from .ranks import Rows, arrange
from .view import Link, View

Point = tuple[float, float]

TITLE = 24.0  # height of the title of an open module
_PAD = 14.0
_ROW_GAP = 30.0
_MARGIN = 16.0


@dataclass(frozen=True, slots=True)
class Rect:
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Path:
    """A piece of a link: from an item, a module's border or a fork, to an item (``arrow``) or a border."""

    points: tuple[Point, ...]
    arrow: bool
    link: Link


@dataclass(frozen=True, slots=True)
class Layout:
    items: dict[str, Rect]
    boxes: dict[str, Rect]  # the outermost box, "", is the whole picture
    paths: tuple[Path, ...]
    flows_right: bool


@dataclass(slots=True)
class _Piece:
    """The part of a link that runs inside one box, between two of its members or its border (``None``)."""

    source: str | None
    target: str | None
    origin: str  # the item the link starts at: links of one origin share a port
    age: int  # place of the origin in the order of execution
    link: Link


@dataclass(slots=True)
class _Inside:
    """A box laid out by itself: its own size, and its content relative to its corner."""

    width: float
    height: float
    corners: dict[str, Point]
    paths: list[Path]
    entries: dict[str, float]  # origin -> x of its port on the upper border, from the centre of the box
    exits: dict[str, float]


def layout(view: View, sizes: dict[str, tuple[float, float]], titles: dict[str, float], direction: str) -> Layout:
    """Place items of the given ``sizes`` and boxes whose titles have the given widths."""
    right = direction == "LR"
    sizes = {key: (h, w) if right else (w, h) for key, (w, h) in sizes.items()}
    outer = {member: box.id for box in view.boxes for member in box.members}
    pieces = _split(view, outer)
    inside: dict[str, _Inside] = {}
    for box in reversed(view.boxes):  # inner boxes first
        done = inside[box.id] = _lay_out(box.id, box.members, pieces[box.id], sizes, inside, titles, right)
        sizes[box.id] = (done.width, done.height)
    corner = {"": (0.0, 0.0)}
    paths = []
    for box in view.boxes:
        x, y = corner[box.id]
        for member, (dx, dy) in inside[box.id].corners.items():
            corner[member] = (x + dx, y + dy)
        for path in inside[box.id].paths:
            paths.append(Path(tuple((x + px, y + py) for px, py in path.points), path.arrow, path.link))
    rects = {key: Rect(*at, *sizes[key]) for key, at in corner.items()}
    if right:
        rects = {key: Rect(r.y, r.x, r.h, r.w) for key, r in rects.items()}
        paths = [Path(tuple((y, x) for x, y in path.points), path.arrow, path.link) for path in paths]
    boxes = {box.id: rects[box.id] for box in view.boxes}
    items = {item.id: rects[item.id] for item in view.items}
    return Layout(items, boxes, tuple(paths), right)


def _split(view: View, outer: dict[str, str]) -> dict[str, list[_Piece]]:
    """Cut each link at the borders it passes."""
    pieces: dict[str, list[_Piece]] = {box.id: [] for box in view.boxes}
    age = {item.id: i for i, item in enumerate(view.items)}
    seen = set()

    def add(box: str, source: str | None, target: str | None, link: Link) -> None:
        key = (box, source, target, link.source)
        if key not in seen:
            seen.add(key)
            pieces[box].append(_Piece(source, target, link.source, age[link.source], link))

    for link in view.links:
        source, target = link.source, link.target
        around = {source}
        while source:
            source = outer[source]
            around.add(source)
        down = []  # the members on the way from the common box to the target
        while target not in around:
            down.append(target)
            target = outer[target]
        source = link.source
        while outer[source] != target:
            add(outer[source], source, None, link)
            source = outer[source]
        add(target, source, down[-1], link)
        for box, member in zip(reversed(down), reversed(down[:-1]), strict=False):
            add(box, None, member, link)
    return pieces


def _lay_out(
    box: str,
    members: tuple[str, ...],
    pieces: list[_Piece],
    sizes: dict[str, tuple[float, float]],
    inside: dict[str, _Inside],
    titles: dict[str, float],
    right: bool,
) -> _Inside:
    # the youngest origin first: what comes from the step before enters at the left, what skipped steps at the right
    pieces = sorted(pieces, key=lambda piece: piece.age, reverse=True)
    entries = [*dict.fromkeys(p.origin for p in pieces if p.source is None)]
    exits = [*dict.fromkeys(p.origin for p in pieces if p.target is None)]
    keys = [("in", origin) for origin in entries] + [("", member) for member in members]
    keys += [("out", origin) for origin in exits]
    number = {key: i for i, key in enumerate(keys)}
    measures = [sizes[name] if not side else (0.0, 0.0) for side, name in keys]
    links = []
    for piece in pieces:
        a = number["in", piece.origin] if piece.source is None else number["", piece.source]
        b = number["out", piece.origin] if piece.target is None else number["", piece.target]
        port_a = inside[piece.source].exits.get(piece.origin, 0.0) if piece.source in inside else 0.0
        port_b = inside[piece.target].entries.get(piece.origin, 0.0) if piece.target in inside else 0.0
        links.append((a, b, port_a, port_b))
    rows = arrange(len(keys), links, len(entries), len(exits))
    widths = [w for w, _ in measures] + [0.0] * (len(rows.row_of) - len(keys))
    x = columns(rows, widths)

    lead, start, end = _edges_of(box, right)
    low = min((x[c] - widths[c] / 2 for c in range(len(x))), default=0.0)
    high = max((x[c] + widths[c] / 2 for c in range(len(x))), default=0.0)
    slack = 0.0 if right or not box else max(0.0, titles[box] + 2 * _PAD - (high - low) - start - end)
    x = [value - low + start + slack / 2 for value in x]
    width = high - low + start + end + slack

    tops, bottoms = _row_heights(rows, x, [h for _, h in measures], lead, bool(entries), bool(exits))
    height = bottoms[-1] + (0.0 if exits else _PAD if box else _MARGIN)
    upper = [0.0] * len(x)
    lower = [0.0] * len(x)
    corners = {}
    for c, number_of_row in enumerate(rows.row_of):
        upper[c], lower[c] = tops[number_of_row], bottoms[number_of_row]
        if c < len(keys):
            w, h = measures[c]
            upper[c] = (upper[c] + lower[c] - h) / 2
            lower[c] = upper[c] + h
            if not keys[c][0]:
                corners[keys[c][1]] = (x[c] - w / 2, upper[c])
    paths = _paths(rows, pieces, links, x, widths, (tops, bottoms), (upper, lower), inside)
    middle = width / 2
    return _Inside(
        width, height, corners, paths,
        {origin: x[number["in", origin]] - middle for origin in entries},
        {origin: x[number["out", origin]] - middle for origin in exits},
    )  # fmt: skip


def _edges_of(box: str, right: bool) -> tuple[float, float, float]:
    """Room before the first row, before the first column, after the last column."""
    if not box:
        return _MARGIN, _MARGIN, _MARGIN
    return (_PAD, TITLE + 4, _PAD) if right else (TITLE + _PAD, _PAD, _PAD)


def _row_heights(
    rows: Rows, x: list[float], heights: list[float], lead: float, entries: bool, exits: bool
) -> tuple[list[float], list[float]]:
    """Top and bottom of every row; wide swings get more room, so that curves stay gentle."""
    swing = [0.0] * len(rows.rows)
    for a, b, port_a, port_b in rows.steps:
        above = rows.row_of[a]
        swing[above] = max(swing[above], abs(x[a] + port_a - x[b] - port_b))
    tops, bottoms = [], []
    y = 0.0 if entries else lead
    for i, row in enumerate(rows.rows):
        tops.append(y)
        y += max((heights[c] for c in row if c < rows.count), default=0.0)
        bottoms.append(y)
        if entries and i == 0:
            y += lead
        elif exits and i == len(rows.rows) - 2:
            y += _PAD + min(20.0, swing[i] / 10)
        else:
            y += _ROW_GAP + min(40.0, swing[i] / 10)
    return tops, bottoms


def _paths(
    rows: Rows,
    pieces: list[_Piece],
    links: list[tuple[int, int, float, float]],
    x: list[float],
    widths: list[float],
    band: tuple[list[float], list[float]],
    own: tuple[list[float], list[float]],
    inside: dict[str, _Inside],
) -> list[Path]:
    tops, bottoms = band
    upper, lower = own
    landings = _landings(rows, pieces, links, x, widths, inside)
    paths = []
    drawn: set[int] = set()
    for i in sorted(range(len(links)), key=lambda i: (-len(rows.routes[i] or ()), i)):
        a, b, port_a, port_b = links[i]
        route = rows.routes[i]
        end = x[b] + port_b + landings.get(i, 0.0)
        points: list[Point] = [(x[a] + port_a, lower[a])]
        if route is not None:
            points.append((x[a] + port_a, bottoms[rows.row_of[a]]))
            for point in route:
                if point in drawn:
                    points = [(x[point], lower[point])]  # the trunk is there already: begin at the fork
                else:
                    points += [(x[point], upper[point]), (x[point], lower[point])]
                    drawn.add(point)
            points.append((end, tops[rows.row_of[b]]))
        points.append((end, upper[b]))
        arrow = pieces[i].target is not None and pieces[i].target not in inside
        paths.append(Path(_straightened(points), arrow, pieces[i].link))
    return paths


def _landings(
    rows: Rows,
    pieces: list[_Piece],
    links: list[tuple[int, int, float, float]],
    x: list[float],
    widths: list[float],
    inside: dict[str, _Inside],
) -> dict[int, float]:
    """Spread the arrows into one item, so that no head covers another; the straight one keeps the middle."""
    arriving: dict[int, list[tuple[float, int]]] = {}
    for i, (a, b, port_a, _) in enumerate(links):
        target = pieces[i].target
        if target is not None and target not in inside:
            route = rows.routes[i]
            arriving.setdefault(b, []).append(((x[route[-1]] if route else x[a] + port_a) - x[b], i))
    result: dict[int, float] = {}
    for b, sides in arriving.items():
        if len(sides) > 1:
            left = [i for dx, i in sorted(sides, reverse=True) if dx < -0.5]
            right = [i for dx, i in sorted(sides) if dx > 0.5]
            step = min(14.0, (widths[b] / 2 - 8) / max(len(left), len(right), 1))
            result |= {i: -step * (k + 1) for k, i in enumerate(left)}
            result |= {i: step * (k + 1) for k, i in enumerate(right)}
    return result


def _straightened(points: list[Point]) -> tuple[Point, ...]:
    """Without the points in the middle of a straight line."""
    kept: list[Point] = []
    for point in points:
        while len(kept) > 1 and abs(kept[-1][0] - point[0]) < 0.01 and abs(kept[-2][0] - point[0]) < 0.01:
            kept.pop()
        if not kept or kept[-1] != point:
            kept.append(point)
    return tuple(kept) if len(kept) > 1 else (points[0], points[-1])
