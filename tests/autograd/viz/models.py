"""Graphs to draw: recorded like real ones, without computing anything."""

from __future__ import annotations

from functools import cache

import numpy as np

from autograd import graph
from autograd.modes import modes
from autograd.tensor import Tensor, wrap


@cache
class _Op:
    variadic = None

    def __init__(self, name, inputs, family):
        self.name, self.inputs, self.__module__ = name, inputs, f"autograd.ops.{family}"


def op(name, inputs, shape, *, family="elementwise", roles=None, **settings):
    """A tensor of ``shape`` as if the op ``name`` had just made it of ``inputs``."""
    kind = _Op(name, tuple(roles or (f"input{i}" for i in range(len(inputs)))), family)
    data = np.broadcast_to(np.float32(0), shape)
    parents = tuple(t._node for t in inputs)
    return wrap(data, graph.record(kind, parents, None, (data,), settings, tuple(shape), data.dtype))


def leaf(*shape):
    return Tensor(np.zeros(shape, np.float32), requires_grad=True)


class Parameter(Tensor):
    """Known as a parameter by its class name, as nn's is."""

    __slots__ = ()

    def __init__(self, *shape):
        super().__init__(np.zeros(shape, np.float32), requires_grad=True)


class Module:
    """The part of nn.Module that a picture reads."""

    def __call__(self, *inputs):
        outer = modes.scope
        modes.scope = graph.Scope(outer, self)
        try:
            return self.forward(*inputs)
        finally:
            modes.scope = outer

    def _children(self):
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value
            elif isinstance(value, list):
                yield from ((f"{name}.{i}", m) for i, m in enumerate(value) if isinstance(m, Module))

    def named_modules(self, prefix=""):
        yield prefix, self
        for name, child in self._children():
            yield from child.named_modules(f"{prefix}.{name}" if prefix else name)

    def named_parameters(self):
        for path, module in self.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, Parameter):
                    yield f"{path}.{name}" if path else name, value


class Conv2d(Module):
    def __init__(self, c, o, k=3):
        self.weight, self.bias = Parameter(o, c, k, k), Parameter(o)

    def forward(self, x):
        n, _, h, w = x.shape
        pad = self.weight.shape[2] // 2
        return op("conv2d", (x, self.weight, self.bias), (n, self.weight.shape[0], h, w), family="conv",
                  roles=("x", "w", "bias"), stride=(1, 1), padding=(pad, pad), dilation=(1, 1), groups=1)  # fmt: skip


class BatchNorm2d(Module):
    def __init__(self, c):
        self.weight, self.bias = Parameter(c), Parameter(c)

    def forward(self, x):
        return op(
            "batch_norm", (x, self.weight, self.bias), x.shape, family="norm", roles=("x", "weight", "bias"), eps=1e-5
        )


class ReLU(Module):
    def forward(self, x):
        return op("relu", (x,), x.shape)


class MaxPool2d(Module):
    def forward(self, x):
        n, c, h, w = x.shape
        return op("max_pool2d", (x,), (n, c, h // 2, w // 2), family="pool", kernel_size=(2, 2), stride=(2, 2))


class ConvTranspose2d(Module):
    def __init__(self, c, o):
        self.weight = Parameter(c, o, 2, 2)

    def forward(self, x):
        n, _, h, w = x.shape
        return op("conv2d_input", (x, self.weight), (n, self.weight.shape[1], 2 * h, 2 * w), family="conv",
                  roles=("z", "w"), stride=(2, 2))  # fmt: skip


class Sequential(Module):
    def __init__(self, *layers):
        for i, layer in enumerate(layers):
            setattr(self, str(i), layer)

    def forward(self, x):
        for layer in vars(self).values():
            x = layer(x)
        return x


class DoubleConv(Sequential):
    def __init__(self, c, o):
        super().__init__(Conv2d(c, o), BatchNorm2d(o), ReLU(), Conv2d(o, o), BatchNorm2d(o), ReLU())


class Up(Module):
    def __init__(self, c, o):
        self.up, self.convs = ConvTranspose2d(c, o), DoubleConv(2 * o, o)

    def forward(self, x, skip):
        x = self.up(x)
        n, c, h, w = x.shape
        return self.convs(op("cat", (skip, x), (n, 2 * c, h, w), family="join", dim=1))


class UNet(Module):
    def __init__(self, c=3, classes=10, base=16, depth=4):
        widths = [base * 2**i for i in range(depth + 1)]
        self.stages = [DoubleConv(a, b) for a, b in zip([c, *widths], widths, strict=False)]
        self.pools = [MaxPool2d() for _ in range(depth)]
        self.ups = [Up(widths[i + 1], widths[i]) for i in reversed(range(depth))]
        self.head = Conv2d(base, classes, 1)

    def forward(self, x):
        skips = []
        for stage, pool in zip(self.stages, self.pools, strict=False):
            skips.append(stage(x))
            x = pool(skips[-1])
        x = self.stages[-1](x)
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            x = up(x, skip)
        return self.head(x)


class CrossEntropyLoss(Module):
    def forward(self, x):
        losses = op("cross_entropy_losses", (x,), (x.shape[0], *x.shape[2:]), family="loss", reduction="mean")
        return op("mean", (losses,), (), family="reduce")


class Cell(Module):
    """A recurrent cell with two states, called once a step."""

    def __init__(self):
        self.w, self.u = Parameter(8, 8), Parameter(8, 8)

    def forward(self, x, h, c):
        size = (4, 8)
        parts = [op("matmul", pair, size, family="linalg") for pair in ((x, self.w), (h, self.u))]
        z = op("add", parts, size)
        gate, new = op("sigmoid", (z,), size), op("tanh", (z,), size)
        c = op("add", (op("mul", (gate, new), size), c), size)
        return op("mul", (op("tanh", (c,), size), gate), size), c


class Dense(Module):
    """Every convolution reads everything before it."""

    def __init__(self):
        self.convs = [Conv2d(8 * (i + 1), 8) for i in range(5)]

    def forward(self, x):
        made = [x]
        for conv in self.convs:
            n, c, h, w = x.shape
            joined = op("cat", made, (n, c * len(made), h, w), family="join") if len(made) > 1 else x
            made.append(conv(joined))
        return made[-1]


def unet_loss(size=64, depth=4):
    return CrossEntropyLoss()(UNet(depth=depth)(leaf(8, 3, size, size)))


def chain(length):
    x = leaf(3)
    for _ in range(length):
        x = op("mul", (x,), (3,))
    return x
