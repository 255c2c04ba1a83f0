"""The larger, the smaller, the nearer of two: ops that pass on what they choose, and a ``where`` that computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..primitive import primitive
from ..tensor import Tensor
from .compare import _where, check_condition, clamp, isnan, keep
from .index import advanced, embed_add
from .layout import _broadcast_to


@primitive(elementwise=True, kinks="input == other: the whole gradient to input")
def fmax(input, other):
    """The larger of both, element by element; where one is NaN, the other."""
    return np.fmax(input, other)


@primitive(elementwise=True, kinks="input == other: the whole gradient to input")
def fmin(input, other):
    """The smaller of both, element by element; where one is NaN, the other."""
    return np.fmin(input, other)


fmax.vjp(
    input=lambda g, input, other: keep(g, (input >= other) | isnan(other)),
    other=lambda g, input, other: keep(g, ~((input >= other) | isnan(other))),
)
fmin.vjp(
    input=lambda g, input, other: keep(g, (input <= other) | isnan(other)),
    other=lambda g, input, other: keep(g, ~((input <= other) | isnan(other))),
)


def clamp_min(input: Any, min: Any) -> Any:
    """``max(input, min)``: at the bound the whole gradient goes to the input."""
    return clamp(input, min, None)


def clamp_max(input: Any, max: Any) -> Any:
    """``min(input, max)``: at the bound the whole gradient goes to the input."""
    return clamp(input, None, max)


def where_computed(condition: Any, sides: tuple[Any, Any], inputs: tuple) -> Any:
    """``where`` whose sides are functions: each is called with the elements of the inputs that are its own."""
    if not any(isinstance(x, (Tensor, np.ndarray)) for x in inputs):
        raise TypeError(
            "where: functions are called with the elements that are theirs; "
            "name the tensors to take them from behind the sides, as in where(x > 0, autograd.log, 0, x)"
        )
    taken = condition._data if isinstance(condition, Tensor) else np.asarray(condition)
    check_condition(taken)
    shape = np.broadcast_shapes(taken.shape, *[x.shape for x in inputs if isinstance(x, (Tensor, np.ndarray))])
    taken = np.broadcast_to(taken, shape)
    whole = [_broadcast_to(x, shape=shape) if isinstance(x, (Tensor, np.ndarray)) else x for x in inputs]
    first, second = (
        _computed(side, mask, whole, shape) if callable(side) else side for side, mask in zip(sides, (taken, ~taken))
    )
    return _where(taken, first, second)


def _computed(side: Callable, mask: np.ndarray, inputs: list, shape: tuple[int, ...]) -> Any:
    own = [advanced(x, index=(mask,)) if isinstance(x, (Tensor, np.ndarray)) else x for x in inputs]
    result, count = side(*own), int(np.count_nonzero(mask))
    if np.shape(result) == ():
        return result
    if result.shape != (count,):
        raise ValueError(
            f"where: a side is called with vectors of its {count} elements and gives one result for each; "
            f"{getattr(side, '__name__', 'it')} gave shape {tuple(result.shape)}"
        )
    return embed_add(result, index=(mask,), shape=shape)
