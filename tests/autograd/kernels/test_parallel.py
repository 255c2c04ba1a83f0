import gc
import multiprocessing
import threading
import time
import weakref

import numpy as np
import pytest

from autograd.kernels.parallel import get_num_threads, parallel_for, set_num_threads


@pytest.fixture(autouse=True)
def four_threads():
    before = get_num_threads()
    set_num_threads(4)
    yield
    set_num_threads(before)


def mark(start, stop, out):
    for i in range(start, stop):
        out[i] += i + 1


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 17, 100])
def test_every_index_is_visited_once(n, threads):
    set_num_threads(threads)
    out = np.zeros(n)
    parallel_for(mark, n, out, cost=1e9)
    assert (out == np.arange(n) + 1).all()


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


def test_two_python_threads_loop_at_once():
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


def _loop_in_child(queue):
    out = np.zeros(50)
    parallel_for(mark, 50, out, cost=1e9)
    queue.put(out.sum())


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_child_loops_while_the_parent_is_looping():
    parallel_for(mark, 50, np.zeros(50), cost=1e9)  # the parent's workers exist
    stop = threading.Event()

    def keep_the_pool_busy():
        while not stop.is_set():
            parallel_for(lambda a, b: time.sleep(0.001), 8, cost=1e9)

    busy = threading.Thread(target=keep_the_pool_busy)
    busy.start()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_loop_in_child, args=(queue,))
    child.start()
    total = queue.get(timeout=20)
    child.join(timeout=20)
    stop.set()
    busy.join()
    assert child.exitcode == 0
    assert total == 50 * 51 / 2


def test_arguments_are_released_after_the_loop():
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
