"""Tensor: an array that remembers how it was computed.

A Tensor is an array, a node of the graph if it wants a gradient, and ``grad`` once it has one. Its operators and
methods are attached by the ops (``autograd/ops/methods.py``): this file knows none of them.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from . import graph, memory
from .dtypes import default_float
from .hooks import HookHandle, add_hook
from .modes import effect, modes, not_compiled

if TYPE_CHECKING:
    from .graph import Node
    from .memory import Cut, Family


class Tensor:
    """An n-dimensional array that records the operations made with it.

    Parameters
    ----------
    data : array, number, nested list or Tensor; copied. Python floats become float32, arrays keep their dtype.
    dtype : NumPy dtype, optional
    requires_grad : whether operations are recorded and ``backward`` fills ``.grad``. Floating point only.
    """

    __slots__ = ("_data", "_node", "_grad", "_family", "__weakref__")
    _data: np.ndarray
    _node: Node | None
    _grad: Tensor | None
    _family: tuple[Family, tuple[Cut, ...]] | None  # the tensors it shares memory with as views (autograd/memory.py)

    def __init__(self, data: Any, dtype: Any = None, requires_grad: bool = False) -> None:
        self._data = _to_array(data, dtype)
        self._node = None
        self._grad = None
        self._family = None
        if requires_grad:
            self.requires_grad_()

    if TYPE_CHECKING:  # operators and methods are attached by ops/methods.py

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...

    # --- what it is ---------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return self._data.shape

    @property
    def ndim(self) -> int:
        return self._data.ndim

    @property
    def dtype(self) -> np.dtype:
        return self._data.dtype

    def dim(self) -> int:
        return self._data.ndim

    def size(self, dim: int | None = None) -> Any:
        return self._data.shape if dim is None else self._data.shape[dim]

    def numel(self) -> int:
        return self._data.size

    @property
    def is_leaf(self) -> bool:
        return self._node is None or self._node.op is None

    @property
    def grad_fn(self) -> Node | None:
        """The node that recorded this tensor's operation; ``None`` for a leaf."""
        return None if self.is_leaf else self._node

    @property
    def requires_grad(self) -> bool:
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Start (or stop) asking for this leaf's gradient."""
        if requires_grad and self._node is None:
            if self._data.dtype.kind != "f":
                raise RuntimeError(f"only floating point tensors can require gradients, this one is {self._data.dtype}")
            self._node = graph.leaf(self)
        elif not requires_grad and self._node is not None:
            if self._node.op is not None:
                raise RuntimeError("only leaf tensors can stop requiring gradients; use detach() for a computed one")
            self._node = None
        return self

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient, a Tensor of this tensor's shape and dtype, or ``None``."""
        if modes.trace is not None:
            modes.trace.look_at_grad(self)
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"grad must be a Tensor or None, not {type(value).__name__}")
            if value.shape != self.shape or value.dtype != self.dtype:
                raise ValueError(
                    f"grad has shape {value.shape} and dtype {value.dtype}, "
                    f"but its tensor has shape {self.shape} and dtype {self.dtype}"
                )
            not_compiled("grad is set")
            self._grad = value
        else:
            effect(_forget_grad, self)

    def retain_grad(self) -> None:
        """Keep the gradient of this computed tensor in ``.grad`` too."""
        if self._node is None:
            raise RuntimeError("retain_grad: this tensor does not require a gradient")
        self._node.ref = weakref.ref(self)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> HookHandle:
        """Call ``hook(gradient)`` when this tensor's gradient is complete; a returned Tensor replaces it."""
        if self._node is None:
            raise RuntimeError("register_hook: this tensor does not require a gradient")
        if self._node.hooks is None:
            self._node.hooks = {}
        return add_hook(self._node.hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> HookHandle:
        """Call ``hook(tensor)`` when a backward pass has added to ``.grad`` of this leaf."""
        if self._node is None or self._node.op is not None:
            raise RuntimeError("register_post_accumulate_grad_hook: only a leaf that requires grad accumulates one")
        if self._node.hooks is None:
            self._node.hooks = {}
        return add_hook(graph.accumulated.setdefault(self._node, {}), hook)

    # --- gradients ----------------------------------------------------------------------------------------------

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Sequence[Tensor] | None = None,
    ) -> None:
        """Add the gradient of this tensor to ``.grad`` of every leaf it was computed from (or of ``inputs`` only).

        Parameters
        ----------
        gradient : Tensor or array of this tensor's shape; may be left out for a single element (then 1).
        retain_graph : keep the saved values for another backward pass; default: what ``create_graph`` says.
        create_graph : record the backward pass itself, for gradients of gradients.
        inputs : accumulate into these tensors only.
        """
        _engine().backward([self], [gradient], retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """The same memory without the history."""
        return wrap(self._data, None) if modes.trace is None else modes.trace.detach(self)

    @property
    def data(self) -> Tensor:
        """The same memory without the history; assign a Tensor or array to replace the values of a leaf."""
        return self.detach()

    @data.setter
    def data(self, value: Any) -> None:
        not_compiled("data is set")
        array = value._data if isinstance(value, Tensor) else np.asarray(value)
        if self._node is not None and (array.shape != self._data.shape or array.dtype != self._data.dtype):
            raise ValueError(f"data: shape {array.shape} {array.dtype} does not fit {self.shape} {self.dtype}")
        self._data = array

    # --- out of the framework -----------------------------------------------------------------------------------

    def numpy(self) -> np.ndarray:
        """The array itself (shared memory). A tensor that requires grad must be detached first."""
        if self._node is not None:
            raise RuntimeError(
                "numpy(): this tensor requires grad, and an array would not record; use .detach().numpy()"
            )
        return memory.export(self._values())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"cannot convert {array.dtype} to {np.dtype(dtype)} without a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def _values(self) -> np.ndarray:
        """The array, for Python to look into: a recording cannot repeat that."""
        not_compiled("the values of a tensor are read by {}")
        return self._data

    def _setting(self) -> np.ndarray:
        """The array, to be handed to an op as a setting and to nothing else: a recording can repeat that."""
        return self._data

    def item(self) -> Any:
        """The single element as a Python number."""
        if self._data.size != 1:
            raise ValueError(f"item(): a tensor of shape {self.shape} has {self._data.size} elements, not one")
        return self._values().item()

    def tolist(self) -> Any:
        return self._values().tolist()

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise ValueError(f"the truth value of a tensor of shape {self.shape} is ambiguous; use .any() or .all()")
        return bool(self._values().item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iu":
            raise TypeError("only an integer tensor with one element can be used as an index")
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self._data.size == 1 else format(str(self), spec)

    def __len__(self) -> int:
        if not self._data.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self._data.shape[0]

    def __iter__(self) -> Any:
        if not self._data.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(self._data.shape[0]))

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        text = np.array2string(self._data, separator=", ", prefix="tensor(", precision=4, threshold=1000)
        if self._data.dtype not in (default_float, np.int64, np.bool_):
            text += f", dtype={self._data.dtype}"
        if self._node is not None:
            text += ", requires_grad=True" if self._node.op is None else f", grad_fn=<{self._node.name}>"
        return f"tensor({text})"

    def __copy__(self) -> Tensor:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError("only leaf tensors can be deep-copied; detach() first, or clone() to stay in the graph")
        copy = type(self).__new__(type(self))
        memo[id(self)] = copy
        copy._data, copy._node, copy._grad, copy._family = self._data.copy(), None, None, None
        if self._grad is not None:
            copy._grad = wrap(self._grad._data.copy(), None)
        return copy.requires_grad_() if self.requires_grad else copy

    def __reduce__(self) -> Any:
        raise TypeError("Tensors are not pickled (a pickle can run code when it is read); use autograd.serialize.save")


@cache
def _engine() -> Any:
    """The engine is written in terms of Tensors: it is imported when it is first needed."""
    from . import engine

    return engine


def _forget_grad(tensor: Tensor) -> None:
    tensor._grad = None


_new = object.__new__


def wrap(data: np.ndarray, node: Node | None = None) -> Tensor:
    """A Tensor around an array that nobody else holds, without a copy or a check: the way ops make their results."""
    tensor = _new(Tensor)
    tensor._data = data
    tensor._node = node
    tensor._grad = None
    tensor._family = None
    return tensor


def by_product(array: np.ndarray) -> Tensor:
    """A Tensor of a by-product of an op, without a history: positions of maxima, say."""
    return wrap(array) if modes.trace is None else modes.trace.result(wrap(array))


def _to_array(data: Any, dtype: Any) -> np.ndarray:
    if isinstance(data, Tensor):
        return np.array(data._data, dtype=dtype)
    if isinstance(data, (list, tuple)) and any(isinstance(item, Tensor) for item in data):
        data = [item._data if isinstance(item, Tensor) else item for item in data]
    array = np.array(data, dtype=dtype)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"a Tensor holds numbers; {type(data).__name__} gives dtype {array.dtype}")
    if dtype is None and array.dtype == np.float64 and not isinstance(data, (np.ndarray, np.generic)):
        array = array.astype(default_float)
    return array


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A Tensor with a copy of ``data``: see :class:`Tensor`."""
    return Tensor(data, dtype, requires_grad)


def from_numpy(array: np.ndarray) -> Tensor:
    """A Tensor that shares the memory of ``array``."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: expected an array, not {type(array).__name__}; autograd.tensor copies anything")
    return wrap(memory.adopt(array), None)


def as_tensor(data: Any, dtype: Any = None) -> Tensor:
    """``data`` as a Tensor, without a copy where it is one already or an array."""
    if isinstance(data, Tensor) and (dtype is None or data.dtype == dtype):
        return data
    if isinstance(data, np.ndarray) and (dtype is None or data.dtype == dtype):
        return from_numpy(data)
    return Tensor(data, dtype)
