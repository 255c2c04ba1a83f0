"""Residue planes: how the pixels that a correlation meets are laid out, so that neighbouring outputs meet neighbours.

With a stride s the input is split into s² planes (rows ≡ a, columns ≡ b mod s), inside of which neighbouring outputs
read neighbouring pixels again. Planes are zero-padded, row after row with a fixed pitch; the right padding of a row
doubles as the left padding of the next. The input gradient of a strided convolution is s² stride-1 correlations, one
for each residue of the *output* (a *phase*), each with the taps that can reach it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..geometry import Pair
from .vectors import lanes

_NEVER = 1 << 62  # an end behind every array: not to be read in vectors


class Phase(NamedTuple):
    """The outputs ``origin, origin + spread, ...`` of one axis, and what reaches them."""

    origin: int
    outputs: int
    taps: tuple[tuple[int, int], ...]  # (index in the kernel, offset in the source)


class Axis(NamedTuple):
    """One axis of a correlation: output number q of a phase meets ``source[step·q + offset]`` for each tap."""

    step: int
    phases: tuple[Phase, ...]

    @property
    def spread(self) -> int:
        """Outputs from one of a phase to the next: the stride of an adjoint, or all outputs if they are fewer."""
        return len(self.phases)

    @property
    def shared(self) -> float:
        """How many offsets there are for each tap."""
        offsets = [offset for phase in self.phases for _, offset in phase.taps]
        return len(set(offsets)) / max(len(offsets), 1)


@lru_cache(maxsize=256)
def forward_axis(outputs: int, kernel: int, stride: int, before: int, dilation: int) -> Axis:
    """Output q of a convolution meets input ``s·q + d·i − before`` at tap i."""
    return Axis(stride, (Phase(0, outputs, tuple((i, i * dilation - before) for i in range(kernel))),))


@lru_cache(maxsize=256)
def adjoint_axis(inputs: int, kernel: int, stride: int, before: int, dilation: int) -> Axis:
    """Input h meets the output gradient ``(h + before − d·i)/s`` at each tap i for which that is whole."""
    phases = []
    for origin in range(min(stride, inputs)):
        taps = tuple(
            (i, (origin + before - i * dilation) // stride)
            for i in range(kernel)
            if (origin + before - i * dilation) % stride == 0
        )
        phases.append(Phase(origin, ceil_div(inputs - origin, stride), taps))
    return Axis(1, tuple(phases))


class Line(NamedTuple):
    """One axis of the residue planes: plane position r of residue a holds source ``step·(r + first) + a``."""

    axis: Axis
    residues: tuple[int, ...]
    first: int
    span: int  # positions needed besides one for each output
    outputs: int

    def find(self, offset: int) -> Pair:
        """Number of the residue and position inside its plane."""
        return self.residues.index(offset % self.axis.step), offset // self.axis.step - self.first


def _line(axis: Axis) -> Line:
    offsets = [offset for phase in axis.phases for _, offset in phase.taps] or [0]
    positions = [offset // axis.step for offset in offsets]
    residues = sorted({offset % axis.step for offset in offsets})
    outputs = max(phase.outputs for phase in axis.phases)
    return Line(axis, tuple(residues), min(positions), max(positions) - min(positions), outputs)


class Grid(NamedTuple):
    """The residue planes of one channel."""

    size: Pair
    rows: Line
    columns: Line
    inside: tuple[tuple[int, int, int], ...]  # per column residue: itself, first and last + 1 position in the source
    pitch: int
    overhang: int  # elements behind the last row that its last window reads

    @property
    def is_source(self) -> bool:
        """Whether the planes would be a plain copy of the source."""
        lines = self.rows, self.columns
        outputs = self.rows.outputs, self.columns.outputs
        return outputs == self.size and all(line.axis.step == 1 and line.first == line.span == 0 for line in lines)

    @property
    def elements(self) -> int:
        """About how many elements the planes of a whole image take."""
        return (self.rows.outputs + self.rows.span) * self.row_elements

    @property
    def row_elements(self) -> int:
        """Elements of one plane row in all residues."""
        return len(self.rows.residues) * len(self.columns.residues) * self.pitch


@lru_cache(maxsize=256)
def grid(size: Pair, vertical: Axis, horizontal: Axis) -> Grid:
    """The planes of a source of ``size``."""
    rows, columns = _line(vertical), _line(horizontal)
    length = columns.outputs + columns.span
    inside = []
    for residue in columns.residues:
        low = ceil_div(0 - residue, horizontal.step) - columns.first
        high = ceil_div(size[1] - residue, horizontal.step) - columns.first
        low, high = min(max(low, 0), length), min(max(high, 0), length)
        inside.append((residue, low, max(low, high)))
    before, behind = min(low for _, low, _ in inside), length - max(high for _, _, high in inside)
    pitch = length - min(before, behind, columns.span)
    return Grid(size, rows, columns, tuple(inside), pitch, length - pitch)


def row_moves(planes: Grid, block_rows: int) -> np.ndarray:
    """What :func:`.planes.copy_map` copies to each plane of each block of output rows: (blocks·planes, 8).

    Where the rows are in the map and in the planes, their number and their length, the end of what is read of the map
    in vectors, where zeros must be written before and how many, and the distance of the next plane if its rows, the
    odd columns, come along.
    """
    lines, width, vector = planes.rows, planes.size[1], lanes(np.float32)  # of float64 there are fewer
    step, stride, plane_rows = lines.axis.step, planes.columns.axis.step, block_rows + lines.span
    plane, blocks, moves = plane_rows * planes.pitch, ceil_div(lines.outputs, block_rows), []
    for block in range(blocks):
        at = 0
        for residue in lines.residues:
            first = (block * block_rows + lines.first) * step + residue
            above = min(plane_rows, max(0, ceil_div(-first, step)))
            below = min(plane_rows, max(above, ceil_div(planes.size[0] - first, step)))
            split = stride == 2 and len({(low, high) for _, low, high in planes.inside}) < len(planes.inside)
            for column, low, high in planes.inside:
                rows, length = below - above if high > low else 0, high - low
                cleared = plane if blocks > 1 and rows < plane_rows else 0
                if step == stride == 1 and length == planes.pitch == width and rows > 0:
                    rows, length = 1, rows * length  # they follow each other in both
                # the zeros behind the last row must not meet what the next plane has already
                split = split and rows > 0 and (length >= vector or above * planes.pitch + low >= vector)
                source = (first + above * step) * width + (planes.columns.first + low) * stride + column
                end = source + (rows - 1) * step * width + stride * max(length, vector)
                end = end if rows > 0 and stride <= 2 else _NEVER
                target = at + above * planes.pitch + low
                if not split:
                    moves.append((source, target, rows, length, end, at, cleared, 0))
                elif column == 0:
                    moves.append((source, target, rows, length, end, at, 2 * cleared, plane))
                else:
                    moves.append((0, 0, 0, 0, _NEVER, 0, 0, 0))
                at += plane
    return np.array(moves, np.int64)


def starts_of(length: int, step: int) -> list[int]:
    """Where pieces of ``step`` elements begin that cover ``length``; the last one ends with it."""
    return [max(0, min(t, length - step)) for t in range(0, length, step)]


def ceil_div(a: int, b: int) -> int:
    """⌈a/b⌉."""
    return -(-a // b)
