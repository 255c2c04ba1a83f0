"""Picking along an axis and adding along it, bit for bit as NumPy does it."""

import numpy as np
import pytest

import autograd as ag
from autograd.kernels import indexing
from autograd.kernels.arrays import LARGE
from autograd.ops import index as ops

from .variants import check_threads, in_layout, poisoned_memory

SHAPES = [(8, 3, 64, 64), (5, 1000), (1000, 5), (4000,), (3, 700, 2), (1, 33, 70), (2, 5, 1, 31)]
EACH_DIM = [(shape, dim) for shape in SHAPES for dim in range(len(shape))]
floats = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def values(seed, shape, dtype):
    """Numbers whose sums depend on the order, infinities of both signs, and NaN."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape) * 10.0 ** rng.integers(-4, 5, shape)
    for odd in (np.inf, -np.inf, np.nan, -0.0):
        x[rng.random(shape) < 0.01] = odd
    return x.astype(dtype)


def index_of(shape, dim, count):
    """Positions along ``dim``, which repeat; the first and the last are among them."""
    index = np.random.default_rng(1).integers(0, shape[dim], (*shape[:dim], count, *shape[dim + 1 :]))
    index.flat[0], index.flat[-1] = shape[dim] - 1, 0
    return index


def added_at(out, place, src):
    with np.errstate(invalid="ignore"):  # infinities cancel
        np.add.at(out, place, src)
    return out


def added_along(out, index, src, dim):
    grid = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    grid[dim] = index
    return added_at(out, tuple(grid), src)


def assert_same_bits(found, expected):
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found[found == 0]), np.signbit(expected[expected == 0]))


@floats
@pytest.mark.parametrize("count", [1, 9])
@pytest.mark.parametrize(("shape", "dim"), EACH_DIM)
def test_gather(shape, dim, count, dtype, monkeypatch):
    x, index = values(0, shape, dtype), index_of(shape, dim, count)
    with poisoned_memory(monkeypatch):
        assert_same_bits(indexing.gather(x, index, dim), np.take_along_axis(x, index, dim))
    check_threads(monkeypatch, lambda x, index: indexing.gather(x, index, dim), x, index)


def scattered(x, index, src, dim):
    out = x.copy()
    indexing.scatter_add(out, index, src, dim)
    return out


@floats
@pytest.mark.parametrize("count", [1, 9])
@pytest.mark.parametrize(("shape", "dim"), EACH_DIM)
def test_scatter_add(shape, dim, count, dtype, monkeypatch):
    x, index = values(0, shape, dtype), index_of(shape, dim, count)
    src = values(1, index.shape, dtype)
    assert_same_bits(scattered(x, index, src, dim), added_along(x.copy(), index, src, dim))
    check_threads(monkeypatch, lambda *arrays: scattered(*arrays, dim), x, index, src)


def slices_added(x, index, source, dim):
    out = x.copy()
    indexing.index_add(out, index, source, dim)
    return out


@floats
@pytest.mark.parametrize("count", [1, 2000])
@pytest.mark.parametrize(("shape", "dim"), [*EACH_DIM[4:], ((100, 64), 0)])
def test_index_add(shape, dim, count, dtype, monkeypatch):
    x, index = values(0, shape, dtype), index_of((shape[dim],), 0, count)
    source = values(1, (*shape[:dim], count, *shape[dim + 1 :]), dtype)
    expected = added_at(x.copy(), (slice(None),) * dim + (index,), source)
    assert_same_bits(slices_added(x, index, source, dim), expected)
    check_threads(monkeypatch, lambda *arrays: slices_added(*arrays, dim), x, index, source)


@pytest.mark.parametrize("layout", ["F-order", "negative stride", "step 2", "read-only", "unaligned"])
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_any_memory(layout, dim):
    x, index = values(0, (3, 70, 9), np.float32), index_of((3, 70, 9), dim, 11)
    src, rows = values(1, index.shape, np.float32), index_of((x.shape[dim],), 0, 11)
    there = [in_layout(a, layout) for a in (x, index, src, rows)]
    assert_same_bits(indexing.gather(there[0], there[1], dim), indexing.gather(x, index, dim))
    assert_same_bits(scattered(x, there[1], there[2], dim), scattered(x, index, src, dim))
    assert_same_bits(slices_added(x, there[3], there[2], dim), slices_added(x, rows, src, dim))


# --- the ops that use them ------------------------------------------------------------------------------------------

WIDE = (3, 40, 70, 9)
assert np.prod(WIDE) > LARGE


@floats
@pytest.mark.parametrize("dim", range(4))
def test_large_arrays_have_the_gradients_of_numpy(dim, dtype):
    data, index = values(0, WIDE, dtype), index_of(WIDE, dim, 11)
    x = ag.tensor(data, requires_grad=True)
    y = x.gather(dim, ag.tensor(index))
    g = values(1, y.shape, dtype)
    y.backward(g)
    assert_same_bits(y.detach().numpy(), np.take_along_axis(data, index, dim))
    assert_same_bits(x.grad.numpy(), added_along(np.zeros_like(data), index, g, dim))

    rows = index_of((WIDE[dim],), 0, 11)
    x.grad = None
    x.index_select(dim, ag.tensor(rows)).backward(g)
    expected = added_at(np.zeros_like(data), (slice(None),) * dim + (rows,), g)
    assert_same_bits(x.grad.numpy(), expected)

    x.grad = None
    largest, places = x.max(dim)
    g = values(2, largest.shape, dtype)
    largest.backward(g)
    expected = added_along(np.zeros_like(data), *(np.expand_dims(a, dim) for a in (places.numpy(), g)), dim)
    assert_same_bits(x.grad.numpy(), expected)


def test_many_rows_of_a_small_table():
    table, rows = values(0, (10, 64), np.float32), index_of((10,), 0, 2000)
    source = values(1, (2000, 64), np.float32)
    expected = added_at(table.copy(), rows, source)
    assert_same_bits(ag.tensor(table).index_add(0, ag.tensor(rows), ag.tensor(source)).numpy(), expected)


@pytest.mark.parametrize("part", [np.s_[:2], np.s_[:, :, :60]])
def test_an_index_smaller_than_its_input(part):
    x, index = values(0, WIDE, np.float32), index_of(WIDE, 1, 40)[part]
    src = values(1, index.shape, np.float32)
    assert_same_bits(ag.tensor(x).gather(1, ag.tensor(index)).numpy(), np.take_along_axis(x[part], index, 1))
    found = ag.tensor(x).scatter_add(1, ag.tensor(index), ag.tensor(src)).numpy()
    assert_same_bits(found, added_along(x.copy(), index, src, 1))


@pytest.mark.parametrize("shape", [(4, 5), (400, 500)])
@pytest.mark.parametrize("bad", [-1, 5])
def test_positions_outside_are_refused_at_every_size(shape, bad):
    x, bad = ag.tensor(np.zeros(shape, np.float32)), bad if bad < 0 else shape[0]
    index, rows = np.zeros(shape, np.int64), np.zeros(shape[0], np.int64)
    index[-1, -1] = rows[-1] = bad
    index, rows = ag.tensor(index), ag.tensor(rows)
    message = f"index {bad} is out of range for dim 0 of size {shape[0]}"
    for call in (
        lambda: x.gather(0, index),
        lambda: x.scatter_add(0, index, x),
        lambda: x.index_select(0, rows),
        lambda: x.index_add(0, rows, x),
    ):
        with pytest.raises(IndexError, match=message):
            call()


@pytest.mark.parametrize("outside", [400, 10**6, -401, -(10**6)])
def test_an_index_that_changes_before_the_backward_pass_leads_nowhere(outside):
    """What an op checked may have been overwritten in the memory it shares: nothing is written outside of an array."""
    x, index, rows = np.zeros((400, 500), np.float32), np.zeros((400, 500), np.int64), np.zeros(400, np.int64)
    index[7, 7] = rows[7] = outside
    for call in (
        lambda: ops._gather.forward(x, index, dim=0),
        lambda: ops._scatter_add.forward(x, index, x, dim=0),
        lambda: ops._index_select.forward(x, rows, dim=0),
        lambda: ops._index_add.forward(x, rows, x, dim=0),
    ):
        with pytest.raises(IndexError, match="out of bounds"):
            call()
