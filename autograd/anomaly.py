"""Anomaly detection: the op that makes the first NaN is an error, at the first try, in the forward pass or backwards.

Nothing is run a second time: every node knows the line that recorded it, whether or not anomalies were looked for then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .graph import users_line
from .modes import Mode, Switch, modes

if TYPE_CHECKING:
    from .graph import Node
    from .primitive import Primitive


class set_detect_anomaly(Switch):
    """Look for NaN from now on, in this thread, or (as a context manager or decorator) inside a block.

    Parameters
    ----------
    mode : whether to look
    check_nan : ``False`` looks for nothing, as in PyTorch, where the mode then only keeps the forward lines: they are
        always kept here
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__("anomaly", bool(mode) and bool(check_nan))


class detect_anomaly(Mode):
    """Inside, an op that makes NaN of numbers without NaN raises RuntimeError, naming the op and the line.

    In the forward pass it is the op whose output holds the first NaN. In the backward pass it is the op one of whose
    gradients is the first NaN, and the line is that of its forward. Each value is read once more for this, which takes
    time: for looking at a problem, not for training.

    >>> import autograd
    >>> x = autograd.tensor([0.0], requires_grad=True)
    >>> with autograd.detect_anomaly():
    ...     (x.sqrt() * 0.0).sum().backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    RuntimeError: sqrt: the gradient of its input is the first NaN ...

    Parameters
    ----------
    check_nan : ``False`` looks for nothing; see :class:`set_detect_anomaly`
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__("anomaly", bool(check_nan))


def is_anomaly_enabled() -> bool:
    """Whether this thread looks for NaN."""
    return modes.anomaly


def check_forward(op: Primitive, inputs: Sequence[Any], out: Any) -> None:
    """Raise if ``out`` holds the first NaN: none of the inputs does."""
    if _has_nan(out) and not _has_nan(inputs):
        raise RuntimeError(f"{op.name}: makes the first NaN at {users_line()}, of inputs {_ranges(inputs)}")


def check_arrived(node: Node, g: Any) -> None:
    """Raise if the gradient that a node starts from is NaN, which no op has made."""
    if _has_nan(g):
        raise RuntimeError(
            f"{node.name}: NaN arrives as the gradient of what was recorded at {node.where()}: it was given to "
            f"backward, returned by a hook, or is the sum of inf and -inf"
        )


def check_backward(node: Node, parent: Node, g: Any, part: Any) -> None:
    """Raise if ``part``, which a rule made of ``g`` for a parent, holds NaN."""
    if _has_nan(part):
        assert node.op is not None
        position = node.parents.index(parent)
        names = node.op.inputs
        name = names[position] if position < len(names) else f"{node.op.variadic}[{position - len(names)}]"
        raise RuntimeError(
            f"{node.name}: the gradient of its {name} is the first NaN in the backward pass; recorded at "
            f"{node.where()}; the gradient of its output was {_ranges([g])}"
        )


def _has_nan(x: Any) -> bool:
    if isinstance(x, (tuple, list)):
        return any(_has_nan(part) for part in x)
    array = getattr(x, "_data", x)
    if not isinstance(array, np.ndarray):  # the gradients of an op with several outputs, or a number
        return any(_has_nan(part) for part in getattr(x, "_parts", {}).values()) or x != x
    return array.dtype.kind == "f" and bool(np.isnan(array).any())


def _ranges(values: Sequence[Any]) -> str:
    arrays = [getattr(x, "_data", x) for x in values if x is not None]
    return ", ".join(_range(x) if isinstance(x, np.ndarray) else repr(x) for x in arrays)


def _range(x: np.ndarray) -> str:
    return f"in [{x.min():g}, {x.max():g}] {x.shape}" if x.size else f"of shape {x.shape}"
