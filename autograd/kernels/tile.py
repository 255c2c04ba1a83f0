"""The two register tiles under every fast convolution, written in LLVM IR.

Numba compiles loops; what it cannot promise is that a block of sums stays in vector registers through a whole loop.
These intrinsics emit that: accumulators that never touch memory, one fused multiply-add each. LLVM turns a vector type
that the CPU lacks into smaller ones, so they run anywhere.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core.errors import TypingError

from .vectors import REGISTERS, Body, Emitter, constant, float_arrays, intrinsic, lanes

# Sizes of the tiles: sums and operands must fit the registers.
OUTER_ROWS = 8 if REGISTERS == 32 else 4  # output channels; 14 × 2 was 25 % slower on 16 channels, a panel nearly idle
OUTER_VECTORS = 3  # of pixels
ROW_VECTORS = 4 if lanes("f4") == 16 else 8  # of pixels of one channel: enough sums to hide the latency of adding
DOT_ROWS = 4 if REGISTERS == 32 else 2  # output channels
DOT_TAPS = 6
STENCIL_VECTORS = 4  # of pixels: a mask is loaded with each, so loads and not sums are what it waits for
ROW_TAPS = 9  # of one output channel: a 3 × 3 filter at once


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
def multiply_row(typing_context, weights, w0, pitch, channels, pixels, p0, taps, first, count, result, r0, step, add):
    """``multiply_outer`` for one output channel, as a depthwise convolution has in each group, and ROW_VECTORS."""
    return _outer(1, ROW_VECTORS, weights, pixels, taps, result)


def _outer(height: int, width: int, weights: Any, pixels: Any, taps: Any, result: Any) -> tuple:
    element = float_arrays(weights, pixels, result)
    index = types.int64
    signature = types.void(
        *(weights, index, index, index, pixels, index, taps, index, index, result, index, index),
        types.boolean,
    )

    def generate(context, builder, signature, args):
        _, w0, pitch, channels, _, p0, _, first, count, _, r0, step, add = args
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        weights, pixels, result = body.address(0, w0), body.address(4, p0), body.address(9, r0)
        table = body.address(6, builder.mul(first, constant(2)))
        last = builder.sub(channels, constant(1))
        rows, places = [], []
        for m in range(height):
            row = builder.select(builder.icmp_signed("<", constant(m), last), constant(m), last)
            rows.append(builder.gep(weights, [builder.mul(row, pitch)]))
            place = builder.gep(result, [builder.mul(row, step)])
            places += [builder.gep(place, [constant(v * emit.lanes)]) for v in range(width)]

        def accumulate(k, sums):
            entry = builder.gep(table, [builder.mul(k, constant(2))])
            column = builder.load(entry)
            window = builder.gep(pixels, [builder.load(builder.gep(entry, [constant(1)]))])
            vectors = [emit.load(builder.gep(window, [constant(v * emit.lanes)])) for v in range(width)]
            following = []
            for m in range(height):
                weight = emit.splat(builder.load(builder.gep(rows[m], [column])))
                for v in range(width):
                    following.append(emit.multiply_add(weight, vectors[v], sums[m * width + v]))
            return following

        before = [builder.select(add, emit.load(place), emit.zero) for place in places]
        for place, value in zip(places, body.loop(count, 1, before, accumulate)):
            emit.store(value, place)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def multiply_masked(typing_context, weights, w0, pixels, p0, taps, first, count, masks, m0, pitch, result, r0):
    """``result[r0 + p] = sum over k of weights[w0 + taps[k, 0]] · pixels[p0 + taps[k, 1] + p]``, ``count`` taps from
    ``first`` on, at least one; the pixel is taken as 0 where ``masks[m0 + k·pitch + p]`` has no bits;
    STENCIL_VECTORS · lanes pixels p.
    """
    element = float_arrays(weights, pixels, result)
    if masks.dtype != (types.int32 if element == types.float32 else types.int64):
        raise TypingError(f"masks are integers as wide as {element}, got {masks}")
    index = types.int64
    signature = types.void(weights, index, pixels, index, taps, index, index, masks, index, index, result, index)

    def generate(context, builder, signature, args):
        _, w0, _, p0, _, first, count, _, m0, pitch, _, r0 = args
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        weights, pixels, result = body.address(0, w0), body.address(2, p0), body.address(10, r0)
        table = body.address(4, builder.mul(first, constant(2)))
        masks = builder.gep(body.address(7, m0), [builder.mul(first, pitch)])

        def accumulate(k, sums):
            entry = builder.gep(table, [builder.mul(k, constant(2))])
            weight = emit.splat(builder.load(builder.gep(weights, [builder.load(entry)])))
            window = builder.gep(pixels, [builder.load(builder.gep(entry, [constant(1)]))])
            bits = builder.gep(masks, [builder.mul(k, pitch)])
            following = []
            for v, total in enumerate(sums):
                place = [constant(v * emit.lanes)]
                pixel = emit.load_masked(builder.gep(window, place), builder.gep(bits, place))
                following.append(emit.multiply_add(weight, pixel, total))
            return following

        for v, value in enumerate(body.loop(count, 1, [emit.zero] * STENCIL_VECTORS, accumulate)):
            emit.store(value, builder.gep(result, [constant(v * emit.lanes)]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def add_dots(typing_context, rows, r0, pitch, pixels, p0, offsets, o0, length, result, s0):
    """``result[s0 + m·J + j] += sum over p < length of rows[r0 + m·pitch + p] · pixels[p0 + offsets[o0 + j] + p]``.

    M = DOT_ROWS output channels m, J = DOT_TAPS taps j. length must be a positive multiple of ``lanes``;
    ``dot_results`` elements of the result are read and written, those behind M·J unchanged. The sum runs lane by lane.
    """
    return _dots(DOT_ROWS, DOT_TAPS, False, rows, pixels, offsets, result)


@intrinsic
def add_masked_dots(typing_context, rows, r0, pitch, pixels, p0, offsets, o0, length, result, s0):
    """``add_dots`` for one output channel and ROW_TAPS taps; pixels where ``rows[r0 + pitch + p]`` is 0 count as 0."""
    return _dots(1, ROW_TAPS, True, rows, pixels, offsets, result)


def _dots(height: int, width: int, masked: bool, rows: Any, pixels: Any, offsets: Any, result: Any) -> tuple:
    element = float_arrays(rows, pixels, result)
    index = types.int64
    signature = types.void(rows, index, index, pixels, index, offsets, index, index, result, index)

    def generate(context, builder, signature, args):
        _, r0, pitch, _, p0, _, o0, length, _, s0 = args
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        row, pixels, result = body.address(0, r0), body.address(3, p0), body.address(8, s0)
        offsets = body.address(5, o0)
        rows = [builder.gep(row, [builder.mul(pitch, constant(m))]) for m in range(height + masked)]
        taps = [builder.gep(pixels, [builder.load(builder.gep(offsets, [constant(j)]))]) for j in range(width)]

        def accumulate(p, sums):
            ours = [emit.load(builder.gep(pointer, [p])) for pointer in rows]
            inside = builder.fcmp_unordered("!=", ours.pop(), emit.zero) if masked else None
            following = list(sums)
            for j, pointer in enumerate(taps):
                theirs = emit.load(builder.gep(pointer, [p]))
                if inside is not None:
                    theirs = builder.select(inside, theirs, emit.zero)
                for m in range(height):
                    following[m * width + j] = emit.multiply_add(ours[m], theirs, sums[m * width + j])
            return following

        sums = body.loop(length, emit.lanes, [emit.zero] * (height * width), accumulate)
        for position, value in enumerate(emit.lane_sums(sums)):
            pointer = builder.gep(result, [constant(position * emit.lanes)])
            emit.store(builder.fadd(emit.load(pointer), value), pointer)
        return context.get_dummy_value()

    return signature, generate
