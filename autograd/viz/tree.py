"""The graph form as a tree of modules and nodes, and how far it is opened."""

from __future__ import annotations

from .form import GraphForm, ModuleForm, NodeForm

FIRST_LOOK = 40  # a picture nobody asked details of shows about this many items
_CHUNK = 100


class Tree:
    """Nodes and modules as a tree, with long rows cut into chunks."""

    def __init__(self, form: GraphForm, inline: bool, max_nodes: int | None) -> None:
        self.node = {node.id: node for node in form.nodes}
        self.module = {module.id: module for module in form.modules}
        self.sources: dict[str, list[tuple[str, NodeForm]]] = {}
        read = set()
        for edge in form.edges:
            self.sources.setdefault(edge.target, []).append((edge.input, self.node[edge.source]))
            read.add(edge.source)
        outputs = {identity for _, identity in form.outputs}
        self.folded = {
            n.id for n in form.nodes if inline and n.kind == "parameter" and n.id in read and n.id not in outputs
        }
        self.outer = {module.id: module.outer for module in form.modules}
        self.children: dict[str, list[str]] = {"": [], **{module.id: [] for module in form.modules}}
        placed = set()
        inputs = [node for node in form.nodes if node.kind == "input"]  # they were there before anything ran
        for node in (*inputs, *(node for node in form.nodes if node.kind != "input")):
            if node.id in self.folded:
                continue
            child, box = node.id, node.module
            self.outer[child] = box
            while child not in placed:  # a module takes its place when its first op runs
                placed.add(child)
                self.children[box].append(child)
                if not box:
                    break
                child, box = box, self.outer[box]
        if max_nodes is not None:
            self._cut_into_chunks(max_nodes, {node.id for node in inputs})
        self.depth = {"": -1}
        self.inside: dict[str, int] = {}  # number of nodes in a module
        self.order = self._preorder()
        for identity in reversed(self.order):
            self.inside[identity] = (
                1 if identity in self.node else sum(self.inside[child] for child in self.children[identity])
            )

    def _cut_into_chunks(self, max_nodes: int, inputs: set[str]) -> None:
        """A row too long to show becomes a row of closed chunks, in the order of execution; a few inputs stay out."""
        size = max(2, min(_CHUNK, max_nodes))
        for box in list(self.children):
            kept = [child for child in self.children[box] if child in inputs]
            if 4 * len(kept) > max_nodes:
                kept = []
            self.children[box] = self.children[box][len(kept) :]  # inputs stand first
            total, unit = len(self.children[box]), 1
            while len(row := self.children[box]) > max(max_nodes - len(kept), 1):
                chunks = []
                for start in range(0, len(row), size):
                    part = row[start : start + size]
                    if len(part) == 1:
                        chunks += part
                        continue
                    first, last = start * unit, min((start + size) * unit, total) - 1
                    identity = f"{box}[{first}-{last}]"
                    self.module[identity] = ModuleForm(identity, box, f"steps {first}–{last}", "", 0)
                    self.children[identity] = part
                    self.outer.update(dict.fromkeys(part, identity))
                    self.outer[identity] = box
                    chunks.append(identity)
                self.children[box], unit = chunks, unit * size
            self.children[box] = kept + self.children[box]

    def _preorder(self) -> list[str]:
        order = []
        stack = [""]
        while stack:
            identity = stack.pop()
            order.append(identity)
            if identity:
                self.depth[identity] = self.depth[self.outer[identity]] + 1
            stack.extend(reversed(self.children.get(identity, ())))
        return order

    def single(self, identity: str) -> bool:
        """Whether a module holds just one node: a box around it would say nothing."""
        return identity in self.module and self.inside[identity] == 1

    def choose(self, depth: int | None, max_nodes: int) -> int:
        """The deepest level that fits when every module above it is open."""
        leaves: dict[int, int] = {}
        groups: dict[int, int] = {}
        for identity in self.order:
            if identity and not (self.outer[identity] and self.single(self.outer[identity])):
                table = leaves if identity in self.node or self.single(identity) else groups
                table[self.depth[identity]] = table.get(self.depth[identity], 0) + 1
        deepest = max(self.depth.values())
        shown = []
        total = 0
        for level in range(deepest + 1):
            total += leaves.get(level, 0)
            shown.append(total + groups.get(level, 0))
        limit = deepest if depth is None else depth
        fitting = [d for d, n in enumerate(shown) if d <= limit and n <= max_nodes] or [0]
        if depth is not None:
            return fitting[-1]
        first = [d for d in fitting if shown[d] <= FIRST_LOOK] or [fitting[0]]
        if shown[first[-1]] <= FIRST_LOOK // 8 and fitting[-1] > first[-1]:
            return next(d for d in fitting if d > first[-1])  # a handful of closed boxes tells less than too much
        return first[-1]
