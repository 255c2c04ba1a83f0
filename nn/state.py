"""The state of a module: gathered by name, loaded all or nothing, converted without losing its identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autograd.memory import note_write
from autograd.tensor import Tensor, wrap

if TYPE_CHECKING:
    from .module import Module


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict(strict=False)`` left out."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def state_of(module: Module, prefix: str = "") -> dict[str, Tensor]:
    """See :meth:`nn.Module.state_dict`. A shared tensor stands under each of its names."""
    state: dict[str, Tensor] = {}
    for path, owner in module.named_modules(prefix.removesuffix("."), remove_duplicate=False):
        kept = {name: buffer for name, buffer in owner._buffers.items() if name not in owner._transient}
        for name, tensor in (owner._parameters | kept).items():
            if tensor is not None:
                state[f"{path}.{name}" if path else name] = tensor.detach()
    return state


def load_state(module: Module, state_dict: Mapping[str, Any], strict: bool) -> IncompatibleKeys:
    """See :meth:`nn.Module.load_state_dict`."""
    own = state_of(module)
    given = {name: np.asarray(t._data if isinstance(t, Tensor) else t) for name, t in state_dict.items()}
    keys = IncompatibleKeys([name for name in own if name not in given], [name for name in given if name not in own])
    faults = []
    if strict and keys.missing_keys:
        faults.append("missing: " + ", ".join(keys.missing_keys))
    if strict and keys.unexpected_keys:
        faults.append("unexpected: " + ", ".join(keys.unexpected_keys))
    common = [name for name in own if name in given]
    for name in common:
        if given[name].shape != own[name].shape:
            faults.append(f"shape of {name}: {given[name].shape} given, {own[name].shape} expected")
        elif not np.can_cast(given[name].dtype, own[name].dtype, "same_kind"):
            faults.append(f"dtype of {name}: {given[name].dtype} given, {own[name].dtype} expected")
    if faults:
        lines = "\n  ".join(faults)
        raise ValueError(f"load_state_dict: this does not fit {type(module).__name__}, which is unchanged\n  {lines}")
    for name in common:
        np.copyto(own[name]._data, given[name], casting="same_kind")
        note_write(own[name]._data, "load_state_dict")
    return keys


def convert(tensor: Tensor, dtype: np.dtype) -> None:
    """Change the dtype of a leaf and of its gradient; it stays the same object, in optimizers and graphs to come."""
    grad, requires_grad = tensor.grad, tensor.requires_grad
    tensor.grad = None
    tensor.requires_grad_(False)  # the leaf's node remembers the old dtype; a new one is made below
    tensor._data = tensor._data.astype(dtype)
    tensor.requires_grad_(requires_grad)
    if grad is not None:
        tensor.grad = wrap(grad._data.astype(dtype))
