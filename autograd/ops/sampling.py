"""Random tensors from given distributions, and tensors like another one. None of them carries a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import default_float
from ..random import numpy_generator
from ..tensor import Tensor, as_tensor
from .creation import _dtype, _finish, empty, full, randint
from .creation import normal as standard_normal
from .creation import ones as _ones
from .creation import zeros as _zeros
from .layout import sizes_of
from .positions import value_of


def _floating(x: Any, op: str) -> np.ndarray:
    array = value_of(x)
    if array.dtype.kind != "f" and array.size:
        raise TypeError(f"{op}: expected floating point numbers, not {array.dtype}; convert them with .float()")
    return array


def bernoulli(input: Any, p: Any = None, *, generator: Any = None) -> Tensor:
    """1 with the probability given by each element of ``input``, else 0 (``p``: with this probability everywhere)."""
    array = value_of(input)
    chance = _floating(input, "bernoulli") if p is None else value_of(p)
    if chance.size and not (chance.min() >= 0 and chance.max() <= 1):
        raise ValueError(f"bernoulli: probabilities lie in [0, 1], not in [{chance.min()}, {chance.max()}]")
    draws = numpy_generator(generator).random(array.shape)
    return as_tensor((draws < np.broadcast_to(chance, array.shape)).astype(array.dtype))


def poisson(input: Any, generator: Any = None) -> Tensor:
    """Counts of events, of which each element of ``input`` is the expected number."""
    rate = _floating(input, "poisson")
    if rate.size and not rate.min() >= 0:
        raise ValueError(f"poisson: rates must not be negative, got {rate.min()}")
    return as_tensor(np.asarray(numpy_generator(generator).poisson(rate)).astype(rate.dtype))


def normal(
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Normal numbers: a mean and a standard deviation for each element, or numbers and a ``size``."""
    centre, spread = (
        _floating(x, "normal") if isinstance(x, (Tensor, np.ndarray)) else np.asarray(x, default_float)
        for x in (mean, std)
    )
    if spread.size and not spread.min() >= 0:
        raise ValueError(f"normal: std must not be negative, got {spread.min()}")
    tensors = [a for a, x in ((centre, mean), (spread, std)) if isinstance(x, (Tensor, np.ndarray))]
    if size is not None:
        if tensors:
            raise TypeError("normal: size goes with numbers; tensors have a shape")
        shape, found = sizes_of((size,)), _dtype(dtype)
    else:
        if not tensors:
            raise TypeError("normal: size is missing; call normal(mean, std, size)")
        shape, found = np.broadcast_shapes(centre.shape, spread.shape), tensors[0].dtype
    draws = standard_normal(shape, found, generator)
    with np.errstate(invalid="ignore"):  # inf − inf is NaN
        drawn = draws * spread.astype(found) + centre.astype(found)
    return _finish(drawn.astype(found, copy=False), requires_grad)


def multinomial(input: Any, num_samples: int, replacement: bool = False, *, generator: Any = None) -> Tensor:
    """Positions drawn with the weights in each row of ``input`` (which need not add up to 1), int64.

    Without ``replacement`` no position is drawn twice, and as many weights must be positive.
    """
    weights = _floating(input, "multinomial")
    if weights.ndim not in (1, 2):
        raise ValueError(f"multinomial: weights are a vector or a matrix, not of shape {weights.shape}")
    if num_samples < 1:
        raise ValueError(f"multinomial: num_samples is at least 1, not {num_samples}")
    rows = np.atleast_2d(weights).astype(np.float64)
    if not (np.isfinite(rows).all() and (rows >= 0).all()):
        raise ValueError("multinomial: weights are finite and not negative")
    if (rows.sum(1) <= 0).any():
        raise ValueError("multinomial: the weights of a row add up to 0")
    draw = numpy_generator(generator)
    if replacement:
        ends = np.cumsum(rows, axis=1)
        points = draw.random((len(rows), num_samples)) * ends[:, -1:]
        chosen = np.stack([np.searchsorted(e, p, side="right") for e, p in zip(ends, points)])
        # rounding can put a point on the very end: the last position with a weight is meant
        last = rows.shape[1] - 1 - np.argmax(rows[:, ::-1] > 0, axis=1)
        chosen = np.minimum(chosen, last[:, None])
    else:
        most = int((rows > 0).sum(1).min())
        if num_samples > most:
            raise ValueError(
                f"multinomial: {num_samples} samples without replacement, but a row has {most} positive weights"
            )
        # the first to ring of exponential clocks with these rates (Efraimidis and Spirakis, 2006)
        with np.errstate(divide="ignore"):
            times = draw.standard_exponential(rows.shape) / rows
        chosen = np.argsort(times, axis=1, kind="stable")[:, :num_samples]
    return as_tensor(chosen.reshape(*weights.shape[:-1], num_samples).astype(np.int64))


def randint_like(
    input: Any,
    low: Any = None,
    high: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Whole numbers in [low, high), or [0, low), of the shape and dtype of ``input``."""
    low, high = (0, low) if high is None else (0 if low is None else low, high)
    if high is None:
        raise TypeError("randint_like: high is missing")
    dtype = input.dtype if dtype is None else dtype
    return randint(low, high, tuple(input.shape), generator=generator, dtype=dtype, requires_grad=requires_grad)


# --- methods: of this tensor's dtype --------------------------------------------------------------------------------


def new_tensor(self: Tensor, data: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A Tensor with a copy of ``data``, of this tensor's dtype."""
    return Tensor(data, self.dtype if dtype is None else dtype, requires_grad)


def new_zeros(self: Tensor, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of this tensor's dtype."""
    return _zeros(*size, dtype=self.dtype if dtype is None else dtype, requires_grad=requires_grad)


def new_ones(self: Tensor, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of this tensor's dtype."""
    return _ones(*size, dtype=self.dtype if dtype is None else dtype, requires_grad=requires_grad)


def new_empty(self: Tensor, *size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Unwritten memory of this tensor's dtype."""
    return empty(*size, dtype=self.dtype if dtype is None else dtype, requires_grad=requires_grad)


def new_full(self: Tensor, size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """``fill_value`` everywhere, of this tensor's dtype."""
    return full(size, fill_value, dtype=self.dtype if dtype is None else dtype, requires_grad=requires_grad)
