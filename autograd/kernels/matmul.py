"""Matrix products with the same bits for any number of threads.

Large ones are computed by register tiles, in :mod:`.product`. Where they are small, or have few rows, or one is a
vector, BLAS is as fast, and nothing is compiled. But BLAS cuts a product among its own threads, and another cut rounds
in another order: in float32, 64×576 times 576×1000 had other bits on one thread and on two. Here such a product is cut
into bands fixed by its shape. Each band is one BLAS call on one thread, and the project's own threads take the bands,
so that one number governs both.

The promise for those needs OpenBLAS, which NumPy's wheels bring. With another BLAS they are NumPy's as they come.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from . import product
from .parallel import get_num_threads, parallel_for

# Multiply-adds that OpenBLAS leaves to one thread: of matrices, and where one of the two is a vector.
_SERIAL, _SERIAL_VECTOR = 1 << 18, 9_000
# A band must be worth a waking, and each packs the whole other matrix anew: 8 bands of 2048×2048 cost a tenth.
_BAND, _LEAST_WIDTH, _MOST_BANDS = 1 << 23, 128, 8


def matmul(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``np.matmul(a, b)`` of stacks of matrices, each at least 2-d."""
    rows, inner, columns = *a.shape[-2:], b.shape[-1]
    serial = rows * inner * columns <= (_SERIAL if rows > 1 and columns > 1 else _SERIAL_VECTOR)
    stack = a.ndim > 2 and a.shape[:-2] == b.shape[:-2] and a.size > 0 and b.size > 0
    if (serial and not stack) or a.dtype != b.dtype or a.dtype.char not in "fd":
        return np.matmul(a, b)
    if (stack or a.ndim == b.ndim == 2) and b.shape[-2] == inner and product.pays(a, b):
        return _on_tiles(a, b)
    if not _blas():
        return np.matmul(a, b)
    _touch_buffers(get_num_threads())
    if stack:
        return _in_groups(a, b)
    return _in_bands(a, b) if a.ndim == b.ndim == 2 else _on_one_blas_thread(np.matmul, a, b)


def _on_tiles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    out = np.empty((*a.shape[:-1], b.shape[-1]), a.dtype.newbyteorder("="))
    product.multiply(*(x.reshape(-1, *x.shape[-2:]) for x in (a, b, out)))
    return out


def _in_bands(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The rows of the result in bands, or its columns if there are more of them."""
    (rows, inner), columns = a.shape, b.shape[1]
    out = np.empty((rows, columns), a.dtype)
    longer, products = max(rows, columns), rows * inner * columns
    cuts = bands(longer, min(longer // _LEAST_WIDTH, products // _BAND, _MOST_BANDS))

    def multiply_rows(start: int, stop: int) -> None:
        for band in cuts[start:stop]:
            np.matmul(a[band], b, out=out[band])

    def multiply_columns(start: int, stop: int) -> None:
        for band in cuts[start:stop]:
            np.matmul(a, b[:, band], out=out[:, band])

    parallel_products(multiply_rows if rows >= columns else multiply_columns, len(cuts), cost=products / len(cuts))
    return out


def _in_groups(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The matrices of a stack are products of their own: any share of them may go to any thread."""
    shape = (*a.shape[:-1], b.shape[-1])
    a, b = a.reshape(-1, *a.shape[-2:]), b.reshape(-1, *b.shape[-2:])
    out = np.empty((len(a), *shape[-2:]), a.dtype)

    def multiply(start: int, stop: int) -> None:
        np.matmul(a[start:stop], b[start:stop], out=out[start:stop])

    parallel_products(multiply, len(a), cost=a[0].size * shape[-1])
    return out.reshape(shape)


def bands(length: int, most: int) -> list[slice]:
    """``length`` in at most so many pieces, at least one: a power of two, since three would leave one of two threads
    idle."""
    parts = 1 << (max(1, most).bit_length() - 1)
    return [slice(i * length // parts, (i + 1) * length // parts) for i in range(parts)]


def parallel_products(work: Callable[[int, int], None], n: int, *, cost: float) -> None:
    """``parallel_for`` of a function that calls ``np.matmul``: each call has one thread, and always the same bits.

    cost : multiply-adds of one index.
    """
    _touch_buffers(get_num_threads())
    _on_one_blas_thread(parallel_for, work, n, cost=cost / 8)  # vectorised


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``np.dot`` of two vectors; the memory sets its pace, so one thread takes it."""
    if a.size < _SERIAL_VECTOR or not _blas():
        return np.dot(a, b)
    return _on_one_blas_thread(np.dot, a, b)


# --- the threads of BLAS --------------------------------------------------------------------------------------------

_lock = threading.Lock()
_inside = 0  # our products that run now
_before = 1  # BLAS's own number of threads, while products run


def _on_one_blas_thread(product: Callable[..., Any], *args: Any, **settings: Any) -> Any:
    """BLAS runs on one thread while any product of ours runs; what else calls NumPy has its threads back afterwards."""
    global _inside, _before
    blas = _blas()
    assert blas
    with _lock:
        if _inside == 0:
            _before = blas.get()
            blas.put(1)
        _inside += 1
    try:
        return product(*args, **settings)
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                blas.put(_before)


def _start_afresh() -> None:
    """In a forked child: the thread that ran a product, or held the lock, is not here."""
    global _lock, _inside
    _lock = threading.Lock()
    if _inside and (blas := _blas()):
        _inside = 0
        blas.put(_before)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)


@cache
def _touch_buffers(threads: int) -> None:
    """Make the memory real that products read ahead in, once for as many threads.

    OpenBLAS packs matrices into a buffer of 32 MB for each call that runs, and fetches the next panel before it is
    packed. Where no larger product has ever written there, the pages do not exist, and each fetch searches the page
    tables in vain: (256×1152)(1152×196) took 10 ms in a new process and 3.2 ms after this. The product here has more
    columns than a block of OpenBLAS, so that it packs all its panels one behind the other.
    """
    if not _blas():
        return
    a, b = np.ones((64, 384), np.float32), np.ones((384, 1024), np.float32)
    together = threading.Barrier(threads)  # a call that ends before another starts would share its buffer

    def work(start: int, stop: int) -> None:
        with suppress(threading.BrokenBarrierError):
            together.wait(0.1)
        np.matmul(a, b)

    _on_one_blas_thread(parallel_for, work, threads, cost=a.size * 1024)


class _Blas(NamedTuple):
    """Functions of NumPy's OpenBLAS."""

    get: Callable[[], int]  # the number of threads
    put: Callable[[int], Any]


@cache
def _blas() -> _Blas | None:
    """``None`` where NumPy has another BLAS."""
    try:
        numpy_itself = import_module("numpy._core._multiarray_umath").__file__
        library = ctypes.PyDLL(numpy_itself)  # finds the names of what it is linked with, too
    except (ImportError, OSError):
        return None
    for name in ("scipy_openblas_{}64_", "openblas_{}64_", "openblas_{}"):
        functions = [name.format(what) for what in ("get_num_threads", "set_num_threads")]
        if all(hasattr(library, function) for function in functions):
            return _Blas(*(getattr(library, function) for function in functions))
    return None
