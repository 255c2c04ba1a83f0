"""A program as straight Python: one line for each instruction, nothing looked up, checked or recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .program import Instruction, Program, Value


class Replay:
    """``run(arrays)`` computes the program's outputs of its inputs; ``source`` is what it runs."""

    def __init__(self, program: Program) -> None:
        self._names: dict[str, Any] = {"asarray": np.asarray, program.name: None}
        self.source = self._write(program)
        scope = dict(self._names)
        exec(compile(self.source, f"<compiled {program.name}>", "exec"), scope)
        self.run: Callable[[list], tuple] = scope[program.name]

    def _write(self, program: Program) -> str:
        lines = [f"def {program.name}(arrays):"]
        if program.inputs:
            lines.append(f"{', '.join(v.name for v in program.inputs)}{',' * (len(program.inputs) == 1)} = arrays")
            lines.append("arrays.clear()")
        for instruction, dead in _with_ends(program):
            lines.append(self._line(instruction))
            if dead:
                lines[-1] += f"; del {', '.join(v.name for v in dead)}"
        lines.append(f"return [{', '.join(v.name for v in program.outputs)}]")
        return "\n    ".join(lines) + "\n"

    def _line(self, instruction: Instruction) -> str:
        call = self._name(instruction.name, instruction.call)
        args = [self._text(x, instruction.name) for x in instruction.args]
        args += [f"{name}={self._text(x, name)}" for name, x in instruction.settings.items()]
        text = f"{call}({', '.join(args)})"
        outputs = [value.name for value in instruction.outputs]
        if not outputs:
            return text
        if not instruction.several and instruction.outputs[0].shape == ():
            text = f"asarray({text})"  # NumPy gives a number where an array has no dimensions
        text = f"{', '.join(outputs)}{',' * (instruction.several and len(outputs) == 1)} = {text}"
        if instruction.several:
            numbers = [v.name for v in instruction.outputs if v.shape == () and v.dtype.kind in "fiub"]
            text += "".join(f"; {name} = asarray({name})" for name in numbers)
        return text

    def _text(self, x: Any, name: str) -> str:
        if isinstance(x, Value):
            return x.name
        if x is None or type(x) in (bool, int, str) or (type(x) is float and x - x == 0):
            return repr(x)
        if type(x) is tuple and all(type(n) in (int, bool, type(None)) for n in _flat(x)):
            return repr(x)
        return self._name(f"{name}_", x)

    def _name(self, stem: str, x: Any) -> str:
        """A name for something that the source cannot spell."""
        for name, known in self._names.items():
            if known is x and name.startswith(stem):
                return name
        name = stem if stem not in self._names and stem.isidentifier() else f"{stem}_{len(self._names)}"
        self._names[name] = x
        return name


def _with_ends(program: Program) -> list[tuple[Instruction, list[Value]]]:
    """Each instruction, and the values that nobody reads after it before they are made again."""
    needed = set(program.outputs)
    result = []
    for instruction in reversed(program.instructions):
        here = dict.fromkeys([*instruction.inputs(), *instruction.outputs])
        result.append((instruction, [v for v in here if v not in needed]))
        needed.difference_update(instruction.outputs)
        needed.update(instruction.inputs())
    return result[::-1]


def _flat(x: Any) -> Any:
    for part in x:
        if type(part) is tuple:
            yield from _flat(part)
        else:
            yield part
