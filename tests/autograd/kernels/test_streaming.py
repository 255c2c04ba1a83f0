"""Results that are written past the caches: the same bits as those that are not, wherever they begin and end."""

import numpy as np
import pytest

from autograd.kernels import blocks, pointwise
from autograd.kernels.blocks import copied, is_beyond_cache, spread
from autograd.kernels.parallel import get_num_threads, set_num_threads
from autograd.kernels.runs import combine

SIZE = 150_013  # of many blocks, and a rest

KERNELS = {
    "relu": pointwise.relu,
    "relu_backward": lambda x: pointwise.relu_backward(x, x[::-1]),
    "leaky_relu": lambda x: pointwise.leaky_relu(x, 0.1),
    "clamp": lambda x: pointwise.clamp(x, -0.5, 0.5),
    "clamp_backward": lambda x: pointwise.clamp_backward(x, x[::-1], -0.5, 0.5),
    "winner_backward": lambda x: pointwise.winner_backward(x, x[::-1], np.roll(x, 5)),
    "absolute": pointwise.absolute,
    "sign": pointwise.sign,
    "lerp": lambda x: pointwise.lerp(x, x[::-1], 0.3),
    "sigmoid_backward": lambda x: pointwise.sigmoid_backward(x, x[::-1]),
    "tanh_backward": lambda x: pointwise.tanh_backward(x, x[::-1]),
    "keep": lambda x: pointwise.keep(x, x > 0),
    "select": lambda x: pointwise.select(x > 0, x, x[::-1]),
    "select or number": lambda x: pointwise.select(x > 0, x, 0.5),
    "add": lambda x: spread(np.add, x, x[::-1].copy()),
    "subtract from a number": lambda x: spread(np.subtract, 1, x),
    "multiply by a number": lambda x: spread(np.multiply, x, 0.3),
    "divide": lambda x: spread(np.true_divide, x, x[::-1].copy()),
    "negative": lambda x: spread(np.negative, x),
    "equal": lambda x: spread(np.equal, x, x[::-1].copy()),
    "copy": copied,
}


def numbers(shape, dtype):
    rng = np.random.default_rng(0)
    special = rng.choice([np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-40], shape)
    return np.where(rng.random(shape) < 0.01, special, rng.normal(size=shape)).astype(dtype)


@pytest.fixture
def small_cache(monkeypatch):
    """Every array that is large enough for several threads is beyond a cache of this size."""
    monkeypatch.setattr(blocks, "last_cache", lambda: 1 << 16)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", KERNELS)
def test_streaming_changes_no_bit(name, dtype, monkeypatch):
    x = numbers(SIZE, dtype)
    assert not is_beyond_cache(x)
    with np.errstate(all="ignore"):
        usual = KERNELS[name](x)
    monkeypatch.setattr(blocks, "last_cache", lambda: 1 << 16)
    assert is_beyond_cache(x)
    before = get_num_threads()
    try:
        for threads in (1, 2, 3):
            set_num_threads(threads)
            np.testing.assert_array_equal(KERNELS[name](x).view(np.uint8), usual.view(np.uint8))
    finally:
        set_num_threads(before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_streamed_result_may_begin_anywhere_and_nothing_around_it_is_written(dtype):
    x = numbers(5000, dtype)
    for begin in range(20):
        for size in (1, 15, 1024, 1040, 3000):
            around = np.full(5100, 7, dtype)
            pointwise._relu(0, size, True, around[begin : begin + size], x[begin : begin + size])
            wanted = np.where(x[begin : begin + size] <= 0, 0, x[begin : begin + size])
            np.testing.assert_array_equal(around[begin : begin + size], wanted)
            assert (around[:begin] == 7).all()
            assert (around[begin + size :] == 7).all()
            around[:] = 7
            assert combine(np.positive, (x[begin : begin + size],), around[begin : begin + size]) == (size >= 64)
            if size >= 64:
                np.testing.assert_array_equal(around[begin : begin + size], x[begin : begin + size])
            assert (around[:begin] == 7).all()
            assert (around[begin + size :] == 7).all()
