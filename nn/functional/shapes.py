"""What the functions of this package ask of shapes, and say when they do not get it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd import geometry
from autograd.tensor import Tensor, as_tensor


def with_batch(spatial: int) -> Callable[[Callable], Callable]:
    """Let a function of ``input (N, C, ...)`` take one sample ``(C, ...)`` too, and refuse anything else by name.

    spatial : how many dimensions stand behind the channels
    """
    form = geometry.FORMS[spatial][0]

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def either(input: Any, *args: Any, **settings: Any) -> Any:
            if input.ndim == spatial + 2:
                return function(input, *args, **settings)
            if input.ndim != spatial + 1:
                raise ValueError(
                    f"{function.__name__}: input must have {spatial + 2} dimensions (N, C, {form}) or {spatial + 1} "
                    f"(C, {form}); input.shape={input.shape}"
                )
            out = function(input.reshape((1, *input.shape)), *args, **settings)
            if isinstance(out, tuple):
                return tuple(o.reshape(o.shape[1:]) for o in out)
            return out.reshape(out.shape[1:])

        return either

    return decorate


per_image = with_batch(2)


def plane(images: Tensor) -> tuple[int, int]:
    """The last two sizes of (N, C, H, W)."""
    return images.shape[2], images.shape[3]


def as_input(caller: str, input: Any) -> Tensor:
    """``input`` as a floating point Tensor."""
    input = as_tensor(input)
    if input.dtype.kind != "f":
        raise TypeError(f"{caller}: input must be floating point, not {input.dtype}; convert it with .float()")
    return input


def as_target(caller: str, target: Any, input: Tensor) -> Tensor:
    """``target`` in the dtype of ``input``, refused where the two shapes differ and would broadcast."""
    target = as_tensor(target)
    if target.shape != input.shape:
        same_size = target.numel() == input.numel()
        remedy = f"use target.reshape({input.shape})" if same_size else "they must be equal"
        raise ValueError(f"{caller}: input.shape={input.shape} and target.shape={target.shape} differ; {remedy}")
    return target if target.dtype == input.dtype else target.to(input.dtype)


def class_weight(caller: str, weight: Any, classes: int, dtype: Any) -> np.ndarray | None:
    """The array of class weights ``(K,)``, or ``None``."""
    if weight is None:
        return None
    weight = np.asarray(weight._data if isinstance(weight, Tensor) else weight, dtype=dtype)
    if weight.shape != (classes,):
        raise ValueError(f"{caller}: weight.shape={weight.shape}, but there are {classes} classes")
    return weight


def reduce(caller: str, losses: Tensor, reduction: str) -> Tensor:
    """The mean of the losses (report eq. 18), their sum, or all of them."""
    check_reduction(caller, reduction)
    return losses if reduction == "none" else losses.sum() if reduction == "sum" else losses.mean()


def check_reduction(caller: str, reduction: str) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{caller}: reduction is 'mean', 'sum' or 'none', not {reduction!r}")
