"""Nothing overlaps, everything is inside its module, every line ends where it should."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import viz
from autograd.viz.layout import TITLE, layout
from autograd.viz.svg import _size

from .models import Cell, Dense, Module, UNet, leaf, op, unet_loss


def place(g, direction):
    sizes = {item.id: _size(item) for item in g.shown.items}
    return layout(g.shown, sizes, {box.id: 50.0 for box in g.shown.boxes}, direction)


def overlap(a, b, room=0.0):
    return a.x < b.x + b.w - room and b.x < a.x + a.w - room and a.y < b.y + b.h - room and b.y < a.y + a.h - room


def on_border(point, rect):
    x, y = point
    beside = rect.x - 0.01 <= x <= rect.x + rect.w + 0.01 and rect.y - 0.01 <= y <= rect.y + rect.h + 0.01
    edges = (x - rect.x, x - rect.x - rect.w, y - rect.y, y - rect.y - rect.h)
    return beside and min(map(abs, edges)) < 0.01


def check(g, direction):
    placed = place(g, direction)
    everything = {**placed.items, **placed.boxes}
    for box in g.shown.boxes:
        for a, b in itertools.combinations(box.members, 2):
            assert not overlap(everything[a], everything[b]), (a, b)
        around = placed.boxes[box.id]
        for member in box.members:
            r = everything[member]
            top = around.y + (TITLE if box.id else 0)
            assert around.x < r.x < r.x + r.w < around.x + around.w, (box.id, member)
            assert top < r.y < r.y + r.h < around.y + around.h, (box.id, member)
    ends = [path.points[-1] for path in placed.paths]
    borders = list(everything.values())
    for path in placed.paths:
        start, end = path.points[0], path.points[-1]
        fork = any(start in other.points[1:-1] or _between(start, other.points) for other in placed.paths)
        assert fork or any(on_border(start, r) for r in borders), path
        assert any(on_border(end, r) for r in borders), path
        if path.arrow:
            assert on_border(end, placed.items[path.link.target]), path
        middle = [p for p in path.points[1:-1] if any(_strictly_inside(p, r) for r in placed.items.values())]
        assert not middle, path
    arrived = {path.link.target for path in placed.paths if path.arrow}
    assert arrived == {link.target for link in g.shown.links}
    assert len(ends) == len(placed.paths)


def _between(point, points):
    """Whether a point lies on a straight stretch of a line."""
    x, y = point
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if abs(x0 - x1) < 0.01 and abs(x - x0) < 0.01 and min(y0, y1) - 0.01 <= y <= max(y0, y1) + 0.01:
            return True
        if abs(y0 - y1) < 0.01 and abs(y - y0) < 0.01 and min(x0, x1) - 0.01 <= x <= max(x0, x1) + 0.01:
            return True
    return False


def _strictly_inside(point, r):
    x, y = point
    return r.x + 0.01 < x < r.x + r.w - 0.01 and r.y + 0.01 < y < r.y + r.h - 0.01


def rnn():
    cell, h, c = Cell(), leaf(4, 8), leaf(4, 8)

    class RNN(Module):
        def forward(self, *xs):
            state = h, c
            for x in xs:
                state = cell(x, *state)
            return state

    return list(RNN()(*(leaf(4, 8) for _ in range(4))))


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("options", [{}, {"depth": 0}, {"depth": 2}, {"depth": 9}, {"depth": 9, "params": "nodes"}])
@pytest.mark.parametrize("make", [lambda: unet_loss(32, 3), lambda: Dense()(leaf(4, 8, 16, 16)), rnn])
def test_nothing_overlaps_and_lines_end_at_their_nodes(make, options, direction):
    check(viz.graph(make(), max_nodes=1000, **options), direction)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 3)), min_size=1, max_size=25))
def test_any_graph_keeps_the_promises(steps):
    class Part(Module):
        def forward(self, *xs):
            return op("add", xs, (2, 3))

    class Whole(Module):
        def __init__(self):
            self.parts = [Part(), Part()]

        def forward(self, x):
            made = [x]
            for a, b, how in steps:
                pair = made[a % len(made)], made[b % len(made)]
                made.append(self.parts[how % 2](*pair) if how > 1 else op("mul", pair, (2, 3)))
            return made[-1]

    g = viz.graph(Whole()(leaf(2, 3)), depth=9)
    check(g, "TB")
    check(g, "LR")


def test_a_chain_with_skips_is_one_straight_column_with_its_skips_at_the_right():
    g = viz.graph(UNet(depth=3)(leaf(8, 3, 32, 32)), depth=1)
    placed = place(g, "TB")
    centres = {round(r.x + r.w / 2, 3) for r in placed.items.values()}
    assert len(centres) == 1
    lanes = [max(x for x, _ in path.points) for path in placed.paths if len(path.points) > 2]
    assert len(lanes) == 3
    assert lanes == sorted(lanes, reverse=True)  # the longest, drawn first, runs outermost
    assert lanes[-1] > centres.pop()


def test_rows_follow_the_order_of_execution():
    g = viz.graph(UNet(depth=2)(leaf(8, 3, 32, 32)), depth=9)
    placed = place(g, "TB")
    tops = [placed.items[item.id].y for item in g.shown.items]
    assert tops == sorted(tops)
