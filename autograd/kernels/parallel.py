"""Spread a serial kernel over threads: the same bits for any number of them.

``parallel_for(kernel, n, *args, cost=c)`` calls ``kernel(start, stop, *args)`` on ranges that cover [0, n) once. The
kernel's part of the promise: index i writes only the outputs of index i. A reduction writes one partial result per
block, with blocks fixed by shape, and somebody adds them in order afterwards.

The threads are the project's own, and no GIL is needed to share a compiled kernel (:mod:`.team`); functions in Python
share a loop through the interpreter. Numba's ``prange`` was slower (80-95 µs a call, and half a second more of
compilation for each kernel), one of its back ends aborts when two Python threads enter it, and another kills a forked
child.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from .team import RANGES_PER_THREAD, team

# A core does about 10 simple operations in a nanosecond when they vectorise. With less than this many a thread that is
# awake only gets in the way, and so does one that must be woken, which takes some 50 µs.
WORTH_SHARING, WORTH_WAKING = 20_000, 200_000
# How often a thread looks for the next loop before it sleeps, a quarter of a millisecond: Python rarely takes longer
# from one loop to the next. A step of a small U-Net took 38.5 ms; with a tenth of this 41.4, with ten times 39.5.
_LOOKS = 10_000


def parallel_for(kernel: Callable[..., Any], n: int, *args: Any, cost: float) -> None:
    """Call ``kernel(start, stop, *args)`` on contiguous ranges that cover [0, n) once, in several threads if it pays.

    kernel : made with ``autograd.kernels.jit.njit``, with parameters named ``start`` and ``stop`` first; any function
        that releases the GIL will do, and loses some 35 µs.
    n : number of independent pieces of work. n = 0 calls nothing.
    cost : about how many elementary operations *one* index takes (elements moved, multiply-adds).

    The caller works too, and the loop returns when every range is done. An exception in any range is raised here.
    A loop that starts while another one is running (in a kernel, or in another Python thread) runs in its caller.
    """
    work, pool = n * cost, _pool
    if (
        work < WORTH_SHARING
        or n < 2
        or pool.threads == 1
        or (work < WORTH_WAKING and not pool.awake())
        or pool.lock.locked()
    ):
        if n > 0:
            kernel(0, n, *args)
        return
    with pool.lock:  # after a call of acquire() a signal may raise before any ``finally`` knows that it is to release
        threads = min(pool.threads, n)
        if getattr(kernel, "is_loop", False):
            if work >= WORTH_WAKING:
                pool.wake(threads - 1)
            kernel(-threads, n, *args)
        else:
            pool.run(_Loop(kernel, n, min(n, threads * RANGES_PER_THREAD), args), threads - 1)


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
    return _CORES


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
    """A daemon thread that watches for loops, and sleeps on a lock when there are none."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.loop: _Loop | None = None
        self.asleep = False
        self.alarm = threading.Lock()
        self.alarm.acquire()
        threading.Thread(target=self._serve, name="glassgrad-worker", daemon=True).start()

    def wake(self) -> None:
        if self.alarm.locked():  # else it was woken already and has not got up yet
            self.alarm.release()

    def _serve(self) -> None:
        np.seterr(all="ignore")  # the caller's choice does not reach other threads, and NumPy would warn in each
        call = 0
        while True:
            loop, self.loop = self.loop, None
            if loop is not None:
                loop.work()
            elif answered := team().watch(self.number, _looks(), call):
                call = answered
            else:
                self.asleep = True
                if self.loop is None and team().open_turn() <= 0:  # nothing came while this thread waited for the GIL
                    self.alarm.acquire()
                self.asleep = False


class _Pool:
    """The workers of this process, started when they are first needed."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.lock = threading.Lock()  # held by the one loop that may use the workers
        self.workers: list[_Worker] = []

    def awake(self) -> bool:
        return False in [worker.asleep for worker in self.workers]

    def helpers(self, number: int) -> list[_Worker]:
        """So many workers, started if need be."""
        while len(self.workers) < number:
            self.workers.append(_Worker(len(self.workers)))
        return self.workers[:number]

    def wake(self, number: int) -> None:
        """Let so many workers watch."""
        if len(self.workers) < number:
            self.helpers(number)
        for worker in self.workers:
            if worker.asleep and worker.number < number:
                worker.wake()

    def run(self, loop: _Loop, number: int) -> None:
        """A loop of a function in Python, with so many helpers."""
        helpers = self.helpers(number)
        try:
            for worker in helpers:
                worker.loop = loop
            self.wake(number)
            team().call_up()
            loop.work()
            loop.done.acquire()
        except BaseException as error:  # a signal's: others end the ranges they are at, and nobody begins another
            loop.error, loop.tickets = error, count(loop.ranges)
        team().close()
        for worker in helpers:  # one that never woke up must not keep the arrays alive
            if worker.loop is loop:
                worker.loop = None
        if loop.error is not None:
            try:
                raise loop.error
            finally:
                loop.error = None  # it holds frames that hold the loop: such a circle would keep the arrays alive


def _looks() -> int:
    """A thread that looks takes a core from one that works, if there are more threads than cores."""
    return _LOOKS if _pool.threads <= _CORES else 0


def _start_afresh() -> None:
    """In a forked child: threads do not survive a fork, and the lock may have been held by one of them."""
    global _pool
    _pool = _Pool(_pool.threads)
    if team.cache_info().currsize:
        team().forget()


_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_pool = _Pool(_default_threads())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)
