"""Resizing (report section 2.0.1): nearest neighbour and bilinear. Linear maps, each with its adjoint."""

from __future__ import annotations

from .. import kernels
from ..primitive import primitive


@primitive
def resize2d(x, *, size, mode, align_corners, scales):
    """``x (N, C, H, W)`` to ``(N, C, *size)``.

    mode : "nearest" reads pixel ⌊i·in/out⌋, "nearest-exact" ⌊(i+½)·in/out⌋, "bilinear" interpolates at
        (i+½)·in/out − ½ clamped at 0, or at i·(in−1)/(out−1) with ``align_corners``.
    scales : scale factors given by the user, used verbatim in those coordinates instead of out/in, or ``None``.
    """
    return kernels.resize.resize2d(x, size=size, mode=mode, align_corners=align_corners, scales=scales)


@primitive
def resize2d_adjoint(z, *, size, output_size, mode, align_corners, scales):
    """The adjoint of :func:`resize2d` for inputs of ``size``: every output pixel gives back what it took."""
    return kernels.resize.resize2d_adjoint(z, size=size, mode=mode, align_corners=align_corners, scales=scales)


resize2d.vjp(x=lambda g, x_shape, *, size, **s: resize2d_adjoint(g, size=x_shape[2:], output_size=size, **s))
resize2d_adjoint.vjp(z=lambda g, *, output_size, size, **s: resize2d(g, size=output_size, **s))
