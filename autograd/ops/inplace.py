"""Methods that write into a tensor's memory, PyTorch's names with a trailing underscore; ``x += y``; ``x[i] = v``.

A write is the op without the underscore, whose result is then put into the memory. Recorded, the tensor becomes the
result of that op, and its views, and the tensor it is a view of, become what the memory now holds: see
:class:`autograd.memory.Family`. Each write is noted, so that a backward pass that saved the old value is an error that
names this write, never a wrong number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..memory import Cut, cut_out, note_write, owner
from ..modes import modes, no_grad, not_compiled
from ..primitive import primitive
from ..tensor import Tensor
from . import index, positions, public, public_arrays, sampling, special
from .creation import normal, uniform
from .layout import cast, sum_to
from .pieces import _no_slope


@primitive
def write_view(input, value, *, cuts):
    """``input`` with ``value`` in the place of its view ``cuts``."""
    out = np.array(input, order="C")
    view = cut_out(out, cuts, _on_array)
    if owner(view) is out:
        view[...] = value
    else:  # a view of the original memory order, but not of this one
        places = cut_out(np.arange(out.size).reshape(out.shape), cuts, _on_array)
        out.reshape(-1)[places] = value
    return out


write_view.vjp(
    input=lambda g, value_shape, *, cuts: write_view(g, np.zeros(value_shape, g.dtype), cuts=cuts),
    value=lambda g, *, cuts: cut_out(g, cuts, lambda cut, x: cut.op(x, **cut.settings)),
)


def _on_array(cut: Cut, array: np.ndarray) -> np.ndarray:
    return cut.op.forward(array, **cut.settings)


@primitive
def filled(input, value):
    """``value``, broadcast to the shape of ``input`` and converted to its dtype."""
    return np.broadcast_to(np.asarray(value), input.shape).astype(input.dtype)


filled.vjp(input=lambda g: _no_slope(g), value=lambda g, value_shape: sum_to(g, shape=value_shape))


def write(self: Tensor, name: str, op: Callable[..., Any], *args: Any, **settings: Any) -> Tensor:
    """Put ``op(self, ...)`` into the memory of ``self``, which becomes (and whose views become) its result."""
    not_compiled(f"{name} writes in place")
    _check_writable(self, name)
    operands = [x for x in (*args, *settings.values()) if isinstance(x, Tensor)]
    recording = modes.grad_enabled and any(x.requires_grad for x in (self, *operands))
    if recording:
        result = op(self, *args, **settings)
    else:
        with no_grad():
            result = op(self, *args, **settings)
    if result.shape != self.shape:
        raise RuntimeError(f"{name}: the result has shape {result.shape}, which does not fit into {self.shape}")
    if not np.can_cast(result.dtype, self.dtype, "same_kind"):
        raise RuntimeError(f"{name}: the result is {result.dtype}, which cannot be put into {self.dtype}")
    if recording and result._node is None and self.dtype.kind == "f":  # a comparison: constant, with the gradient 0
        result = filled(self, result)
    node = result._node
    if node is not None and node.saved:
        whole = owner(self._data)
        kept = [v.copy() if isinstance(v, np.ndarray) and owner(v) is whole else v for v in node.saved]
        node.saved = type(node.saved)(kept)
    np.copyto(self._data, result._data, casting="same_kind")
    note_write(self._data, name)
    if recording:
        if result.dtype != self.dtype:
            node = cast(result, dtype=self.dtype)._node
        if self._family is None:
            self._node = node
        else:
            self._family[0].rewrite(self, node, write_view)
    return self


def _check_writable(self: Tensor, name: str) -> None:
    if not self._data.flags.writeable:
        raise RuntimeError(
            f"{name}: this memory is read-only (an expanded tensor, or a read-only array); write to a clone()"
        )
    if modes.grad_enabled:
        root = self._node if self._family is None else self._family[0].root_node()
        if root is not None and root.op is None:
            kind = "a view of a leaf" if self._family is not None and self._family[1] else "a leaf"
            raise RuntimeError(
                f"{name}: this tensor is {kind} that requires grad, and the value it was made with would be lost; "
                f"use the form without the underscore, or write under no_grad()"
            )


def _method(name: str, op: Callable[..., Any], doc: str | None = None) -> Callable[..., Tensor]:
    def method(self: Tensor, *args: Any, **settings: Any) -> Tensor:
        return write(self, name, op, *args, **settings)

    method.__name__, method.__qualname__ = name, f"Tensor.{name}"
    method.__doc__ = doc or f"``{name[:-1]}``, written into this tensor's memory."
    return method


def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write the values of ``src``, which broadcasts, converted to this dtype."""
    return write(self, "copy_", filled, _as_dtype_of(self, src))


def _as_dtype_of(self: Tensor, value: Any) -> Any:
    return cast(value, dtype=self.dtype) if isinstance(value, Tensor) and value.dtype != self.dtype else value


