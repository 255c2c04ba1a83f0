"""The transforms of :mod:`.winograd` in LLVM IR: one vector of tiles at a time, all intermediate values in registers.

A minimal algorithm for 4 outputs of a filter of 3 taps evaluates polynomials at 6 points: 0, ±a, ±b and infinity
(Toom and Cook; Winograd, Arithmetic complexity of computations, 1980). The points decide the rounding error: ±1, ±2,
as in Lavin and Gray, lose 4 to 15 times as much as the direct sum, ±5/8, ±3/2 twice as much, at the same cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from llvmlite import ir
from numba import types

from .vectors import Body, Emitter, constant, float_arrays, intrinsic

RESULTS, TAPS, POINTS = 4, 3, 6  # along one side of a tile

A, B = 0.625, 1.5
_A2, _B2 = A * A, B * B
_NORM_A, _NORM_B = 2 * _A2 * (_A2 - _B2), 2 * _B2 * (_B2 - _A2)

Values = list[ir.Value]


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


def _along_both(transform: Callable[[Values], Values], rows: Iterator[Values]) -> Iterator[Values]:
    """Transform each row, then each column: the columns of the result, one by one."""
    return (transform(list(column)) for column in zip(*[transform(row) for row in rows]))


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
    """The pixels of the tiles of one vector, in memory; ``run`` neighbours at a time, 16 bytes."""

    def __init__(self, emit: Emitter, start: ir.Value, positions: ir.Value, pitch: ir.Value) -> None:
        self.emit, self.pitch, self.run = emit, pitch, 16 // emit.align
        self._type = ir.VectorType(emit.scalar, self.run)
        builder = emit.builder
        self.corners = [
            builder.gep(start, [builder.load(builder.gep(positions, [constant(tile)]))]) for tile in range(emit.lanes)
        ]

    def load(self, row: int, column: int) -> Values:
        """Vector j holds pixel ``column + j`` of each tile."""
        pixels = []
        for tile in range(self.emit.lanes):
            pixels.append(self.emit.builder.load(self._at(tile, row, column)))
            pixels[-1].align = self.emit.align
        return _turn(self.emit, [_join(self.emit, pixels[i :: self.run]) for i in range(self.run)])

    def store(self, row: int, column: int, values: Values) -> None:
        """The inverse of ``load``."""
        for i, vector in enumerate(_turn(self.emit, values)):
            for group in range(0, self.emit.lanes, self.run):
                pixels = self.emit.shuffle(vector, vector, list(range(group, group + self.run)))
                self.emit.builder.store(pixels, self._at(group + i, row, column)).align = self.emit.align

    def _at(self, tile: int, row: int, column: int) -> ir.Value:
        builder = self.emit.builder
        offset = builder.add(builder.mul(self.pitch, constant(row)), constant(column))
        return builder.bitcast(builder.gep(self.corners[tile], [offset]), self._type.as_pointer())


class _Stack:
    """Vectors at a fixed step from each other: a square of them, row by row."""

    def __init__(self, emit: Emitter, start: ir.Value, step: ir.Value, side: int) -> None:
        self.emit, self.start, self.step, self.side = emit, start, step, side

    def rows(self) -> Iterator[Values]:
        return ([self.emit.load(self._at(i, j)) for j in range(self.side)] for i in range(self.side))

    def store(self, columns: Iterator[Values]) -> None:
        for j, column in enumerate(columns):
            for i, value in enumerate(column):
                self.emit.store(value, self._at(i, j))

    def _at(self, i: int, j: int) -> ir.Value:
        builder = self.emit.builder
        return builder.gep(self.start, [builder.mul(self.step, constant(i * self.side + j))])


def _read(side: int, transform: str, pixels: Any, positions: Any, target: Any) -> tuple:
    element, index = float_arrays(pixels, target), types.int64
    signature = types.void(pixels, index, index, positions, index, target, index, index)

    def generate(context, builder, signature, args):
        _, p0, pitch, _, i0, _, t0, step = args
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        tiles = _Tiles(emit, body.address(0, p0), body.address(3, i0), pitch)
        rows = ([v for j in range(0, side, tiles.run) for v in tiles.load(i, j)][:side] for i in range(side))
        columns = _along_both(getattr(_Algebra(emit), transform), rows)
        _Stack(emit, body.address(5, t0), step, POINTS).store(columns)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def read_pixels(typing_context, pixels, p0, pitch, positions, i0, target, t0, step):
    """``target[t0 + k·step + lane] = (Bᵀ d B)[k]`` for the 6 x 6 pixels d at ``p0 + positions[i0 + lane]``.

    Rows of pixels are ``pitch`` apart; up to 8 pixels of each are read.
    """
    return _read(POINTS, "pixels", pixels, positions, target)


@intrinsic
def read_gradients(typing_context, pixels, p0, pitch, positions, i0, target, t0, step):
    """``target[t0 + k·step + lane] = (A g Aᵀ)[k]`` for the 4 x 4 gradients g at ``p0 + positions[i0 + lane]``."""
    return _read(RESULTS, "gradients", pixels, positions, target)


@intrinsic
def write_results(typing_context, source, s0, step, target, t0, pitch, positions, i0, zeros):
    """Put the 4 x 4 results ``Aᵀ m A`` at ``t0 + positions[i0 + lane]``, for ``m[k] = source[s0 + k·step + lane]``.

    ``zeros``, one vector, stays zero as long as all results are finite.
    """
    element, index = float_arrays(source, target, zeros), types.int64
    signature = types.void(source, index, index, target, index, index, positions, index, zeros)

    def generate(context, builder, signature, args):
        _, s0, step, _, t0, pitch, _, i0, _ = args
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        algebra = _Algebra(emit)
        tiles = _Tiles(emit, body.address(3, t0), body.address(6, i0), pitch)
        columns = list(_along_both(algebra.results, _Stack(emit, body.address(0, s0), step, POINTS).rows()))
        check = body.address(8, constant(0))
        zeros = emit.load(check)
        for value in (value for column in columns for value in column):
            zeros = algebra.fma(0.0, value, zeros)
        emit.store(zeros, check)
        for i, row in enumerate(zip(*columns)):
            for j in range(0, RESULTS, tiles.run):
                tiles.store(i, j, list(row[j : j + tiles.run]))
        return context.get_dummy_value()

    return signature, generate


def _convert(sides: tuple[int, int], transform: str, source: Any, target: Any) -> tuple:
    element, index = float_arrays(source, target), types.int64
    signature = types.void(source, index, index, target, index, index)

    def generate(context, builder, signature, args):
        emit, body = Emitter(context, builder, element), Body(context, builder, signature, args)
        rows = _Stack(emit, body.address(0, args[1]), args[2], sides[0]).rows()
        columns = _along_both(getattr(_Algebra(emit), transform), rows)
        _Stack(emit, body.address(3, args[4]), args[5], sides[1]).store(columns)
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
