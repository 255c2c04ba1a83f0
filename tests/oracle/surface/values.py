"""What a generated call is made of: values that can be handed to either library, and printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from autograd.tensor import Tensor, from_numpy

LAYOUTS = ("C", "F", "step 2", "reversed", "expanded", "read-only")


def in_layout(values: np.ndarray, layout: str) -> np.ndarray:
    """The same values in another order of memory."""
    if layout == "F" and values.ndim:
        return np.asfortranarray(values)
    if layout == "step 2" and values.ndim:
        wide = np.full((*values.shape[:-1], 2 * values.shape[-1]), 1, values.dtype)
        wide[..., ::2] = values
        return wide[..., ::2]
    if layout == "reversed" and values.ndim:
        return values[::-1].copy()[::-1]
    if layout == "read-only":
        values = values.copy()
        values.flags.writeable = False
        return values
    return values.copy()


@dataclass(eq=False)
class Array:
    """A tensor argument."""

    values: np.ndarray
    layout: str = "C"
    grad: bool = True  # ask for its gradient, if it is floating point

    def __post_init__(self) -> None:
        self.values = np.asarray(self.values)
        if self.layout == "expanded" and self.values.ndim:  # its values then repeat along the first dimension
            self.values = np.broadcast_to(self.values[:1], self.values.shape)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def ndim(self) -> int:
        return self.values.ndim

    @property
    def dtype(self) -> np.dtype:
        return self.values.dtype

    def ours(self) -> Tensor:
        array = self.values if self.layout == "expanded" else in_layout(self.values, self.layout)
        tensor = from_numpy(array)
        return tensor.requires_grad_() if self.grad and array.dtype.kind == "f" else tensor

    def theirs(self) -> torch.Tensor:
        # the order of memory decides what view() accepts; negative strides and read-only arrays PyTorch does not have
        layout = self.layout if self.layout in ("F", "step 2") else "C"
        tensor = torch.from_numpy(in_layout(self.values, layout))
        if self.layout == "expanded" and self.values.ndim and self.values.shape[0]:
            tensor = tensor[:1].expand(self.values.shape)
        return tensor.requires_grad_() if self.grad and tensor.dtype.is_floating_point else tensor

    def __repr__(self) -> str:
        text = np.array2string(self.values, separator=", ", threshold=60, floatmode="unique").replace("\n", "")
        layout = "" if self.layout == "C" else f", {self.layout}"
        shape = "" if self.values.size else f", shape {self.shape}"
        return f"tensor({text}, {self.dtype}{shape}{layout})"


@dataclass(frozen=True)
class Dtype:
    """A dtype argument."""

    name: str

    def ours(self) -> np.dtype:
        return np.dtype(self.name)

    def theirs(self) -> torch.dtype:
        return getattr(torch, self.name)

    def __repr__(self) -> str:
        return self.name


def convert(value: Any, side: str, tensors: list) -> Any:
    """``value`` for one side (``"ours"`` or ``"theirs"``); the tensors made on the way are appended to ``tensors``."""
    if isinstance(value, (Array, Dtype)):
        made = getattr(value, side)()
        if isinstance(value, Array):
            tensors.append(made)
        return made
    if type(value) in (tuple, list):
        return type(value)(convert(v, side, tensors) for v in value)
    return value


def arrays_in(value: Any) -> list[Array]:
    """Every tensor argument inside a value."""
    if isinstance(value, Array):
        return [value]
    if isinstance(value, (tuple, list)):
        return [a for v in value for a in arrays_in(v)]
    return []
