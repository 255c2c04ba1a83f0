"""The transforms of :mod:`.winograd` in LLVM IR: one vector of tiles at a time.

A minimal algorithm for 4 outputs of a filter of 3 taps evaluates polynomials at 6 points: 0, ±a, ±b and infinity
(Toom and Cook; Winograd, Arithmetic complexity of computations, 1980). The points decide the rounding error: ±1, ±2,
as in Lavin and Gray, lose 4 to 15 times as much as the direct sum, ±5/8, ±3/2 twice as much, at the same cost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from .vectors import Body, Emitter, constant, float_arrays, intrinsic

RESULTS, TAPS, POINTS = 4, 3, 6  # along one side of a tile

A, B = 0.625, 1.5
_A2, _B2 = A * A, B * B
_NORM_A, _NORM_B = 2 * _A2 * (_A2 - _B2), 2 * _B2 * (_B2 - _A2)

Values = list[ir.Value]
Transform = Callable[[Values], Values]


class _Algebra:
    """Sums of vectors with constant factors."""

    def __init__(self, emit: Emitter) -> None:
        self.emit = emit

    def constant(self, factor: float) -> ir.Constant:
        return ir.Constant(self.emit.vector, [factor] * self.emit.lanes)

    def scale(self, factor: float, x: ir.Value) -> ir.Value:
        return self.emit.builder.fmul(self.constant(factor), x)

    def fma(self, factor: float, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.emit.multiply_add(self.constant(factor), x, y)

    def plus(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.emit.builder.fadd(x, y)

    def minus(self, x: ir.Value, y: ir.Value) -> ir.Value:
        return self.emit.builder.fsub(x, y)

    def both(self, factor: float, even: ir.Value, odd: ir.Value) -> Values:
        """A polynomial at ``factor`` and ``-factor``, from its even part and its odd part over the factor."""
        return [self.fma(factor, odd, even), self.fma(-factor, odd, even)]

    def pixels(self, d: Values) -> Values:
        """Bᵀ d: 6 pixels to 6 points."""
        ends = [self.fma(_A2 * _B2, d[i], self.fma(-_A2 - _B2, d[i + 2], d[i + 4])) for i in (0, 1)]
        at_a = self.both(A, *(self.fma(-_B2, d[i], d[i + 2]) for i in (2, 1)))
        at_b = self.both(B, *(self.fma(-_A2, d[i], d[i + 2]) for i in (2, 1)))
        return [ends[0], *at_a, *at_b, ends[1]]

    def filters(self, w: Values) -> Values:
        """G w: 3 taps to 6 points."""
        points = [self.scale(1 / (_A2 * _B2), w[0])]
        for point, norm in ((A, _NORM_A), (B, _NORM_B)):
            even = self.fma(point * point / norm, w[2], self.scale(1 / norm, w[0]))
            points += self.both(point / norm, even, w[1])
        return [*points, w[2]]

    def results(self, m: Values) -> Values:
        """Aᵀ m: 6 points to 4 outputs."""
        even_a, odd_a, even_b, odd_b = self._parts(m)
        return [
            self.plus(m[0], self.plus(even_a, even_b)),
            self.fma(A, odd_a, self.scale(B, odd_b)),
            self.fma(_A2, even_a, self.scale(_B2, even_b)),
            self.fma(A**3, odd_a, self.fma(B**3, odd_b, m[5])),
        ]

    def gradients(self, g: Values) -> Values:
        """A g, the adjoint of ``results``: 4 gradients to 6 points."""
        at_a = self.both(A, self.fma(_A2, g[2], g[0]), self.fma(_A2, g[3], g[1]))
        at_b = self.both(B, self.fma(_B2, g[2], g[0]), self.fma(_B2, g[3], g[1]))
        return [g[0], *at_a, *at_b, g[3]]

    def taps(self, u: Values) -> Values:
        """Gᵀ u, the adjoint of ``filters``: 6 points to 3 taps."""
        even_a, odd_a, even_b, odd_b = self._parts(u)
        return [
            self.fma(1 / (_A2 * _B2), u[0], self.fma(1 / _NORM_A, even_a, self.scale(1 / _NORM_B, even_b))),
            self.fma(A / _NORM_A, odd_a, self.scale(B / _NORM_B, odd_b)),
            self.fma(_A2 / _NORM_A, even_a, self.fma(_B2 / _NORM_B, even_b, u[5])),
        ]

    def _parts(self, m: Values) -> Values:
        return [self.plus(m[1], m[2]), self.minus(m[1], m[2]), self.plus(m[3], m[4]), self.minus(m[3], m[4])]


def _turn(emit: Emitter, vectors: Values) -> Values:
    """Transpose n vectors inside of each group of n lanes, n a power of two: interleave halves, log2(n) times."""
    n = len(vectors)

    def interleave(a: ir.Value, b: ir.Value, half: int) -> ir.Value:
        places = [half * n // 2 + i // 2 + i % 2 * emit.lanes for i in range(n)]
        return emit.shuffle(a, b, [group + place for group in range(0, emit.lanes, n) for place in places])

    for _ in range(n.bit_length() - 1):
        pairs = list(zip(vectors[: n // 2], vectors[n // 2 :]))
        vectors = [interleave(a, b, half) for a, b in pairs for half in (0, 1)]
    return vectors


def _join(emit: Emitter, vectors: Values) -> ir.Value:
    """One vector of all lanes, in order."""
    while len(vectors) > 1:
        both = list(range(2 * vectors[0].type.count))
        vectors = [emit.shuffle(a, b, both) for a, b in zip(vectors[::2], vectors[1::2])]
    return vectors[0]


class _Tiles:
    """The pixels of the tiles of one vector, in memory: runs of up to 4 of each, side by side in a vector.

    together : whether tiles that share such a vector are neighbours, so that it is read or written at once. (Put
        together from runs, a convolution of 16 to 16 channels took a tenth longer.)
    """

    def __init__(
        self, emit: Emitter, start: ir.Value, positions: ir.Value, pitch: ir.Value, together: ir.Value
    ) -> None:
        self.emit, self.start, self.positions, self.pitch, self.together = emit, start, positions, pitch, together
        self.run = min(RESULTS, emit.lanes)
        self.shared = emit.lanes // self.run  # tiles of a vector

    def load(self, row: ir.Value, side: int) -> Values:
        """Vector j holds pixel j of each tile; whole runs are read."""
        builder, shared, columns = self.emit.builder, self.shared, range(0, side, self.run)
        with builder.if_else(self.together) as (at_once, by_runs):
            with at_once:
                wholes = _load(self.emit, self._wide(row, columns))
                after_wholes = builder.block
            with by_runs:
                places = self._narrow(row, columns)
                runs = [builder.load(place, align=self.emit.align) for place in places]
                joined = [_join(self.emit, runs[i : i + shared]) for i in range(0, len(runs), shared)]
                after_joined = builder.block
        vectors = []
        for whole, join in zip(wholes, joined, strict=True):
            vectors.append(builder.phi(self.emit.vector))
            vectors[-1].add_incoming(whole, after_wholes)
            vectors[-1].add_incoming(join, after_joined)
        return self._turned(vectors)[:side]

    def store(self, row: ir.Value, values: Values) -> None:
        """The inverse of ``load``, for whole runs."""
        builder, vectors, columns = self.emit.builder, self._turned(values), range(0, len(values), self.run)
        with builder.if_else(self.together) as (at_once, by_runs):
            with at_once:
                _store(self.emit, vectors, self._wide(row, columns))
            with by_runs:
                for i, place in enumerate(self._narrow(row, columns)):
                    vector, first = vectors[i // self.shared], i % self.shared * self.run
                    run = self.emit.shuffle(vector, vector, list(range(first, first + self.run)))
                    builder.store(run, place).align = self.emit.align

    def _turned(self, vectors: Values) -> Values:
        return [v for i in range(0, len(vectors), self.run) for v in _turn(self.emit, vectors[i : i + self.run])]

    def _wide(self, row: ir.Value, columns: range) -> Values:
        """Where the vectors begin."""
        return self._places(row, columns, self.shared)

    def _narrow(self, row: ir.Value, columns: range) -> Values:
        """Where the run of each tile begins."""
        kind = ir.VectorType(self.emit.scalar, self.run).as_pointer()
        return [self.emit.builder.bitcast(place, kind) for place in self._places(row, columns, 1)]

    def _places(self, row: ir.Value, columns: range, step: int) -> Values:
        """In every ``step``-th tile."""
        builder = self.emit.builder
        start = builder.gep(self.start, [builder.mul(self.pitch, row)])
        entries = [builder.gep(self.positions, [constant(tile)]) for tile in range(0, self.emit.lanes, step)]
        corners = [builder.gep(start, [builder.load(entry)]) for entry in entries]
        return [builder.gep(corner, [constant(column)]) for column in columns for corner in corners]


class _Stack:
    """``rows`` × ``columns`` vectors in memory, row by row, each ``step`` behind the one before.

    pitch : from one row to the next, if other vectors lie between them.
    """

    def __init__(
        self, emit: Emitter, start: ir.Value, step: ir.Value, rows: int, columns: int, pitch: ir.Value | None = None
    ) -> None:
        self.builder, self.start, self.step, self.rows, self.columns = emit.builder, start, step, rows, columns
        self.pitch = pitch or emit.builder.mul(step, constant(columns))

    def row(self, i: ir.Value) -> Values:
        return self._pointers(self.builder.mul(self.pitch, i), self.step, self.columns)

    def column(self, j: ir.Value) -> Values:
        return self._pointers(self.builder.mul(self.step, j), self.pitch, self.rows)

    def _pointers(self, first: ir.Value, apart: ir.Value, count: int) -> Values:
        pointers = [self.builder.gep(self.start, [first])]
        while len(pointers) < count:
            pointers.append(self.builder.gep(pointers[-1], [apart]))
        return pointers


def _along_both(
    emit: Emitter, body: Body, transform: Transform, sides: tuple[int, int], read: Callable, write: Callable
) -> None:
    """Transform ``read(i)`` for each of ``sides[0]`` lines, then across them: ``write(j, values)`` for ``sides[1]``.

    Loops, with the lines between in memory: they are more than the registers hold, and LLVM took half a second longer
    with all of it unrolled.
    """
    builder = emit.builder
    memory = cgutils.alloca_once(builder, emit.vector, sides[0] * sides[1])
    start = builder.bitcast(memory, emit.scalar.as_pointer())
    between = _Stack(emit, start, constant(emit.lanes), *sides)

    def along(i: ir.Value, _: Values) -> Values:
        _store(emit, transform(read(i)), between.row(i))
        return []

    def across(j: ir.Value, _: Values) -> Values:
        write(j, transform(_load(emit, between.column(j))))
        return []

    # a number that LLVM does not know: it would unroll the loops
    opaque = ir.FunctionType(ir.IntType(64), [ir.IntType(64)])
    for count, line in zip(sides, (along, across)):
        body.loop(builder.asm(opaque, "", "=r,0", [constant(count)], side_effect=False), 1, [], line)


def _load(emit: Emitter, pointers: Values) -> Values:
    return [emit.load(pointer) for pointer in pointers]


def _store(emit: Emitter, values: Values, pointers: Values) -> None:
    for value, pointer in zip(values, pointers, strict=True):
        emit.store(value, pointer)


@intrinsic
def read_pixels(typing_context, pixels, p0, pitch, positions, i0, together, target, t0, step):
    """``target[t0 + k·step + lane] = (Bᵀ d B)[k]`` for the 6 x 6 pixels d at ``p0 + positions[i0 + lane]``.

    Rows of pixels are ``pitch`` apart; up to 8 pixels of each are read. The tiles stand in another order in the lanes,
    which is the same in ``write_results``. together : whether tiles stand side by side, 4 · lanes pixels at a time.
    """
    element, index = float_arrays(pixels, target), types.int64
    signature = types.void(pixels, index, index, positions, index, types.boolean, target, index, index)

    def generate(context, builder, signature, args):
        _, p0, pitch, _, i0, together, _, t0, step = args
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        tiles = _Tiles(emit, body.address(0, p0), body.address(3, i0), pitch, together)
        points = _Stack(emit, body.address(6, t0), step, POINTS, POINTS)
        _along_both(
            *(emit, body, _Algebra(emit).pixels, (POINTS, POINTS)),
            read=lambda i: tiles.load(i, POINTS),
            write=lambda j, values: _store(emit, values, points.column(j)),
        )
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def write_results(typing_context, source, s0, step, target, t0, pitch, positions, i0, together, zeros):
    """Put the 4 x 4 results ``Aᵀ m A`` at ``t0 + positions[i0 + lane]``, for ``m[k] = source[s0 + k·step + lane]``.

    ``zeros``, one vector, stays zero as long as all results are finite.
    """
    element, index = float_arrays(source, target, zeros), types.int64
    signature = types.void(source, index, index, target, index, index, positions, index, types.boolean, zeros)

    def generate(context, builder, signature, args):
        _, s0, step, _, t0, pitch, _, i0, together, _ = args
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        algebra = _Algebra(emit)
        points = _Stack(emit, body.address(0, s0), step, POINTS, POINTS)
        tiles = _Tiles(emit, body.address(3, t0), body.address(6, i0), pitch, together)
        check = body.address(9, constant(0))

        def write(row: ir.Value, values: Values) -> None:
            zeros = emit.load(check)
            for value in values:
                zeros = algebra.fma(0.0, value, zeros)
            emit.store(zeros, check)
            tiles.store(row, values)

        _along_both(
            *(emit, body, algebra.results, (POINTS, RESULTS)),
            read=lambda j: _load(emit, points.column(j)),
            write=write,
        )
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def pixels_to_points(typing_context, source, s0, pitch, target, t0, step):
    """``target[t0 + k·step + lane] = (Bᵀ d B)[k]`` for the 6 x 6 ``d[i, j] = source[s0 + i·pitch + j·lanes + lane]``:
    ``read_pixels`` of one tile, with a channel in each lane.
    """
    return _convert((POINTS, POINTS), "pixels", source, target, in_lines=True)


@intrinsic
def gradients_to_points(typing_context, source, s0, pitch, target, t0, step):
    """``target[t0 + k·step + lane] = (A g Aᵀ)[k]`` for the 4 x 4 gradients g, in the same way."""
    return _convert((RESULTS, POINTS), "gradients", source, target, in_lines=True)


def _convert(sides: tuple[int, int], transform: str, source: Any, target: Any, in_lines: bool = False) -> tuple:
    """From vectors that are a step apart, or ``in_lines``, neighbours in rows that are."""
    element, index = float_arrays(source, target), types.int64
    signature = types.void(source, index, index, target, index, index)

    def generate(context, builder, signature, args):
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        steps = (constant(emit.lanes), args[2]) if in_lines else (args[2], None)
        before = _Stack(emit, body.address(0, args[1]), steps[0], sides[0], sides[0], steps[1])
        after = _Stack(emit, body.address(3, args[4]), args[5], sides[1], sides[1])
        _along_both(
            *(emit, body, getattr(_Algebra(emit), transform), sides),
            read=lambda i: _load(emit, before.row(i)),
            write=lambda j, values: _store(emit, values, after.column(j)),
        )
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def filters_to_points(typing_context, source, s0, s_step, target, t0, t_step):
    """``target[t0 + k·t_step + lane] = (G w Gᵀ)[k]`` for the filters ``w[i] = source[s0 + i·s_step + lane]``."""
    return _convert((TAPS, POINTS), "filters", source, target)


@intrinsic
def points_to_filters(typing_context, source, s0, s_step, target, t0, t_step):
    """``target[t0 + i·t_step + lane] = (Gᵀ u G)[i]`` for the sums ``u[k] = source[s0 + k·s_step + lane]``."""
    return _convert((POINTS, TAPS), "taps", source, target)


@intrinsic
def copy_taps(typing_context, target, t0, t_step, source, s0, s_step):
    """``target[t0 + i·t_step] = source[s0 + i·s_step]`` for the 9 taps i of a filter.

    A loop in Numba looks at the sign of each index, which took a fifth longer for 256 to 256 channels and 4 x 4 pixels.
    """
    index = types.int64
    float_arrays(target, source)

    def generate(context, builder, signature, args):
        body = Body(context, builder, signature, args)
        to, at = body.address(0, args[1]), body.address(3, args[4])
        for _ in range(TAPS * TAPS):
            builder.store(builder.load(at), to)
            to, at = builder.gep(to, [args[2]]), builder.gep(at, [args[5]])
        return context.get_dummy_value()

    return types.void(target, index, index, source, index, index), generate
