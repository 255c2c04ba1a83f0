"""The tensors inside a recording: ordinary ones, whose values nobody may ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..batched import BatchedTensor
from ..ops.layout import clone
from ..tensor import Tensor
from .program import Value

if TYPE_CHECKING:
    from .trace import Trace


class TracedTensor(Tensor):
    """``inner``, an ordinary Tensor, and the value it is in the recording."""

    __slots__ = ("inner", "trace", "value")
    inner: Tensor
    trace: Trace
    value: Value

    def __init__(self, inner: Tensor, trace: Trace, value: Value) -> None:
        self.inner, self.trace, self.value = inner, trace, value

    def _read(self) -> np.ndarray:
        self.trace.stop("the values of a tensor are read by {}")
        return self.inner._data

    def _write(self, name: str, value: Any) -> None:
        self.trace.stop("a tensor is changed in place")
        setattr(self.inner, name, value)

    _data = property(_read, lambda self, value: self._write("_data", value))
    _node = property(lambda self: self.inner._node, lambda self, value: self._write("_node", value))
    _grad = property(lambda self: self.inner._grad, lambda self, value: self._write("_grad", value))
    _family = property(lambda self: self.inner._family, lambda self, value: self._write("_family", value))

    shape = property(lambda self: self.inner.shape)
    ndim = property(lambda self: self.inner.ndim)
    dtype = property(lambda self: self.inner.dtype)
    dim, size, numel = BatchedTensor.dim, BatchedTensor.size, lambda self: self.inner.numel()
    __len__, __iter__ = BatchedTensor.__len__, BatchedTensor.__iter__
    view = BatchedTensor.view

    def _setting(self) -> np.ndarray:
        return self.inner._data

    def contiguous(self) -> Tensor:
        return self if self.is_contiguous() else clone(self)

    def is_contiguous(self) -> bool:
        return bool(self.inner._data.flags.c_contiguous)

    def register_hook(self, hook: Callable) -> Any:
        self.trace.stop("a hook is registered on a tensor")
        return self.inner.register_hook(hook)

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        from .gradient import backward_inside  # which traces

        if create_graph or inputs is not None:
            self.trace.stop("backward is called inside with create_graph or inputs")
        if not (self.trace.is_on() and backward_inside(self.trace, self, gradient, bool(retain_graph))):
            self.inner.backward(plain(gradient), retain_graph, create_graph, inputs)

    @property
    def grad(self) -> Tensor | None:
        self.trace.stop("the gradient of an argument or of a result is looked at")
        return self.inner.grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        self._write("grad", value)

    def retain_grad(self) -> None:
        self.trace.stop("retain_grad is called")
        self.inner.retain_grad()


def plain(x: Any) -> Any:
    """The ordinary Tensor of a traced one; anything else as it is."""
    return x.inner if type(x) is TracedTensor else x
