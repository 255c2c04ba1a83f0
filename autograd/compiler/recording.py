"""One recording made ready to run: forward and backward replays, what they need from outside, what must not change."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import numpy as np

from .. import engine
from ..graph import Node, record
from ..memory import exported, owner, private
from ..modes import modes, no_grad, quietly, set_grad_enabled
from ..ops.layout import clone
from ..primitive import OutputGradients, Plan, Step, primitive, registry
from ..tensor import Tensor, wrap
from ..tree import flatten, unflatten
from ..viz.form import GraphForm
from .drawing import form, names_of
from .fuse import fuse
from .gradient import record_backward
from .program import Instruction, Program, Value, alive
from .recompute import read_by, with_recomputed
from .replay import Replay
from .trace import Trace
from .traced import TracedTensor


class NotCompiled(Exception):
    """The recording cannot be repeated; the message completes "because"."""


class Recording:
    """A function at one set of shapes, dtypes and modes."""

    def __init__(self, trace: Trace, leaves: list, inputs: list[Value], result: Any) -> None:
        self._arguments = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
        outputs, self._form = flatten(result)
        self._constants: list[
            Any
        ] = []  # what stands in place of an output: ("argument", i), ("value", i), ("as it is", x)
        chosen = self._choose(outputs, leaves, inputs, trace)
        sources = [(leaves[i], value) for i, value in zip(self._arguments, inputs)]
        sources += list(trace.captured.values())
        self.captured = [(t, v, t._node is not None) for t, v in trace.captured.values()]
        self._modules, self._places = _guards(trace)
        called = names_of(trace.modules.values())
        self._names = {v: called[id(t)] for t, v in trace.captured.values() if id(t) in called}
        self._names.update((v, f"argument {i}") for i, v in enumerate(inputs))

        self._without_grad = list(trace.without_grad.values())
        self._passes = bool(trace.passes)  # whether backward is called inside
        forward = list(trace.instructions)
        differentiable = [y for y in chosen if y._node is not None]
        targets = list(dict.fromkeys(t._node for t, _ in sources if t._node is not None))
        self.wants = [y._node is not None for y in chosen]
        seeds: list[Value] = []
        found: dict[Node, Value] = {}
        if self._passes:
            if any(y._node not in trace.passed for y in differentiable):
                raise NotCompiled("backward is called inside, and an output wants another backward pass")
        elif differentiable:
            if any(i.writes for i in forward):
                raise NotCompiled("parameters are changed inside, and an output wants a backward pass")
            seeds, found = self._backward(trace, differentiable, targets)
        at = {t._node: i for i, (t, _) in reversed(list(enumerate(sources))) if t._node is not None}
        self._parents = [at[node] for node in targets if node in found]  # which source's node each parent is
        gradients = [found[node] for node in targets if node in found]
        self._reached = bool(gradients)
        self._sources = [value for _, value in sources]
        self._recorded = frozenset(trace.made.values())
        self._values = [y.value for y in chosen]

        backward = alive(trace.instructions[len(forward) :], gradients)
        backward = with_recomputed(backward, gradients)
        made_here = {v for i in backward for v in i.outputs}
        self.saved = [v for v in dict.fromkeys([*read_by(backward), *gradients]) if v not in made_here]
        self.saved = [v for v in self.saved if v.kind != "gradient"]
        drawn = [v for i in forward if i.effect for v in i.outputs]
        keep = list(dict.fromkeys([*self.saved, *drawn, *self._sources])) if self._reached else []
        self._from_outside = {v for v in keep if v.root().kind != "computed"}
        self._checked = (self._from_outside | set(self._values)) & set(self.saved)
        self.kept = keep
        self.steps = forward  # before anything is fused: what create_graph goes through again
        if self._passes:
            forward = _whole(forward, trace.passes[0], self._values)
        else:
            forward = fuse(alive(forward, [*self._values, *keep]), [*self._values, *keep])
        backward = fuse(backward, gradients)
        name = "step" if self._passes else "forward"
        self.forward = Program(name, self._sources, forward, [*self._values, *keep])
        self.backward = Program("backward", [*seeds, *keep], backward, list(gradients))
        self._seeds = [(i, v) for i, v in zip([i for i, w in enumerate(self.wants) if w], seeds)]
        self._shapes = tuple(v.shape for v in self._values)
        self._dtypes = tuple(v.dtype for v in self._values)
        self._run_forward = Replay(self.forward)
        self._run_backward = Replay(self.backward) if self._reached else None

    def _choose(self, outputs: list, leaves: list, inputs: list[Value], trace: Trace) -> list[TracedTensor]:
        """The outputs that are computed; where the others come from."""
        chosen: list[TracedTensor] = []
        for y in outputs:
            if type(y) is TracedTensor:
                if y.value in inputs:
                    self._constants.append(("argument", self._arguments[inputs.index(y.value)]))
                elif y.value.root().kind != "computed":
                    raise NotCompiled("an output is a view of an argument or of a tensor from outside")
                else:
                    self._constants.append(("value", len(chosen)))
                    chosen.append(y)
            elif isinstance(y, (Tensor, np.ndarray)):
                raise NotCompiled("an output is not computed from the arguments")
            else:
                self._constants.append(("as it is", y))
        roots = [y.value.root() for y in chosen]
        if len(set(roots)) < len(roots):
            raise NotCompiled("two outputs share memory")
        return chosen

    def _backward(self, trace: Trace, outputs: list[TracedTensor], targets: list[Node]) -> tuple[list, dict]:
        """Record the backward pass, for any gradients of the outputs."""
        with no_grad(), trace:
            ones = [np.ones(y.shape, y.dtype) for y in outputs]
            seeds = [trace.new_value(x, "gradient") for x in ones]
            pairs = [(y._node, trace.traced(v, x)) for y, v, x in zip(outputs, seeds, ones)]
            found = record_backward(trace, pairs, targets)
        if trace.reason is not None:
            raise NotCompiled(f"the backward pass cannot be recorded: {trace.reason}")
        return seeds, {node: g.value for node, g in found.items()}

    # --- what it is ---------------------------------------------------------------------------------------------

    @property
    def arguments(self) -> list[Value]:
        return self._sources[: len(self._arguments)]

    @property
    def programs(self) -> list[tuple[Program, Replay]]:
        backward = [] if self._run_backward is None else [(self.backward, self._run_backward)]
        return [(self.forward, self._run_forward), *backward]

    def form(self, backward: bool) -> GraphForm:
        """The graph form of one of the two programs."""
        if backward:
            kept = {v: f"{v.maker.name} (kept)" for v in self.kept if v.maker is not None}
            upstream = {v: "gradient" for _, v in self._seeds}
            return form(self.backward, {**kept, **self._names, **upstream}, self.backward.outputs)
        return form(self.forward, self._names, self._values)

    # --- may it be used -----------------------------------------------------------------------------------------

    def holds(self) -> bool:
        """Whether what was read from outside the arguments is still of the same form."""
        for tensor, value, wanted in self.captured:
            array = tensor._data
            if array.shape != value.shape or array.dtype != value.dtype or (tensor._node is not None) is not wanted:
                return False
            if self._passes and wanted and tensor._node.hooks:  # type: ignore[union-attr]
                return False
        if any(tensor._grad is not None for tensor in self._without_grad):
            return False
        for module, training in self._modules:
            state = module.__dict__
            if state["training"] is not training or state["_forward_hooks"] or state["_forward_pre_hooks"]:
                return False
        return all(table.get(name) is x for table, name, x in self._places)

    # --- running ------------------------------------------------------------------------------------------------

    def __call__(self, leaves: list) -> Any:
        tensors = [leaves[i] for i in self._arguments]
        tensors += [t for t, _, _ in self.captured]
        arrays = [t._data for t in tensors]
        results = quietly(self._run_forward.run, arrays)
        count = len(self._values)
        if self._reached:
            kept = results[count:]
            checked = [x for x, v in zip(kept, self.kept) if v in self._checked]
            if exported:
                kept = [private(x) if v in self._from_outside else x for x, v in zip(kept, self.kept)]
                checked = [x for x in checked if id(owner(x)) not in exported]  # of those there are copies
            parents = tuple([tensors[i]._node for i in self._parents])
            call = _Call(self, kept, parents)
            node = record(compiled, parents, _PLAN, (call, *checked), {}, self._shapes, self._dtypes)
            ys = [
                wrap(y, compiled.output_node(node, i) if wanted else None)
                for i, (y, wanted) in enumerate(zip(results, self.wants))
            ]
        else:
            ys = [wrap(y, _passed(y) if wanted else None) for y, wanted in zip(results, self.wants)]
        out = [leaves[x] if how == "argument" else ys[x] if how == "value" else x for how, x in self._constants]
        return unflatten(self._form, out)

    def gradients(self, g: OutputGradients, kept: list) -> list:
        """The gradients of the parents."""
        assert self._run_backward is not None
        arrays = [*[np.asarray(g[i], order="C") for i, _ in self._seeds], *kept]
        if modes.freeing:
            kept.clear()
        return quietly(self._run_backward.run, arrays)

    def recorded_gradients(self, g: OutputGradients, call: _Call) -> list:
        """The same, recorded: the ops run again one by one, on Tensors."""
        stock = dict(zip(self.kept, call.kept))
        values: dict[Value, Any] = {value: wrap(stock[value], None) for value in self._sources}
        targets = []
        for i, node in zip(self._parents, call.parents):
            tensor = values[self._sources[i]] = clone(wrap(stock[self._sources[i]], node))
            targets.append(tensor._node)
        for instruction in self.steps:
            if instruction.effect:
                values.update((v, stock[v]) for v in instruction.outputs)
            else:
                with set_grad_enabled(instruction in self._recorded):
                    self._step(instruction, values)
        roots = [(values[self._values[i]]._node, g[i]) for i, _ in self._seeds if i in g]
        found = engine.run(roots, set(targets), True, True)
        return [found.get(node) for node in targets]

    def _step(self, instruction: Instruction, values: dict) -> None:
        args = [values[x] if isinstance(x, Value) else x for x in instruction.args]
        settings = {k: values[x] if isinstance(x, Value) else x for k, x in instruction.settings.items()}
        if instruction.op is None:  # detach
            values[instruction.outputs[0]] = args[0].detach()
            return
        settings = {k: x._data if isinstance(x, Tensor) else x for k, x in settings.items()}
        residuals: list | None = [] if instruction.op.residuals else None
        out = instruction.op._run(tuple(args), settings, residuals)
        results = [*(out if instruction.op.outputs else (out,)), *(residuals or ())]
        values.update(zip(instruction.outputs, results))


class _Call:
    """What one call keeps for its backward pass."""

    __slots__ = ("kept", "parents", "recording")

    def __init__(self, recording: Recording, kept: list, parents: tuple) -> None:
        self.recording, self.kept, self.parents = recording, kept, parents


def _backward(g: OutputGradients, call: _Call) -> list:
    if modes.grad_enabled:
        return call.recording.recorded_gradients(g, call)
    kept = call.kept
    if modes.freeing:  # each value goes when it was read for the last time
        call.kept = []
    return call.recording.gradients(g, kept)


def _whole(instructions: list[Instruction], pass_at: int, wanted: list[Value]) -> list[Instruction]:
    """The instructions of a function in which backward is called: fused before its first call, and after it."""
    before = set(instructions[:pass_at])
    live = alive(instructions, wanted)
    after = with_recomputed([i for i in live if i not in before], wanted)
    made = {v for i in after for v in i.outputs}
    read = [v for v in dict.fromkeys([*read_by(after), *wanted]) if v not in made]
    return fuse(alive([i for i in live if i in before], read), read) + fuse(after, wanted)


def _passed(array: np.ndarray) -> Node:
    """The node of an output that a backward pass inside has gone through: a second one is an error."""
    node = record(compiled, (), _PLAN, (), {}, array.shape, array.dtype)
    node.saved = None
    return node


def _guards(trace: Trace) -> tuple[list, list]:
    """Which modules are in which mode, and where each part of them stands."""
    seen: dict[int, Any] = {}
    for module in trace.modules.values():
        for below in module.modules():
            seen[id(below)] = below
    modules = [(m, m.training) for m in seen.values()]
    places = [
        (table, name, x)
        for m in seen.values()
        for table in (m._parameters, m._buffers, m._modules)
        for name, x in table.items()
    ]
    return modules, places


@primitive(outputs=("outputs",))
def compiled(*tensors):
    """What a compiled function computes: one node, whatever is inside."""
    raise NotImplementedError("a compiled function runs its own program")


del registry["compiled"]  # nobody calls it; see output in primitive.py
_PLAN = Plan((), (), (Step(None, _backward, itemgetter(slice(1)), None, None),), tuple)
