"""Reverse-mode automatic differentiation on NumPy arrays, right to second order and visible at every node.

>>> import autograd
>>> x = autograd.tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
tensor([2., 4., 6.])
"""
# ruff: noqa: F401  (the names are here for others to import)

from importlib import import_module
from typing import Any

from . import graph, heap, linalg, random
from .anomaly import detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from .dtypes import bool_, float16, float32, float64, int8, int16, int32, int64, uint8
from .engine import grad
from .kernels.parallel import get_num_threads, set_num_threads
from .modes import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .ops import array_methods, methods, numpy_protocol
from .ops.public import *  # noqa: F403
from .ops.public_arrays import *  # noqa: F403
from .random import Generator, default_generator, get_rng_state, manual_seed, set_rng_state
from .tensor import Tensor, as_tensor, from_numpy, tensor

_LAZY = ("checkpoint", "compiler", "custom", "func", "functional", "gradcheck", "serialize", "vmap", "viz")


def __getattr__(name: str) -> Any:
    if name == "compile":
        return import_module(".compiler", __name__).compile
    if name in _LAZY:  # imported when first used, so that `import autograd` stays light
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
