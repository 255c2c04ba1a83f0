"""The two register tiles under every fast convolution, written in LLVM IR.

Numba compiles loops; what it cannot promise is that a block of sums stays in vector registers through a whole loop.
These intrinsics emit that: vectors as wide as the host has, accumulators that never touch memory, one fused
multiply-add each. LLVM turns a vector type that the CPU lacks into smaller ones, so they run anywhere.

Pointers are an array and an index into it, unchecked: callers lay out their buffers so that a vector load that starts
at the last wanted element still lies inside.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import extending, types
from numba.core.errors import TypingError
from numba.np.arrayobj import make_array

intrinsic: Any = extending.intrinsic  # untyped: the first argument of an intrinsic is not the caller's

_I32, _I64 = ir.IntType(32), ir.IntType(64)


class _Machine(NamedTuple):
    """Sizes of the tiles: accumulators + operands must fit the registers."""

    vector_bytes: int
    outer: tuple[int, int]  # output channels × vectors of pixels
    row: int  # vectors of pixels of one output channel: enough sums to hide the latency of adding to them
    dots: tuple[int, int]  # output channels × taps


def _machine() -> _Machine:
    try:
        features = llvmlite.binding.get_host_cpu_features()
    except RuntimeError:  # LLVM does not know this host
        features = {}
    if features.get("avx512f"):
        return _Machine(
            64, (8, 3), 4, (4, 6)
        )  # 32 registers; 14 × 2 was 25 % slower on 16 channels, a panel nearly idle
    if features.get("avx2"):
        return _Machine(32, (4, 3), 8, (2, 6))  # 16 registers
    if features.get("neon"):
        return _Machine(16, (8, 3), 8, (4, 6))  # 32 registers
    return _Machine(16, (4, 3), 8, (2, 6))


_MACHINE = _machine()
OUTER_ROWS, OUTER_VECTORS = _MACHINE.outer
ROW_VECTORS = _MACHINE.row
DOT_ROWS, DOT_TAPS = _MACHINE.dots
STENCIL_VECTORS = 4  # of pixels: a mask is loaded with each, so loads and not sums are what it waits for
ROW_TAPS = 9  # of one output channel: a 3 × 3 filter at once


def lanes(dtype: Any) -> int:
    """Elements of one vector."""
    return _MACHINE.vector_bytes // np.dtype(dtype).itemsize


def dot_results(rows: int, taps: int, dtype: Any) -> int:
    """Elements that sums of dot products take in memory: ``rows × taps`` of them, filled up to whole vectors."""
    return -(-rows * taps // lanes(dtype)) * lanes(dtype)


class _Emitter:
    """The vocabulary of both tiles for one element type."""

    def __init__(self, context: Any, builder: ir.IRBuilder, element: Any) -> None:
        self.builder = builder
        self.scalar = context.get_value_type(element)
        self.lanes = _MACHINE.vector_bytes * 8 // element.bitwidth
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.zero = ir.Constant(self.vector, None)
        self._align = element.bitwidth // 8  # NumPy promises no more
        self._undefined = ir.Constant(self.vector, ir.Undefined)
        self._suffix = f"v{self.lanes}f{element.bitwidth}"

    def load(self, pointer: ir.Value) -> ir.Value:
        loaded = self.builder.load(self.builder.bitcast(pointer, self.vector.as_pointer()))
        loaded.align = self._align
        return loaded

    def load_masked(self, pointer: ir.Value, mask: ir.Value) -> ir.Value:
        """Zero in the lanes whose mask, integers of the same width, has no bits."""
        integers = ir.VectorType(ir.IntType(8 * self._align), self.lanes)
        bits = self.builder.load(self.builder.bitcast(mask, integers.as_pointer()))
        bits.align = self._align
        loaded = self.builder.bitcast(self.load(pointer), integers)
        return self.builder.bitcast(self.builder.and_(loaded, bits), self.vector)

    def store(self, value: ir.Value, pointer: ir.Value) -> None:
        self.builder.store(value, self.builder.bitcast(pointer, self.vector.as_pointer())).align = self._align

    def splat(self, scalar: ir.Value) -> ir.Value:
        first = self.builder.insert_element(self._undefined, scalar, ir.Constant(_I32, 0))
        return self._shuffle(first, self._undefined, [0] * self.lanes)

    def multiply_add(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        # fmuladd and not fma: where the CPU has no fused instruction, fma is a library call for each lane
        return self.builder.call(self._intrinsic("fmuladd", self.vector, [self.vector] * 3), [a, b, c])

    def every_second(self, a: ir.Value, b: ir.Value, first: int) -> ir.Value:
        """The even (odd if ``first`` is 1) lanes of two vectors."""
        return self._shuffle(a, b, list(range(first, 2 * self.lanes, 2)))

    def alternate(self, even: ir.Value, odd: ir.Value, half: int) -> ir.Value:
        """A lane of one, a lane of the other vector; the first or second half of all."""
        first = half * self.lanes // 2
        return self._shuffle(even, odd, [first + i // 2 + i % 2 * self.lanes for i in range(self.lanes)])

    def lane_sums(self, vectors: list[ir.Value]) -> list[ir.Value]:
        """Vectors whose lanes are, in order, the sums over the lanes of each given vector.

        Neighbouring lanes of two vectors are added into one, log2(lanes) times: 69 operations for 24 vectors of 16
        lanes instead of 24 reductions of 8.
        """
        sums = []
        for first in range(0, len(vectors), self.lanes):
            group = vectors[first : first + self.lanes]
            for _ in range(self.lanes.bit_length() - 1):
                if len(group) % 2:
                    group = [*group, self.zero]
                group = [
                    self.builder.fadd(self.every_second(a, b, 0), self.every_second(a, b, 1))
                    for a, b in zip(group[::2], group[1::2])
                ]
            sums += group
        return sums

    def _intrinsic(self, name: str, result: ir.Type, arguments: list[ir.Type]) -> ir.Function:
        name = f"llvm.{name}.{self._suffix}"
        known = self.builder.module.globals.get(name)
        return known or ir.Function(self.builder.module, ir.FunctionType(result, arguments), name)

    def _shuffle(self, a: ir.Value, b: ir.Value, lanes: list[int]) -> ir.Value:
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(lanes)), lanes))


def _float_arrays(*arrays: Any) -> Any:
    """The element type that all arrays share."""
    element = arrays[0].dtype
    if element not in (types.float32, types.float64) or any(array.dtype != element for array in arrays):
        raise TypingError(f"tiles work on float32 or float64 arrays of one type, got {arrays}")
    return element


class _Body:
    """One argument list of an intrinsic: addresses of array elements, and a counted loop with vectors carried along."""

    def __init__(self, context: Any, builder: ir.IRBuilder, signature: Any, args: tuple) -> None:
        self.context, self.builder, self.signature, self.args = context, builder, signature, args

    def address(self, array: int, position: ir.Value) -> ir.Value:
        struct = make_array(self.signature.args[array])(self.context, self.builder, self.args[array])
        return self.builder.gep(struct.data, [position])

    def loop(self, stop: ir.Value, step: int, start: list[ir.Value], body: Any) -> list[ir.Value]:
        """Carry ``start`` through ``values = body(k, values)`` for k = 0, step, ... < stop; at least once."""
        builder, before = self.builder, self.builder.block
        inside, after = builder.append_basic_block("tile"), builder.append_basic_block("tile_end")
        builder.branch(inside)
        builder.position_at_end(inside)
        k = builder.phi(_I64)
        k.add_incoming(_constant(0), before)
        carried = [builder.phi(value.type) for value in start]
        for phi, value in zip(carried, start):
            phi.add_incoming(value, before)
        values = body(k, carried)
        following = builder.add(k, _constant(step))
        k.add_incoming(following, inside)
        for phi, value in zip(carried, values):
            phi.add_incoming(value, inside)
        builder.cbranch(builder.icmp_signed("<", following, stop), inside, after)
        builder.position_at_end(after)
        return values


def _constant(value: int) -> ir.Constant:
    return ir.Constant(_I64, value)


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
    element = _float_arrays(weights, pixels, result)
    index = types.int64
    signature = types.void(
        *(weights, index, index, index, pixels, index, taps, index, index, result, index, index),
        types.boolean,
    )

    def generate(context, builder, signature, args):
        _, w0, pitch, channels, _, p0, _, first, count, _, r0, step, add = args
        emit, body = _Emitter(context, builder, element), _Body(context, builder, signature, args)
        weights, pixels, result = body.address(0, w0), body.address(4, p0), body.address(9, r0)
        table = body.address(6, builder.mul(first, _constant(2)))
        last = builder.sub(channels, _constant(1))
        rows, places = [], []
        for m in range(height):
            row = builder.select(builder.icmp_signed("<", _constant(m), last), _constant(m), last)
            rows.append(builder.gep(weights, [builder.mul(row, pitch)]))
            place = builder.gep(result, [builder.mul(row, step)])
            places += [builder.gep(place, [_constant(v * emit.lanes)]) for v in range(width)]

        def accumulate(k, sums):
            entry = builder.gep(table, [builder.mul(k, _constant(2))])
            column = builder.load(entry)
            window = builder.gep(pixels, [builder.load(builder.gep(entry, [_constant(1)]))])
            vectors = [emit.load(builder.gep(window, [_constant(v * emit.lanes)])) for v in range(width)]
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
    element = _float_arrays(weights, pixels, result)
    if masks.dtype != (types.int32 if element == types.float32 else types.int64):
        raise TypingError(f"masks are integers as wide as {element}, got {masks}")
    index = types.int64
    signature = types.void(weights, index, pixels, index, taps, index, index, masks, index, index, result, index)

    def generate(context, builder, signature, args):
        _, w0, _, p0, _, first, count, _, m0, pitch, _, r0 = args
        emit, body = _Emitter(context, builder, element), _Body(context, builder, signature, args)
        weights, pixels, result = body.address(0, w0), body.address(2, p0), body.address(10, r0)
        table = body.address(4, builder.mul(first, _constant(2)))
        masks = builder.gep(body.address(7, m0), [builder.mul(first, pitch)])

        def accumulate(k, sums):
            entry = builder.gep(table, [builder.mul(k, _constant(2))])
            weight = emit.splat(builder.load(builder.gep(weights, [builder.load(entry)])))
            window = builder.gep(pixels, [builder.load(builder.gep(entry, [_constant(1)]))])
            bits = builder.gep(masks, [builder.mul(k, pitch)])
            following = []
            for v, total in enumerate(sums):
                place = [_constant(v * emit.lanes)]
                pixel = emit.load_masked(builder.gep(window, place), builder.gep(bits, place))
                following.append(emit.multiply_add(weight, pixel, total))
            return following

        for v, value in enumerate(body.loop(count, 1, [emit.zero] * STENCIL_VECTORS, accumulate)):
            emit.store(value, builder.gep(result, [_constant(v * emit.lanes)]))
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
    element = _float_arrays(rows, pixels, result)
    index = types.int64
    signature = types.void(rows, index, index, pixels, index, offsets, index, index, result, index)

    def generate(context, builder, signature, args):
        _, r0, pitch, _, p0, _, o0, length, _, s0 = args
        emit, body = _Emitter(context, builder, element), _Body(context, builder, signature, args)
        row, pixels, result = body.address(0, r0), body.address(3, p0), body.address(8, s0)
        offsets = body.address(5, o0)
        rows = [builder.gep(row, [builder.mul(pitch, _constant(m))]) for m in range(height + masked)]
        taps = [builder.gep(pixels, [builder.load(builder.gep(offsets, [_constant(j)]))]) for j in range(width)]

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
            pointer = builder.gep(result, [_constant(position * emit.lanes)])
            emit.store(builder.fadd(emit.load(pointer), value), pointer)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def copy_vector(typing_context, target, t0, source, s0):
    """``target[t0 + l] = source[s0 + l]`` for the lanes l of one vector."""
    element, index = _float_arrays(target, source), types.int64

    def generate(context, builder, signature, args):
        emit, body = _Emitter(context, builder, element), _Body(context, builder, signature, args)
        emit.store(emit.load(body.address(2, args[3])), body.address(0, args[1]))
        return context.get_dummy_value()

    return types.void(target, index, source, index), generate


@intrinsic
def copy_even(typing_context, target, t0, source, s0):
    """``target[t0 + l] = source[s0 + 2·l]``; two whole vectors are read."""
    element, index = _float_arrays(target, source), types.int64

    def generate(context, builder, signature, args):
        emit, body = _Emitter(context, builder, element), _Body(context, builder, signature, args)
        first = body.address(2, args[3])
        pair = emit.load(first), emit.load(builder.gep(first, [_constant(emit.lanes)]))
        emit.store(emit.every_second(*pair, 0), body.address(0, args[1]))
        return context.get_dummy_value()

    return types.void(target, index, source, index), generate


@intrinsic
def interleave(typing_context, target, t0, source, s0, s1):
    """``target[t0 + 2·l] = source[s0 + l]; target[t0 + 2·l + 1] = source[s1 + l]``."""
    element, index = _float_arrays(target, source), types.int64

    def generate(context, builder, signature, args):
        emit, body = _Emitter(context, builder, element), _Body(context, builder, signature, args)
        even, odd = emit.load(body.address(2, args[3])), emit.load(body.address(2, args[4]))
        first = body.address(0, args[1])
        for half in range(2):
            emit.store(emit.alternate(even, odd, half), builder.gep(first, [_constant(half * emit.lanes)]))
        return context.get_dummy_value()

    return types.void(target, index, source, index, index), generate


@intrinsic
def clear_vector(typing_context, target, t0):
    """``target[t0 + l] = 0``."""
    element, index = _float_arrays(target), types.int64

    def generate(context, builder, signature, args):
        emit, body = _Emitter(context, builder, element), _Body(context, builder, signature, args)
        emit.store(emit.zero, body.address(0, args[1]))
        return context.get_dummy_value()

    return types.void(target, index), generate
