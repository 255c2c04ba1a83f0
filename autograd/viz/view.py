"""Which modules stand open: from the whole graph form to the boxes, items and edges of one picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from . import labels
from .form import GraphForm, ModuleForm, NodeForm
from .tree import Tree


@dataclass(frozen=True, slots=True)
class Item:
    """A node of the picture: an op, a closed module, an input, an output or a parameter."""

    id: str
    kind: str
    title: str
    lines: tuple[str, ...]
    details: tuple[str, ...]
    category: str  # "" for a closed module
    mix: tuple[tuple[str, int], ...] = ()  # (category, ops) inside a closed module


@dataclass(frozen=True, slots=True)
class Box:
    """An open module: items and boxes inside it, in the order they ran. The outermost box has the id ""."""

    id: str
    title: str
    details: tuple[str, ...]
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """An edge of the picture, with the shapes that flow along it."""

    source: str
    target: str
    shapes: str


@dataclass(frozen=True, slots=True)
class View:
    """One picture, before it has coordinates. An outer box stands before the boxes inside it."""

    boxes: tuple[Box, ...]
    items: tuple[Item, ...]
    links: tuple[Link, ...]


def view(form: GraphForm, depth: int | None, max_nodes: int, params: str) -> View:
    """Open modules down to ``depth`` (``None``: for a first look), as long as at most ``max_nodes`` items show."""
    tree = Tree(form, params == "inline", max_nodes)
    return _Picture(form, tree, tree.choose(depth, max_nodes)).view()


class _Picture:
    """Turns the tree, opened down to ``depth``, into a view."""

    def __init__(self, form: GraphForm, tree: Tree, depth: int) -> None:
        self._form = form
        self._tree = tree
        self._owner: dict[str, str] = {}  # node -> the item it is seen in
        self._open: list[str] = []
        self._seen: list[str] = []
        self._content: dict[str, list[NodeForm]] = {}
        stack = [""]
        while stack:
            identity = stack.pop()
            children = tree.children.get(identity)
            if children is not None and tree.depth[identity] < depth and not tree.single(identity):
                self._open.append(identity)
                stack.extend(reversed(children))
            else:
                self._seen.append(identity)
                self._content[identity] = self._below(identity)
                for node in self._content[identity]:
                    self._owner[node.id] = identity

    def _below(self, identity: str) -> list[NodeForm]:
        found = []
        stack = [identity]
        while stack:
            child = stack.pop()
            if child in self._tree.node:
                found.append(self._tree.node[child])
            else:
                stack.extend(reversed(self._tree.children[child]))
        return found

    def view(self) -> View:
        tree = self._tree
        entering: dict[str, dict[str, NodeForm]] = {}
        leaving: dict[str, dict[str, NodeForm]] = {}
        links: dict[tuple[str, str], dict[str, NodeForm]] = {}
        for edge in self._form.edges:
            if edge.source in tree.folded:
                continue
            source, target = self._owner[edge.source], self._owner[edge.target]
            if source != target:
                node = tree.node[edge.source]
                entering.setdefault(target, {})[edge.source] = node
                leaving.setdefault(source, {})[edge.source] = node
                links.setdefault((source, target), {})[edge.source] = node
        pills = []
        for position, (name, identity) in enumerate(self._form.outputs):
            node, owner = tree.node[identity], self._owner[identity]
            leaving.setdefault(owner, {})[identity] = node
            if name:
                pill = f"output[{position}]"
                pills.append(Item(pill, "output", labels.module_title(name, ""), (labels.shape(node),),
                                  (f"output {name} = {node.id}",), "input, output"))  # fmt: skip
                links[owner, pill] = {identity: node}
        items = [
            self._item(identity, entering.get(identity, {}).values(), leaving.get(identity, {}).values())
            for identity in self._seen
        ]
        boxes = [self._box(identity, pills) for identity in self._open]
        edges = [Link(s, t, labels.shapes(nodes.values())) for (s, t), nodes in links.items()]
        return View(tuple(boxes), tuple(items + pills), tuple(edges))

    def _box(self, identity: str, pills: list[Item]) -> Box:
        tree = self._tree
        members = tuple(tree.children[identity])
        if not identity:
            return Box("", "", (), members + tuple(pill.id for pill in pills))
        module = tree.module[identity]
        ops = [node for node in self._below(identity) if node.kind == "op"]
        return Box(identity, labels.module_title(module.name, module.kind), labels.module_details(module, ops), members)

    def _item(self, identity: str, entering: Iterable[NodeForm], leaving: Iterable[NodeForm]) -> Item:
        tree = self._tree
        content = self._content[identity]
        if len(content) == 1:
            return self._node_item(identity, content[0])
        module = tree.module[identity]
        ops = [node for node in content if node.kind == "op"]
        mix: dict[str, int] = {}
        for node in ops:
            mix[labels.category(node)] = mix.get(labels.category(node), 0) + 1
        ins, outs = labels.shapes(entering), labels.shapes(leaving)
        facts = labels.count(len(ops), "op")
        if module.parameters:
            facts = f"{labels.count(module.parameters, 'parameter')} · {facts}"
        lines = (f"{ins} → {outs}" if ins and outs else f"→ {outs}" if outs else ins, facts)
        ordered = tuple((name, mix[name]) for name in labels.CATEGORIES if name in mix)
        details = labels.module_details(module, ops)
        return Item(identity, "module", labels.module_title(module.name, module.kind), lines, details, "", ordered)

    def _node_item(self, identity: str, node: NodeForm) -> Item:
        tree = self._tree
        sources = tree.sources.get(node.id, [])
        title, lines = labels.op_title(node, sources), [labels.shape(node)]
        if node.kind == "op":
            settings = labels.face_settings(node)
            folded = dict.fromkeys(s.id for _, s in sources if s.id in tree.folded)
            parameters = [labels.parameter(tree.node[p], node.module) for p in folded]
            if identity in tree.module:  # a module with a single op: the op, under the name the model gives it
                title, said = self._single_title(tree.module[identity], node, title)
                settings = " · ".join(word for word in (said, settings) if word)
            lines = [settings] * bool(settings) + lines + labels.joined(parameters)
        elif node.kind == "parameter":
            title = labels.short_name(node, node.module)
        return Item(identity, node.kind, title, tuple(lines), labels.node_details(node, sources), labels.category(node))

    def _single_title(self, module: ModuleForm, node: NodeForm, op_title: str) -> tuple[str, str]:
        """The title of a module with a single op, and what of the op's own title it does not say already."""
        inner = self._tree.module.get(node.module, module)
        below = inner.id.removeprefix(module.id)
        title = labels.module_title(module.name + below if module.name != module.kind else inner.kind, inner.kind)
        name, _, kernel = op_title.partition(" ")
        return title, kernel if inner.kind.lower().startswith(name.lower().replace("_", "")) else op_title
