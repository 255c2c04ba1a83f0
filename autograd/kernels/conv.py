"""Convolution and its two adjoints, on arrays.

All three are faces of one sum over n, o, c, output pixels p and taps k,

    T(x, w, g) = sum of x[n, c, s·p + d·k − padding] · w[o, c, k] · g[n, o, p]:

``conv2d`` is its derivative in g (report eq. 3), ``conv2d_weight`` in w (eq. 30), ``conv2d_input`` in x (eq. 31, and
with a chosen size the transposed convolution of fig. 11).

Here the arguments are put in order; the work is done by register tiles, :mod:`.correlate` and :mod:`.weight_gradient`
(:mod:`.depthwise` and :mod:`.depthwise_weight` where a group has one channel, :mod:`.packed` for 1 × 1 filters and for
2 × 2 with a stride of 2), in every type and geometry. Where it pays, 3 × 3 filters go to :mod:`.winograd`, and 1 × 1
filters of many channels and those of most weights to BLAS, by :mod:`.one_by_one` and :mod:`.unfolded`. The readable
twin of all is :mod:`.im2col`.
``stride=(sh, sw)``, ``padding=((top, bottom), (left, right))``, ``dilation=(dh, dw)``. Shapes were checked by
:mod:`autograd.geometry`. Inputs of any memory layout are accepted and never written to; the result is C-contiguous.
Padding is zeros that are multiplied like any other number.
"""

from __future__ import annotations

import numpy as np

from ..geometry import Padding, Pair, conv_output_size
from . import one_by_one, packed, unfolded, winograd, winograd_weight
from .arrays import canonical
from .correlate import correlate
from .depthwise import correlate_maps, maps
from .depthwise_weight import depthwise_weight_gradient
from .grid import adjoint_axis, forward_axis
from .plan import plan
from .tile import DOT_ROWS
from .weight_gradient import weight_gradient


