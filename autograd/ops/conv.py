"""Convolution: one trilinear form with three faces, so the family is closed under differentiation.

With ``T(x, w, z) = sum over n, o, p, c, k of x[n, c, s·p + d·k − pad] · w[o, c, k] · z[n, o, p]``:

- ``conv2d(x, w)`` is its derivative in ``z`` (report eq. 3: a cross-correlation, called convolution as in the field),
- ``conv2d_weight(z, x)`` its derivative in ``w`` (eq. 30-31: the correlation of the input with the loss gradient),
- ``conv2d_input(z, w)`` its derivative in ``x`` (fig. 9: the full correlation with the filter rotated by 180°); with a
  chosen size it is the transposed convolution of fig. 11.

So the gradient rules of each are the other two, to any order, and no rule needs a kernel of its own. A volume becomes
images whose channels are the depths that a filter sees (``depth_windows``, with its adjoint); a line is an image of one
row.
Settings are canonical here: ``stride=(sh, sw)``, ``padding=((top, bottom), (left, right))``, ``dilation=(dh, dw)``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .. import geometry, kernels
from ..primitive import primitive


@primitive
def conv2d(x, w, *, stride, padding, dilation, groups):
    """Correlate ``x (N, C, H, W)`` with ``w (O, C/groups, KH, KW)``: ``(N, O, OH, OW)``, sizes by eq. 6-7."""
    return kernels.conv.conv2d(x, w, stride=stride, padding=padding, dilation=dilation, groups=groups)


@primitive
def conv2d_input(z, w, *, size, stride, padding, dilation, groups):
    """The adjoint of ``conv2d`` in its input: ``z (N, O, OH, OW)`` to ``(N, C, *size)``."""
    return kernels.conv.conv2d_input(z, w, size=size, stride=stride, padding=padding, dilation=dilation, groups=groups)


@primitive
def conv2d_weight(z, x, *, kernel_size, stride, padding, dilation, groups):
    """The adjoint of ``conv2d`` in its weight: ``z (N, O, OH, OW)`` and ``x`` to ``(O, C/groups, *kernel_size)``."""
    return kernels.conv.conv2d_weight(
        z, x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation, groups=groups
    )


conv2d.vjp(
    x=lambda g, x_shape, w, **s: conv2d_input(g, w, size=x_shape[2:], **s),
    w=lambda g, x, w_shape, **s: conv2d_weight(g, x, kernel_size=w_shape[2:], **s),
)
conv2d_input.vjp(
    z=lambda g, w, size, **s: conv2d(g, w, **s),
    w=lambda g, z, w_shape, size, **s: conv2d_weight(z, g, kernel_size=w_shape[2:], **s),
)
conv2d_weight.vjp(
    z=lambda g, x, kernel_size, **s: conv2d(x, g, **s),
    x=lambda g, z, x_shape, kernel_size, **s: conv2d_input(z, g, size=x_shape[2:], **s),
)


# --- the third dimension: im2col along the depth alone, whose columns are channels of images ------------------------


@primitive
def depth_windows(input, *, size, stride, padding, dilation):
    """``input (N, C, D, H, W)`` to ``(N, OD, C, size, H, W)``: the depths that each output depth sees, 0 outside."""
    n, c, depth, height, width = input.shape
    (outputs,) = geometry.conv_output_size((depth,), (size,), (stride,), (padding,), (dilation,))
    out = np.zeros((n, outputs, c, size, height, width), input.dtype)
    for k, there, here in _depths(depth, outputs, size, stride, padding, dilation):
        out[:, there, :, k] = input[:, :, here].swapaxes(1, 2)
    return out


@primitive
def depth_windows_sum(input, *, depth, size, stride, padding, dilation):
    """The adjoint of ``depth_windows``: each slice back at the depth it was taken from, where they add up."""
    n, outputs, c, _, height, width = input.shape
    out = np.zeros((n, c, depth, height, width), input.dtype)
    for k, there, here in _depths(depth, outputs, size, stride, padding, dilation):
        out[:, :, here] += input[:, there, :, k].swapaxes(1, 2)
    return out


def _depths(
    depth: int, outputs: int, size: int, stride: int, padding: geometry.Pair, dilation: int
) -> Iterator[tuple[int, slice, slice]]:
    """For each tap k: the outputs whose window has it inside the input, and the depths where they meet it."""
    for k in range(size):
        offset = k * dilation - padding[0]
        first = max(0, -(offset // stride))  # ⌈−offset/stride⌉
        stop = min(outputs, (depth - 1 - offset) // stride + 1)
        if first < stop:
            begin = first * stride + offset
            yield k, slice(first, stop), slice(begin, begin + (stop - first - 1) * stride + 1, stride)


depth_windows.vjp(input=lambda g, input_shape, **s: depth_windows_sum(g, depth=input_shape[2], **s))
depth_windows_sum.vjp(input=lambda g, depth, **s: depth_windows(g, **s))
