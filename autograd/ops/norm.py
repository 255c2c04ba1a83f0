"""Batch normalisation (Ioffe & Szegedy 2015, arXiv:1502.03167, algorithm 1)."""

from __future__ import annotations

from .. import kernels
from ..primitive import primitive
from ..tensor import Tensor
from .reduce import mean as _mean
from .reduce import sum as _sum


@primitive(residuals=("mean", "var"))
def batch_norm(x, weight=None, bias=None, *, eps):
    """``(x − mean) / √(var + eps) · weight + bias`` with the mean and the biased variance of each channel.

    x : (N, C, ...); weight, bias : (C,) or ``None``. Residuals: mean and var, (C,), for running statistics.
    """
    mean, var = kernels.norm.batch_norm_stats(x)
    rstd = (1.0 / (var + eps) ** 0.5).astype(x.dtype)
    return kernels.norm.batch_norm(x, mean, rstd, weight, bias), mean, var


def _batch_norm_rule(g, x, weight, mean, var, *, eps):
    """``gx = weight/σ · (g − Σg/m − x̂ · Σ(g·x̂)/m)``, the two sums being the gradients of bias and weight.

    The fused kernel takes the statistics of the forward pass; recorded, they are functions of x again.
    """
    if not isinstance(g, Tensor):
        rstd = (1.0 / (var + eps) ** 0.5).astype(x.dtype)
        gx, gweight, gbias = kernels.norm.batch_norm_backward(g, x, mean, rstd, weight)
        return gx, gweight if weight is not None else None, gbias
    dims = (0, *range(2, x.ndim))
    channels = (1, -1) + (1,) * (x.ndim - 2)
    count = x.shape[0] * _product(x.shape[2:])
    centred = x - _mean(x, dim=dims, keepdim=True)
    rstd = (_mean(centred * centred, dim=dims, keepdim=True) + eps) ** -0.5
    normal = centred * rstd
    gbias = _sum(g, dim=dims, keepdim=True)
    gweight = _sum(g * normal, dim=dims, keepdim=True)
    gx = rstd * (g - gbias / count - normal * (gweight / count))
    if weight is not None:
        gx = gx * weight.reshape(channels)
    return gx, gweight.reshape((-1,)) if weight is not None else None, gbias.reshape((-1,))


def _product(sizes: tuple[int, ...]) -> int:
    result = 1
    for n in sizes:
        result *= n
    return result


batch_norm.vjp_joint(_batch_norm_rule)
