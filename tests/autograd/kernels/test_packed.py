"""Convolutions whose pixels are packed: the definition, the same bits for any threads, and which come here."""

import numpy as np
import pytest

from autograd.kernels import conv, im2col, packed

from .test_conv import PLAIN, close, family
from .variants import assert_same_places, check_layouts, check_poisoned, check_threads

each_type = pytest.mark.parametrize("dtype", [np.float32, np.float64])

# batch, channels, height and width, output channels, stride
CASES = {
    "one pixel of one channel": (1, 1, (1, 1), 1, (1, 1)),
    "one pixel": (6, 30, (1, 1), 21, (1, 1)),
    "channels that are no whole panels": (2, 19, (9, 11), 13, (1, 1)),
    "tiles of several images": (5, 33, (7, 7), 90, (1, 1)),
    "several groups": (3, 40, (40, 41), 70, (1, 1)),
    "several chunks": (2, 130, (13, 12), 270, (1, 1)),
    "two channels": (2, 2, (20, 20), 32, (1, 1)),
    "stride 2": (3, 20, (27, 31), 37, (2, 2)),
    "stride 2, even": (2, 20, (14, 100), 80, (2, 2)),
    "stride 3, 1": (2, 18, (9, 70), 20, (3, 1)),
    "stride 2, 1, images that end with a row of pixels": (3, 1, (5, 33), 20, (2, 1)),
    "stride 1, 3": (2, 18, (9, 70), 20, (1, 3)),
    "stride longer than the image": (2, 17, (5, 4), 18, (7, 9)),
}
# with filters of 2 × 2 pixels
PATCHES = {
    "one patch": (3, 5, (2, 2), 17, (2, 2)),
    "patches of several images": (5, 9, (6, 10), 19, (2, 2)),
    "rows of whole vectors": (2, 8, (8, 64), 24, (2, 2)),
    "rows that are no whole vectors": (2, 6, (12, 74), 20, (2, 2)),
    "several groups of patches": (3, 33, (40, 42), 70, (2, 2)),
    "results that are asked for": (2, 32, (160, 164), 17, (2, 2)),
    "several chunks of patches": (2, 150, (14, 12), 140, (2, 2)),
}


