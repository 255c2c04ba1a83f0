"""What every kernel must bear: any memory layout, memory full of NaN, any number of threads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from autograd.kernels import conv, parallel

LAYOUTS = ["F-order", "negative stride", "step 2", "read-only", "unaligned", "other byte order"]


def decide_anew() -> None:
    """Convolutions keep what is decided for a shape: to be called when what they decide by has been changed."""
    for ways in (conv._forward, conv._adjoint, conv._weights):
        ways.cache_clear()


def in_layout(x: np.ndarray, layout: str) -> np.ndarray:
    """The numbers of ``x`` in other memory."""
    if layout == "F-order":
        return np.asfortranarray(x)
    if layout == "negative stride":
        return np.ascontiguousarray(x[..., ::-1])[..., ::-1]
    if layout == "step 2":
        wide = np.full((*x.shape[:-1], 2 * x.shape[-1]), 7).astype(x.dtype)
        wide[..., ::2] = x
        return wide[..., ::2]
    if layout == "read-only":
        x = x.copy()
        x.flags.writeable = False
        return x
    if layout == "unaligned":
        memory = np.zeros(x.nbytes + 1, np.uint8)
        y = np.ndarray(x.shape, x.dtype, buffer=memory, offset=1)
        y[...] = x
        return y
    assert layout == "other byte order"
    return x.astype(x.dtype.newbyteorder())


def check_layouts(function: Callable, *arrays: np.ndarray) -> None:
    """``function`` gives the same bits for every layout of its arrays, C-contiguous, and leaves the arrays alone."""
    expected = _tuple(function(*arrays))
    for layout in LAYOUTS:
        changed = [in_layout(x, layout) for x in arrays]
        kept = [x.copy() for x in changed]
        for y, wanted in zip(_tuple(function(*changed)), expected):
            assert y.flags.c_contiguous, layout
            assert y.dtype == wanted.dtype, layout
            np.testing.assert_array_equal(y, wanted, err_msg=layout)
        for x, before in zip(changed, kept):
            np.testing.assert_array_equal(x, before, err_msg=f"{layout}: an input was written to")


def check_poisoned(function: Callable, *arrays: np.ndarray) -> None:
    """The same bits when fresh memory is full of NaN: nothing relies on zeros that were never written."""
    expected = _tuple(function(*arrays))
    for wanted in expected:
        for _ in range(4):
            junk = [
                np.full(wanted.size + extra, np.nan, wanted.dtype if wanted.dtype.kind == "f" else float)
                for extra in range(3)
            ]
            del junk
            for y, again in zip(_tuple(function(*arrays)), expected):
                np.testing.assert_array_equal(y, again)


@contextmanager
def poisoned_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every new array of floats is full of NaN, so that a result which nobody writes is seen."""
    empty = np.empty

    def full_of_nan(*args: Any, **kwargs: Any) -> np.ndarray:
        array = empty(*args, **kwargs)
        if array.dtype.kind == "f":
            array.fill(np.nan)
        return array

    decide_anew()
    try:
        with monkeypatch.context() as patch:
            patch.setattr(np, "empty", full_of_nan)
            yield
    finally:
        decide_anew()


def each_thread_count(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """1, 2 and 4 threads, awake for any amount of work."""
    monkeypatch.setattr(parallel, "WORTH_WAKING", 0)
    before = parallel.get_num_threads()
    try:
        for threads in (1, 2, 4):
            parallel.set_num_threads(threads)
            yield threads
    finally:
        parallel.set_num_threads(before)


def check_threads(monkeypatch: pytest.MonkeyPatch, function: Callable, *arrays: np.ndarray) -> None:
    """The same bits with 1, 2 and 4 threads."""
    results = [_tuple(function(*arrays)) for _ in each_thread_count(monkeypatch)]
    for result in results[1:]:
        for y, wanted in zip(result, results[0]):
            assert y.tobytes() == wanted.tobytes()


def check_adjoint(forward: Callable, adjoint: Callable, x: np.ndarray, y: np.ndarray) -> None:
    """``<A x, y> = <x, Aᵀ y>``."""
    there, back = (forward(x) * y).sum(), (x * adjoint(y)).sum()
    assert there == pytest.approx(back, rel=1e-10, abs=1e-10)


def assert_same_places(found: np.ndarray, expected: np.ndarray) -> None:
    """NaN and infinity stand where they are expected, and nowhere else."""
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_array_equal(np.isposinf(found), np.isposinf(expected))


def _tuple(result):
    return result if isinstance(result, tuple) else (result,)
