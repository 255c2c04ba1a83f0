"""The convolution family against its definition, in every option, layout and type, and against its explicit twin."""

import multiprocessing
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.geometry import conv_output_size
from autograd.kernels import conv, depthwise, im2col, plan, tile
from autograd.kernels.parallel import get_num_threads, set_num_threads

from . import reference
from .variants import assert_same_places, decide_anew, poisoned_memory

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-13}
PLAIN = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}

# x, w, settings that differ from PLAIN
CASES = {
    "3x3 same": ((2, 3, 6, 7), (4, 3, 3, 3), {"padding": ((1, 1), (1, 1))}),
    "3x3 valid": ((1, 2, 5, 4), (3, 2, 3, 3), {}),
    "1x1": ((2, 5, 4, 3), (9, 5, 1, 1), {}),
    "1x1 of one pixel, padded below": ((1, 1, 1, 1), (1, 1, 1, 1), {"padding": ((0, 1), (0, 0))}),
    "1x1 of many channels": ((3, 19, 7, 7), (37, 19, 1, 1), {}),
    "1x1 of many channels, stride 2": ((2, 17, 9, 36), (18, 17, 1, 1), {"stride": (2, 2)}),
    "1x1 of large maps to few channels": ((2, 5, 15, 17), (2, 5, 1, 1), {}),
    "1x1 to few channels": ((2, 21, 5, 16), (2, 21, 1, 1), {}),
    "1x1 to few channels, padded, stride 2": (
        (1, 21, 4, 4),
        (2, 21, 1, 1),
        {"stride": (2, 2), "padding": ((2, 2), (2, 2))},
    ),
    "1x1 stride 2": ((1, 3, 5, 6), (2, 3, 1, 1), {"stride": (2, 2)}),
    "1x1 stride 3 padded": ((1, 2, 4, 5), (2, 2, 1, 1), {"stride": (3, 3), "padding": ((2, 1), (1, 2))}),
    "2x2 stride 2": ((2, 3, 6, 4), (5, 3, 2, 2), {"stride": (2, 2)}),
    "even kernel, one more at the bottom": ((1, 2, 5, 6), (3, 2, 2, 4), {"padding": ((0, 1), (1, 2))}),
    "stride 2 leaves a rest": ((1, 2, 8, 9), (3, 2, 3, 3), {"stride": (2, 2), "padding": ((1, 1), (1, 1))}),
    "stride 3, 2": ((1, 2, 10, 9), (2, 2, 3, 2), {"stride": (3, 2), "padding": ((1, 0), (0, 1))}),
    "stride longer than kernel": ((1, 2, 9, 8), (2, 2, 2, 2), {"stride": (3, 3)}),
    "1x1 of one column, stride 1, 2": ((1, 2, 70, 1), (9, 2, 1, 1), {"stride": (1, 2)}),
    "one channel, a row more of one phase": (
        (3, 1, 10, 3),
        (5, 1, 3, 3),
        {"stride": (3, 1), "padding": ((1, 1), (1, 1))},
    ),
    "dilation": ((1, 2, 9, 8), (2, 2, 3, 2), {"dilation": (2, 3), "padding": ((2, 1), (0, 3))}),
    "stride and dilation": (
        (1, 2, 9, 10),
        (3, 2, 3, 3),
        {"stride": (2, 3), "dilation": (3, 2), "padding": ((3, 2), (2, 2))},
    ),
    "padding wider than kernel": ((1, 2, 3, 2), (2, 2, 2, 3), {"padding": ((4, 3), (5, 2))}),
    "padding wider than kernel, stride 2": (
        (1, 1, 3, 2),
        (2, 1, 2, 2),
        {"stride": (2, 2), "padding": ((5, 4), (3, 6))},
    ),
    "kernel larger than input": ((2, 2, 2, 3), (3, 2, 5, 5), {"padding": ((2, 2), (1, 2))}),
    "dilation far beyond a vector": (
        (1, 2, 7, 9),
        (2, 2, 3, 3),
        {"dilation": (20, 21), "padding": ((25, 22), (30, 24))},
    ),
    "groups": ((2, 6, 5, 4), (4, 3, 3, 3), {"groups": 2, "padding": ((1, 1), (1, 1))}),
    "depthwise": ((2, 5, 6, 5), (5, 1, 3, 3), {"groups": 5, "padding": ((1, 1), (1, 1))}),
    "depthwise, two each, stride 2": ((1, 3, 7, 6), (6, 1, 3, 3), {"groups": 3, "stride": (2, 2)}),
    "depthwise, output as large as the input": (
        (2, 3, 9, 8),
        (6, 1, 3, 5),
        {"groups": 3, "padding": ((2, 2), (2, 2)), "dilation": (2, 1)},
    ),
    "depthwise, stride 2 of an even size": (
        (2, 3, 10, 14),
        (3, 1, 3, 5),
        {"groups": 3, "stride": (2, 2), "padding": ((1, 1), (2, 2))},
    ),
    "depthwise, stride 2 of an odd size": (
        (2, 3, 9, 11),
        (6, 1, 3, 3),
        {"groups": 3, "stride": (2, 2), "padding": ((1, 1), (1, 1))},
    ),
    "depthwise, 7x7 maps": ((2, 5, 7, 7), (5, 1, 3, 3), {"groups": 5, "padding": ((1, 1), (1, 1))}),
    "depthwise, 7x7 filters": ((1, 2, 9, 10), (4, 1, 7, 7), {"groups": 2, "padding": ((3, 3), (3, 3))}),
    "depthwise, maps of one row": ((2, 4, 1, 21), (4, 1, 1, 5), {"groups": 4, "padding": ((0, 0), (2, 2))}),
    "depthwise, maps of one pixel": ((2, 9, 1, 1), (9, 1, 3, 3), {"groups": 9, "padding": ((1, 1), (1, 1))}),
    "depthwise, stride 3": (
        (1, 2, 11, 17),
        (2, 1, 4, 3),
        {"groups": 2, "stride": (3, 3), "padding": ((2, 1), (1, 0))},
    ),
    "depthwise, stride longer than the filter": ((2, 3, 14, 19), (3, 1, 3, 2), {"groups": 3, "stride": (4, 1)}),
    "depthwise, one column of outputs": (
        (2, 3, 7, 11),
        (3, 1, 2, 17),
        {"groups": 3, "padding": ((0, 0), (3, 3))},
    ),
    "depthwise, stride 1, 2": (
        (1, 2, 9, 12),
        (2, 1, 3, 3),
        {"groups": 2, "stride": (1, 2), "padding": ((1, 0), (0, 1))},
    ),
    "depthwise, rows of several vectors, stride 2": (
        (2, 3, 8, 83),
        (3, 1, 5, 4),
        {"groups": 3, "stride": (2, 2), "padding": ((2, 1), (0, 3))},
    ),
    "depthwise, dilation": (
        (1, 3, 11, 37),
        (6, 1, 3, 2),
        {"groups": 3, "stride": (1, 2), "padding": ((2, 2), (1, 3)), "dilation": (2, 3)},
    ),
    "one pixel": ((1, 1, 1, 1), (1, 1, 1, 1), {}),
    "one column": ((1, 2, 9, 1), (2, 2, 3, 1), {"padding": ((1, 1), (0, 0))}),
    "one row, wider than two tiles": ((1, 1, 1, 131), (2, 1, 1, 3), {"padding": ((0, 0), (1, 1))}),
    "rows of whole vectors": ((1, 2, 3, 64), (2, 2, 2, 1), {}),
    "rows of whole vectors, four channels": ((3, 3, 37, 32), (4, 3, 3, 3), {"padding": ((1, 1), (1, 1))}),
    "rows of whole vectors, groups": ((2, 6, 4, 32), (8, 3, 3, 3), {"groups": 2, "padding": ((1, 1), (1, 1))}),
    "maps of whole vectors": ((5, 3, 16, 16), (4, 3, 2, 2), {"stride": (2, 2)}),
    "2x2 stride 2, rows of whole vectors": ((3, 8, 14, 32), (12, 8, 2, 2), {"stride": (2, 2)}),
    "rows of nearly whole tiles": ((2, 3, 4, 60), (9, 3, 3, 3), {"padding": ((1, 1), (1, 1))}),
    "more channels than a panel": ((1, 9, 3, 4), (17, 9, 2, 2), {}),
    "empty batch": ((0, 2, 5, 4), (3, 2, 3, 3), {"padding": ((1, 1), (1, 1))}),
    "no input channels": ((2, 0, 5, 4), (3, 0, 3, 3), {}),
}


