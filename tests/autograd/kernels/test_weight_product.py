"""Weight gradients that are matrix products: the definition, the same bits for any threads, and which come here."""

import numpy as np
import pytest

from autograd.kernels import conv, im2col, weight_gradient, winograd_weight
from autograd.kernels.vectors import REGISTERS
from autograd.kernels.weight_product import product_pays

from .test_conv import PLAIN, close, reference
from .variants import assert_same_places, check_poisoned, check_threads, decide_anew

each_type = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SAME = ((1, 1), (1, 1))

# x, w, settings that differ from PLAIN
CASES = {
    "one weight": ((1, 1, 1, 1), (1, 1, 1, 1), {}),
    "rows of an image as one": ((2, 19, 9, 11), (13, 19, 1, 1), {}),
    "small images": ((5, 33, 7, 7), (90, 33, 1, 1), {}),
    "several parts": ((3, 17, 40, 41), (20, 17, 1, 1), {}),
    "several chunks": ((2, 16, 6, 5), (300, 16, 1, 1), {}),
    "stride 2": ((2, 20, 15, 18), (24, 20, 1, 1), {"stride": (2, 2)}),
    "same": ((2, 6, 7, 9), (10, 6, 3, 3), {"padding": SAME}),
    "groups": ((2, 12, 8, 7), (18, 4, 3, 3), {"padding": SAME, "groups": 3}),
    "stride and dilation": ((2, 5, 13, 40), (9, 5, 3, 2), {"stride": (2, 3), "dilation": (2, 3), "padding": SAME}),
}


@pytest.fixture(autouse=True)
def always(monkeypatch):
    monkeypatch.setattr(winograd_weight, "pays", lambda *_: False)
    monkeypatch.setattr(weight_gradient, "product_pays", lambda *_: True)
    weight_gradient._cut.cache_clear()
    decide_anew()
    yield
    weight_gradient._cut.cache_clear()
    decide_anew()


def build(name, dtype):
    x_shape, w_shape, changed = CASES[name]
    options, rng = {**PLAIN, **changed}, np.random.default_rng(0)
    results = reference.output_size(x_shape, w_shape, options["stride"], options["padding"], options["dilation"])
    x, g = (rng.normal(size=shape).astype(dtype) for shape in (x_shape, (x_shape[0], w_shape[0], *results)))
    return g, x, {**options, "kernel_size": w_shape[2:]}


@each_type
@pytest.mark.parametrize("name", CASES)
def test_products_are_the_explicit_twin(name, dtype):
    g, x, options = build(name, dtype)
    exact = im2col.conv2d_weight(g.astype(np.float64), x.astype(np.float64), **options)
    close([conv.conv2d_weight(g, x, **options)], [exact], dtype)


@each_type
@pytest.mark.parametrize("name", CASES)
def test_same_bits_for_any_number_of_threads(monkeypatch, name, dtype):
    g, x, options = build(name, dtype)
    check_threads(monkeypatch, lambda *arrays: conv.conv2d_weight(*arrays, **options), g, x)


@pytest.mark.parametrize("name", ["several parts", "same"])
def test_poisoned_memory(name):
    g, x, options = build(name, np.float32)
    check_poisoned(lambda *arrays: conv.conv2d_weight(*arrays, **options), g, x)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["several parts", "small images", "stride 2", "same"])
def test_nan_and_infinity_reach_exactly_the_results_they_belong_to(name, poison):
    g, x, options = build(name, np.float32)
    x[-1, 3, 2, 2] = g[0, 5, -1, -1] = poison
    with np.errstate(invalid="ignore"):
        ours, twin = conv.conv2d_weight(g, x, **options), im2col.conv2d_weight(g, x, **options)
    assert_same_places(ours, twin)


@pytest.mark.skipif(REGISTERS < 32, reason="the choice depends on the register tiles; these shapes are for large ones")
def test_chosen_by_what_is_gathered_and_copied():
    assert product_pays(128, 64, 1, 896, 16, False)
    assert product_pays(256, 9 * 128, 1, 128, 16, False)
    assert not product_pays(2, 16, 1, 1024, 16, False)  # few outputs share what is gathered
    assert not product_pays(32, 8, 1, 1024, 16, True)
