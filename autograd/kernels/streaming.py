"""Elementwise kernels, and results that are written past the caches.

Before a processor changes a part of a line of memory it fetches the line, and to make room for it others leave the
cache. A result that would fill much of the last cache is therefore written with *streaming* stores of whole lines: they
fetch nothing and push nothing out. Where arrays have half the size of that cache, chains of relu and its gradient took
a sixth less, two copies nearly half; arrays of a quarter of it took as long in both ways, smaller ones longer.

A kernel makes a block of such a result in a buffer that stays in the first cache, then the block is written in one go.
Other results are made in one loop: in blocks, the gradient of relu took a tenth longer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import register_jitable
from numba.np.arrayobj import load_item, make_array

from .buffers import scratch
from .jit import njit
from .vectors import LINE, Body, Emitter, constant, float_arrays, intrinsic

BLOCK = 1024  # elements
_PAGE = 4096  # bytes


def elementwise(formula: Callable) -> Any:
    """``kernel(start, stop, streaming, out, *inputs)``: ``out[start:stop]`` is ``formula`` of the inputs.

    formula : a function of single numbers, without side effects.
    streaming : whether to write past the caches.
    out : flat; inputs : flat arrays, and numbers that are the same for every element.
    """
    one = njit(formula)

    @njit(key=_name(formula))
    def kernel(start, stop, streaming, out, *inputs):
        place = address(out, start)
        buffer = buffer_for(place, out)
        low, size = start, (to_next_line(place, out) or BLOCK) if streaming else stop - start
        while low < stop:
            high = min(stop, low + size)
            buffered = streaming and high - low == BLOCK
            part = buffer if buffered else out[low:high]
            for i in range(part.size):
                part[i] = one(*_elements(inputs, low + i))
            if buffered:
                stream(address(out, low), buffer, BLOCK)
            low, size = high, BLOCK
        arrive()

    return kernel


def arithmetic(formula: Callable) -> Any:
    """The same of a formula that takes longer than memory does; ``streaming`` is not heeded.

    It computes with whole vectors, multiplies and adds at once, and has nothing to gain past the caches: with buffers,
    the sigmoid took a tenth longer.
    """
    one: Any = register_jitable(fastmath={"contract"}, forceinline=True)(formula)  # a loop that calls has no vectors

    @njit(key=_name(formula), fastmath={"contract"}, wide=True)
    def kernel(start, stop, streaming, out, *inputs):
        part = out[start:stop]  # whose indices are not negative, as LLVM sees: else there are no vectors
        for i in range(part.size):
            part[i] = one(*_elements(inputs, start + i))

    return kernel


def _name(formula: Callable) -> str:
    return f"{formula.__module__} {formula.__qualname__} {formula.__code__.co_firstlineno}"


@intrinsic
def _elements(typing_context: Any, inputs: Any, i: Any) -> Any:
    """Element ``i`` of each array; a number as it is. All are read: what a formula then does not need is selected away,
    and the loop has no branches."""
    result = types.Tuple([x.dtype if isinstance(x, types.Array) else x for x in inputs])

    def generate(context, builder, signature, args):
        values = []
        for number, kind in enumerate(inputs):
            value = builder.extract_value(args[0], number)
            if isinstance(kind, types.Array):
                data = make_array(kind)(context, builder, value).data
                value = load_item(context, builder, kind, builder.gep(data, [args[1]]))
            values.append(value)
        return context.make_tuple(builder, result, values)

    return result(inputs, types.int64), generate


@intrinsic
def address(typing_context: Any, array: Any, position: Any) -> Any:
    """Where an element is in memory."""

    def generate(context, builder, signature, args):
        place = Body(context, builder, signature, args).address(0, args[1])
        return builder.ptrtoint(place, constant(0).type)

    return types.int64(array, types.int64), generate


@njit
def to_next_line(place, like):
    """How many elements after an address the next line of memory begins."""
    return -place % LINE // like.itemsize


@njit
def buffer_for(place, like):
    """A block that lies half a page further in its page than an address in its own.

    A load waits for earlier stores to the same place of any page: a copy of neighbouring arrays took twice as long.
    """
    room = scratch(BLOCK + _PAGE // like.itemsize, like.dtype)
    first = (place + _PAGE // 2 - address(room, 0)) % _PAGE // like.itemsize
    return room[first : first + BLOCK]


@intrinsic
def stream(typing_context: Any, place: Any, source: Any, count: Any) -> Any:
    """Write ``source[:count]`` to an address, past the caches: there a line of memory begins, and ``count`` > 0
    elements are whole lines."""
    element = float_arrays(source)

    def generate(context, builder, signature, args):
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        to, come_from = builder.inttoptr(args[0], emit.scalar.as_pointer()), body.address(1, constant(0))
        hint = builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)])

        def step(k, _):
            vector = emit.load(builder.gep(come_from, [k]))
            stored = builder.store(vector, builder.bitcast(builder.gep(to, [k]), emit.vector.as_pointer()))
            stored.align = emit.lanes * emit.align
            stored.set_metadata("nontemporal", hint)
            return []

        body.loop(args[2], emit.lanes, [], step)
        return context.get_dummy_value()

    return types.void(types.int64, source, types.int64), generate


@intrinsic
def arrive(typing_context: Any) -> Any:
    """Wait until what was written past the caches is where other threads see it."""

    def generate(context, builder, signature, args):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate
