"""Who shares memory with whom, and who wrote to it: what keeps in-place changes from giving wrong numbers.

Three things can happen to a value that a gradient rule will read later:

- A recorded or noted write (``x.add_``, ``x[i] = v``, an optimizer's step) changes it. Every write is noted with its
  region and time; the backward pass raises where a saved value overlaps a younger write (:func:`recall`).
- NumPy writes to it, unseen, through an array the user also holds (``from_numpy``, ``.numpy()``, ``np.asarray``).
  Values in such memory are copied when they are saved (:func:`private`), and memory is copied when it is handed out,
  for the nodes that saved it before (:func:`export`): the gradient is right whatever happens.
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
from .modes import not_compiled

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
    not_compiled(f"{by} writes in place")
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


def recall(node: Node) -> tuple[Any, ...]:
    """The values that ``node`` saved, as they were then; raise if one was changed in place afterwards.

    What NumPy may have changed since, unseen, is taken from the copy that was made when the memory was handed out.
    """
    saved: Any = node.saved
    if type(saved) is not tuple:
        saved = saved.unpack(node)  # through hooks
    if not (_writes or exported):
        return saved
    if any(isinstance(value, np.ndarray) for value in node.settings.values()):
        node.settings = {name: _unwritten(value, node) for name, value in node.settings.items()}
    return tuple([_unwritten(value, node) for value in saved])


def _unwritten(value: Any, node: Node) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    whole = owner(value)
    for write in _writes.get(id(whole), ()):
        if write.time > node.age and _overlaps(write, value):
            raise RuntimeError(
                f"{node.name}: a value of shape {value.shape} saved for the backward pass at {node.where()} "
                f"was changed in place afterwards by {write.by}; run backward first, or change a clone()"
            )
    handed_out = exported.get(id(whole))
    if handed_out is None or handed_out.copy is None or handed_out.time < node.age:
        return value
    offset = value.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return np.ndarray(value.shape, value.dtype, handed_out.copy, offset, value.strides)


# --- memory that NumPy can write to ---------------------------------------------------------------------------------


class Export(NamedTuple):
    """Since when the user holds an array with this memory, and what was in it then."""

    time: int
    copy: np.ndarray | None  # flat, in the order of the memory; None where no node can have saved it before


exported: dict[int, Export] = {}  # id of the owner -> its export


def export(array: np.ndarray) -> np.ndarray:
    """Remember that this memory is handed to the user, and keep what it holds now for the nodes that saved it."""
    return _share(array, keep=True)


def adopt(array: np.ndarray) -> np.ndarray:
    """Remember that this array came from the user, who holds it too."""
    return _share(array, keep=False)


def _share(array: np.ndarray, keep: bool) -> np.ndarray:
    whole = owner(array)
    key = id(whole)
    if key not in exported:
        exported[key] = Export(next(clock), whole.ravel(order="K").copy() if keep else None)
        weakref.finalize(whole, exported.pop, key, None).atexit = False
    return array


def private(value: Any) -> Any:
    """``value``, or a copy of an array whose memory the user can write to without our knowing.

    The copy has the order of the original: BLAS has other routines for a matrix whose transpose is in memory, and on
    some processors they round in another way.
    """
    return value.copy(order="K") if isinstance(value, np.ndarray) and id(owner(value)) in exported else value


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
