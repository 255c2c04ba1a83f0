"""The backward pass. One page, and it knows no op by name.

Every node is older than the nodes computed from it, so visiting nodes from the youngest to the oldest meets each one
after all its consumers: its gradient is complete. No recursion anywhere, time linear in the number of nodes.

With ``create_graph`` the same gradient rules run on Tensors instead of arrays, and so are recorded themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

import numpy as np

from . import anomaly
from .accumulation import accumulate, accumulate_array, is_ours, own
from .graph import Node
from .kernels.arrays import LARGE, canonical
from .kernels.blocks import spread
from .memory import recall
from .modes import floating_point_errors, ignoring, modes
from .tensor import Tensor, as_tensor, wrap

_age = attrgetter("age")


def _reachable(roots: list[Node]) -> list[Node]:
    """Every node the roots were computed from, oldest first."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=_age)


def _on_the_way(order: list[Node], targets: set[Node]) -> list[Node]:
    """The nodes through which a gradient reaches one of the targets, oldest first."""
    useful = set(targets)
    for node in order:
        if any(parent in useful for parent in node.parents):
            useful.add(node)
    return [node for node in order if node in useful]


def run(
    seeds: list[tuple[Node, Any]], targets: set[Node] | None, retain_graph: bool, create_graph: bool
) -> dict[Node, Any]:
    """Gradients at the targets (``None``: at every leaf), as Tensors with ``create_graph``, else as arrays."""
    pending: dict[Node, Any] = {}
    for node, gradient in seeds:
        pending[node] = pending[node] + gradient if node in pending else gradient
    order = _reachable(list(pending))
    if targets is not None:
        order = _on_the_way(order, targets)
    useful = None if targets is None else set(order)
    found: dict[Node, Any] = {}
    owned: set[Node] = set()  # gradients that are sums made here: ours to add to in place
    looking = modes.anomaly
    # Ops inside of rules are not looked at for NaN, which they may make on the way: what a rule gives is looked at. A
    # context manager would be left as it is inside by an interrupt that comes as it begins or ends.
    outer, errors = (modes.grad_enabled, modes.freeing, looking), floating_point_errors.get()
    try:
        modes.grad_enabled, modes.freeing, modes.anomaly = create_graph, not retain_graph, False
        floating_point_errors.set(ignoring(errors))
        while order:
            node = order.pop()  # popped, so that a node dies as soon as the pass is through with it
            g = pending.pop(node, None)
            if g is None:
                continue
            if node.hooks is not None:
                g = _apply_hooks(node, g, create_graph)
            if looking:
                anomaly.check_arrived(node, g)
            if node.ref is not None or (targets is not None and node in targets):
                found[node] = g
            if node.op is None:
                continue
            if node.saved is None:
                raise RuntimeError(
                    f"backward through {node.name} (recorded at {node.where()}) a second time: its saved values are "
                    f"freed after the first; pass retain_graph=True to the first backward to keep them"
                )
            saved: Sequence = recall(node)
            if create_graph:
                saved = _as_tensors(node, saved)
            for parent, part in _contributions(node, g, saved, useful):
                if looking:
                    anomaly.check_backward(node, parent, g, part)
                if parent not in pending:
                    pending[parent] = part
                elif parent in owned:
                    pending[parent] += part
                elif not create_graph and type(part) is np.ndarray and part.ndim:
                    pending[parent] = spread(np.add, pending[parent], part)
                    owned.add(parent)
                else:
                    pending[parent] = pending[parent] + part
            if not retain_graph and node.saved:
                node.saved = None
    finally:
        modes.grad_enabled, modes.freeing, modes.anomaly = outer
        floating_point_errors.set(errors)
    return found


def _contributions(node: Node, g: Any, saved: Sequence, useful: set[Node] | None) -> Iterator[tuple[Node, Any]]:
    """What each useful parent gets of the gradient ``g``: the node's rules, run one after the other."""
    parents, steps = node.parents, node.plan.steps  # type: ignore[union-attr]
    if len(steps) > 1 and type(g) is np.ndarray and _copy_pays(g):
        g = canonical(g)
    for step in steps:
        index, function, pick, names, position = step
        if useful is not None and index is not None and parents[index] not in useful:
            continue
        # mostly as they are: to ask in a call each time took a chain of small ops 1 to 2 % longer
        settings = node.settings if names is None and position is None else _settings(node, step)
        part = function(g, *pick(saved), **settings)
        if index is None:  # one rule for all inputs
            pairs = zip(parents, part, strict=True)
        else:
            pairs = ((parents[index], part),)  # type: ignore[assignment]
        for parent, part in pairs:
            if parent is not None and part is not None and (useful is None or parent in useful):
                if part.shape != parent.shape or part.dtype != parent.dtype:
                    part = _fit(part, parent, node)
                yield parent, part


def _copy_pays(g: np.ndarray) -> bool:
    """Whether a gradient is a large slice of another, as ``cat`` hands it on: one copy in row-major order serves
    several rules, and each would make its own."""
    return g.size >= LARGE and not g.flags.c_contiguous


def _settings(node: Node, step: Any) -> dict:
    settings = node.settings
    if step.settings is not None and settings:
        settings = {name: settings[name] for name in step.settings if name in settings}
    return settings if step.position is None else {**settings, "position": step.position}


