"""Where almost all of the time is Python: small ops, many of them. (The chain of 10⁶ ops is in ``fresh``.)"""

from __future__ import annotations

from typing import Any

from .case import OpCase


def chain(fw: Any, x: Any, pairs: int = 50) -> Any:
    """2 · ``pairs`` ops, one after the other."""
    for _ in range(pairs):
        x = x * 1.0001 + 0.1
    return x


def _perceptron(fw: Any, x: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> Any:
    x = fw.lib.tanh(x @ a + b)
    x = fw.lib.tanh(x @ c + d)
    return x @ e + f


def _case(name: str, shapes: dict[str, tuple[int, ...]], call: Any) -> OpCase:
    return OpCase(name=name, group="overhead", family="overhead", shapes=shapes, call=call)


OVERHEAD = [
    _case("one scalar op", {"x": (1,)}, lambda fw, x: x * 2.0),
    _case("chain of 100 scalar ops", {"x": (1,)}, chain),
    _case("add of 1,000 numbers", {"x": (1000,), "y": (1000,)}, lambda fw, x, y: x + y),
    _case(
        "perceptron 32×8-32-32-1",
        {"x": (32, 8), "a": (8, 32), "b": (32,), "c": (32, 32), "d": (32,), "e": (32, 1), "f": (1,)},
        _perceptron,
    ),
]
