"""What is there, how often, and where it would stand: no gradients here."""

from __future__ import annotations

from operator import index as as_int
from typing import Any

import numpy as np

from ..tensor import Tensor, as_tensor
from .layout import axis_of


def _array(x: Any) -> np.ndarray:
    return as_tensor(x)._data


# --- unique ---------------------------------------------------------------------------------------------------------


def unique(
    input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Each value once, in order; with ``dim``, each slice along it. Each NaN is a value of its own.

    Returns the values, or a tuple with what was asked for: ``inverse`` (where each element of the input stands among
    the values) and ``counts``.
    """
    array = _array(input)
    if dim is not None and not array.ndim:
        raise IndexError(f"unique: dim {dim} of a number, which has no dimensions")
    axis = None if dim is None else axis_of(dim, array.ndim, "unique")
    if axis is not None and 0 in array.shape[:axis] + array.shape[axis + 1 :]:
        raise ValueError(f"unique: slices of shape {array.shape} along dim {axis} have no elements to tell them apart")
    values, inverse, counts = np.unique(array, return_inverse=True, return_counts=True, axis=axis, equal_nan=False)
    shape = array.shape if axis is None else (array.shape[axis],)
    return _asked_for(values, inverse.reshape(shape), counts, return_inverse, return_counts)


def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The input without repetitions of what stands before: of its elements in flattened order, or slices along ``dim``.

    Returns as :func:`unique`.
    """
    array = _array(input)
    axis = None if dim is None else axis_of(dim, array.ndim, "unique_consecutive")
    lines = array.reshape(-1) if axis is None else np.moveaxis(np.atleast_1d(array), axis, 0)
    differs = (lines[1:] != lines[:-1]).any(axis=tuple(range(1, lines.ndim)))
    first = np.concatenate([np.ones(min(len(lines), 1), bool), differs])
    inverse = np.cumsum(first) - 1
    counts = np.bincount(inverse, minlength=0) if len(inverse) else np.zeros(0, np.int64)
    values = lines[first] if axis is None else np.moveaxis(lines[first], 0, axis)
    shape = array.shape if axis is None else (len(lines),)
    return _asked_for(values, inverse.reshape(shape), counts, return_inverse, return_counts)


def _asked_for(values: Any, inverse: Any, counts: Any, return_inverse: bool, return_counts: bool) -> Any:
    asked = [values, *([inverse] if return_inverse else []), *([counts] if return_counts else [])]
    return tuple(map(as_tensor, asked)) if len(asked) > 1 else as_tensor(values)


# --- counts ---------------------------------------------------------------------------------------------------------


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2, ... occurs in a vector; with ``weights``, the sum of those of its occurrences."""
    array, minlength = _array(input), as_int(minlength)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(f"bincount: the input is a vector of integers, not of shape {array.shape} and {array.dtype}")
    if array.size and array.min() < 0:
        raise ValueError(f"bincount: the integers are at least 0, not {array.min()}")
    if minlength < 0:
        raise ValueError(f"bincount: minlength is at least 0, not {minlength}")
    if weights is None:
        return as_tensor(np.bincount(array.astype(np.int64), minlength=minlength).astype(np.int64))
    each = _array(weights)
    if not array.size:  # nothing is weighed
        return as_tensor(np.zeros(minlength, np.int64))
    if each.shape != array.shape:
        raise ValueError(f"bincount: weights.shape={each.shape} but input.shape={array.shape}")
    sums = np.bincount(array.astype(np.int64), each, minlength)
    return as_tensor(sums.astype(np.float32) if each.dtype == np.float32 else sums.astype(np.float64))


def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements lie in each of ``bins`` equal parts of [min, max]; others are left out.

    With ``min == max`` the parts reach from the smallest to the largest element.
    """
    array, bins = _array(input), as_int(bins)
    if array.dtype.kind != "f":
        raise TypeError(f"histc: the input is floating point, not {array.dtype}; convert it, as in x.float()")
    if bins < 1:
        raise ValueError(f"histc: bins is at least 1, not {bins}")
    low, high = float(min), float(max)
    if low == high and array.size:
        low, high = float(array.min()), float(array.max())
    if low == high:
        low, high = low - 1, high + 1
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"histc: the range from {low} to {high} is not finite")
    if low > high:
        raise ValueError(f"histc: min={low} is above max={high}")
    flat = array.reshape(-1)
    inside = flat[(flat >= low) & (flat <= high)]
    kind = array.dtype.type
    place = ((inside - kind(low)) * kind(bins) / kind(high - low)).astype(np.int64)
    return as_tensor(np.bincount(np.minimum(place, bins - 1), minlength=bins).astype(array.dtype))


# --- places in an order ---------------------------------------------------------------------------------------------


def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Tensor:
    """Where each value would stand in a sorted sequence: before equal elements, or behind them with ``right``.

    sorted_sequence : (..., n), sorted along its last dimension, or a vector for all values.
    input : (..., m), or of any shape where the sequence is a vector; or a number.
    sorter : the indices that sort a sequence that is not sorted.
    """
    if side not in (None, "left", "right"):
        raise ValueError(f"searchsorted: side is 'left' or 'right', not {side!r}")
    if side == "left" and right:
        raise ValueError("searchsorted: side='left' and right=True say the opposite of each other")
    sequence, values = _array(sorted_sequence), _array(input)
    if not sequence.ndim:
        raise ValueError("searchsorted: the sorted sequence is one number; at least a vector is needed")
    if sorter is not None:
        order = _array(sorter)
        if order.shape != sequence.shape:
            raise ValueError(f"searchsorted: sorter.shape={order.shape} but sorted_sequence.shape={sequence.shape}")
        if order.dtype != np.int64:
            raise TypeError(f"searchsorted: the sorter holds int64, not {order.dtype}")
        if order.size and (order.min() < 0 or order.max() >= sequence.shape[-1]):
            raise IndexError(f"searchsorted: the sorter names places outside of [0, {sequence.shape[-1]})")
        sequence = np.take_along_axis(sequence, order, -1)
    where: Any = "right" if right or side == "right" else "left"
    if sequence.ndim == 1:
        places = np.searchsorted(sequence, values, where)
    elif values.shape[:-1] != sequence.shape[:-1] or not values.ndim:
        raise ValueError(
            f"searchsorted: sorted_sequence.shape={sequence.shape} and input.shape={values.shape} differ before the "
            f"last dimension"
        )
    else:
        places = np.empty(values.shape, np.int64)
        for line in np.ndindex(*sequence.shape[:-1]):
            places[line] = np.searchsorted(sequence[line], values[line], where)
    return as_tensor(np.asarray(places, np.int32 if out_int32 else np.int64))


def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The number of the bucket of each value, between sorted ``boundaries``; a boundary belongs to the one below it.

    right : it belongs to the one above.
    """
    if _array(boundaries).ndim != 1:
        raise ValueError(f"bucketize: boundaries are a vector, not of shape {_array(boundaries).shape}")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
