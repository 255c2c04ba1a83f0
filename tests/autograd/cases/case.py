"""One row of the op test table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Case:
    """An op at some settings, with inputs and a slow reference that shares no code with it.

    Parameters
    ----------
    op : name of a primitive; with ``()`` behind it, of a public function of ``autograd``
    inputs : a generator in, arrays out; float64 ones are differentiated and lie at least 1e-5 away from kinks, others
        (indices, masks) are handed through
    settings : the op's keyword arguments
    reference : takes the inputs and the settings, gives the expected output
    note : told apart by it, several cases of one op stand in the test report
    order : the highest order of derivative that is checked
    prepare : what the inputs go through before the op; for ops that are defined on symmetric matrices only
    """

    op: str
    inputs: Callable[[np.random.Generator], list[np.ndarray]]
    settings: dict = field(default_factory=dict)
    reference: Callable[..., object] | None = None
    note: str = ""
    order: int = 2
    prepare: Callable[..., tuple] = lambda *inputs: inputs

    def __str__(self) -> str:
        return f"{self.op}[{self.note}]" if self.note else self.op


def normal(*shapes: tuple[int, ...]) -> Callable:
    """Inputs of these shapes, normally distributed."""
    return lambda rng: [rng.normal(size=shape) for shape in shapes]


def between(low: float, high: float, *shapes: tuple[int, ...]) -> Callable:
    """Inputs of these shapes, uniform in (low, high)."""
    return lambda rng: [rng.uniform(low, high, shape) for shape in shapes]


def distinct(*shapes: tuple[int, ...]) -> Callable:
    """Inputs of these shapes whose elements have magnitudes at least 0.1 apart and 0.05 from 0, signs mixed."""

    def make(rng: np.random.Generator) -> list[np.ndarray]:
        total = sum(int(np.prod(shape)) for shape in shapes)
        values = rng.permutation(np.arange(total) + 0.5) * 0.1 * rng.choice([-1, 1], total)
        return [part.reshape(shape) for part, shape in zip(_cut(values, shapes), shapes)]

    return make


def _cut(values: np.ndarray, shapes: tuple) -> list[np.ndarray]:
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return np.split(values, ends[:-1])
