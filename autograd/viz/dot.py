"""The picture in the DOT language, for Graphviz and everything that reads it.

Names are escaped here: the ``graphviz`` package takes ``<…>`` for markup, ``a:b`` for a port and a final backslash for
an escape.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

from .names import printable
from .paint import MODULE, TINT
from .view import Item, View

TIMEOUT = 60.0


def dot_escape(text: str) -> str:
    """``text`` as the inside of a quoted DOT string, shown as it is: no markup, no escapes, no entities."""
    text = "".join(c for c in text if c == "\n" or printable(ord(c)))
    for character, written in (("&", "&amp;"), ("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n")):
        text = text.replace(character, written)
    return text


def body(view: View, direction: str) -> list[str]:
    """The lines between the braces of the graph."""
    lines = [
        f"\trankdir={direction}",
        '\tgraph [fontname="Helvetica" fontsize=12 color="#8a93a3" bgcolor=white style=rounded labeljust=l]',
        '\tnode [fontname="Helvetica" fontsize=11 shape=box style="rounded,filled" color="#555d69" margin="0.12,0.06"]',
        '\tedge [color="#6b7480" arrowsize=0.7]',
    ]
    items = {item.id: item for item in view.items}
    boxes = {box.id: box for box in view.boxes}
    stack: list[tuple[str, int]] = [("", 0)]  # (member, level); "}" closes a cluster
    while stack:
        member, level = stack.pop()
        indent = "\t" * (level + 1)
        if member == "}":
            lines.append(indent + "}")
        elif member in items:
            lines.append(indent + _node(items[member]))
        else:
            if member:
                lines.append(f"{indent}subgraph {_quote('cluster ' + member)} {{")
                lines.append(f"{indent}\tlabel={_quote(boxes[member].title)}")
                stack.append(("}", level))
                level += 1
            stack.extend((inner, level) for inner in reversed(boxes[member].members))
    lines += [f"\t{_quote(link.source)} -> {_quote(link.target)}" for link in view.links]
    return [line + "\n" for line in lines]


def dot(view: View, direction: str) -> str:
    """The whole graph as DOT text."""
    return "digraph {\n" + "".join(body(view, direction)) + "}\n"


def to_graphviz(view: View, direction: str) -> Any:
    """A ``graphviz.Digraph`` with the same text: ready lines, so that no name passes the package's own quoting."""
    from graphviz import Digraph

    return Digraph(body=body(view, direction))


def _quote(text: str) -> str:
    return f'"{dot_escape(text)}"'


def _node(item: Item) -> str:
    label = "\n".join((item.title, *item.lines))
    fill = TINT.get(item.category, MODULE)
    more = " peripheries=2" if item.kind == "module" else ""
    return f'{_quote(item.id)} [label={_quote(label)} tooltip={_quote(item.details[0])} fillcolor="{fill}"{more}]'


def run_dot(text: str, file_format: str) -> bytes:
    """What the system's ``dot`` makes of ``text``."""
    program = shutil.which("dot")
    if program is None:
        raise RuntimeError(
            "engine='dot' needs the program dot of Graphviz, which is not installed here; "
            "engine='own' (the default) draws SVG without it"
        )
    try:
        done = subprocess.run(
            [program, f"-T{file_format}"], input=text.encode(), capture_output=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f"dot has not finished after {TIMEOUT:.0f} s; show less (depth, max_nodes) or use engine='own'"
        ) from None
    if done.returncode:
        raise RuntimeError(f"dot failed: {done.stderr.decode(errors='replace').strip()[:400]}")
    return done.stdout
