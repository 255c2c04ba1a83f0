"""A program as a graph form: its instructions in the boxes of their modules, and a box for each fused loop."""

from __future__ import annotations

from typing import Any

from ..primitive import registry
from ..viz.extract import _Modules, _value
from ..viz.form import EdgeForm, GraphForm, ModuleForm, NodeForm
from ..viz.names import clean, safe
from .fuse import original
from .program import Instruction, Program, Value


def form(program: Program, names: dict[Value, str], outputs: list[Value]) -> GraphForm:
    """The graph form of ``program``; ``names`` names its inputs."""
    return _Form(program, names).draw(outputs)


class _Form:
    def __init__(self, program: Program, names: dict[Value, str]) -> None:
        self._program, self._names = program, names
        self._modules = _Modules([i.scope for i in program.instructions])
        self._boxes: list[ModuleForm] = []
        self._nodes: list[NodeForm] = []
        self._edges: list[EdgeForm] = []
        self._ids: dict[Value, str] = {}
        self._counts: dict[str, int] = {}

    def draw(self, outputs: list[Value]) -> GraphForm:
        for instruction in self._program.instructions:
            module = self._modules.ids[instruction.scope]
            if instruction.members:
                identity = self._numbered(f"{module}.fused" if module else "fused", "")
                what = " · ".join(dict.fromkeys(m.name for m in instruction.members))
                self._boxes.append(ModuleForm(identity, module, clean(f"fused: {what}"), "one loop", 0))
                for member in instruction.members:
                    self._add(member, identity)
            else:
                self._add(instruction, module)
        named = [("" if len(outputs) == 1 else f"[{i}]", self._source(v)) for i, v in enumerate(outputs)]
        modules = (*self._modules.forms, *self._boxes)
        return GraphForm(tuple(self._nodes), tuple(self._edges), modules, tuple(named))

    def _add(self, instruction: Instruction, module: str) -> None:
        stem = safe(instruction.name)
        identity = self._numbered(f"{module}/{stem}" if module else stem, "#")
        op = instruction.op or registry.get(instruction.name.removesuffix("_backward"))
        family = str(getattr(op, "__module__", "")).rpartition(".")[2]
        edges = []
        for i, x in enumerate((*instruction.args, *instruction.settings.values())):
            if isinstance(x, Value):
                edges.append(EdgeForm(self._source(x), identity, self._role(instruction, i)))
        shape, dtype = (
            ((), "") if not instruction.outputs else (instruction.outputs[0].shape, instruction.outputs[0].dtype)
        )
        constants = {k: x for k, x in instruction.settings.items() if not isinstance(x, Value)}
        settings = tuple((clean(k), _value(x)) for k, x in constants.items())
        node = NodeForm(identity, "op", clean(instruction.name), module, shape, str(dtype), family, settings, 0, "")
        self._nodes.append(node)
        self._edges += edges
        self._ids.update((value, identity) for value in instruction.outputs)

    def _role(self, instruction: Instruction, i: int) -> str:
        names = instruction.op.inputs if instruction.op is not None else ()
        return names[i] if i < len(names) else f"input {i}"

    def _source(self, value: Value) -> str:
        """The node of a value, added if it comes from outside."""
        seen = value if value in self._ids else original(value)
        if seen not in self._ids:
            kind = "parameter" if seen.kind == "captured" else "input"
            name = self._names.get(seen, seen.name)
            identity = self._ids[seen] = self._numbered(safe(name), "~")
            self._nodes.append(NodeForm(identity, kind, clean(name), "", seen.shape, str(seen.dtype), "", (), 0, ""))
        return self._ids[seen]

    def _numbered(self, stem: str, sign: str) -> str:
        count = self._counts[stem] = self._counts.get(stem, -1) + 1
        return stem if sign == "~" and not count else f"{stem}{sign}{count}"


def names_of(modules: Any) -> dict[int, str]:
    """What the parameters and buffers are called, by identity; outer modules come first."""
    names: dict[int, str] = {}
    for module in modules:
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            names.setdefault(id(tensor), f"{type(module).__name__}.{name}")
    return names
