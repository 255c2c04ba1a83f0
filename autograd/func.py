"""Transforms: functions in, functions out. The names, arguments and results of ``torch.func``.

Arguments and results are tensors, or dicts, lists and tuples of them: the parameters of a module are a dict. Transforms
nest in any order, and a result can be differentiated further where something around it asks for that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from .jacobian import hessian, jacfwd, jacrev
from .pullback import (
    Argnums,
    Point,
    check_float,
    chosen,
    filled,
    form_of,
    matching,
    ones_like,
    pull_back,
    push_forward,
    split_aux,
)
from .stateless import functional_call
from .tensor import Tensor
from .tree import flatten, unflatten
from .vmap import vmap

__all__ = [
    "functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "value_and_grad", "vjp", "vmap",
]  # fmt: skip


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that gives the gradient of ``func``, whose result is one number.

    Parameters
    ----------
    func : function that returns a 0-d Tensor, or ``(0-d Tensor, anything)`` with ``has_aux``
    argnums : the argument to differentiate in, or several; the gradient has its form
    has_aux : return ``(gradient, anything)``

    Raises
    ------
    RuntimeError : the result is not one number
    TypeError : an argument to differentiate in is no floating point tensor

    Examples
    --------
    >>> import autograd
    >>> from autograd.func import grad
    >>> grad(grad(autograd.sin))(autograd.tensor(1.0)).item() == -autograd.sin(autograd.tensor(1.0)).item()
    True
    """
    both = _grad_and_value("grad", func, argnums, has_aux)

    @wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that gives ``(gradient, value)`` of ``func``; ``(gradient, (value, aux))`` with ``has_aux``."""
    return wraps(func)(_grad_and_value("grad_and_value", func, argnums, has_aux))


def value_and_grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that gives ``(value, gradient)`` of ``func``; ``((value, aux), gradient)`` with ``has_aux``."""
    both = _grad_and_value("value_and_grad", func, argnums, has_aux)
    return wraps(func)(lambda *args, **kwargs: both(*args, **kwargs)[::-1])


def _grad_and_value(caller: str, func: Callable, argnums: Argnums, has_aux: bool) -> Callable[..., tuple]:
    def both(*args: Any, **kwargs: Any) -> tuple:
        point = Point(caller, args, chosen(caller, argnums, len(args)))
        value, aux = split_aux(caller, point.call(func, kwargs), has_aux)
        if not isinstance(value, Tensor) or value.ndim:
            what = f"a tensor of shape {value.shape}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
            raise RuntimeError(f"{caller}: the function must return one number, a 0-d tensor, not {what}; see jacrev")
        check_float(caller, value)
        create_graph = point.open(value)
        found = pull_back([value], point.variables, [ones_like(value)], create_graph)
        gradients = point.arranged(filled(found, point.variables))
        results = point.release((value, aux)) if has_aux else point.release(value)
        return (gradients[0] if isinstance(argnums, int) else tuple(gradients)), results

    return both


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple:
    """``func(*primals)``, and the function ``v ↦ vᵀJ`` with the Jacobian ``J`` there.

    Returns
    -------
    (outputs, pullback), or (outputs, pullback, aux) with ``has_aux``. ``pullback(v)`` takes one tensor for each output,
    in the form of the outputs, and gives a tuple with one entry for each of ``primals``.
    """
    point = Point("vjp", primals, range(len(primals)))
    result, aux = split_aux("vjp", point.call(func), has_aux)
    outputs, spec = point.outputs(result)

    def pullback(cotangents: Any) -> tuple:
        given, form = flatten(cotangents)
        if form != spec:
            raise RuntimeError("vjp: the cotangents must come in the form of the outputs of the function")
        seeds = [matching("vjp", "cotangent", v, y) for v, y in zip(given, outputs)]
        create_graph = point.open(*outputs) or any(v.requires_grad for v in seeds)
        found = pull_back(outputs, point.variables, seeds, create_graph and point.recording)
        gradients = filled(found, point.variables)
        return tuple(point.arranged(gradients if create_graph else [g.detach() for g in gradients]))

    released = point.release(result)
    return (released, pullback, point.release(aux)) if has_aux else (released, pullback)


def jvp(
    func: Callable[..., Any], primals: tuple, tangents: tuple, *, strict: bool = False, has_aux: bool = False
) -> tuple:
    """``func(*primals)`` and ``Jt``: how the outputs change when the inputs move along ``tangents``.

    Parameters
    ----------
    primals, tangents : tuples of arguments, of equal forms and shapes
    strict : an error where an output does not depend on the inputs, instead of zeros

    Returns
    -------
    (outputs, Jt), or (outputs, Jt, aux) with ``has_aux``
    """
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise TypeError("jvp: primals and tangents are tuples, of one argument too: jvp(f, (x,), (t,))")
    point = Point("jvp", primals, range(len(primals)))
    given, _ = flatten(tangents)
    if [form_of(t) for t in tangents] != point.specs:
        raise RuntimeError("jvp: primals and tangents must have the same form")
    directions = [matching("jvp", "tangent", t, x) for t, x in zip(given, point.variables)]
    result, aux = split_aux("jvp", point.call(func), has_aux)
    outputs, spec = point.outputs(result)
    create_graph = point.recording and (point.open(*outputs) or any(t.requires_grad for t in directions))
    (found,) = push_forward(outputs, point.variables, [directions], create_graph)
    if strict and any(g is None for g in found):
        raise RuntimeError(f"jvp: output {found.index(None)} does not depend on the inputs")
    pushed = filled(found, outputs)
    moved = unflatten(spec, pushed if create_graph else [g.detach() for g in pushed])
    return (point.release(result), moved, point.release(aux)) if has_aux else (point.release(result), moved)
