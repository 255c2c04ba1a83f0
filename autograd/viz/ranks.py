"""The first half of a layered layout: which row each cell stands in, and in which order.

Cells are numbered in the order of execution; a link ``(a, b, port_a, port_b)`` leaves ``a`` at ``port_a`` from its
centre and reaches ``b`` at ``port_b``. Links that pass rows in between get a waypoint in each, and links from one port
share them, so that a tensor read in many places is one line that forks.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass

Cells = list[int]
_SWEEPS = 4


@dataclass(slots=True)
class Rows:
    """Cells and waypoints (numbered on from the cells) in rows."""

    count: int  # cells; every number from here on is a waypoint
    entries: int  # so many of the first cells are ports, where links come in from outside
    rows: list[Cells]
    row_of: list[int]
    steps: list[tuple[int, int, float, float]]  # links between neighbouring rows
    routes: list[Cells | None]  # waypoints of each link; None: drawn straight across


def arrange(count: int, links: list[tuple[int, int, float, float]], entries: int, exits: int) -> Rows:
    """Rows for ``count`` cells; the first ``entries`` of them are the first row, the last ``exits`` the last one."""
    row_of = _row_numbers(count, links, entries, exits)
    rows: list[Cells] = [[] for _ in range(max(row_of, default=0) + 1)]
    for cell in range(count):
        rows[row_of[cell]].append(cell)
    result = Rows(count, entries, rows, row_of, [], [])
    _add_waypoints(result, links)
    _order(result)
    return result


def _row_numbers(count: int, links: list[tuple[int, int, float, float]], entries: int, exits: int) -> list[int]:
    """Each cell one row below its lowest source."""
    before: list[Cells] = [[] for _ in range(count)]
    after: list[Cells] = [[] for _ in range(count)]
    for a, b, _, _ in links:
        if a < b:  # a link against the order of execution says nothing about rows
            before[b].append(a)
            after[a].append(b)
    first = 1 if entries else 0
    row = [0] * count
    for cell in range(entries, count):
        row[cell] = max([first, *(row[a] + 1 for a in before[cell])])
    # What hangs on nothing that comes from outside (a parameter, a constant's chain) stands just above its reader.
    free = [False] * entries + [True] * (count - entries)
    for cell in range(entries, count):
        free[cell] = all(free[a] for a in before[cell])
    for cell in reversed(range(entries, count - exits)):
        if free[cell] and after[cell]:
            row[cell] = min(row[b] for b in after[cell]) - 1
    if exits:
        last = max(row[: count - exits], default=0) + 1
        row[count - exits :] = [last] * exits
    used = {number: i for i, number in enumerate(sorted(set(row)))}
    return [used[number] for number in row]


def _add_waypoints(rows: Rows, links: list[tuple[int, int, float, float]]) -> None:
    chains: dict[tuple[int, float], Cells] = {}
    budget = 20 * rows.count + 2000  # a dense net would have more waypoints than anyone has pixels
    for a, b, port_a, port_b in links:
        top, bottom = rows.row_of[a], rows.row_of[b]
        chain = chains.setdefault((a, port_a), [])
        missing = bottom - top - 1 - len(chain)
        if bottom <= top or missing > budget:
            rows.routes.append(None)
            continue
        for _ in range(missing):
            point = len(rows.row_of)
            row = top + 1 + len(chain)
            rows.row_of.append(row)
            rows.rows[row].append(point)
            rows.steps.append((chain[-1] if chain else a, point, 0.0 if chain else port_a, 0.0))
            chain.append(point)
            budget -= 1
        route = chain[: bottom - top - 1]
        rows.routes.append(route)
        rows.steps.append((route[-1] if route else a, b, 0.0 if route else port_a, port_b))


def _order(rows: Rows) -> None:
    """Order every row so that few links cross: each cell moves to the mean place of its neighbours.

    The order of execution decides between equals, and cells stand left of waypoints: a chain of modules stays one
    straight column, the links that skip some of it run at its right, the longest outermost.
    """
    above: list[list[tuple[int, float, float]]] = [[] for _ in rows.row_of]
    below: list[list[tuple[int, float, float]]] = [[] for _ in rows.row_of]
    gaps: list[list[tuple[int, int, float, float]]] = [[] for _ in rows.rows]
    for a, b, port_a, port_b in rows.steps:
        above[b].append((a, _share(port_a), _share(port_b)))
        below[a].append((b, _share(port_b), _share(port_a)))
        gaps[rows.row_of[a]].append((a, b, _share(port_a), _share(port_b)))
    place = [0.0] * len(rows.row_of)
    for row in rows.rows:
        _number(row, place)
    best: tuple[int, list[Cells]] | None = None
    for sweep in range(2 * _SWEEPS):
        down = sweep % 2 == 0
        for row in rows.rows if down else reversed(rows.rows):
            neighbours = above if down else below
            wish = {}
            for cell in row:
                near = neighbours[cell]
                own = place[cell]
                wish[cell] = sum(place[c] + there - here for c, there, here in near) / len(near) if near else own
            row.sort(key=lambda cell: (wish[cell], cell >= rows.count, place[cell] if sweep else cell))
            _number(row, place)
        crossings = sum(_crossings(gap, place) for gap in gaps)
        if best is None or crossings < best[0]:
            best = crossings, [row[:] for row in rows.rows]
        if not crossings:
            break
    if best is not None:
        rows.rows = best[1]


def _share(port: float) -> float:
    """A port's place as a fraction of its cell, so that it counts for less than a whole place in the row."""
    return max(-0.45, min(0.45, port / 400.0))


def _number(row: Cells, place: list[float]) -> None:
    for i, cell in enumerate(row):
        place[cell] = i


def _crossings(gap: list[tuple[int, int, float, float]], place: list[float]) -> int:
    if len(gap) < 2:
        return 0
    ends: list[float] = []
    total = 0
    for _, end in sorted((place[a] + port_a, place[b] + port_b) for a, b, port_a, port_b in gap):
        total += len(ends) - bisect_right(ends, end)  # links that start at the left of this one and end at its right
        insort(ends, end)
    return total
