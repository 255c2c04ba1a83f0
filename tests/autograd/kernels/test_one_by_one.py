"""1 × 1 convolutions that are products: the definition, the same bits for any threads, and which shapes come here."""

import numpy as np
import pytest

from autograd.kernels import conv, im2col, matmul, one_by_one

from .test_conv import PLAIN, close, family
from .variants import assert_same_places, check_layouts, check_poisoned, check_threads, decide_anew

pytestmark = pytest.mark.skipif(not matmul._blas(), reason="NumPy's BLAS is not OpenBLAS")
each_type = pytest.mark.parametrize("dtype", [np.float32, np.float64])
NO_PADDING = ((0, 0), (0, 0))

# batch, channels, height and width, output channels, stride
CASES = {
    "one image": (1, 192, (14, 15), 200, (1, 1)),
    "tasks of some pixels and some channels": (2, 256, (29, 28), 130, (1, 1)),
    "images side by side, and a last one alone": (5, 160, (8, 7), 128, (1, 1)),
    "all images side by side, cut by channels": (3, 512, (7, 7), 512, (1, 1)),
    "one pixel": (6, 130, (1, 1), 128, (1, 1)),
    "stride 2": (3, 128, (27, 31), 257, (2, 2)),
    "stride 3, 1, small": (5, 128, (9, 8), 128, (3, 1)),
    "stride longer than the image": (2, 128, (5, 4), 128, (7, 9)),
}


@pytest.fixture(autouse=True)
def blas_is_fast(monkeypatch):
    monkeypatch.setattr(one_by_one, "keeps_up", lambda: True)
    decide_anew()
    yield
    decide_anew()


def build(name, dtype):
    return build_pointwise(CASES[name], dtype)


def build_pointwise(case, dtype, kernel_size=(1, 1)):
    """x, w, g and the settings of a convolution without padding."""
    batch, channels, size, outputs, stride = case
    rng = np.random.default_rng(0)
    results = tuple((n - k) // step + 1 for n, k, step in zip(size, kernel_size, stride))
    shapes = ((batch, channels, *size), (outputs, channels, *kernel_size), (batch, outputs, *results))
    return *(rng.normal(size=shape).astype(dtype) for shape in shapes), {**PLAIN, "stride": stride}


def products(x, w, g, stride):
    """The three results, all as products, whether they pay or not."""
    given = np.empty(g.shape, x.dtype), np.empty(x.shape, x.dtype)
    return (
        one_by_one.correlate(x, w, stride, given[0]),
        one_by_one.adjoint(g, w, stride, given[1]),
        one_by_one.weight_gradient(g, x, stride),
    )


@each_type
@pytest.mark.parametrize("name", CASES)
def test_products_are_the_explicit_twin(name, dtype):
    x, w, g, options = build(name, dtype)
    exact = family(im2col, *(a.astype(np.float64) for a in (x, w, g)), options)
    close(products(x, w, g, options["stride"]), exact, dtype)


@each_type
@pytest.mark.parametrize("name", CASES)
def test_same_bits_for_any_number_of_threads(monkeypatch, name, dtype):
    x, w, g, options = build(name, dtype)
    check_threads(monkeypatch, lambda *arrays: products(*arrays, options["stride"]), x, w, g)


@pytest.mark.parametrize("name", ["images side by side, and a last one alone", "stride 2"])
def test_layouts_and_poisoned_memory(name):
    x, w, g, options = build(name, np.float32)
    for check in (check_layouts, check_poisoned):
        check(lambda *arrays: family(conv, *arrays, options), x, w, g)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["one image", "all images side by side, cut by channels", "stride 2"])
def test_nan_and_infinity_reach_exactly_the_results_they_belong_to(name, poison):
    x, w, g, options = build(name, np.float32)
    x[-1, 3, 2, 2] = g[0, 5, -1, -1] = poison
    with np.errstate(invalid="ignore"):
        for a, b in zip(family(conv, x, w, g, options), family(im2col, x, w, g, options)):
            assert_same_places(a, b)


def test_chosen_by_shape():
    assert one_by_one.pays((128, 128, 1, 1), (14, 14), NO_PADDING, 1, 4)
    assert not one_by_one.pays((128, 96, 1, 1), (14, 14), NO_PADDING, 1, 4)  # too few weights
    assert one_by_one.pays((128, 96, 1, 1), (28, 28), NO_PADDING, 1, 4)  # for maps that are small
    assert not one_by_one.pays((2048, 32, 1, 1), (14, 14), NO_PADDING, 1, 4)  # too few channels
    assert not one_by_one.pays((128, 128, 1, 1), (14, 14), ((0, 0), (0, 1)), 1, 4)
    assert not one_by_one.pays((128, 128, 1, 1), (14, 14), NO_PADDING, 2, 4)
    assert not one_by_one.pays((128, 128, 1, 3), (14, 14), NO_PADDING, 1, 4)
    assert one_by_one.pays((256, 512, 1, 1), (14, 14), NO_PADDING, 1, 8)
    assert not one_by_one.pays((256, 256, 1, 1), (14, 14), NO_PADDING, 1, 8)
    assert one_by_one.pays_for_weights((256, 128, 1, 1), (14, 14))
    assert not one_by_one.pays_for_weights((256, 128, 1, 1), (7, 7))
    assert not one_by_one.pays_for_weights((128, 128, 1, 1), (14, 14))


def test_convolutions_use_it_unless_blas_has_its_own_threads(monkeypatch):
    x, w, g, options = build("tasks of some pixels and some channels", np.float32)
    calls = []
    for name in ("correlate", "adjoint", "weight_gradient"):
        function = getattr(one_by_one, name)

        def counted(*args, name=name, function=function):
            calls.append(name)
            return function(*args)

        monkeypatch.setattr(one_by_one, name, counted)
    found = family(conv, x, w, g, options)
    assert calls == ["correlate", "adjoint", "weight_gradient"]
    monkeypatch.setattr(one_by_one, "keeps_up", lambda: False)
    decide_anew()
    close(found, family(conv, x, w, g, options), np.float32)
    assert len(calls) == 3
