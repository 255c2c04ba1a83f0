"""Convolutions of many weights that are products: the definition, the same bits, and which shapes come here."""

import numpy as np
import pytest

from autograd.kernels import conv, im2col, matmul, unfolded

from .test_conv import PLAIN, close, family, reference
from .variants import assert_same_places, check_layouts, check_poisoned, check_threads, decide_anew

pytestmark = pytest.mark.skipif(not matmul._blas(), reason="NumPy's BLAS is not OpenBLAS")
each_type = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SAME = ((1, 1), (1, 1))

# batch, channels, height and width, output channels, kernel, settings that differ from PLAIN
CASES = {
    "stride 2": (2, 8, (14, 14), 12, (3, 3), {"stride": (2, 2), "padding": SAME}),
    "stride 2 leaves a rest": (3, 5, (7, 8), 9, (3, 3), {"stride": (2, 2), "padding": ((1, 0), (0, 1))}),
    "same": (5, 6, (7, 7), 8, (3, 3), {"padding": SAME}),
    "stride longer than the kernel": (2, 7, (9, 11), 5, (2, 2), {"stride": (3, 4)}),
    "dilation": (2, 4, (9, 10), 6, (3, 2), {"stride": (1, 2), "dilation": (2, 3), "padding": ((2, 1), (0, 3))}),
    "padding wider than the kernel": (2, 3, (3, 2), 4, (2, 3), {"padding": ((4, 3), (5, 2))}),
    "kernel larger than the image": (2, 3, (2, 3), 4, (5, 5), {"padding": ((2, 2), (1, 2))}),
}


@pytest.fixture(autouse=True)
def blas_is_fast(monkeypatch):
    monkeypatch.setattr(unfolded, "keeps_up", lambda: True)
    decide_anew()
    yield
    decide_anew()


def build(name, dtype):
    batch, channels, size, outputs, kernel, changed = CASES[name]
    options, rng = {**PLAIN, **changed}, np.random.default_rng(0)
    x_shape, w_shape = (batch, channels, *size), (outputs, channels, *kernel)
    results = reference.output_size(x_shape, w_shape, options["stride"], options["padding"], options["dilation"])
    shapes = (x_shape, w_shape, (batch, outputs, *results))
    options.pop("groups")
    return *(rng.normal(size=shape).astype(dtype) for shape in shapes), options


def products(x, w, g, options):
    """Both results, as products, whether they pay or not."""
    given = np.full(g.shape, np.nan, x.dtype), np.full(x.shape, np.nan, x.dtype)
    return unfolded.correlate(x, w, given[0], **options), unfolded.adjoint(g, w, given[1], **options)


@each_type
@pytest.mark.parametrize("column_bytes", [1, 1500, 4_000_000])  # one image at a time, some, all
@pytest.mark.parametrize("name", CASES)
def test_products_are_the_definition(monkeypatch, name, column_bytes, dtype):
    monkeypatch.setattr(unfolded, "_COLUMN_BYTES", column_bytes)
    x, w, g, options = build(name, dtype)
    exact = family(reference, *(a.astype(np.float64) for a in (x, w, g)), {**options, "groups": 1})
    close(products(x, w, g, options), exact[:2], dtype)


@each_type
def test_same_bits_for_any_number_of_threads(monkeypatch, dtype):
    rng, options = np.random.default_rng(0), {"stride": (2, 2), "padding": SAME, "dilation": (1, 1)}
    shapes = ((3, 256, 13, 14), (384, 256, 3, 3), (3, 384, 7, 7))
    x, w, g = (rng.normal(size=shape).astype(dtype) for shape in shapes)
    assert unfolded.pays(w.shape, g.shape[2:], 1, w.itemsize, adjoint=False)
    check_threads(monkeypatch, lambda *arrays: products(*arrays, options), x, w, g)


@pytest.mark.parametrize("name", ["stride 2", "dilation"])
def test_layouts_and_poisoned_memory(monkeypatch, name):
    monkeypatch.setattr(unfolded, "pays", lambda *_, adjoint: True)
    x, w, g, options = build(name, np.float32)
    for check in (check_layouts, check_poisoned):
        check(lambda *arrays: family(conv, *arrays, {**options, "groups": 1})[:2], x, w, g)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_reach_exactly_the_results_they_belong_to(monkeypatch, poison):
    monkeypatch.setattr(unfolded, "pays", lambda *_, adjoint: True)
    x, w, g, options = build("stride 2", np.float32)
    x[-1, 3, 2, 2] = g[0, 5, -1, -1] = poison
    with np.errstate(invalid="ignore"):
        for a, b in zip(*(family(path, x, w, g, {**options, "groups": 1}) for path in (conv, im2col))):
            assert_same_places(a, b)


@pytest.mark.parametrize("adjoint", [False, True])
def test_chosen_by_shape(monkeypatch, adjoint):
    pays = lambda *shape: unfolded.pays(*shape, 4, adjoint=adjoint)
    assert pays((512, 256, 3, 3), (7, 7), 1)
    assert pays((256, 128, 3, 3), (7, 7), 1) == adjoint
    assert not pays((256, 128, 2, 2), (7, 7), 1)  # too few weights
    assert not pays((4096, 64, 3, 3), (7, 7), 1)  # too few channels
    assert not pays((512, 256, 3, 3), (28, 28), 1)  # many pixels for them
    assert not pays((512, 256, 3, 3), (7, 7), 2)
    monkeypatch.setattr(unfolded, "keeps_up", lambda: False)
    assert not pays((512, 256, 3, 3), (7, 7), 1)


def test_convolutions_use_it(monkeypatch):
    rng, options = np.random.default_rng(0), {**PLAIN, "stride": (2, 2), "padding": SAME}
    x, w, g = (rng.normal(size=s).astype("f4") for s in ((2, 256, 8, 8), (512, 256, 3, 3), (2, 512, 4, 4)))
    calls = []
    for name in ("correlate", "adjoint"):
        function = getattr(unfolded, name)

        def counted(*args, name=name, function=function, **settings):
            calls.append(name)
            return function(*args, **settings)

        monkeypatch.setattr(unfolded, name, counted)
    found = family(conv, x, w, g, options)
    assert calls == ["correlate", "adjoint"]
    monkeypatch.setattr(unfolded, "pays", lambda *_, adjoint: False)
    decide_anew()
    close(found, family(conv, x, w, g, options), np.float32)
    assert len(calls) == 2
