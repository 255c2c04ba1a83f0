"""The transforms of :mod:`.halving` in LLVM IR: a vector of tiles at a time. They only add and subtract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types

from .tile import OUTER_VECTORS
from .vectors import Body, Emitter, constant, float_arrays, intrinsic

TAPS = 3
FILTER_POINTS, PIXEL_POINTS, GRADIENT_POINTS = 4, 5, 4  # in one direction

Values = list[ir.Value]
Transform = Callable[[Any, Values], Values]


def _pixel_points(builder: Any, d: Values) -> Values:
    """5 pixels to 5 points."""
    return [builder.fsub(d[0], d[2]), d[1], d[2], d[3], builder.fsub(d[4], d[2])]


def _gradient_points(builder: Any, g: Values) -> Values:
    """3 gradients to 4 points."""
    return [builder.fsub(g[0], g[1]), g[0], g[1], builder.fsub(g[2], g[1])]


def _filter_points(builder: Any, w: Values) -> Values:
    """3 taps to 4 points."""
    return [w[0], w[1], builder.fadd(w[0], w[2]), w[2]]


def _taps(builder: Any, m: Values) -> Values:
    """4 sums to the gradients of 3 taps."""
    return [builder.fadd(m[0], m[2]), m[1], builder.fadd(m[2], m[3])]


def _sums_of_gradients(builder: Any, g: Values) -> Values:
    """2 gradients to 3 points."""
    return [g[0], builder.fadd(g[0], g[1]), g[1]]


def _results(builder: Any, m: Values) -> Values:
    """3 sums to 2 results."""
    return [builder.fadd(m[0], m[1]), builder.fadd(m[1], m[2])]


def _pixels(builder: Any, m: Values) -> Values:
    """5 products to the 4 pixels of an input gradient."""
    return [m[1], builder.fadd(m[0], m[2]), m[3], builder.fadd(m[2], m[4])]


@intrinsic
def pixels_to_points(typing_context, source, s0, pitch, target, t0, step):
    """``target[t0 + k·step + lane]``: the 25 points k of tiles of 5 × 5 pixels, side by side, 4 pixels apart.

    Rows of pixels begin at ``s0 + i·pitch``; five vectors of each are read. The lines of the next channel's points are
    asked for: storing them takes as long as they take to come.
    """
    return _read_tiles(PIXEL_POINTS, 4, _pixel_points, source, target)


@intrinsic
def gradients_to_points(typing_context, source, s0, pitch, target, t0, step):
    """The 16 points of tiles of 3 × 3 gradients, 2 apart, in the same way; three vectors of each row are read."""
    return _read_tiles(3, 2, _gradient_points, source, target)


def _read_tiles(side: int, apart: int, transform: Transform, source: Any, target: Any) -> tuple:
    element, index = float_arrays(source, target), types.int64

    def generate(context, builder, signature, args):
        _, s0, pitch, _, t0, step = args
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        row, to, rows = body.address(0, s0), body.address(3, t0), []
        for _ in range(side):
            rows.append([emit.load(builder.gep(row, [constant(i * emit.lanes)])) for i in range(apart + 1)])
            row = builder.gep(row, [pitch])
        # a column of vectors at a time; ``lines`` are rows of points
        lines = zip(*(transform(builder, list(column)) for column in zip(*rows)))
        for *vectors, behind in lines:
            columns = _deal(emit, vectors)
            # the first pixels of the next tiles
            columns.append(emit.shuffle(columns[0], behind, list(range(1, emit.lanes + 1))))
            for value in transform(builder, columns):
                emit.store(value, to)
                emit.fetch(builder.gep(to, [constant(OUTER_VECTORS * emit.lanes)]), write=True)
                to = builder.gep(to, [step])
        return context.get_dummy_value()

    return types.void(source, index, index, target, index, index), generate


def _deal(emit: Emitter, vectors: Values) -> Values:
    """Vector i of the result holds numbers i, i + n, ... of all n, a power of two."""
    if len(vectors) == 1:
        return vectors
    pairs = list(zip(vectors[::2], vectors[1::2]))
    halves = [_deal(emit, [emit.every_second(a, b, side) for a, b in pairs]) for side in range(2)]
    return [vector for pair in zip(*halves) for vector in pair]


def _collect(emit: Emitter, vectors: Values) -> Values:
    """The inverse of ``_deal``."""
    if len(vectors) == 1:
        return vectors
    even, odd = _collect(emit, vectors[::2]), _collect(emit, vectors[1::2])
    return [emit.alternate(a, b, half) for a, b in zip(even, odd) for half in range(2)]


@intrinsic
def sums_to_results(typing_context, source, s0, step, target, t0, pitch, rows, columns, zeros):
    """Write 2 × 2 results of each tile of a vector from its 9 sums ``source[s0 + k·step + lane]``.

    ``rows`` rows of results, ``pitch`` apart, and ``columns`` columns of all tiles exist in the target, at least one.
    ``zeros``, one vector, stays zero as long as all results of these tiles are finite.
    """
    return _write_tiles(3, 2, _results, source, target, zeros)


@intrinsic
def products_to_pixels(typing_context, source, s0, step, target, t0, pitch, rows, columns, zeros):
    """Write the 4 × 4 pixels of each tile of an input gradient from its 25 products, in the same way."""
    return _write_tiles(5, 4, _pixels, source, target, zeros)


def _write_tiles(side: int, high: int, transform: Transform, source: Any, target: Any, zeros: Any) -> tuple:
    element, index = float_arrays(source, target, zeros), types.int64
    signature = types.void(source, index, index, target, index, index, index, index, zeros)

    def generate(context, builder, signature, args):
        _, s0, step, _, t0, pitch, rows, columns, _ = args
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        at, lines = body.address(0, s0), []
        for _ in range(side):
            line = []
            for _ in range(side):
                line.append(emit.load(at))
                at = builder.gep(at, [step])
            lines.append(transform(builder, line))
        results = [transform(builder, list(column)) for column in zip(*lines)]  # columns of them
        total = results[0][0]
        for value in [value for column in results for value in column][1:]:
            total = builder.fadd(total, value)
        tiles = builder.sdiv(builder.add(columns, constant(high - 1)), constant(high))
        total = builder.select(emit.first(tiles), total, emit.zero)
        check = body.address(8, constant(0))
        emit.store(emit.multiply_add(emit.zero, total, emit.load(check)), check)
        to, whole = body.address(3, t0), builder.icmp_signed(">=", columns, constant(high * emit.lanes))
        masks = [emit.first(builder.sub(columns, constant(i * emit.lanes))) for i in range(high)]
        for i, row in enumerate(zip(*results)):
            with builder.if_then(builder.icmp_signed("<", constant(i), rows)):
                vectors = _collect(emit, list(row))
                places = [builder.gep(to, [constant(j * emit.lanes)]) for j in range(high)]
                with builder.if_else(whole) as (at_once, in_parts):
                    with at_once:
                        for vector, place in zip(vectors, places):
                            emit.store(vector, place)
                    with in_parts:
                        for vector, place, mask in zip(vectors, places, masks):
                            emit.store_where(vector, place, mask)
            to = builder.gep(to, [pitch])
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def filters_to_points(typing_context, source, s0, s_step, target, t0, t_step):
    """``target[t0 + k·t_step + lane]``: the 16 points k of the filters ``w[i] = source[s0 + i·s_step + lane]``."""
    return _convert(TAPS, _filter_points, source, target)


@intrinsic
def sums_to_filters(typing_context, source, s0, s_step, target, t0, t_step):
    """``target[t0 + i·t_step + lane]``: taps i of a weight gradient, whose 16 sums are at ``s0 + k·s_step + lane``."""
    return _convert(4, _taps, source, target)


@intrinsic
def pixels_of_channels_to_points(typing_context, source, s0, pitch, target, t0, step):
    """``target[t0 + k·step + lane]``: 25 points k of the 5 × 5 pixels at ``s0 + i·pitch + j·lanes + lane``: each lane
    has a channel.
    """
    return _convert(PIXEL_POINTS, _pixel_points, source, target, in_lines=True)


@intrinsic
def gradients_of_channels_to_points(typing_context, source, s0, pitch, target, t0, step):
    """``target[t0 + k·step + lane]``: the 9 points k of 2 × 2 gradients, in the same way."""
    return _convert(2, _sums_of_gradients, source, target, in_lines=True)


def _convert(side: int, transform: Transform, source: Any, target: Any, in_lines: bool = False) -> tuple:
    """From vectors that are a step apart, or ``in_lines``, neighbours in rows that are."""
    element, index = float_arrays(source, target), types.int64

    def generate(context, builder, signature, args):
        _, s0, s_step, _, t0, t_step = args
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        row, to, lines = body.address(0, s0), body.address(3, t0), []
        apart, pitch = (constant(emit.lanes), s_step) if in_lines else (s_step, builder.mul(s_step, constant(side)))
        for _ in range(side):
            at, line = row, []
            for _ in range(side):
                line.append(emit.load(at))
                at = builder.gep(at, [apart])
            lines.append(transform(builder, line))
            row = builder.gep(row, [pitch])
        for values in zip(*(transform(builder, list(column)) for column in zip(*lines))):
            for value in values:
                emit.store(value, to)
                to = builder.gep(to, [t_step])
        return context.get_dummy_value()

    return types.void(source, index, index, target, index, index), generate