def conv2d(x: np.ndarray, w: np.ndarray, *, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> np.ndarray:
    """Correlate x (N, C, H, W) with w (O, C/groups, KH, KW): (N, O, OH, OW)."""
    x, w = _in_order("conv2d", x, w)
    rows, columns = conv_output_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    out = np.empty((x.shape[0], w.shape[0], rows, columns), x.dtype)
    if _trivial(out, x, w):
        return out
    minimal = _plain(w.shape[2:], stride, dilation, groups) and winograd.pays(x.shape, out.shape, padding, x.dtype)
    if minimal and winograd.correlate(x, w, out, padding, adjoint=False):
        return out
    if one_by_one.pays(w.shape, out.shape[2:], padding, groups, w.itemsize):
        return one_by_one.correlate(x, w, stride, out)
    if packed.pays(w.shape, x.shape[2:], stride, padding, dilation, groups):
        return packed.multiply(w.reshape(len(w), -1), x, out, stride=stride)
    if unfolded.pays(w.shape, out.shape[2:], groups, w.itemsize, adjoint=False):
        return unfolded.correlate(x, w, out, stride=stride, padding=padding, dilation=dilation)
    (top, _), (left, _) = padding
    vertical = forward_axis(rows, w.shape[2], stride[0], top, dilation[0])
    horizontal = forward_axis(columns, w.shape[3], stride[1], left, dilation[1])
    depthwise = x.shape[1] == groups > 1
    if depthwise and (cut := maps(x.shape[2:], out.shape[2:], vertical, horizontal, w.shape[2:], x.itemsize)):
        return correlate_maps(x, w, cut, out)
    filter_size = w.shape[2] * w.shape[3]
    how = plan(x.shape, w.shape[0] // groups, groups, vertical, horizontal, w.shape[2:], filter_size, x.itemsize)
    return correlate(x, w, how, out, groups=groups, pitch=w.shape[1] * filter_size)


def conv2d_input(
    g: np.ndarray, w: np.ndarray, *, size: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: int
) -> np.ndarray:
    """The adjoint in x: g (N, O, OH, OW) and w (O, C/groups, KH, KW) to (N, C, *size)."""
    g, w = _in_order("conv2d_input", g, w)
    out = np.empty((g.shape[0], w.shape[1] * groups, *size), g.dtype)
    if _trivial(out, g, w):
        return out
    (top, bottom), (left, right) = padding
    turned = ((2 - top, 2 - bottom), (2 - left, 2 - right))
    minimal = _plain(w.shape[2:], stride, dilation, groups) and winograd.pays(g.shape, out.shape, turned, g.dtype)
    if minimal and winograd.correlate(g, w, out, turned, adjoint=True):
        return out
    if one_by_one.pays(w.shape, g.shape[2:], padding, groups, w.itemsize):
        return one_by_one.adjoint(g, w, stride, out)
    if packed.pays(w.shape, size, stride, padding, dilation, groups):
        return packed.multiply(w.reshape(len(w), -1).T, g, out, spread=stride)
    if unfolded.pays(w.shape, g.shape[2:], groups, w.itemsize, adjoint=True):
        return unfolded.adjoint(g, w, out, stride=stride, padding=padding, dilation=dilation)
    vertical = adjoint_axis(size[0], w.shape[2], stride[0], top, dilation[0])
    horizontal = adjoint_axis(size[1], w.shape[3], stride[1], left, dilation[1])
    depthwise = g.shape[1] == groups > 1
    if depthwise and (cut := maps(g.shape[2:], tuple(size), vertical, horizontal, w.shape[2:], g.itemsize)):
        return correlate_maps(g, w, cut, out)
    filter_size = w.shape[2] * w.shape[3]
    step = w.shape[1] * filter_size
    how = plan(g.shape, w.shape[1], groups, vertical, horizontal, w.shape[2:], step, g.itemsize)
    return correlate(g, w, how, out, groups=groups, pitch=filter_size)


def conv2d_weight(
    g: np.ndarray, x: np.ndarray, *, kernel_size: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: int
) -> np.ndarray:
    """The adjoint in w: g (N, O, OH, OW) and x (N, C, H, W) to (O, C/groups, *kernel_size)."""
    g, x = _in_order("conv2d_weight", g, x)
    if not (g.size and x.size):
        return np.zeros((g.shape[1], x.shape[1] // groups, *kernel_size), x.dtype)
    if x.shape[1] == groups and g.shape[1] <= 2 * groups:
        gw = depthwise_weight_gradient(g, x, kernel_size, stride, padding, dilation)
        if np.isfinite(gw).all():
            return gw
    if _plain(kernel_size, stride, dilation, groups) and winograd_weight.pays(g.shape, x.shape, padding, x.dtype):
        gw, finite = winograd_weight.weight_gradient(g, x, padding)
        if finite:
            return gw
    weights = (g.shape[1], x.shape[1] // groups, *kernel_size)
    product = one_by_one.pays(weights, g.shape[2:], padding, groups, x.itemsize)
    if product and one_by_one.pays_for_weights(weights, g.shape[2:]):
        return one_by_one.weight_gradient(g, x, stride)
    alike = weights[2:] == (1, 1) and g.shape[2:] == x.shape[2:] and groups == 1 and not any(map(any, padding))
    swap = alike and weights[0] < DOT_ROWS <= weights[1]  # then tiles are full: 16 channels to 2 take half the time
    if swap:
        g, x = x, g
    gw = weight_gradient(
        g, x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation, groups=groups
    )
    return np.ascontiguousarray(gw.swapaxes(0, 1)) if swap else gw


def _in_order(op: str, *arrays: np.ndarray) -> list[np.ndarray]:
    """In the one form kernels are compiled for, of one float type."""
    dtype = np.result_type(*arrays)
    if dtype not in (np.float32, np.float64):
        raise TypeError(f"{op}: needs float32 or float64 arrays, got {' and '.join(str(a.dtype) for a in arrays)}")
    return [canonical(array, dtype) for array in arrays]


def _plain(kernel_size: Pair, stride: Pair, dilation: Pair, groups: int) -> bool:
    """Whether :mod:`.winograd` knows this kind of convolution. (Where the result is not finite, it leaves it to us.)"""
    geometry = (tuple(kernel_size), tuple(stride), tuple(dilation))
    return groups == 1 and geometry == ((3, 3), (1, 1), (1, 1))


def _trivial(out: np.ndarray, *operands: np.ndarray) -> bool:
    """Whether there is nothing to add up; then ``out`` is zero."""
    if out.size and all(operand.size for operand in operands):
        return False
    out.fill(0)
    return True