def fill_(self: Tensor, value: Any) -> Tensor:
    """Write one number everywhere."""
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(f"fill_: the value is a number or 0-d, not of shape {value.shape}")
    return write(self, "fill_", filled, _as_dtype_of(self, value))


def zero_(self: Tensor) -> Tensor:
    """Write 0 everywhere."""
    return write(self, "zero_", filled, 0)


def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Write normal random numbers."""
    dtype = _floating(self, "normal_")
    if std < 0:
        raise ValueError(f"normal_: std {std} is negative")
    return write(self, "normal_", filled, normal(self.shape, dtype, generator) * float(std) + float(mean))


def uniform_(self: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Any = None, **bounds: float) -> Tensor:
    """Write uniform random numbers in [a, b)."""
    a, b = bounds.pop("from_", a), bounds.pop("to", b)
    if bounds:
        raise TypeError(f"uniform_: unknown argument {next(iter(bounds))!r}")
    dtype = _floating(self, "uniform_")
    if a > b:
        raise ValueError(f"uniform_: from {a} is above to {b}")
    return write(self, "uniform_", filled, uniform(self.shape, dtype, generator) * (float(b) - float(a)) + float(a))


def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Write 1 with probability ``p``, a number or a tensor that broadcasts, and else 0."""
    return write(self, "bernoulli_", filled, sampling.bernoulli(self, p, generator=generator))


def cumsum_(self: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """``cumsum``, written into this tensor's memory, in its dtype."""
    return write(self, "cumsum_", public.cumsum, dim, dtype=_same_dtype(self, dtype, "cumsum_"))


def cumprod_(self: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """``cumprod``, written into this tensor's memory, in its dtype."""
    return write(self, "cumprod_", public.cumprod, dim, dtype=_same_dtype(self, dtype, "cumprod_"))


def _same_dtype(self: Tensor, dtype: Any, op: str) -> np.dtype:
    if dtype is not None and dtype != self.dtype:
        raise TypeError(f"{op}: dtype={np.dtype(dtype)}, but what is written stays {self.dtype}")
    return self.dtype


def polygamma_(self: Tensor, n: int) -> Tensor:
    """``polygamma(n)``, written into this tensor's memory."""
    return write(self, "polygamma_", lambda x: special.polygamma(n, x))


def _floating(self: Tensor, op: str) -> np.dtype:
    if self.dtype.kind != "f":
        raise TypeError(f"{op}: random real numbers need a floating point tensor, this one is {self.dtype}")
    return self.dtype


def setitem(self: Tensor, key: Any, value: Any) -> None:
    """``x[key] = value``: recorded, as every write."""
    if not isinstance(value, Tensor):
        value = np.asarray(value, None if isinstance(value, (np.ndarray, np.generic)) else self.dtype)
    parts = index.parts_of(key)
    if not any(isinstance(part, np.ndarray) for part in parts):
        part = index.basic(self, index=parts)
        surplus = value.ndim - part.ndim
        if surplus > 0 and value.shape[:surplus] == (1,) * surplus:  # one number in brackets fits an element
            value = value.reshape(value.shape[surplus:])
        part.copy_(value)
        return
    # of elements named twice the last value is written, and alone gets the gradient
    places = index.advanced.forward(np.arange(self._data.size).reshape(self.shape), index=parts)
    if isinstance(value, Tensor):
        value = positions.to_put(self, parts, value if self.dtype.kind == "f" else value.detach(), "__setitem__")
    write(self, "__setitem__", positions._put, places, value, False, "__setitem__")


METHODS: dict[str, Callable[..., Tensor]] = {
    "copy_": copy_,
    "fill_": fill_,
    "zero_": zero_,
    "normal_": normal_,
    "uniform_": uniform_,
    "bernoulli_": bernoulli_,
    "cumsum_": cumsum_,
    "cumprod_": cumprod_,
    "polygamma_": polygamma_,
}
_FORMS: dict[Any, str] = {
    public: """
        abs absolute acos acosh add addcdiv addcmul arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin asinh
        atan atan2 atanh bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor ceil
        clamp clamp_max clamp_min clip copysign cos cosh deg2rad digamma div divide eq erf erfc exp exp2 expm1 fix
        floor floor_divide fmod frac ge greater greater_equal gt heaviside hypot index_add le lerp less less_equal
        lgamma log log10 log1p log2 logical_and logical_not logical_or logical_xor lt masked_fill mul multiply
        nan_to_num ne neg negative not_equal pow rad2deg reciprocal relu remainder round rsqrt scatter_add sigmoid
        sign sin sinc sinh sqrt square sub subtract tan tanh tril triu true_divide trunc xlogy
    """,
    public_arrays: """
        addbmm addmm addmv addr baddbmm index_copy index_fill index_put index_reduce masked_scatter put scatter
        scatter_reduce
    """,
}
for _module, _names in _FORMS.items():
    METHODS |= {f"{name}_": _method(f"{name}_", getattr(_module, name)) for name in _names.split()}
