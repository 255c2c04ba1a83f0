"""Running sums have NumPy's bits: they are added in the same order."""

import numpy as np
import pytest

from autograd.kernels.parallel import get_num_threads, set_num_threads
from autograd.kernels.scan import running_sum

SHAPES = [(3, 4, 50, 60), (5, 1000), (1000, 5), (4000,), (3, 700, 2), (2, 3, 1500), (6, 1, 7), (1, 9)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "dim"), [(shape, dim) for shape in SHAPES for dim in range(len(shape))])
def test_running_sums(shape, dim, dtype):
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    np.testing.assert_array_equal(running_sum(x, dim, False), np.add.accumulate(x, axis=dim))
    back = np.flip(np.add.accumulate(np.flip(x, dim), axis=dim), dim)
    np.testing.assert_array_equal(running_sum(x, dim, True), back)


def test_nan_and_inf_go_on_to_the_end():
    x = np.ones((2, 300), np.float32)
    x[0, 7], x[1, 9] = np.nan, np.inf
    found = running_sum(x, 1, False)
    assert np.isnan(found[0]).sum() == 293
    assert np.isinf(found[1]).sum() == 291


def test_the_number_of_threads_changes_nothing():
    x, before = np.random.default_rng(0).standard_normal((4, 9, 70, 90)).astype(np.float32), get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            set_num_threads(threads)
            found.append([running_sum(x, dim, reverse).tobytes() for dim in (1, 3) for reverse in (False, True)])
    finally:
        set_num_threads(before)
    assert found[0] == found[1] == found[2]
