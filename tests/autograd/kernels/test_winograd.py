"""Minimal filtering against the direct kernels and their twin: every size and padding, rounding, what is not finite."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import tensor
from autograd.gradcheck import gradcheck, gradgradcheck
from autograd.kernels import conv, im2col, winograd, winograd_parts, winograd_weight
from autograd.kernels.vectors import lanes
from autograd.kernels.winograd_loops import tile_count
from nn import functional as F

from .test_conv import PLAIN, TOLERANCE, close, family
from .test_conv_tile import guarded
from .variants import check_layouts, check_poisoned, check_threads, decide_anew

SAME = ((1, 1), (1, 1))
each_type = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def build(x_shape, outputs, padding=SAME, dtype=np.float32, seed=0):
    """x, w, g and settings of a layer."""
    rng = np.random.default_rng(seed)
    n, c, h, w = x_shape
    size = h + sum(padding[0]) - 2, w + sum(padding[1]) - 2
    shapes = x_shape, (outputs, c, 3, 3), (n, outputs, *size)
    return *(rng.normal(size=shape).astype(dtype) for shape in shapes), {**PLAIN, "padding": padding}


def decide(monkeypatch, answer):
    monkeypatch.setattr(winograd, "pays", lambda *shapes: answer)
    monkeypatch.setattr(winograd_weight, "pays", lambda *shapes: answer)
    decide_anew()


@pytest.fixture(autouse=True, scope="module")
def afterwards():
    yield
    decide_anew()


@pytest.fixture
def always(monkeypatch):
    """Whatever the shape."""
    decide(monkeypatch, True)


def in_parts(patch):
    """Weight gradients in parts."""
    patch.setattr(winograd_parts, "cut", lambda g, x, itemsize: in_pieces(tile_count(g), x[1], itemsize))


def in_pieces(tiles, channels, itemsize):
    """Three parts, or less, of blocks of five tiles: the last is not whole. In float32 channels are transformed one
    vector at a time.
    """
    chunk = lanes("f4") if itemsize == 4 else winograd_parts.chunk_of(channels, itemsize)
    return winograd_parts.Cut(min(3, tiles), 5, chunk)


def direct(x, w, g, options):
    with pytest.MonkeyPatch.context() as patch:
        decide(patch, False)
        results = family(conv, x, w, g, options)
    decide_anew()
    return results


def exact(x, w, g, options):
    return family(im2col, *(a.astype(np.float64) for a in (x, w, g)), options)


def check_extreme_values(case, array, value, direct):
    """A share of the largest number there is, or what is no number, in some places of an array of a case."""
    dtype = case[array].dtype.type
    value *= np.finfo(dtype).max
    for a in case[:3]:
        a *= 1e-2
    for where in ((0, 1, 0, 0), (-1, 3, 2, 1), (1, 8, -1, -1)):
        before, case[array][where] = case[array][where], value
        with np.errstate(all="ignore"):
            expected = direct(*case)
            assert all(np.isfinite(a).all() for a in expected) == (abs(value) < np.inf)
            for ours, theirs in zip(family(conv, *case), expected):
                if not np.isfinite(theirs).all():
                    np.testing.assert_array_equal(ours, theirs)
                else:  # either way of computing it; an overflow of a transform would be infinite
                    rtol = TOLERANCE[dtype]
                    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * np.abs(theirs).max())
        case[array][where] = before


def counted_calls(monkeypatch, *functions):
    """The names of those of some functions, (module, name), that are called from now on."""
    calls = []
    for module, name in functions:
        function = getattr(module, name)

        def counted(*args, name=name, function=function, **settings):
            calls.append(name)
            return function(*args, **settings)

        monkeypatch.setattr(module, name, counted)
    return calls


CUTS = st.builds(winograd.Cut, *(st.integers(low, 3) for low in (2, 1, 0, 1, 1)), st.sampled_from([1, 2, 6, 20]))


@given(
    *(st.integers(1, 3), st.integers(1, 19), st.integers(1, 18), st.integers(1, 40), st.integers(1, 40)),
    *(st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2), st.sampled_from([100_000, 10**7])),
    *(st.booleans(), CUTS, st.sampled_from([np.float32, np.float64])),
)
@settings(max_examples=200, deadline=None)
def test_family_is_its_explicit_twin(batch, channels, outputs, height, width, padding, memory, parts, cut, dtype):
    size = max(height, 3 - sum(padding[0])), max(width, 3 - sum(padding[1]))
    case = build((batch, channels, *size), outputs, padding, dtype)
    with pytest.MonkeyPatch.context() as patch:
        decide(patch, True)
        patch.setattr(winograd, "cut", lambda x, *_: cut if cut.parts else cut._replace(some=x[1]))
        if parts:
            in_parts(patch)
        patch.setattr(winograd_weight, "_PASS_BYTES", memory)  # one pass, or several
        for name, value in (("_CHANNELS", 16), ("_OUTPUTS", 16), ("_RUN_BYTES", 400)):
            patch.setattr(winograd_weight, name, value)
        close(family(conv, *case), exact(*case), dtype)


@each_type
@pytest.mark.parametrize("parts", [False, True])
@pytest.mark.parametrize("channels", [16, 64, 256])
def test_error_is_near_that_of_the_direct_sum(monkeypatch, always, channels, parts, dtype):
    if parts:
        in_parts(monkeypatch)
    x, w, g, options = build((4, channels, 24, 24), 24, dtype=dtype)
    x = np.maximum(x, 0)
    results = zip(family(conv, x, w, g, options), direct(x, w, g, options), exact(x, w, g, options))
    # The direct weight gradient adds lane by lane, which makes it hard to match: ours has the same error with vectors
    # of any width, up to 3 times that of the direct one with AVX-512, 7.5 times with AVX2, 6 times with SSE.
    for (ours, theirs, truth), factor in zip(results, (4, 4, 8)):
        error, direct_error, size = (np.sqrt(np.mean(a**2)) for a in (ours - truth, theirs - truth, truth))
        if dtype is np.float32:  # in float64 the truth is no better than a direct sum
            assert error < factor * direct_error
        assert error < 25 * np.finfo(dtype).eps * size
        assert np.abs(ours - truth).max() < 250 * np.finfo(dtype).eps * size


@each_type
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.9, -0.6])  # numbers: of the largest there is
@pytest.mark.parametrize("array", [0, 1, 2])
@pytest.mark.parametrize("parts", [False, True])
def test_what_is_not_finite_or_overflows_is_computed_directly(monkeypatch, always, parts, array, value, dtype):
    if parts:
        in_parts(monkeypatch)
    check_extreme_values(build((2, 9, 14, 11), 10, dtype=dtype), array, value, direct)


@each_type
def test_a_transform_that_overflows_says_so(dtype):
    x, w, _, options = build((1, 8, 16, 16), 8, dtype=dtype)
    out = np.empty((1, 8, 16, 16), dtype)
    assert winograd.correlate(x, w, out, options["padding"], adjoint=False)
    x[0, 0, 1, 1], w[:, 0] = 0.9 * np.finfo(dtype).max, 1e-6
    assert np.isfinite(conv.conv2d(x, w, **options)).all()
    assert not winograd.correlate(x, w, out, options["padding"], adjoint=False)


@each_type
@pytest.mark.parametrize(
    ("x_shape", "outputs"),
    [((8, 16, 64, 64), 16), ((4, 64, 32, 24), 32), ((1, 32, 57, 61), 48), ((4, 96, 8, 8), 72), ((2, 24, 33, 40), 17)],
)
def test_same_bits_for_any_number_of_threads(monkeypatch, always, x_shape, outputs, dtype):
    x, w, g, options = build(x_shape, outputs, dtype=dtype)
    check_threads(monkeypatch, lambda *arrays: family(conv, *arrays, options), x, w, g)


@each_type
@pytest.mark.parametrize("x_shape", [(2, 5, 13, 10), (1, 17, 8, 8)])
@pytest.mark.parametrize("parts", [False, True])
def test_layouts_and_poisoned_memory(monkeypatch, always, parts, x_shape, dtype):
    if parts:
        in_parts(monkeypatch)
    x, w, g, options = build(x_shape, 7, dtype=dtype)
    check_layouts(lambda *arrays: family(conv, *arrays, options), x, w, g)
    check_poisoned(lambda *arrays: family(conv, *arrays, options), x, w, g)


@pytest.mark.parametrize(("x_shape", "outputs"), [((0, 2, 5, 4), 3), ((2, 0, 5, 4), 3), ((2, 3, 5, 4), 0)])
def test_zero_sizes(always, x_shape, outputs):
    case = build(x_shape, outputs)
    for ours, theirs in zip(family(conv, *case), direct(*case)):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mprotect by way of libc")
@each_type
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize(("x_shape", "padding"), [((2, 3, 6, 7), SAME), ((1, 5, 16, 16), ((0, 2), (2, 0)))])
@pytest.mark.parametrize("parts", [False, True])
def test_nothing_outside_of_the_inputs_is_read(monkeypatch, always, parts, x_shape, padding, at_end, dtype):
    if parts:
        in_parts(monkeypatch)
    x, w, g, options = build(x_shape, 6, padding, dtype)
    ours = family(conv, *(guarded(array, at_end) for array in (x, w, g)), options)
    close(ours, exact(x, w, g, options), dtype)


def test_gradients_to_order_2_are_those_of_finite_differences(always):
    x, w, *_ = build((2, 3, 7, 6), 4, dtype=np.float64)
    inputs = [tensor(a, requires_grad=True) for a in (x, w)]
    for check in (gradcheck, gradgradcheck):
        assert check(lambda x, w: F.conv2d(x, w, padding=1), inputs)


@each_type
def test_chosen_by_shape(dtype):
    unet, bottom = (8, 32, 64, 64), (8, 256, 8, 8)
    for shape in (unet, bottom, (8, 16, 32, 32)):
        assert winograd.pays(shape, shape, SAME, dtype)
    assert winograd_weight.pays(unet, unet, SAME, dtype)
    assert winograd_weight.pays(bottom, bottom, SAME, dtype)
    assert not winograd_weight.pays((8, 256, 4, 4), (8, 256, 4, 4), SAME, dtype)  # 8 tiles
    itemsize = np.dtype(dtype).itemsize
    assert winograd_parts.cut(unet, unet, itemsize)
    assert not winograd_parts.cut((8, 512, 32, 32), (8, 512, 32, 32), itemsize)  # too many weights
    assert not winograd_parts.cut((1, 16, 20, 20), (1, 16, 20, 20), itemsize)  # too few tiles
    assert not winograd.pays((8, 3, 64, 64), (8, 64, 64, 64), SAME, dtype)  # three channels
    assert not winograd.pays((8, 8, 64, 64), (8, 8, 64, 64), SAME, dtype)
    assert not winograd.pays((1, 16, 8, 8), (1, 16, 8, 8), SAME, dtype)  # too little work
    assert not winograd.pays((1, 512, 4, 4), (1, 512, 4, 4), SAME, dtype)  # 1 tile of the 6 of a register tile, or more
    assert not winograd.pays(unet, (8, 32, 68, 68), ((3, 3), (3, 3)), dtype)
    assert not winograd.pays(unet, (8, 32, 61, 61), ((-1, 0), (-1, 0)), dtype)  # the input gradient of a padding of 3


@pytest.mark.parametrize(("cores", "many", "few"), [(1, 2, 2), (2, 2, 2), (6, 4, 2), (16, 16, 2), (100, 64, 2)])
def test_parts_for_cores_and_tiles(monkeypatch, cores, many, few):
    monkeypatch.setattr(winograd_parts, "CORES", cores)
    chosen = winograd_parts.cut.__wrapped__  # what was chosen before is kept
    assert chosen((8, 16, 64, 64), (8, 16, 64, 64), 4).parts == many
    assert chosen((4, 128, 32, 32), (4, 64, 32, 32), 4).parts == few


def test_channels_fill_register_tiles():
    vector = lanes("f8")
    chunks = {n: winograd_parts.chunk_of(n * vector - 1, 8) // vector for n in range(1, 9)}
    assert chunks == {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 2, 7: 3, 8: 2}


@pytest.mark.parametrize("padding", [((3, 3), (3, 3)), ((0, 4), (1, 1))])
def test_wider_padding_is_computed_directly(padding):
    case = build((4, 32, 64, 64), 32, padding)
    close(family(conv, *case), exact(*case), np.float32)


@each_type
def test_convolutions_use_it(monkeypatch, dtype):
    x, w, g, options = build((8, 32, 32, 32), 32, dtype=dtype)  # enough channels for the widest vectors
    calls = counted_calls(monkeypatch, (winograd, "correlate"), (winograd_weight, "weight_gradient"))
    family(conv, x, w, g, options)
    assert calls == ["correlate", "correlate", "weight_gradient"]
