"""How the time grows: one thing at a time, in steps of two. The report fits an exponent to each family."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .case import Case, OpCase
from .layers import Conv, conv_case
from .models import unet_step


def _family(name: str, points: dict[int, Case]) -> list[Case]:
    return [
        replace(case, name=f"{name} {at}", group="scaling", family=name, at=float(at)) for at, case in points.items()
    ]


def _conv(batch: int, size: int, channels: int) -> OpCase:
    return conv_case("scaling", "", batch, Conv(channels, size, channels))


def _stack(depth: int) -> OpCase:
    """``depth`` convolutions and ReLUs, one after the other."""

    def call(fw: Any, x: Any, **weights: Any) -> Any:
        for w in weights.values():
            x = fw.F.relu(fw.F.conv2d(x, w, padding=1))
        return x

    weights = {f"w{i}": (16, 16, 3, 3) for i in range(depth)}
    # each layer makes the numbers about 8 times as large: 16 layers stay far below what float32 holds
    return OpCase(
        name="", group="scaling", shapes={"x": (2, 16, 32, 32), **weights}, call=call, tolerance=1e-3,
        flop=Conv(16, 32, 16).flop(2) * depth,
    )  # fmt: skip


SCALING: list[Case] = [
    *_family("conv 32 → 32, 32×32, batch", {n: _conv(n, 32, 32) for n in (1, 2, 4, 8, 16, 32)}),
    *_family("conv 1×32 → 32, side", {n: _conv(1, n, 32) for n in (16, 32, 64, 128, 256)}),
    *_family("conv 2×32×32, channels", {n: _conv(2, 32, n) for n in (8, 16, 32, 64, 128, 256)}),
    *_family("conv + ReLU 2×16×32×32, depth", {n: _stack(n) for n in (1, 2, 4, 8, 16)}),
    *_family("U-Net step 64×64, batch", {n: unet_step(16, n, 64) for n in (1, 2, 4, 8, 16)}),
]
