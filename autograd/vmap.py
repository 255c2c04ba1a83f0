"""vmap: write a function of one sample, run it on a batch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any

import numpy as np

from . import batching_vision  # noqa: F401  (declares its rules)
from .batched import BatchedTensor, BatchValuesNeeded, Level, expand, levels, move, physical
from .ops.index import basic
from .ops.join import _stack, cat
from .ops.layout import axis_of
from .random import Draws, drawing
from .tensor import Tensor, as_tensor
from .tree import Spec, flatten, spread, unflatten


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """The function that does to every sample of a batch what ``func`` does to one: ``out[i] = func(x[i])``.

    Ops run on the whole batch at once where they have a batching rule, and sample by sample where they have none. Where
    ``func`` needs the values of one sample (``item()``, a branch on a tensor, ``backward()``), the whole of ``func``
    runs sample by sample: slower, with the same result.

    Parameters
    ----------
    func : function of tensors, or of dicts, lists and tuples of them
    in_dims : the dimension of the samples in each argument, ``None`` for an argument that is the same for all; one for
        all arguments, or a tuple with one (or a container of them) for each
    out_dims : the dimension of the samples in each output
    randomness : "error" if ``func`` draws random numbers, "same" numbers for all samples, or "different" ones
    chunk_size : run at most so many samples at once, for less memory

    Raises
    ------
    ValueError : ``in_dims`` or ``out_dims`` that do not fit; batches of different sizes
    TypeError : an output that is no tensor
    RuntimeError : random numbers with ``randomness="error"``

    Examples
    --------
    >>> import autograd
    >>> from autograd.vmap import vmap
    >>> x = autograd.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> vmap(autograd.dot)(x, x)
    tensor([ 5., 25.])
    """
    if randomness not in ("error", "same", "different"):
        raise ValueError(f"vmap: randomness is 'error', 'same' or 'different', not {randomness!r}")
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"vmap: chunk_size is at least 1, not {chunk_size}")

    @wraps(func)
    def batched(*args: Any, **kwargs: Any) -> Any:
        run = _Run(func, args, kwargs, in_dims, out_dims, randomness)
        step = chunk_size or run.size
        if step >= run.size:
            return run.finish([run.chunk(0, run.size)])
        return run.finish([run.chunk(start, min(start + step, run.size)) for start in range(0, run.size, step)])

    return batched


class _Random(Exception):
    """Random numbers were drawn where every sample needs its own."""

    def __init__(self, run: _Run) -> None:
        super().__init__()
        self.run = run


class _Run:
    """One call of a function made by :func:`vmap`."""

    def __init__(self, func: Callable, args: tuple, kwargs: dict, in_dims: Any, out_dims: Any, randomness: str) -> None:
        self.func, self.kwargs, self.out_dims, self.randomness = func, kwargs, out_dims, randomness
        self.name = getattr(func, "__name__", type(func).__name__)
        leaves, self.spec = flatten(args)
        dims = spread(in_dims if not isinstance(in_dims, list) else tuple(in_dims), self.spec)
        if dims is None or not args:
            raise ValueError(
                f"vmap: in_dims={in_dims!r} does not fit the {len(args)} arguments of {self.name}: give one number for "
                f"all, or a tuple with one for each (a container where the argument is one)"
            )
        sizes = {}
        self.values: list = []  # samples along dimension 0
        self.mapped: list[bool] = []
        for i, (x, dim) in enumerate(zip(leaves, dims)):
            self.mapped.append(dim is not None)
            if dim is None:
                self.values.append(x)
                continue
            if isinstance(dim, bool) or not isinstance(dim, int):
                raise TypeError(f"vmap: in_dims holds dimensions and None, not {dim!r}")
            if not isinstance(x, (Tensor, np.ndarray)):
                raise ValueError(
                    f"vmap: in_dims says {dim} for leaf {i} of the arguments of {self.name}, which is a "
                    f"{type(x).__name__}, not a tensor; say None"
                )
            x = as_tensor(x)
            if not x.ndim:
                raise ValueError(f"vmap: leaf {i} of the arguments of {self.name} is 0-d and has no samples; say None")
            dim = axis_of(dim, x.ndim, "vmap: in_dims")
            sizes[i] = x.shape[dim]
            self.values.append(move(x, dim, 0))
        if len(set(sizes.values())) > 1:
            raise ValueError(
                f"vmap: the arguments of {self.name} have different numbers of samples: {list(sizes.values())}"
            )
        if not sizes:
            raise ValueError(f"vmap: in_dims maps no argument of {self.name}; at least one is not None")
        self.size = next(iter(sizes.values()))
        self.draws = Draws()
        self.out_spec: Spec | None = None

    def chunk(self, start: int, stop: int) -> list[tuple[Tensor, bool]]:
        """The outputs of some samples: along dimension 0, or (``False``) one for all."""
        values = [
            basic(x, index=(slice(start, stop),)) if mapped and (start, stop) != (0, self.size) else x
            for x, mapped in zip(self.values, self.mapped)
        ]
        level = Level(stop - start)
        try:
            return self._at_once(values, level)
        except _Random as draw:
            if draw.run is not self:
                raise
        except BatchValuesNeeded as needed:
            if needed.level is not level:
                raise
        return self._one_by_one(values, stop - start)

    def _at_once(self, values: list, level: Level) -> list[tuple[Tensor, bool]]:
        outer = levels.stack
        levels.stack = (*outer, level)
        try:
            args = [BatchedTensor(x, level) if mapped else x for x, mapped in zip(values, self.mapped)]
            with self._random(at_once=True):
                outputs = self._outputs(self.func(*unflatten(self.spec, args), **self.kwargs))
            return [(physical(y, level), True) if _belongs(y, level) else (y, False) for y in outputs]
        finally:
            levels.stack = outer
            level.open = False

    def _one_by_one(self, values: list, size: int) -> list[tuple[Tensor, bool]]:
        if not size:
            raise ValueError(f"vmap: {self.name} needs the values of samples, and a batch of none has none")
        rows = []
        for i in range(size):
            args = [basic(x, index=(i,)) if mapped else x for x, mapped in zip(values, self.mapped)]
            with self._random(at_once=False):
                rows.append(self._outputs(self.func(*unflatten(self.spec, args), **self.kwargs)))
        for column in zip(*rows):
            if len({y.shape for y in column}) > 1:
                raise ValueError(
                    f"vmap: the samples of {self.name} give different shapes: {sorted({y.shape for y in column})}"
                )
        return [(_stack(*column, dim=0), True) for column in zip(*rows)]

    def _random(self, at_once: bool) -> Any:
        """What a draw of random numbers does while ``func`` runs."""
        if self.randomness == "same":
            return self.draws.repeated()
        if self.randomness == "error":
            return drawing(self._refuse)
        return drawing(self._ask_for_samples) if at_once else nullcontext()

    def _refuse(self, generator: Any) -> Any:
        raise RuntimeError(
            f"vmap: {self.name} draws random numbers; say randomness='different' for numbers of their own for all "
            f"samples, or randomness='same'"
        )

    def _ask_for_samples(self, generator: Any) -> Any:
        raise _Random(self)

    def _outputs(self, result: Any) -> list[Tensor]:
        outputs, spec = flatten(result)
        for y in outputs:
            if not isinstance(y, Tensor):
                raise TypeError(f"vmap: {self.name} must return tensors, or containers of them, not {type(y).__name__}")
        if self.out_spec is not None and spec != self.out_spec:
            raise ValueError(f"vmap: the samples of {self.name} give containers of different forms")
        self.out_spec = spec
        return outputs

    def finish(self, chunks: list[list[tuple[Tensor, bool]]]) -> Any:
        """The outputs of all samples, where ``out_dims`` wants them."""
        assert self.out_spec is not None
        dims = spread(self.out_dims, self.out_spec)
        if dims is None:
            raise ValueError(f"vmap: out_dims={self.out_dims!r} does not fit what {self.name} returns")
        return unflatten(self.out_spec, [self._output(parts, dim) for parts, dim in zip(zip(*chunks), dims)])

    def _output(self, parts: Any, dim: Any) -> Tensor:
        if dim is None:
            if parts[0][1]:
                raise ValueError(f"vmap: out_dims says None for an output of {self.name} that differs between samples")
            return parts[0][0]
        if isinstance(dim, bool) or not isinstance(dim, int):
            raise TypeError(f"vmap: out_dims holds dimensions and None, not {dim!r}")
        if not parts[0][1]:
            y = expand(parts[0][0], self.size)
        else:
            y = parts[0][0] if len(parts) == 1 else cat([part for part, _ in parts], 0)
        return move(y, 0, axis_of(dim, y.ndim, "vmap: out_dims"))


def _belongs(y: Any, level: Level) -> bool:
    """Whether ``y`` has samples of ``level``, perhaps below those of an inner level that is still open."""
    while isinstance(y, BatchedTensor):
        if y.level is level:
            return True
        y = y.value
    return False
