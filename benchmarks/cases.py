"""The cases, as data: a name, the arrays, and the call in names that both frameworks have.

``prepare(framework)`` builds a case in one framework and gives ``run()``; its result is what must agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class OpCase:
    """Forward and backward of one call. ``call(fw, **tensors)`` returns a tensor; float arrays get gradients."""

    name: str
    group: str
    shapes: dict[str, tuple[int, ...]]
    call: Callable[..., Any]
    flop: float = 0.0  # of the forward and backward pass together
    classes: dict[str, int] = field(default_factory=dict)  # integer inputs: name -> how many classes
    tolerance: float = 1e-4

    def arrays(self) -> Arrays:
        rng = np.random.default_rng(0)
        return {
            name: rng.integers(0, self.classes[name], shape)
            if name in self.classes
            else rng.standard_normal(shape, np.float32)
            for name, shape in self.shapes.items()
        }

    def prepare(self, fw: Any, state: Arrays | None) -> tuple[Callable[[], Arrays], Callable[[], Arrays]]:
        tensors = {n: fw.tensor(a, requires_grad=a.dtype.kind == "f") for n, a in self.arrays().items()}
        y = self.call(fw, **tensors)
        upstream = fw.tensor(np.random.default_rng(1).standard_normal(tuple(y.shape), np.float32))

        def run() -> Arrays:
            for t in tensors.values():
                t.grad = None
            result = self.call(fw, **tensors)
            result.backward(upstream)
            return {"output": result}

        def outputs() -> Arrays:
            results = {"output": fw.numpy(run()["output"])}
            return results | {f"d{n}": fw.numpy(t.grad) for n, t in tensors.items() if t.grad is not None}

        return run, outputs


@dataclass(frozen=True)
class StepCase:
    """A whole training step of a model: forward, cross-entropy, backward, Adam."""

    name: str
    group: str
    model: Callable[[Any], Any]  # the framework's models -> a model
    image: tuple[int, int, int, int]
    classes: int
    flop: float = 0.0
    tolerance: float = 2e-3
    train: bool = True

    def prepare(self, fw: Any, state: Arrays | None) -> tuple[Callable[[], Any], Callable[[], Arrays]]:
        rng = np.random.default_rng(0)
        n, _, h, w = self.image
        x = fw.tensor(rng.standard_normal(self.image, np.float32))
        targets = fw.tensor(rng.integers(0, self.classes, (n, h, w)))
        model = self.model(fw.models)
        if state is not None:
            fw.load(model, state)
        start = {name: np.array(fw.numpy(value)) for name, value in model.state_dict().items()}
        optimizer = fw.optim.Adam(model.parameters(), lr=1e-3)

        def step() -> Any:
            optimizer.zero_grad()
            loss = fw.F.cross_entropy(model(x), targets)
            loss.backward()
            optimizer.step()
            return loss

        def infer() -> Any:
            with fw.lib.no_grad():
                return model(x)

        def outputs() -> Arrays:
            if not self.train:
                model.eval()
                return {"logits": fw.numpy(infer()), **{f"state {k}": v for k, v in start.items()}}
            losses = np.array([float(step().item()) for _ in range(3)])
            return {"losses": losses, **{f"state {k}": v for k, v in start.items()}}

        return (step if self.train else infer), outputs


def _conv(n: int, c: int, size: int, o: int, k: int = 3, stride: int = 1, groups: int = 1) -> OpCase:
    out = (size + 2 * (k // 2) - k) // stride + 1
    label = f"conv2d {n}×{c}×{size}×{size} → {o}, {k}×{k}" + (f", stride {stride}" if stride > 1 else "")
    label += ", depthwise" if groups == c > 1 else f", groups {groups}" if groups > 1 else ""
    return OpCase(
        label,
        "ops",
        {"x": (n, c, size, size), "w": (o, c // groups, k, k)},
        lambda fw, x, w: fw.F.conv2d(x, w, stride=stride, padding=k // 2, groups=groups),
        flop=3 * 2.0 * n * o * out * out * (c // groups) * k * k,
    )


_MAP = (8, 32, 64, 64)

OPS = [
    _conv(8, 32, 64, 32),
    _conv(8, 3, 64, 16),
    _conv(8, 16, 64, 16),
    _conv(8, 64, 32, 64),
    _conv(8, 128, 16, 128),
    _conv(8, 256, 8, 256),
    _conv(8, 32, 64, 64, k=1),
    _conv(8, 32, 64, 64, stride=2),
    _conv(8, 32, 64, 32, groups=32),
    _conv(1, 32, 128, 32),
    OpCase(
        "conv_transpose2d 8×64×32×32 → 32, 2×2, stride 2",
        "ops",
        {"x": (8, 64, 32, 32), "w": (64, 32, 2, 2)},
        lambda fw, x, w: fw.F.conv_transpose2d(x, w, stride=2),
        flop=3 * 2.0 * 8 * 64 * 32 * 32 * 32 * 4,
    ),
    OpCase("max_pool2d 2×2", "ops", {"x": _MAP}, lambda fw, x: fw.F.max_pool2d(x, 2)),
    OpCase("avg_pool2d 2×2", "ops", {"x": _MAP}, lambda fw, x: fw.F.avg_pool2d(x, 2)),
    OpCase(
        "bilinear ×2",
        "ops",
        {"x": _MAP},
        lambda fw, x: fw.F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False),
    ),
    OpCase(
        "batch_norm (training)",
        "ops",
        {"x": _MAP, "w": (32,), "b": (32,)},
        lambda fw, x, w, b: fw.F.batch_norm(x, None, None, w, b, training=True),
        tolerance=1e-3,
    ),
    OpCase("relu", "ops", {"x": _MAP}, lambda fw, x: fw.F.relu(x)),
    OpCase("sigmoid", "ops", {"x": _MAP}, lambda fw, x: fw.lib.sigmoid(x)),
    OpCase("softmax over channels", "ops", {"x": _MAP}, lambda fw, x: fw.F.softmax(x, dim=1)),
    OpCase(
        "cross_entropy, 32 classes",
        "ops",
        {"x": _MAP, "t": (8, 64, 64)},
        lambda fw, x, t: fw.F.cross_entropy(x, t).reshape((1,)),
        classes={"t": 32},
    ),
    OpCase("add", "ops", {"x": _MAP, "y": _MAP}, lambda fw, x, y: x + y),
    OpCase("mul, broadcast", "ops", {"x": _MAP, "y": (32, 1, 1)}, lambda fw, x, y: x * y, tolerance=1e-3),
    OpCase("sum over space", "ops", {"x": _MAP}, lambda fw, x: x.sum((2, 3)), tolerance=1e-3),
    OpCase("cat over channels", "ops", {"x": _MAP, "y": _MAP}, lambda fw, x, y: fw.lib.cat([x, y], 1)),
    OpCase(
        "matmul 512×512×512",
        "ops",
        {"x": (512, 512), "y": (512, 512)},
        lambda fw, x, y: x @ y,
        flop=3 * 2.0 * 512**3,
        tolerance=1e-3,
    ),
]


def _chain(fw: Any, x: Any) -> Any:
    for _ in range(50):
        x = x * 1.0001 + 0.1
    return x


def _perceptron(fw: Any, x: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> Any:
    x = fw.lib.tanh(x @ a + b)
    x = fw.lib.tanh(x @ c + d)
    return x @ e + f


OVERHEAD = [
    OpCase("chain of 100 scalar ops", "overhead", {"x": (1,)}, _chain),
    OpCase(
        "perceptron 32×8-32-32-1",
        "overhead",
        {"x": (32, 8), "a": (8, 32), "b": (32,), "c": (32, 32), "d": (32,), "e": (32, 1), "f": (1,)},
        _perceptron,
    ),
]

MODELS = [
    StepCase("U-Net base 16, 8×3×64×64: step", "models", lambda m: m.UNet(3, 2, base=16), (8, 3, 64, 64), 2, 9.1e9),
    StepCase(
        "U-Net base 16, 8×3×128×128: step", "models", lambda m: m.UNet(3, 2, base=16), (8, 3, 128, 128), 2, 36.4e9
    ),
    StepCase("SegNet base 16, 8×3×64×64: step", "models", lambda m: m.SegNet(3, 2, base=16), (8, 3, 64, 64), 2),
    StepCase(
        "U-Net base 16, 1×3×256×256: inference",
        "models",
        lambda m: m.UNet(3, 2, base=16),
        (1, 3, 256, 256),
        2,
        train=False,
    ),
]

CASES: list[OpCase | StepCase] = [*OPS, *OVERHEAD, *MODELS]
GROUPS = ("ops", "overhead", "models")
