"""Whole training steps (forward, cross-entropy, backward, Adam) and inference, 2 classes."""

from __future__ import annotations

from .case import StepCase
from .layers import unet


def _step(model: str, base: int, batch: int, size: int, flop: float = 0.0) -> StepCase:
    return StepCase(
        name=f"{model} base {base}, {batch}×3×{size}×{size}: step",
        group="models",
        family="models",
        model=model,
        base=base,
        image=(batch, 3, size, size),
        flop=flop,
    )


def unet_step(base: int, batch: int, size: int) -> StepCase:
    return _step("UNet", base, batch, size, sum(layer.flop(batch) for layer in unet(base, size)))


MODELS = [
    unet_step(16, 8, 64),
    unet_step(16, 8, 128),
    unet_step(32, 4, 128),
    _step("SegNet", 16, 8, 64),
    _step("FCN8s", 16, 8, 64),
    StepCase(
        name="UNet base 16, 1×3×256×256: inference",
        group="models",
        family="models",
        model="UNet",
        image=(1, 3, 256, 256),
        train=False,
        flop=sum(2 * layer.multiply_adds for layer in unet(16, 256)),
    ),
]
