"""Parameter: a Tensor that a module learns."""

from __future__ import annotations

from typing import Any

from autograd.tensor import Tensor


class Parameter(Tensor):
    """A leaf tensor that a :class:`~nn.Module` registers when it is assigned as an attribute.

    Parameters
    ----------
    data : Tensor, whose memory is shared; anything else is copied as :class:`autograd.Tensor` does
    requires_grad : whether backward fills ``.grad``

    Raises
    ------
    RuntimeError : integer data with ``requires_grad=True``
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        source = data if isinstance(data, Tensor) else Tensor(data)
        self._data, self._node, self._grad, self._family = source._data, None, None, None
        if requires_grad:
            self.requires_grad_()

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
