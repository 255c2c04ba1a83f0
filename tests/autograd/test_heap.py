"""Freed memory is reused, up to the limit, and never while somebody still refers to it."""

import os
import subprocess
import sys

import numpy as np
import pytest

from autograd import heap

MB = 2**20
glibc = pytest.mark.skipif(heap._library is None, reason="only glibc can be told to keep memory")


def in_process(code: str, **environment: str) -> str:
    """What ``code`` prints in a process of its own, where no other test has touched the heap."""
    code = f"import resource, numpy as np\nfrom autograd import heap\nMB = 2**20\n{code}"
    environment = {**{k: v for k, v in os.environ.items() if "MALLOC" not in k}, **environment}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


FAULTS = """
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(40):
        a, b = np.ones(6 * MB, np.uint8), np.ones(9 * MB, np.uint8)  # freed in the next round
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@glibc
def test_freed_memory_is_reused():
    kept, returned = int(in_process(FAULTS)), int(in_process(FAULTS, GLASSGRAD_HEAP_LIMIT="0"))
    assert returned >= 40 * 7  # 15 MB in huge pages are 7 faults a round, and 3840 in small ones
    assert kept < 20


@glibc
def test_what_is_kept_stays_below_the_limit():
    kept = in_process("""
for limit in (0, 32 * MB, 100 * MB):
    heap.set_limit(limit)
    for size in (1, 3, 40):
        arrays = [np.ones(size * MB, np.uint8) for _ in range(120 // size)]
        del arrays
        print(heap.stats().kept - limit)
""")
    assert all(int(excess) < 2 * MB for excess in kept.split())


@glibc
def test_resident_memory_falls_when_it_is_released():
    text = in_process("""
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
start = resident()
arrays = [np.ones(2 * MB, np.uint8) for _ in range(100)]
full = resident()
del arrays
kept = resident()
heap.release()
print(full - start, full - kept, resident() - start)
""")
    grown, freed, left = map(int, text.split())
    assert grown > 190 * MB
    assert freed < 10 * MB
    assert left < 10 * MB


@glibc
def test_stats_tell_what_is_in_use_and_kept():
    text = in_process("""
one = heap.stats()
array = np.ones(50 * MB, np.uint8)
two = heap.stats()
del array
three = heap.stats()
print(one.limit, two.in_use - one.in_use, three.in_use - one.in_use, three.kept - two.kept)
""")
    limit, used, left, kept = map(int, text.split())
    assert limit == heap.DEFAULT_LIMIT
    assert 50 * MB <= used < 51 * MB
    assert left < MB
    assert 50 * MB <= kept < 51 * MB


@glibc
def test_rounds_of_allocation_do_not_leak():
    text = in_process("""
rng = np.random.default_rng(0)
def round_():
    arrays = [np.ones(int(n), np.uint8) for n in rng.integers(1, 4 * MB, 60)]
    rng.shuffle(arrays)
    while arrays:
        arrays.pop()
for _ in range(5): round_()
before = heap.stats()
for _ in range(50): round_()
after = heap.stats()
print(after.in_use - before.in_use, after.in_use + after.kept)
""")
    leaked, total = map(int, text.split())
    assert leaked < MB
    assert total < 60 * 4 * MB * 1.5


def test_no_two_live_arrays_share_memory():
    rng = np.random.default_rng(0)
    live: dict[int, np.ndarray] = {}
    for stamp in range(1500):
        if live and rng.random() < 0.5:
            victim = int(rng.choice(list(live)))
            assert (live.pop(victim) == victim).all()
        else:
            array = np.empty(int(rng.integers(1, 200_000)), np.int32)
            array[:] = stamp
            live[stamp] = array
    assert all((array == stamp).all() for stamp, array in live.items())


@glibc
def test_off_leaves_the_c_library_alone_and_so_do_its_own_variables():
    limit = "print(heap.stats().limit)"
    assert in_process(limit, GLASSGRAD_HEAP_LIMIT="off") == "None\n"
    assert in_process(limit, MALLOC_TRIM_THRESHOLD_="1000000") == "None\n"
    assert in_process(limit, GLIBC_TUNABLES="glibc.malloc.trim_threshold=1000000") == "None\n"
    assert in_process(limit, MALLOC_TRIM_THRESHOLD_="1000000", GLASSGRAD_HEAP_LIMIT="5000000") == "5000000\n"


def test_where_there_is_no_glibc_nothing_happens(monkeypatch):
    monkeypatch.setattr(heap, "_library", None)
    monkeypatch.setattr(heap, "_limit", None)
    assert heap.set_limit(0) is False
    heap.release()
    assert heap.stats() == (None, None, None)


def test_an_old_glibc_tells_no_numbers_and_has_a_lower_threshold(monkeypatch):
    class Old:
        asked: list = []

        def mallopt(self, name, value):
            self.asked.append(value)
            return int(name == heap._M_TRIM_THRESHOLD or value <= 32 * MB)

        def malloc_trim(self, pad):
            pass

    monkeypatch.setattr(heap, "_library", Old())
    monkeypatch.setattr(heap, "_limit", None)
    assert heap.set_limit(500 * MB) is True
    assert Old.asked == [500 * MB, 500 * MB, 32 * MB]
    assert heap.stats() == (500 * MB, None, None)


@pytest.mark.parametrize(
    ("limit", "error"), [(-1, ValueError), (2**31, ValueError), (1e6, TypeError), (True, TypeError), ("1", TypeError)]
)
def test_set_limit_refuses(limit, error):
    with pytest.raises(error, match="set_limit: limit is"):
        heap.set_limit(limit)


@pytest.mark.parametrize("value", ["many", "-1", str(2**31), "1.5"])
def test_a_limit_from_the_environment_that_is_none_is_refused(value):
    with pytest.raises(AssertionError, match=f"GLASSGRAD_HEAP_LIMIT is a number of bytes below.*{value}"):
        in_process("", GLASSGRAD_HEAP_LIMIT=value)
