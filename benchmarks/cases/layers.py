"""Every convolution of five networks, forward and backward: each distinct layer once.

Sizes are scaled so that a case takes less than 0.3 s on two slow cores: batches of 1 to 8, and VGG-16 on images of half
its side (112). The first layer of a network has no gradient of the image, as in training.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .case import OpCase


class Conv(NamedTuple):
    """A square convolution of ``c`` channels and ``size`` × ``size`` pixels to ``o`` channels."""

    c: int
    size: int
    o: int
    k: int = 3
    stride: int = 1
    groups: int = 1
    transposed: bool = False

    @property
    def multiply_adds(self) -> float:
        """Of the forward pass, for one image."""
        pixels = self.size if self.transposed else -(-self.size // self.stride)
        return float(self.c // self.groups * self.o * self.k**2 * pixels**2)

    def flop(self, batch: int) -> float:
        """Of the forward pass and both gradients; an image (3 channels) needs none."""
        return 2 * self.multiply_adds * batch * (2 if self.c == 3 else 3)

    def __str__(self) -> str:
        kind = f"{self.k}×{self.k}" + (f", stride {self.stride}" if self.stride > 1 else "")
        kind += ", transposed" if self.transposed else ""
        kind += ", depthwise" if self.groups == self.c > 1 else ""
        return f"{self.c}×{self.size}×{self.size} → {self.o}, {kind}"


def conv_case(group: str, family: str, batch: int, layer: Conv, title: str = "") -> OpCase:
    c, size, o, k, stride, groups, transposed = layer
    if transposed:
        call = lambda fw, x, w: fw.F.conv_transpose2d(x, w, stride=stride)
    else:
        call = lambda fw, x, w: fw.F.conv2d(x, w, stride=stride, padding=k // 2, groups=groups)
    return OpCase(
        name=f"{title or family}: {batch}×{layer}",
        group=group,
        family=family,
        shapes={"x": (batch, c, size, size), "w": (c, o, k, k) if transposed else (o, c // groups, k, k)},
        call=call,
        constant=("x",) if c == 3 else (),
        flop=layer.flop(batch),
        tolerance=1e-3,  # of the largest value: sums of up to 10⁵ float32 products, in another order
    )


def unet(base: int, size: int, classes: int = 2) -> list[Conv]:
    """Every convolution of ``segmentation.UNet(3, classes, base)`` of depth 4, in order."""
    widths = [base * 2**i for i in range(5)]
    layers = []
    for i, (c, o) in enumerate(zip([3, *widths], widths)):
        layers += [Conv(c, size >> i, o), Conv(o, size >> i, o)]
    for i in reversed(range(4)):
        deep, o = widths[i + 1], widths[i]
        layers.append(Conv(deep, size >> (i + 1), o, k=2, stride=2, transposed=True))
        layers += [Conv(2 * o, size >> i, o), Conv(o, size >> i, o)]
    return [*layers, Conv(base, size, classes, k=1)]


RESNET_18 = [Conv(3, 224, 64, k=7, stride=2), Conv(64, 56, 64)]
for _c, _size in ((64, 56), (128, 28), (256, 14)):
    RESNET_18 += [
        Conv(_c, _size, 2 * _c, stride=2),
        Conv(_c, _size, 2 * _c, k=1, stride=2),
        Conv(2 * _c, _size // 2, 2 * _c),
    ]

MOBILENET = [Conv(3, 224, 32, stride=2)]
for _c, _size, _o, _stride in (
    (32, 112, 64, 1), (64, 112, 128, 2), (128, 56, 128, 1), (128, 56, 256, 2), (256, 28, 256, 1),
    (256, 28, 512, 2), (512, 14, 512, 1), (512, 14, 1024, 2), (1024, 7, 1024, 1),
):  # fmt: skip
    MOBILENET += [Conv(_c, _size, _c, stride=_stride, groups=_c), Conv(_c, _size // _stride, _o, k=1)]

VGG_16 = [
    Conv(c, size, o)
    for c, size, o in (
        (3, 112, 64), (64, 112, 64), (64, 56, 128), (128, 56, 128), (128, 28, 256), (256, 28, 256), (256, 14, 512),
        (512, 14, 512), (512, 7, 512),
    )
]  # fmt: skip


def _cases(family: str, batch: int, layers: Iterable[Conv]) -> list[OpCase]:
    return [conv_case("layers", family, batch, layer) for layer in dict.fromkeys(layers)]


LAYERS = [
    *_cases("U-Net 16", 8, unet(16, 64)),
    *_cases("U-Net 32", 4, unet(32, 128)),
    *_cases("ResNet-18", 2, RESNET_18),
    *_cases("MobileNet", 2, MOBILENET),
    *_cases("VGG-16", 2, VGG_16),
]
