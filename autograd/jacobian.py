"""Whole Jacobians: by rows, one backward pass on all unit vectors at once, or by columns, forwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any

import numpy as np

from .batched import BatchedTensor, Level, move, physical
from .ops.join import cat
from .ops.layout import _reshape
from .pullback import Argnums, Point, check_float, chosen, ones_like, pull_back, push_forward, split_aux
from .tensor import Tensor, wrap
from .tree import unflatten


def jacrev(
    func: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Callable[..., Any]:
    """The function that gives the Jacobian of ``func``, row by row: one backward pass on all outputs' elements at once.

    Parameters
    ----------
    func : function of tensors that returns a tensor, or a container of them
    argnums : the argument to differentiate in, or several
    has_aux : ``func`` returns ``(outputs, anything)``; return ``(jacobian, anything)``
    chunk_size : so many rows at once, for less memory

    Returns
    -------
    For each output ``y`` and each input ``x`` a tensor of shape ``(*y.shape, *x.shape)``: in the form of the outputs,
    and in it the form of the arguments.
    """
    return _jacobian("jacrev", func, argnums, has_aux, chunk_size, by_rows)


def jacfwd(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """:func:`jacrev`, column by column: the better choice where there are fewer inputs than outputs."""
    return _jacobian("jacfwd", func, argnums, has_aux, chunk_size, by_columns)


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that gives the second derivatives of ``func``: :func:`jacrev` of :func:`jacrev`.

    For one number of one input ``x``: shape ``(*x.shape, *x.shape)``.
    """
    return jacrev(jacrev(func, argnums), argnums)


def _jacobian(
    caller: str, func: Callable, argnums: Argnums, has_aux: bool, chunk_size: int | None, method: Callable
) -> Callable[..., Any]:
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"{caller}: chunk_size is at least 1, not {chunk_size}")

    @wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        point = Point(caller, args, chosen(caller, argnums, len(args)))
        result, aux = split_aux(caller, point.call(func, kwargs), has_aux)
        outputs, spec = point.outputs(result)
        for y in outputs:
            check_float(caller, y)
        table = method(outputs, point.variables, point.open(*outputs), chunk_size)
        blocks = []
        for y, row in zip(outputs, table):
            arranged = point.arranged([_block(b, y, x) for b, x in zip(row, point.variables)])
            blocks.append(arranged[0] if isinstance(argnums, int) else tuple(arranged))
        found = unflatten(spec, blocks)
        return (found, point.release(aux)) if has_aux else found

    return jacobian


def _block(found: Tensor | None, y: Tensor, x: Tensor) -> Tensor:
    """One block of a Jacobian, zeros where ``y`` does not depend on ``x``."""
    shape = (*y.shape, *x.shape)
    return _reshape(found, shape=shape) if found is not None else wrap(np.zeros(shape, y.dtype), None)


def by_rows(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], create_graph: bool, chunk_size: int | None = None
) -> list[list[Tensor | None]]:
    """For each output and input the block ``(elements of the output, *input.shape)`` of the Jacobian."""
    table = []
    for y in outputs:
        if y.numel() == 1:  # one row: an ordinary backward pass
            row = pull_back([y], inputs, [ones_like(y)], create_graph)
        else:
            pieces = [_rows(y, inputs, basis, create_graph) for basis in _bases(y, chunk_size)]
            row = [None if parts[0] is None else _joined(parts, 0) for parts in zip(*pieces)] or [None] * len(inputs)
        table.append(row)
    return table


def _rows(y: Tensor, inputs: Sequence[Tensor], basis: Tensor, create_graph: bool) -> list[Tensor | None]:
    level = Level(basis.shape[0])
    found = pull_back([y], inputs, [BatchedTensor(basis, level)], create_graph)
    return [_taken(g, level, create_graph) for g in found]


def by_columns(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], create_graph: bool, chunk_size: int | None = None
) -> list[list[Tensor | None]]:
    """For each output and input the block ``(*output.shape, elements of the input)`` of the Jacobian."""
    rows: list[list[Tensor | None]] = []  # of tangents
    of: list[tuple[int, Level]] = []
    for i, x in enumerate(inputs):
        for basis in _bases(x, chunk_size):
            level = Level(basis.shape[0])
            rows.append([BatchedTensor(basis, level) if k == i else None for k in range(len(inputs))])
            of.append((i, level))
    pushed = push_forward(outputs, inputs, rows, create_graph)
    table: list[list[Tensor | None]] = []
    for k in range(len(outputs)):
        row: list[Tensor | None] = []
        for i in range(len(inputs)):
            parts = [_taken(found[k], level, create_graph) for found, (j, level) in zip(pushed, of) if j == i]
            if not parts or any(part is None for part in parts):
                row.append(None)
            else:
                whole = _joined(parts, 0)
                row.append(move(whole, 0, whole.ndim - 1))
        table.append(row)
    return table


def _taken(g: Tensor | None, level: Level, create_graph: bool) -> Tensor | None:
    """A batched gradient with its samples along dimension 0."""
    if g is None:
        return None
    g = physical(g, level)
    return g if create_graph else g.detach()


def _joined(parts: Sequence[Any], dim: int) -> Tensor:
    return parts[0] if len(parts) == 1 else cat(list(parts), dim)


def _bases(x: Tensor, chunk_size: int | None) -> Iterator[Tensor]:
    """The unit vectors of the space of ``x``, stacked, some at a time."""
    n = x.numel()
    step = chunk_size or n
    for start in range(0, n, step or 1):
        yield wrap(np.eye(min(step, n - start), n, start, dtype=x.dtype).reshape(-1, *x.shape), None)
