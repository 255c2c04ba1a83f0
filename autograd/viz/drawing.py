"""``graph(x)``: everything ``x`` was computed from, ready to be drawn, saved and printed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..tensor import Tensor
from . import dot as dot_language
from .extract import extract
from .form import GraphForm
from .html import html
from .svg import svg
from .text import text
from .view import View, view

_REPR_LINES = 40
_NOTEBOOK_BYTES = 1_000_000  # a picture larger than this makes a notebook slow to open and impossible to diff


def graph(
    x: Any,
    *,
    depth: int | None = None,
    max_nodes: int = 150,
    direction: str = "TB",
    params: str = "inline",
    names: Mapping[str, Tensor] | None = None,
) -> Graph:
    """The graph of everything ``x`` was computed from.

    Parameters
    ----------
    x : Tensor, or a list, tuple or dict of Tensors
    depth : how many levels of modules stand open; 0 shows the outermost ones as single boxes, ``None`` a first look
    max_nodes : never show more items; deeper modules stay closed, long rows of ops are cut into closed steps
    direction : "TB" flows down, "LR" flows to the right
    params : "inline" writes parameters on the ops that read them, "nodes" draws each as a node
    names : names for tensors you made, such as ``{"w": w}``; the parameters of modules have theirs already

    Only what carries gradients is recorded: to see the input of a network, give it ``requires_grad=True``.

    >>> import autograd
    >>> from autograd import viz
    >>> w = autograd.tensor([1.0, 2.0], requires_grad=True)
    >>> print(viz.graph((w * w).exp(), names={"w": w}))
    w  (2,)  input
    mul  (2,)  ← w
    exp  (2,)  ⇒ output
    """
    outputs = _outputs(x)
    names = {} if names is None else names
    for name, tensor in names.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"viz.graph: names maps names to Tensors, but {name!r} is a {type(tensor).__name__}")
    options = _checked(depth, max_nodes, direction, params)
    return Graph(extract(outputs, names), **options)


def _outputs(x: Any) -> dict[Any, Tensor]:
    if isinstance(x, Tensor):
        return {"": x}
    if isinstance(x, Mapping):
        outputs = dict(x)
    elif isinstance(x, (list, tuple)):
        outputs = {f"[{i}]": tensor for i, tensor in enumerate(x)}
    else:
        hint = "; call it and give what it returns" if callable(x) else ""
        raise TypeError(f"viz.graph: x is a Tensor or a list or dict of Tensors, not {type(x).__name__}{hint}")
    if not outputs:
        raise ValueError(f"viz.graph: the {type(x).__name__} is empty: there is nothing to draw")
    for name, tensor in outputs.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"viz.graph: x is a {type(x).__name__} of Tensors, but item {name!r} is a {type(tensor).__name__}"
            )
    return outputs


def _checked(depth: int | None, max_nodes: int, direction: str, params: str) -> dict[str, Any]:
    for name, value, least in (("depth", depth, 0), ("max_nodes", max_nodes, 1)):
        if value is None and name == "depth":
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"viz.graph: {name} is a whole number, not {value!r}")
        if value < least:
            raise ValueError(f"viz.graph: {name} is at least {least}, not {value}")
    if direction not in ("TB", "LR"):
        raise ValueError(f"viz.graph: direction is 'TB' (down) or 'LR' (to the right), not {direction!r}")
    if params not in ("inline", "nodes"):
        raise ValueError(f"viz.graph: params is 'inline' or 'nodes', not {params!r}")
    return {"depth": depth, "max_nodes": max_nodes, "direction": direction, "params": params}


class Graph:
    """A graph form and how much of it is shown. Immutable: :meth:`view` gives a changed copy."""

    __slots__ = ("_depth", "_direction", "_max_nodes", "_params", "_view", "form")

    form: GraphForm

    def __init__(
        self,
        form: GraphForm,
        *,
        depth: int | None = None,
        max_nodes: int = 150,
        direction: str = "TB",
        params: str = "inline",
    ) -> None:
        self.form = form
        self._depth = depth
        self._max_nodes = max_nodes
        self._direction = direction
        self._params = params
        self._view: View | None = None

    def view(self, **changes: Any) -> Graph:
        """The same graph shown differently: ``g.view(depth=2)``, ``g.view(direction="LR")``."""
        options = {
            "depth": self._depth, "max_nodes": self._max_nodes, "direction": self._direction, "params": self._params,
        }  # fmt: skip
        if unknown := set(changes) - set(options):
            raise TypeError(f"view: no option {min(unknown)!r}; the options are {', '.join(options)}")
        return Graph(self.form, **_checked(**{**options, **changes}))

    @property
    def shown(self) -> View:
        """The boxes, items and links of the picture."""
        if self._view is None:
            self._view = view(self.form, self._depth, self._max_nodes, self._params)
        return self._view

    @property
    def title(self) -> str:
        """What the graph is of, in one line."""
        tops = [module.kind for module in self.form.modules if not module.outer]
        ops = sum(node.kind == "op" for node in self.form.nodes)
        what = ", ".join(dict.fromkeys(tops)) or "tensor"
        return f"Graph of {what}: {ops:,} operation{'' if ops == 1 else 's'}"

    # --- as text --------------------------------------------------------------------------------------------------

    def svg(self, *, engine: str = "own") -> str:
        """The picture as self-contained SVG; ``engine="dot"`` has the system's Graphviz draw it."""
        if engine == "own":
            return svg(self.shown, self._direction, self.title)
        return self._run_dot("svg", engine).decode()

    def html(self) -> str:
        """A page with the picture and the text tree, in one file."""
        return html(self.svg(), self.text(), self.title)

    def dot(self) -> str:
        """The picture in the DOT language."""
        return dot_language.dot(self.shown, self._direction)

    def to_graphviz(self) -> Any:
        """The picture as a ``graphviz.Digraph``."""
        return dot_language.to_graphviz(self.shown, self._direction)

    def json(self) -> str:
        """The whole graph form (not only what is shown); :func:`from_json` reads it."""
        return self.form.to_json()

    def text(self, max_lines: int | None = None) -> str:
        """The whole graph as an indented tree, a line per module and op, equal neighbours taken together."""
        if max_lines is not None and max_lines < 1:
            raise ValueError(f"text: max_lines is at least 1, not {max_lines}")
        return text(self.form, max_lines)

    # --- as a file ------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str], *, engine: str = "own") -> Path:
        """Write the graph to a file as its ending says: svg, html, dot, json, txt; ``engine="dot"``: svg, png, pdf."""
        target = Path(path)
        kind = target.suffix.lower().lstrip(".")
        writers = {
            "svg": self.svg,
            "html": self.html,
            "dot": self.dot,
            "gv": self.dot,
            "json": self.json,
            "txt": self.text,
        }
        if engine != "own":
            if kind not in ("svg", "png", "pdf"):
                raise ValueError(f"save: engine='dot' writes .svg, .png and .pdf, not {target.name!r}")
            content = self._run_dot(kind, engine)
        elif kind in ("png", "pdf"):
            raise ValueError(f"save: .{kind} needs Graphviz installed and engine='dot'; .svg and .html need nothing")
        elif kind not in writers:
            raise ValueError(f"save: the ending of {target.name!r} is none of {', '.join('.' + k for k in writers)}")
        else:
            content = writers[kind]().encode()
        target.write_bytes(content)
        return target

    def _run_dot(self, file_format: str, engine: str) -> bytes:
        if engine != "dot":
            raise ValueError(f"engine is 'own' or 'dot', not {engine!r}")
        return dot_language.run_dot(self.dot(), file_format)

    # --- in a session ---------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return self.text(_REPR_LINES)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows. It is never the reason why a cell fails: whatever cannot be made is left out."""
        bundle = {"text/plain": self.title}
        try:
            bundle["text/plain"] = self.text(_REPR_LINES)
            picture = self.svg()
            if len(picture.encode()) <= _NOTEBOOK_BYTES:
                bundle["image/svg+xml"] = picture
        except Exception as error:
            bundle["text/plain"] += f"\n(no picture: {type(error).__name__}: {error})"
        return bundle


def from_json(text: str) -> Graph:
    """The graph that :meth:`Graph.json` wrote."""
    return Graph(GraphForm.from_json(text))
