"""Checkpoints: keep the arguments of a function instead of everything it computed, and compute it again in backward.

A segment of the graph becomes one node. Its parents are what the segment was computed from: arguments, and whatever
else the function reads that requires a gradient (parameters). In the backward pass the function runs again, with the
random numbers of the first time and without counting in running statistics, and its gradients are passed on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager, nullcontext
from operator import itemgetter
from typing import Any

import numpy as np

from . import engine, graph
from .graph import Node, record
from .modes import enable_grad, is_grad_enabled, modes
from .ops.layout import clone
from .primitive import Plan, Step
from .random import Draws
from .tensor import Tensor, wrap
from .tree import flatten, unflatten

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    preserve_rng_state: bool = True,
    determinism_check: str = "default",
    use_reentrant: bool | None = None,
    **kwargs: Any,
) -> Any:
    """``function(*args, **kwargs)``, of which only the arguments are kept for the backward pass.

    Gradients are equal to the bit to those without a checkpoint (where a tensor is read more than once inside and again
    outside, to the order of the sums). The time of one more forward pass buys the memory of everything saved inside.
    While ``function`` runs, the first and the second time, its values are there; in between they are not.

    Parameters
    ----------
    function : any function of tensors and other things; may read parameters and be called inside another checkpoint
    preserve_rng_state : draw the same random numbers when computing again (from every generator that was drawn from)
    determinism_check : "default" checks that the second run gives tensors of the same shapes; "none" does not
    use_reentrant : accepted for PyTorch's sake; there is one way here

    Returns
    -------
    what ``function`` returns

    Raises
    ------
    RuntimeError : in the backward pass, if the second run computes something else, or an argument or parameter was
        changed in place in between

    Examples
    --------
    >>> import autograd
    >>> from autograd.checkpoint import checkpoint
    >>> x = autograd.tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda x: x.exp().sin(), x).sum().backward()
    """
    if not callable(function):
        raise TypeError(f"checkpoint: the first argument is a function, not a {type(function).__name__}")
    if determinism_check not in ("default", "none"):
        raise ValueError(f"checkpoint: determinism_check is 'default' or 'none', not {determinism_check!r}")
    if not is_grad_enabled():
        return function(*args, **kwargs)
    segment = _Segment(function, args, kwargs, preserve_rng_state, determinism_check == "default")
    start = next(graph.clock)
    with segment.draws():
        leaves, spec = flatten(function(*args, **kwargs))
    return unflatten(spec, segment.seal(leaves, start))


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, *, preserve_rng_state: bool = True, use_reentrant: bool | None = None
) -> Any:
    """The functions (an ``nn.Sequential`` or a list) one after the other, each of ``segments`` parts checkpointed.

    The last part is not: its values are needed at once. What is kept falls to the borders of the parts plus one part.
    """
    functions = list(functions.children()) if hasattr(functions, "children") else list(functions)
    if not 1 <= segments <= max(1, len(functions)):
        raise ValueError(f"checkpoint_sequential: {segments} segments of {len(functions)} functions")
    size = len(functions) // segments
    for i in range(segments - 1):
        input = checkpoint(_chain(functions[i * size : (i + 1) * size]), input, preserve_rng_state=preserve_rng_state)
    return _chain(functions[(segments - 1) * size :])(input)


def _chain(functions: Sequence[Callable]) -> Callable:
    def run(x: Any) -> Any:
        for function in functions:
            x = function(x)
        return x

    return run


class _Op:
    """What the engine and the pictures ask of an op."""

    elementwise = False
    variadic = "inputs"
    inputs: tuple[str, ...] = ()
    differentiable = True
    __module__ = __name__

    def __init__(self, name: str) -> None:
        self.name = name


_CHECKPOINT, _OUTPUT = _Op("checkpoint"), _Op("checkpoint_output")


class _Parts:
    """The gradients of several outputs, as the gradient of the one node they come from. ``None``: not needed so far."""

    shape, dtype, ndim = (), np.dtype(np.float32), 0

    def __init__(self, parts: list) -> None:
        self.parts = parts

    def __add__(self, other: _Parts) -> _Parts:
        return _Parts([b if a is None else a if b is None else a + b for a, b in zip(self.parts, other.parts)])


class _Segment:
    """What is needed to run a function again."""

    def __init__(self, function: Callable, args: tuple, kwargs: dict, replay: bool, check: bool) -> None:
        self.function, self.args, self.kwargs, self.check = function, args, kwargs, check
        self.numbers = Draws() if replay else None
        self.parents: tuple[Node, ...] = ()
        self.outputs: list[tuple[int, tuple[int, ...], Any]] = []  # (place among all outputs, shape, dtype)

    def draws(self) -> Any:
        return self.numbers.repeated() if self.numbers is not None else nullcontext()

    def seal(self, leaves: list, start: int) -> list:
        """The outputs as results of one node, and the graph behind them forgotten."""
        made = [(i, y) for i, y in enumerate(leaves) if isinstance(y, Tensor) and y.requires_grad and _born(y) > start]
        if not made:
            return leaves
        nodes, _ = _inside([y._node for _, y in made], start)
        self.parents = tuple(_outside(nodes, start))
        self.outputs = [(i, y.shape, y.dtype) for i, y in made]
        sealed = list(leaves)
        saved = (self, *self._arrays())
        if len(made) == 1:
            ((i, y),) = made
            sealed[i] = wrap(y._data, _node(_CHECKPOINT, self.parents, _run_again, saved, y.shape, y.dtype))
            return sealed
        bundle = _node(_CHECKPOINT, self.parents, _run_again, saved, _Parts.shape, _Parts.dtype)
        for k, (i, y) in enumerate(made):
            sealed[i] = wrap(y._data, _node(_OUTPUT, (bundle,), _part, ((k, len(made)),), y.shape, y.dtype))
        return sealed

    def _arrays(self) -> list[np.ndarray]:
        """The memory that the second run reads and that must not change until then."""
        leaves, _ = flatten((self.args, self.kwargs))
        tensors = [x for x in leaves if isinstance(x, Tensor)]
        tensors += [
            x for node in self.parents if node.op is None and node.ref is not None and (x := node.ref()) is not None
        ]
        return list({id(x._data): x._data for x in tensors}.values())

    def gradients(self, parts: list, create_graph: bool) -> tuple:
        """The gradients of the parents, from a second run."""
        start = next(graph.clock)
        with enable_grad(), _recomputing(), self.draws():
            leaves, _ = flatten(self.function(*self.args, **self.kwargs))
        outputs = [leaves[i] if i < len(leaves) else None for i, _, _ in self.outputs]
        for (i, shape, dtype), y in zip(self.outputs, outputs):
            if not isinstance(y, Tensor) or (self.check and (y.shape != shape or y.dtype != dtype)):
                now = f"shape {y.shape} {y.dtype}" if isinstance(y, Tensor) else "no tensor"
                raise RuntimeError(
                    f"checkpoint: output {i} of {_name(self.function)} had shape {shape} {dtype} at first and {now} "
                    f"when computed again; it must do the same both times"
                )
        roots = [y._node if isinstance(y, Tensor) else None for y in outputs]
        targets = self._cut(roots, start, create_graph)
        seeds = [(node, g) for node, g in zip(roots, parts) if node is not None and g is not None]
        found = engine.run(seeds, set(targets.values()), create_graph, create_graph)
        return tuple(found.get(targets[node]) if node in targets else None for node in self.parents)

    def _cut(self, roots: list, start: int, create_graph: bool) -> dict[Node, Node]:
        """Put a node of our own before each parent, where the pass ends. The segment's nodes are ours to change."""
        nodes, _ = _inside(roots, start)
        inputs = _outside(nodes, start)
        if self.check and (strange := set(inputs) ^ set(self.parents)):
            node = strange.pop()
            raise RuntimeError(
                f"checkpoint: {_name(self.function)} read the tensor recorded at {node.where()} only "
                f"{'at first' if node in self.parents else 'when computed again'}; it must do the same both times"
            )
        ends = {}
        for node in inputs:
            # behind it, only derivatives of this gradient go on
            op, parents = (clone, (node,)) if create_graph else (None, ())
            end = _node(op, parents, lambda g: g, (), node.shape, node.dtype)
            end.age = start
            ends[node] = end
        for node in nodes:
            if any(parent in ends for parent in node.parents):
                node.parents = tuple(
                    ends.get(parent, parent) if parent is not None else None for parent in node.parents
                )
        return ends


