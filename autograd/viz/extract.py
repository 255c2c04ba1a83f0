"""From tensors to the graph form: a walk over the recorded nodes, without recursion and without looking at values."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from ..graph import Node, Scope
from ..tensor import Tensor
from .form import EdgeForm, GraphForm, ModuleForm, NodeForm
from .names import clean, safe


def extract(outputs: Mapping[str, Tensor], names: Mapping[str, Tensor]) -> GraphForm:
    """The form of everything the named ``outputs`` were computed from; ``names`` names tensors the user made."""
    order = _in_order([t._node for t in outputs.values() if t._node is not None])
    modules = _Modules([node.scope for node in order if node.op is not None])
    tensor_names = {t._node: name for name, t in names.items() if t._node is not None}
    homes = _homes(order, modules)
    known = {**modules.parameter_names(), **tensor_names}
    rows = _Rows(modules, known, sum(node.op is None and node not in known for node in order))
    for node in order:
        rows.add(node, homes)
    named = []
    for name, t in outputs.items():
        named.append((clean(name), rows.ids[t._node] if t._node is not None else rows.add_constant(t)))
    return GraphForm(tuple(rows.nodes), tuple(rows.edges), tuple(modules.forms), tuple(named))


def _in_order(roots: list[Node]) -> list[Node]:
    """Operations in the order they ran; each leaf just before the first operation that reads it."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    order: dict[Node, None] = {}
    for node in sorted(seen, key=attrgetter("age")):
        if node.op is not None:
            for parent in node.parents:
                if parent is not None:
                    order.setdefault(parent)
            order.setdefault(node)
    for node in roots:
        order.setdefault(node)
    return list(order)


class _Modules:
    """The module calls: their ids, names and forms, outer ones first."""

    def __init__(self, scopes: Sequence[Scope | None]) -> None:
        self.forms: list[ModuleForm] = []
        self.ids: dict[Scope | None, str] = {None: ""}
        self._roots: list[tuple[str, Any]] = []  # modules that no outer module knows by name
        self._names_below: dict[int, dict[int, str]] = {}  # keyed by identity; the scopes keep the modules alive
        self._counts: dict[int, int] = {}
        self._taken: dict[str, tuple[Any, int]] = {}
        for scope in scopes:
            chain = []
            while scope not in self.ids:
                chain.append(scope)
                scope = scope.outer  # type: ignore[union-attr]
            for call in reversed(chain):
                self._add(call)  # type: ignore[arg-type]

    def _add(self, call: Scope) -> None:
        kind = type(call.module).__name__
        name = self._attribute(call)
        outer = self.ids[call.outer]
        path = f"{outer}.{safe(name or kind)}" if outer else safe(name or kind)
        if not name:
            self._roots.append((path, call.module))
        identity = self._claim(path, call.module)
        self.ids[call] = identity
        self.forms.append(ModuleForm(identity, outer, clean(name or kind), clean(kind), self._count(call.module)))

    def _attribute(self, call: Scope) -> str:
        """What the outer module calls this one, "" if it does not know it."""
        outer = call.outer
        if outer is None or not callable(getattr(outer.module, "named_modules", None)):
            return ""
        below = self._names_below.get(id(outer.module))
        if below is None:
            below = self._names_below[id(outer.module)] = {}
            for name, module in outer.module.named_modules():
                below.setdefault(id(module), str(name))
        return below.get(id(call.module), "")

    def _claim(self, path: str, module: Any) -> str:
        """``path``, marked ``%k`` for further calls of the same module and ``~k`` for another module of that name."""
        stem, tries = path, 1
        while stem in self._taken and self._taken[stem][0] is not module:
            stem, tries = f"{path}~{tries}", tries + 1
        calls = self._taken.get(stem, (module, 0))[1]
        self._taken[stem] = (module, calls + 1)
        return f"{stem}%{calls}" if calls else stem

    def _count(self, module: Any) -> int:
        if id(module) not in self._counts:
            self._counts[id(module)] = sum(math.prod(p.shape) for _, p in _parameters(module))
        return self._counts[id(module)]

    def parameter_names(self) -> dict[Node, str]:
        """The full name of every parameter of every top module."""
        names: dict[Node, str] = {}
        for path, module in self._roots:
            for name, p in _parameters(module):
                if p._node is not None:
                    names.setdefault(p._node, f"{path}.{name}")
        return names


def _parameters(module: Any) -> Iterator[tuple[str, Tensor]]:
    named = getattr(module, "named_parameters", None)
    return iter(named()) if callable(named) else iter(())


def _homes(order: list[Node], modules: _Modules) -> dict[Node, str]:
    """The module call each node belongs to; a leaf belongs to the innermost call around all its readers."""
    outer = {form.id: form.outer for form in modules.forms}
    homes: dict[Node, str] = {}
    for node in order:
        if node.op is None:
            continue
        home = homes[node] = modules.ids[node.scope]
        for parent in node.parents:
            if parent is not None and parent.op is None:
                homes[parent] = _common(homes[parent], home, outer) if parent in homes else home
    return homes


def _common(a: str, b: str, outer: dict[str, str]) -> str:
    if a == b:
        return a
    around = {a}
    while a:
        a = outer[a]
        around.add(a)
    while b not in around:
        b = outer[b]
    return b


