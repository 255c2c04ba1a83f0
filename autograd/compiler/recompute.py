"""What the backward pass makes again instead of keeping it: views, and the elements that a loop can compute on its way.

A value that only elementwise instructions of the backward pass read is made again there, out of what it was computed
from, if that takes less memory to keep. It costs a few operations in registers and saves a pass over memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from .fuse import loop_shape, original
from .program import Instruction, Value


def read_by(instructions: list[Instruction]) -> Iterator[Value]:
    for instruction in instructions:
        yield from instruction.inputs()


def with_recomputed(backward: list[Instruction], gradients: list[Value]) -> list[Instruction]:
    """``backward`` behind the instructions of the forward pass that are run again for it."""
    backward = _with_views(backward, gradients)
    made = {v for i in backward for v in i.outputs}
    kept = [v for v in dict.fromkeys([*read_by(backward), *gradients]) if v not in made and v.kind != "gradient"]
    needed_as_arrays = {*gradients}
    for instruction in backward:
        if loop_shape(instruction) is None and instruction.name not in ("broadcast_to", "detach"):
            needed_as_arrays.update(instruction.inputs())
    again: dict[Instruction, None] = {}
    roots: dict[Value, None] = {}
    dropped = [v for v in kept if v not in needed_as_arrays and _again(v, set(kept) & needed_as_arrays, again, roots)]
    before = sum(v.nbytes for v in dropped)
    after = sum(v.nbytes for v in roots if v not in kept or v in dropped)
    if after >= before:
        return backward
    return _with_views(sorted(again, key=lambda i: i.outputs[0].index) + backward, gradients)


def _again(value: Value, kept: set[Value], again: dict[Instruction, None], roots: dict[Value, None]) -> bool:
    """Whether ``value`` can be made again; adds the instructions for that, and what they begin with."""
    steps: dict[Instruction, None] = {}
    begins: dict[Value, None] = {}
    todo = [value]
    while todo:
        value = original(todo.pop())
        maker = value.maker
        if value in kept or maker is None or loop_shape(maker) is None:
            if value.root().kind != "computed" and value not in kept:
                return False  # a tensor that may be written before the backward pass, and is not asked for otherwise
            begins[value] = None
        elif maker not in steps:
            steps[maker] = None
            todo.extend(maker.inputs())
    if not steps:
        return False
    again.update(steps)
    roots.update(begins)
    return True


def _with_views(instructions: list[Instruction], wanted: list[Value]) -> list[Instruction]:
    """Views of values of the forward pass are made again, instead of being kept beside what they are views of."""
    made = {v for i in instructions for v in i.outputs}
    before: list[Instruction] = []
    todo = [*read_by(instructions), *wanted]
    while todo:
        value = todo.pop()
        maker = value.maker
        if value in made or maker is None or not maker.is_view:
            continue
        made.add(value)
        before.append(maker)
        todo.extend(maker.inputs())
    return sorted(before, key=lambda i: i.outputs[0].index) + instructions
