"""Derivatives at a point, backwards and forwards: what every transform is made of.

With ``J`` the Jacobian of a function at a point, :func:`pull_back` gives ``v ↦ vᵀJ`` (one backward pass) and
:func:`push_forward` gives ``t ↦ Jt``. The latter needs no rules of its own: ``v ↦ vᵀJ`` is linear, and its own backward
pass along ``t`` is ``Jt``, whatever ``v`` is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import engine
from .batched import BatchedTensor, batch, innermost, lift, physical, whole
from .graph import Node
from .modes import enable_grad, is_grad_enabled
from .ops.layout import _reshape
from .tensor import Tensor, as_tensor, wrap
from .tree import flatten, tree_map, unflatten

Argnums = int | tuple[int, ...]


class Point:
    """The arguments of a function, where it is differentiated: chosen ones become variables of their own.

    A variable is a new node of the graph. Its argument's own history is kept behind it, so that derivatives of
    derivatives, and of functions around this one, are right; ``link=False`` cuts it off.
    """

    def __init__(self, caller: str, args: Sequence[Any], chosen: Sequence[int], link: bool = True) -> None:
        self.caller = caller
        self.recording = is_grad_enabled()
        self.variables: list[Tensor] = []
        self.specs: list = []  # the form of each chosen argument
        self.args = list(args)
        for i in chosen:
            leaves, spec = flatten(args[i])
            variables = [self._variable(x, i, link and self.recording) for x in leaves]
            self.variables += variables
            self.specs.append(spec)
            self.args[i] = unflatten(spec, variables)
        self._own = {whole(x)._node for x in self.variables}

    def _variable(self, x: Any, argument: int, link: bool) -> Tensor:
        if not isinstance(x, (Tensor, np.ndarray, float)):
            raise TypeError(f"{self.caller}: argument {argument} holds a {type(x).__name__}, not a tensor")
        x = lift(as_tensor(x))
        if x.dtype.kind != "f":
            raise TypeError(
                f"{self.caller}: argument {argument} holds a tensor of {x.dtype}; derivatives need floating point"
            )
        if link and x.requires_grad:
            return _reshape(x, shape=x.shape)  # the same values, a node of its own
        return _leaf(x)

    def call(self, func: Callable, kwargs: dict | None = None) -> Any:
        """``func`` at the point, recorded."""
        with enable_grad():
            return func(*self.args, **(kwargs or {}))

    def outputs(self, result: Any, what: str = "the function") -> tuple[list[Tensor], Any]:
        """The tensors a function returned, and their form."""
        leaves, spec = flatten(result)
        for y in leaves:
            if not isinstance(y, Tensor):
                raise TypeError(
                    f"{self.caller}: {what} must return tensors, or containers of them, not {type(y).__name__}"
                )
        return leaves, spec

    def open(self, *tensors: Any) -> bool:
        """Whether derivatives of these would go on beyond the point: to a transform around this one, or a parameter."""
        return self.recording and reaches_others(tensors, self._own)

    def release(self, tree: Any) -> Any:
        """Results as the caller sees them: with a history only where it goes on beyond the point."""
        return tree_map(lambda y: y.detach() if isinstance(y, Tensor) and not self.open(y) else y, tree)

    def arranged(self, gradients: Sequence[Any]) -> list:
        """One value for each variable, in the form of the chosen arguments."""
        values = iter(gradients)
        return [unflatten(spec, [next(values) for _ in range(_count(spec))]) for spec in self.specs]


def _count(spec: Any) -> int:
    return 1 if spec.kind is None else sum(_count(child) for child in spec.children)


def _leaf(x: Tensor) -> Tensor:
    """The values of ``x`` as a new variable."""
    if isinstance(x, BatchedTensor):
        return BatchedTensor(_leaf(x.value), x.level)
    return wrap(x._data, None).requires_grad_()


def reaches_others(tensors: Sequence[Any], own: set) -> bool:
    """Whether some of ``tensors`` was computed from a leaf that is not in ``own``."""
    stack: list[Node] = [t._node for t in map(whole, tensors) if isinstance(t, Tensor) and t._node is not None]
    seen = set(stack)
    while stack:
        node = stack.pop()
        if node.op is None and node not in own:
            return True
        for parent in node.parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return False


def zeros_like(x: Tensor) -> Tensor:
    """Zeros of the shape, dtype and batches of ``x``."""
    if isinstance(x, BatchedTensor):
        return BatchedTensor(zeros_like(x.value), x.level)
    return wrap(np.zeros(x.shape, x.dtype), None)


def pull_back(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], cotangents: Sequence[Tensor], create_graph: bool
) -> list[Tensor | None]:
    """``Σ vᵀ J`` for each input; ``None`` where no output depends on it.

    Batched outputs have a node of whole batches, and their samples have gradients of their own because the inputs are
    batched too (``lift``): one backward pass. Batched cotangents of outputs that are not: one backward pass on Tensors.
    """
    level = innermost([*outputs, *inputs])
    if level is not None:
        parts = [[physical(x, level) for x in group] for group in (outputs, inputs, cotangents)]
        found = pull_back(parts[0], parts[1], parts[2], create_graph)
        return [None if g is None else batch(g, level) for g in found]
    kept = [(y, v) for y, v in zip(outputs, cotangents) if y.requires_grad]
    if not kept or not inputs:
        return [None] * len(inputs)
    on_tensors = create_graph or any(isinstance(v, BatchedTensor) for _, v in kept)
    ys, vs = zip(*kept)
    return list(engine.grad(ys, inputs, vs, retain_graph=True, create_graph=on_tensors, allow_unused=True))


def push_forward(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], tangents: Sequence[Sequence[Tensor | None]], create_graph: bool
) -> list[list[Tensor | None]]:
    """For each list of tangents (one for each input): ``Jt`` for each output, ``None`` where it does not depend."""
    with enable_grad():
        live = [y for y in outputs if y.requires_grad]
        dummies = [_leaf(zeros_like(y)) for y in live]
        gradients = pull_back(live, inputs, dummies, create_graph=True)
    results = []
    for row in tangents:
        pairs = [(g, t) for g, t in zip(gradients, row) if g is not None and t is not None and g.requires_grad]
        found = iter(pull_back([g for g, _ in pairs], dummies, [t for _, t in pairs], create_graph))
        results.append([next(found) if y.requires_grad else None for y in outputs])
    return results


# --- what transforms ask of their arguments -------------------------------------------------------------------------


def chosen(caller: str, argnums: Argnums, count: int) -> tuple[int, ...]:
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for n in numbers:
        if isinstance(n, bool) or not isinstance(n, int):
            raise TypeError(f"{caller}: argnums is a number or a tuple of numbers, not {argnums!r}")
        if not -count <= n < count:
            raise IndexError(f"{caller}: argnums={argnums!r}, but the function was called with {count} arguments")
    found = tuple(n % count for n in numbers)
    if not found or len(set(found)) != len(found):
        raise ValueError(f"{caller}: argnums={argnums!r} must name arguments, each once")
    return found


def split_aux(caller: str, result: Any, has_aux: bool) -> tuple:
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(
            f"{caller}: with has_aux the function returns a tuple (output, aux), not a {type(result).__name__}"
        )
    return result


def check_float(caller: str, y: Tensor) -> None:
    if y.dtype.kind != "f":
        raise RuntimeError(f"{caller}: the function returned a tensor of {y.dtype}; derivatives need floating point")


def form_of(tree: Any) -> Any:
    return flatten(tree)[1]


def matching(caller: str, what: str, v: Any, x: Tensor) -> Tensor:
    if not isinstance(v, (Tensor, np.ndarray, float, int)):
        raise TypeError(f"{caller}: a {what} is a tensor, not a {type(v).__name__}")
    v = as_tensor(v)
    if v.shape != x.shape:
        raise RuntimeError(f"{caller}: a {what} has shape {v.shape}, what it belongs to has {x.shape}")
    return v if v.dtype == x.dtype else v.to(x.dtype)


def ones_like(x: Tensor) -> Tensor:
    return zeros_like(x) + 1


def filled(found: Sequence[Tensor | None], like: Sequence[Tensor]) -> list[Tensor]:
    return [zeros_like(x) if g is None else g for g, x in zip(found, like)]
