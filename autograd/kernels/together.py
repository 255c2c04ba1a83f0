"""One compiled call for many arrays: an optimizer's step, or clipping, on all parameters of a network together.

A network has some hundred parameters, most of them small: a call for each costs more than the arithmetic. So the arrays
are cut into chunks, fixed by their sizes, and a table names the array objects. A kernel
``kernel(start, stop, chunks, objects, numbers, like, results)`` works on chunks [start, stop), see :func:`view`, and
may leave one number for each in ``results``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numba import carray

from .arrays import canonical
from .blocks import FLOATS
from .buffers import place_of
from .jit import njit
from .parallel import parallel_for
from .vectors import pointer

_CHUNK = 1 << 14  # elements

Row = tuple[Sequence[np.ndarray], Sequence[np.ndarray], Sequence[float]]


def run(kernel: Callable, rows: Sequence[Row]) -> np.ndarray:
    """Run ``kernel`` on all rows together: arrays that are read, arrays that are written, and numbers.

    The arrays of a row have one shape. Any layout and dtype will do: what is not in the kernels' form is copied, and
    copied back. Returns the results of all chunks, in an order fixed by shapes and dtypes.

    Raises ValueError where shapes differ or an array that is to be written is read-only; nothing is written then.
    """
    copies: list[tuple[np.ndarray, np.ndarray]] = []
    formed = [_in_form(*row[:2], copies) for row in rows]
    results = [np.zeros(0)]
    for dtype in FLOATS:
        chosen = [i for i, arrays in enumerate(formed) if arrays[0].dtype == dtype and arrays[0].size]
        if chosen:
            chunks = _chunks(tuple(formed[i][0].size for i in chosen))
            objects = np.array([list(map(id, formed[i])) for i in chosen])
            numbers = np.array([rows[i][2] for i in chosen], np.float64)
            results.append(np.zeros(len(chunks)))
            arguments = (chunks, objects, numbers, np.empty(0, dtype), results[-1])
            parallel_for(kernel, len(chunks), *arguments, cost=2 * _CHUNK)
    for original, copy in copies:
        original[...] = copy
    return np.concatenate(results)


def _in_form(reads: Sequence[np.ndarray], writes: Sequence[np.ndarray], copies: list) -> list[np.ndarray]:
    """The arrays of a row as kernels take them; what must be copied back is added to ``copies``."""
    first = (*writes, *reads)[0]
    shape, dtype = first.shape, first.dtype if first.dtype in FLOATS else FLOATS[0]
    arrays = []
    for i, a in enumerate((*reads, *writes)):
        if a.shape != shape:
            raise ValueError(f"arrays that are updated together have one shape, not {shape} and {a.shape}")
        if i < len(reads):
            a = canonical(a, dtype)
        elif a.dtype != dtype or not a.flags.carray:
            if not a.flags.writeable:
                raise ValueError(f"an array of shape {shape} that is to be updated is read-only")
            copies.append((a, np.array(a, dtype, order="C")))
            a = copies[-1][1]
        arrays.append(a)
    return arrays


@lru_cache(maxsize=64)
def _chunks(sizes: tuple[int, ...]) -> np.ndarray:
    """For each chunk: number of its row, first element, number of elements."""
    table = [(row, low, min(_CHUNK, size - low)) for row, size in enumerate(sizes) for low in range(0, size, _CHUNK)]
    return np.array(table, np.int64)


@njit
def view(chunk, objects, position, like):
    """The part of array number ``position`` of its row that a chunk stands for, with the dtype of ``like``."""
    row, low, size = chunk
    return carray(pointer(place_of(objects[row, position]) + low * like.itemsize, like), size)


@njit
def number(chunk, numbers, position, like):
    """A number of the row a chunk belongs to, rounded to the dtype of ``like``."""
    return like.dtype.type(numbers[chunk[0], position])
