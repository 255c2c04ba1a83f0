"""Parameter: a Tensor that a module learns."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.tensor import Tensor, as_tensor


class Parameter(Tensor):
    """A leaf tensor that a :class:`~nn.Module` registers when it is assigned as an attribute.

    Parameters
    ----------
    data : Tensor or array, whose memory is shared; anything else is copied as :class:`autograd.Tensor` does
    requires_grad : whether backward fills ``.grad``

    Raises
    ------
    RuntimeError : integer data with ``requires_grad=True``
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        source = as_tensor(data) if isinstance(data, (Tensor, np.ndarray)) else Tensor(data)
        self._data, self._node, self._grad = source._data, None, None
        if requires_grad:
            self.requires_grad_()

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
