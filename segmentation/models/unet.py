"""U-Net: what the encoder saw at each size is laid beside what the decoder makes of it.

Reference: Ronneberger, Fischer and Brox, U-Net: convolutional networks for biomedical image segmentation (2015),
figure 1, with two differences that are usual today: 'same' convolutions, so that the output has the size of the
input, and batch normalisation.
"""

from __future__ import annotations

import nn
from autograd import Tensor, cat

from .blocks import ConvBlock, crop
from .encoder import Encoder


class Up(nn.Module):
    """Double the size with a transposed convolution, join the skip connection, convolve twice."""

    def __init__(self, in_channels: int, skip_channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, skip_channels, 2, stride=2)
        self.convs = ConvBlock(2 * skip_channels, skip_channels)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.convs(cat([skip, crop(self.up(x), skip)], 1))


class UNet(nn.Module):
    """U-Net on the VGG-like encoder.

    Parameters
    ----------
    in_channels, classes : channels of the image and of the output.
    base, depth : channels of the first level, and how often the size is halved.

    The input is ``(N, in_channels, H, W)`` of any size; the output is logits ``(N, classes, H, W)``.
    """

    def __init__(self, in_channels: int, classes: int, base: int = 16, depth: int = 4) -> None:
        super().__init__()
        self.encoder = Encoder(in_channels, base, depth)
        channels = self.encoder.channels
        self.ups = nn.ModuleList([Up(channels[i + 1], channels[i]) for i in reversed(range(depth))])
        self.head = nn.Conv2d(base, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        *skips, x = self.encoder(x)
        for up, skip in zip(self.ups, reversed(skips)):
            x = up(x, skip)
        return self.head(x)
