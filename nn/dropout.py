"""Dropout layers: they act in training only."""

from __future__ import annotations

from autograd.random import Generator
from autograd.tensor import Tensor

from . import functional as F
from .functional.dropout import check_probability
from .module import Module


class Dropout(Module):
    """Elements become 0 with probability ``p``, the others grow by 1/(1 − p); see :func:`nn.functional.dropout`."""

    _function = staticmethod(F.dropout)

    def __init__(self, p: float = 0.5, inplace: bool = False, *, generator: Generator | None = None) -> None:
        """``inplace`` is accepted for PyTorch's sake; the result is always a new tensor."""
        super().__init__()
        check_probability(type(self).__name__, p)
        self.p, self.inplace, self.generator = p, inplace, generator

    def forward(self, x: Tensor) -> Tensor:
        return self._function(x, self.p, self.training, generator=self.generator)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout2d(Dropout):
    """Whole channels become 0 with probability ``p``; see :func:`nn.functional.dropout2d`."""

    _function = staticmethod(F.dropout2d)
