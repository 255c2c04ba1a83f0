"""The first largest and smallest along an axis, as NumPy finds them."""

import numpy as np
import pytest

from autograd.kernels.extremes import first
from autograd.kernels.parallel import get_num_threads, set_num_threads

SHAPES = [(8, 3, 64, 64), (5, 1000), (1000, 5), (70, 1, 30), (4000,), (3, 700, 2), (2, 33, 1, 700), (9, 31), (9, 33)]


def ties(rng, shape):
    return rng.integers(-3, 4, shape)


def many_nan(rng, shape):
    return np.where(rng.random(shape) < 0.1, np.nan, rng.standard_normal(shape))


def infinite(rng, shape):
    return np.where(rng.random(shape) < 0.5, np.inf, -np.inf)


def signed_zeros(rng, shape):
    return np.where(rng.random(shape) < 0.5, 0.0, -0.0)


def nothing_better(rng, shape):
    return np.full(shape, -np.inf)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("values", [ties, many_nan, infinite, signed_zeros, nothing_better])
@pytest.mark.parametrize(("kind", "wanted"), [("largest", np.argmax), ("smallest", np.argmin)])
@pytest.mark.parametrize(("shape", "dim"), [(shape, dim) for shape in SHAPES for dim in range(len(shape))])
def test_values_and_indices(shape, dim, kind, wanted, values, dtype):
    x = values(np.random.default_rng(0), shape).astype(dtype)
    found, indices = first(kind, x, dim)
    places = wanted(x, axis=dim)
    assert (found.dtype, indices.dtype) == (dtype, np.int64)
    np.testing.assert_array_equal(indices, places)
    np.testing.assert_array_equal(found, np.take_along_axis(x, np.expand_dims(places, dim), dim).squeeze(dim))


def test_the_number_of_threads_changes_nothing():
    x, before, found = ties(np.random.default_rng(0), (4, 9, 70, 90)).astype(np.float32), get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            set_num_threads(threads)
            found.append([part.tobytes() for dim in (1, 3) for part in first("largest", x, dim)])
    finally:
        set_num_threads(before)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_results_share_no_memory_with_the_input(dim):
    x = np.ones([1 if d == dim else 20 for d in range(3)], np.float32)
    values, _ = first("largest", x, dim)
    assert values.flags.writeable
    assert not np.shares_memory(values, x)
