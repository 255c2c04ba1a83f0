import ctypes
import gc
import multiprocessing
import signal
import sys
import threading
import time
import weakref

import numpy as np
import pytest

from autograd.kernels import parallel
from autograd.kernels.jit import njit
from autograd.kernels.parallel import get_num_threads, parallel_for, set_num_threads
from autograd.kernels.team import team


@pytest.fixture(autouse=True)
def four_threads():
    before = get_num_threads()
    set_num_threads(4)
    yield
    set_num_threads(before)


def mark(start, stop, out):
    for i in range(start, stop):
        out[i] += i + 1


compiled_mark = njit(mark)
KERNELS = pytest.mark.parametrize("mark", [mark, compiled_mark], ids=["python", "compiled"])


@KERNELS
@pytest.mark.parametrize("threads", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 17, 100])
def test_every_index_is_visited_once(n, threads, mark):
    set_num_threads(threads)
    out = np.zeros(n)
    parallel_for(mark, n, out, cost=1e9)
    assert (out == np.arange(n) + 1).all()


def test_loops_of_both_kinds_take_turns():
    expected = np.arange(1000) + 1.0
    for i in range(3000):
        out = np.zeros(1000)
        parallel_for((mark, compiled_mark)[i % 3 > 0], 20 + i % 50, out, cost=(1e9, 1e3)[i % 2])
        assert (out[: 20 + i % 50] == expected[: 20 + i % 50]).all() and not out[20 + i % 50 :].any()


if sys.platform != "win32":
    _thread = ctypes.CDLL(None).pthread_self
    _thread.argtypes, _thread.restype = (), ctypes.c_size_t

    @njit
    def note_thread(start, stop, out, work):
        total = 0.0
        for i in range(work):
            total += i
        for i in range(start, stop):
            out[i] = _thread() + (total < 0)


@pytest.mark.skipif("sys.platform == 'win32'", reason="POSIX threads")
@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_no_more_threads_than_asked_for_share_a_compiled_loop(threads):
    for asked in [4, threads]:
        set_num_threads(asked)
        seen, deadline = set(), time.monotonic() + 10  # four threads rarely meet in one loop if there are two cores
        while len(seen) < asked and time.monotonic() < deadline:
            for _ in range(20):
                out = np.zeros(8, np.uint64)
                parallel_for(note_thread, 8, out, 1_000_000, cost=1e9)
                seen.update(out.tolist())
        assert len(seen) == asked


@njit
def note_order(start, stop, order, visits):
    for i in range(start, stop):
        order[i] = visits[0]
        visits[0] += 1


def test_a_loop_begins_where_the_last_one_ended():
    time.sleep(0.1)  # those who watched for loops are asleep: the caller does the shares of both, one after the other
    orders = []
    for _ in range(3):
        order = np.zeros(8, np.int64)
        note_order(-2, 8, order, np.zeros(1, np.int64))  # as parallel_for calls it, but nobody is woken
        orders.append(order.tolist())
    assert sorted(orders[:2]) == [[0, 1, 2, 3, 4, 5, 6, 7], [3, 2, 1, 0, 7, 6, 5, 4]]
    assert orders[2] == orders[0]


def test_many_threads_take_part():
    seen, together = set(), threading.Barrier(4)

    def kernel(start, stop):
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            together.wait(timeout=10)  # nobody goes on before four threads are inside

    parallel_for(kernel, 64, cost=1e9)
    assert len(seen) == 4


def test_small_work_stays_in_the_caller():
    ranges = []
    parallel_for(lambda start, stop: ranges.append((start, stop, threading.get_ident())), 100, cost=1)
    assert ranges == [(0, 100, threading.get_ident())]


def test_exception_of_a_worker_reaches_the_caller_and_the_pool_survives():
    def kernel(start, stop):
        if start <= 37 < stop:
            raise ZeroDivisionError("range of 37")

    for _ in range(3):
        with pytest.raises(ZeroDivisionError, match="range of 37"):
            parallel_for(kernel, 64, cost=1e9)
    out = np.zeros(10)
    parallel_for(mark, 10, out, cost=1e9)
    assert (out == np.arange(10) + 1).all()


def test_threads_that_come_at_once_get_one_team():
    addresses, together = set(), threading.Barrier(4)

    def come():
        together.wait(timeout=10)
        made = team.__wrapped__()  # as if nobody had been there
        addresses.add(ctypes.cast(made.open_turn, ctypes.c_void_p).value)

    threads = [threading.Thread(target=come) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert addresses == {ctypes.cast(team().open_turn, ctypes.c_void_p).value}


@KERNELS
@pytest.mark.skipif("not hasattr(signal, 'setitimer')", reason="no timer on this system")
def test_loops_are_shared_after_a_signal_interrupted_one(mark):
    class Stop(BaseException):
        pass

    def stop(*_):
        raise Stop

    before = signal.signal(signal.SIGALRM, stop)
    out, deadline = np.zeros(20), time.monotonic() + 1
    try:
        while time.monotonic() < deadline:
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-3)
                while time.monotonic() < deadline:  # Python loses what a finalizer raises
                    parallel_for(mark, 20, out, cost=1e9)
            except Stop:
                assert not parallel._pool.lock.locked()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_nobody_begins_another_range_of_a_loop_that_was_interrupted(monkeypatch):
    class Interrupted(parallel._Loop):
        def work(self):
            if threading.current_thread() is threading.main_thread():
                time.sleep(0.02)
                raise KeyboardInterrupt
            super().work()

    begun = []

    def kernel(start, stop):
        begun.append(start)
        time.sleep(0.015)

    parallel_for(kernel, 8, cost=1e9)
    monkeypatch.setattr(parallel, "_Loop", Interrupted)
    monkeypatch.setattr(parallel, "RANGES_PER_THREAD", 20)
    with pytest.raises(KeyboardInterrupt):
        parallel_for(kernel, 800, cost=1e9)
    at_once = len(begun)
    time.sleep(0.1)
    assert len(begun) <= at_once + 3
    assert not any(worker.loop for worker in parallel._pool.workers)
    assert team().open_turn() == 0


