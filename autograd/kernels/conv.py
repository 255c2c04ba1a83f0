"""Convolution and its two adjoints, on arrays.

All three are faces of one sum over n, o, c, output pixels p and taps k,

    T(x, w, g) = sum of x[n, c, s·p + d·k − padding] · w[o, c, k] · g[n, o, p]:

``conv2d`` is its derivative in g (report eq. 3), ``conv2d_weight`` in w (eq. 30), ``conv2d_input`` in x (eq. 31, and
with a chosen size the transposed convolution of fig. 11).

Here shapes are checked and a *way* is chosen, once for all arrays of the same shapes; the work is done by register
tiles, :mod:`.correlate` and :mod:`.weight_gradient` (:mod:`.depthwise`, :mod:`.depthwise_strips` and
:mod:`.depthwise_weight` where a group has one channel, :mod:`.packed` for 1 × 1 filters and for 2 × 2 with a stride of
2), in every type and geometry. Where it pays, 3 × 3 filters go to :mod:`.winograd`, or with a stride of 2 to
:mod:`.halving`. The readable twin of all is :mod:`.im2col`. None is a product of BLAS: with 1 × 1 filters and with many
weights, steps by tiles took 0.7 to 1.0 of the time of steps by OpenBLAS with AVX-512, 0.8 to 1.05 with AVX2, and there
in float64 1.0 to 1.1.

``stride=(sh, sw)``, ``padding=((top, bottom), (left, right))``, ``dilation=(dh, dw)``. Inputs of any memory layout are
accepted and never written to; the result is C-contiguous. Padding is zeros that are multiplied like any other number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from types import ModuleType
from typing import Any

import numpy as np

from ..geometry import Padding, Pair, check_conv, check_conv_adjoint
from . import halving, halving_weight, packed, winograd, winograd_weight
from .arrays import canonical
from .blocks import FLOATS
from .correlate import correlate
from .depthwise import correlate_maps, maps
from .depthwise_strips import correlate_strips, cut_strips
from .depthwise_weight import cut_sums, depthwise_weight_gradient
from .grid import adjoint_axis, forward_axis
from .plan import plan
from .tile import DOT_ROWS
from .weight_gradient import weight_gradient

Shape = tuple[int, int, int, int]
# Computes the result from two arrays in the form of kernels; ``None`` where only finite results are right, and this is
# none. Ways that are chosen with ``finite=False`` give every result.
Way = Callable[[np.ndarray, np.ndarray], np.ndarray | None]


def conv2d(x: np.ndarray, w: np.ndarray, *, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> np.ndarray:
    """Correlate x (N, C, H, W) with w (O, C/groups, KH, KW): (N, O, OH, OW)."""
    return _computed("conv2d", _forward, x, w, stride, padding, dilation, groups)


def conv2d_input(
    g: np.ndarray, w: np.ndarray, *, size: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: int
) -> np.ndarray:
    """The adjoint in x: g (N, O, OH, OW) and w (O, C/groups, KH, KW) to (N, C, *size)."""
    return _computed("conv2d_input", _adjoint, g, w, size, stride, padding, dilation, groups)


def conv2d_weight(
    g: np.ndarray, x: np.ndarray, *, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: int
) -> np.ndarray:
    """The adjoint in w: g (N, O, OH, OW) and x (N, C, H, W) to (O, C/groups, *kernel_size)."""
    return _computed("conv2d_weight", _weights, g, x, kernel_size, stride, padding, dilation, groups)


def _computed(op: str, choose: Callable[..., Way], a: np.ndarray, b: np.ndarray, *settings: Any) -> np.ndarray:
    dtype = a.dtype
    if dtype is not b.dtype or dtype not in FLOATS:
        dtype = np.result_type(a, b)
        if dtype not in FLOATS:
            raise TypeError(f"{op}: needs float32 or float64 arrays, got {a.dtype} and {b.dtype}")
    way = choose(a.shape, b.shape, *settings, dtype)
    a, b = canonical(a, dtype), canonical(b, dtype)
    result = way(a, b)
    if result is None:
        result = choose(a.shape, b.shape, *settings, dtype, finite=False)(a, b)
    assert result is not None
    return result


@lru_cache(maxsize=256)
def _forward(
    x: Shape, w: Shape, stride: Pair, padding: Padding, dilation: Pair, groups: int, dtype: Any, *, finite: bool = True
) -> Way:
    *_, rows, columns = check_conv("conv2d", x, w, stride, padding, dilation, groups)
    out = (x[0], w[0], rows, columns)
    new = partial(np.empty, out, dtype)
    if 0 in out or 0 in x or 0 in w:
        return lambda x, w: np.zeros(out, dtype)
    if finite and _plain(w[2:], stride, 1, dilation, groups) and winograd.pays(x, out, padding, dtype):
        return lambda x, w: _filtered(winograd, x, w, new(), padding, adjoint=False)
    if finite and _plain(w[2:], stride, 2, dilation, groups) and halving.pays(x, out, padding, dtype, adjoint=False):
        return lambda x, w: _filtered(halving, x, w, new(), padding, adjoint=False)
    if packed.pays(w, x[2:], stride, padding, dilation, groups):
        return lambda x, w: packed.multiply(w.reshape(len(w), -1), x, new(), stride=stride)
    (top, _), (left, _) = padding
    vertical = forward_axis(rows, w[2], stride[0], top, dilation[0])
    horizontal = forward_axis(columns, w[3], stride[1], left, dilation[1])
    depthwise = x[1] == groups > 1
    if depthwise and (cut := maps(x, out[2:], vertical, horizontal, w[2:], dtype.itemsize)):
        return lambda x, w: correlate_maps(x, w, cut, new())
    if depthwise and (strips := cut_strips(x[2:], out[2:], vertical, horizontal, w[2:], dtype.itemsize)):
        return lambda x, w: correlate_strips(x, w, strips, new())
    filter_size = w[2] * w[3]
    how = plan(x, w[0] // groups, groups, vertical, horizontal, w[2:], filter_size, dtype.itemsize)
    pitch = w[1] * filter_size
    return lambda x, w: correlate(x, w, how, new(), groups=groups, pitch=pitch)


@lru_cache(maxsize=256)
def _adjoint(
    g: Shape,
    w: Shape,
    size: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: int,
    dtype: Any,
    *,
    finite: bool = True,
) -> Way:
    out = (g[0], w[1] * groups, *size)
    check_conv_adjoint("conv2d_input", g, out, w, stride, padding, dilation, groups)
    new = partial(np.empty, out, dtype)
    if 0 in out or 0 in g or 0 in w:
        return lambda g, w: np.zeros(out, dtype)
    (top, bottom), (left, right) = padding
    turned = ((2 - top, 2 - bottom), (2 - left, 2 - right))
    if finite and _plain(w[2:], stride, 1, dilation, groups) and winograd.pays(g, out, turned, dtype):
        return lambda g, w: _filtered(winograd, g, w, new(), turned, adjoint=True)
    if finite and _plain(w[2:], stride, 2, dilation, groups) and halving.pays(g, out, padding, dtype, adjoint=True):
        return lambda g, w: _filtered(halving, g, w, new(), padding, adjoint=True)
    if packed.pays(w, size, stride, padding, dilation, groups):
        return lambda g, w: packed.multiply(w.reshape(len(w), -1).T, g, new(), spread=stride)
    vertical = adjoint_axis(size[0], w[2], stride[0], top, dilation[0])
    horizontal = adjoint_axis(size[1], w[3], stride[1], left, dilation[1])
    depthwise = g[1] == groups > 1
    if depthwise and (cut := maps(g, size, vertical, horizontal, w[2:], dtype.itemsize)):
        return lambda g, w: correlate_maps(g, w, cut, new())
    if depthwise and (strips := cut_strips(g[2:], size, vertical, horizontal, w[2:], dtype.itemsize)):
        return lambda g, w: correlate_strips(g, w, strips, new())
    filter_size = w[2] * w[3]
    step = w[1] * filter_size
    how = plan(g, w[1], groups, vertical, horizontal, w[2:], step, dtype.itemsize)
    return lambda g, w: correlate(g, w, how, new(), groups=groups, pitch=filter_size)


@lru_cache(maxsize=256)
def _weights(
    g: Shape,
    x: Shape,
    kernel_size: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: int,
    dtype: Any,
    *,
    finite: bool = True,
) -> Way:
    out = (g[1], x[1] // groups, *kernel_size)
    check_conv_adjoint("conv2d_weight", g, x, out, stride, padding, dilation, groups)
    if 0 in g or 0 in x:
        return lambda g, x: np.zeros(out, dtype)
    depthwise = x[1] == groups and g[1] <= 2 * groups
    if depthwise and (cut := cut_sums(g, x, kernel_size, stride, padding, dilation, dtype.itemsize)):
        return lambda g, x: depthwise_weight_gradient(g, x, kernel_size, cut)
    if finite and _plain(kernel_size, stride, 1, dilation, groups) and winograd_weight.pays(g, x, padding, dtype):
        return lambda g, x: _if_finite(*winograd_weight.weight_gradient(g, x, padding))
    halves = finite and _plain(kernel_size, stride, 2, dilation, groups)
    if halves and (parts := halving_weight.cut(g, x, padding, dtype)):
        return lambda g, x: _if_finite(*halving_weight.weight_gradient(g, x, padding, parts))
    direct = partial(
        weight_gradient, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation, groups=groups
    )
    alike = out[2:] == (1, 1) and g[2:] == x[2:] and groups == 1 and not any(map(any, padding))
    if alike and out[0] < DOT_ROWS <= out[1]:  # swapped, tiles are full: 16 channels to 2 take half the time
        return lambda g, x: np.ascontiguousarray(direct(x, g).swapaxes(0, 1))
    return direct


def _plain(kernel_size: Pair, stride: Pair, step: int, dilation: Pair, groups: int) -> bool:
    """Whether there is minimal filtering for this kind of convolution, with a stride of ``step``."""
    return groups == 1 and (kernel_size, stride, dilation) == ((3, 3), (step, step), (1, 1))


def _filtered(
    way: ModuleType, x: np.ndarray, w: np.ndarray, out: np.ndarray, padding: Padding, *, adjoint: bool
) -> np.ndarray | None:
    return _if_finite(out, way.correlate(x, w, out, padding, adjoint=adjoint))


def _if_finite(result: np.ndarray, finite: bool) -> np.ndarray | None:
    return result if finite else None
