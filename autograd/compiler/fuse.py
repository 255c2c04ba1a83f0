"""Neighbouring elementwise instructions become one: a loop that reads each input once and keeps the rest in registers.

A group is a set of instructions of one result shape that no path leaves and enters again, so that it can run at once.
Its loop is written as Python text and compiled by Numba; it runs on all threads, in blocks fixed by shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from heapq import heappop, heappush

from .expressions import expression
from .kernel import FusedKernel
from .program import Instruction, Value, alive

SMALLEST = 1 << 12  # elements: below, compiling a kernel costs more than it will ever save
_ALONE = 1 << 15  # from here on, a loop on all threads is worth having for a single op
_MOST_ARRAYS = 14  # of one kernel: more, and there are not enough registers for their addresses

# ops with a kernel of their own that is as fast; worth fusing with others only
_FAST_ALONE = {"relu", "leaky_relu", "keep", "sigmoid", "clamp", "exp", "where", "clone"}


class _Unit:
    """One instruction, or several that will be one."""

    def __init__(self, number: int, instruction: Instruction, shape: tuple | None) -> None:
        self.members = [(number, instruction)]
        self.shape = shape  # None: cannot be fused
        self.before: set[_Unit] = set()  # what it needs

    @property
    def last(self) -> int:
        return self.members[-1][0]


def fuse(instructions: list[Instruction], wanted: Iterable[Value]) -> list[Instruction]:
    """The same computation in fewer instructions; the ``wanted`` values are still made."""
    wanted = set(wanted)
    units = _units(instructions)
    made_by = {value: unit for unit in units for _, i in unit.members for value in i.outputs}
    for unit in units:
        if unit.shape is None:
            continue
        for value in unit.members[-1][1].inputs():
            source = made_by.get(original(value))
            if source is not None and source.shape == unit.shape and source is not unit and _may_merge(source, unit):
                _merge(source, unit, units, made_by)
                break
        grown = made_by[unit.members[-1][1].outputs[0]]
        for value in unit.members[-1][1].inputs():  # a second input from another group
            source = made_by.get(original(value))
            if source is not None and source is not grown and source.shape == grown.shape and _may_merge(source, grown):
                _merge(source, grown, units, made_by)
                grown = source
    ordered = _in_order(set(made_by.values()) | {u for u in units if not u.members[0][1].outputs})
    read = _readers(ordered)
    result: list[Instruction] = []
    for unit in ordered:
        result += _one(unit, wanted, read) if unit.shape is not None else [i for _, i in unit.members]
    return alive(result, list(wanted))


def _units(instructions: list[Instruction]) -> list[_Unit]:
    units: list[_Unit] = []
    made_by: dict[Value, _Unit] = {}
    effect: _Unit | None = None
    writer: _Unit | None = None
    for number, instruction in enumerate(instructions):
        unit = _Unit(number, instruction, loop_shape(instruction))
        unit.before = {made_by[v] for v in instruction.inputs() if v in made_by}
        if instruction.effect:
            if effect is not None:
                unit.before.add(effect)
            effect = unit
        if writer is not None:
            unit.before.add(writer)
        if instruction.writes:
            unit.before.update(units)
            writer = unit
        for value in instruction.outputs:
            made_by[value] = unit
        units.append(unit)
    return units


def loop_shape(instruction: Instruction) -> tuple | None:
    if len(instruction.outputs) != 1 or instruction.effect or instruction.outputs[0].base is not None:
        return None
    shape = instruction.outputs[0].shape
    if math.prod(shape) < SMALLEST or expression(instruction, lambda x, dtype: "x") is None:
        return None
    return shape


def original(value: Value) -> Value:
    """What a value is a repetition of: a loop reads that."""
    while value.maker is not None and value.maker.name in ("broadcast_to", "detach"):
        source = value.maker.args[0]
        if not isinstance(source, Value):
            break
        value = source
    return value


def _may_merge(a: _Unit, b: _Unit) -> bool:
    """Whether no path from one to the other goes through a third."""
    return len(_outside(a, b)) <= _MOST_ARRAYS and not _leads(a, b) and not _leads(b, a)


def _outside(a: _Unit, b: _Unit) -> set[Value]:
    made = {v for unit in (a, b) for _, i in unit.members for v in i.outputs}
    return {v for unit in (a, b) for _, i in unit.members for v in i.inputs()} - made


def _leads(first: _Unit, last: _Unit) -> bool:
    """Whether ``last`` needs ``first`` through something else."""
    stack = [u for u in last.before if u is not first]
    seen = set(stack)
    oldest = first.members[0][0]
    while stack:
        unit = stack.pop()
        if unit is first:
            return True
        for u in unit.before:
            if u not in seen and u.last >= oldest:
                seen.add(u)
                stack.append(u)
    return False


def _merge(into: _Unit, unit: _Unit, units: list[_Unit], made_by: dict[Value, _Unit]) -> None:
    into.members = sorted(into.members + unit.members, key=lambda m: m[0])
    into.before = (into.before | unit.before) - {into, unit}
    for other in units:
        if unit in other.before:
            other.before.discard(unit)
            if other is not into:
                other.before.add(into)
    for _, instruction in unit.members:
        for value in instruction.outputs:
            made_by[value] = into


def _in_order(units: set[_Unit]) -> list[_Unit]:
    """Each after what it needs; else as they were recorded."""
    after: dict[_Unit, list[_Unit]] = {unit: [] for unit in units}
    missing = {unit: len(unit.before) for unit in units}
    for unit in units:
        for before in unit.before:
            after[before].append(unit)
    ready: list[tuple[int, _Unit]] = []
    for unit in units:
        if not missing[unit]:
            heappush(ready, (unit.last, unit))
    ordered = []
    while ready:
        _, unit = heappop(ready)
        ordered.append(unit)
        for following in after[unit]:
            missing[following] -= 1
            if not missing[following]:
                heappush(ready, (following.last, following))
    assert len(ordered) == len(units)
    return ordered


def _readers(units: list[_Unit]) -> dict[Value, set[_Unit]]:
    read: dict[Value, set[_Unit]] = {}
    for unit in units:
        for _, instruction in unit.members:
            for value in instruction.inputs():
                read.setdefault(value, set()).add(unit)
    return read


def _one(unit: _Unit, wanted: set[Value], read: dict[Value, set[_Unit]]) -> list[Instruction]:
    members = [i for _, i in unit.members]
    if len(members) == 1 and (members[0].name in _FAST_ALONE or math.prod(unit.shape or ()) < _ALONE):
        return members
    inside = {v for i in members for v in i.outputs}
    outputs = [v for i in members for v in i.outputs if v in wanted or read.get(v, set()) - {unit}]
    if not outputs:
        return []
    inputs: dict[Value, None] = {}
    for instruction in members:
        for value in instruction.inputs():
            if value not in inside:
                inputs.setdefault(original(value))
    kernel = FusedKernel(members, list(inputs), outputs, {v: original(v) for i in members for v in i.inputs()})
    scope = members[-1].scope
    return [
        Instruction(kernel.name, kernel, tuple(inputs), {}, tuple(outputs), several=True, scope=scope, members=members)
    ]
