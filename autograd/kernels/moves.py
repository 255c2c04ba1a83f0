"""Moves of vectors and of rows of them, written in LLVM IR: copies, zeros, and what is fetched ahead.

Positions are unchecked, as in :mod:`.vectors`: callers lay out their buffers so that whole vectors fit.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from .vectors import LINE, Body, Emitter, constant, float_arrays, intrinsic


@intrinsic
def copy_vector(typing_context, target, t0, source, s0):
    """``target[t0 + l] = source[s0 + l]`` for the lanes l of one vector."""
    element, index = float_arrays(target, source), types.int64

    def generate(context, builder, signature, args):
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        emit.store(emit.load(body.address(2, args[3])), body.address(0, args[1]))
        return context.get_dummy_value()

    return types.void(target, index, source, index), generate


@intrinsic
def copy_part(typing_context, target, t0, source, s0, count):
    """``copy_vector`` of the first ``count`` lanes; nothing else is read or written."""
    element, index = float_arrays(target, source), types.int64

    def generate(context, builder, signature, args):
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        first = emit.first(args[4])
        emit.store_where(emit.load_where(body.address(2, args[3]), first), body.address(0, args[1]), first)
        return context.get_dummy_value()

    return types.void(target, index, source, index, index), generate


@intrinsic
def copy_even(typing_context, target, t0, source, s0):
    """``target[t0 + l] = source[s0 + 2·l]``; two whole vectors are read."""
    return _halves(1, target, source)


@intrinsic
def copy_split(typing_context, target, t0, t1, source, s0):
    """``target[t0 + l] = source[s0 + 2·l]; target[t1 + l] = source[s0 + 2·l + 1]``."""
    return _halves(2, target, source)


def _halves(sides: int, target: Any, source: Any) -> tuple:
    element, index = float_arrays(target, source), types.int64

    def generate(context, builder, signature, args):
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        first = body.address(1 + sides, args[2 + sides])
        pair = emit.load(first), emit.load(builder.gep(first, [constant(emit.lanes)]))
        for side in range(sides):
            emit.store(emit.every_second(*pair, side), body.address(0, args[1 + side]))
        return context.get_dummy_value()

    return types.void(target, *[index] * sides, source, index), generate


@intrinsic
def interleave(typing_context, target, t0, source, s0, s1):
    """``target[t0 + 2·l] = source[s0 + l]; target[t0 + 2·l + 1] = source[s1 + l]``."""
    return _interleaved(target, source)


@intrinsic
def interleave_part(typing_context, target, t0, source, s0, s1, count):
    """``interleave``, but only the first ``count`` numbers are written."""
    return _interleaved(target, source, True)


def _interleaved(target: Any, source: Any, part: bool = False) -> tuple:
    element, index = float_arrays(target, source), types.int64

    def generate(context, builder, signature, args):
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        even, odd = emit.load(body.address(2, args[3])), emit.load(body.address(2, args[4]))
        first = body.address(0, args[1])
        for half in range(2):
            before = constant(half * emit.lanes)
            vector, place = emit.alternate(even, odd, half), builder.gep(first, [before])
            if part:
                emit.store_where(vector, place, emit.first(builder.sub(args[5], before)))
            else:
                emit.store(vector, place)
        return context.get_dummy_value()

    return types.void(target, index, source, index, index, *[index] * part), generate


@intrinsic
def copy_columns(typing_context, target, t0, pitch, source, s0, offsets, o0):
    """``target[t0 + i·pitch + j] = source[s0 + offsets[o0 + j] + i]`` for i, j below the lanes of one vector."""
    element, index = float_arrays(target, source), types.int64
    signature = types.void(target, index, index, source, index, offsets, index)

    def generate(context, builder, signature, args):
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        table, first, to = body.address(5, args[6]), body.address(3, args[4]), body.address(0, args[1])
        rows = []
        for j in range(emit.lanes):
            rows.append(emit.load(builder.gep(first, [builder.load(builder.gep(table, [constant(j)]))])))
        for i, vector in enumerate(emit.transposed(rows)):
            emit.store(vector, builder.gep(to, [builder.mul(constant(i), args[2])]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def clear_vector(typing_context, target, t0):
    """``target[t0 + l] = 0``."""
    element, index = float_arrays(target), types.int64

    def generate(context, builder, signature, args):
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        emit.store(emit.zero, body.address(0, args[1]))
        return context.get_dummy_value()

    return types.void(target, index), generate


@intrinsic
def fetch(typing_context, array, first, count):
    """Begin to bring ``array[first : first + count]`` into the second-level cache, as far as it exists.

    A processor does so by itself where it reads one place after another, but waits at the beginning of each run.
    """
    element, index = float_arrays(array), types.int64

    def generate(context, builder, signature, args):
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        start = body.address(0, args[1])

        def ask(k, _):
            emit.fetch(builder.gep(start, [k]))
            return []

        body.loop(args[2], LINE // emit.align, [], ask, often=False)
        return context.get_dummy_value()

    return types.void(array, index, index), generate


@intrinsic
def copy_rows(typing_context, target, t0, target_pitch, source, s0, source_pitch, rows, width):
    """``target[t0 + r·target_pitch + c] = source[s0 + r·source_pitch + c]`` for r < ``rows`` and c < ``width``, both
    at least one, row after row. Rows shorter than a vector are followed by zeros to its end.
    """
    return _rows(1, target, source)


@intrinsic
def copy_even_rows(typing_context, target, t0, target_pitch, source, s0, source_pitch, rows, width):
    """``copy_rows`` of ``source[s0 + r·source_pitch + 2·c]``; two whole vectors are read for each."""
    return _rows(2, target, source)


@intrinsic
def copy_split_rows(typing_context, target, t0, target_pitch, source, s0, source_pitch, rows, width, apart):
    """``copy_even_rows``, and the odd numbers go ``apart`` from the even ones."""
    return _rows(2, target, source, True)


def _rows(step: int, target: Any, source: Any, split: bool = False) -> tuple:
    element, index = float_arrays(target, source), types.int64
    signature = types.void(target, index, index, source, index, index, index, index, *[index] * split)

    def generate(context, builder, signature, args):
        _, t0, target_pitch, _, s0, source_pitch, rows, width, *apart = args
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        to, start = body.address(0, t0), body.address(3, s0)
        exist, last = emit.first(width), builder.sub(width, constant(emit.lanes))

        def copy_vectors(places: list[ir.Value], c: ir.Value, part: bool) -> None:
            row_to, row = places
            first = builder.gep(row, [builder.mul(c, constant(step))])
            vectors = [emit.load(builder.gep(first, [constant(i * emit.lanes)])) for i in range(step)]
            place = builder.gep(row_to, [c])
            if step == 2:
                vectors = [emit.every_second(vectors[0], vectors[1], side) for side in range(1 + split)]
            for side, vector in enumerate(vectors):
                place = builder.gep(place, apart) if side else place
                emit.store(builder.select(exist, vector, emit.zero) if part else vector, place)

        def copy_short(_, places):
            copy_vectors(places, constant(0), True)
            return following(places)

        def copy_long(_, places):
            def copy(c, _):
                c = builder.select(builder.icmp_signed("<", c, last), c, last)  # the last vector ends with the row
                copy_vectors(places, c, False)
                return []

            body.loop(width, emit.lanes, [], copy)
            return following(places)

        def following(places: list[ir.Value]) -> list[ir.Value]:
            return [builder.gep(place, [pitch]) for place, pitch in zip(places, (target_pitch, source_pitch))]

        with builder.if_else(builder.icmp_signed("<", last, constant(0))) as (short, long):
            for case, copy_row in ((short, copy_short), (long, copy_long)):
                with case:
                    body.loop(rows, 1, [to, start], copy_row)
        return context.get_dummy_value()

    return signature, generate
