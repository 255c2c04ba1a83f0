"""The loop of a group of elementwise instructions, as text and compiled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from .expressions import expression
from .program import Instruction, Value


class FusedKernel:
    """Called with the arrays of ``inputs``, it gives those of ``outputs``: all of one shape, made in one pass.

    Dimensions that all arrays span alike are one loop. The source knows no sizes: one compiled kernel serves all shapes
    that are broadcast in the same way.
    """

    def __init__(
        self, members: list[Instruction], inputs: list[Value], outputs: list[Value], originals: dict[Value, Value]
    ) -> None:
        self.name = "fused_" + "_".join(dict.fromkeys(i.name for i in members[:6]))
        self.shape = outputs[0].shape
        self._dtypes = [v.dtype for v in outputs]
        sizes, spans = _dimensions(self.shape, [v.shape for v in inputs])
        self.source = _write(members, inputs, outputs, originals, spans, len(sizes))
        *outer, length = sizes
        self._sizes = (*outer[1:], length) if outer else ()
        self._units = math.prod(outer) if outer else length
        self._cost = len(members) * (length if outer else 1)

    def __call__(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        from ..kernels.arrays import canonical  # Numba is imported when there is something to compile
        from ..kernels.parallel import parallel_for

        outputs = tuple([np.empty(self.shape, dtype) for dtype in self._dtypes])
        flat = [a.reshape(-1) for a in outputs] + [canonical(a).reshape(-1) for a in arrays]
        parallel_for(_compiled(self.source), self._units, *self._sizes, *flat, cost=self._cost)
        return outputs


@cache
def _compiled(source: str) -> Any:
    from ..kernels.exponential import error_function, exponential, exponential_less_1
    from ..kernels.jit import njit

    # the name of a module that exists: where Numba looks when it loads the kernel from disk
    scope = {"__name__": __name__, "np": np, "float32": np.float32, "float64": np.float64}
    slow = {f.__name__: f for f in (exponential, exponential_less_1, error_function)}
    scope |= slow
    exec(compile(source, "<fused>", "exec"), scope)
    return njit(scope["fused"], source=source, wide=any(f"{name}(" in source for name in slow))  # type: ignore[arg-type]


def _dimensions(shape: tuple, operands: Sequence[tuple]) -> tuple[list[int], list[tuple[bool, ...]]]:
    """The loops: sizes, and for each loop which operands change along it."""
    sizes: list[int] = []
    spans: list[tuple[bool, ...]] = []
    aligned = [(1,) * (len(shape) - len(s)) + tuple(s) for s in operands]
    for d, size in enumerate(shape):
        if size == 1:
            continue
        along = tuple(s[d] != 1 for s in aligned)
        if spans and spans[-1] == along:
            sizes[-1] *= size
        else:
            sizes.append(size)
            spans.append(along)
    return (sizes, spans) if sizes else ([1], [(True,) * len(operands)])


def _write(
    members: list[Instruction],
    inputs: list[Value],
    outputs: list[Value],
    originals: dict[Value, Value],
    spans: list[tuple[bool, ...]],
    loops: int,
) -> str:
    constants: dict[tuple, str] = {}
    texts: dict[Value, str] = {}

    def text_of(x: Any, dtype: Any) -> str:
        if isinstance(x, Value):
            return texts[originals.get(x, x)]
        if type(x) is bool:
            return repr(x)
        if isinstance(x, np.ndarray):
            x = x.item()
        return constants.setdefault((repr(float(x)), str(dtype)), f"c{len(constants)}")

    names = {v: f"x{i}" for i, v in enumerate(inputs)}
    targets = {v: f"y{i}" for i, v in enumerate(outputs)}
    varies = {v: spans[-1][i] for i, v in enumerate(inputs)}
    texts.update({v: f"{name}[i]" if varies[v] else f"{name}_" for v, name in names.items()})
    body = []
    for number, instruction in enumerate(members):
        text = expression(instruction, text_of)
        assert text is not None
        value = instruction.outputs[0]
        body.append(f"t{number} = {text}")
        texts[value] = f"t{number}"
        if value in targets:
            body.append(f"{targets[value]}[i] = t{number}")

    arrays = [*targets.values(), *names.values()]
    fixed = [f"{name}_ = {name}[0]" for v, name in names.items() if not varies[v]]
    if loops == 1:
        cut = [name for v, name in names.items() if varies[v]]
        sliced = [*targets.values(), *cut]
        lines = [f"def fused(start, stop, {', '.join(arrays)}):"]
        lines.append(f"    {', '.join(sliced)} = {', '.join(f'{a}[start:stop]' for a in sliced)}")
        lines += [f"    {line}" for line in fixed]
        lines.append(f"    for i in range({next(iter(targets.values()))}.size):")
        lines += [f"        {line}" for line in body]
    else:
        extents = [f"n{d}" for d in range(1, loops)]
        wide = {name: f"{name}_all" for name in arrays}
        lines = [f"def fused(start, stop, {', '.join(extents)}, {', '.join(wide.values())}):"]
        lines.append("    for unit in range(start, stop):")
        rest = "unit"
        for d in range(loops - 2, 0, -1):
            lines.append(f"        i{d} = {rest} % n{d}")
            rest = f"({rest} // n{d})"
        lines.append(f"        i0 = {rest}")
        last = f"n{loops - 1}"
        for name in targets.values():
            lines.append(f"        {name} = {name}_all[unit * {last} : unit * {last} + {last}]")
        for k, (value, name) in enumerate(names.items()):
            at = "0"
            for d in range(loops - 1):
                if spans[d][k]:
                    at = f"i{d}" if at == "0" else f"({at}) * n{d} + i{d}"
            if varies[value]:
                begin = f"({at}) * {last}"
                lines.append(f"        {name} = {name}_all[{begin} : {begin} + {last}]")
            else:
                lines.append(f"        {name}_ = {name}_all[{at}]")
        lines.append(f"        for i in range({last}):")
        lines += [f"            {line}" for line in body]
    head = [f"{name} = {dtype}({_spelled(number)})" for (number, dtype), name in constants.items()]
    return "\n".join([f"# {', '.join(i.name for i in members)}", *head, *lines]) + "\n"


def _spelled(number: str) -> str:
    return number if number.lstrip("-")[:1].isdigit() else f"float('{number}')"
