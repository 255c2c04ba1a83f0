"""The same call here and there: values, shapes, dtypes, gradients and refusals must agree."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from autograd.engine import backward
from autograd.tensor import Tensor

from .differences import documented
from .spec import Call, Spec, generate
from .values import convert

REFUSALS = (TypeError, ValueError, IndexError, RuntimeError, ZeroDivisionError)
# float64 to nine digits. float32: PyTorch's kernels differ by a few units in the last place among themselves.
# The absolute part is for sums that cancel: a millionth of the relative one, at magnitudes around 1.
TOLERANCE = {"float64": (1e-9, 1e-12), "float32": (2e-5, 2e-6)}


@dataclass
class Outcome:
    """What a call gave: a result, or the error that refused it."""

    tensors: list
    result: Any = None
    error: Exception | None = None


@dataclass
class Difference:
    """One call that two libraries answer differently."""

    call: Call
    index: int
    kind: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}\n    case {self.index}: {self.call}"


def attempt(call: Call, side: str) -> Outcome:
    function = call.spec.find(side, call.form)
    tensors: list = []
    args = convert(call.args, side, tensors)
    kwargs = {k: convert(v, side, tensors) for k, v in call.kwargs.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if side == "ours":
            warnings.simplefilter("error", RuntimeWarning)
        try:
            return Outcome(tensors, function(*args, **kwargs))
        except Exception as error:
            return Outcome(tensors, error=error)


def check(call: Call) -> tuple[str, str] | None:
    """``None``, or the kind of the difference and what differs."""
    theirs, ours = attempt(call, "theirs"), attempt(call, "ours")
    for array, tensor in zip(call.arrays, ours.tensors):
        if not np.array_equal(tensor._data, array.values, equal_nan=array.dtype.kind == "f"):
            return "changes its input", f"{tensor._data} of {array}"
    if ours.error is not None and not _refused(ours.error, theirs.error):
        return "wrong kind of error", _short(ours.error) + (
            f"; PyTorch: {_short(theirs.error)}" if theirs.error else ""
        )
    if theirs.error is not None:
        return None if ours.error is not None else ("accepts what PyTorch refuses", _short(theirs.error))
    if ours.error is not None:
        return "refuses what PyTorch accepts", _short(ours.error)
    pairs: list = []
    if text := _structure(ours.result, theirs.result, pairs, call.spec.compare == "values"):
        return "result", text
    close = _closeness(call, pairs)
    for mine, other in pairs:
        if text := _tensor_difference(mine, other, call, close):
            return text
    return _gradient_difference(call, ours, theirs, pairs, close)


def _refused(error: Exception, theirs: Exception | None) -> bool:
    """Whether an error is one that a user can read. What is no tensor at all may fail as it does in any Python code."""
    if isinstance(error, AttributeError) and theirs is not None:
        return "'NoneType' object" in str(error) or "'str' object" in str(error)
    return isinstance(error, REFUSALS)


def _short(error: Exception | None) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0][:160] if str(error) else ''}"


def _structure(mine: Any, other: Any, pairs: list, exact: bool) -> str | None:
    """Tuples of tuples of tensors and numbers alike; the tensors in them are collected in pairs."""
    if isinstance(other, torch.Tensor):
        if not isinstance(mine, Tensor):
            return f"a {type(mine).__name__} where PyTorch gives a tensor"
        pairs.append((mine, other))
        return None
    if isinstance(other, (tuple, list)):
        if not isinstance(mine, (tuple, list)) or len(mine) != len(other):
            return f"{type(mine).__name__} where PyTorch gives {type(other).__name__} of {len(other)}"
        for name in _fields(other):
            if getattr(mine, name, None) is not mine[_fields(other).index(name)]:
                return f"no field {name!r}"
        return next((text for m, o in zip(mine, other) if (text := _structure(m, o, pairs, exact))), None)
    if exact and (type(mine) is not type(other) or (mine != other and mine == mine)):
        return f"{mine!r} where PyTorch gives {other!r}"
    return None


def _fields(result: Any) -> list[str]:
    """The field names of a named tuple or of one of PyTorch's return types, in order."""
    kind = type(result)
    if "return_types" not in kind.__module__:
        return list(getattr(kind, "_fields", ()))
    names = [n for n in dir(kind) if not n.startswith(("_", "n_")) and n not in ("count", "index")]
    return sorted(names, key=lambda n: next(i for i, value in enumerate(result) if value is getattr(result, n)))


