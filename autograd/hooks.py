"""Handles of hooks: the one way to take a hook away again, for tensors and modules alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self


class HookHandle:
    """Removes a hook: by ``remove()``, or at the end of a ``with`` block."""

    def __init__(self, hooks: dict[HookHandle, Callable]) -> None:
        self._hooks = hooks

    def remove(self) -> None:
        self._hooks.pop(self, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def add_hook(hooks: dict[HookHandle, Callable], hook: Callable[..., Any]) -> HookHandle:
    """Put ``hook`` among ``hooks``, which are called in the order they were added."""
    handle = HookHandle(hooks)
    hooks[handle] = hook
    return handle
