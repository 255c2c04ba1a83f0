"""The graph as an indented tree of text: everything the picture says, for a terminal, a screen reader or a diff."""

from __future__ import annotations

from collections.abc import Iterator

from . import labels
from .form import GraphForm, NodeForm
from .tree import Tree

_REPEATS = 3  # so many equal neighbours become one line


def text(form: GraphForm, max_lines: int | None = None) -> str:
    """One line per module and op, in the order of execution; ``← …`` where an op reads other than the line above it."""
    tree = Tree(form, inline=True, max_nodes=None)
    lines: list[str] = []
    left_out = 0
    for line in _Writer(form, tree).lines():
        if max_lines is None or len(lines) < max_lines:
            lines.append(line)
        else:
            left_out += 1
    if left_out:
        lines[-1] = f"… {left_out + 1:,} more lines"
    return "\n".join(lines)


class _Writer:
    def __init__(self, form: GraphForm, tree: Tree) -> None:
        self._form = form
        self._tree = tree
        self._outputs: dict[str, list[str]] = {}
        for name, identity in form.outputs:
            self._outputs.setdefault(identity, []).append(name)
        self._previous: dict[str, str] = {}  # op -> the op that ran before it
        last = ""
        for node in form.nodes:
            if node.kind == "op":
                self._previous[node.id] = last
                last = node.id
        self._kind: dict[str, int] = {}  # members of one kind look the same, apart from their names
        self._number_kinds()

    def _number_kinds(self) -> None:
        tree = self._tree
        numbers: dict[tuple, int] = {}
        for identity in reversed(tree.order):
            node = tree.node.get(identity)
            looks: tuple
            if node is None:
                kind = tree.module[identity].kind if identity else ""
                looks = (kind, *(self._kind[child] for child in tree.children[identity]))
            else:
                inputs = tuple(
                    source.shape if source.id in tree.folded else source.id == self._previous.get(identity)
                    for _, source in tree.sources.get(identity, ())
                )
                looks = (node.kind, node.name, node.shape, node.dtype, node.settings, inputs, self._output(identity))
            self._kind[identity] = numbers.setdefault(looks, len(numbers))

    def lines(self) -> Iterator[str]:
        stack = list(reversed([(first, last, times, 0) for first, last, times in self._runs("")]))
        while stack:
            identity, last, times, level = stack.pop()
            node = self._tree.node.get(identity)
            indent = "  " * level
            repeat = f" × {times}" if times > 1 else ""
            if node is not None:
                yield indent + self._node(node, repeat) + self._output(identity)
                continue
            module = self._tree.module[identity]
            names = dict.fromkeys((module.name, self._tree.module[last].name))  # one name: one module, called often
            name = "–".join(names)
            if self._tree.single(identity):
                only = identity
                while only not in self._tree.node:
                    only = self._tree.children[only][0]
                last_words = self._node(self._tree.node[only], "") + self._output(only)
                yield f"{indent}{labels.module_title(name, module.kind)}{repeat}  {last_words}"
                continue
            facts = f"  {labels.count(module.parameters, 'parameter')}" + (" each" if times > 1 else "")
            yield indent + labels.module_title(name, module.kind) + repeat + (facts if module.parameters else "")
            stack += reversed([(*run, level + 1) for run in self._runs(identity)])

    def _runs(self, identity: str) -> Iterator[tuple[str, str, int]]:
        """The members of a module as (first, last, how many), rows of equal ones taken together."""
        members = self._tree.children[identity]
        start = 0
        while start < len(members):
            end = start + 1
            while end < len(members) and self._kind[members[end]] == self._kind[members[start]]:
                end += 1
            if end - start >= _REPEATS:
                yield members[start], members[end - 1], end - start
            else:
                for member in members[start:end]:
                    yield member, member, 1
            start = end

    def _output(self, identity: str) -> str:
        return "".join("  ⇒ output" + (f" {name}" if name else "") for name in self._outputs.get(identity, ()))

    def _node(self, node: NodeForm, repeat: str) -> str:
        sources = self._tree.sources.get(node.id, [])
        if node.kind != "op":
            return f"{node.name}  {labels.shape(node)}  {node.kind}"
        words = [labels.op_title(node, sources) + repeat, labels.shape(node)]
        if settings := labels.face_settings(node):
            words.append(settings)
        folded = {s.id: s for _, s in sources if s.id in self._tree.folded}
        words += [labels.parameter(p, node.module) for p in folded.values()]
        others = list(dict.fromkeys(s.id for _, s in sources if s.id not in folded))
        if others and others != [self._previous[node.id]]:
            words.append("← " + ", ".join(others))
        return "  ".join(words)
