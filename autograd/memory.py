"""Who shares memory with whom, and who wrote to it: what keeps in-place changes from giving wrong numbers.

Three things can happen to a value that a gradient rule will read later:

- A recorded or noted write (``x.add_``, ``x[i] = v``, an optimizer's step) changes it. Every write is noted with its
  region and time; the backward pass raises where a saved value overlaps a younger write (:func:`check_unwritten`).
- NumPy writes to it, unseen, through an array the user also holds (``from_numpy``, ``.numpy()``, ``np.asarray``).
  Values in such memory are copied when they are saved (:func:`private`): the gradient is right whatever happens.
- It is written through a view. Tensors that are views of one another form a :class:`Family`; a recorded write to one
  gives all of them new nodes.

Nothing is paid for where nothing is shared or written: no counter travels with every tensor.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .graph import Node, clock, record

if TYPE_CHECKING:
    from .primitive import Primitive
    from .tensor import Tensor


def owner(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory of ``array``."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


# --- noted writes ---------------------------------------------------------------------------------------------------


class Write(NamedTuple):
    """One write: when, by whom, and to which part of its owner's memory (``None``: all of it)."""

    time: int
    by: str
    region: tuple[int, tuple[int, ...], tuple[int, ...], np.dtype] | None  # offset in bytes, shape, strides, dtype


_writes: dict[int, list[Write]] = {}  # id of the owner -> its writes, oldest first
_MOST = 32  # regions remembered of one owner; older ones are then taken for writes to all of it


def note_write(array: np.ndarray, by: str) -> None:
    """Remember that this memory was written just now, so that a backward pass that needs the old value says so."""
    whole = owner(array)
    key = id(whole)
    if key not in _writes:
        _writes[key] = []
        weakref.finalize(whole, _writes.pop, key, None).atexit = False
    time = next(clock)
    if array.size == whole.size:
        _writes[key] = [Write(time, by, None)]
        return
    offset = array.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    writes = _writes[key]
    writes.append(Write(time, by, (offset, array.shape, array.strides, array.dtype)))
    if len(writes) > _MOST:
        writes[: _MOST // 2] = [writes[_MOST // 2 - 1]._replace(region=None)]


def _overlaps(write: Write, value: np.ndarray) -> bool:
    if write.region is None:
        return True
    offset, shape, strides, dtype = write.region
    whole = owner(value)
    if not whole.flags.c_contiguous:
        return True
    written = np.ndarray(shape, dtype, whole.reshape(-1).view(np.uint8), offset, strides)
    try:
        return np.shares_memory(written, value, max_work=10_000)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def check_unwritten(node: Node) -> None:
    """Raise if a value that ``node`` saved was changed in place after it was saved."""
    if not _writes or node.saved is None:
        return
    for value in node.saved:
        if isinstance(value, np.ndarray):
            for write in _writes.get(id(owner(value)), ()):
                if write.time > node.age and _overlaps(write, value):
                    raise RuntimeError(
                        f"{node.name}: a value of shape {value.shape} saved for the backward pass at {node.where()} "
                        f"was changed in place afterwards by {write.by}; run backward first, or change a clone()"
                    )


# --- memory that NumPy can write to ---------------------------------------------------------------------------------

exported: set[int] = set()  # ids of the owners


def export(array: np.ndarray) -> np.ndarray:
    """Remember that the user holds an array with this memory."""
    whole = owner(array)
    key = id(whole)
    if key not in exported:
        exported.add(key)
        weakref.finalize(whole, exported.discard, key).atexit = False
    return array


def private(value: Any) -> Any:
    """``value``, or a copy of an array whose memory the user can write to without our knowing."""
    return value.copy() if isinstance(value, np.ndarray) and id(owner(value)) in exported else value


# --- views ----------------------------------------------------------------------------------------------------------


class Cut(NamedTuple):
    """One view op on the way from the root of a family to one of its members."""

    op: Primitive
    settings: dict[str, Any]
    shape: tuple[int, ...]  # of its result


class Family:
    """A tensor and its views: they share memory, and a recorded write to one is a write to all.

    The members are known weakly; the node of the root's present value is kept here, since the root may go first.
    """

    __slots__ = ("dtype", "members", "node", "root", "shape", "__weakref__")

    def __init__(self, root: Tensor) -> None:
        self.root = weakref.ref(root)
        self.node = root._node
        self.shape, self.dtype = root.shape, root.dtype
        self.members: list[tuple[weakref.ref[Tensor], tuple[Cut, ...]]] = [(self.root, ())]

    def root_node(self) -> Node | None:
        root = self.root()
        return self.node if root is None else root._node

    def add(self, member: Tensor, cuts: tuple[Cut, ...]) -> None:
        member._family = (self, cuts)
        if len(self.members) > 8 and not len(self.members) & (
            len(self.members) - 1
        ):  # at 16, 32, 64 ...: clear the dead
            self.members = [pair for pair in self.members if pair[0]() is not None]
        self.members.append((weakref.ref(member), cuts))

    def rewrite(self, member: Tensor, node: Node | None, write_view: Primitive) -> None:
        """``member`` has the value of ``node`` now, and every other member what its view of the root shows."""
        cuts = member._family[1]  # type: ignore[index]
        root_node = self.root_node()
        if cuts:
            wanted = (root_node is not None) | (node is not None) << 1
            if wanted:
                plan = write_view._plan(2, wanted)
                shapes = (self.shape, member.shape)
                saved = tuple(shapes[i] for i in plan.shapes)
                settings = {"cuts": cuts}
                node = record(write_view, (root_node, node), plan, saved, settings, self.shape, self.dtype)
        self.node = node
        for reference, steps in self.members:
            tensor = reference()
            if tensor is not None:
                tensor._node = _replay(node, steps, self.shape)


def _replay(node: Node | None, cuts: tuple[Cut, ...], shape: tuple[int, ...]) -> Node | None:
    """The node of a view of ``node``, recorded without computing anything: the memory is there already."""
    for cut in cuts:
        if node is None:
            return None
        plan = cut.op._plan(1, 1)
        node = record(cut.op, (node,), plan, (shape,) * len(plan.shapes), cut.settings, cut.shape, node.dtype)
        shape = cut.shape
    return node


def note_view(op: Primitive, settings: dict[str, Any], source: Any, view: Tensor) -> None:
    """``view`` was made of ``source`` by a view op: if it really shares its memory, they are family."""
    if not hasattr(source, "_family") or owner(view._data) is not owner(source._data):
        return
    if source._family is None:
        source._family = (Family(source), ())
    family, cuts = source._family
    family.add(view, (*cuts, Cut(op, settings, view.shape)))


def cut_out(array: Any, cuts: tuple[Cut, ...], apply: Callable[[Cut, Any], Any]) -> Any:
    """``array`` seen through the view ops from the root to a member."""
    for cut in cuts:
        array = apply(cut, array)
    return array
