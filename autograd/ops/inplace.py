"""Methods that write into a tensor's memory, PyTorch's names with a trailing underscore.

They run on tensors that carry no gradient, or under ``no_grad``. Each write is noted, so that a backward pass that
saved the old value is an error that names this write, never a wrong number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import graph
from ..modes import modes
from ..tensor import Tensor
from .creation import normal, uniform


def _writable(tensor: Tensor, op: str, *others: Any) -> np.ndarray:
    """The memory of ``tensor``, if the graph allows writing to it now."""
    if modes.grad_enabled:
        if tensor._node is not None:
            kind = "a leaf that requires grad" if tensor._node.op is None else f"the result of {tensor._node.name}"
            raise RuntimeError(
                f"{op}: this tensor is {kind}, and writing to it is not recorded; "
                f"use the form without the underscore, or write under no_grad()"
            )
        if any(isinstance(x, Tensor) and x._node is not None for x in others):
            raise RuntimeError(
                f"{op}: what is written requires grad, and writing is not recorded; "
                f"use the form without the underscore, or detach() it"
            )
    array = tensor._data
    if not array.flags.writeable:
        raise RuntimeError(
            f"{op}: this memory is read-only (an expanded tensor, or a read-only array); write to a clone()"
        )
    return array


def _value(x: Any) -> Any:
    if isinstance(x, Tensor):
        return x._data
    return x.item() if isinstance(x, np.generic) else x


def _update(name: str, ufunc: np.ufunc, doc: str) -> Any:
    def method(self: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
        array = _writable(self, name, other)
        value = _value(other)
        with np.errstate(all="ignore"):
            ufunc(array, value if alpha == 1 else value * alpha, out=array, casting="same_kind")
        graph.note_write(array, name)
        return self

    method.__name__, method.__qualname__, method.__doc__ = name, f"Tensor.{name}", doc
    return method


def copy_(self: Tensor, src: Any) -> Tensor:
    """Write the values of ``src``, which broadcasts, converted to this dtype."""
    array = _writable(self, "copy_", src)
    np.copyto(array, _value(src), casting="unsafe")
    graph.note_write(array, "copy_")
    return self


def fill_(self: Tensor, value: Any) -> Tensor:
    """Write one number everywhere."""
    array = _writable(self, "fill_", value)
    array.fill(_value(value))
    graph.note_write(array, "fill_")
    return self


def zero_(self: Tensor) -> Tensor:
    """Write 0 everywhere."""
    array = _writable(self, "zero_")
    array.fill(0)
    graph.note_write(array, "zero_")
    return self


def clamp_(self: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Bring every element into [min, max]."""
    if min is None and max is None:
        raise ValueError("clamp_: at least one of min and max must be given")
    array = _writable(self, "clamp_", min, max)
    if min is not None:
        np.maximum(array, _value(min), out=array, casting="same_kind")
    if max is not None:
        np.minimum(array, _value(max), out=array, casting="same_kind")
    graph.note_write(array, "clamp_")
    return self


def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Write normal random numbers."""
    array = _writable(self, "normal_")
    np.copyto(array, normal(array.shape, _floating(array, "normal_"), generator) * float(std) + float(mean))
    graph.note_write(array, "normal_")
    return self


def uniform_(self: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Any = None, **bounds: float) -> Tensor:
    """Write uniform random numbers in [a, b)."""
    a, b = bounds.pop("from_", a), bounds.pop("to", b)
    if bounds:
        raise TypeError(f"uniform_: unknown argument {next(iter(bounds))!r}")
    array = _writable(self, "uniform_")
    np.copyto(array, uniform(array.shape, _floating(array, "uniform_"), generator) * (float(b) - float(a)) + float(a))
    graph.note_write(array, "uniform_")
    return self


def _floating(array: np.ndarray, op: str) -> np.dtype:
    if array.dtype.kind != "f":
        raise TypeError(f"{op}: random real numbers need a floating point tensor, this one is {array.dtype}")
    return array.dtype


METHODS = {
    "add_": _update("add_", np.add, "Add ``other`` (times ``alpha``) to every element."),
    "sub_": _update("sub_", np.subtract, "Subtract ``other`` (times ``alpha``) from every element."),
    "mul_": _update("mul_", np.multiply, "Multiply every element by ``other``."),
    "div_": _update("div_", np.true_divide, "Divide every element by ``other``."),
    "copy_": copy_,
    "fill_": fill_,
    "zero_": zero_,
    "clamp_": clamp_,
    "normal_": normal_,
    "uniform_": uniform_,
}
