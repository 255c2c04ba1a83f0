"""What a thread has switched on: recording, and the module whose forward is running.

Every mode is per thread: turning recording off in one thread never changes what another one records.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from contextlib import ContextDecorator
from functools import lru_cache
from typing import Any

import numpy as np

_quiet = contextvars.ContextVar("quiet", default=False)
is_quiet = _quiet.get  # whether NumPy's floating point warnings are off, as in the quiet context: none enters it twice

# Where NumPy keeps what becomes of floating point errors. To set it and set it back takes a seventh of the time of
# np.errstate, which is a twentieth of that of a small op.
_ignoring = contextvars.Context()
_ignoring.run(np.seterr, all="ignore")
(floating_point_errors,) = _ignoring


@lru_cache(maxsize=8)
def ignoring(errors: Any) -> Any:
    """What stands there while all are ignored, if ``errors`` stand there now: the rest of the settings is as it was,
    what to call (np.seterrcall) and the size of buffers."""
    context = contextvars.copy_context()
    context.run(np.seterr, all="ignore")
    return context[floating_point_errors]


def quietly(function: Callable, *arguments: Any) -> Any:
    """``function(*arguments)`` with NumPy's floating point warnings off, in the context of the caller.

    What the user wrote runs so: it sees the caller's context variables. The quiet context of a thread has them as they
    were when the thread ran its first op.
    """
    if is_quiet():
        return function(*arguments)
    errors = floating_point_errors.get()
    try:
        _quiet.set(True)
        floating_point_errors.set(ignoring(errors))
        return function(*arguments)
    finally:
        floating_point_errors.set(errors)
        _quiet.set(False)


class _Modes(threading.local):
    grad_enabled: bool = True
    scope: Any = None  # innermost module call (graph.Scope), set by nn.Module.__call__
    draws: Callable | None = None  # given the generator that is drawn from, says which one to take (random.Draws)
    saved_hooks: tuple = ()  # (pack, unpack) of what is saved for the backward pass, innermost last
    anomaly: bool = False  # whether the first NaN is an error (anomaly.py)
    trace: Any = None  # what a compiled function is being recorded into (compiler.Trace): it runs every op meanwhile
    freeing: bool = False  # a backward pass runs that frees what each node has saved
    recomputing: bool = False  # a checkpoint runs its function again: what the first run counted is not counted twice
    quiet: contextvars.Context  # where the forward of an op runs (not of a custom one): NumPy's warnings are off in it

    def __init__(self) -> None:  # once per thread, because a context is entered by one thread at a time
        self.quiet = contextvars.copy_context()
        self.quiet.run(np.seterr, all="ignore")
        self.quiet.run(_quiet.set, True)


modes = _Modes()


class Mode(ContextDecorator):
    """A ``with`` block or a decorated function in which one of the modes of this thread has a value."""

    def __init__(self, name: str, value: Any) -> None:
        self._name, self._value = name, value
        self._outer: list[Any] = []

    def __enter__(self) -> None:
        self._outer.append(getattr(modes, self._name))
        setattr(modes, self._name, self._value)

    def __exit__(self, *exc: object) -> None:
        setattr(modes, self._name, self._outer.pop())

    def _recreate_cm(self) -> Mode:
        # one decorated function may run in several threads at once: each call gets a state of its own
        return Mode(self._name, self._value)


class Switch(Mode):
    """A mode that is set from the call on, or, with ``with`` or as a decorator, inside only."""

    def __init__(self, name: str, value: Any) -> None:
        super().__init__(name, value)
        super().__enter__()  # a call switches at once; a block that follows takes it back at its end
        self._switched = True

    def __enter__(self) -> None:
        if not self._switched:
            super().__enter__()
        self._switched = False

    def __call__(self, function: Any) -> Any:
        super().__exit__()  # a decorator switches when the function runs, not when it is defined
        return super().__call__(function)


class set_grad_enabled(Switch):
    """Record operations (``True``) or not (``False``) from now on, or, with ``with`` or as a decorator, inside only."""

    def __init__(self, mode: bool) -> None:
        super().__init__("grad_enabled", bool(mode))


class no_grad(Mode):
    """Do not record: results inside do not require gradients, whatever their inputs."""

    def __init__(self) -> None:
        super().__init__("grad_enabled", False)


class enable_grad(Mode):
    """Record again inside a ``no_grad`` block."""

    def __init__(self) -> None:
        super().__init__("grad_enabled", True)


def is_recomputing() -> bool:
    """Whether a checkpoint runs its function a second time: what the first run counted must not be counted again."""
    return modes.recomputing


class ValuesNeeded(RuntimeError):
    """Raised where the array of a tensor is asked for that stands for many: a tensor of ``vmap``."""

    run: Callable  # (op, inputs, settings, residuals) -> what the op gives of such tensors


def effect(function: Callable[..., Any], *arguments: Any, writes: bool = False) -> Any:
    """``function(*arguments)``, which does more than its result says: it counts, averages, or draws random numbers.

    A compiled function (:mod:`autograd.compiler`) does it again at each call, with the values of that call. Arrays
    among the arguments are values of the computation; a Tensor is state, handed over as it is.

    writes : into tensors that ops read, such as parameters: what stands before it stays before it
    """
    return function(*arguments) if modes.trace is None else modes.trace.effect(function, arguments, writes)


def not_compiled(reason: str) -> None:
    """Called where the computation goes on in a way that a recording cannot repeat: ``reason`` completes "because"."""
    if modes.trace is not None:
        modes.trace.stop(reason)


def is_grad_enabled() -> bool:
    """Whether operations of this thread are being recorded."""
    return modes.grad_enabled
