"""Derivatives of a function at a point: the names, arguments and results of ``torch.autograd.functional``.

``func`` takes the inputs and returns a Tensor or a tuple of them. Results are plain values unless ``create_graph``.
:mod:`autograd.func` has the same as transforms of functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .jacobian import by_columns, by_rows
from .ops.layout import _reshape
from .pullback import Point, filled, matching, ones_like, pull_back, push_forward
from .tensor import Tensor, wrap

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensors = Tensor | tuple[Tensor, ...]


class _At:
    """``func`` at ``inputs``: its outputs, and what was a single tensor and not a tuple."""

    def __init__(self, caller: str, func: Callable, inputs: Any, create_graph: bool, scalar: bool = False) -> None:
        self.caller, self.create_graph = caller, create_graph
        self.one_input = not isinstance(inputs, tuple)
        args = inputs if isinstance(inputs, tuple) else (inputs,)
        for x in args:
            if not isinstance(x, Tensor):
                raise TypeError(f"{caller}: inputs are a Tensor or a tuple of Tensors, not {type(x).__name__}")
        self.point = Point(caller, args, range(len(args)), link=create_graph)
        self.inputs = self.point.variables
        result = self.point.call(func)
        self.one_output = isinstance(result, Tensor)
        self.outputs: list[Tensor] = [result] if isinstance(result, Tensor) else list(self._tuple(result))
        if scalar and (not self.one_output or self.outputs[0].numel() != 1):
            raise RuntimeError(f"{caller}: the function must return one number, not {self._said(result)}")

    def _tuple(self, result: Any) -> tuple:
        if not isinstance(result, tuple) or not all(isinstance(y, Tensor) for y in result):
            raise TypeError(
                f"{self.caller}: the function must return a Tensor or a tuple of them, not {self._said(result)}"
            )
        return result

    @staticmethod
    def _said(result: Any) -> str:
        if isinstance(result, tuple):
            return f"a tuple of {', '.join(type(y).__name__ for y in result)}"
        return f"a tensor of shape {result.shape}" if isinstance(result, Tensor) else f"a {type(result).__name__}"

    def vectors(self, v: Any, like: Sequence[Tensor], single: bool, name: str) -> list[Tensor]:
        """The vector given by the user, one tensor for each of ``like``; it may be left out for one number."""
        if v is None:
            if len(like) != 1 or like[0].numel() != 1:
                raise RuntimeError(f"{self.caller}: v can be left out only where the {name} is one number")
            return [ones_like(like[0])]
        parts = v if isinstance(v, tuple) else (v,)
        if len(parts) != len(like) or isinstance(v, tuple) is single:
            raise RuntimeError(
                f"{self.caller}: v has {len(parts)} tensors for {len(like)} of the {name}; give the same form"
            )
        return [matching(self.caller, "part of v", part, x) for part, x in zip(parts, like)]

    def strict(self, found: Sequence[Tensor | None], what: str) -> None:
        """An error where something does not depend on something, which otherwise is zeros."""
        for i, g in enumerate(found):
            if g is None:
                raise RuntimeError(f"{self.caller}: {what.format(i)}; strict=False gives zeros")

    def result(self, tensors: Sequence[Tensor], single: bool) -> Any:
        found = tensors if self.create_graph else [t.detach() for t in tensors]
        return found[0] if single else tuple(found)

    @property
    def value(self) -> Any:
        return self.result(self.outputs, self.one_output)


_UNUSED = "the outputs do not depend on input {}"


def vjp(
    func: Callable[..., Any], inputs: Tensors, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``func(*inputs)`` and ``vᵀJ``.

    Parameters
    ----------
    inputs : Tensor or tuple of Tensors
    v : one tensor for each output; may be left out for one number
    create_graph : record the result, for derivatives of it
    strict : an error where the outputs do not depend on an input, instead of zeros

    Returns
    -------
    (outputs, vjp), the second in the form of ``inputs``

    Raises
    ------
    TypeError : inputs or outputs that are no tensors
    RuntimeError : ``v`` of another form or shape than the outputs; no dependence with ``strict``
    """
    at = _At("vjp", func, inputs, create_graph)
    found = pull_back(at.outputs, at.inputs, at.vectors(v, at.outputs, at.one_output, "outputs"), create_graph)
    if strict:
        at.strict(found, _UNUSED)
    return at.value, at.result(filled(found, at.inputs), at.one_input)


