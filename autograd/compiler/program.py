"""What was recorded: instructions in the order they ran, and the values that go between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(eq=False)
class Value:
    """An array of the computation: known by its shape and dtype, different at each call."""

    index: int
    shape: tuple[int, ...]
    dtype: np.dtype
    kind: str  # "argument", "captured" (a tensor from outside, such as a parameter), "gradient" or "computed"
    base: Value | None = None  # the value whose memory this one is a view of
    maker: Instruction | None = None

    @property
    def name(self) -> str:
        return f"{self.kind[0]}{self.index}" if self.kind != "computed" else f"v{self.index}"

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def root(self) -> Value:
        """The value that owns the memory."""
        value = self
        while value.base is not None:
            value = value.base
        return value


@dataclass(eq=False)
class Instruction:
    """One call of a function on arrays: ``outputs = call(*args, **settings)``."""

    name: str
    call: Callable
    args: tuple[Any, ...]  # values, and constants
    settings: dict[str, Any]  # of which some may be values too
    outputs: tuple[Value, ...]
    op: Any = None  # the primitive, if it is one
    several: bool = False  # the call returns a tuple
    effect: bool = False  # changes state or draws random numbers: never left out, never moved past another one
    scope: Any = None  # the module call it ran in
    writes: bool = False  # an effect that changes arrays which others read: none of them is moved past it
    members: list[Instruction] = field(default_factory=list)  # what was fused into it

    def inputs(self) -> Iterator[Value]:
        for x in self.args:
            if isinstance(x, Value):
                yield x
        for x in self.settings.values():
            if isinstance(x, Value):
                yield x

    @property
    def is_view(self) -> bool:
        return len(self.outputs) == 1 and self.outputs[0].base is not None and not self.effect


@dataclass
class Program:
    """Instructions, and where they begin and end."""

    name: str
    inputs: list[Value]
    instructions: list[Instruction]
    outputs: list[Value]


def alive(instructions: list[Instruction], wanted: list[Value]) -> list[Instruction]:
    """The instructions that ``wanted`` values (and effects) depend on."""
    needed = set(wanted)
    kept = []
    for instruction in reversed(instructions):
        if instruction.effect or any(value in needed for value in instruction.outputs):
            kept.append(instruction)
            needed.update(instruction.inputs())
    return kept[::-1]
