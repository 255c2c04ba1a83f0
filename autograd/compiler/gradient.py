"""The backward pass of a recording, recorded in turn: the engine's walk, run once ahead of time.

A rule of an op that composes other ops runs on traced tensors, so that its parts are seen one by one; the rule of
an op with a fused kernel runs on arrays and becomes one instruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..accumulation import accumulate_array, is_ours
from ..engine import _copy_pays, _fit, _on_the_way, _reachable, _seed, _settings
from ..graph import Node
from ..kernels.arrays import canonical
from ..memory import recall
from ..modes import effect, modes, no_grad
from ..primitive import OutputGradients
from ..tensor import Tensor
from .program import Instruction, Value
from .trace import Trace
from .traced import TracedTensor, plain

# Ops whose rules only call other ops, whatever they are given; elementwise ops of the framework do as well.
_COMPOSED = {
    *("reshape", "permute", "broadcast_to", "sum_to", "clone", "basic", "cat", "stack", "pad", "sum", "mean", "matmul"),
    *("conv2d", "conv2d_input", "conv2d_weight"),
}


def record_backward(
    trace: Trace, seeds: Sequence[tuple[Node, TracedTensor]], targets: Sequence[Node]
) -> dict[Node, Any]:
    """Record the backward pass to ``targets`` behind what ``trace`` holds already.

    seeds : outputs and their gradients
    Returns the gradients of those targets that are reached.
    """
    pending: dict[Node, Any] = {}
    for node, seed in seeds:
        _accumulate(pending, node, seed)
    order = _on_the_way(_reachable(list(pending)), set(targets))
    useful = set(order)
    found: dict[Node, Any] = {}
    while order and trace.reason is None:
        node = order.pop()
        g = pending.pop(node, None)
        if g is None:
            continue
        if node in targets:
            found[node] = g
        if node.op is None or (made := _maker(trace, node)) is None:
            continue
        if node.hooks:
            trace.stop(f"a hook is registered on what {node.name} gave")
            break
        outer, modes.scope = modes.scope, node.scope
        try:
            for parent, part in _contributions(trace, node, made, g, useful):
                _accumulate(pending, parent, part)
        finally:
            modes.scope = outer
    return found


def backward_inside(trace: Trace, y: TracedTensor, gradient: Any, retain_graph: bool) -> bool:
    """``y.backward()`` in a function that is being recorded: recorded in turn, with what it does to the leaves.

    Returns whether that was possible; if not, nothing has happened but that the recording stopped.
    """
    if y._node is None:
        return False  # an error, which the engine knows how to tell
    seed = _seed(y.inner, plain(gradient), False, "backward")
    nodes = _reachable([y._node])
    leaves = {node: tensor for node in nodes if node.op is None and node.ref and (tensor := node.ref()) is not None}
    if any(node.op is not None and _maker(trace, node) is None for node in nodes):
        trace.stop("backward goes on through what was computed before the call")
    elif any(node.hooks for node in leaves):
        trace.stop("backward is called inside, and a hook is registered on a parameter")
    elif any(trace.kind_of(tensor) == "argument" for tensor in leaves.values()):
        trace.stop("backward is called inside, and an argument wants a gradient")
    if not trace.is_on():
        return False
    if gradient is None:
        g = trace.call("ones", partial(np.ones, y.shape, y.dtype), [], {})[0]
    elif not isinstance(gradient, Tensor) or seed is not plain(gradient)._data:
        trace.stop("backward is called inside with a gradient that is no tensor of the dtype of the output")
        return False
    else:
        g = trace.traced(trace.value_of(gradient), seed)  # type: ignore[arg-type]
    start = len(trace.instructions)
    with no_grad():
        found = record_backward(trace, [(y._node, g)], list(leaves))  # type: ignore[list-item]
    if not trace.is_on():
        return False
    arrays = {node: g.inner._data for node, g in found.items()}
    del found, g
    ours = tuple([is_ours(arrays, node, reshaped=False) for node in arrays])  # a replay may keep what is reshaped
    effect(_accumulate_all, [leaves[node] for node in arrays], ours, *arrays.values(), writes=True)
    trace.passes.append(start)
    trace.passed.update(nodes)
    if not retain_graph:
        for node in nodes:
            node.saved = None if node.saved else node.saved
    return True


def _accumulate_all(tensors: list[Tensor], ours: tuple[bool, ...], *gradients: np.ndarray) -> tuple[np.ndarray, ...]:
    for tensor, g, own in zip(tensors, gradients, ours):
        accumulate_array(tensor, g, own)
    return tuple([tensor._grad._data for tensor in tensors])  # type: ignore[union-attr]


def _maker(trace: Trace, node: Node) -> Instruction | None:
    made = node.parents[0] if node.name == "output" else node
    return None if made is None else trace.made.get(made)


def _accumulate(pending: dict[Node, Any], node: Node, part: Any) -> None:
    pending[node] = pending[node] + part if node in pending else part


def _contributions(trace: Trace, node: Node, made: Instruction, g: Any, useful: set[Node]) -> Any:
    if node.name == "output":
        yield (
            node.parents[0],
            OutputGradients(node.settings["shapes"], node.settings["dtypes"], {node.settings["index"]: g}),
        )
        return
    plan = node.plan
    assert plan is not None and node.op is not None
    results = (*made.args, *made.outputs)
    saved = list(recall(node))
    for slot, i in enumerate(plan.values):
        if isinstance(results[i], Value):
            saved[slot] = trace.traced(results[i], saved[slot])
    if len(plan.steps) > 1 and not isinstance(g, OutputGradients) and _copy_pays(plain(g)._data):
        g = trace.call("contiguous", canonical, [g], {})[0]
    composed = node.op.__module__.startswith("autograd.") and (node.op.elementwise or node.op.name in _COMPOSED)
    for step in plan.steps:
        if step.input is not None and node.parents[step.input] not in useful:
            continue
        args, settings = list(step.pick(saved)), dict(_settings(node, step))
        if composed:
            out = step.function(g, *args, **settings)
            parts = list(out) if isinstance(out, tuple) else [out]
        else:
            parts = _as_one(trace, node, step.function, g, args, settings, made)
        parents = node.parents if step.input is None else (node.parents[step.input],)
        for parent, part in zip(parents, parts, strict=True):
            if parent is None or part is None or parent not in useful:
                continue
            yield parent, _fit(part, parent, node) if part.shape != parent.shape or part.dtype != parent.dtype else part


def _as_one(trace: Trace, node: Node, rule: Any, g: Any, args: list, settings: dict, made: Instruction) -> list:
    """A rule on arrays, as one instruction."""
    assert node.op is not None
    name = f"{node.op.name}_backward"
    arrays = {key: trace.traced(v, x) for key, x in settings.items() if isinstance(v := made.settings.get(key), Value)}
    constant = {key: x for key, x in settings.items() if key not in arrays}
    keys, count = tuple(arrays), len(args)
    if isinstance(g, OutputGradients):
        numbers, shape, dtype = tuple(sorted(g._parts)), g.shape, g.dtype

        def run(*values: Any) -> Any:
            upstream = OutputGradients(shape, dtype, dict(zip(numbers, values)))
            rest = values[len(numbers) :]
            return rule(upstream, *rest[:count], **dict(zip(keys, rest[count:])), **constant)

        gradients = [g[i] for i in numbers]
    else:

        def run(*values: Any) -> Any:
            return rule(values[0], *values[1 : 1 + count], **dict(zip(keys, values[1 + count :])), **constant)

        gradients = [g]
    return trace.call(name, run, [*gradients, *args, *arrays.values()], {})