def _as_tensors(node: Node, saved: Sequence) -> list:
    """The saved values of a node as Tensors that know where they came from, so that rules are recorded in turn."""
    plan, op = node.plan, node.op
    assert plan is not None and op is not None
    count = len(node.parents)
    values = list(saved)
    for slot, index in enumerate(plan.values):
        if index < count:
            origin = node.parents[index]
        elif op.outputs:
            origin = op.output_node(node, index - count)
        else:
            origin = node if index == count else None
        if origin is not None:
            values[slot] = wrap(values[slot], origin)
    return values


@cache
def _layout() -> Any:
    """Ops stand above the engine; two of these undo broadcasting and promotion."""
    from .ops import layout

    return layout


def _fit(part: Any, parent: Node, node: Node) -> Any:
    """Bring a gradient back to its input's shape and dtype where broadcasting or promotion changed them."""
    assert node.op is not None
    if node.op.elementwise:
        layout = _layout()
        if part.shape != parent.shape:
            sum_to = layout.sum_to.forward if type(part) is np.ndarray else layout.sum_to
            part = sum_to(part, shape=parent.shape)
        return layout.cast(part, dtype=parent.dtype) if part.dtype != parent.dtype else part
    raise RuntimeError(
        f"{node.name}: a rule gave a gradient of shape {part.shape} {part.dtype} "
        f"for an input of shape {parent.shape} {parent.dtype} (recorded at {node.where()})"
    )


def _apply_hooks(node: Node, g: Any, create_graph: bool) -> Any:
    for hook in list((node.hooks or {}).values()):
        if create_graph:
            result = hook(g)
        else:
            seen = np.asarray(g).view()
            seen.flags.writeable = False  # other nodes may have the same array for their gradient
            result = hook(wrap(seen, None))
        if result is None:
            continue
        if not isinstance(result, Tensor) or result.shape != node.shape or result.dtype != node.dtype:
            found = f"{result.shape} {result.dtype}" if isinstance(result, Tensor) else type(result).__name__
            raise RuntimeError(
                f"{node.name}: a hook returned {found} for a gradient of shape {node.shape} {node.dtype} "
                f"(recorded at {node.where()})"
            )
        g = result if create_graph else result._data
    return g


def _seed(output: Tensor, gradient: Any, create_graph: bool, caller: str) -> Any:
    if output._node is None:
        raise RuntimeError(f"{caller}: the output does not require a gradient: no input of it has requires_grad=True")
    if gradient is None:
        if output._data.size != 1:
            raise RuntimeError(
                f"{caller}: the gradient can be left out only for a single element, this output has shape "
                f"{output.shape}; reduce it with .sum() or .mean(), or give a gradient of that shape"
            )
        gradient = np.ones_like(output._data)
    gradient = as_tensor(gradient)
    if gradient.shape != output.shape:
        raise RuntimeError(f"{caller}: the gradient has shape {gradient.shape} but the output has shape {output.shape}")
    if gradient.dtype != output.dtype:
        gradient = as_tensor(gradient._data.astype(output.dtype))
    return gradient if create_graph else gradient._data


def backward(
    outputs: Sequence[Tensor],
    gradients: Sequence[Any],
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Sequence[Tensor] | None = None,
) -> None:
    """Accumulate the gradients of ``outputs`` into ``.grad`` of the leaves: see :meth:`Tensor.backward`."""
    seeds = [(o._node, _seed(o, g, create_graph, "backward")) for o, g in zip(outputs, gradients, strict=True)]
    if inputs is not None and not (inputs := [inputs] if isinstance(inputs, Tensor) else list(inputs)):
        raise RuntimeError("backward: inputs is empty; leave it out to accumulate into every leaf")
    targets = None if inputs is None else {_target(t, "backward") for t in inputs}
    retain = create_graph if retain_graph is None else retain_graph
    found = run(seeds, targets, retain, create_graph)  # type: ignore[arg-type]
    # all of them before the first hook runs, which may drop a leaf or change a tensor in place
    holders = [(leaf, node) for node in found if node.ref is not None and (leaf := node.ref()) is not None]
    if inputs is not None:
        holders += [(t, t._node) for t in inputs if t._node in found and t._node.ref is None]
    for tensor, node in holders:
        if create_graph:
            accumulate(tensor, found[node], True)
        else:
            ours = is_ours(found, node)  # on a line of its own: an argument of a call is one more reference
            accumulate_array(tensor, found[node], ours)


def _target(tensor: Tensor, caller: str) -> Node:
    if tensor._node is None:
        raise RuntimeError(f"{caller}: an input does not require a gradient (shape {tensor.shape})")
    return tensor._node


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """Gradients of ``outputs`` with respect to ``inputs``, returned; no ``.grad`` is touched.

    Parameters
    ----------
    outputs, inputs : Tensor or sequence of Tensors
    grad_outputs : one gradient per output (may be left out for single elements)
    retain_graph, create_graph : as in :meth:`Tensor.backward`
    allow_unused : give ``None`` for an input that the outputs do not depend on, instead of an error
    """
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if grad_outputs is None or isinstance(grad_outputs, (Tensor, np.ndarray)):
        grad_outputs = [grad_outputs] * len(outputs)
    seeds = [(o._node, _seed(o, g, create_graph, "grad")) for o, g in zip(outputs, grad_outputs, strict=True)]
    nodes = [_target(t, "grad") for t in inputs]
    found = run(seeds, set(nodes), create_graph if retain_graph is None else retain_graph, create_graph)
    results: list[Tensor | None] = []
    for position, node in enumerate(nodes):
        if node not in found:
            if not allow_unused:
                raise RuntimeError(f"grad: the outputs do not depend on input {position}; allow_unused=True gives None")
            results.append(None)
        else:
            results.append(found[node] if create_graph else wrap(own(found, node), None))
    return tuple(results)
