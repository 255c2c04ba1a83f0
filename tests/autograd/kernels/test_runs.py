"""Arithmetic and copies in compiled loops: NumPy's bits, whatever the layout, the number of threads and the cache."""

import itertools

import numpy as np
import pytest

from autograd.kernels import blocks
from autograd.kernels.blocks import assign, copied, spread
from autograd.kernels.parallel import get_num_threads, set_num_threads
from autograd.kernels.runs import _layout, combine

SHAPE = (4, 8, 50, 90)
FUNCTIONS = [np.positive, np.negative, np.add, np.subtract, np.multiply, np.true_divide]
VIEWS = {
    "rows": lambda x: x,
    "one number": lambda x: np.broadcast_to(x[0, 0, 0, 0], x.shape),
    "a number for each map": lambda x: np.broadcast_to(x[..., :1, :1], x.shape),
    "a number for each channel": lambda x: np.broadcast_to(x[:1, :, :1, :1], x.shape),
    "one map": lambda x: np.broadcast_to(x[:1, :1], x.shape),
    "one image": lambda x: np.broadcast_to(x[:1], x.shape),
    "one row": lambda x: np.broadcast_to(x[:1, :1, :1], x.shape),
    "some channels": lambda x: np.concatenate([x, x], 1)[:, 3 : 3 + x.shape[1]],
    "every other channel": lambda x: np.repeat(x, 2, 1)[:, ::2],
    "a number for each row": lambda x: np.broadcast_to(x[..., :1], x.shape),
    "read-only": lambda x: np.broadcast_to(x, x.shape),
}
OTHERS = {
    "turned": np.asfortranarray,
    "backwards": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "every other number": lambda x: np.repeat(x, 2, 3)[..., ::2],
    "short rows": lambda x: np.concatenate([x, x], 3)[..., :63],
}


def numbers(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    special = rng.choice([np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-40, 3e38], shape)
    return np.where(rng.random(shape) < 0.05, special, rng.normal(size=shape)).astype(dtype)


def same_bits(found, wanted):
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    number = ~np.isnan(wanted)  # the sign of a NaN that arithmetic makes is the processor's choice
    np.testing.assert_array_equal(found[number].view(np.uint8), wanted[number].view(np.uint8))


@pytest.fixture(params=["cached", "streamed"])
def cache(request, monkeypatch):
    """Results that stay in the cache, and results that do not."""
    if request.param == "streamed":
        monkeypatch.setattr(blocks, "last_cache", lambda: 1 << 16)


@pytest.fixture
def threads():
    before = get_num_threads()
    yield set_num_threads
    set_num_threads(before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_two_views_give_the_numbers_of_numpy(function, dtype, cache):
    x, y = numbers(SHAPE, dtype), numbers(SHAPE, dtype, 1)
    left = 0
    for one, other in itertools.product(VIEWS.values(), repeat=2):
        inputs = (one(x), other(y))[: function.nin]
        out = np.empty(SHAPE, dtype)
        if not combine(function, inputs, out):  # such as one row beside a number for each channel: four dimensions
            left += 1
            continue
        with np.errstate(all="ignore"):
            same_bits(out, function(*inputs))
    assert left <= 8


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("partner", [(8, 1, 1), (4, 1, 1, 1), (90,), (50, 90), (), (1, 1)], ids=str)
@pytest.mark.parametrize("function", [np.add, np.subtract, np.multiply, np.true_divide])
def test_a_smaller_array_broadcasts(function, partner, dtype, cache):
    x, y = numbers(SHAPE, dtype), numbers(partner, dtype, 1)
    for pair in ((x, y), (y, x)):
        with np.errstate(all="ignore"):
            same_bits(spread(function, *pair), function(*pair))


@pytest.mark.parametrize("number", [2, -0.0, True, 1e300, np.inf, np.nan])
@pytest.mark.parametrize("function", [np.add, np.subtract, np.multiply, np.true_divide])
def test_a_number_is_one_of_the_dtype(function, number, cache):
    x = numbers(SHAPE, np.float32)
    with np.errstate(all="ignore"):
        for pair in ((x, number), (number, x)):
            found = spread(function, *pair)
            assert found.dtype == np.float32
            same_bits(found, function(*pair))


def test_nothing_warns(cache):
    x = np.full(SHAPE, 3e38, np.float32)
    with np.errstate(all="raise"):
        assert np.isinf(spread(np.add, x, x)).all()
        assert np.isinf(spread(np.true_divide, x, np.zeros_like(x))).all()
        assert np.isnan(spread(np.multiply, np.zeros_like(x), np.inf)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", [*VIEWS, *OTHERS])
def test_copies_of_any_layout(layout, dtype, cache):
    x = (VIEWS.get(layout) or OTHERS[layout])(numbers(SHAPE, dtype))
    found = copied(x)
    assert found.flags.c_contiguous
    assert found.flags.writeable
    assert not np.shares_memory(found, x)
    np.testing.assert_array_equal(found, x)
    taken = _layout(x.itemsize, x.shape, found.strides, x.shape, x.strides, x.shape, x.strides) is not None
    assert taken == (layout in VIEWS)


def test_a_copy_keeps_every_bit(cache):
    x = np.random.default_rng(0).integers(0, 2**32, SHAPE, np.uint32).view(np.float32)  # NaNs of all kinds among them
    np.testing.assert_array_equal(copied(x).view(np.uint32), x.view(np.uint32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_part_of_an_array_is_written_and_nothing_else(dtype, cache):
    for first in (0, 1, 5):
        whole, x = np.full((4, 20, 50, 90), 7, dtype), numbers(SHAPE, dtype)
        assign(whole[:, first : first + 8], x)
        np.testing.assert_array_equal(whole[:, first : first + 8], x)
        assert (np.delete(whole, np.s_[first : first + 8], 1) == 7).all()


def test_the_number_of_threads_changes_no_bit(threads, cache):
    x, y = numbers((3, 7, 150, 93), np.float32), numbers((7, 1, 1), np.float32, 1)
    found = []
    for count in (1, 2, 3, 5):
        threads(count)
        with np.errstate(all="raise"):  # NumPy would warn
            found.append(spread(np.multiply, x, y).tobytes())
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (np.exp, [np.ones(SHAPE)]),
        (np.add, [np.ones((4, 3, 4, 100, 64))[::2, :, ::2, ::2, :], 1]),
        (np.add, [np.ones((100, 4)), np.ones((4,))]),
        (np.add, [np.frombuffer(b"\\0" * 4001, np.float32, 1000, 1), 1]),
    ],
    ids=["other functions", "too many dimensions", "short runs", "unaligned"],
)
def test_what_these_loops_cannot_do_they_leave(function, inputs):
    out = np.full(inputs[0].shape, 7, inputs[0].dtype)
    assert not combine(function, inputs, out)
    assert (out == 7).all()


def test_parts_of_records_are_copied_by_numpy():
    records = np.zeros(150_013, [("a", np.int8), ("x", np.float32)])
    records["x"] = numbers(150_013, np.float32)
    np.testing.assert_array_equal(copied(records["x"]), records["x"])
