"""Containers: modules in a row, in a list, in a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, overload

from .batchnorm import takes_relu
from .module import Module


class _Indexed(Module):
    """What Sequential and ModuleList share: submodules named "0", "1", ... or in the order given."""

    _modules: dict[str, Module]  # type: ignore[assignment]

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self._sliced(list(self._modules.items())[index])
        return self._modules[self._key(index)]

    def _sliced(self, items: list[tuple[str, Module]]) -> Any:
        raise NotImplementedError

    def __setitem__(self, index: int, module: Module) -> None:
        self.register_module(self._key(index), module)

    def __delitem__(self, index: int | slice) -> None:
        keys = list(self._modules)
        gone = keys[index] if isinstance(index, slice) else [self._key(index)]
        kept = [(key, module) for key, module in self._modules.items() if key not in gone]
        numbered = all(key.isdigit() for key in keys)
        self._modules.clear()
        for position, (key, module) in enumerate(kept):
            self._modules[str(position) if numbered else key] = module

    def _key(self, index: int) -> str:
        size = len(self._modules)
        if not -size <= index < size:
            raise IndexError(f"{type(self).__name__}: index {index} is out of range for {size} modules")
        return list(self._modules)[index]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(list(self._modules.values()))

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        self.register_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end."""
        for module in list(modules):
            self.append(module)
        return self


class Sequential(_Indexed):
    """Modules applied one after the other; given as arguments, or as one mapping of names to modules.

    A ReLU that follows a batch normalisation is computed by it, in the same pass over memory: the graph shows one op
    ``batch_norm`` with ``relu``. A hook between the two keeps them apart.

    >>> from nn import Linear, ReLU, Sequential
    >>> net = Sequential(Linear(4, 8), ReLU(), Linear(8, 2))
    >>> len(net[:2]), list(net.state_dict())
    (2, ['0.weight', '0.bias', '2.weight', '2.bias'])
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        one = modules[0] if len(modules) == 1 else None
        items = one.items() if isinstance(one, Mapping) else ((str(i), m) for i, m in enumerate(modules))
        for name, module in items:
            if module is None:
                raise TypeError(f"Sequential: {name!r} is None, not a Module")
            self.register_module(name, module)

    def _sliced(self, items: list[tuple[str, Module]]) -> Sequential:
        return Sequential(dict(items))

    def forward(self, x: Any) -> Any:
        done = False  # by the module before
        modules = list(self._modules.values())
        for module, after in zip(modules, [*modules[1:], None]):
            if done:
                done = False
            else:
                done = takes_relu(module, after)
                x = module(x, relu=True) if done else module(x)
        return x


class ModuleList(_Indexed):
    """A list of modules whose parameters are registered; it has no ``forward`` of its own."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self.extend(modules)

    def _sliced(self, items: list[tuple[str, Module]]) -> ModuleList:
        return ModuleList(module for _, module in items)

    def insert(self, index: int, module: Module) -> None:
        """Put a module before position ``index``."""
        modules = list(self)
        modules.insert(index, module)
        for position, item in enumerate(modules):
            self.register_module(str(position), item)


class ModuleDict(Module):
    """A dictionary of modules whose parameters are registered; it has no ``forward`` of its own."""

    _modules: dict[str, Module]  # type: ignore[assignment]

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def update(self, modules: Mapping[str, Module]) -> None:
        for name, module in modules.items():
            self[name] = module

    def __getitem__(self, name: str) -> Module:
        if name not in self._modules:
            raise KeyError(f"ModuleDict: no module {name!r}; there are {sorted(self._modules)}")
        return self._modules[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self.register_module(name, module)

    def __delitem__(self, name: str) -> None:
        self[name]
        del self._modules[name]

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._modules))

    def keys(self) -> Iterator[str]:
        return iter(self)

    def values(self) -> Iterator[Module]:
        return iter(list(self._modules.values()))

    def items(self) -> Iterator[tuple[str, Module]]:
        return iter(list(self._modules.items()))
