"""Resizing images (report section 2.0.1)."""

from __future__ import annotations

import math
from typing import Any

from autograd import geometry
from autograd.ops.resize import resize2d
from autograd.tensor import Tensor

from .shapes import per_image, plane

_MODES = ("nearest", "nearest-exact", "bilinear")


@per_image
def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Resize images: nearest neighbour (report fig. 10) or bilinear.

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (C, H, W)
    size : the output's size, a number or a pair; or else
    scale_factor : a number or a pair, used as given in the coordinates; the size is ⌊n · scale⌋
    mode : ``"nearest"`` reads pixel ⌊i·n/m⌋; ``"nearest-exact"`` ⌊(i + ½)·n/m⌋; ``"bilinear"`` interpolates at
        (i + ½)·n/m − ½, not below 0
    align_corners : ``"bilinear"`` only: interpolate at i·(n − 1)/(m − 1) instead

    Returns
    -------
    Tensor, shape (N, C, *size)

    Raises
    ------
    ValueError : both or none of ``size`` and ``scale_factor``, a mode that is not listed, an empty image
    """
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: give either size or scale_factor")
    if mode not in _MODES:
        raise ValueError(f"interpolate: mode is one of {', '.join(_MODES)}, not {mode!r}")
    if align_corners is not None and mode != "bilinear":
        raise ValueError(f"interpolate: align_corners goes with mode='bilinear', not with {mode!r}")
    if min(plane(input)) < 1:
        raise ValueError(f"interpolate: the image is empty; input.shape={input.shape}")
    scales = None
    if scale_factor is None:
        size = geometry.pair(size, "interpolate: size", least=1)
    else:
        scales = _scales(scale_factor)
        size = tuple(math.floor(n * s) for n, s in zip(plane(input), scales, strict=True))
        if min(size) < 1:
            raise ValueError(f"interpolate: scale_factor={scale_factor} leaves nothing of input.shape={input.shape}")
    return resize2d(input, size=size, mode=mode, align_corners=bool(align_corners), scales=scales)


def _scales(scale_factor: Any) -> tuple[float, float]:
    both = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor, scale_factor)
    if len(both) != 2 or not all(0 < s < math.inf for s in both):
        raise ValueError(f"interpolate: scale_factor must be a positive number or a pair of them, not {scale_factor!r}")
    return float(both[0]), float(both[1])
