"""Convolution: one trilinear form with three faces, so the family is closed under differentiation.

With ``T(x, w, z) = sum over n, o, p, c, k of x[n, c, s·p + d·k − pad] · w[o, c, k] · z[n, o, p]``:

- ``conv2d(x, w)`` is its derivative in ``z`` (report eq. 3: a cross-correlation, called convolution as in the field),
- ``conv2d_weight(z, x)`` its derivative in ``w`` (eq. 30-31: the correlation of the input with the loss gradient),
- ``conv2d_input(z, w)`` its derivative in ``x`` (fig. 9: the full correlation with the filter rotated by 180°); with a
  chosen size it is the transposed convolution of fig. 11.

So the gradient rules of each are the other two, to any order, and no rule needs a kernel of its own.
Settings are canonical here: ``stride=(sh, sw)``, ``padding=((top, bottom), (left, right))``, ``dilation=(dh, dw)``.
"""

from __future__ import annotations

from .. import geometry, kernels
from ..primitive import primitive


@primitive
def conv2d(x, w, *, stride, padding, dilation, groups):
    """Correlate ``x (N, C, H, W)`` with ``w (O, C/groups, KH, KW)``: ``(N, O, OH, OW)``, sizes by eq. 6-7."""
    geometry.check_conv2d("conv2d", x.shape, w.shape, stride, padding, dilation, groups)
    return kernels.conv.conv2d(x, w, stride=stride, padding=padding, dilation=dilation, groups=groups)


@primitive
def conv2d_input(z, w, *, size, stride, padding, dilation, groups):
    """The adjoint of ``conv2d`` in its input: ``z (N, O, OH, OW)`` to ``(N, C, *size)``."""
    x_shape = (z.shape[0], w.shape[1] * groups, *size)
    geometry.check_conv2d_adjoint("conv2d_input", z.shape, x_shape, w.shape, stride, padding, dilation, groups)
    return kernels.conv.conv2d_input(z, w, size=size, stride=stride, padding=padding, dilation=dilation, groups=groups)


@primitive
def conv2d_weight(z, x, *, kernel_size, stride, padding, dilation, groups):
    """The adjoint of ``conv2d`` in its weight: ``z (N, O, OH, OW)`` and ``x`` to ``(O, C/groups, *kernel_size)``."""
    w_shape = (z.shape[1], x.shape[1] // groups, *kernel_size)
    geometry.check_conv2d_adjoint("conv2d_weight", z.shape, x.shape, w_shape, stride, padding, dilation, groups)
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