def _born(y: Tensor) -> int:
    return y._node.age if y._node is not None else 0


def _node(op: Any, parents: tuple[Node, ...], rule: Callable, saved: tuple, shape: tuple, dtype: Any) -> Node:
    step = Step(None if op is _CHECKPOINT else 0, rule, itemgetter(slice(1)), (), None)
    return record(op, parents, Plan((), (), (step,), tuple), saved, {}, shape, dtype)


def _run_again(g: Any, segment: _Segment) -> tuple:
    """The gradient rule of a checkpoint."""
    parts = g.parts if isinstance(g, _Parts) else [g]
    return segment.gradients(parts, any(isinstance(part, Tensor) for part in parts))


def _part(g: Any, place: tuple[int, int]) -> _Parts:
    """The gradient rule of one output of several."""
    k, count = place
    return _Parts([g if i == k else None for i in range(count)])


def _inside(roots: Sequence[Node | None], start: int) -> tuple[list[Node], set[Node]]:
    """The nodes recorded since ``start`` behind ``roots``, and everything met."""
    seen = {node for node in roots if node is not None}
    stack = list(seen)
    nodes = []
    while stack:
        node = stack.pop()
        if node.age < start:
            continue
        nodes.append(node)
        for parent in node.parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return nodes, seen


def _outside(nodes: list[Node], start: int) -> list[Node]:
    """What ``nodes`` were computed from: older nodes, and leaves made inside that somebody keeps (a lazy parameter)."""
    found: dict[Node, None] = {}
    for node in nodes:
        for parent in node.parents:
            if parent is not None and (parent.age < start or (parent.op is None and _kept(parent))):
                found[parent] = None
    return list(found)


def _kept(leaf: Node) -> bool:
    return leaf.ref is not None and leaf.ref() is not None


@contextmanager
def _recomputing() -> Any:
    outer, modes.recomputing = modes.recomputing, True
    try:
        yield
    finally:
        modes.recomputing = outer


def _name(function: Callable) -> str:
    return getattr(function, "__name__", type(function).__name__)
