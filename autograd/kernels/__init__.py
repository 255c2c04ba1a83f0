"""Kernels: ndarray in, ndarray out. They know no Tensor, no graph and no gradient rule.

Each family is a submodule, imported when it is first used (``kernels.conv.conv2d``): Numba takes 0.3 s to import, and a
program that never convolves should not wait for it.
"""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    if not name.startswith("_") and find_spec(f"{__name__}.{name}"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no kernel family {name!r}")
