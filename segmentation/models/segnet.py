"""SegNet: the decoder puts every value back where max pooling found it.

Nothing but the positions of the maxima crosses from encoder to decoder, and unpooling leaves zeros everywhere else; the
convolutions after it fill them in.

Reference: Badrinarayanan, Kendall and Cipolla, SegNet: a deep convolutional encoder-decoder architecture for image
segmentation (2017), figure 2 and section 3.
"""

from __future__ import annotations

import nn
from autograd import Tensor

from .blocks import ConvBlock
from .encoder import WIDEST


class SegNet(nn.Module):
    """Encoder and mirrored decoder of ``depth`` levels, joined by the saved positions of max pooling.

    Parameters
    ----------
    in_channels, classes : channels of the image and of the output.
    base, depth : channels of the first level (doubled by each level, up to ``16 * base``), and how often the size is
        halved.

    The input is ``(N, in_channels, H, W)`` of any size; the output is logits ``(N, classes, H, W)``.
    """

    def __init__(self, in_channels: int, classes: int, base: int = 16, depth: int = 4) -> None:
        super().__init__()
        widths = [base * min(2**i, WIDEST) for i in range(depth)]
        self.encoder = nn.ModuleList([ConvBlock(a, b) for a, b in zip([in_channels, *widths], widths)])
        # a decoder level returns to the width of the level outside it, which is where its unpooling positions come from
        self.decoder = nn.ModuleList([ConvBlock(a, b) for a, b in zip(widths[::-1], [*widths[-2::-1], base])])
        self.pool = nn.MaxPool2d(2, ceil_mode=True, return_indices=True)
        self.unpool = nn.MaxUnpool2d(2)
        self.head = nn.Conv2d(base, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        positions, sizes = [], []
        for block in self.encoder:
            x = block(x)
            sizes.append(tuple(x.shape[-2:]))
            x, indices = self.pool(x)
            positions.append(indices)
        for block in self.decoder:
            # two sizes pool to the same one (21 and 22 give 11), so the size is kept along with the positions
            x = block(self.unpool(x, positions.pop(), output_size=sizes.pop()))
        return self.head(x)
