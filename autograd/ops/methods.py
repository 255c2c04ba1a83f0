"""The operators and methods of Tensor, attached to the class here so that the Tensor itself knows no op."""

from __future__ import annotations

from ..tensor import Tensor
from . import elementwise


def _reflected(op):
    return lambda self, other: op(other, self)

def _binary(op):
    def method(self, other): return op(self, other)
    return method

Tensor.__add__ = _binary(elementwise.add)
Tensor.__radd__ = _reflected(elementwise.add)
Tensor.__mul__ = _binary(elementwise.mul)
Tensor.__rmul__ = _reflected(elementwise.mul)
Tensor.__neg__ = lambda self: elementwise.neg(self)
