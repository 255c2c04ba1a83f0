"""The second half of a layered layout: where each cell stands in its row.

Cells that follow each other directly, and the waypoints of one link, are tied into blocks that share one x: those
links are straight. Blocks are then packed and pulled towards what they are linked to.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from itertools import pairwise

from .ranks import Rows

_CELL_GAP = 26.0
_LINE_GAP = 13.0
_ROUNDS = 6


def columns(rows: Rows, widths: list[float]) -> list[float]:
    """The x of the centre of every cell and waypoint."""
    block, shift, size = _blocks(rows)
    right: list[list[tuple[int, float]]] = [[] for _ in range(size)]
    left: list[list[tuple[int, float]]] = [[] for _ in range(size)]
    for row in rows.rows:
        for a, b in pairwise(row):
            gap = _CELL_GAP if a < rows.count and b < rows.count else _LINE_GAP
            least = (widths[a] + widths[b]) / 2 + gap + shift[a] - shift[b]
            right[block[a]].append((block[b], least))
            left[block[b]].append((block[a], least))
    order = _left_to_right(right, left)
    x = [0.0] * size
    for b in order:
        x[b] = max((x[a] + least for a, least in left[b]), default=0.0)
    pulls: list[list[tuple[int, float, int]]] = [[] for _ in range(size)]
    for a, b, port_a, port_b in rows.steps:
        if block[a] != block[b]:
            apart = shift[a] + port_a - shift[b] - port_b  # straight where x[block b] − x[block a] = apart
            weight = 2 if a < rows.count and b < rows.count else 1
            pulls[block[b]].append((block[a], apart, weight))
            pulls[block[a]].append((block[b], -apart, weight))
    for turn in range(2 * _ROUNDS):
        for b in reversed(order) if turn % 2 == 0 else order:
            if pulls[b]:
                wish = _median([(x[other] + apart, weight) for other, apart, weight in pulls[b]])
                low = max((x[a] + least for a, least in left[b]), default=wish)
                high = min((x[c] - least for c, least in right[b]), default=wish)
                x[b] = max(low, min(high, wish))
    return [x[block[c]] + shift[c] for c in range(len(rows.row_of))]


def _blocks(rows: Rows) -> tuple[list[int], list[float], int]:
    """The block of every cell, its x within the block, and the number of blocks."""
    place = [0] * len(rows.row_of)
    for row in rows.rows:
        for i, cell in enumerate(row):
            place[cell] = i

    fed = Counter(b for _, b, _, _ in rows.steps)

    def rank(step: tuple[int, int, float, float]) -> tuple:
        a, b, _, _ = step
        if a >= rows.count or b >= rows.count:
            return (0, a, b) if a >= rows.count and b >= rows.count else (2, a, b)
        if a in fed or a < rows.entries or fed[b] == 1:
            return 1, -a, b  # of several sources the latest is the main one
        return 3, a, b  # a parameter stands aside

    tied_above: dict[int, tuple[int, float]] = {}
    tied_below: set[int] = set()
    ties: list[list[tuple[int, int]]] = [[] for _ in rows.rows]
    for a, b, port_a, port_b in sorted(rows.steps, key=rank):
        if b in tied_above or a in tied_below:
            continue
        gap = ties[rows.row_of[a]]
        at = bisect_left(gap, (place[a], place[b]))
        if (at and gap[at - 1][1] > place[b]) or (at < len(gap) and gap[at][1] < place[b]):
            continue  # it would cross a straight link
        insort(gap, (place[a], place[b]))
        tied_above[b] = (a, port_a - port_b)
        tied_below.add(a)
    block = [-1] * len(rows.row_of)
    shift = [0.0] * len(rows.row_of)
    size = 0
    for row in rows.rows:
        for cell in row:
            if cell in tied_above:
                above, apart = tied_above[cell]
                block[cell], shift[cell] = block[above], shift[above] + apart
            else:
                block[cell], size = size, size + 1
    return block, shift, size


def _left_to_right(right: list[list[tuple[int, float]]], left: list[list[tuple[int, float]]]) -> list[int]:
    """Blocks in an order in which each comes after everything at its left. (Blocks do not cross, so there is one.)"""
    waiting = [len(blocks) for blocks in left]
    order = [b for b, n in enumerate(waiting) if n == 0]
    for b in order:
        for c, _ in right[b]:
            waiting[c] -= 1
            if waiting[c] == 0:
                order.append(c)
    return order


def _median(values: list[tuple[float, int]]) -> float:
    """The weighted median, the middle of the two where two share it."""
    values = sorted(values)
    half = sum(weight for _, weight in values) / 2
    passed = 0
    for i, (value, weight) in enumerate(values):
        passed += weight
        if passed > half:
            return value
        if passed == half:
            return (value + values[i + 1][0]) / 2
    return values[-1][0]