def build(name, dtype):
    """x, w, g and settings of a case."""
    x_shape, w_shape, changed = CASES[name]
    options = {**PLAIN, **changed}
    rng = np.random.default_rng(sum(map(ord, name)))
    size = reference.output_size(x_shape, w_shape, options["stride"], options["padding"], options["dilation"])
    g_shape = (x_shape[0], w_shape[0], *size)
    return *(rng.normal(size=shape).astype(dtype) for shape in (x_shape, w_shape, g_shape)), options


def family(path, x, w, g, options):
    """The three results of ``conv``, ``im2col`` or ``reference`` on one case."""
    return (
        path.conv2d(x, w, **options),
        path.conv2d_input(g, w, size=x.shape[2:], **options),
        path.conv2d_weight(g, x, kernel_size=w.shape[2:], **options),
    )


def close(ours, theirs, dtype):
    for a, b in zip(ours, theirs):
        assert a.shape == b.shape
        assert a.dtype == dtype
        assert a.flags.c_contiguous
        largest = np.abs(b).max(initial=1)
        np.testing.assert_allclose(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * largest)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_family_is_the_definition(name, dtype, monkeypatch):
    x, w, g, options = build(name, dtype)
    with poisoned_memory(monkeypatch):
        results = family(conv, x, w, g, options)
    close(results, family(reference, x, w, g, options), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_explicit_path_is_the_definition(name, dtype):
    x, w, g, options = build(name, dtype)
    close(family(im2col, x, w, g, options), family(reference, x, w, g, options), dtype)


@pytest.mark.parametrize("name", ["stride and dilation", "padding wider than kernel", "depthwise"])
def test_col2im_is_the_adjoint_of_im2col(name):
    x, w, _, options = build(name, np.float64)
    options = {**{key: options[key] for key in ("stride", "padding", "dilation")}, "kernel_size": w.shape[2:]}
    columns = im2col.im2col(x, **options)
    other = np.random.default_rng(0).normal(size=columns.shape)
    folded = im2col.col2im(other, size=x.shape[2:], **options)
    assert np.vdot(columns, other) == pytest.approx(np.vdot(x, folded), rel=1e-12)


@pytest.fixture
def wide_tiles(monkeypatch):
    """The plans made here: tiles that gather their pixels are as wide as five register tiles, of few channels."""
    plans = []

    def planned(*args, **options):
        plans.append(plan.plan(*args, **options))
        return plans[-1]

    monkeypatch.setattr(conv, "plan", planned)
    monkeypatch.setattr(plan, "_WIDE_BYTES", 0)
    monkeypatch.setattr(plan, "_WIDE_TILES", 5)
    monkeypatch.setattr(plan, "_WINDOW_ROWS", 400)
    decide_anew()
    yield plans
    decide_anew()


@pytest.fixture
def small_cache(monkeypatch):
    """Every array has left the caches; ways that were chosen before, or are chosen here, are not for others."""
    monkeypatch.setattr(depthwise, "last_cache", lambda: 0)
    decide_anew()
    yield
    decide_anew()


@pytest.mark.usefixtures("small_cache")
@pytest.mark.parametrize("name", [name for name in CASES if "depthwise" in name])
def test_depthwise_beyond_the_caches_is_the_definition(name):
    x, w, g, options = build(name, np.float32)
    close(family(conv, x, w, g, options), family(reference, x, w, g, options), np.float32)


@st.composite
def geometries(draw, depthwise=False):
    """Any convolution with an output, images large enough to make several blocks and tiles."""
    groups = draw(st.sampled_from([2, 3, 7] if depthwise else [1, 1, 1, 2, 3]))
    kernel, stride, dilation, size, padding = [], [], [], [], []
    for _ in range(2):
        k, s, d = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
        before, after = draw(st.integers(0, 4)), draw(st.integers(0, 4))
        kernel, stride, dilation = [*kernel, k], [*stride, s], [*dilation, d]
        padding.append((before, after))
        size.append(draw(st.integers(max(1, d * (k - 1) + 1 - before - after), 70)))
    x_shape = (draw(st.integers(1, 3)), groups * draw(st.integers(1, 1 if depthwise else 9)), *size)
    w_shape = (groups * draw(st.integers(1, 3 if depthwise else 18)), x_shape[1] // groups, *kernel)
    options = {"stride": tuple(stride), "padding": tuple(padding), "dilation": tuple(dilation), "groups": groups}
    return x_shape, w_shape, options


@given(st.one_of(geometries(), geometries(depthwise=True)), st.sampled_from([np.float32, np.float64]))
@settings(max_examples=160, deadline=None)
def test_fast_path_is_its_explicit_twin(geometry, dtype):
    x_shape, w_shape, options = geometry
    rng = np.random.default_rng(0)
    size = conv_output_size(x_shape[2:], w_shape[2:], options["stride"], options["padding"], options["dilation"])
    x, w, g = (rng.normal(size=s).astype(dtype) for s in (x_shape, w_shape, (x_shape[0], w_shape[0], *size)))
    close(family(conv, x, w, g, options), family(im2col, x, w, g, options), dtype)


LARGE = {
    "batch 1": ((1, 16, 65, 63), (24, 16, 3, 3), {"padding": ((1, 1), (1, 1))}),
    "batch 5": ((5, 8, 32, 32), (16, 8, 3, 3), {"padding": ((1, 1), (1, 1))}),
    "stride 2": ((3, 16, 33, 40), (16, 16, 3, 3), {"padding": ((1, 1), (1, 1)), "stride": (2, 2)}),
    "stride 2, small image": ((4, 19, 9, 13), (70, 19, 3, 3), {"padding": ((1, 1), (1, 1)), "stride": (2, 2)}),
    "stride 2 of an even size": ((3, 34, 14, 10), (40, 34, 3, 3), {"padding": ((1, 1), (1, 1)), "stride": (2, 2)}),
    "stride 2 to many channels": ((2, 40, 9, 8), (700, 40, 3, 3), {"padding": ((1, 1), (1, 1)), "stride": (2, 2)}),
    "stride 2 of many channels": ((2, 330, 9, 8), (40, 330, 3, 3), {"padding": ((1, 1), (1, 1)), "stride": (2, 2)}),
    "stride 2, two groups": ((2, 48, 9, 9), (96, 24, 3, 3), {"groups": 2, "stride": (2, 2)}),
    "stride 3, 2 of larger filters": ((2, 24, 13, 15), (36, 24, 5, 4), {"stride": (3, 2)}),
    "stride longer than the filter": ((2, 24, 13, 15), (36, 24, 2, 2), {"stride": (3, 3)}),
    "many channels, small image": ((4, 72, 8, 8), (80, 72, 3, 3), {"padding": ((1, 1), (1, 1))}),
    "tiny image": ((6, 64, 4, 4), (64, 64, 3, 3), {"padding": ((1, 1), (1, 1))}),
    "1x1, small image": ((3, 56, 7, 7), (130, 56, 1, 1), {}),
    "1x1, chunks of output channels": ((2, 16, 16, 15), (70, 16, 1, 1), {}),
    "1x1, large image": ((2, 13, 48, 40), (7, 13, 1, 1), {}),
    "two groups, small image": ((3, 66, 5, 7), (130, 33, 3, 3), {"padding": ((1, 1), (1, 1)), "groups": 2}),
    "rows of an odd number of vectors": (
        (2, 3, 12, 224),
        (20, 3, 3, 3),
        {"padding": ((1, 1), (1, 1)), "stride": (2, 2)},
    ),
    "depthwise": ((2, 32, 40, 40), (32, 1, 3, 3), {"padding": ((1, 1), (1, 1)), "groups": 32}),
    "depthwise, stride 2": (
        (2, 32, 41, 40),
        (32, 1, 5, 5),
        {"padding": ((2, 2), (2, 2)), "groups": 32, "stride": (2, 2)},
    ),
    "depthwise, small maps": ((3, 300, 7, 7), (300, 1, 3, 3), {"padding": ((1, 1), (1, 1)), "groups": 300}),
    "depthwise, stride 2 of an odd size": (
        (2, 80, 35, 37),
        (80, 1, 3, 3),
        {"padding": ((1, 1), (1, 1)), "groups": 80, "stride": (2, 2)},
    ),
    "depthwise, blocks of narrow rows": ((2, 5, 3000, 5), (10, 1, 3, 3), {"padding": ((1, 1), (1, 1)), "groups": 5}),
}


def build_large(name):
    x_shape, w_shape, changed = LARGE[name]
    options = {**PLAIN, **changed}
    rng = np.random.default_rng(1)
    size = conv_output_size(x_shape[2:], w_shape[2:], options["stride"], options["padding"], options["dilation"])
    shapes = (x_shape, w_shape, (x_shape[0], w_shape[0], *size))
    return *(rng.normal(size=shape).astype(np.float32) for shape in shapes), options


@pytest.mark.parametrize("name", LARGE)
def test_same_bits_for_any_number_of_threads(name):
    case = build_large(name)
    before = get_num_threads()
    try:
        results = []
        for threads in (1, 2, 4):
            set_num_threads(threads)
            results.append([a.tobytes() for a in family(conv, *case)])
        assert results[0] == results[1] == results[2]
    finally:
        set_num_threads(before)


@pytest.mark.parametrize("name", LARGE)
def test_large_case_is_its_explicit_twin(name):
    x, w, g, options = build_large(name)
    ours = family(conv, x, w, g, options)
    theirs = family(im2col, *(a.astype(np.float64) for a in (x, w, g)), options)
    close(ours, theirs, np.float32)


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "negative strides": lambda a: np.ascontiguousarray(a[::-1, :, ::-1, ::-1])[::-1, :, ::-1, ::-1],
    "every second": lambda a: np.repeat(np.repeat(a, 2, 1), 2, 3)[:, ::2, :, 1::2],
    "channels last": lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "other byte order": lambda a: a.astype(a.dtype.newbyteorder()),
    "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_memory_layout_gives_the_same_bits(layout):
    x, w, g, options = build("stride 2 leaves a rest", np.float32)
    expected = family(conv, x, w, g, options)
    for a, b in zip(family(conv, *map(LAYOUTS[layout], (x, w, g)), options), expected):
        np.testing.assert_array_equal(a, b)


def test_expanded_gradient():
    x, w, g, options = build("3x3 same", np.float32)
    ones = np.broadcast_to(np.float32(1), g.shape)
    close(family(conv, x, w, ones, options), family(reference, x, w, ones, options), np.float32)


def test_inputs_are_never_written_and_may_be_read_only():
    x, w, g, options = build("groups", np.float32)
    copies = [a.copy() for a in (x, w, g)]
    for a in (x, w, g):
        a.flags.writeable = False
    for result in family(conv, x, w, g, options):
        assert result.flags.writeable
        assert not any(np.shares_memory(result, a) for a in (x, w, g))
    for a, b in zip((x, w, g), copies):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "name",
    [
        *("3x3 same", "stride 2 leaves a rest", "dilation", "depthwise", "depthwise, output as large as the input"),
        *("depthwise, stride 2 of an even size", "depthwise, 7x7 maps", "depthwise, stride 2 of an odd size"),
        *("depthwise, 7x7 filters", "depthwise, rows of several vectors, stride 2", "depthwise, dilation"),
        "depthwise, stride longer than the filter",
    ],
)
def test_nan_and_infinity_reach_exactly_the_results_they_belong_to(name, poison):
    x, w, g, options = build(name, np.float32)
    with np.errstate(invalid="ignore"):
        for where in ((0, 1, 0, 0), (-1, 0, 2, -1), (0, 0, -1, 1)):
            dirty_x, dirty_g = x.copy(), g.copy()
            dirty_x[where] = poison
            dirty_g[where[0], where[1], 0, -1] = poison
            case = dirty_x, w, dirty_g, options
            for a, b in zip(family(conv, *case), family(reference, *case)):
                assert_same_places(a, b)


@pytest.mark.parametrize("poison", [np.nan, np.inf])
@pytest.mark.parametrize("name", [name for name in CASES if "depthwise" in name])
def test_weights_that_are_not_finite_reach_exactly_the_results_they_belong_to(name, poison):
    x, w, _, options = build(name, np.float32)
    w[1, 0, -1, 0] = w[-1, 0, 0, -1] = poison
    with np.errstate(invalid="ignore"):
        assert_same_places(conv.conv2d(x, w, **options), reference.conv2d(x, w, **options))


@pytest.mark.parametrize("name", ["batch 1", "many channels, small image"])
def test_a_large_case_with_nan(name):
    x, w, g, options = build_large(name)
    x[0, 3, 0, -1] = np.nan
    g[0, 2, 1, -1] = np.inf
    with np.errstate(invalid="ignore"):
        for a, b in zip(family(conv, x, w, g, options), family(im2col, x, w, g, options)):
            np.testing.assert_array_equal(np.isnan(a), np.isnan(b))


def test_other_types_are_refused():
    x, w, g, options = build("1x1", np.float32)
    with pytest.raises(TypeError, match="conv2d: needs float32 or float64 arrays, got int32 and int32"):
        conv.conv2d(x.astype(np.int32), w.astype(np.int32), **options)
    with pytest.raises(TypeError, match="conv2d_weight: needs float32 or float64 arrays, got float16 and float16"):
        conv.conv2d_weight(g.astype(np.float16), x.astype(np.float16), kernel_size=(1, 1), **options)


def test_two_python_threads_at_once():
    case = build_large("batch 5")
    expected = [a.tobytes() for a in family(conv, *case)]
    failures = []

    def work():
        for _ in range(10):
            if [a.tobytes() for a in family(conv, *case)] != expected:
                failures.append(threading.get_ident())

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not failures


def _in_child(queue, case):
    queue.put([a.tobytes() for a in family(conv, *case)])


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_convolves():
    case = build_large("batch 5")
    expected = [a.tobytes() for a in family(conv, *case)]
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue, case))
    child.start()
    assert queue.get(timeout=30) == expected
    child.join(timeout=30)
    assert child.exitcode == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["stride 2, small image", "stride 2 of an even size", "two groups, small image"])
def test_tiles_as_wide_as_several_register_tiles(name, dtype, wide_tiles):
    *arrays, options = build_large(name)
    x, w, g = (a.astype(dtype) for a in arrays)
    close(family(conv, x, w, g, options), family(im2col, x, w, g, options), dtype)
    width = tile.OUTER_VECTORS * tile.lanes(dtype)
    assert any(how.tiles and how.layout.sizes[plan.TILE] > width for how in wide_tiles)
