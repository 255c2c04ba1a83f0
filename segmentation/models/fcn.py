"""Fully convolutional networks in skip form: FCN-32s, FCN-16s and FCN-8s.

A 1x1 convolution scores the coarsest map; transposed convolutions, which start as bilinear interpolation, bring the
scores to the size of the image. FCN-16s adds the scores of the next finer map on the way, FCN-8s those of two.

Reference: Shelhamer, Long and Darrell, Fully convolutional networks for semantic segmentation (2017), section 4.3 and
figure 3.
"""

from __future__ import annotations

import numpy as np

import autograd
import nn
from autograd import Tensor

from .blocks import crop
from .encoder import Encoder


def bilinear_kernel(stride: int) -> np.ndarray:
    """The ``(2 * stride, 2 * stride)`` float32 kernel with which a transposed convolution of this stride interpolates
    bilinearly.

    Along each axis ``1 - |i - (stride - 1/2)| / stride``: the triangle of width ``2 * stride``, sampled at pixel
    centres. With ``padding = stride / 2`` the result is exactly ``stride`` times as large and aligned at pixel
    centres.
    """
    ramp = 1 - np.abs(np.arange(2 * stride) - (stride - 0.5)) / stride
    return np.outer(ramp, ramp).astype(np.float32)


class BilinearUp(nn.ConvTranspose2d):
    """Enlarge every channel ``stride`` times (an even number): bilinear at first, learned from there on."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__(channels, channels, 2 * stride, stride=stride, padding=stride // 2, bias=False)
        weight = np.zeros((channels, channels, 2 * stride, 2 * stride), np.float32)
        weight[np.arange(channels), np.arange(channels)] = bilinear_kernel(stride)
        self.load_state_dict({"weight": autograd.from_numpy(weight)})


class FCN(nn.Module):
    """The skip form with ``skips`` finer maps: 0 is FCN-32s, 1 is FCN-16s, 2 is FCN-8s.

    Parameters
    ----------
    in_channels, classes : channels of the image and of the output.
    base, depth : channels of the first level, and how often the size is halved. The names fit ``depth=5``; with
        another depth the output stride is ``2 ** (depth - skips)``.
    skips : how many finer maps are added.

    The input is ``(N, in_channels, H, W)`` of any size; the output is logits ``(N, classes, H, W)``.
    """

    def __init__(self, in_channels: int, classes: int, base: int = 16, depth: int = 5, skips: int = 2) -> None:
        super().__init__()
        if depth <= skips:
            raise ValueError(f"FCN with {skips} skips needs a depth of at least {skips + 1}, not {depth}")
        self.encoder = Encoder(in_channels, base, depth)
        used = self.encoder.channels[depth - skips :]  # finest used map first
        self.scores = nn.ModuleList([nn.Conv2d(channels, classes, 1) for channels in reversed(used)])
        self.ups = nn.ModuleList([BilinearUp(classes, 2) for _ in range(skips)])
        self.final = BilinearUp(classes, self.encoder.reduction[depth - skips])

    def forward(self, x: Tensor) -> Tensor:
        taps = self.encoder(x)[::-1]  # coarsest first
        y = self.scores[0](taps[0])
        for up, score, tap in zip(self.ups, list(self.scores)[1:], taps[1:]):
            finer = score(tap)
            y = crop(up(y), finer) + finer
        return crop(self.final(y), x)


class FCN32s(FCN):
    """FCN without skips: the coarsest scores, enlarged in one step."""

    def __init__(self, in_channels: int, classes: int, base: int = 16, depth: int = 5) -> None:
        super().__init__(in_channels, classes, base, depth, skips=0)


class FCN16s(FCN):
    """FCN with one skip."""

    def __init__(self, in_channels: int, classes: int, base: int = 16, depth: int = 5) -> None:
        super().__init__(in_channels, classes, base, depth, skips=1)


class FCN8s(FCN):
    """FCN with two skips."""

    def __init__(self, in_channels: int, classes: int, base: int = 16, depth: int = 5) -> None:
        super().__init__(in_channels, classes, base, depth, skips=2)
