"""The graph form: what was computed, as plain immutable data.

Every picture, text and file is a function of it alone. Its ids say where a thing stands in the model, never where it
lay in memory, so that the same model gives the same bytes today, tomorrow and on another machine.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

SCHEMA = 1  # raised whenever a field changes its name or meaning


@dataclass(frozen=True, slots=True)
class NodeForm:
    """One recorded operation, or a tensor the user made."""

    id: str  # "UNet.down1.conv/conv2d#0": the module call, the op, the how-manieth such op of that call
    kind: str  # "op", "parameter", "input" (wants a gradient, belongs to no module) or "constant"
    name: str  # of the op; of a parameter, its name in the model
    module: str  # id of the module call it ran in, "" outside of every module
    shape: tuple[int, ...]
    dtype: str
    family: str  # the file of ops it comes from: "conv", "reduce" ...
    settings: tuple[tuple[str, str], ...]
    saved_bytes: int | None  # kept for the backward pass; None once that has freed it
    where: str  # file:line that recorded it


@dataclass(frozen=True, slots=True)
class EdgeForm:
    """The output of ``source`` is the input called ``input`` of ``target``."""

    source: str
    target: str
    input: str


@dataclass(frozen=True, slots=True)
class ModuleForm:
    """One call of one module."""

    id: str  # the path of attribute names; "%1" marks the second call of the same module
    outer: str  # id of the call around it, "" for a top one
    name: str  # attribute name, the class name for a top one
    kind: str  # class name
    parameters: int  # numbers in its parameters, those of its submodules included


@dataclass(frozen=True, slots=True)
class GraphForm:
    """Nodes and modules in the order they ran; the named outputs."""

    nodes: tuple[NodeForm, ...]
    edges: tuple[EdgeForm, ...]
    modules: tuple[ModuleForm, ...]  # an outer call stands before the calls inside it
    outputs: tuple[tuple[str, str], ...]  # (name, id of a node); the name is "" for a single unnamed output
    schema: int = SCHEMA

    def to_json(self) -> str:
        """One line per node, edge and module, so that a ``diff`` of two files shows what changed."""
        data = asdict(self)
        lines = ["{", f'"schema": {self.schema},']
        for key in ("nodes", "edges", "modules", "outputs"):
            rows = ",\n".join(json.dumps(row) for row in data[key])
            lines.append(f'"{key}": [\n{rows}\n]' + ("," if key != "outputs" else ""))
        return "\n".join([*lines, "}"]) + "\n"

    @staticmethod
    def from_json(text: str) -> GraphForm:
        """The form that :meth:`to_json` wrote."""
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            found = data.get("schema") if isinstance(data, dict) else type(data).__name__
            raise ValueError(f"graph form: schema {SCHEMA} expected, found {found}")
        return GraphForm(
            nodes=tuple(NodeForm(**{k: _tuples(v) for k, v in row.items()}) for row in data["nodes"]),
            edges=tuple(EdgeForm(**row) for row in data["edges"]),
            modules=tuple(ModuleForm(**row) for row in data["modules"]),
            outputs=_tuples(data["outputs"]),
        )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
