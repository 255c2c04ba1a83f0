"""Pooling and its ways back (report sections 1.2.2 and 2.0.1, figures 2, 3, 10).

Max pooling is an argmax followed by a gather; its adjoint scatters. Average pooling is linear, with an adjoint of its
own. Positions are flat indices into one (n, c) plane of the *unpadded* input.
"""

from __future__ import annotations

import numpy as np

from .. import kernels
from ..primitive import primitive
from ..tensor import Tensor


@primitive(residuals=("indices",), kinks="ties: the whole gradient goes to the first maximum of the window")
def max_pool2d(x, *, kernel_size, stride, padding, dilation, output_size):
    """The largest value of each window; padding counts as −inf, NaN wins. Residual: its position in the plane."""
    return kernels.pool.max_pool2d(
        x, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation, output_size=output_size
    )


@primitive
def plane_gather(x, *, indices):
    """``y[n, c, i] = x[n, c].flat[indices[n, c, i]]``."""
    _check_indices("plane_gather", indices, x.shape, x.shape[2:])
    return kernels.pool.plane_gather(x, indices)


@primitive
def plane_scatter_add(x, *, indices, size):
    """The adjoint of :func:`plane_gather`: zeros of ``size``, values added at their positions."""
    _check_indices("plane_scatter_add", indices, x.shape, size)
    return kernels.pool.plane_scatter_add(x, indices, size)


@primitive
def max_unpool2d(x, *, indices, size):
    """Put each value back at its saved position in a plane of zeros (fig. 10; SegNet's decoder).

    Where windows overlapped and a position repeats, the last value in row-major order wins; only the winner gets a
    gradient.
    """
    _check_indices("max_unpool2d", indices, x.shape, size)
    if indices.shape != x.shape:
        raise ValueError(f"max_unpool2d: indices.shape={indices.shape} differs from x.shape={x.shape}")
    return kernels.pool.plane_scatter(x, indices, size)


def _max_pool2d_rule(g, indices, x_shape):
    if not isinstance(g, Tensor):  # our own positions need no check
        return kernels.pool.plane_scatter_add(g, indices, x_shape[2:])
    return plane_scatter_add(g, indices=indices, size=x_shape[2:])


max_pool2d.vjp(x=_max_pool2d_rule)
plane_gather.vjp(x=lambda g, x_shape, *, indices: plane_scatter_add(g, indices=indices, size=x_shape[2:]))
plane_scatter_add.vjp(x=lambda g, *, indices: plane_gather(g, indices=indices))


def _max_unpool2d_rule(g, *, indices, size):
    if not isinstance(g, Tensor):  # the positions were checked on the way forward
        return kernels.pool.plane_gather_winners(g, indices)
    ones = np.ones((*indices.shape[:2], *size), g.dtype)
    return plane_gather(g, indices=indices) * kernels.pool.plane_gather_winners(ones, indices)


max_unpool2d.vjp(x=_max_unpool2d_rule)


def _check_indices(op: str, indices: np.ndarray, shape: tuple, size: tuple[int, int]) -> None:
    """Kernels trust positions, so a wrong one must not get there."""
    if indices.dtype.kind not in "iu":
        raise TypeError(f"{op}: indices are integers, not {indices.dtype}")
    if indices.shape[:2] != tuple(shape[:2]):
        raise ValueError(f"{op}: indices.shape={indices.shape} does not fit x.shape={tuple(shape)}")
    pixels = size[0] * size[1]
    if indices.size and not (0 <= int(indices.min()) and int(indices.max()) < pixels):
        raise IndexError(
            f"{op}: positions run from {indices.min()} to {indices.max()}, but a plane of {size[0]}×{size[1]} has "
            f"{pixels}; give the size of the plane that was pooled (output_size)"
        )


@primitive
def avg_pool2d(x, *, kernel_size, stride, padding, output_size, count_include_pad, divisor_override):
    """The mean of each window (fig. 3)."""
    return kernels.avg_pool.avg_pool2d(
        x,
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        output_size=output_size,
        count_include_pad=count_include_pad,
        divisor_override=divisor_override,
    )


@primitive
def avg_pool2d_input(z, *, size, kernel_size, stride, padding, output_size, count_include_pad, divisor_override):
    """The adjoint of :func:`avg_pool2d`: each value shared out evenly over its window (average unpooling, fig. 10)."""
    if z.shape[2:] != tuple(output_size):
        raise ValueError(f"avg_pool2d_input: z has {z.shape[2:]} values a plane, but {size} pools to {output_size}")
    return kernels.avg_pool.avg_pool2d_input(
        z,
        size=size,
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        count_include_pad=count_include_pad,
        divisor_override=divisor_override,
    )


avg_pool2d.vjp(x=lambda g, x_shape, **s: avg_pool2d_input(g, size=x_shape[2:], **s))
avg_pool2d_input.vjp(z=lambda g, size, **s: avg_pool2d(g, **s))


@primitive
def bed_of_nails(x, *, stride, size):
    """Each value at the top left of its cell, zeros elsewhere (fig. 10): the adjoint of strided slicing."""
    y = np.zeros((*x.shape[:2], *size), x.dtype)
    y[:, :, : x.shape[2] * stride[0] : stride[0], : x.shape[3] * stride[1] : stride[1]] = x
    return y


@primitive
def pick_nails(x, *, stride, size):
    """The values :func:`bed_of_nails` placed: ``size`` of them, ``stride`` apart."""
    return x[:, :, : size[0] * stride[0] : stride[0], : size[1] * stride[1] : stride[1]]


bed_of_nails.vjp(x=lambda g, x_shape, *, stride: pick_nails(g, stride=stride, size=x_shape[2:]))
pick_nails.vjp(x=lambda g, x_shape, *, stride: bed_of_nails(g, stride=stride, size=x_shape[2:]))
