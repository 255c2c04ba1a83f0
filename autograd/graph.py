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
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from .modes import modes, no_grad

if TYPE_CHECKING:
    from .hooks import HookHandle
    from .primitive import Plan, Primitive
    from .tensor import Tensor

# One clock for "recorded" and "written": a parent is always older than its children, so sorting by age is a
# topological order, and a write is dangerous exactly if it is younger than the node that saved the value.
clock = itertools.count(1)


# Called with a leaf when its ``.grad`` is up to date; few leaves have any, so nodes have no place for them. A node that
# has any has a dictionary of other hooks too, if an empty one: to ask a weak dictionary each time takes longer.
accumulated: weakref.WeakKeyDictionary[Node, dict[HookHandle, Callable]] = weakref.WeakKeyDictionary()


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
        return _line(self.code, self.lasti)

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


def _line(code: CodeType | None, lasti: int) -> str:
    """``file:line`` of an instruction."""
    if code is None:
        return "unknown line"
    line = code.co_firstlineno
    for start, end, number in code.co_lines():
        if start <= lasti < end and number is not None:
            line = number
    return f"{code.co_filename}:{line}"


def users_line() -> str:
    """``file:line`` of the user's line that is running."""
    frame = _users_frame(2)
    return _line(frame.f_code, frame.f_lasti) if frame is not None else _line(None, 0)


# One for all: with one each, a chain of a million ops took an eighth longer, most of it in the garbage collector.
_NO_SETTINGS: dict[str, Any] = {}


def record(op: Primitive, parents: tuple, plan: Plan, saved: tuple, settings: dict, shape: tuple, dtype: Any) -> Node:
    """The node of an operation that has just run."""
    node = Node()
    node.op = op
    node.parents = parents
    node.plan = plan
    node.saved = saved
    node.settings = settings or _NO_SETTINGS
    node.shape = shape
    node.dtype = dtype
    node.age = next(clock)
    node.scope = modes.scope
    frame = _users_frame(4)  # two frames at least stand between this one and the user's: an op and its operator
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


# --- hooks on what is saved -----------------------------------------------------------------------------------------


class saved_tensors_hooks:
    """Inside, every array that an op saves goes through ``pack_hook``; the backward pass has it from ``unpack_hook``.

    >>> import autograd
    >>> x = autograd.tensor([1.0, 2.0], requires_grad=True)
    >>> with autograd.graph.saved_tensors_hooks(lambda t: t.half(), lambda half: half.float()):
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([2., 4.])

    Parameters
    ----------
    pack_hook : called with a Tensor without history, which it must not write to; returns anything: a file's name, say
    unpack_hook : called with what ``pack_hook`` returned, each time it is needed; returns a Tensor of the same shape
        and dtype

    The innermost hooks count, in this thread. Nothing is recorded while a hook runs.
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        if not (callable(pack_hook) and callable(unpack_hook)):
            raise TypeError("saved_tensors_hooks: pack_hook and unpack_hook are functions of one argument")
        self._hooks = (pack_hook, unpack_hook)

    def __enter__(self) -> Self:
        modes.saved_hooks = (*modes.saved_hooks, self._hooks)
        return self

    def __exit__(self, *exc: object) -> None:
        modes.saved_hooks = modes.saved_hooks[:-1]


class _Packed(NamedTuple):
    unpack: Callable[[Any], Tensor]
    content: Any  # what the pack hook returned
    shape: tuple[int, ...]
    dtype: np.dtype


class PackedValues(tuple):
    """Saved values of which the arrays went through hooks."""

    def unpack(self, node: Node) -> tuple[Any, ...]:
        return tuple([_unpacked(v, node) if type(v) is _Packed else v for v in self])


def pack(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """``values``, handed to the innermost hooks of this thread."""
    from .tensor import wrap  # tensors are made of nodes

    pack_hook, unpack_hook = modes.saved_hooks[-1]
    with no_grad():
        return PackedValues(
            _Packed(unpack_hook, pack_hook(wrap(v, None)), v.shape, v.dtype) if isinstance(v, np.ndarray) else v
            for v in values
        )


def _unpacked(packed: _Packed, node: Node) -> np.ndarray:
    with no_grad():
        tensor = packed.unpack(packed.content)
    array = getattr(tensor, "_data", None)
    if not isinstance(array, np.ndarray) or array.shape != packed.shape or array.dtype != packed.dtype:
        found = type(tensor).__name__ if array is None else f"a Tensor of shape {array.shape} {array.dtype}"
        raise RuntimeError(
            f"{node.name}: unpack_hook returned {found}, not a Tensor of shape {packed.shape} {packed.dtype}, as was "
            f"saved at {node.where()}"
        )
    return array