def test_an_exception_does_not_keep_the_arguments_alive():
    class Array(np.ndarray):
        pass

    def kernel(start, stop, out):
        raise ZeroDivisionError

    out = np.zeros(1000).view(Array)
    gone = weakref.ref(out)
    gc.disable()
    try:
        with pytest.raises(ZeroDivisionError):
            parallel_for(kernel, 64, out, cost=1e9)
        del out
        deadline = time.monotonic() + 5
        while gone() is not None and time.monotonic() < deadline:
            time.sleep(0.001)
        assert gone() is None
    finally:
        gc.enable()


@njit
def fail(start, stop, at):
    for i in range(start, stop):
        if i == at:
            raise ZeroDivisionError("a range")


@pytest.mark.parametrize("at", [0, 37, 63])
def test_exception_of_a_compiled_kernel_reaches_the_caller(at):
    for _ in range(20):
        with pytest.raises(ZeroDivisionError, match="a range"):
            parallel_for(fail, 64, at, cost=1e9)
        parallel_for(fail, 64, 64, cost=1e9)


@njit
def _row_sum(row):
    total = 0
    for i in range(row.size):
        total += row[i]
    return total


@njit
def _sums_of_rows(start, stop, out, small, inputs, factor, negate, nothing):
    kept = small  # until the loop is over
    for i in range(start, stop):
        total = _row_sum(inputs[0][i]) * factor + _row_sum(inputs[1][0][i]) + _row_sum(kept[i])
        out[i] = -total if negate else total


def test_a_compiled_loop_takes_arguments_of_every_kind_and_counts_no_references():
    small = np.arange(600, dtype=np.uint8).reshape(200, 3)
    floats, integers = np.ones((200, 4)), np.full((200, 5), 2)
    inputs = (floats, (integers, 1.0))
    counts = [sys.getrefcount(x) for x in (small, floats, integers)]
    for start in (0, -3):  # in one thread, and in several
        out = np.zeros(200)
        _sums_of_rows(start, 200, out, small, inputs, 0.5, True, None)
        np.testing.assert_array_equal(out, -(2 + 10 + small.sum(1, np.int64)))
    assert [sys.getrefcount(x) for x in (small, floats, integers)] == counts


def test_nested_loops_run_serially():
    out = np.zeros((8, 8))

    def inner(start, stop, row, owner):
        assert threading.get_ident() == owner
        row[start:stop] += 1

    def outer(start, stop):
        for i in range(start, stop):
            parallel_for(inner, 8, out[i], threading.get_ident(), cost=1e9)

    parallel_for(outer, 8, cost=1e9)
    assert (out == 1).all()


@KERNELS
def test_two_python_threads_loop_at_once(mark):
    outs = [np.zeros(50), np.zeros(50)]

    def train(out):
        for _ in range(200):
            parallel_for(mark, 50, out, cost=1e9)

    threads = [threading.Thread(target=train, args=(out,)) for out in outs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for out in outs:
        assert (out == 200 * (np.arange(50) + 1)).all()


def _loop_in_child(queue, mark):
    out = np.zeros(50)
    parallel_for(mark, 50, out, cost=1e9)
    queue.put(out.sum())


@KERNELS
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_child_loops_while_the_parent_is_looping(mark):
    parallel_for(mark, 50, np.zeros(50), cost=1e9)  # the parent's workers exist
    stop = threading.Event()

    def keep_the_pool_busy():
        while not stop.is_set():
            if mark is compiled_mark:
                parallel_for(note_thread, 8, np.zeros(8, np.uint64), 1_000_000, cost=1e9)
            else:
                parallel_for(lambda a, b: time.sleep(0.001), 8, cost=1e9)

    busy = threading.Thread(target=keep_the_pool_busy)
    busy.start()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_loop_in_child, args=(queue, mark))
    child.start()
    total = queue.get(timeout=20)
    child.join(timeout=20)
    stop.set()
    busy.join()
    assert child.exitcode == 0
    assert total == 50 * 51 / 2


@KERNELS
def test_arguments_are_released_after_the_loop(mark):
    class Array(np.ndarray):
        pass

    out = np.zeros(1000).view(Array)
    gone = weakref.ref(out)
    for _ in range(50):
        parallel_for(mark, 20, out, cost=1e9)
    del out
    deadline = time.monotonic() + 5  # a worker that woke late lets go a moment after the loop
    while gone() is not None and time.monotonic() < deadline:
        time.sleep(0.001)
        gc.collect()
    assert gone() is None


@pytest.mark.parametrize(("threads", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_set_num_threads_refuses(threads, error):
    with pytest.raises(error, match="set_num_threads"):
        set_num_threads(threads)
