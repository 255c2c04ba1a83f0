"""The register tiles under most convolutions, written in LLVM IR: outer products, dot products and strips.

Numba compiles loops; what it cannot promise is that a block of sums stays in vector registers through a whole loop.
These intrinsics emit that: accumulators that never touch memory, one fused multiply-add each. LLVM turns a vector type
that the CPU lacks into smaller ones, so they run anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types

from .vectors import REGISTERS, Body, Emitter, constant, float_arrays, intrinsic, lanes

# Sizes of the tiles: sums and operands must fit the registers.
OUTER_ROWS = 8 if REGISTERS == 32 else 4  # output channels; 14 × 2 was 25 % slower on 16 channels, a panel nearly idle
OUTER_VECTORS = 3  # of pixels
NARROW_VECTORS = 2 if REGISTERS == 32 else 3  # of a row; 16 sums hide the latency of adding, 8 do not
FEW_ROWS, FEW_VECTORS = 2, 6 if REGISTERS == 32 else 4  # for two output channels, with which six rows would be idle
ROW_VECTORS = 4 if lanes("f4") == 16 else 8  # of pixels of one channel: enough sums to hide the latency of adding
DOT_ROWS = 4 if REGISTERS == 32 else 2  # output channels
DOT_TAPS = 6
STRIP_ROWS, STRIPS = 4, 2  # of one channel; strips of 8 rows were more often partly empty
COLUMN = 3  # taps below each other: their weights must fit the registers too
# So many taps before they are needed pixels are asked for: as long as the third-level cache takes. 12 were too few.
FETCHED = 24
# So many places before they are needed panels are asked for: the left one may lie in the third-level cache.
LEFT_AHEAD, RIGHT_AHEAD = 48, 8


def dot_results(rows: int, taps: int, dtype: Any) -> int:
    """Elements that sums of dot products take in memory: ``rows × taps`` of them, filled up to whole vectors."""
    return -(-rows * taps // lanes(dtype)) * lanes(dtype)


@intrinsic
def multiply_outer(typing_context, weights, w0, pitch, channels, pixels, p0, taps, first, count, result, r0, step, add):
    """``result[r0 + m·step + p] = sum over k of weights[w0 + m·pitch + taps[k, 0]] · pixels[p0 + taps[k, 1] + p]``.

    M = OUTER_ROWS output channels m, of which only the first ``channels`` exist in memory (the others repeat the last);
    OUTER_VECTORS · lanes pixels p; ``count`` taps from ``first`` on, at least one. With ``add`` the result is added to.

    The weights are read where they are: packing them first cost 15-30 % of a layer with 256 channels and 8 × 8 pixels.
    """
    return _outer(OUTER_ROWS, OUTER_VECTORS, weights, pixels, taps, result)


@intrinsic
def multiply_narrow(
    typing_context, weights, w0, pitch, channels, pixels, p0, taps, first, count, result, r0, step, add
):
    """``multiply_outer`` for NARROW_VECTORS of pixels."""
    return _outer(OUTER_ROWS, NARROW_VECTORS, weights, pixels, taps, result)


@intrinsic
def multiply_few(typing_context, weights, w0, pitch, channels, pixels, p0, taps, first, count, result, r0, step, add):
    """``multiply_outer`` for FEW_ROWS output channels and FEW_VECTORS."""
    return _outer(FEW_ROWS, FEW_VECTORS, weights, pixels, taps, result)


@intrinsic
def multiply_outer_two(
    typing_context, weights, w0, pitch, channels, pixels, p0, taps, first, count, result, r0, step, add
):
    """``multiply_outer`` for two vectors of pixels."""
    return _outer(OUTER_ROWS, 2, weights, pixels, taps, result)


@intrinsic
def multiply_outer_one(
    typing_context, weights, w0, pitch, channels, pixels, p0, taps, first, count, result, r0, step, add
):
    """``multiply_outer`` for one vector of pixels."""
    return _outer(OUTER_ROWS, 1, weights, pixels, taps, result)


@intrinsic
def multiply_row(typing_context, weights, w0, pitch, channels, pixels, p0, taps, first, count, result, r0, step, add):
    """``multiply_outer`` for one output channel, as a depthwise convolution has in each group, and ROW_VECTORS."""
    return _outer(1, ROW_VECTORS, weights, pixels, taps, result)


@intrinsic
def multiply_and_pack(
    typing_context, weights, w0, pitch, channels, pixels, p0, taps, first, count, result, r0, step, add, packed, t0
):
    """``multiply_outer``, and the pixels of the taps are copied to ``packed[t0:]``, tap by tap.

    The pixels are asked for FETCHED taps earlier, since no processor sees by itself where they come from: a plane
    apart. So many more taps than are counted are in the table.
    """
    return _outer(OUTER_ROWS, OUTER_VECTORS, weights, pixels, taps, result, packed)


def _outer(height: int, width: int, weights: Any, pixels: Any, taps: Any, result: Any, *packed: Any) -> tuple:
    element = float_arrays(weights, pixels, result, *packed)
    index = types.int64
    signature = types.void(
        *(weights, index, index, index, pixels, index, taps, index, index, result, index, index),
        *(types.boolean, *packed, *[index] * len(packed)),
    )

    def generate(context, builder, signature, args):
        _, w0, pitch, channels, _, p0, _, first, count, _, r0, step, add, *copy = args
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        weights, pixels, result = body.address(0, w0), body.address(4, p0), body.address(9, r0)
        table = body.address(6, builder.mul(first, constant(2)))

        def read(k):
            entry = builder.gep(table, [builder.mul(k, constant(2))])
            column = builder.load(entry)
            window = builder.gep(pixels, [builder.load(builder.gep(entry, [constant(1)]))])
            vectors = [emit.load(builder.gep(window, [constant(v * emit.lanes)])) for v in range(width)]
            if packed:
                later = builder.load(builder.gep(entry, [constant(2 * FETCHED + 1)]))
                for v in range(width):
                    emit.fetch(builder.gep(pixels, [builder.add(later, constant(v * emit.lanes))]))
                target = builder.gep(body.address(13, copy[1]), [builder.mul(k, constant(width * emit.lanes))])
                for v, vector in enumerate(vectors):
                    emit.store(vector, builder.gep(target, [constant(v * emit.lanes)]))
            return column, vectors

        left, sums = _rows(builder, weights, pitch, channels, height), _rows(builder, result, step, channels, height)
        _add_products(emit, body, left, sums, width, count, add, read, unroll=True)
        return context.get_dummy_value()

    return signature, generate


def _rows(builder: Any, start: Any, pitch: Any, count: Any, height: int) -> list:
    """Where ``height`` rows begin, of which only ``count`` exist: the others repeat the last."""
    last = builder.sub(count, constant(1))
    numbers = [builder.select(builder.icmp_signed("<", constant(m), last), constant(m), last) for m in range(height)]
    return [builder.gep(start, [builder.mul(number, pitch)]) for number in numbers]


def _add_products(
    emit: Emitter, body: Body, left: list, result: list, width: int, count: Any, add: Any, read: Callable, unroll: bool
) -> None:
    """``result[m] = sum over k of left[m][column] · vectors`` for ``column, vectors = read(k)``, ``width`` of them."""
    builder = emit.builder

    def accumulate(k, sums):
        column, vectors = read(k)
        following = []
        for m, row in enumerate(left):
            factor = emit.splat(builder.load(builder.gep(row, [column])))
            for v, vector in enumerate(vectors):
                following.append(emit.multiply_add(factor, vector, sums[m * width + v]))
        return following

    places = [builder.gep(row, [constant(v * emit.lanes)]) for row in result for v in range(width)]
    before = [builder.select(add, emit.load(place), emit.zero) for place in places]
    for place, value in zip(places, body.loop(count, 1, before, accumulate, unroll=unroll)):
        emit.store(value, place)


@intrinsic
def multiply_panels(
    typing_context, left, l0, pitch, l_step, rows, right, r0, r_step, vectors, count, result, s0, step, add
):
    """``result[s0 + m·step + p] = sum over k of left[l0 + m·pitch + k·l_step] · right[r0 + k·r_step + p]``.

    ``multiply_outer`` for ``count`` places k, at least one, that are a step apart, ``vectors`` of p, one to
    OUTER_VECTORS, and OUTER_ROWS rows m, of which only the first ``rows`` exist. The right panel and the first row of
    the left one, beside which the others lie if the pitch is 1, are asked for ahead, as processors do not see from one
    page of memory to the next: minimal filtering with 128 channels and 32 × 32 pixels took 8 % less, in float64 13 %.
    """
    element, index = float_arrays(left, right, result), types.int64
    signature = types.void(
        *(left, index, index, index, index, right, index, index, index, index, result, index, index, types.boolean)
    )

    def generate(context, builder, signature, args):
        _, l0, pitch, l_step, rows, _, r0, r_step, vectors, count, _, s0, step, add = args
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        left, right, result = body.address(0, l0), body.address(5, r0), body.address(10, s0)
        sources, sums = _rows(builder, left, pitch, rows, OUTER_ROWS), _rows(builder, result, step, rows, OUTER_ROWS)
        l_ahead, r_ahead = builder.mul(l_step, constant(LEFT_AHEAD)), builder.mul(r_step, constant(RIGHT_AHEAD))
        after = builder.append_basic_block("multiplied")

        def multiply(width: int) -> None:
            def read(k):
                column, window = builder.mul(k, l_step), builder.gep(right, [builder.mul(k, r_step)])
                places = [builder.gep(window, [constant(v * emit.lanes)]) for v in range(width)]
                if width > 1:  # one vector: loads alone are as many as the processor can do
                    emit.fetch(builder.gep(left, [builder.add(column, l_ahead)]), near=True)
                    for place in places:
                        emit.fetch(builder.gep(place, [r_ahead]), near=True)
                return column, [emit.load(place) for place in places]

            # in two rounds at once, LLVM keeps pointers to the rows of both, more than there are registers
            _add_products(emit, body, sources, sums, width, count, add, read, unroll=False)
            builder.branch(after)

        for width in range(OUTER_VECTORS, 1, -1):
            with builder.if_then(builder.icmp_signed("==", vectors, constant(width))):
                multiply(width)
        multiply(1)
        builder.position_at_end(after)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def multiply_strips(
    typing_context, weights, w0, pixels, p0, pitch, columns, first, counts, c0, places, v0, result, r0, step
):
    """STRIPS strips of STRIP_ROWS rows of one vector, each the sum over columns of taps of weights · pixels.

    Row r of strip v has its pixels at ``p0 + places[v0 + v, 0] + r·pitch``, its results at ``r0 + places[v0 + v, 1] +
    r·step``. A column is up to COLUMN taps below each other: tap i has the weight ``w0 + column[0] + i·column[2]`` and
    adds ``column[1] + i·pitch`` to where its pixels are. There are ``counts[c0 + i]`` columns of COLUMN − i taps from
    ``first`` on, the longest first. So a vector of pixels is loaded once for all rows that meet it.
    """
    element = float_arrays(weights, pixels, result)
    index = types.int64
    signature = types.void(
        *(weights, index, pixels, index, index, columns, index, counts, index, places, index, result, index, index)
    )

    def generate(context, builder, signature, args):
        _, w0, _, p0, pitch, _, first, _, c0, _, v0, _, r0, step = args
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        weights, pixels, result = body.address(0, w0), body.address(2, p0), body.address(11, r0)
        table, counts = body.address(5, builder.mul(first, constant(3))), body.address(7, c0)
        places = body.address(9, builder.mul(v0, constant(2)))
        at = [[builder.load(builder.gep(places, [constant(2 * v + i)])) for i in range(2)] for v in range(STRIPS)]
        sources = [builder.gep(pixels, [source]) for source, _ in at]
        sums = [emit.zero] * (STRIPS * STRIP_ROWS)
        for height in range(COLUMN, 0, -1):

            def accumulate(k, sums, height=height, table=table):
                entry = builder.gep(table, [builder.mul(k, constant(3))])
                tap, offset, apart = (builder.load(builder.gep(entry, [constant(i)])) for i in range(3))
                filters = []
                for i in range(height):
                    place = builder.add(tap, builder.mul(apart, constant(i)))
                    filters.append(emit.splat(builder.load(builder.gep(weights, [place]))))
                following = list(sums)
                for v, source in enumerate(sources):
                    row = builder.gep(source, [offset])
                    for j in range(STRIP_ROWS + height - 1):
                        vector = emit.load(row)
                        for i in range(max(0, j - STRIP_ROWS + 1), min(height, j + 1)):
                            n = v * STRIP_ROWS + j - i
                            following[n] = emit.multiply_add(filters[i], vector, following[n])
                        row = builder.gep(row, [pitch])
                return following

            count = builder.load(builder.gep(counts, [constant(COLUMN - height)]))
            sums = body.loop(count, 1, sums, accumulate, often=False)
            table = builder.gep(table, [builder.mul(count, constant(3))])
        for v, (_, target) in enumerate(at):
            place = builder.gep(result, [target])
            for r in range(STRIP_ROWS):
                emit.store(sums[v * STRIP_ROWS + r], place)
                place = builder.gep(place, [step])
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def add_dots(typing_context, rows, r0, pitch, pixels, p0, offsets, o0, length, result, s0):
    """``result[s0 + m·J + j] += sum over p < length of rows[r0 + m·pitch + p] · pixels[p0 + offsets[o0 + j] + p]``.

    M = DOT_ROWS output channels m, J = DOT_TAPS taps j. length must be a positive multiple of ``lanes``;
    ``dot_results`` elements of the result are read and written, those behind M·J unchanged. The sum runs lane by lane.
    """
    return _dots(rows, pixels, offsets, result)


@intrinsic
def add_run_dots(typing_context, rows, r0, pitch, pixels, p0, offsets, o0, length, result, s0, runs, count):
    """``add_dots`` over ``count`` runs of ``length``, at least one: run i is ``runs[i, 0]`` further in the rows, and
    ``runs[i, 1]`` in the pixels.
    """
    return _dots(rows, pixels, offsets, result, runs)


def _dots(rows: Any, pixels: Any, offsets: Any, result: Any, *runs: Any) -> tuple:
    element = float_arrays(rows, pixels, result)
    index = types.int64
    signature = types.void(
        *(rows, index, index, pixels, index, offsets, index, index, result, index), *runs, *[index] * len(runs)
    )

    def generate(context, builder, signature, args):
        _, r0, pitch, _, p0, _, o0, length, _, s0, *several = args
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        row, pixels, result = body.address(0, r0), body.address(3, p0), body.address(8, s0)
        offsets = body.address(5, o0)
        rows = [builder.gep(row, [builder.mul(pitch, constant(m))]) for m in range(DOT_ROWS)]
        taps = [builder.gep(pixels, [builder.load(builder.gep(offsets, [constant(j)]))]) for j in range(DOT_TAPS)]

        def add_run(rows, taps, sums):
            def accumulate(p, sums):
                ours = [emit.load(builder.gep(pointer, [p])) for pointer in rows]
                following = list(sums)
                for j, pointer in enumerate(taps):
                    theirs = emit.load(builder.gep(pointer, [p]))
                    for m in range(DOT_ROWS):
                        following[m * DOT_TAPS + j] = emit.multiply_add(ours[m], theirs, sums[m * DOT_TAPS + j])
                return following

            return body.loop(length, emit.lanes, sums, accumulate)

        def add_one_of_several(i, sums):
            entry = body.address(10, builder.mul(i, constant(2)))
            ours, theirs = (builder.load(builder.gep(entry, [constant(side)])) for side in range(2))
            return add_run([builder.gep(r, [ours]) for r in rows], [builder.gep(t, [theirs]) for t in taps], sums)

        sums = [emit.zero] * (DOT_ROWS * DOT_TAPS)
        if several:
            sums = body.loop(several[1], 1, sums, add_one_of_several)
        else:
            sums = add_run(rows, taps, sums)
        for position, value in enumerate(emit.lane_sums(sums)):
            pointer = builder.gep(result, [constant(position * emit.lanes)])
            emit.store(builder.fadd(emit.load(pointer), value), pointer)
        return context.get_dummy_value()

    return signature, generate
