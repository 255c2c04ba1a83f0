"""Arithmetic and copies of large arrays that consist of *runs*: neighbours in memory, or one number all along.

Contiguous arrays are one run; channels of an image, rows of a matrix and whatever broadcasts along them are several.
All are walked through by one kernel, since each compiled kernel delays a first step by a tenth of a second. A number
that is repeated is written into a block that stays in the first cache, so one loop for each operation is enough.

The arithmetic is NumPy's, operation by operation: an array has the same bits below and above the size from which these
are used. Results that would fill much of the last cache are written past it: see :mod:`autograd.kernels.streaming`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numba import types

from .blocks import is_beyond_cache
from .buffers import place_of, scratch
from .jit import njit
from .parallel import parallel_for
from .streaming import BLOCK, address, arrive, buffer_for, stream, to_next_line
from .vectors import LINE, Body, Emitter, constant, float_arrays, intrinsic

_LEAST = 64  # elements of a run: shorter ones are better walked through by NumPy
_COPY, _NEGATE, _ADD, _SUBTRACT, _MULTIPLY, _DIVIDE, _EQUAL = range(7)
_OPERATIONS = {
    np.positive: _COPY,
    np.negative: _NEGATE,
    np.add: _ADD,
    np.subtract: _SUBTRACT,
    np.multiply: _MULTIPLY,
    np.true_divide: _DIVIDE,
    np.equal: _EQUAL,
}
_LIKE = {np.dtype(t): np.empty(0, t) for t in (np.float32, np.float64)}


def combine(function: np.ufunc, inputs: Sequence[Any], out: np.ndarray) -> bool:
    """``function(*inputs, out)`` where these loops can do it: whether they can. ``np.positive`` copies, ``np.equal``
    gives 1 and 0.

    inputs : arrays of the dtype of ``out``, float32 or float64, that broadcast to its shape, and numbers.
    out : shares no memory with them; may be a part of a larger array.
    """
    operation = _OPERATIONS.get(function)
    if operation is None:
        return False
    operands = [x if isinstance(x, np.ndarray) else np.array(x, out.dtype) for x in inputs]
    left, right = operands[0], operands[-1]
    layout = _layout(out.itemsize, out.shape, out.strides, left.shape, left.strides, right.shape, right.strides)
    if layout is None or not (out.flags.aligned and left.flags.aligned and right.flags.aligned):
        return False
    arguments = operation, is_beyond_cache(out), _LIKE[out.dtype], id(out), id(left), id(right), layout
    parallel_for(_combine, out.size, *arguments, cost=4)
    return True


@lru_cache(maxsize=1024)
def _layout(itemsize: int, shape: tuple[int, ...], *strides_and_shapes: tuple[int, ...]) -> np.ndarray | None:
    """How to walk through the result and two operands: run (i, j) of each begins at element ``i·outer + j·inner``.

    Returns (number of runs for each i, length of a run), then for each of the three (outer, inner, step), steps being
    1 or 0; ``None`` where the dimensions cannot be merged into three, or runs are short.
    """
    out, a_shape, a, b_shape, b = strides_and_shapes
    steps = [_broadcast(shape, *x) for x in ((shape, out), (a_shape, a), (b_shape, b))]
    loops: list[tuple[int, tuple[int, ...]]] = []  # sizes and steps, in elements; the fastest first
    for n, *bytes_ in zip(reversed(shape), *map(reversed, steps)):
        if any(stride % itemsize or stride < 0 for stride in bytes_):
            return None
        step = tuple(stride // itemsize for stride in bytes_)
        if loops and step == tuple(loops[-1][0] * inner for inner in loops[-1][1]):
            loops[-1] = (loops[-1][0] * n, loops[-1][1])
        elif n != 1:
            loops.append((n, step))
    if not 1 <= len(loops) <= 3 or loops[0][0] < _LEAST or loops[0][1][0] != 1 or max(loops[0][1]) > 1:
        return None
    (length, step), (number, inner), (_, outer) = (*loops, (1, (0, 0, 0)), (1, (0, 0, 0)))[:3]
    return np.array([number, length, *(n for each in zip(outer, inner, step) for n in each)])


def _broadcast(shape: tuple[int, ...], own: tuple[int, ...], strides: tuple[int, ...]) -> list[int]:
    """The strides of an array that is repeated to ``shape``."""
    return [0] * (len(shape) - len(own)) + [0 if n == 1 else stride for n, stride in zip(own, strides)]


@njit
def _combine(start, stop, operation, streaming, like, out, a, b, layout):
    out, a, b = place_of(out), place_of(a), place_of(b)
    number, length, itemsize = layout[0], layout[1], like.itemsize
    line = LINE // itemsize
    block = buffer_for(out + start * itemsize, like)
    vector_a, vector_b = scratch(line, like.dtype), scratch(line, like.dtype)
    low, run, at = start, start // length, start % length
    i, j = run // number, run % number
    while low < stop:
        to = out + (i * layout[2] + j * layout[3] + at) * itemsize
        x = _operand(vector_a, a + (i * layout[5] + j * layout[6]) * itemsize, layout[7], at)
        y = _operand(vector_b, b + (i * layout[8] + j * layout[9]) * itemsize, layout[10], at)
        end = low + min(stop - low, length - at)
        while low < end:
            size, past = end - low, False
            if streaming:
                ahead = to_next_line(to, like)
                size = min(size, ahead or BLOCK)
                past = ahead == 0 and size >= line
                if past:
                    size -= size % line
            _apply(like, operation, address(block, 0) if past else to, x, y, layout, size)
            if past:
                stream(to, block, size)
            low += size
            to += size * itemsize
            x += size * layout[7] * itemsize
            y += size * layout[10] * itemsize
        at, j = 0, j + 1  # counted, not divided: runs may be short
        if j == number:
            i, j = i + 1, 0
    arrive()


@intrinsic
def _operand(typing_context: Any, vector: Any, run: Any, step: Any, at: Any) -> Any:
    """The address of element ``at`` of a run. If that is one number all along, of a vector of it."""
    element, index = float_arrays(vector), types.int64

    def generate(context, builder, signature, args):
        _, run, step, at = args
        emit = Emitter(context, builder, element)
        first = builder.inttoptr(run, emit.scalar.as_pointer())
        repeated = Body(context, builder, signature, args).address(0, constant(0))
        emit.store(emit.splat(builder.load(first)), repeated)
        place = builder.select(builder.icmp_signed("==", step, constant(0)), repeated, builder.gep(first, [at]))
        return builder.ptrtoint(place, constant(0).type)

    return index(vector, index, index, index), generate


@intrinsic
def _apply(typing_context: Any, like: Any, operation: Any, to: Any, a: Any, b: Any, layout: Any, size: Any) -> Any:
    """``to[k] = a[k·step] ∘ b[k·step]`` for k < size, of addresses, in elements as those of ``like``.

    Where a step is 0 the vector at the address is read again and again.
    """
    element = float_arrays(like)

    def generate(context, builder, signature, args):
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        _, operation, *places, _, size = args
        out, *operands = (builder.inttoptr(place, emit.scalar.as_pointer()) for place in places)
        steps = [builder.load(body.address(5, constant(i))) for i in (7, 10)]
        formulas = {
            _COPY: lambda x, y: x,
            _NEGATE: lambda x, y: builder.fneg(x),
            _ADD: builder.fadd,
            _SUBTRACT: builder.fsub,
            _MULTIPLY: builder.fmul,
            _DIVIDE: builder.fdiv,
            _EQUAL: lambda x, y: builder.uitofp(builder.fcmp_ordered("==", x, y), x.type),
        }
        end = builder.append_basic_block("end")
        cases = {code: builder.append_basic_block("operation") for code in formulas}
        choice = builder.switch(operation, cases[_COPY])
        for code, formula in formulas.items():
            choice.add_case(constant(code), cases[code])
            builder.position_at_end(cases[code])

            def combine(k, load, store, _, formula=formula):
                values = (load(builder.gep(p, [builder.mul(k, step)])) for p, step in zip(operands, steps))
                store(formula(*values), builder.gep(out, [k]))

            body.elements(size, emit, combine)
            builder.branch(end)
        builder.position_at_end(end)
        return context.get_dummy_value()

    index = types.int64
    return types.void(like, index, index, index, index, layout, index), generate
