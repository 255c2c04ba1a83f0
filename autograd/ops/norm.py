"""Normalisation: batch (Ioffe & Szegedy 2015), group (Wu & He 2018), layer (Ba, Kiros & Hinton 2016).

All are ``(x − mean) / √(var + eps) · weight + bias`` and differ in which numbers share a mean and a variance. The fused
gradient takes the statistics of the forward pass; recorded, they are functions of x again, written out once for all.
"""

from __future__ import annotations

import math
from typing import Any

from .. import kernels
from ..primitive import primitive
from ..tensor import Tensor
from .compare import keep
from .elementwise import rsqrt
from .reduce import mean as _mean
from .reduce import sum as _sum

_RELU_KINKS = "with relu, where the result is 0: gradient 0"


@primitive(residuals=("mean", "var"), kinks=_RELU_KINKS)
def batch_norm(x, weight=None, bias=None, *, eps, relu):
    """Each channel normalised by its mean and biased variance over the batch.

    x : (N, C, ...); weight, bias : (C,) or ``None``; relu : ``max(y, 0)`` in the same pass over memory.
    Residuals: mean and var, (C,), for running statistics.
    """
    return kernels.norm.batch_norm(x, weight, bias, eps, relu)


def _batch_norm_rule(g, x, weight, bias, mean, var, *, eps, relu):
    if not isinstance(g, Tensor):
        gx, gweight, gbias = kernels.norm.batch_norm_backward(g, x, mean, var, weight, bias, eps, relu)
        return gx, gweight if weight is not None else None, gbias
    if relu:
        g = _passed(g, batch_norm(x, weight, bias, eps=eps, relu=False))
    n, c = x.shape[:2]
    return _recorded_rule(g, x, weight, eps, (n, c, _length(x)), (1, c, 1), shared=(0, 2))


@primitive(kinks=_RELU_KINKS)
def batch_norm_with(x, weight=None, bias=None, *, mean, var, eps, relu):
    """:func:`batch_norm` with given statistics (C,), constants: evaluation."""
    return kernels.norm.batch_norm_with(x, mean, var, weight, bias, eps, relu)


def _batch_norm_with_rule(g, x, weight, bias, *, mean, var, eps, relu):
    if not isinstance(g, Tensor):
        gx, gweight, gbias = kernels.norm.batch_norm_backward(g, x, mean, var, weight, bias, eps, relu, own=False)
        return gx, gweight if weight is not None else None, gbias
    if relu:
        g = _passed(g, batch_norm_with(x, weight, bias, mean=mean, var=var, eps=eps, relu=False))
    whole, channels = (x.shape[0], x.shape[1], _length(x)), (1, x.shape[1], 1)
    rstd = ((var + eps) ** -0.5).astype(x.dtype).reshape(channels)
    return _gradients(g, (x.reshape(whole) - mean.reshape(channels)) * rstd, rstd, weight, channels, x.shape)


@primitive(residuals=("mean", "var"))
def group_norm(x, weight=None, bias=None, *, num_groups, eps):
    """Each group of C/num_groups neighbouring channels of each image normalised by its own mean and variance.

    x : (N, C, ...); weight, bias : (C,) or ``None``. Residuals: mean and var, (N, num_groups).
    """
    return kernels.norm.group_norm(x, num_groups, weight, bias, eps)


def _group_norm_rule(g, x, weight, mean, var, *, num_groups, eps):
    if not isinstance(g, Tensor):
        gx, gweight, gbias = kernels.norm.group_norm_backward(g, x, mean, var, weight, eps)
        return gx, gweight if weight is not None else None, gbias
    n, together = x.shape[0], x.shape[1] // num_groups
    whole = (n, num_groups, together, _length(x))
    return _recorded_rule(g, x, weight, eps, whole, (1, num_groups, together, 1), shared=(2, 3))


@primitive(residuals=("mean", "var"))
def layer_norm(x, weight=None, bias=None, *, eps):
    """Each row of x (R, D) normalised by its own mean and variance; weight, bias : (D,) or ``None``."""
    return kernels.layer_norm.layer_norm(x, weight, bias, eps)


def _layer_norm_rule(g, x, weight, mean, var, *, eps):
    if not isinstance(g, Tensor):
        gx, gweight, gbias = kernels.layer_norm.layer_norm_backward(g, x, mean, var, weight, eps)
        return gx, gweight if weight is not None else None, gbias
    return _recorded_rule(g, x, weight, eps, x.shape, (1, x.shape[1]), shared=(1,))


batch_norm.vjp_joint(_batch_norm_rule)
batch_norm_with.vjp_joint(_batch_norm_with_rule)
group_norm.vjp_joint(_group_norm_rule)
layer_norm.vjp_joint(_layer_norm_rule)


def _length(x: Any) -> int:
    return math.prod(x.shape[2:])


def _passed(g: Any, y: Any) -> Any:
    return keep(g, ~(y <= 0))  # a NaN passes its gradient on, as in relu


def _recorded_rule(g: Any, x: Any, weight: Any, eps: float, whole: tuple, channels: tuple, shared: tuple) -> tuple:
    """``gx = (gw − mean(gw) − x̂ · mean(gw·x̂)) / σ`` with gw = g·weight.

    whole : the shape to see x in; channels : that of a weight in it; shared : dimensions of one mean and variance.
    """
    centred = x.reshape(whole)
    centred = centred - _mean(centred, dim=shared, keepdim=True)
    rstd = rsqrt(_mean(centred * centred, dim=shared, keepdim=True) + eps)
    return _gradients(g, centred * rstd, rstd, weight, channels, x.shape, shared)


def _gradients(
    g: Any, normal: Any, rstd: Any, weight: Any, channels: tuple, shape: tuple, shared: tuple | None = None
) -> tuple:
    """Of x, weight and bias, from x̂ (``normal``); ``shared`` only where mean and variance are those of x."""
    g = g.reshape(normal.shape)
    over = tuple(i for i, n in enumerate(channels) if n == 1)  # what a weight does not tell apart
    gweight = None if weight is None else _sum(g * normal, dim=over).reshape((-1,))
    gbias = _sum(g, dim=over).reshape((-1,))
    gw = g if weight is None else g * weight.reshape(channels)
    if shared is not None:
        gw = gw - _mean(gw, dim=shared, keepdim=True) - normal * _mean(gw * normal, dim=shared, keepdim=True)
    return (gw * rstd).reshape(shape), gweight, gbias
