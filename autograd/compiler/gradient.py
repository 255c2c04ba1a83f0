"""The backward pass of a recording, recorded in turn: the engine's walk, run once ahead of time.

A rule of an op that composes other ops runs on traced tensors, so that its parts are seen one by one; the rule of
an op with a fused kernel runs on arrays and becomes one instruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine import _fit, _on_the_way, _reachable, _settings
from ..graph import Node
from ..modes import modes, no_grad
from ..primitive import OutputGradients
from .program import Instruction, Value
from .trace import Trace, TracedTensor

# Ops whose rules only call other ops, whatever they are given; elementwise ops of the framework do as well.
_COMPOSED = {
    *("reshape", "permute", "broadcast_to", "sum_to", "clone", "basic", "cat", "stack", "pad", "sum", "mean", "matmul"),
    *("conv2d", "conv2d_input", "conv2d_weight"),
}


def record_backward(
    trace: Trace, outputs: Sequence[TracedTensor], targets: Sequence[Node]
) -> tuple[list[Value], dict[Node, Value]]:
    """Record the backward pass from ``outputs`` to ``targets`` behind what ``trace`` holds already.

    Returns the values of the upstream gradients, one for each output, and of the gradient of each target reached.
    """
    pending: dict[Node, Any] = {}
    seeds = []
    with no_grad(), trace:
        trace.open = True
        for y in outputs:
            ones = np.ones(y.shape, y.dtype)
            value = trace.new_value(ones, "gradient")
            seeds.append(value)
            _accumulate(pending, y._node, trace.traced(value, ones))
        order = _on_the_way(_reachable(list(pending)), set(targets))
        useful = set(order)
        found: dict[Node, Value] = {}
        while order and trace.reason is None:
            node = order.pop()
            g = pending.pop(node, None)
            if g is None:
                continue
            if node in targets:
                found[node] = g.value
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
    return seeds, found


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
    saved = list(node.kept())
    for slot, i in enumerate(plan.values):
        if isinstance(results[i], Value):
            saved[slot] = trace.traced(results[i], saved[slot])
    composed = node.op.__module__.startswith("autograd.") and (node.op.elementwise or node.op.name in _COMPOSED)
    for step in plan.steps:
        if step.input is not None and node.parents[step.input] not in useful:
            continue
        args, settings = [saved[i] for i in step.where], dict(_settings(node, step))
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
