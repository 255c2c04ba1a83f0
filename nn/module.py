"""Module: parameters, buffers and submodules under names, and a ``forward``.

Assigning an attribute registers it; everything else (saving, moving, switching to evaluation) walks those names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from autograd.accumulation import zero_grad
from autograd.graph import Scope
from autograd.hooks import HookHandle, add_hook
from autograd.modes import effect, modes
from autograd.tensor import Tensor

from .parameter import Parameter
from .state import IncompatibleKeys, convert, load_state, state_of

_TABLES = ("_parameters", "_buffers", "_modules")


class Module:
    """The base of every layer and network: subclass it, assign parameters and submodules, write ``forward``.

    >>> from nn import Linear, Module
    >>> class Net(Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer = Linear(3, 2)
    ...     def forward(self, x):
    ...         return self.layer(x).relu()
    >>> [name for name, _ in Net().named_parameters()]
    ['layer.weight', 'layer.bias']
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]

    def __init__(self) -> None:
        state = self.__dict__
        state["training"] = True
        for table in _TABLES:
            state[table] = {}
        state["_transient"] = set()  # names of the buffers that state_dict leaves out
        state["_forward_hooks"] = {}
        state["_forward_pre_hooks"] = {}

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward(); write one in the class")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if modes.trace is not None:
            modes.trace.enter(self)
        outer = modes.scope
        modes.scope = Scope(outer, self)  # operations recorded inside are drawn in this module's box
        try:
            if self._forward_pre_hooks:
                for hook in list(self._forward_pre_hooks.values()):
                    changed = hook(self, args)
                    if changed is not None:
                        args = changed if isinstance(changed, tuple) else (changed,)
            output = self.forward(*args, **kwargs)
            if self._forward_hooks:
                for hook in list(self._forward_hooks.values()):
                    changed = hook(self, args, output)
                    output = output if changed is None else changed
            return output
        finally:
            modes.scope = outer

    def register_forward_pre_hook(self, hook: Callable[[Module, tuple], Any]) -> HookHandle:
        """Call ``hook(module, args)`` before ``forward``; what it returns replaces the arguments."""
        return add_hook(self._forward_pre_hooks, hook)

    def register_forward_hook(self, hook: Callable[[Module, tuple, Any], Any]) -> HookHandle:
        """Call ``hook(module, args, output)`` after ``forward``; what it returns replaces the output."""
        return add_hook(self._forward_hooks, hook)

    # --- names ----------------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        table = "_parameters" if isinstance(value, Parameter) else "_modules" if isinstance(value, Module) else None
        if "_modules" not in self.__dict__:
            if table is not None:
                raise AttributeError(f"{type(self).__name__}: call super().__init__() before assigning {name!r}")
        elif table is not None:
            for other in _TABLES:
                if other != table:
                    self.__dict__[other].pop(name, None)
            self.__dict__.pop(name, None)
            self.__dict__[table][name] = value
            return
        else:
            for owner in _TABLES:
                if name in self.__dict__[owner]:
                    if value is not None and not (owner == "_buffers" and isinstance(value, Tensor)):
                        kind = {"_parameters": "Parameter", "_buffers": "Tensor", "_modules": "Module"}[owner]
                        raise TypeError(
                            f"{type(self).__name__}.{name} is registered as a {kind.lower()}: assign a {kind} or None, "
                            f"not {type(value).__name__}, or delete it first"
                        )
                    self.__dict__[owner][name] = value
                    return
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        state = self.__dict__
        for table in _TABLES:
            if name in state.get(table, ()):
                return state[table][name]
        hint = "" if "_modules" in state else " (was super().__init__() called?)"
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{hint}")

    def __delattr__(self, name: str) -> None:
        for table in _TABLES:
            if name in self.__dict__[table]:
                del self.__dict__[table][name]
                self._transient.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._parameters, *self._buffers, *self._modules})

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Add a parameter under ``name``; ``None`` reserves the name (a layer without bias)."""
        self._check_name(name, parameter, Parameter)
        self._parameters[name] = parameter

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is state but not learned; ``persistent=False`` keeps it out of ``state_dict``."""
        self._check_name(name, tensor, Tensor)
        self._buffers[name] = tensor
        if not persistent:
            self._transient.add(name)

    def register_module(self, name: str, module: Module | None) -> None:
        """Add a submodule under ``name``."""
        self._check_name(name, module, Module)
        self._modules[name] = module

    add_module = register_module

    def _check_name(self, name: str, value: Any, kind: type) -> None:
        owner = type(self).__name__
        if "_modules" not in self.__dict__:
            raise AttributeError(f"{owner}: call super().__init__() before registering {name!r}")
        if not isinstance(name, str) or not name or "." in name:
            raise ValueError(f"{owner}: a registered name is a non-empty string without a dot, not {name!r}")
        if hasattr(self, name) and not any(name in self.__dict__[table] for table in _TABLES):
            raise ValueError(f"{owner}: attribute {name!r} exists already")
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{owner}: {name!r} must be a {kind.__name__} or None, not {type(value).__name__}")

    # --- walking --------------------------------------------------------------------------------------------------

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """``(name, module)`` for this module (named ``prefix``) and everything below it."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if remove_duplicate:
                if id(module) in seen:
                    continue
                seen.add(id(module))
            yield name, module
            below = [(f"{name}.{key}" if name else key, m) for key, m in module._modules.items() if m is not None]
            stack.extend(reversed(below))

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """``(name, module)`` of the direct submodules, each once."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def children(self) -> Iterator[Module]:
        return (module for _, module in self.named_children())

    def _named(self, table: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        owners = self.named_modules(prefix, remove_duplicate) if recurse else iter([(prefix, self)])
        for path, module in owners:
            for name, value in module.__dict__[table].items():
                if value is None or (remove_duplicate and id(value) in seen):
                    continue
                seen.add(id(value))
                yield (f"{path}.{name}" if path else name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """``(name, parameter)``; a shared parameter once, under its first name."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The submodule at a dotted path; ``""`` is this module."""
        module: Module = self
        for name in target.split(".") if target else ():
            below = module._modules.get(name)
            if below is None:
                raise AttributeError(f"{type(module).__name__} has no submodule {name!r} (looking for {target!r})")
            module = below
        return module

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn`` on every submodule, then on this module."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # --- modes, gradients, dtype ----------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Switch everything below to training behaviour (dropout, batch statistics)."""
        if not isinstance(mode, bool):
            raise ValueError(f"train: mode is True or False, not {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch everything below to evaluation behaviour."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients (``None``), or set them to zero."""
        effect(self._zero_grad, set_to_none)

    def _zero_grad(self, set_to_none: bool) -> None:
        zero_grad([*self.parameters()], set_to_none)

    def to(self, dtype: Any) -> Self:
        """Convert floating point parameters, their gradients and buffers to ``dtype``, keeping their identity."""
        dtype = np.dtype(dtype)
        if dtype.kind != "f":
            raise TypeError(f"Module.to: a module is converted to a floating point dtype, not {dtype}")
        for tensor in [*self.parameters(), *self.buffers()]:
            if tensor.dtype.kind == "f" and tensor.dtype != dtype:
                convert(tensor, dtype)
        return self

    def float(self) -> Self:
        return self.to(np.float32)

    def double(self) -> Self:
        return self.to(np.float64)

    # --- state ----------------------------------------------------------------------------------------------------

    def state_dict(self, prefix: str = "") -> dict[str, Tensor]:
        """Names to tensors that share memory with the module: every parameter and persistent buffer."""
        return state_of(self, prefix)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy values into the module. All or nothing: on any mismatch it raises and nothing is changed.

        Parameters
        ----------
        state_dict : names to Tensors or arrays, as :meth:`state_dict` gives them
        strict : ``False`` permits names that only one side has; shapes and kinds must always fit

        Raises
        ------
        ValueError : listing the missing names, the unexpected names and the shapes that differ
        """
        return load_state(self, state_dict, strict)

    # --- text -----------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """The settings shown between the brackets of ``repr``."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): " + repr(module).replace("\n", "\n  ") for name, module in self._modules.items()]
        extra = self.extra_repr()
        if not lines:
            return f"{type(self).__name__}({extra})"
        return f"{type(self).__name__}({extra}\n  " + "\n  ".join(lines) + "\n)"