class _Rows:
    """Collects the nodes and edges of the form."""

    def __init__(self, modules: _Modules, names: dict[Node, str], unnamed: int) -> None:
        self.nodes: list[NodeForm] = []
        self.edges: list[EdgeForm] = []
        self.ids: dict[Node, str] = {}
        self._scopes = modules.ids
        self._names = names
        self._parameters = set(modules.parameter_names())
        self._counters: dict[str, int] = {form.id: 0 for form in modules.forms}  # one name space with the modules
        self._unnamed = 0
        self._only_input = unnamed == 1
        self._ops: dict[Any, tuple[str, str, str]] = {}  # op -> its name, its name in ids, its family
        self._dtypes: dict[np.dtype, str] = {}
        self._places: dict[tuple[int, int], str] = {}  # keyed by identity of a code object the node keeps alive

    def add(self, node: Node, homes: dict[Node, str]) -> None:
        if node.op is None:
            self._add_leaf(node, homes.get(node, ""))
            return
        module = self._scopes[node.scope]
        if node.op not in self._ops:
            family = str(getattr(node.op, "__module__", "")).rpartition(".")[2]
            self._ops[node.op] = clean(node.op.name), safe(node.op.name), clean(family)
        name, stem, family = self._ops[node.op]
        identity = self.ids[node] = self._numbered(f"{module}/{stem}" if module else stem)
        settings = tuple((clean(k), _value(v)) for k, v in node.settings.items())
        self.nodes.append(
            NodeForm(
                id=identity,
                kind="op",
                name=name,
                module=module,
                shape=() if isinstance(node.dtype, tuple) else _sizes(node.shape),  # several outputs have one each
                dtype=self._dtype(node),
                family=family,
                settings=settings,
                saved_bytes=_saved_bytes(node),
                where=self._where(node),
            )
        )
        inputs, variadic = node.op.inputs, node.op.variadic or "input"
        for i, parent in enumerate(node.parents):
            if parent is not None:
                role = inputs[i] if i < len(inputs) else f"{variadic}[{i - len(inputs)}]"
                self.edges.append(EdgeForm(self.ids[parent], identity, role))

    def _add_leaf(self, node: Node, home: str) -> None:
        tensor = node.ref() if node.ref is not None else None
        # by name, because viz stands below nn: a Parameter that no module lists is a parameter all the same
        is_parameter = node in self._parameters or type(tensor).__name__ == "Parameter"
        name = self._names.get(node)
        if name is None:
            name = "input" if self._only_input else f"x{self._unnamed}"
            self._unnamed += 1
        kind = "parameter" if is_parameter else "input"
        identity = self.ids[node] = self._unique(safe(name))
        module = home if is_parameter else ""  # an input comes from outside, whoever reads it
        self.nodes.append(
            NodeForm(
                identity, kind, clean(name), module, _sizes(node.shape), self._dtype(node), "", (), 0, self._where(node)
            )
        )

    def add_constant(self, tensor: Tensor) -> str:
        """A node for an output without history."""
        identity = self._numbered("tensor")
        shape = _sizes(tensor.shape)
        self.nodes.append(NodeForm(identity, "constant", "tensor", "", shape, str(tensor.dtype), "", (), 0, ""))
        return identity

    def _numbered(self, stem: str) -> str:
        count = self._counters[stem] = self._counters.get(stem, -1) + 1
        return f"{stem}#{count}"

    def _unique(self, stem: str) -> str:
        count = self._counters[stem] = self._counters.get(stem, -1) + 1
        return f"{stem}~{count}" if count else stem

    def _dtype(self, node: Node) -> str:
        if node.dtype not in self._dtypes:
            dtypes = node.dtype if isinstance(node.dtype, tuple) else (node.dtype,)  # several: of an op's outputs
            self._dtypes[node.dtype] = ", ".join(str(dtype) for dtype in dtypes)
        return self._dtypes[node.dtype]

    def _where(self, node: Node) -> str:
        if node.code is None:
            return ""
        key = (id(node.code), node.lasti)
        if key not in self._places:
            path, _, line = node.where().rpartition(":")
            # the folder says who and where you are; the file of a notebook cell has a meaningless number for a name
            name = "cell" if "ipykernel" in path else os.path.basename(path)
            self._places[key] = clean(f"{name}:{line}")
        return self._places[key]


def _sizes(shape: tuple) -> tuple[int, ...]:
    return tuple(int(n) for n in shape)


def _saved_bytes(node: Node) -> int | None:
    if node.saved is None:
        return None
    return sum(value.nbytes for value in node.saved if isinstance(value, np.ndarray))


def _value(value: Any) -> str:
    """A setting in a few characters that are the same in every process: no addresses, no order of a set."""
    if isinstance(value, (np.ndarray, Tensor)):
        return f"array {_sizes(value.shape)} {value.dtype}"
    if isinstance(value, (tuple, list)):
        inner = ", ".join(_value(v) for v in value[:16]) + (", …" if len(value) > 16 else "")
        return clean(f"({inner},)" if len(value) == 1 else f"({inner})")
    if isinstance(value, slice):
        ends = ["" if v is None else _value(v) for v in (value.start, value.stop)]
        return ":".join(ends if value.step is None else [*ends, _value(value.step)])
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.dtype):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, complex, str)):
        return clean(value)
    if value is Ellipsis:
        return "…"
    return clean(getattr(value, "__name__", None) or type(value).__name__)
