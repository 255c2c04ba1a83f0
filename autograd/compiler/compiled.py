"""``compile``: which recording a call uses, and when it uses none."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..batched import BatchedTensor
from ..modes import modes
from ..tensor import Tensor
from ..tree import flatten, tree_map, unflatten
from ..viz.drawing import Graph
from .recording import NotCompiled, Recording
from .report import report
from .trace import Trace
from .traced import TracedTensor

_MOST = 8  # recordings of one function, as in PyTorch


class Compiled:
    """A function and its recordings. Made by :func:`autograd.compile`."""

    def __init__(self, function: Callable, name: str, fullgraph: bool, most: int) -> None:
        self.name = name
        self._function, self._fullgraph, self._most = function, fullgraph, most
        self._recordings: dict[Any, list[Recording]] = {}
        self._refused: dict[Any, str] = {}  # why calls of this form are not compiled
        self.reasons: dict[str, int] = {}  # why calls ran uncompiled, and how many
        self.count = 0
        self._lock = threading.RLock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if modes.trace is not None:  # inside another recording: part of it
            return self._function(*args, **kwargs)
        if modes.anomaly or modes.saved_hooks:
            return self._uncompiled("anomaly detection or a hook on saved tensors looks at every op", args, kwargs)
        leaves, spec = flatten((args, kwargs))
        try:
            key = (spec, modes.grad_enabled, modes.recomputing, *map(_form, leaves))
            found = self._recordings.get(key, ())
        except (NotCompiled, TypeError) as error:
            return self._uncompiled(str(error), args, kwargs)
        for recording in found:
            if recording.holds():
                return recording(leaves)
        if key in self._refused:
            return self._uncompiled(self._refused[key], args, kwargs)
        if self.count >= self._most:
            return self._uncompiled(f"there are {self._most} recordings already", args, kwargs)
        return self._record(key, leaves, spec, args, kwargs)

    def _uncompiled(self, reason: str, args: tuple, kwargs: dict) -> Any:
        self._tell(reason)
        return self._function(*args, **kwargs)

    def _tell(self, reason: str) -> None:
        with self._lock:
            first = reason not in self.reasons
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
        if self._fullgraph:
            raise RuntimeError(f"compile: {self.name} cannot be compiled as a whole, because {reason}")
        if first:
            warnings.warn(f"compile: {self.name} runs uncompiled, because {reason}", stacklevel=4)

    def _record(self, key: Any, leaves: list, spec: Any, args: tuple, kwargs: dict) -> Any:
        """Run the function for real, and keep what it did."""
        trace = Trace()
        traced = [trace.argument(x) if isinstance(x, Tensor) else x for x in leaves]
        inputs = [x.value for x in traced if type(x) is TracedTensor]
        call_args, call_kwargs = unflatten(spec, traced)
        with trace:
            result = self._function(*call_args, **call_kwargs)
        reason = trace.reason
        if reason is None:
            try:
                recording = Recording(trace, leaves, inputs, result)
            except NotCompiled as error:
                reason = str(error)
        with self._lock:
            if reason is None:
                self.count += 1
                self._recordings.setdefault(key, []).append(recording)
            else:
                self._refused[key] = reason
        if reason is not None:
            self._tell(reason)
        return tree_map(lambda x: _own(x, traced, leaves), result)

    def graph(self, *, backward: bool = False, **options: Any) -> Graph:
        """The graph of the newest recording, as :func:`autograd.viz.graph` draws it: a box for each fused loop.

        backward : what runs in the backward pass; options : as :func:`autograd.viz.graph` takes them
        """
        if not self.count:
            raise RuntimeError(f"graph: {self.name} has no recording yet; call it first")
        newest = list(self._recordings.values())[-1][-1]
        if backward and len(newest.programs) < 2:
            raise RuntimeError(f"graph: the newest recording of {self.name} has no backward pass")
        return Graph(newest.form(backward), **options)

    def report(self) -> str:
        """What was recorded, what was fused, the source of what runs, and why calls ran uncompiled."""
        lines = [f"{self.name}: {self.count} recording{'s' * (self.count != 1)}"]
        for recordings in self._recordings.values():
            for recording in recordings:
                lines += ["", report(recording)]
        lines += [f"\n{count} calls ran uncompiled, because {reason}" for reason, count in self.reasons.items()]
        return "\n".join(lines)


def _form(x: Any) -> Any:
    """What must be equal in two calls for one recording to serve both."""
    if isinstance(x, Tensor):
        if isinstance(x, BatchedTensor):
            raise NotCompiled("it is called inside vmap")
        array = x._data
        return array.shape, array.dtype, x._node is not None, array.flags.c_contiguous
    if isinstance(x, np.ndarray):
        raise NotCompiled("an argument is a NumPy array, which is not recorded; make it a Tensor")
    hash(x)
    return type(x), x


def _own(x: Any, traced: list, leaves: list) -> Any:
    """A result of the recorded run: the ordinary tensor."""
    if type(x) is not TracedTensor:
        return x
    return next((leaf for t, leaf in zip(traced, leaves) if t is x), x.inner)


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str = "glassgrad",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """A function or module that is recorded at its first call, for each form of its arguments, and replayed afterwards.

    The replay computes the same, forward and backward, without running the Python of ``model``. Parameters and
    buffers are read at each call, statistics are updated and random numbers drawn as usual. Where a call cannot be
    replayed (a branch on values, a change in place, too many forms) it runs as if it had not been compiled; a warning
    says why, once, and :meth:`report` says it again.

    Parameters
    ----------
    model : function or nn.Module; left out, ``compile`` is a decorator with these options
    fullgraph : raise an error instead of running uncompiled
    dynamic : accepted for PyTorch's sake, ``None`` or ``False``: each shape has a recording of its own
    backend : "glassgrad", or "inductor" for PyTorch's sake
    mode : accepted for PyTorch's sake; there is one
    options : ``{"recordings": n}``: at most so many recordings, 8 if not given
    disable : give ``model`` back as it is

    Returns
    -------
    a function with ``report()``; for a module, a module that shares its parameters, buffers and mode

    Raises
    ------
    RuntimeError : with ``fullgraph``, why a call cannot be compiled

    Notes
    -----
    What is read besides tensors and modes (global variables, attributes that are numbers, the time) is read when a call
    is recorded, and what is done besides computing (printing, appending to lists) is done only then.

    Examples
    --------
    >>> import autograd
    >>> @autograd.compile
    ... def gelu(x):
    ...     return x * (1 + (x * 0.7978846 * (1 + 0.044715 * x * x)).tanh()) / 2
    >>> gelu(autograd.tensor([1.0, 2.0]))
    tensor([0.8412, 1.9546])
    """
    if model is None:
        return lambda function: compile(
            function, fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode, options=options, disable=disable
        )
    if not callable(model):
        raise TypeError(f"compile: model is a function or a module, not a {type(model).__name__}")
    if dynamic:
        raise ValueError("compile: dynamic=True is not supported: each shape has a recording of its own")
    if backend not in ("glassgrad", "inductor"):
        raise ValueError(f"compile: backend is 'glassgrad', not {backend!r}")
    options = dict(options or {})
    most = options.pop("recordings", _MOST)
    if options:
        raise ValueError(f"compile: there is no option {sorted(options)[0]!r}; options are 'recordings'")
    if disable:
        return model
    if callable(getattr(model, "named_modules", None)):
        return _twin(model, fullgraph, most)
    function = Compiled(model, getattr(model, "__name__", type(model).__name__), fullgraph, most)
    function.__doc__ = model.__doc__
    return function


def _twin(module: Any, fullgraph: bool, most: int) -> Any:
    """A module with the state of ``module``, the same objects, whose call is compiled."""
    kind = type(module)
    run = Compiled(module, kind.__name__, fullgraph, most)
    body = {
        "__call__": lambda self, *args, **kwargs: run(*args, **kwargs),
        "__deepcopy__": lambda self, memo: _twin(_deepcopy(module, memo), fullgraph, most),
        "__module__": kind.__module__,
        "__doc__": kind.__doc__,
        "report": lambda self: run.report(),
        "graph": lambda self, **options: run.graph(**options),
        "compiled": property(lambda self: run),
    }
    twin = object.__new__(type(kind)(kind.__name__, (kind,), body))
    twin.__dict__ = module.__dict__
    return twin


def _deepcopy(module: Any, memo: dict) -> Any:
    import copy

    return copy.deepcopy(module, memo)
