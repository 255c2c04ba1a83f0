"""Node: what one recorded operation remembers.

``Tensor -> Node -> parent Nodes``. A node never refers to its output (a leaf knows its tensor only weakly), so a
graph has no reference cycles: it is freed at the moment its last tensor goes, garbage collector or not.
"""

from __future__ import annotations

import itertools
import os
import sys
import weakref
from collections.abc import Callable
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from .modes import modes

if TYPE_CHECKING:
    import numpy as np

    from .hooks import HookHandle
    from .primitive import Plan, Primitive
    from .tensor import Tensor

# One clock for "recorded" and "written": a parent is always older than its children, so sorting by age is a
# topological order, and a write is dangerous exactly if it is younger than the node that saved the value.
clock = itertools.count(1)


class Scope:
    """One call of a module, and the module call around it. Two calls of one module are two scopes."""

    __slots__ = ("outer", "module")

    def __init__(self, outer: Scope | None, module: Any) -> None:
        self.outer = outer
        self.module = module


class Node:
    """One recorded operation: its op, its parents, and the values its gradient rules will read.

    A leaf (a tensor the user made) is a node without an op; it accumulates into its tensor's ``.grad``.
    """

    __slots__ = ("op", "parents", "plan", "saved", "settings", "shape", "dtype", "age", "scope", "code", "lasti", "ref",
                 "hooks", "__weakref__")  # fmt: skip

    op: Primitive | None
    parents: tuple[Node | None, ...]  # one per input; None: that input wants no gradient
    plan: Plan | None  # which rules run, and where in `saved` each finds its values
    saved: tuple[Any, ...] | None  # None once a backward pass has freed it
    settings: dict[str, Any]
    shape: tuple[int, ...]
    dtype: np.dtype
    age: int
    scope: Scope | None
    code: CodeType | None
    lasti: int
    ref: weakref.ref[Tensor] | None  # the tensor whose .grad this node fills: every leaf, and after retain_grad()
    hooks: dict[HookHandle, Callable] | None  # called with the gradient before it is used

    @property
    def name(self) -> str:
        return "leaf" if self.op is None else self.op.name

    def where(self) -> str:
        """``file:line`` of the user's line that recorded this operation."""
        if self.code is None:
            return "unknown line"
        line = self.code.co_firstlineno
        for start, end, number in self.code.co_lines():
            if start <= self.lasti < end and number is not None:
                line = number
        return f"{self.code.co_filename}:{line}"

    def __repr__(self) -> str:
        return f"<Node {self.name} {self.shape} {self.dtype}>"


_PACKAGES = tuple(
    os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), name) + os.sep
    for name in ("autograd", "nn", "optim", "segmentation")
)
_is_ours: dict[str, bool] = {}


def _users_frame(depth: int) -> FrameType | None:
    """The innermost frame that is not the framework's own: the line a user can do something about."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None:
        filename = frame.f_code.co_filename
        ours = _is_ours.get(filename)
        if ours is None:
            ours = _is_ours[filename] = filename.startswith(_PACKAGES)
        if not ours:
            return frame
        frame = frame.f_back
    return None


def record(op: Primitive, parents: tuple, plan: Plan, saved: tuple, settings: dict, shape: tuple, dtype: Any) -> Node:
    """The node of an operation that has just run."""
    node = Node()
    node.op = op
    node.parents = parents
    node.plan = plan
    node.saved = saved
    node.settings = settings
    node.shape = shape
    node.dtype = dtype
    node.age = next(clock)
    node.scope = modes.scope
    frame = _users_frame(3)
    if frame is None:
        node.code, node.lasti = None, 0
    else:
        node.code, node.lasti = frame.f_code, frame.f_lasti
    node.ref = None
    node.hooks = None
    return node


def leaf(tensor: Tensor) -> Node:
    """The node of a tensor that the user made and wants a gradient for."""
    node = record(None, (), None, (), {}, tensor.shape, tensor.dtype)  # type: ignore[arg-type]
    node.ref = weakref.ref(tensor)
    return node
