"""A module as a function of its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .tensor import Tensor


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: dict[str, Tensor] | Sequence[dict[str, Tensor]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """``module(*args, **kwargs)`` with other parameters and buffers: a module as a function of its parameters.

    The module has its own back when this returns or raises. While it runs, other threads see the exchanged ones.

    Parameters
    ----------
    module : nn.Module
    parameter_and_buffer_dicts : names as in ``named_parameters`` to tensors, or several such dicts
    args : the arguments in a tuple, or one argument
    tie_weights : a parameter that the module has under several names is exchanged under all of them
    strict : every parameter and buffer must be given

    Raises
    ------
    RuntimeError : names the module does not have; missing names with ``strict``
    ValueError : a tensor of another shape than the one it stands in for; a name given twice

    Examples
    --------
    >>> import autograd
    >>> from autograd.func import functional_call, grad
    >>> from nn import Linear
    >>> layer = Linear(3, 1)
    >>> loss = lambda parameters, x: functional_call(layer, parameters, (x,)).sum()
    >>> grad(loss)(dict(layer.named_parameters()), autograd.ones(2, 3))["weight"]
    tensor([[2., 2., 2.]])
    """
    dicts = [parameter_and_buffer_dicts] if isinstance(parameter_and_buffer_dicts, dict) else parameter_and_buffer_dicts
    given: dict[str, Any] = {}
    for names in dicts:
        if twice := sorted(given.keys() & names.keys()):
            raise ValueError(f"functional_call: {twice[0]!r} is given twice")
        given.update(names)
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with _exchanged(module, given, tie_weights, strict):
        return module(*args, **(kwargs or {}))


@contextmanager
def _exchanged(module: Any, given: dict[str, Any], tie_weights: bool, strict: bool) -> Iterator[None]:
    places = {
        (f"{path}.{name}" if path else name): (table, name)
        for path, sub in module.named_modules(remove_duplicate=False)
        for table in (sub._parameters, sub._buffers)
        for name, value in table.items()
        if value is not None
    }
    kind = type(module).__name__
    if unknown := sorted(given.keys() - places.keys()):
        raise RuntimeError(f"functional_call: {kind} has no parameter or buffer named {unknown[0]!r}")
    if strict and (missing := sorted(places.keys() - given.keys())):
        raise RuntimeError(f"functional_call: {missing[0]!r} of {kind} is not given")
    own = {full: table[name] for full, (table, name) in places.items()}
    for full, value in given.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"functional_call: {full!r} is a {type(value).__name__}, not a Tensor")
        if value.shape != own[full].shape:
            raise ValueError(f"functional_call: {full!r} has shape {own[full].shape} in {kind}, not {value.shape}")
    exchanged = dict(given)
    if tie_weights:
        by_identity = {id(own[full]): value for full, value in given.items()}
        exchanged = {full: by_identity[id(x)] for full, x in own.items() if id(x) in by_identity} | given
    try:
        for full, value in exchanged.items():
            table, name = places[full]
            table[name] = value
        yield
    finally:
        for full in exchanged:
            table, name = places[full]
            table[name] = own[full]
