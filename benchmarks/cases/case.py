"""What a case is: a name, the arrays, and the call in names that the frameworks share.

``prepare(framework, state)`` builds a case in one framework and gives ``run()``, which is timed, and ``outputs()``,
which must agree between frameworks before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
Prepared = tuple[Callable[[], Any], Callable[[], Arrays]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What every case has.

    family : the list that a geometric mean is taken over.
    flop : of one run, all passes together; 0 where arithmetic is not what takes the time.
    tolerance : how far frameworks may differ in float32, relative to the largest value.
    at : where the case stands on the axis of its family, in the group ``scaling``.
    """

    name: str
    group: str
    family: str = ""
    flop: float = 0.0
    tolerance: float = 1e-4
    at: float | None = None

    def prepare(self, fw: Any, state: Mapping[str, np.ndarray] | None) -> Prepared:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class OpCase(Case):
    """Forward and backward of one call. ``call(fw, **tensors)`` returns a tensor."""

    shapes: dict[str, tuple[int, ...]]
    call: Callable[..., Any]
    classes: dict[str, int] = field(default_factory=dict)  # integer inputs: name -> how many classes
    constant: tuple[str, ...] = ()  # float inputs without a gradient, such as an image

    def arrays(self, dtype: np.dtype) -> Arrays:
        rng = np.random.default_rng(0)
        return {
            name: rng.integers(0, self.classes[name], shape)
            if name in self.classes
            else rng.standard_normal(shape, dtype)
            for name, shape in self.shapes.items()
        }

    def prepare(self, fw: Any, state: Mapping[str, np.ndarray] | None) -> Prepared:
        tensors = {
            name: fw.tensor(array, requires_grad=array.dtype.kind == "f" and name not in self.constant)
            for name, array in self.arrays(fw.dtype).items()
        }
        y = self.call(fw, **tensors)
        upstream = fw.tensor(np.random.default_rng(1).standard_normal(tuple(y.shape), fw.dtype))

        def run() -> Any:
            for t in tensors.values():
                t.grad = None
            result = self.call(fw, **tensors)
            result.backward(upstream)
            return result

        def outputs() -> Arrays:
            results = {"output": fw.numpy(run())}
            return results | {f"d{n}": fw.numpy(t.grad) for n, t in tensors.items() if t.grad is not None}

        return run, outputs


@dataclass(frozen=True, kw_only=True)
class StepCase(Case):
    """A training step of a model (forward, cross-entropy, backward, Adam), or its inference.

    The weights that the first framework draws are given to the others as ``state``.
    """

    model: str  # a name in segmentation.models
    image: tuple[int, int, int, int]
    base: int = 16
    classes: int = 2
    train: bool = True
    tolerance: float = 2e-3

    def batch(self, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        n, _, h, w = self.image
        return rng.standard_normal(self.image, dtype), rng.integers(0, self.classes, (n, h, w))

    def prepare(self, fw: Any, state: Mapping[str, np.ndarray] | None) -> Prepared:
        x, targets = (fw.tensor(array) for array in self.batch(fw.dtype))
        model = fw.model(self.model, self.image[1], self.classes, base=self.base)
        if state is not None:
            fw.load(model, state)
        start = {f"state {name}": np.array(fw.numpy(value)) for name, value in model.state_dict().items()}
        optimizer = fw.optim.Adam(model.parameters(), lr=1e-3)
        network = fw.compile(model.train(self.train))

        def step() -> Any:
            optimizer.zero_grad()
            loss = fw.F.cross_entropy(network(x), targets)
            loss.backward()
            optimizer.step()
            return loss

        run = fw.compile_step(step)

        def infer() -> Any:
            with fw.lib.no_grad():
                return network(x)

        def outputs() -> Arrays:
            if not self.train:
                return {"logits": fw.numpy(infer()), **start}
            return {"losses": np.array([float(run().item()) for _ in range(3)], fw.dtype), **start}

        return (run if self.train else infer), outputs
