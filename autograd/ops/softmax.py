"""Softmax and its logarithm (report eq. 14-15), shifted by the largest logit so that nothing overflows."""

from __future__ import annotations

from .. import kernels
from ..primitive import primitive
from ..tensor import Tensor
from .elementwise import exp
from .reduce import sum as _sum


@primitive
def softmax(input, *, dim):
    """``e^{x_i} / Σ_k e^{x_k}`` along ``dim``."""
    return kernels.softmax.softmax(input, dim)


@primitive
def log_softmax(input, *, dim):
    """``x_i − log Σ_k e^{x_k}`` along ``dim``, exact where the softmax itself underflows."""
    return kernels.softmax.log_softmax(input, dim)


def _softmax_rule(g, y, *, dim):
    if not isinstance(g, Tensor):
        return kernels.softmax.softmax_backward(g, y, dim)
    return y * (g - _sum(g * y, dim=dim, keepdim=True))


def _log_softmax_rule(g, y, *, dim):
    if not isinstance(g, Tensor):
        return kernels.softmax.log_softmax_backward(g, y, dim)
    return g - exp(y) * _sum(g, dim=dim, keepdim=True)


softmax.vjp(input=_softmax_rule)
log_softmax.vjp(input=_log_softmax_rule)
