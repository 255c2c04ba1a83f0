"""Single ops, forward and backward, on maps of 8×32×64×64 where no shape is given."""

from __future__ import annotations

from typing import Any

from .case import OpCase
from .layers import Conv, conv_case

_MAP = (8, 32, 64, 64)


def _op(name: str, call: Any, shapes: dict[str, tuple[int, ...]] | None = None, **more: Any) -> OpCase:
    return OpCase(name=name, group="ops", family="ops", call=call, shapes=shapes or {"x": _MAP}, **more)


_CONVS = [
    (8, Conv(32, 64, 32)),
    (8, Conv(3, 64, 16)),
    (8, Conv(16, 64, 16)),
    (8, Conv(64, 32, 64)),
    (8, Conv(128, 16, 128)),
    (8, Conv(256, 8, 256)),
    (8, Conv(32, 64, 64, k=1)),
    (8, Conv(32, 64, 64, stride=2)),
    (8, Conv(32, 64, 32, groups=32)),
    (1, Conv(32, 128, 32)),
    (8, Conv(64, 32, 32, k=2, stride=2, transposed=True)),
]

OPS = [
    *(conv_case("ops", "ops", batch, layer, "conv2d") for batch, layer in _CONVS),
    _op("max_pool2d 2×2", lambda fw, x: fw.F.max_pool2d(x, 2)),
    _op("avg_pool2d 2×2", lambda fw, x: fw.F.avg_pool2d(x, 2)),
    _op("adaptive_avg_pool2d to 4×4", lambda fw, x: fw.F.adaptive_avg_pool2d(x, 4), tolerance=1e-3),
    _op("bilinear ×2", lambda fw, x: fw.F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)),
    _op(
        "batch_norm (training)",
        lambda fw, x, w, b: fw.F.batch_norm(x, None, None, w, b, training=True),
        {"x": _MAP, "w": (32,), "b": (32,)},
        tolerance=1e-3,
    ),
    _op(
        "batch_norm and relu (layers)",
        lambda fw, x: fw.nn.Sequential(fw.nn.BatchNorm2d(32, dtype=x.dtype), fw.nn.ReLU())(x),
        tolerance=1e-3,
    ),
    _op(
        "group_norm, 8 groups",
        lambda fw, x, w, b: fw.F.group_norm(x, 8, w, b),
        {"x": _MAP, "w": (32,), "b": (32,)},
        tolerance=1e-3,
    ),
    _op(
        "layer_norm 4096×256",
        lambda fw, x, w, b: fw.F.layer_norm(x, (256,), w, b),
        {"x": (4096, 256), "w": (256,), "b": (256,)},
        tolerance=1e-3,
    ),
    _op("relu", lambda fw, x: fw.F.relu(x)),
    _op("sigmoid", lambda fw, x: fw.lib.sigmoid(x)),
    _op("silu", lambda fw, x: fw.F.silu(x)),
    _op("gelu", lambda fw, x: fw.F.gelu(x)),
    _op("softmax over channels", lambda fw, x: fw.F.softmax(x, dim=1)),
    _op("softmax over columns", lambda fw, x: fw.F.softmax(x, dim=3)),
    _op(
        "cross_entropy, 32 classes",
        lambda fw, x, t: fw.F.cross_entropy(x, t).reshape((1,)),
        {"x": _MAP, "t": (8, 64, 64)},
        classes={"t": 32},
    ),
    _op("add", lambda fw, x, y: x + y, {"x": _MAP, "y": _MAP}),
    _op("mul, broadcast", lambda fw, x, y: x * y, {"x": _MAP, "y": (32, 1, 1)}, tolerance=1e-3),
    _op("sum over space", lambda fw, x: x.sum((2, 3)), tolerance=1e-3),
    _op("sum of all", lambda fw, x: x.sum((0, 1, 2, 3), True), tolerance=1e-3),
    _op("sum over columns", lambda fw, x: x.sum(3), tolerance=1e-3),
    _op("var over space", lambda fw, x: x.var((2, 3)), tolerance=1e-3),
    _op("amax over space", lambda fw, x: x.amax((2, 3)), tolerance=1e-3),
    _op("max over channels, with indices", lambda fw, x: x.max(1).values),
    _op("cumsum over channels", lambda fw, x: x.cumsum(1), tolerance=1e-3),
    _op(
        "gather 4 of 32 channels", lambda fw, x, t: x.gather(1, t), {"x": _MAP, "t": (8, 4, 64, 64)}, classes={"t": 32}
    ),
    _op("channels last, copied", lambda fw, x: x.permute((0, 2, 3, 1)).contiguous()),
    _op("cat over channels", lambda fw, x, y: fw.lib.cat([x, y], 1), {"x": _MAP, "y": _MAP}),
    _op(
        "matmul 512×512×512",
        lambda fw, x, y: x @ y,
        {"x": (512, 512), "y": (512, 512)},
        flop=3 * 2.0 * 512**3,
        tolerance=1e-3,
    ),
]
