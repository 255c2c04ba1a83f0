"""The pieces every model is made of.

Sizes. All models here pool with ``ceil_mode=True`` and crop on the way up. A side of 21 becomes 11, comes back as 22
and is cropped to 21: the pooled cells stay aligned with the top-left corner, no pixel is thrown away, nothing is
interpolated, and any input size works, down to 1x1. On sizes that divide evenly it is exactly the textbook network.
"""

from __future__ import annotations

import nn
from autograd import Tensor


def conv_bn_relu(in_channels: int, out_channels: int, kernel_size: int = 3) -> list[nn.Module]:
    """Convolution that keeps the size, batch normalisation, ReLU.

    The convolution has no bias: the normalisation would subtract it again.
    """
    return [
        nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    ]


class ConvBlock(nn.Sequential):
    """``convs`` times (3x3 convolution, batch normalisation, ReLU); the first one changes the number of channels."""

    def __init__(self, in_channels: int, out_channels: int, convs: int = 2) -> None:
        layers: list[nn.Module] = []
        for i in range(convs):
            layers += conv_bn_relu(in_channels if i == 0 else out_channels, out_channels)
        super().__init__(*layers)


def crop(x: Tensor, like: Tensor) -> Tensor:
    """The top-left part of ``x``, as high and wide as ``like``; the counterpart of pooling with ``ceil_mode``."""
    height, width = like.shape[-2:]
    if x.shape[-2:] == (height, width):
        return x
    return x[:, :, :height, :width]
