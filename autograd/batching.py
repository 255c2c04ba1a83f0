"""How each op runs on all samples at once. An op without a rule here runs sample by sample, which is always right.

A rule is ``rule(call) -> output`` with the samples along dimension 0 of every batched value and of the output; ops with
residuals return ``(output, *residuals)``, ops with several outputs all of them. Rules are written with ops, so they are
recorded and nest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .batched import BatchedTensor, Level, expand, innermost, move
from .dtypes import result_type
from .ops.join import _stack
from .ops.layout import _broadcast_to, _reshape, cast, sum_to
from .tensor import Tensor, as_tensor


@dataclass
class Call:
    """One call of an op on batched values."""

    op: Any
    values: list  # batched ones with their samples along dimension 0
    batched: list[bool]
    settings: dict
    size: int

    def run(self, values: Any = None, **changed: Any) -> Any:
        """The op on these values, some settings changed; with its residuals, where it has some."""
        op = self.op.with_residuals if self.op.residuals else self.op
        return op(*(self.values if values is None else values), **{**self.settings, **changed})

    def every(self) -> list:
        """The values, each with its samples, repeated without a copy where there was one for all."""
        return [
            v if b or v is None else expand(v if hasattr(v, "shape") else np.asarray(v), self.size)
            for v, b in zip(self.values, self.batched)
        ]

    def ndim(self, i: int = 0) -> int:
        """The number of dimensions of one sample of input ``i``."""
        return (
            np.ndim(self.values[i]) - self.batched[i]
            if not isinstance(self.values[i], Tensor)
            else (self.values[i].ndim - self.batched[i])
        )


RULES: dict[str, Callable[[Call], Any]] = {}


def rule(*names: str) -> Callable:
    """Declare the batching rule of the ops of these names."""

    def declare(function: Callable[[Call], Any]) -> Callable[[Call], Any]:
        RULES.update(dict.fromkeys(names, function))
        return function

    return declare


def run_batched(op: Any, inputs: tuple, settings: dict, residuals: list | None) -> Any:
    """What ``Primitive`` does when an input is batched: run on the values of the innermost level, and wrap."""
    level = innermost(inputs)
    assert level is not None
    if not level.open:
        raise RuntimeError(
            f"{op.name}: a tensor made inside vmap is used after that vmap ended; return it from the function instead"
        )
    batched = [isinstance(x, BatchedTensor) and x.level is level for x in inputs]
    values = [x.value if b else x for x, b in zip(inputs, batched)]
    call = Call(op, values, batched, settings, level.size)
    chosen = _elementwise if op.elementwise else RULES.get(op.name, one_by_one)
    out = chosen(call)
    if op.outputs:
        return tuple(_wrap(y, level) for y in out)
    if residuals is not None:
        out, *rest = out
        residuals.extend(_wrap(r, level) for r in rest)
    return _wrap(out, level)


def _wrap(value: Any, level: Level) -> Tensor:
    return BatchedTensor(value if isinstance(value, Tensor) else as_tensor(np.asarray(value)), level)


def one_by_one(call: Call) -> Any:
    """The op on each sample, the results stacked."""
    if not call.size:
        raise ValueError(
            f"vmap: {call.op.name} has no batching rule, so a batch of no samples says nothing of its result"
        )
    results = [call.run([v[i] if b else v for v, b in zip(call.values, call.batched)]) for i in range(call.size)]
    if not (call.op.residuals or call.op.outputs):
        return _stacked(results)
    return tuple(_stacked(parts) for parts in zip(*results))


def _stacked(parts: Any) -> Tensor:
    return _stack(*[p if isinstance(p, Tensor) else as_tensor(np.asarray(p)) for p in parts], dim=0)


# --- elementwise ----------------------------------------------------------------------------------------------------


def _elementwise(call: Call) -> Any:
    """Samples broadcast among themselves: sizes of 1 between the batch and a sample keep the dimensions aligned."""
    return call.run(_aligned(call, _as_alone(call)))


def _aligned(call: Call, values: list) -> list:
    ndim = max(call.ndim(i) for i in range(len(values)))
    return [
        _reshape(v, shape=(call.size, *(1,) * (ndim - v.ndim + 1), *v.shape[1:])) if b and v.ndim <= ndim else v
        for v, b in zip(values, call.batched)
    ]


def _as_alone(call: Call) -> list:
    """Mixed dtypes are promoted as for one sample: a 0-d one decides less there than a batch of 0-d ones would."""
    values, mixing = list(call.values), [i for i in range(len(call.values)) if i not in call.op.masks]
    if len({values[i].dtype for i in mixing if hasattr(values[i], "dtype")}) > 1:
        alone = [
            np.zeros((1,) * call.ndim(i), values[i].dtype) if hasattr(values[i], "dtype") else values[i] for i in mixing
        ]
        dtype = result_type(alone, floating=call.op.promote == "float")
        for i in mixing:
            if hasattr(values[i], "dtype") and values[i].dtype != dtype:
                values[i] = cast(values[i], dtype=dtype)
    return values


@rule("clone", "no_slope")
def _same(call: Call) -> Any:
    return call.run()


@rule("bce_with_logits_losses")
def _on_all(call: Call) -> Any:
    return call.run(call.every())


# --- along dimensions: all of them move by one ----------------------------------------------------------------------


@rule("sum", "mean", "var", "std", "logsumexp", "norm", "any", "all", "count_nonzero", "amax", "amin", "max_of_all",
      "min_of_all", "prod")  # fmt: skip
def _reduce(call: Call) -> Any:
    return call.run(dim=tuple(d + 1 for d in call.settings["dim"]))


@rule("softmax", "log_softmax", "cumsum", "cumprod", "logcumsumexp", "running_best", "max", "min", "argmax", "argmin",
      "argsort", "best", "kth", "middle")  # fmt: skip
def _along(call: Call) -> Any:
    dim = call.settings["dim"]
    if dim is None or not call.ndim():
        return one_by_one(call)
    return call.run(dim=dim + 1 if dim >= 0 else dim)


@rule("flip", "roll")
def _along_several(call: Call) -> Any:
    return call.run(dims=tuple(d + 1 for d in call.settings["dims"]))


@rule("permute")
def _permute_rule(call: Call) -> Any:
    return call.run(dims=(0, *(d + 1 for d in call.settings["dims"])))


@rule("diagonal")
def _diagonal(call: Call) -> Any:
    return call.run(dim1=call.settings["dim1"] + 1, dim2=call.settings["dim2"] + 1)


@rule("diagonal_embed")
def _diagonal_embed(call: Call) -> Any:
    s = call.settings
    return call.run(dim1=s["dim1"] + 1, dim2=s["dim2"] + 1, shape=(call.size, *s["shape"]))


@rule("tril", "triu")
def _triangle(call: Call) -> Any:
    return call.run() if call.ndim() >= 2 else one_by_one(call)


@rule("reshape")
def _reshape_rule(call: Call) -> Any:
    shape = tuple(call.settings["shape"])
    if -1 in shape:
        known = -math.prod(shape)
        shape = tuple(math.prod(call.values[0].shape[1:]) // known if n == -1 and known else n for n in shape)
    return call.run(shape=(call.size, *shape))


@rule("broadcast_to")
def _broadcast_rule(call: Call) -> Any:
    shape = call.settings["shape"]
    (x,) = call.values
    apart = _reshape(x, shape=(call.size, *(1,) * (len(shape) - call.ndim()), *x.shape[1:]))
    return _broadcast_to(apart, shape=(call.size, *shape))


@rule("sum_to")
def _sum_to_rule(call: Call) -> Any:
    shape = call.settings["shape"]
    (x,) = call.values
    kept = sum_to(x, shape=(call.size, *(1,) * (call.ndim() - len(shape)), *shape))
    return _reshape(kept, shape=(call.size, *shape))


@rule("cat", "stack")
def _join(call: Call) -> Any:
    return call.run(call.every(), dim=call.settings["dim"] + 1)


@rule("pad", "pad_border", "fold_border")
def _pad(call: Call) -> Any:
    return call.run(padding=((0, 0), *call.settings["padding"]))


# --- picking --------------------------------------------------------------------------------------------------------


@rule("basic")
def _basic(call: Call) -> Any:
    return call.run(index=(slice(None), *call.settings["index"]))


@rule("embed")
def _embed(call: Call) -> Any:
    s = call.settings
    return call.run(index=(slice(None), *s["index"]), shape=(call.size, *s["shape"]))


def _behind(index: tuple) -> tuple:
    """The index of an array with one dimension more at its end: NumPy leaves dimensions not named where they are."""
    return (*index, slice(None)) if any(part is Ellipsis for part in index) else index


@rule("advanced")
def _advanced(call: Call) -> Any:
    (x,) = call.values
    out = call.run([move(x, 0, x.ndim - 1)], index=_behind(call.settings["index"]))
    return move(out, out.ndim - 1, 0)


@rule("embed_add")
def _embed_add(call: Call) -> Any:
    (x,), s = call.values, call.settings
    out = call.run([move(x, 0, x.ndim - 1)], index=_behind(s["index"]), shape=(*s["shape"], call.size))
    return move(out, out.ndim - 1, 0)


@rule("gather", "scatter_add", "pick_once", "put_once", "recurrence")
def _gather(call: Call) -> Any:
    return call.run(call.every(), dim=call.settings["dim"] + 1)


@rule("index_select", "index_add")
def _index_select(call: Call) -> Any:
    if call.batched[1]:
        return one_by_one(call)
    whole = call.every()
    whole[1] = call.values[1]  # one index for all samples
    return call.run(whole, dim=call.settings["dim"] + 1)


# --- products -------------------------------------------------------------------------------------------------------


@rule("matmul")
def _matmul(call: Call) -> Any:
    return call.run(_aligned(call, call.values))


@rule("dot")
def _dot(call: Call) -> Any:
    from .ops.elementwise import mul
    from .ops.reduce import _sum

    return _sum(mul(*call.values), dim=(1,), keepdim=False)


@rule("contract")
def _contract(call: Call) -> Any:
    equation = call.settings["equation"]
    inputs, result = equation.split("->")
    letter = next(chr(i) for i in range(0x4E00, 0x9FFF) if chr(i) not in equation)
    terms = [letter + term if b else term for term, b in zip(inputs.split(","), call.batched)]
    return call.run(equation=f"{','.join(terms)}->{letter}{result}")
