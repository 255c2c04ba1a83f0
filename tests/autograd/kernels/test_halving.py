"""Minimal filtering with a stride of 2 against the direct kernels and their twin, like that without a stride."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import tensor
from autograd.geometry import conv_output_size
from autograd.gradcheck import gradcheck, gradgradcheck
from autograd.kernels import conv, halving, halving_weight
from autograd.kernels.winograd_loops import tile_count
from nn import functional as F

from .test_conv import PLAIN, close, family
from .test_conv_tile import guarded
from .test_winograd import SAME, check_extreme_values, counted_calls, each_type, exact, in_pieces
from .variants import check_layouts, check_poisoned, check_threads, decide_anew


def build(x_shape, outputs, padding=SAME, dtype=np.float32, seed=0):
    """x, w, g and settings of a layer."""
    rng = np.random.default_rng(seed)
    options = {**PLAIN, "stride": (2, 2), "padding": padding}
    size = conv_output_size(x_shape[2:], (3, 3), (2, 2), padding, (1, 1))
    shapes = x_shape, (outputs, x_shape[1], 3, 3), (x_shape[0], outputs, *size)
    return *(rng.normal(size=shape).astype(dtype) for shape in shapes), options


def decide(monkeypatch, answer):
    def pays(source, target, padding, dtype, *, adjoint):
        return answer and (not adjoint or padding[0][0] == padding[1][0] == 1)

    def cut(g, x, padding, dtype):
        return in_pieces(tile_count(g, 2), x[1], np.dtype(dtype).itemsize) if answer else None

    monkeypatch.setattr(halving, "pays", pays)
    monkeypatch.setattr(halving_weight, "cut", cut)
    halving._lay_out.cache_clear()
    decide_anew()


@pytest.fixture(autouse=True, scope="module")
def afterwards():
    yield
    halving._lay_out.cache_clear()
    decide_anew()


@pytest.fixture
def always(monkeypatch):
    """Whatever the shape."""
    decide(monkeypatch, True)


def direct(x, w, g, options):
    with pytest.MonkeyPatch.context() as patch:
        decide(patch, False)
        results = family(conv, x, w, g, options)
    decide_anew()
    return results


@given(
    *(st.integers(1, 3), st.integers(1, 19), st.integers(1, 40), st.integers(1, 40), st.integers(1, 70)),
    *(st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2), st.sampled_from([1, 30_000, 10**6])),
    *(st.sampled_from([1, 20_000, 10**6]), st.sampled_from([np.float32, np.float64])),
)
@settings(max_examples=200, deadline=None)
def test_family_is_its_explicit_twin(batch, channels, outputs, height, width, padding, block, sums, dtype):
    size = max(height, 3 - sum(padding[0])), max(width, 3 - sum(padding[1]))
    case = build((batch, channels, *size), outputs, padding, dtype)
    with pytest.MonkeyPatch.context() as patch:
        decide(patch, True)
        for name, value in (("_BLOCK_BYTES", block), ("_MOST_BYTES", block), ("_SUM_BYTES", sums)):
            patch.setattr(halving, name, value)
        close(family(conv, *case), exact(*case), dtype)


@each_type
@pytest.mark.parametrize("channels", [16, 64, 256])
def test_error_is_near_that_of_the_direct_sum(always, channels, dtype):
    x, w, g, options = build((4, channels, 24, 24), 24, dtype=dtype)
    x = np.maximum(x, 0)
    results = zip(family(conv, x, w, g, options), direct(x, w, g, options), exact(x, w, g, options))
    # the direct weight gradient adds lane by lane, which makes it hard to match
    for (ours, theirs, truth), factor in zip(results, (2, 2, 4)):
        error, direct_error, size = (np.sqrt(np.mean(a**2)) for a in (ours - truth, theirs - truth, truth))
        if dtype is np.float32:  # in float64 the truth is no better than a direct sum
            assert error < factor * direct_error
        assert error < 10 * np.finfo(dtype).eps * size


@each_type
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.9, -0.6])  # numbers: of the largest there is
@pytest.mark.parametrize("array", [0, 1, 2])
def test_what_is_not_finite_or_overflows_is_computed_directly(always, array, value, dtype):
    check_extreme_values(build((2, 9, 14, 11), 10, dtype=dtype), array, value, direct)


@each_type
@pytest.mark.parametrize("adjoint", [False, True])
def test_a_transform_that_overflows_says_so(adjoint, dtype):
    x, w, g, options = build((1, 8, 16, 16), 8, dtype=dtype)
    source, out = (g, np.empty_like(x)) if adjoint else (x, np.empty_like(g))
    assert halving.correlate(source, w, out, options["padding"], adjoint=adjoint)
    source[0, 0, 1, 1], source[0, 0, 3, 1], source[0, 0, 2, 1] = 0.9 * np.finfo(dtype).max * np.array((1, -1, 1))
    w *= 1e-6
    assert not halving.correlate(source, w, out, options["padding"], adjoint=adjoint)
    assert np.isfinite(direct(x, w, g, options)[int(adjoint)]).all()


@each_type
@pytest.mark.parametrize(
    ("x_shape", "outputs"),
    [((8, 16, 64, 64), 16), ((8, 64, 32, 24), 32), ((1, 32, 57, 61), 48), ((4, 96, 8, 8), 72), ((2, 24, 33, 40), 17)],
)
def test_same_bits_for_any_number_of_threads(monkeypatch, always, x_shape, outputs, dtype):
    x, w, g, options = build(x_shape, outputs, dtype=dtype)
    check_threads(monkeypatch, lambda *arrays: family(conv, *arrays, options), x, w, g)


@each_type
@pytest.mark.parametrize("x_shape", [(2, 5, 13, 10), (1, 17, 8, 8)])
def test_layouts_and_poisoned_memory(always, x_shape, dtype):
    x, w, g, options = build(x_shape, 7, dtype=dtype)
    check_layouts(lambda *arrays: family(conv, *arrays, options), x, w, g)
    check_poisoned(lambda *arrays: family(conv, *arrays, options), x, w, g)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mprotect by way of libc")
@each_type
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize(("x_shape", "padding"), [((2, 3, 6, 7), SAME), ((1, 5, 16, 32), ((0, 2), (2, 0)))])
def test_nothing_outside_of_the_inputs_is_read(always, x_shape, padding, at_end, dtype):
    x, w, g, options = build(x_shape, 6, padding, dtype)
    ours = family(conv, *(guarded(array, at_end) for array in (x, w, g)), options)
    close(ours, exact(x, w, g, options), dtype)


def test_gradients_to_order_2_are_those_of_finite_differences(always):
    x, w, *_ = build((2, 3, 7, 6), 4, dtype=np.float64)
    inputs = [tensor(a, requires_grad=True) for a in (x, w)]
    for check in (gradcheck, gradgradcheck):
        assert check(lambda x, w: F.conv2d(x, w, stride=2, padding=1), inputs)


@each_type
def test_chosen_by_shape(dtype):
    dtype = np.dtype(dtype)

    def pays(batch, channels, side, outputs, padding=SAME):
        size = conv_output_size((side, side), (3, 3), (2, 2), padding, (1, 1))
        shapes = (batch, channels, side, side), (batch, outputs, *size)
        return tuple(halving.pays(*ends, padding, dtype, adjoint=ends != shapes) for ends in (shapes, shapes[::-1]))

    assert pays(8, 32, 64, 64) == pays(2, 64, 56, 128) == (True, True)
    assert pays(8, 32, 64, 64, ((0, 1), (0, 1))) == (True, False)  # not centred
    assert pays(8, 32, 64, 64, ((3, 3), (3, 3))) == (False, False)
    assert pays(8, 3, 64, 64) == (False, False)  # three channels
    assert pays(1, 64, 8, 128) == (False, False)  # too few tiles
    assert pays(2, 512, 28, 64)[0] is False  # too many channels
    assert pays(1, 32, 16, 64) == (False, False)  # too little work
    unet, deep = (8, 32, 64, 64), (2, 256, 28, 28)
    assert halving_weight.cut((8, 64, 32, 32), unet, SAME, dtype)
    assert not halving_weight.cut((8, 64, 31, 31), unet, ((3, 0), (3, 0)), dtype)
    assert not halving_weight.cut((2, 512, 14, 14), deep, SAME, dtype)  # too many weights
    assert not halving_weight.cut((8, 64, 32, 32), (8, 3, 64, 64), SAME, dtype)


@each_type
def test_convolutions_use_it(monkeypatch, dtype):
    calls = counted_calls(monkeypatch, (halving, "correlate"), (halving_weight, "weight_gradient"))
    decide_anew()
    family(conv, *build((8, 32, 64, 64), 64, dtype=dtype))
    assert calls == ["correlate", "correlate", "weight_gradient"]
