"""NumPy's elementwise functions and copies of large arrays, on all threads: NumPy itself uses one.

Arithmetic and copies are compiled loops where arrays consist of runs (:mod:`autograd.kernels.runs`), and copies where
they do not, too (:mod:`autograd.kernels.strided`). Everything else is NumPy's own loops in the interpreter's threads.
The last bit of some functions depends on whether an element stands in a whole vector or in the rest behind the last
one. Flat arrays are therefore cut at multiples of a number that the width of every vector divides: the same bits for
any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from .parallel import WORTH_WAKING, parallel_for

_STEP = 1 << 12  # elements
_ROWS = 8  # the first axis that has so many is cut
LARGE = 1 << 15  # elements: from here on, a pass over memory less is worth the call of a compiled kernel
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
EXPONENTIAL = 10  # the cost of an exponential; of an addition it is 2, for it waits for memory


def is_beyond_cache(out: np.ndarray) -> bool:
    """Whether ``out`` would fill much of the last cache: see :mod:`autograd.kernels.streaming`."""
    return 2 * out.nbytes >= last_cache()


@cache
def last_cache() -> int:
    """Bytes of the last cache, as far as the system tells."""
    try:
        size = Path("/sys/devices/system/cpu/cpu0/cache/index3/size").read_text().strip()
        return int(size.removesuffix("K")) << 10
    except (OSError, ValueError):
        return 8 << 20


def spread(function: np.ufunc, *inputs: Any, cost: float = 2) -> Any:
    """``function(*inputs)`` of arrays and numbers that broadcast.

    function : gives floating point numbers of the dtype it is given. ``np.equal`` may give 1 and 0 in that dtype.
    cost : of one element, see :func:`autograd.kernels.parallel.parallel_for`.
    """
    for x in inputs:
        if type(x) is np.ndarray and x.size * cost >= WORTH_WAKING:
            out = _spread(function, inputs, cost)
            return function(*inputs) if out is None else out
    return function(*inputs)


def _spread(function: np.ufunc, inputs: tuple, cost: float) -> np.ndarray | None:
    """The result, or ``None`` for inputs of several dtypes or in an order that NumPy walks through better."""
    arrays = [x for x in inputs if isinstance(x, np.ndarray)]
    if any(isinstance(x, np.generic) for x in inputs):
        return None  # a float64 one widens
    whole = max(arrays, key=lambda x: x.size)
    shape, dtype = whole.shape, whole.dtype
    if dtype not in FLOATS or not all(x.dtype == dtype and (x.shape == shape or _fits(x, shape)) for x in arrays):
        return None
    out = np.empty(shape, dtype)
    if _loops("runs").combine(function, inputs, out):
        return out
    if all(x.shape == shape and x.flags.c_contiguous for x in arrays):
        flat = out.reshape(-1)
        _on_blocks(function, flat, [x.reshape(-1) if isinstance(x, np.ndarray) else x for x in inputs], cost)
    elif all(x.ndim == 0 or x.strides[-1] in (0, x.itemsize) for x in arrays):
        views = [np.broadcast_to(x, shape) if isinstance(x, np.ndarray) else x for x in inputs]
        _on_blocks(function, out, views, cost)
    else:
        return None
    return out


def _fits(x: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether ``x`` broadcasts to ``shape``."""
    return x.ndim <= len(shape) and all(n in (1, m) for n, m in zip(reversed(x.shape), reversed(shape)))


def copied(x: Any) -> np.ndarray:
    """A copy of ``x`` in row-major order."""
    if type(x) is not np.ndarray or x.size * 2 < WORTH_WAKING:
        return np.array(x, order="C")
    out = np.empty(x.shape, x.dtype)
    assign(out, x)
    return out


@cache
def _loops(kind: str) -> Any:
    """Compiled loops, which import Numba: not before they are needed."""
    return import_module(f"{__package__}.{kind}")


def assign(target: np.ndarray, source: np.ndarray) -> None:
    """``target[...] = source``, of the same shape and dtype."""
    if target.size * 2 < WORTH_WAKING or target.dtype.hasobject:
        target[...] = source
    elif not (
        target.dtype in FLOATS
        and (_loops("runs").combine(np.positive, (source,), target) or _loops("strided").copy(source, target))
    ):
        _on_blocks(_copy, target, [source], 2)


def _copy(source: np.ndarray, target: np.ndarray) -> None:
    np.copyto(target, source)


def _on_blocks(function: Callable, out: np.ndarray, inputs: list, cost: float) -> None:
    """``function(*inputs, out)`` in one call for each range of rows: between two calls a thread waits for the GIL."""
    axis = next((i for i, n in enumerate(out.shape) if n >= _ROWS), out.shape.index(max(out.shape)))
    step = _STEP if out.ndim == 1 else 1
    rows = -(-out.shape[axis] // step)
    before = (slice(None),) * axis
    parallel_for(_run, rows, function, out, inputs, before, step, cost=cost * out.size / rows)


def _run(start: int, stop: int, function: Callable, out: np.ndarray, inputs: list, before: tuple, step: int) -> None:
    part = (*before, slice(start * step, stop * step))
    function(*[x[part] if isinstance(x, np.ndarray) else x for x in inputs], out[part])
