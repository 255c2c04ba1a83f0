"""The register tiles of depthwise convolutions: they read the map where it is.

A tile walks down a map in a column as wide as a vector, with a *unit* of taps of the filter. What is beside the map to
the left and right is not read: masks tell the lanes that are inside. Rows above and below the map are a line of zeros.
So nothing is copied before it is multiplied.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.cgutils import unpack_tuple

from .vectors import VECTOR_BYTES, Body, Emitter, constant, float_arrays, intrinsic

COLUMN = 3  # taps below each other, at most: with their sums they must fit the registers
SUMS = 3 * COLUMN  # taps of a unit of the weight gradient
# Where things stand in a unit: its first row of pixels (for the first row of outputs), whether it has all taps, where
# the places are that it reads (for the first output), its taps. In a position: the first output, which outputs exist,
# and which pixels exist at each place of each unit.
LINE, COMPLETE, PLACES = range(3)
START, EXIST, INSIDE = range(3)


def places(step: int, spread: int) -> list[list[tuple[int, int]]]:
    """The taps (side, number) of a row of a unit that meet the pixels of each place.

    With a step of 2, two vectors are read at a place, and their even and odd pixels meet neighbouring taps. With a
    spread of 2, two taps each make the even and the odd outputs.
    """
    if spread == 2:
        return [[(0, 0)], [(0, 1)], [(1, 2)], [(1, 3)]]
    return [[(0, 0), (0, 1)], [(0, 2)]] if step == 2 else [[(0, 0)], [(0, 1)], [(0, 2)]]


def taps_in_row(step: int, spread: int) -> int:
    """Taps of a row of a unit."""
    return sum(map(len, places(step, spread)))


class _Column:
    """The pixels that a unit meets in the column of one position; those ``ahead`` of them come next.

    They are asked for: a column is no run, which the processor would foresee. Maps in the last cache took a tenth less
    time with the next column ahead, and maps that had left it half of the time with the next map.
    """

    def __init__(
        self,
        emit: Emitter,
        unit: ir.Value,
        position: ir.Value,
        inside: ir.Value,
        ahead: ir.Value,
        step: int,
        spread: int,
    ):
        self.emit, self.step, self.places, self.ahead = emit, step, places(step, spread), ahead
        self.start = _entry(emit, position, START)
        first = emit.builder.mul(self.start, constant(step))
        self.offsets = [emit.builder.add(first, _entry(emit, unit, PLACES + i)) for i in range(len(self.places))]
        bits = [_entry(emit, inside, i) for i in range(len(self.places))]
        self.masks = [[emit.mask(of_place, part) for part in range(step)] for of_place in bits]

    def read(self, row: ir.Value) -> list[ir.Value]:
        """The vectors that the taps of a row meet, in their order."""
        emit = self.emit
        for i in range(self.step):
            column = emit.builder.add(self.offsets[0], constant(i * emit.lanes))
            emit.fetch(emit.builder.gep(row, [emit.builder.add(column, self.ahead)]))
        vectors: list[ir.Value] = []
        for offset, masks, taps in zip(self.offsets, self.masks, self.places):
            vectors += _load(emit, emit.builder.gep(row, [offset]), masks, len(taps))
        return vectors


class _Rows:
    """The rows of a map: where each begins, or else the line of zeros."""

    def __init__(self, emit: Emitter, pixels: ir.Value, width: ir.Value, rows: ir.Value, zeros: ir.Value):
        builder = emit.builder
        self.emit, self.rows = emit, rows
        self.first, self.zeros = (builder.ptrtoint(pointer, rows.type) for pointer in (pixels, zeros))
        self.line = builder.mul(width, constant(emit.align))

    def begin(self, number: ir.Value) -> list[ir.Value]:
        """What is carried along from row to row."""
        builder = self.emit.builder
        return [builder.add(self.first, builder.mul(number, self.line)), number]

    def here(self, state: list[ir.Value]) -> ir.Value:
        builder, (place, number) = self.emit.builder, state
        exists = builder.icmp_unsigned("<", number, self.rows)
        return builder.inttoptr(builder.select(exists, place, self.zeros), self.emit.scalar.as_pointer())

    def following(self, state: list[ir.Value], count: ir.Value) -> list[ir.Value]:
        builder, (place, number) = self.emit.builder, state
        return [builder.add(place, builder.mul(count, self.line)), builder.add(number, count)]


def _entry(emit: Emitter, table: ir.Value, i: int) -> ir.Value:
    return emit.builder.load(emit.builder.gep(table, [constant(i)]))


def _load(emit: Emitter, place: ir.Value, masks: list[ir.Value], parts: int) -> list[ir.Value]:
    """The vector of a mask; of two, the even lanes, and the odd ones as the second of two ``parts``."""
    vectors = []
    for i, mask in enumerate(masks):
        vectors.append(emit.load_where(emit.builder.gep(place, [constant(i * emit.lanes)]), mask))
    return vectors if len(masks) == 1 else [emit.every_second(vectors[0], vectors[1], side) for side in range(parts)]


def multiply_down(height: int, down: int, step: int, spread: int, *, far: bool) -> Any:
    """An intrinsic that multiplies a unit of ``height`` taps below each other.

    The pixels of one row of outputs are ``down`` rows below those of the row before, ``skip`` more than are read. A row
    of pixels is read once for all outputs that meet it: sums of several rows are under way.

    far : the maps have left the caches. Then what is asked for is the next map, not the next column, and also where its
        results go, which took a quarter more time where they are in the last cache.
    """
    beside = taps_in_row(step, spread)
    before = max(0, height - down)  # rows that are read before the first round
    skips = down == COLUMN or height < down

    @intrinsic
    def multiply(typing_context, pixels, zeros, weights, units, positions, result, numbers):
        """``count`` rows of the results of one position, ``pitch`` apart. (Numbers are as they are unpacked below.)"""
        element = float_arrays(pixels, zeros, weights, result)

        def generate(context, builder, signature, args):
            x0, width, rows, first, skip, ahead, w0, u0, p0, i0, r0, pitch, count, results_ahead = unpack_tuple(
                builder, args[6]
            )
            emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
            weights, unit, position = body.address(2, w0), body.address(3, u0), body.address(4, p0)
            following = ahead if far else constant(step * emit.lanes)
            column = _Column(emit, unit, position, body.address(4, i0), following, step, spread)
            exist = _entry(emit, position, EXIST)
            there = [emit.mask(exist, half) for half in range(spread)]
            whole = builder.icmp_signed("==", exist, constant((1 << spread * emit.lanes) - 1))
            filters = _filters(emit, weights, unit, column, height * beside)
            walk = _Rows(emit, body.address(0, x0), width, rows, body.address(1, constant(0)))
            to = builder.gep(body.address(5, r0), [builder.mul(column.start, constant(spread))])

            def read(i, state, sums):
                """Row ``i`` of the pixels of those outputs whose sums are the first."""
                if i % down == 0:
                    sums.append([emit.zero] * spread)
                vectors = column.read(walk.here(state))
                for j in range(i // down + 1):
                    for vector, (side, slot) in zip(vectors, chain.from_iterable(column.places)):
                        weight = filters[(i - j * down) * beside + slot]
                        sums[j][side] = emit.multiply_add(weight, vector, sums[j][side])
                return walk.following(state, constant(1))

            state = walk.begin(builder.add(first, _entry(emit, unit, LINE)))
            sums: list[list[ir.Value]] = []
            for i in range(before):
                state = read(i, state, sums)

            def go_down(_, carried):
                to, *state = carried[:3]
                sums = [carried[i : i + spread] for i in range(3, len(carried), spread)]
                for i in range(before, height):
                    state = read(i, state, sums)
                done, *sums = sums
                vectors = done if spread == 1 else [emit.alternate(done[0], done[1], half) for half in range(2)]
                for half, vector in enumerate(vectors):
                    place = builder.gep(to, [constant(half * emit.lanes)])
                    if far:
                        emit.fetch(builder.gep(place, [results_ahead]), write=True)
                    _store(emit, vector, place, there[half], whole)
                if skips:
                    state = walk.following(state, skip)
                return [builder.gep(to, [pitch]), *state, *chain.from_iterable(sums)]

            body.loop(count, 1, [to, *state, *chain.from_iterable(sums)], go_down, unroll=False)
            return context.get_dummy_value()

        return types.void(pixels, zeros, weights, units, positions, result, numbers), generate

    return multiply


def _store(emit: Emitter, vector: ir.Value, place: ir.Value, mask: ir.Value, whole: ir.Value) -> None:
    """Only the lanes of the mask, which are all of them if it is ``whole``."""
    if VECTOR_BYTES == 64:
        emit.store_where(vector, place, mask)
        return
    # with AVX2 this takes a dozen cycles on some processors
    with emit.builder.if_else(whole) as (all_lanes, some):
        with all_lanes:
            emit.store(vector, place)
        with some:
            emit.store_where(vector, place, mask)


def _filters(emit: Emitter, weights: ir.Value, unit: ir.Value, column: _Column, count: int) -> list[ir.Value]:
    """The weights of a unit, in all lanes; those of taps that it has not are zero."""
    builder = emit.builder
    taps = [_entry(emit, unit, PLACES + len(column.places) + i) for i in range(count)]
    with builder.if_else(builder.trunc(_entry(emit, unit, COMPLETE), ir.IntType(1))) as (complete, others):
        with complete:
            known = [emit.splat(builder.load(builder.gep(weights, [tap]))) for tap in taps]
            end = builder.block
        with others:
            found = []
            for tap in taps:
                exists = builder.icmp_signed(">=", tap, constant(0))
                weight = builder.load(builder.gep(weights, [builder.select(exists, tap, constant(0))]))
                found.append(emit.splat(builder.select(exists, weight, emit.scalar(0))))
            other_end = builder.block
    filters = []
    for pair in zip(known, found):
        either = builder.phi(emit.vector)
        for value, block in zip(pair, (end, other_end)):
            either.add_incoming(value, block)
        filters.append(either)
    return filters


def dots_down(height: int, down: int, step: int, *, far: bool) -> Any:
    """An intrinsic that adds the products of pixels and gradients for each tap of a unit, lane by lane.

    It walks down as ``multiply_down`` does, in all positions; there are at least ``(height - 1) // down`` rows.
    """
    beside = taps_in_row(step, 1)
    behind = (height - 1) // down  # rows of gradients that meet the same pixels as the newest one
    skips = down == COLUMN or height < down

    @intrinsic
    def dots(typing_context, pixels, zeros, gradient, units, positions, sums, numbers):
        """Of ``count`` rows, ``pitch`` apart. (Numbers are as they are unpacked below.)

        Positions are ``stride`` apart from 0 to ``stop``, and ``i0`` further is which pixels are inside.
        """
        element = float_arrays(pixels, zeros, gradient, sums)

        def generate(context, builder, signature, args):
            x0, width, rows, first, skip, ahead, g0, pitch, u0, i0, stride, stop, s0, count, gradient_ahead = (
                unpack_tuple(builder, args[6])
            )
            emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
            unit, sums = body.address(3, u0), body.address(5, s0)
            walk = _Rows(emit, body.address(0, x0), width, rows, body.address(1, constant(0)))
            top = walk.begin(builder.add(first, _entry(emit, unit, LINE)))
            slots = [builder.gep(sums, [constant(i * emit.lanes)]) for i in range(height * beside)]

            def one_position(p, totals):
                position = body.address(4, builder.mul(p, stride))
                following = ahead if far else constant(step * emit.lanes)
                column = _Column(emit, unit, position, builder.gep(position, [i0]), following, step, 1)
                mask = emit.mask(_entry(emit, position, EXIST))
                gradient = builder.gep(body.address(2, g0), [column.start])

                def read(i, state, held, totals, newest=0):
                    """Row ``i`` of the pixels that the newest gradients meet; ``held`` are from ``newest`` on."""
                    vectors = column.read(walk.here(state))
                    for j, ours in enumerate(held, newest):
                        tap = i + j * down
                        for k, theirs in enumerate(vectors if tap < height else []):
                            totals[tap * beside + k] = emit.multiply_add(ours, theirs, totals[tap * beside + k])
                    return walk.following(state, constant(1))

                def go_down(_, carried, known=behind):
                    place, *state = carried[:3]
                    if far:
                        emit.fetch(builder.gep(place, [gradient_ahead]))
                    held, totals = [emit.load_where(place, mask), *carried[3 : 3 + known]], list(carried[3 + known :])
                    for i in range(min(height, down)):
                        state = read(i, state, held, totals)
                    if skips:
                        state = walk.following(state, skip)
                    return [builder.gep(place, [pitch]), *state, *held[:behind], *totals]

                carried = [gradient, *top, *totals]
                for known in range(behind):
                    carried = go_down(None, carried, known)
                remaining = builder.sub(count, constant(behind))
                carried = body.loop(remaining, 1, carried, go_down, often=behind == 0, unroll=False)
                state, held, totals = carried[1:3], carried[3 : 3 + behind], list(carried[3 + behind :])
                for i in range(height - down):
                    state = read(i, state, held, totals, newest=1)
                return totals

            totals = body.loop(stop, 1, [emit.load(slot) for slot in slots], one_position, unroll=False)
            for total, slot in zip(totals, slots):
                emit.store(total, slot)
            return context.get_dummy_value()

        return types.void(pixels, zeros, gradient, units, positions, sums, numbers), generate

    return dots


@intrinsic
def store_lane_sums(typing_context, result, r0, sums, s0):
    """``result[r0 + i] = sum over the lanes l of one vector of sums[s0 + i·lanes + l]`` for i < SUMS; whole vectors are
    written.
    """
    element, index = float_arrays(result, sums), types.int64

    def generate(context, builder, signature, args):
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        first, target = body.address(2, args[3]), body.address(0, args[1])
        vectors = [emit.load(builder.gep(first, [constant(i * emit.lanes)])) for i in range(SUMS)]
        for i, vector in enumerate(emit.lane_sums(vectors)):
            emit.store(vector, builder.gep(target, [constant(i * emit.lanes)]))
        return context.get_dummy_value()

    return types.void(result, index, sums, index), generate
