"""Recording: a function runs once, as usual, and every op it runs is written down.

The tensors inside are :class:`TracedTensor`: each holds the ordinary Tensor that eager code would have had, so nothing
is computed differently and the first call costs one run. Whoever asks for the *values* of such a tensor (``item()``, a
branch on it, NumPy) stops the recording, with the reason; the function then goes on as if nobody had recorded it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, ref

import numpy as np

from ..batched import BatchedTensor
from ..graph import Node, _users_frame
from ..memory import owner
from ..modes import modes
from ..ops.layout import cast
from ..tensor import Tensor, wrap
from .program import Instruction, Value
from .traced import TracedTensor, plain


class Trace:
    """What is written down while a function runs."""

    def __init__(self) -> None:
        self.reason: str | None = None  # why the recording stopped
        self.open = True
        self.instructions: list[Instruction] = []
        self.count = 0  # of values
        self.captured: dict[int, tuple[Tensor, Value]] = {}  # by identity: tensors from outside, read at each call
        self.without_grad: dict[int, Tensor] = {}  # by identity: tensors that were seen to have no gradient
        self.passes: list[int] = []  # of which instruction the backward passes inside begin
        self.passed: WeakSet[Node] = WeakSet()  # what they went through
        self.made: WeakKeyDictionary[Node, Instruction] = WeakKeyDictionary()  # which instruction recorded a node
        self.modules: dict[int, Any] = {}  # modules that were called
        self._memory: dict[int, tuple[ref[np.ndarray], dict[tuple, Value]]] = {}  # see _values_in
        self._in_effect = False

    # --- stopping -----------------------------------------------------------------------------------------------

    def stop(self, reason: str) -> None:
        """Nothing after this is written down."""
        if self.open and self.reason is None and not self._in_effect:
            frame: FrameType | None = sys._getframe(1)
            user, ours = _users_frame(2), ""
            while frame is not None and frame is not user:
                ours, frame = frame.f_code.co_name, frame.f_back
            self.reason = reason if "{" not in reason else reason.format(ours.strip("_"))
            if user is not None:
                self.reason += f" ({os.path.basename(user.f_code.co_filename)}:{user.f_lineno})"

    def is_on(self) -> bool:
        """Whether what happens now is written down."""
        return self.open and self.reason is None

    def look_at_grad(self, tensor: Tensor) -> None:
        """``.grad`` of a tensor from outside is asked for: a call is replayed only where the answer is the same."""
        gradient = tensor._grad
        if gradient is None:
            self.without_grad[id(tensor)] = tensor
        elif not self.kind_of(gradient):
            self.stop("a gradient is looked at that was there before the call")

    def draw(self, found: np.random.Generator) -> np.random.Generator:
        """What a draw of random numbers asks: only those of an effect come anew at each call."""
        self.stop("random numbers are drawn outside of the layers that can be recorded")
        return found if self.outer_draws is None else self.outer_draws(found)

    def enter(self, module: Any) -> None:
        """A module is called."""
        self.modules[id(module)] = module
        if module._forward_hooks or module._forward_pre_hooks:
            self.stop(f"{type(module).__name__} has forward hooks")

    # --- values -------------------------------------------------------------------------------------------------

    def new_value(self, array: Any, kind: str = "computed") -> Value:
        shape, dtype = np.shape(array), getattr(array, "dtype", np.dtype(object))
        value = Value(self.count, shape, dtype, kind)
        self.count += 1
        if isinstance(array, np.ndarray):
            self._values_in(array)[_place(array)] = value
        return value

    def _values_in(self, array: np.ndarray) -> dict[tuple, Value]:
        """The values in the memory that ``array`` is a part of, by their place, the first one first.

        Memory that is freed and used again is other memory: a recording keeps no array alive that eager code would not.
        """
        whole = owner(array)
        found = self._memory.get(id(whole))
        if found is None or found[0]() is not whole:
            found = self._memory[id(whole)] = ref(whole), {}
        return found[1]

    def argument(self, tensor: Tensor) -> TracedTensor:
        return TracedTensor(tensor, self, self.new_value(tensor._data, "argument"))

    def result(self, tensor: Tensor) -> Tensor:
        """A tensor made of a by-product of an op."""
        value = self.value_of(tensor)
        return tensor if value is None or self.reason is not None else TracedTensor(tensor, self, value)

    def traced(self, value: Value, array: Any) -> TracedTensor:
        """A value as a tensor without history: what gradient rules are given."""
        return TracedTensor(wrap(array), self, value)

    def kind_of(self, tensor: Tensor) -> str:
        """The kind of the value that a tensor is; "" if it is none."""
        value = self._values_in(tensor._data).get(_place(tensor._data))
        return "" if value is None else value.kind

    def value_of(self, x: Any) -> Value | None:
        """The value that an input of an op is; ``None`` for a constant."""
        if type(x) is TracedTensor:
            if x.trace is not self:
                self.stop("a tensor of another recording is used")
                return None
            return x.value
        array = x._data if isinstance(x, Tensor) else x
        if not isinstance(array, np.ndarray):
            return None
        known = self._values_in(array)
        value = known.get(_place(array))
        if value is not None:
            if isinstance(x, Tensor) and value.kind == "argument":
                self.stop("an argument is also used from outside")
        elif isinstance(x, Tensor):
            value = self.new_value(array, "captured")
        elif known:
            self.stop("NumPy works with the memory of a tensor")
            return None
        else:
            return None
        if isinstance(x, Tensor) and value.kind == "captured":
            self.captured.setdefault(id(x), (x, value))
        return value

    # --- what runs ----------------------------------------------------------------------------------------------

    def run(self, op: Any, inputs: tuple, settings: dict, residuals: list | None) -> Any:
        """Run an op for real, and write it down."""
        modes.trace = None
        try:
            if any(isinstance(x, BatchedTensor) for x in inputs):
                self.stop("vmap is used inside")
            own: list | None = None if residuals is None else []
            given = tuple([plain(x) for x in inputs])
            out = op._run(given, {name: plain(x) for name, x in settings.items()}, own)
            if residuals is not None:
                residuals.extend(own or ())
            return self._write_down(op, inputs, given, settings, out, own) if self.reason is None else out
        finally:
            modes.trace = self

    def _write_down(
        self, op: Any, inputs: tuple, given: tuple, settings: dict, out: Any, residuals: list | None
    ) -> Any:
        arrays = op._open(given)[0]
        args: list[Any] = []
        for x, was, array in zip(inputs, given, arrays, strict=True):
            value = self.value_of(x)
            if value is not None and array is not (was._data if isinstance(was, Tensor) else was):
                value = self._convert(value, array)
            args.append(array if value is None else value)
        settings = {name: self._setting(x) for name, x in settings.items()}
        if self.reason is not None or not any(isinstance(x, Value) for x in (*args, *settings.values())):
            return out
        results = out if op.outputs else (out,)
        if not all(isinstance(y, (Tensor, np.ndarray)) for y in results):
            self.stop(f"NumPy computes with what {op.name} gave")
            return out
        datas = [y._data if isinstance(y, Tensor) else y for y in results]
        values = self._add(op.name, op.forward, args, settings, [*datas, *(residuals or ())], op, residuals is not None)
        for y in results:
            node = y._node if isinstance(y, Tensor) else None
            if node is not None:
                made = node.parents[0] if op.outputs else node
                assert made is not None
                self.made[made] = self.instructions[-1]
        wrapped = tuple(TracedTensor(y, self, v) if isinstance(y, Tensor) else y for y, v in zip(results, values))
        return wrapped if op.outputs else wrapped[0]

    def _convert(self, value: Value, array: np.ndarray) -> Value:
        """The promotion of one input to the dtype the op computes in."""
        if value.dtype == array.dtype:
            return value
        return self._add("cast", cast.forward, [value], {"dtype": array.dtype}, [array], cast)[0]

    def _setting(self, x: Any) -> Any:
        if isinstance(x, (TracedTensor, np.ndarray)):
            value = self.value_of(x)
            return x if value is None else value
        return x

    def _add(
        self,
        name: str,
        call: Callable,
        args: list,
        settings: dict,
        arrays: list,
        op: Any = None,
        several: bool = False,
        effect: bool = False,
    ) -> list[Value]:
        values = []
        for array in arrays:
            base = next(iter(self._values_in(array).values()), None) if isinstance(array, np.ndarray) else None
            value = self.new_value(array)
            value.base = base
            values.append(value)
        tuple_out = several or bool(op is not None and op.outputs)
        instruction = Instruction(name, call, tuple(args), settings, tuple(values), op, tuple_out, effect, modes.scope)
        self.instructions.append(instruction)
        for value in values:
            value.maker = instruction
        return values

    def effect(self, function: Callable, arguments: tuple, writes: bool) -> Any:
        """Run something that is done again at each call, and write it down."""
        modes.trace, self._in_effect = None, True
        try:
            out = function(*[plain(x) for x in arguments])
        finally:
            modes.trace, self._in_effect = self, False
        if self.reason is None:
            args = [x if type(x) is not TracedTensor and isinstance(x, Tensor) else self._setting(x) for x in arguments]
            arrays = list(out) if isinstance(out, tuple) else [] if out is None else [out]
            self._add(function.__name__.strip("_"), function, args, {}, arrays, None, isinstance(out, tuple), True)
            self.instructions[-1].writes = writes
        return out

    def call(self, name: str, function: Callable, args: list, settings: dict) -> list[TracedTensor | None]:
        """Run a function of arrays that gives arrays (or ``None``), a gradient rule, and write it down as one step."""
        modes.trace = None
        try:
            given = [plain(x)._data if isinstance(x, TracedTensor) else x for x in args]
            out = function(*given, **settings)
        finally:
            modes.trace = self
        parts = [None if y is None else np.asarray(y) for y in (out if isinstance(out, tuple) else (out,))]
        values = self._add(name, function, [self._setting(x) for x in args], settings, parts)
        self.instructions[-1].several = isinstance(out, tuple)
        return [None if y is None else self.traced(v, y) for y, v in zip(parts, values)]

    def detach(self, x: Tensor) -> Tensor:
        value = self.value_of(x) if self.is_on() else None
        array = plain(x)._data
        if value is None:
            return wrap(array)
        return self.traced(self._add("detach", detach, [value], {}, [array])[0], array)

    outer_draws: Callable | None = None

    def __enter__(self) -> Trace:
        self.outer_draws, modes.draws = modes.draws, self.draw
        modes.trace, self.open = self, True
        return self

    def __exit__(self, *exc: object) -> None:
        modes.draws, modes.trace = self.outer_draws, None
        self.open = False


def _place(array: np.ndarray) -> tuple:
    """Where an array stands in memory, and what it sees there."""
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype


def detach(x: np.ndarray) -> np.ndarray:
    """The same values; no gradient passes here."""
    return x
