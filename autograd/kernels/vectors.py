"""Vectors as wide as the host has, in LLVM IR: the vocabulary of the register tiles and of :mod:`.moves`.

Pointers are an array and an index into it, unchecked: callers lay out their buffers so that a vector load that starts
at the last wanted element still lies inside.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import extending, types
from numba.core.errors import TypingError
from numba.np.arrayobj import make_array

intrinsic: Any = extending.intrinsic  # untyped: the first argument of an intrinsic is not the caller's

LINE = 64  # bytes of a line of memory
_I32, _I64 = ir.IntType(32), ir.IntType(64)


def _registers() -> tuple[int, int]:
    """Vector registers of the host, and bytes of each."""
    try:
        features = llvmlite.binding.get_host_cpu_features()
    except RuntimeError:  # LLVM does not know this host
        features = {}
    if features.get("avx512f"):
        return 32, 64
    if features.get("avx2"):
        return 16, 32
    return (32 if features.get("neon") else 16), 16


REGISTERS, VECTOR_BYTES = _registers()


def lanes(dtype: Any) -> int:
    """Elements of one vector."""
    return VECTOR_BYTES // np.dtype(dtype).itemsize


class Emitter:
    """The operations on vectors of one element type."""

    def __init__(self, context: Any, builder: ir.IRBuilder, element: Any) -> None:
        self.builder = builder
        self.scalar = context.get_value_type(element)
        self.lanes = VECTOR_BYTES * 8 // element.bitwidth
        self.vector = ir.VectorType(self.scalar, self.lanes)
        self.zero = ir.Constant(self.vector, None)
        self.align = element.bitwidth // 8  # NumPy promises no more
        self._undefined = ir.Constant(self.vector, ir.Undefined)
        self._suffix = f"v{self.lanes}f{element.bitwidth}"

    def load(self, pointer: ir.Value) -> ir.Value:
        loaded = self.builder.load(self.builder.bitcast(pointer, self.vector.as_pointer()))
        loaded.align = self.align
        return loaded

    def first(self, count: ir.Value) -> ir.Value:
        """The mask of the lanes below ``count``."""
        integers = ir.VectorType(_I64, self.lanes)
        place = self.builder.insert_element(ir.Constant(integers, ir.Undefined), count, ir.Constant(_I32, 0))
        counts = self.builder.shuffle_vector(place, place, ir.Constant(ir.VectorType(_I32, self.lanes), None))
        return self.builder.icmp_signed("<", ir.Constant(integers, list(range(self.lanes))), counts)

    def store(self, value: ir.Value, pointer: ir.Value) -> None:
        self.builder.store(value, self.builder.bitcast(pointer, self.vector.as_pointer())).align = self.align

    def mask(self, bits: ir.Value, part: int = 0) -> ir.Value:
        """The lanes whose bit is set, counted from bit ``part · lanes`` on."""
        kind = ir.IntType(self.lanes)
        bits = self.builder.trunc(self.builder.lshr(bits, constant(part * self.lanes)), kind)
        return self.builder.bitcast(bits, ir.VectorType(ir.IntType(1), self.lanes))

    def load_where(self, pointer: ir.Value, mask: ir.Value) -> ir.Value:
        """Only the lanes of the mask, and zeros; the others are not read."""
        place = self.builder.bitcast(pointer, self.vector.as_pointer())
        kinds = [place.type, _I32, mask.type, self.vector]
        load = self._intrinsic("masked.load", self.vector, kinds, f".p0{self._suffix}")
        return self.builder.call(load, [place, ir.Constant(_I32, self.align), mask, self.zero])

    def store_where(self, value: ir.Value, pointer: ir.Value, mask: ir.Value) -> None:
        """Only the lanes of the mask."""
        place = self.builder.bitcast(pointer, self.vector.as_pointer())
        kinds = [self.vector, place.type, _I32, mask.type]
        store = self._intrinsic("masked.store", ir.VoidType(), kinds, f".p0{self._suffix}")
        self.builder.call(store, [value, place, ir.Constant(_I32, self.align), mask])

    def fetch(self, pointer: ir.Value, *, write: bool = False, near: bool = False) -> None:
        """Ask for the line of memory, to be read or written, in the second-level cache or a ``near`` one, the first."""
        byte, name = ir.IntType(8).as_pointer(), "llvm.prefetch.p0i8"
        kind = ir.FunctionType(ir.VoidType(), [byte, _I32, _I32, _I32])
        known = self.builder.module.globals.get(name) or ir.Function(self.builder.module, kind, name)
        how = [ir.Constant(_I32, number) for number in (int(write), 2 + near, 1)]  # not code
        self.builder.call(known, [self.builder.bitcast(pointer, byte), *how])

    def splat(self, scalar: ir.Value) -> ir.Value:
        first = self.builder.insert_element(self._undefined, scalar, ir.Constant(_I32, 0))
        return self.shuffle(first, self._undefined, [0] * self.lanes)

    def multiply_add(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        # fmuladd and not fma: where the CPU has no fused instruction, fma is a library call for each lane
        return self.builder.call(self._intrinsic("fmuladd", self.vector, [self.vector] * 3), [a, b, c])

    def every_second(self, a: ir.Value, b: ir.Value, first: int) -> ir.Value:
        """The even (odd if ``first`` is 1) lanes of two vectors."""
        return self.shuffle(a, b, list(range(first, 2 * self.lanes, 2)))

    def alternate(self, even: ir.Value, odd: ir.Value, half: int) -> ir.Value:
        """A lane of one, a lane of the other vector; the first or second half of all."""
        first = half * self.lanes // 2
        return self.shuffle(even, odd, [first + i // 2 + i % 2 * self.lanes for i in range(self.lanes)])

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

    def transposed(self, vectors: list[ir.Value]) -> list[ir.Value]:
        """As many vectors as they have lanes: blocks off the diagonal change places, larger and larger ones."""
        size = 1
        while size < self.lanes:
            left = [lane if lane & size == 0 else self.lanes + lane - size for lane in range(self.lanes)]
            right = [lane + size if lane & size == 0 else self.lanes + lane for lane in range(self.lanes)]
            following = list(vectors)
            for i in range(self.lanes):
                if i & size == 0:
                    following[i] = self.shuffle(vectors[i], vectors[i + size], left)
                    following[i + size] = self.shuffle(vectors[i], vectors[i + size], right)
            vectors, size = following, 2 * size
        return vectors

    def shuffle(self, a: ir.Value, b: ir.Value, lanes: list[int]) -> ir.Value:
        return self.builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(lanes)), lanes))

    def _intrinsic(self, name: str, result: ir.Type, arguments: list[ir.Type], address: str = "") -> ir.Function:
        name = f"llvm.{name}.{self._suffix}{address}"
        known = self.builder.module.globals.get(name)
        return known or ir.Function(self.builder.module, ir.FunctionType(result, arguments), name)


def float_arrays(*arrays: Any) -> Any:
    """The element type that all arrays share."""
    element = arrays[0].dtype
    if element not in (types.float32, types.float64) or any(array.dtype != element for array in arrays):
        raise TypingError(f"tiles work on float32 or float64 arrays of one type, got {arrays}")
    return element


class Body:
    """One argument list of an intrinsic: addresses of array elements, and a counted loop with vectors carried along."""

    def __init__(self, context: Any, builder: ir.IRBuilder, signature: Any, args: tuple) -> None:
        self.context, self.builder, self.signature, self.args = context, builder, signature, args

    def address(self, array: int, position: ir.Value) -> ir.Value:
        struct = make_array(self.signature.args[array])(self.context, self.builder, self.args[array])
        return self.builder.gep(struct.data, [position])

    def size(self, array: int) -> ir.Value:
        return make_array(self.signature.args[array])(self.context, self.builder, self.args[array]).nitems

    def loop(
        self,
        stop: ir.Value,
        step: int,
        start: list[ir.Value],
        body: Any,
        *,
        often: bool = True,
        unroll: bool = True,
    ) -> list[ir.Value]:
        """Carry ``start`` through ``values = body(k, values)`` for k = 0, step, ... < stop.

        often : the caller knows that it is at least once.
        unroll : whether LLVM may write several rounds one after the other.
        """
        builder, before = self.builder, self.builder.block
        inside, after = builder.append_basic_block("tile"), builder.append_basic_block("tile_end")
        if often:
            builder.branch(inside)
        else:
            builder.cbranch(builder.icmp_signed("<", constant(0), stop), inside, after)
        builder.position_at_end(inside)
        k = builder.phi(_I64)
        k.add_incoming(constant(0), before)
        carried = [builder.phi(value.type) for value in start]
        for phi, value in zip(carried, start):
            phi.add_incoming(value, before)
        values = body(k, carried)
        following, last = builder.add(k, constant(step)), builder.block  # not ``inside`` where the body is a loop
        k.add_incoming(following, last)
        for phi, value in zip(carried, values):
            phi.add_incoming(value, last)
        branch = builder.cbranch(builder.icmp_signed("<", following, stop), inside, after)
        if not unroll:
            branch.set_metadata("llvm.loop", _never_unrolled(builder.module))
        builder.position_at_end(after)
        if often:
            return values
        results = [builder.phi(value.type) for value in start]
        for phi, value, skipped in zip(results, values, start):
            phi.add_incoming(value, last)
            phi.add_incoming(skipped, before)
        return results

    def elements(self, count: ir.Value, emit: Emitter, body: Any) -> None:
        """``body(k, load, store, number)`` for whole vectors of ``count`` elements, then for each one that is left.

        ``number`` makes of a scalar what arithmetic with loaded values needs. Unlike LLVM, which vectorises a loop of
        Numba's, nobody asks here whether the arrays overlap: what is stored must not be loaded at another k.
        """
        builder = self.builder
        whole = builder.sub(count, builder.urem(count, constant(emit.lanes)))

        def vector(k: ir.Value, _: list) -> list:
            body(k, emit.load, emit.store, emit.splat)
            return []

        def single(k: ir.Value, _: list) -> list:
            body(builder.add(whole, k), builder.load, builder.store, lambda scalar: scalar)
            return []

        self.loop(whole, emit.lanes, [], vector, often=False)
        self.loop(builder.sub(count, whole), 1, [], single, often=False)


def _never_unrolled(module: ir.Module) -> Any:
    """What the last branch of a loop says of it: a node whose first operand is itself, as LLVM wants it."""
    hints = module.add_metadata([constant(len(module.metadata)), ["llvm.loop.unroll.disable"]])
    hints.operands = (hints, hints.operands[1])
    return hints


def constant(value: int) -> ir.Constant:
    return ir.Constant(_I64, value)


@intrinsic
def pointer(typing_context, address, like):
    """A pointer to elements as those of the array ``like``."""

    def generate(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return types.CPointer(like.dtype)(address, like), generate
