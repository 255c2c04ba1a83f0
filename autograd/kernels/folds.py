"""Reductions of large arrays over some axes, in one pass over memory on all threads: sums and extremes.

A block of 4096 numbers, or of 64 rows, is reduced in vectors; what the blocks give is reduced in the same way, until
one is left. So as many numbers as a lane has of a block are added one after the other (64 of float32 with AVX-512),
whatever the size of the array. The blocks are fixed by shape: the same bits for any number of threads.

Products are not among them: in lanes, one may overflow and another one vanish where the product of neighbours is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from .arrays import canonical
from .jit import njit
from .parallel import parallel_for
from .vectors import Body, Emitter, constant, float_arrays, intrinsic

_BLOCK = 4096  # elements of a run of neighbours
_ROWS, _COLUMNS = 64, 2048  # of a block of rows
_VECTORS = 4  # under way at a time: to add takes as long as to load four


class _Kind(NamedTuple):
    start: float  # which joined to a number leaves it as it is
    of: Callable  # (builder, x, y): what of an element, of one or of two arrays, is reduced
    join: Callable  # (builder, a, b)
    rest: str  # the kind that brings the results of blocks together


def _larger(builder: Any, a: Any, b: Any) -> Any:
    """NaN if one of them is."""
    return builder.select(builder.or_(builder.fcmp_ordered(">", b, a), builder.fcmp_unordered("uno", b, b)), b, a)


def _smaller(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.or_(builder.fcmp_ordered("<", b, a), builder.fcmp_unordered("uno", b, b)), b, a)


def _add(builder: Any, a: Any, b: Any) -> Any:
    return builder.fadd(a, b, flags=("contract",))


def _multiply(builder: Any, a: Any, b: Any) -> Any:
    return builder.fmul(a, b, flags=("contract",))


def _first(builder: Any, x: Any, y: Any) -> Any:
    return x


def _size(builder: Any, x: Any, y: Any) -> Any:
    return builder.select(builder.fcmp_ordered("<", x, ir.Constant(x.type, None)), builder.fneg(x), x)


KINDS = {
    "sum": _Kind(0, _first, _add, "sum"),
    "sum of products": _Kind(0, _multiply, _add, "sum"),
    "sum of sizes": _Kind(0, _size, _add, "sum"),
    "largest": _Kind(-math.inf, _first, _larger, "largest"),
    "largest size": _Kind(0, _size, _larger, "largest"),
    "smallest": _Kind(math.inf, _first, _smaller, "smallest"),
}


def fold(kind: str, x: np.ndarray, axes: tuple[int, ...], y: np.ndarray | None = None) -> Any | None:
    """``x`` reduced over ``axes``; ``None`` where they alternate too often with the others for these loops.

    kind : "sum", "sum of sizes" ``Σ |x|``, "sum of products" ``Σ x · y``; "largest", "smallest", "largest size", which
        are NaN where an element is
    x, y : in row-major order, floating point, of one shape and dtype; ``y`` is ``x`` if it is not given.

    Returns an array without these axes, of the dtype of x, or a number.
    """
    along_runs, sizes, kept = _loops(x.shape, axes)
    if along_runs is None:
        return None
    flat = canonical(x).reshape(-1)
    other = flat if y is None else canonical(y).reshape(-1)
    return (_fold_runs if along_runs else _fold_rows)(kind, flat, other, *sizes).reshape(kept)[()]


def _fold_runs(kind: str, x: np.ndarray, y: np.ndarray, n: int, k: int, length: int) -> np.ndarray:
    """Of x (n, k, length), flat, over the outer two: k numbers."""
    steps = -(-length // _BLOCK)
    out = np.empty(k * n * steps, x.dtype)
    parallel_for(_kernels(kind)[0], out.size, out, x, y, n, k, length, cost=min(length, _BLOCK))
    return out if n * steps == 1 else _fold_runs(KINDS[kind].rest, out, out, 1, k, n * steps)


def _fold_rows(kind: str, x: np.ndarray, y: np.ndarray, k: int, n: int, length: int) -> np.ndarray:
    """Of x (k, n, length), flat, over the one in the middle: (k, length), flat."""
    parts, chunks = -(-n // _ROWS), -(-length // _COLUMNS)
    out = np.empty(k * parts * length, x.dtype)
    cost = min(n, _ROWS) * min(length, _COLUMNS)
    parallel_for(_kernels(kind)[1], k * parts * chunks, out, x, y, n, length, KINDS[kind].start, cost=cost)
    return out if parts == 1 else _fold_rows(KINDS[kind].rest, out, out, k, parts, length)


@lru_cache(maxsize=256)
def _loops(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[bool | None, tuple[int, ...], tuple[int, ...]]:
    """Whether runs of neighbours are reduced, or rows (``None``: neither), the array's three dimensions for that, and
    the shape of the result."""
    merged = [(gone, list(group)) for gone, group in groupby(
        (i for i, n in enumerate(shape) if n != 1), key=lambda i: i in axes
    )]  # fmt: skip
    pattern = tuple(gone for gone, _ in merged)
    sizes = tuple([math.prod(shape[i] for i in group) for _, group in merged])
    kept = tuple(n for i, n in enumerate(shape) if i not in axes)
    if pattern in ((True,), (False, True), (True, False, True)):
        return True, (1, 1, *sizes)[-3:], kept
    if pattern in ((True, False), (False, True, False)):
        return False, (1, *sizes)[-3:], kept
    return None, sizes, kept


@cache
def _kernels(kind: str) -> tuple[Any, Any]:
    """The loops over blocks of runs, and over blocks of rows."""
    fold_run, (join_row, join_four) = run_folder(KINDS[kind]), (_row_joiner(KINDS[kind], n) for n in (1, 4))

    @njit(key=kind)
    def runs(start, stop, out, x, y, n, k, length):
        steps = (length + _BLOCK - 1) // _BLOCK
        run, step = start // steps, start % steps
        i, j = run // k, run % k
        at, first = run * length, step * _BLOCK
        place = (j * n + i) * steps + step  # what will be brought together are neighbours
        for _ in range(start, stop):
            out[place] = fold_run(x, y, at + first, min(_BLOCK, length - first))
            first, place = first + _BLOCK, place + 1
            if first >= length:  # counted, not divided: runs of 64 took twice as long
                first, at, j, place = 0, at + length, j + 1, place + (n - 1) * steps
                if j == k:
                    i, j = i + 1, 0
                    place = i * steps

    @njit(key=kind)
    def rows(start, stop, out, x, y, n, length, neutral):
        parts, chunks = (n + _ROWS - 1) // _ROWS, (length + _COLUMNS - 1) // _COLUMNS
        for block in range(start, stop):
            group, left = block // chunks, block % chunks * _COLUMNS
            k, row = group // parts, group % parts * _ROWS
            columns, end, total = min(_COLUMNS, length - left), min(n, row + _ROWS), group * length + left
            for i in range(total, total + columns):
                out[i] = neutral
            while row + 4 <= end:  # in one pass over the total: a row at a time took a fifth longer
                join_four(out, total, x, y, (k * n + row) * length + left, length, columns)
                row += 4
            while row < end:
                join_row(out, total, x, y, (k * n + row) * length + left, length, columns)
                row += 1

    return runs, rows


def run_folder(kind: _Kind) -> Any:
    @intrinsic
    def fold_run(typing_context, x, y, first, count):
        """The ``count`` elements from ``first`` on, reduced to a number."""
        element, index = float_arrays(x, y), types.int64

        def generate(context, builder, signature, args):
            _, _, first, count = args
            emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
            arrays = [body.address(0, first), body.address(1, first)]

            def join(a, b):
                return kind.join(builder, a, b)

            def value(k, load):
                return kind.of(builder, *(load(builder.gep(array, [k])) for array in arrays))

            def several(k, totals):
                places = [builder.add(k, constant(v * emit.lanes)) for v in range(_VECTORS)]
                return [join(total, value(place, emit.load)) for total, place in zip(totals, places)]

            def one(k, totals):
                return [join(totals[0], value(builder.add(many, k), emit.load))]

            neutral = emit.splat(ir.Constant(emit.scalar, float(kind.start)))
            many = _multiple(builder, count, _VECTORS * emit.lanes)
            totals = body.loop(many, _VECTORS * emit.lanes, [neutral] * _VECTORS, several, often=False)
            while len(totals) > 1:
                totals = [join(a, b) for a, b in zip(totals[::2], totals[1::2])]
            whole = _multiple(builder, count, emit.lanes)
            (total,) = body.loop(builder.sub(whole, many), emit.lanes, totals, one, often=False)
            rest = emit.first(builder.sub(count, whole))
            last = value(whole, lambda place: emit.load_where(place, rest))
            total = join(total, builder.select(rest, last, neutral))
            lanes = emit.lanes
            while lanes > 1:
                lanes //= 2
                halves = (list(range(half, half + lanes)) for half in (0, lanes))
                total = join(*(emit.shuffle(total, total, half) for half in halves))
            return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

        return element(x, y, index, index), generate

    return fold_run


def _row_joiner(kind: _Kind, number: int) -> Any:
    @intrinsic
    def join_rows(typing_context, total, t0, x, y, x0, pitch, columns):
        """Join ``number`` rows, ``pitch`` apart, one after the other to ``columns`` elements of the total."""
        float_arrays(total, x, y)
        index = types.int64

        def generate(context, builder, signature, args):
            _, t0, _, _, x0, pitch, columns = args
            emit = Emitter(context, builder, signature.args[0].dtype)
            body = Body(context, builder, signature, args)
            first = [builder.add(x0, builder.mul(pitch, constant(r))) for r in range(number)]
            sums, rows = body.address(0, t0), [(body.address(2, at), body.address(3, at)) for at in first]

            def join(k, load, store, _):
                place = builder.gep(sums, [k])
                result = load(place)
                for row in rows:
                    values = (load(builder.gep(array, [k])) for array in row)
                    result = kind.join(builder, result, kind.of(builder, *values))
                store(result, place)

            body.elements(columns, emit, join)
            return context.get_dummy_value()

        return types.void(total, index, x, y, index, index, index), generate

    return join_rows


def _multiple(builder: Any, count: Any, of: int) -> Any:
    """The largest multiple that is not above ``count``; ``of`` is a power of two."""
    return builder.and_(count, constant(-of))
