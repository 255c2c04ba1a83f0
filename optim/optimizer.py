"""Optimizer: parameter groups, their settings, and the state each parameter carries from step to step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from autograd.accumulation import zero_grad
from autograd.memory import note_write
from autograd.modes import effect, enable_grad, not_compiled
from autograd.tensor import Tensor, wrap

Entry = tuple[np.ndarray, np.ndarray, dict[str, Any]]  # a parameter's values, its gradient, its state
Params = Iterable[Any]  # Tensors, (name, Tensor) pairs as named_parameters() gives, or dicts with settings of their own


class Optimizer:
    """The base of every rule: a subclass writes :meth:`_update`, in place.

    Parameters
    ----------
    params : parameters, ``named_parameters()``, or dicts ``{"params": ..., "lr": ...}`` with settings of their own
    defaults : the settings of groups that do not give their own
    """

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        if isinstance(params, (Tensor, np.ndarray)):
            raise TypeError(f"{type(self).__name__}: params is a list of parameters, not one; write [parameter]")
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        groups = list(params)
        if not groups:
            raise ValueError(f"{type(self).__name__}: params is empty (a generator that was used up already?)")
        for group in groups if isinstance(groups[0], Mapping) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add parameters with settings of their own; what is left out comes from the defaults."""
        caller = type(self).__name__
        if not isinstance(group, Mapping) or "params" not in group:
            raise TypeError(f"{caller}: a parameter group is a dict with the key 'params'")
        given = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        pairs = [item if isinstance(item, tuple) else (None, item) for item in given]
        params = [p for _, p in pairs]
        for name, p in pairs:
            if not isinstance(p, Tensor):
                raise TypeError(f"{caller}: parameters are Tensors, not {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError(f"{caller}: {name or 'a parameter'} is computed from others; only leaves are updated")
        known = {id(p) for other in self.param_groups for p in other["params"]} | {id(p) for p in params}
        if len(known) != sum(len(other["params"]) for other in self.param_groups) + len(params):
            raise ValueError(f"{caller}: a parameter stands twice among the groups; it would be updated twice")
        if unknown := set(group) - set(self.defaults) - {"params", "param_names", "initial_lr"}:
            raise ValueError(f"{caller}: unknown settings {sorted(unknown)}; there are {sorted(self.defaults)}")
        new = {"params": params} | {key: group.get(key, value) for key, value in self.defaults.items()}
        if all(name is not None for name, _ in pairs):
            new["param_names"] = [name for name, _ in pairs]
        if "initial_lr" in group:
            new["initial_lr"] = group["initial_lr"]
        self._check(new)
        self.param_groups.append(new)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients (``None``: such parameters are skipped by :meth:`step`), or set them to zero."""
        effect(self._zero_grad, set_to_none)

    def _zero_grad(self, set_to_none: bool) -> None:
        zero_grad([p for group in self.param_groups for p in group["params"]], set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; one without is left alone: no decay, no state.

        ``closure``, if given, computes the loss anew and calls backward; its result is returned.
        """
        loss = None
        if closure is not None:
            not_compiled("the step of an optimizer has a closure")
            with enable_grad():
                loss = closure()
        effect(self._step, writes=True)
        return loss

    def _step(self) -> None:
        writer = f"{type(self).__name__}.step"
        for group in self.param_groups:
            entries = [
                (p._data, p._grad._data, self.state.setdefault(p, {})) for p in group["params"] if p._grad is not None
            ]
            if entries:
                self._update(entries, group)
            for values, _, _ in entries:
                note_write(values, writer)

    # --- what a rule writes ---------------------------------------------------------------------------------------

    def _check(self, group: dict[str, Any]) -> None:
        """Raise ValueError for settings out of range."""

    def _update(self, entries: list[Entry], group: dict[str, Any]) -> None:
        """Change the values of each parameter in place by its gradient, which must not be changed."""
        raise NotImplementedError

    # --- state ----------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """``{"state": {index: values}, "param_groups": [settings]}``, parameters numbered in order as in PyTorch."""
        order = [p for group in self.param_groups for p in group["params"]]
        number = {id(p): i for i, p in enumerate(order)}
        state = {
            number[id(p)]: {k: wrap(v) if isinstance(v, np.ndarray) else v for k, v in values.items()}
            for p, values in self.state.items()
        }
        groups = [{**group, "params": [number[id(p)] for p in group["params"]]} for group in self.param_groups]
        return {"state": dict(sorted(state.items())), "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over settings and state: by parameter name where both sides know the names, else by position.

        Values are copied, in the dtype of the parameter. All or nothing.

        Raises
        ------
        ValueError : other groups, other names, or state whose shape does not fit its parameter
        """
        caller = f"{type(self).__name__}.load_state_dict"
        saved = state_dict["param_groups"]
        sizes = [len(g["params"]) for g in self.param_groups], [len(g["params"]) for g in saved]
        if sizes[0] != sizes[1]:
            raise ValueError(f"{caller}: groups of {sizes[1]} parameters given, groups of {sizes[0]} expected")
        state: dict[Tensor, dict[str, Any]] = {}
        settings = []
        for own, other in zip(self.param_groups, saved, strict=True):
            names = own.get("param_names") or [None] * len(own["params"])
            source = dict(zip(own["params"], other["params"], strict=True))
            if "param_names" in own and "param_names" in other:
                by_name = dict(zip(other["param_names"], other["params"], strict=True))
                if missing := [n for n in names if n not in by_name]:
                    raise ValueError(f"{caller}: no state for {missing}; there is state for {sorted(by_name)}")
                source = {p: by_name[n] for p, n in zip(own["params"], names, strict=True)}
            for (p, index), name in zip(source.items(), names, strict=True):
                if index in state_dict["state"]:
                    where = f"{caller}: {name or f'parameter {index}'}"
                    state[p] = {k: _restored(v, p, k, where) for k, v in state_dict["state"][index].items()}
            loaded = {k: v for k, v in other.items() if k not in ("params", "param_names")}
            loaded = {k: tuple(v) if isinstance(v, list) else v for k, v in loaded.items()}  # JSON has no tuples
            settings.append(own | loaded)
            self._check(settings[-1])
        self.state = state
        for own, loaded in zip(self.param_groups, settings, strict=True):
            own.update(loaded)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {k}: {v}" for k, v in sorted(group.items()) if k not in ("params", "param_names")]
        return "\n".join([*lines, ")"])


def _restored(value: Any, p: Tensor, key: str, where: str) -> Any:
    if not hasattr(value, "__array__"):
        return value
    array = np.asarray(value)  # a Tensor, or an array of whatever library wrote the state
    if key == "step" and array.shape == ():  # a count, which PyTorch keeps as a tensor
        return int(array)
    if array.shape != p.shape:
        raise ValueError(f"{where}: {key} has shape {array.shape} but the parameter has shape {p.shape}")
    return array.astype(p.dtype, order="C")


def check_range(caller: str, name: str, value: Any, below: float = math.inf) -> None:
    """Raise ValueError unless ``0 <= value < below``; NaN is refused too."""
    if isinstance(value, bool) or not 0 <= value < below:
        limit = "finite and not negative" if below == math.inf else f"in [0, {below:g})"
        raise ValueError(f"{caller}: {name} must be {limit}, not {value!r}")