def _closeness(call: Call, pairs: list) -> tuple[float, float]:
    """Nine digits if nothing is float32: neither an input, nor a result, nor a dtype asked for."""
    kinds = {a.dtype.name for a in (*call.arrays, *(mine for mine, _ in pairs)) if a.dtype.kind == "f"}
    kinds |= {str(call.kwargs["dtype"])} & {"float32"} if "dtype" in call.kwargs else set()
    if kinds <= {"float64"}:
        return TOLERANCE["float64"]
    return TOLERANCE["float32"][0] * call.spec.condition, TOLERANCE["float32"][1] * call.spec.condition


def _tensor_difference(mine: Tensor, other: torch.Tensor, call: Call, close: tuple) -> tuple[str, str] | None:
    if tuple(mine.shape) != tuple(other.shape):
        return "shape", f"{tuple(mine.shape)}, PyTorch {tuple(other.shape)}"
    if mine.dtype.name != str(other.dtype).removeprefix("torch."):
        return "dtype", f"{mine.dtype}, PyTorch {other.dtype}"
    if bool(mine.requires_grad) != other.requires_grad and call.spec.gradients != "none":
        return "requires_grad", f"{mine.requires_grad}, PyTorch {other.requires_grad}"
    if call.spec.compare == "values" and not _equal(mine._data, other.detach().numpy(), close):
        return "value", f"{_text(mine._data)}, PyTorch {_text(other.detach().numpy())}"
    return None


def _equal(mine: np.ndarray, other: np.ndarray, close: tuple) -> bool:
    if mine.dtype.kind != "f":
        return np.array_equal(mine, other)
    return np.allclose(mine, other, *close, equal_nan=True)


def _gradient_difference(
    call: Call, ours: Outcome, theirs: Outcome, pairs: list, close: tuple
) -> tuple[str, str] | None:
    spec = call.spec
    finite = all(np.isfinite(a.values).all() for a in call.arrays)
    if spec.gradients == "none" or spec.compare != "values" or (spec.gradients == "finite" and not finite):
        return None
    pairs = [(m, o) for m, o in pairs if o.requires_grad]
    if not pairs:
        return None
    rng = np.random.default_rng(1)
    upstream = [np.asarray(rng.normal(size=m.shape), m.dtype) for m, _ in pairs]
    try:
        torch.autograd.backward([o for _, o in pairs], [torch.from_numpy(g) for g in upstream])
    except Exception:
        return None  # PyTorch has no derivative here
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            backward([m for m, _ in pairs], [Tensor(g) for g in upstream], None, False, None)
    except Exception as error:
        return "backward fails", _short(error)
    for i, (mine, other) in enumerate(zip(ours.tensors, theirs.tensors, strict=True)):
        if not other.requires_grad:
            continue
        expected = np.zeros(tuple(other.shape)) if other.grad is None else other.grad.numpy()
        found = np.zeros(mine.shape) if mine.grad is None else mine.grad._data
        if found.shape != expected.shape or not np.allclose(found, expected, *close, equal_nan=True):
            return "gradient", f"of tensor {i} (upstream {_text(upstream)}): {_text(found)}, PyTorch {_text(expected)}"
    return None


def _text(value: Any) -> str:
    return " ".join(str(value).split())[:400]


class Examined(NamedTuple):
    """What a comparison found: the differences, smallest call first, and how many others there are on purpose."""

    differences: list[Difference]
    on_purpose: int


def examine(spec: Spec, cases: int) -> Examined:
    """Compare the first ``cases`` calls of a function."""
    found, on_purpose = [], 0
    for index in range(cases):
        call = generate(spec, index)
        difference = check(call)
        if difference is None:
            continue
        if documented(call, *difference) is None:
            found.append(Difference(call, index, *difference))
        else:
            on_purpose += 1
    return Examined(sorted(found, key=lambda difference: difference.call.size), on_purpose)


def report(differences: list[Difference], each: int = 2) -> str:
    """The smallest calls of each kind of difference."""
    kinds: dict[str, list[Difference]] = {}
    for difference in differences:
        kinds.setdefault(difference.kind, []).append(difference)
    lines = [f"{len(differences)} differences"]
    for kind, members in kinds.items():
        lines.append(f"{kind}: {len(members)}")
        lines += [f"  {member}" for member in members[:each]]
    return "\n".join(lines)
