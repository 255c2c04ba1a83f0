"""Segmentation models, made from ``nn`` alone: U-Net, SegNet and the three FCNs.

Every model takes images ``(N, in_channels, H, W)`` of any size and returns logits ``(N, classes, H, W)`` of the same
size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import nn

from .encoder import Encoder
from .fcn import FCN, FCN8s, FCN16s, FCN32s
from .segnet import SegNet
from .unet import UNet


class Entry(NamedTuple):
    """One line of the registry."""

    build: Callable[..., nn.Module]
    depth: int  # default depth
    smallest_depth: int
    about: str


MODELS: dict[str, Entry] = {
    "unet": Entry(UNet, 4, 1, "skip connections, transposed convolutions (Ronneberger et al. 2015)"),
    "segnet": Entry(SegNet, 4, 1, "unpooling with saved max-pool positions (Badrinarayanan et al. 2017)"),
    "fcn32s": Entry(FCN32s, 5, 1, "no skips (Shelhamer et al. 2017)"),
    "fcn16s": Entry(FCN16s, 5, 2, "one skip"),
    "fcn8s": Entry(FCN8s, 5, 3, "two skips"),
}


def build(name: str, in_channels: int, classes: int, base: int = 16, depth: int | None = None) -> nn.Module:
    """Make the model called ``name``.

    Raises
    ------
    ValueError
        The name is unknown, or a number cannot make a model; the message says which.

    >>> build("unet", in_channels=1, classes=11, base=4, depth=2).head.out_channels
    11
    """
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}; the models are {', '.join(MODELS)}")
    entry = MODELS[name]
    depth = entry.depth if depth is None else depth
    for what, value, least in (
        ("in_channels", in_channels, 1),
        ("classes", classes, 2),
        ("base", base, 1),
        ("depth", depth, entry.smallest_depth),
    ):
        if value < least:
            raise ValueError(f"{name}: {what} must be at least {least}, not {value}")
    return entry.build(in_channels, classes, base=base, depth=depth)


__all__ = ["FCN", "MODELS", "Encoder", "Entry", "FCN8s", "FCN16s", "FCN32s", "SegNet", "UNet", "build"]
