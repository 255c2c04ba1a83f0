"""DLPack: tensors handed to other frameworks and taken from them, without a copy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..memory import export
from ..tensor import Tensor, from_numpy


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A Tensor that shares the memory of ``ext_tensor``, of any framework that speaks DLPack and is in main memory."""
    if isinstance(ext_tensor, np.ndarray):
        return from_numpy(ext_tensor)
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(f"from_dlpack: {type(ext_tensor).__name__} has no __dlpack__; autograd.tensor copies anything")
    kind, _ = ext_tensor.__dlpack_device__()
    if kind != 1:
        raise ValueError(f"from_dlpack: the data lies on a device (DLPack type {kind}), here is main memory only")
    array = np.from_dlpack(ext_tensor)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"from_dlpack: a Tensor holds numbers, not {array.dtype}")
    return from_numpy(array)


def _dlpack(self: Tensor, **options: Any) -> Any:
    """This tensor's memory for another framework. A tensor that requires grad must be detached first."""
    if self.requires_grad:
        raise RuntimeError("__dlpack__: this tensor requires grad, which does not travel; hand over .detach()")
    return export(self._data).__dlpack__(**options)


def _dlpack_device(self: Tensor) -> tuple[int, int]:
    """Main memory."""
    return 1, 0


Tensor.__dlpack__ = _dlpack  # type: ignore[attr-defined]
Tensor.__dlpack_device__ = _dlpack_device  # type: ignore[attr-defined]