def jvp(
    func: Callable[..., Any], inputs: Tensors, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``func(*inputs)`` and ``Jv``, in the form of the outputs. Parameters as in :func:`vjp`; ``v`` as ``inputs``."""
    at = _At("jvp", func, inputs, create_graph)
    (found,) = push_forward(at.outputs, at.inputs, [at.vectors(v, at.inputs, at.one_input, "inputs")], create_graph)
    if strict:
        at.strict(found, "output {} does not depend on the inputs")
    return at.value, at.result(filled(found, at.outputs), at.one_output)


def jacobian(
    func: Callable[..., Any],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The derivatives of all elements of the outputs in all elements of the inputs.

    Parameters
    ----------
    inputs, create_graph, strict : as in :func:`vjp`
    vectorize : accepted; all rows (or columns) always go through one backward pass
    strategy : "reverse-mode", or "forward-mode" where there are fewer inputs than outputs

    Returns
    -------
    A Tensor of shape ``(*output.shape, *input.shape)``; for several inputs a tuple of them, for several outputs a tuple
    of those
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f"jacobian: strategy is 'reverse-mode' or 'forward-mode', not {strategy!r}")
    at = _At("jacobian", func, inputs, create_graph)
    method = by_rows if strategy == "reverse-mode" else by_columns
    rows = []
    for i, (y, row) in enumerate(zip(at.outputs, method(at.outputs, at.inputs, create_graph))):
        if strict:
            at.strict(row, f"output {i} does not depend on input {{}}")
        rows.append(at.result([_block(g, (*y.shape, *x.shape), y) for g, x in zip(row, at.inputs)], at.one_input))
    return rows[0] if at.one_output else tuple(rows)


def _block(found: Tensor | None, shape: tuple[int, ...], y: Tensor) -> Tensor:
    return wrap(np.zeros(shape, y.dtype), None) if found is None else _reshape(found, shape=shape)


def hessian(
    func: Callable[..., Any],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of a function that returns one number. Parameters as in :func:`jacobian`.

    Returns
    -------
    A Tensor of shape ``(*input.shape, *input.shape)``; for several inputs a tuple of tuples
    """

    def gradient(*args: Tensor) -> Any:
        found = _gradient(
            _At("hessian", func, args if isinstance(inputs, tuple) else args[0], True, scalar=True), strict
        )
        return tuple(found) if isinstance(inputs, tuple) else found[0]

    return jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def _gradient(at: _At, strict: bool) -> list[Tensor]:
    found = pull_back(at.outputs, at.inputs, [ones_like(at.outputs[0])], create_graph=True)
    if strict:
        at.strict(found, _UNUSED)
    return filled(found, at.inputs)


def vhp(
    func: Callable[..., Any], inputs: Tensors, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``func(*inputs)``, one number, and ``vᵀH`` with its second derivatives H. Parameters as in :func:`vjp`."""
    at = _At("vhp", func, inputs, create_graph, scalar=True)
    gradients = _gradient(at, strict)
    found = pull_back(gradients, at.inputs, at.vectors(v, at.inputs, at.one_input, "inputs"), create_graph)
    if strict:
        at.strict(found, "the gradient does not depend on input {}")
    return at.value, at.result(filled(found, at.inputs), at.one_input)


def hvp(
    func: Callable[..., Any], inputs: Tensors, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``func(*inputs)`` and ``Hv``: the same numbers as :func:`vhp`, because H is symmetric, which is also faster."""
    at = _At("hvp", func, inputs, create_graph, scalar=True)
    gradients = _gradient(at, strict)
    vectors = at.vectors(v, at.inputs, at.one_input, "inputs")
    (found,) = push_forward(gradients, at.inputs, [vectors], create_graph)
    if strict:
        at.strict(found, "the gradient of input {} does not depend on the inputs")
    return at.value, at.result(filled(found, at.inputs), at.one_input)
