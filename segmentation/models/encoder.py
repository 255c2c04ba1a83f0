"""A VGG-like encoder: an object with taps, so that any head can sit on it.

An encoder says what it offers before it runs: ``channels[i]`` and ``reduction[i]`` describe the i-th map it returns.
A head reads those two tuples and nothing else.

Reference: Simonyan and Zisserman, Very deep convolutional networks for large-scale image recognition (2015), with batch
normalisation after every convolution, because these networks are trained from scratch.
"""

from __future__ import annotations

import nn
from autograd import Tensor

from .blocks import ConvBlock

WIDEST = 16  # a level is at most this many times as wide as the first: deeper ones would only grow the file


class Encoder(nn.Module):
    """``depth + 1`` levels of two convolutions each, with 2x2 max pooling between them.

    Parameters
    ----------
    in_channels : channels of the image.
    base : channels of the first level; each level doubles them, up to ``16 * base``.
    depth : how often the size is halved.

    Attributes
    ----------
    channels : channels of each returned map, ``(base, 2*base, ...)``.
    reduction : how many input pixels one pixel of each map stands for along a side, ``(1, 2, 4, ...)``.
    """

    def __init__(self, in_channels: int, base: int, depth: int) -> None:
        super().__init__()
        self.channels = tuple(base * min(2**i, WIDEST) for i in range(depth + 1))
        self.reduction = tuple(2**i for i in range(depth + 1))
        self.levels = nn.ModuleList([ConvBlock(a, b) for a, b in zip((in_channels, *self.channels), self.channels)])
        self.pool = nn.MaxPool2d(2, ceil_mode=True)

    def forward(self, x: Tensor) -> list[Tensor]:
        """The maps of all levels, finest first: shapes ``(N, channels[i], ceil(H / reduction[i]), ...)``."""
        taps = []
        for i, level in enumerate(self.levels):
            x = level(x if i == 0 else self.pool(x))
            taps.append(x)
        return taps
