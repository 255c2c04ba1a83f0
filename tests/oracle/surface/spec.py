"""What is known about one function: its name in both libraries and how each of its arguments is drawn."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import autograd
import nn.functional

from .generators import MISSING, Argument, Draw
from .values import Array, arrays_in

SEED = 20


def find_path(owner: Any, path: str) -> Any:
    """``find_path(torch, "linalg.norm")``."""
    for part in path.split("."):
        if not hasattr(owner, part):
            raise AttributeError(f"{path} does not exist")
        owner = getattr(owner, part)
    return owner


@dataclass(frozen=True)
class Spec:
    """One function of the surface.

    Parameters
    ----------
    name : dotted name in PyTorch, without ``torch.`` (``sum``, ``linalg.norm``, ``nn.functional.pad``)
    arguments : a generator for each, by PyTorch's names and in its order
    keywords : names of arguments that are given by keyword only
    run : instead of a function of that name, ``run(library, *arguments)``, the same for both libraries
    function, method : whether it exists as a function, as a method of the tensor
    compare : what of the results is compared: "values", or "shapes" (and dtypes) where values are random
    gradients : "all", or "finite" (only where all inputs are finite), or "none"
    first_by_name : whether the first argument may be given by name (PyTorch documents other names in places)
    condition : a factor on float32's tolerance, where errors of the input grow with the condition of a matrix
    needs : functions that ``run`` calls, to say which of them does not exist
    positional_only : no argument is given by name (``x.reshape(2, 3)``)
    note : told apart by it, several specs of one function stand in the test report
    """

    name: str
    arguments: dict[str, Argument]
    keywords: tuple[str, ...] = ()
    run: Callable | None = None
    function: bool = True
    method: bool = True
    compare: str = "values"
    gradients: str = "finite"
    positional_only: bool = False
    first_by_name: bool = True
    condition: float = 1
    needs: tuple[str, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        return f"{self.name}[{self.note}]" if self.note else self.name

    @property
    def has_method(self) -> bool:
        return self.method and self.run is None and "." not in self.name and hasattr(torch.Tensor, self.name)

    def find(self, side: str, form: str) -> Callable:
        """The function in one library."""
        ours = side == "ours"
        if self.run is not None:
            library = autograd if ours else torch
            for name in self.needs:
                find_path(library, name)
            return lambda *args, **kwargs: self.run(library, *args, **kwargs)  # type: ignore[misc]
        if form == "method":
            owner: Any = autograd.Tensor if ours else torch.Tensor
            path = [self.name]
        elif self.name.startswith("nn.functional."):
            owner, path = (nn.functional if ours else torch.nn.functional), [self.name.rpartition(".")[2]]
        else:
            owner, path = (autograd if ours else torch), self.name.split(".")
        return find_path(owner, ".".join(path))


@dataclass
class Call:
    """One generated call."""

    spec: Spec
    form: str  # function or method
    args: tuple
    kwargs: dict[str, Any]

    @property
    def arrays(self) -> list[Array]:
        return arrays_in((*self.args, *self.kwargs.values()))

    @property
    def arguments(self) -> dict[str, Any]:
        """All arguments by name, for the conditions in ``differences``."""
        return dict(zip(self.spec.arguments, self.args)) | self.kwargs

    @property
    def size(self) -> int:
        return sum(3 * a.ndim + a.values.size for a in self.arrays) + 4 * len(self.args) + 5 * len(self.kwargs)

    def __str__(self) -> str:
        args = [repr(a) for a in self.args] + [f"{k}={v!r}" for k, v in self.kwargs.items()]
        if self.form == "method":
            return f"{args[0]}.{self.spec.name}({', '.join(args[1:])})"
        return f"{self.spec}({', '.join(args)})"


_RUBBISH = {"dim": (1.5, "0"), "keepdim": ("x",), "input": (None, "x"), "other": ("x", None)}


def generate(spec: Spec, index: int) -> Call:
    """The case of this index: the same one in every run."""
    d = Draw(np.random.default_rng([SEED, zlib.crc32(str(spec).encode()), index]))
    for name, argument in spec.arguments.items():
        d.arguments[name] = argument(d)
    if spec.run is None and d.chance(0.015):  # an argument of a wrong kind
        name = d.pick(list(spec.arguments))
        if (
            name in _RUBBISH
            and (spec.function or name != next(iter(spec.arguments)))
            and d.arguments[name] is not MISSING
        ):
            d.arguments[name] = d.pick(_RUBBISH[name])
    given = {k: v for k, v in d.arguments.items() if v is not MISSING}
    by_position = _positional(spec, d, given)
    args = tuple(given.pop(name) for name in by_position)
    if len(args) == 1 and not spec.function:
        form = "method"
    else:
        method = spec.has_method and args and isinstance(args[0], Array)
        form = "method" if method and (not spec.function or d.chance(0.4)) else "function"
    return Call(spec, form, args, given)


def _positional(spec: Spec, d: Draw, given: dict) -> list[str]:
    """Which arguments are given by position: the first few of those without a gap, the first nearly always."""
    names: list[str] = []
    for name in spec.arguments:
        if name not in given or name in spec.keywords:
            break
        names.append(name)
    if spec.positional_only or spec.run is not None:
        return names
    return names[: 0 if spec.function and spec.first_by_name and d.chance(0.04) else d.integer(1, max(1, len(names)))]
