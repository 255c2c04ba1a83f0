"""Spread a serial kernel over threads: the same bits for any number of them.

``parallel_for(kernel, n, *args, cost=c)`` calls ``kernel(start, stop, *args)`` on ranges that cover [0, n) once. The
kernel's part of the promise: index i writes only the outputs of index i. A reduction writes one partial result per
block, with blocks fixed by shape, and somebody adds them in order afterwards.

Plain threads run the kernels, which hold no GIL. Numba's own ``prange`` was slower here (80-95 µs a call where this
pool takes 20-60, and half a second more of compilation for each kernel), one of its back ends aborts when two Python
threads enter it, and another kills a forked child.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

# Waking a thread takes some 50 µs; a core does about 10 simple operations in a nanosecond when they vectorise. Below
# this many operations a second thread only gets in the way.
WORTH_WAKING = 200_000
# More ranges than threads, so that a thread that the system holds up does not hold up the whole loop.
_RANGES_PER_THREAD = 2


def parallel_for(kernel: Callable[..., Any], n: int, *args: Any, cost: float) -> None:
    """Call ``kernel(start, stop, *args)`` on contiguous ranges that cover [0, n) once, in several threads if it pays.

    kernel : a kernel made with ``autograd.kernels.jit.njit``; any function that releases the GIL will do.
    n : number of independent pieces of work. n = 0 calls nothing.
    cost : about how many elementary operations *one* index takes (elements moved, multiply-adds).

    The caller works too, and the loop returns when every range is done. An exception in any range is raised here.
    A loop that starts while another one is running (in a kernel, or in another Python thread) runs in its caller.
    """
    if n <= 0:
        return
    threads = min(_pool.threads, n)
    if threads == 1 or n * cost < WORTH_WAKING or not _pool.lock.acquire(blocking=False):
        kernel(0, n, *args)
        return
    try:
        _pool.run(_Loop(kernel, n, min(n, threads * _RANGES_PER_THREAD), args), threads - 1)
    finally:
        _pool.lock.release()


def set_num_threads(threads: int) -> None:
    """Let at most ``threads`` threads work on one op, the caller included. No result depends on it, in no bit.

    It governs every loop of a kernel, and the matrix products that NumPy's OpenBLAS computes. With another BLAS, and in
    LAPACK (``linalg.solve``, ``svd`` ...), the threads are those of that library.

    Raises
    ------
    TypeError, ValueError : ``threads`` is no int, or less than 1
    """
    if isinstance(threads, bool) or not isinstance(threads, int):
        raise TypeError(f"set_num_threads: threads must be an int, got {threads!r}")
    if threads < 1:
        raise ValueError(f"set_num_threads: threads must be at least 1, got {threads}")
    _pool.threads = threads


def get_num_threads() -> int:
    """How many threads work on one op: ``$GLASSGRAD_NUM_THREADS``, or the cores this process may use."""
    return _pool.threads


def _default_threads() -> int:
    chosen = os.environ.get("GLASSGRAD_NUM_THREADS", "")
    if chosen.isdecimal() and int(chosen) > 0:
        return int(chosen)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Loop:
    """One parallel loop: its ranges are handed out in order to whoever asks."""

    def __init__(self, kernel: Callable[..., Any], n: int, ranges: int, args: tuple) -> None:
        self.kernel, self.n, self.ranges, self.args = kernel, n, ranges, args
        self.tickets = count()  # next() on a count is atomic
        self.finished = count(1)
        self.done = threading.Lock()
        self.done.acquire()
        self.error: BaseException | None = None

    def work(self) -> None:
        """Take ranges until none is left. Whoever finishes the last one opens ``done``."""
        while (ticket := next(self.tickets)) < self.ranges:
            try:
                if self.error is None:
                    start, stop = ticket * self.n // self.ranges, (ticket + 1) * self.n // self.ranges
                    self.kernel(start, stop, *self.args)
            except BaseException as error:
                self.error = error
            if next(self.finished) == self.ranges:
                self.done.release()


class _Worker:
    """A daemon thread that sleeps on a lock until it is given a loop."""

    def __init__(self) -> None:
        self.loop: _Loop | None = None
        self.wake = threading.Lock()
        self.wake.acquire()
        threading.Thread(target=self._serve, name="glassgrad-worker", daemon=True).start()

    def give(self, loop: _Loop) -> None:
        self.loop = loop
        if self.wake.locked():  # else it was woken for an earlier loop and has not looked yet; it will find this one
            self.wake.release()

    def _serve(self) -> None:
        np.seterr(all="ignore")  # the caller's choice does not reach other threads, and NumPy would warn in each
        while True:
            self.wake.acquire()
            loop, self.loop = self.loop, None
            if loop is not None:
                loop.work()
            del loop  # its arguments are the caller's arrays: do not keep them while asleep


class _Pool:
    """The workers of this process, started when they are first needed."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.lock = threading.Lock()  # held by the one loop that may use the workers
        self.workers: list[_Worker] = []

    def run(self, loop: _Loop, helpers: int) -> None:
        while len(self.workers) < helpers:
            self.workers.append(_Worker())
        for worker in self.workers[:helpers]:
            worker.give(loop)
        loop.work()
        loop.done.acquire()
        for worker in self.workers[:helpers]:  # one that never woke up must not keep the arrays alive
            if worker.loop is loop:
                worker.loop = None
        if loop.error is not None:
            raise loop.error


def _start_afresh() -> None:
    """In a forked child: threads do not survive a fork, and the lock may have been held by one of them."""
    global _pool
    _pool = _Pool(_pool.threads)


_pool = _Pool(_default_threads())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)