def build(name, dtype):
    """x, w, g and the settings of a convolution without padding."""
    batch, channels, size, outputs, stride = {**CASES, **PATCHES}[name]
    kernel_size, rng = (2, 2) if name in PATCHES else (1, 1), np.random.default_rng(0)
    results = tuple((n - k) // step + 1 for n, k, step in zip(size, kernel_size, stride))
    shapes = ((batch, channels, *size), (outputs, channels, *kernel_size), (batch, outputs, *results))
    return *(rng.normal(size=shape).astype(dtype) for shape in shapes), {**PLAIN, "stride": stride}


def products(x, w, g, stride):
    """The result and the input gradient, whether it pays or not."""
    given = np.full(g.shape, np.nan, x.dtype), np.full(x.shape, np.nan, x.dtype)
    weights = w.reshape(len(w), -1)
    return packed.multiply(weights, x, given[0], stride=stride), packed.multiply(weights.T, g, given[1], spread=stride)


@each_type
@pytest.mark.parametrize("name", [*CASES, *PATCHES])
def test_products_are_the_explicit_twin(name, dtype):
    x, w, g, options = build(name, dtype)
    exact = family(im2col, *(a.astype(np.float64) for a in (x, w, g)), options)
    close(products(x, w, g, options["stride"]), exact[:2], dtype)


@each_type
@pytest.mark.parametrize("name", [*CASES, *PATCHES])
def test_same_bits_for_any_number_of_threads(monkeypatch, name, dtype):
    x, w, g, options = build(name, dtype)
    check_threads(monkeypatch, lambda *arrays: products(*arrays, options["stride"]), x, w, g)


@each_type
def test_same_bits_wherever_results_begin(dtype):
    x, w = (np.random.default_rng(0).standard_normal(shape).astype(dtype) for shape in ((2, 20, 12, 16), (19, 20)))
    expected, beside = packed.multiply(w, x, np.empty((2, 19, 12, 16), dtype)), 16
    for first in range(16):
        memory = np.full(expected.size + 2 * beside, np.nan, dtype)
        packed.multiply(w, x, memory[first : first + expected.size].reshape(expected.shape))
        np.testing.assert_array_equal(memory[first : first + expected.size], expected.reshape(-1))
        assert np.isnan(memory[:first]).all() and np.isnan(memory[first + expected.size :]).all()


@pytest.mark.parametrize("name", ["stride 2", "one patch", "rows that are no whole vectors"])
def test_nothing_is_written_beside_the_results(name):
    x, w, g, _ = build(name, np.float32)
    w = w.reshape(len(w), -1)
    for size, weights, source, steps in (
        (g.shape, w, x, {"stride": (2, 2)}),
        (x.shape, w.T, g, {"spread": (2, 2)}),
    ):
        count = int(np.prod(size))
        memory = np.full(count + 200, 7, np.float32)
        packed.multiply(weights, source, memory[100:-100].reshape(size), **steps)
        assert (memory[:100] == 7).all()
        assert (memory[-100:] == 7).all()


@pytest.mark.parametrize("name", ["tiles of several images", "stride 2", "patches of several images"])
def test_layouts_and_poisoned_memory(name):
    x, w, g, options = build(name, np.float32)
    for check in (check_layouts, check_poisoned):
        check(lambda *arrays: family(conv, *arrays, options), x, w, g)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "name",
    [
        *("tiles of several images", "several chunks", "stride 2", "stride 3, 1"),
        *("patches of several images", "several chunks of patches"),
    ],
)
def test_nan_and_infinity_reach_exactly_the_results_they_belong_to(name, poison):
    x, w, g, options = build(name, np.float32)
    x[-1, 3, 2, 2] = g[0, 5, -1, -1] = poison
    with np.errstate(invalid="ignore"):
        for a, b in zip(family(conv, x, w, g, options), family(im2col, x, w, g, options)):
            assert_same_places(a, b)


def test_chosen_by_shape():
    def pays(weights, size=(4, 4), stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1):
        return packed.pays(weights, size, stride, padding, dilation, groups)

    assert pays((16, 16, 1, 1))
    assert pays((16, 16, 1, 1), stride=(2, 3), dilation=(2, 2))
    assert not pays((16, 15, 1, 1))
    assert not pays((15, 16, 1, 1))
    assert not pays((16, 16, 1, 3))
    assert not pays((16, 16, 1, 1), padding=((0, 0), (0, 1)))
    assert not pays((16, 16, 1, 1), groups=2)

    assert pays((16, 4, 2, 2), stride=(2, 2))
    assert not pays((16, 3, 2, 2), stride=(2, 2))
    assert not pays((16, 16, 2, 2))
    assert not pays((16, 16, 2, 2), stride=(2, 1))
    assert not pays((16, 16, 2, 2), stride=(2, 2), dilation=(1, 2))
    assert not pays((16, 16, 2, 2), stride=(2, 2), size=(4, 5))
    assert not pays((16, 16, 3, 3), stride=(3, 3), size=(6, 6))


@pytest.mark.parametrize("name", ["stride 2", "patches of several images"])
def test_convolutions_use_it(monkeypatch, name):
    x, w, g, options = build(name, np.float32)
    calls, multiply = [], packed.multiply

    def counted(*args, **settings):
        calls.append(settings)
        return multiply(*args, **settings)

    monkeypatch.setattr(packed, "multiply", counted)
    conv.conv2d(x, w, **options)
    conv.conv2d_input(g, w, size=x.shape[2:], **options)
    assert calls == [{"stride": (2, 2)}, {"spread": (2, 2)}]
