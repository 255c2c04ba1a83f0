"""BatchedTensor: one tensor for each sample of a batch, that looks like the tensor of a single one.

Its ``value`` is an ordinary Tensor with the samples along dimension 0; the graph records what happens to that value.
So inside :func:`vmap` nothing but ordinary ops on whole batches is computed and recorded, and the backward pass of a
per-sample gradient is one ordinary backward pass. A tensor of a nested ``vmap`` has a batched tensor for its value.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

import numpy as np

from .modes import ValuesNeeded
from .ops.join import _stack
from .ops.layout import _broadcast_to, _permute, cast
from .tensor import Tensor, as_tensor
from .tree import tree_map

_depth = itertools.count()


class Level:
    """One running batch: how many samples, and which of two is the inner one (the later)."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.depth = next(_depth)
        self.open = True


class _Levels(threading.local):
    def __init__(self) -> None:
        self.stack: tuple[Level, ...] = ()


levels = _Levels()  # the calls of vmap that this thread runs now, outer ones first


class BatchValuesNeeded(ValuesNeeded):
    """The values of a single sample were asked for. An op takes all samples at once; ``vmap`` goes sample by sample."""

    def __init__(self, level: Level) -> None:
        super().__init__(
            "a tensor made by vmap was used after that vmap had ended; return it from the function instead"
        )
        self.level = level

    def run(self, op: Any, inputs: tuple, settings: dict, residuals: list | None) -> Any:
        from .batching import run_batched  # the rules are written with batched tensors

        return run_batched(op, inputs, settings, residuals)


class BatchedTensor(Tensor):
    """``value[i]`` for sample i of ``level``; shape and dimensions are those of one sample."""

    __slots__ = ("level", "value")
    value: Tensor
    level: Level

    def __init__(self, value: Tensor, level: Level) -> None:
        self.value = value
        self.level = level

    def _need_values(self) -> NoReturn:
        raise BatchValuesNeeded(self.level)

    # whoever asks for the array or the node gets ValuesNeeded: an op then runs on the batch, everything else by sample
    _data = property(_need_values)
    _node = property(_need_values)
    _grad = property(_need_values)

    shape = property(lambda self: self.value.shape[1:])
    ndim = property(lambda self: self.value.ndim - 1)
    dtype = property(lambda self: self.value.dtype)
    requires_grad = property(lambda self: self.value.requires_grad)

    def dim(self) -> int:
        return self.ndim

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        return self.value.numel() // self.level.size if self.level.size else 0

    def detach(self) -> Tensor:
        return BatchedTensor(self.value.detach(), self.level)

    def is_floating_point(self) -> bool:
        return self.dtype.kind == "f"

    def contiguous(self) -> Tensor:
        return self

    def view(self, *shape: Any) -> Tensor:
        return self.reshape(*shape)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self) -> Any:
        if not self.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(self.shape[0]))

    def __repr__(self) -> str:
        return f"batched tensor({self.level.size} samples of shape {self.shape}, dtype={self.dtype})"

    def to(self, *args: Any, dtype: Any = None, **ignored: Any) -> Tensor:
        for arg in args:
            if isinstance(arg, Tensor):
                dtype = arg.dtype
            elif arg is not None and not isinstance(arg, (bool, str)):
                dtype = arg
        return self if dtype is None or self.dtype == dtype else cast(self, dtype=np.dtype(dtype))

    def type_as(self, other: Tensor) -> Tensor:
        return self.to(other.dtype)


def _converter(dtype: Any) -> Any:
    return lambda self: self.to(np.dtype(dtype))


for _name, _dtype in {
    "half": np.float16,
    "float": np.float32,
    "double": np.float64,
    "int": np.int32,
    "long": np.int64,
    "bool": np.bool_,
}.items():
    setattr(BatchedTensor, _name, _converter(_dtype))


def per_sample(function: Callable) -> Callable:
    """Let a function that reads values run sample by sample inside ``vmap``, so that what is around it need not."""

    @wraps(function)
    def either(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except BatchValuesNeeded as needed:
            level = needed.level
            if not level.open or not level.size:
                raise
        rows = [function(*_sample(args, level, i), **_sample(kwargs, level, i)) for i in range(level.size)]
        return BatchedTensor(_stack(*rows, dim=0), level)

    return either


def _sample(tree: Any, level: Level, i: int) -> Any:
    return tree_map(lambda x: x.value[i] if isinstance(x, BatchedTensor) and x.level is level else x, tree)


# --- dimensions of samples, in and out ------------------------------------------------------------------------------


def move(x: Any, source: int, target: int) -> Any:
    """Dimension ``source`` moved to ``target``."""
    if source == target:
        return x
    order = [d for d in range(x.ndim) if d != source]
    order.insert(target, source)
    return _permute(x, dims=tuple(order))


def expand(x: Any, size: int) -> Any:
    """``size`` times the same along a new dimension 0, without a copy."""
    return _broadcast_to(x, shape=(size, *x.shape))


def physical(x: Any, level: Level) -> Any:
    """``x`` with the samples of ``level`` along an ordinary dimension 0."""
    if isinstance(x, BatchedTensor):
        if x.level is level:
            return x.value
        if x.level.depth > level.depth:
            return BatchedTensor(move(physical(x.value, level), 1, 0), x.level)
    return expand(x, level.size)


def batch(x: Tensor, level: Level) -> Tensor:
    """The undoing of :func:`physical`: dimension 0 becomes the samples of ``level``."""
    if isinstance(x, BatchedTensor) and x.level.depth > level.depth:
        return BatchedTensor(batch(move(x.value, 1, 0), level), x.level)
    return BatchedTensor(x, level)


def lift(x: Tensor, running: tuple[Level, ...] | None = None) -> Tensor:
    """``x`` with samples of its own at every running level, so that each sample has a gradient of its own."""
    running = levels.stack if running is None else running
    if not running:
        return x
    own = isinstance(x, BatchedTensor) and x.level is running[-1]
    value = x.value if own else expand(x, running[-1].size)
    return BatchedTensor(lift(value, running[:-1]), running[-1])


def innermost(tensors: Any) -> Level | None:
    """The innermost level among the batched ones of ``tensors``."""
    found = [x.level for x in tensors if isinstance(x, BatchedTensor)]
    return max(found, key=lambda level: level.depth, default=None)


def whole(x: Tensor) -> Tensor:
    """The ordinary Tensor that holds all samples of all levels."""
    while isinstance(x, BatchedTensor):
        x = x.value
    return x


def samples(x: Any) -> Any:
    """``x`` as a Tensor, where arrays and numbers come from outside."""
    return x if isinstance(x, Tensor) else as_tensor(np.asarray(x))
