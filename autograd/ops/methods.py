"""The operators and methods of Tensor, attached to the class here so that the Tensor itself knows no op."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import float16, float32, float64, int32, int64
from ..primitive import Primitive
from ..tensor import Tensor
from . import (
    activation,
    aliases,
    choosing,
    compare,
    counting,
    cumulative,
    elementwise,
    extremes,
    index,
    inplace,
    join,
    layout,
    linalg,
    pieces,
    reduce,
    sorting,
    special,
    statistics,
    trigonometry,
)
from .layout import cast, clone

# --- operators: straight to the primitives, because 1-element tensors feel every call ---------------------------------


def _operator(op: Callable) -> Callable:
    if isinstance(op, Primitive):
        run = op._run  # one call less than op(self, other)
        return lambda self, other: run((self, other), {})
    return lambda self, other: op(self, other)


def _reflected(op: Callable) -> Callable:
    return lambda self, other: op(other, self)


def _comparison(op: Callable) -> Callable:
    def method(self: Tensor, other: Any) -> Any:
        if isinstance(other, (Tensor, np.ndarray, np.generic, int, float)):
            return op(self, other)
        return NotImplemented  # so that x == None is False and x < "a" Python's own error

    return method


_OPERATORS: dict[str, Callable] = {
    "add": elementwise._add,
    "sub": elementwise._sub,
    "mul": elementwise.mul,
    "truediv": elementwise._div,
    "floordiv": pieces.floor_divide,
    "mod": pieces.remainder,
    "pow": elementwise.pow,
    "matmul": linalg.matmul,
    "and": compare.bitwise_and,
    "or": compare.bitwise_or,
    "xor": compare.bitwise_xor,
    "lshift": compare.bitwise_left_shift,
    "rshift": compare.bitwise_right_shift,
}
for _name, _op in _OPERATORS.items():
    setattr(Tensor, f"__{_name}__", _operator(_op))
    setattr(Tensor, f"__r{_name}__", _reflected(_op))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Tensor, f"__{_name}__", _comparison(getattr(compare, _name)))
_UNARY: dict[str, Callable] = {
    "neg": elementwise.neg,
    "abs": pieces.abs,
    "invert": compare.bitwise_not,
    "pos": elementwise.positive,
}
for _name, _op in _UNARY.items():
    setattr(Tensor, f"__{_name}__", lambda self, op=_op: op(self))


def _getitem(self: Tensor, key: Any) -> Tensor:
    return index.getitem(self, key)


Tensor.__getitem__ = _getitem  # type: ignore[method-assign]
Tensor.__setitem__ = inplace.setitem  # type: ignore[index]


# --- methods: the functions of the same name ------------------------------------------------------------------------


def _method(op: Callable) -> Callable:
    if not isinstance(op, Primitive):
        return op  # a function is a method already: its first parameter is the tensor

    def method(self: Tensor, *args: Any, **settings: Any) -> Any:
        return op(self, *args, **settings)

    method.__name__, method.__qualname__, method.__doc__ = op.name, f"Tensor.{op.name}", op.__doc__
    return method


_METHODS: dict[Any, str] = {
    elementwise: "add sub positive addcmul addcdiv lerp mul div neg pow square sqrt rsqrt reciprocal exp exp2 expm1 "
    "log log1p log2 log10 sigmoid",
    pieces: "floor_divide remainder fmod abs sign floor ceil trunc frac round copysign heaviside signbit nan_to_num",
    trigonometry: "sin cos tan asin acos atan atan2 hypot sinh cosh tanh asinh acosh atanh deg2rad rad2deg",
    activation: "relu softmax log_softmax",
    special: "erf erfc lgamma digamma logaddexp logaddexp2 xlogy sinc",
    choosing: "fmax fmin clamp_min clamp_max",
    compare: "eq ne lt le gt ge logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor "
    "bitwise_not bitwise_left_shift bitwise_right_shift isnan isinf isposinf isneginf isfinite "
    "isclose allclose equal maximum minimum clamp",
    reduce: "sum mean var std logsumexp norm any all count_nonzero",
    extremes: "amax amin max min aminmax argmax argmin prod",
    cumulative: "cumsum cumprod logcumsumexp cummax cummin",
    statistics: "nansum nanmean",
    counting: "unique unique_consecutive bincount histc",
    sorting: "sort argsort msort topk kthvalue median nanmedian quantile nanquantile",
    layout: "reshape flatten unflatten squeeze unsqueeze expand broadcast_to permute transpose t movedim roll "
    "tril triu clone",
    join: "split chunk unbind repeat tile",
    index: "gather scatter_add take_along_dim index_select index_add masked_fill masked_select nonzero",
    linalg: "matmul mm mv bmm dot outer",
}
for _module, _names in _METHODS.items():
    for _name in _names.split():
        setattr(Tensor, _name, _method(getattr(_module, _name)))
for _name in aliases.METHODS:
    setattr(Tensor, _name, _method(getattr(aliases, _name)))
for _name, _op in inplace.METHODS.items():
    setattr(Tensor, _name, _op)
for _name, _form in {
    "iadd": "add_",
    "isub": "sub_",
    "imul": "mul_",
    "itruediv": "div_",
    "ifloordiv": "floor_divide_",
    "imod": "remainder_",
    "ipow": "pow_",
}.items():
    setattr(Tensor, f"__{_name}__", _operator(inplace.METHODS[_form]))


def _where(self: Tensor, condition: Any, other: Any) -> Tensor:
    """``self`` where ``condition`` is true, else ``other``."""
    return compare.where(condition, self, other)


def _flip(self: Tensor, *axes: Any, dims: Any = None) -> Tensor:
    """Reverse the order along dimensions, given one by one or as a tuple."""
    return layout.flip(self, layout.sizes_of(axes) if dims is None else dims)


def _polygamma(self: Tensor, n: int) -> Tensor:
    """The n-th derivative of :meth:`digamma`."""
    return special.polygamma(n, self)


def _view(self: Tensor, *shape: Any) -> Tensor:
    """Another shape of the same memory; an error where only a copy could have it (``reshape`` copies then)."""
    out = layout.reshape(self, *shape)
    if self._data.size and not np.may_share_memory(out._data, self._data):
        raise RuntimeError(f"view: memory of shape {self.shape} in this order has no shape {out.shape}; use reshape")
    return out


def _view_as(self: Tensor, other: Any) -> Tensor:
    """:meth:`view` in the shape of ``other``."""
    return _view(self, tuple(other.shape))


def _reshape_as(self: Tensor, other: Any) -> Tensor:
    """:meth:`reshape` to the shape of ``other``."""
    return layout.reshape(self, tuple(other.shape))


def _expand_as(self: Tensor, other: Any) -> Tensor:
    """:meth:`expand` to the shape of ``other``."""
    return layout.broadcast_to(self, tuple(other.shape))


def _contiguous(self: Tensor) -> Tensor:
    """This tensor with its memory in row-major order: itself, or a copy."""
    return self if self._data.flags.c_contiguous else clone(self)


def _is_contiguous(self: Tensor) -> bool:
    """Whether the memory is in row-major order."""
    return bool(self._data.flags.c_contiguous)


# --- dtypes ---------------------------------------------------------------------------------------------------------


def _to(self: Tensor, *args: Any, dtype: Any = None, copy: bool = False, **ignored: Any) -> Tensor:
    """Convert to a dtype, or to the dtype of another tensor. There is one device, ``"cpu"``, which may be named."""
    for arg in (*args, ignored.pop("device", None)):
        if isinstance(arg, Tensor):
            dtype = arg.dtype
        elif isinstance(arg, bool):
            continue  # non_blocking
        elif isinstance(arg, str) and arg.split(":")[0] in ("cpu", "cuda", "mps", "meta"):
            if not arg.startswith("cpu"):
                raise RuntimeError(f"to: there is one device here, 'cpu', not {arg!r}")
        elif arg is not None:
            dtype = arg
    if dtype is None or self.dtype == dtype:
        return clone(self) if copy else self
    return cast(self, dtype=np.dtype(dtype))


def _converter(name: str, dtype: Any) -> Callable:
    def method(self: Tensor) -> Tensor:
        return self if self.dtype == dtype else cast(self, dtype=np.dtype(dtype))

    method.__name__, method.__qualname__ = name, f"Tensor.{name}"
    method.__doc__ = f"Convert to {np.dtype(dtype)}."
    return method


for _name, _dtype in {
    "half": float16,
    "float": float32,
    "double": float64,
    "int": int32,
    "long": int64,
    "bool": np.bool_,
}.items():
    setattr(Tensor, _name, _converter(_name, _dtype))


def _type_as(self: Tensor, other: Tensor) -> Tensor:
    """Convert to the dtype of ``other``."""
    return _to(self, other.dtype)


def _cpu(self: Tensor) -> Tensor:
    """This tensor: there is one device."""
    return self


def _is_floating_point(self: Tensor) -> bool:
    """Whether the dtype is a floating point one."""
    return self.dtype.kind == "f"


for _op in (_where, _flip, _polygamma, _view, _view_as, _reshape_as, _expand_as, _contiguous, _is_contiguous, _to,
            _type_as, _cpu, _is_floating_point):  # fmt: skip
    _name = _op.__name__[1:]
    _op.__name__, _op.__qualname__ = _name, f"Tensor.{_name}"
    setattr(Tensor, _name, _op)

Tensor.T = property(lambda self: layout.permute(self, *reversed(range(self.ndim))))  # type: ignore[attr-defined]
Tensor.mT = property(layout.matrix_transpose)  # type: ignore[attr-defined]
