"""Streams of random numbers: the same however they are drawn."""

import threading

import numpy as np
import pytest

from autograd.kernels.parallel import get_num_threads, set_num_threads
from autograd.random import each_uniform

MANY = [20_000, 65_536, 200_001, 500_000]


def _filled(generator, n):
    out = np.empty(n, np.float32)
    each_uniform(generator, out, lambda numbers, part: np.copyto(part, numbers))
    return out


@pytest.mark.parametrize("n", [0, 1, 5, *MANY])
@pytest.mark.parametrize("before", [0, 1, 2, 3])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_numbers_drawn_on_all_threads_are_those_of_the_stream(n, before, threads):
    one, other = (np.random.Generator(np.random.PCG64(4)) for _ in range(2))
    for generator in (one, other):
        generator.random(before, dtype=np.float32)
    outer = get_num_threads()
    set_num_threads(threads)
    try:
        found = _filled(one, n)
    finally:
        set_num_threads(outer)
    np.testing.assert_array_equal(found, other.random(n, dtype=np.float32))
    assert one.bit_generator.state == other.bit_generator.state


def test_other_generators_than_pcg64_keep_their_stream_too():
    one, other = (np.random.Generator(np.random.MT19937(4)) for _ in range(2))
    np.testing.assert_array_equal(_filled(one, 200_000), other.random(200_000, dtype=np.float32))


def test_two_threads_draw_different_numbers_from_one_generator():
    generator, found = np.random.default_rng(1), [None] * 4

    def draw(i):
        found[i] = _filled(generator, 100_000)

    workers = [threading.Thread(target=draw, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    stream = np.random.default_rng(1).random(400_000, dtype=np.float32).reshape(4, -1)
    assert {row.tobytes() for row in found} == {row.tobytes() for row in stream}
