from functools import partial
from itertools import product

import numpy as np
import pytest

from autograd.kernels import avg_pool, pool

from . import reference_pool as reference
from .variants import check_adjoint, check_layouts, check_poisoned, check_threads

DTYPES = [np.float32, np.float64]
# (size, kernel_size, stride, padding, dilation, ceil)
GEOMETRIES = [
    ((6, 8), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((7, 5), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ((7, 5), (2, 2), (2, 2), (0, 0), (1, 1), True),
    ((7, 9), (3, 3), (2, 2), (1, 1), (1, 1), False),
    ((7, 9), (3, 3), (1, 1), (1, 1), (1, 1), False),
    ((8, 7), (3, 2), (2, 3), (1, 0), (1, 1), True),
    ((9, 11), (3, 3), (2, 1), (1, 1), (2, 3), False),
    ((9, 10), (2, 4), (3, 4), (1, 2), (2, 1), True),
    ((5, 6), (1, 1), (3, 2), (0, 0), (1, 1), False),
    ((4, 3), (4, 3), (1, 1), (0, 0), (1, 1), False),
    ((1, 1), (2, 2), (2, 2), (1, 1), (1, 1), True),
    ((5, 5), (2, 2), (5, 7), (1, 1), (1, 1), False),
    ((1, 20), (1, 5), (1, 2), (0, 2), (1, 3), False),
    ((2, 2), (8, 8), (1, 1), (4, 4), (1, 1), False),
    ((23, 37), (11, 9), (11, 9), (0, 0), (1, 1), True),
]


def data(rng, shape, dtype):
    return rng.standard_normal(shape).astype(dtype)


def output_size(size, k, s, p, d, ceil):
    return tuple(reference.outputs(*axis, ceil) for axis in zip(size, k, s, p, d))


def max_settings(size, k, s, p, d, ceil):
    return {
        "kernel_size": k,
        "stride": s,
        "padding": p,
        "dilation": d,
        "output_size": output_size(size, k, s, p, d, ceil),
    }


def check_max_pool(x, settings):
    y, indices = pool.max_pool2d(x, **settings)
    wanted, at = reference.max_pool2d(x, **settings)
    assert y.dtype == x.dtype
    assert indices.dtype == np.int32
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(indices, at)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_max_pool_matches_the_loops(geometry, dtype):
    check_max_pool(data(np.random.default_rng(0), (2, 3, *geometry[0]), dtype), max_settings(*geometry))


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_max_pool_with_ties_nan_and_minus_infinity(geometry):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 3, (2, 3, *geometry[0])).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[rng.random(x.shape) < 0.4] = -np.inf
    check_max_pool(x, max_settings(*geometry))
    check_max_pool(np.full_like(x, -np.inf), max_settings(*geometry))


def test_max_pool_indices_count_in_the_unpadded_plane():
    settings = max_settings((3, 3), (2, 2), (2, 2), (1, 1), (1, 1), False)
    _, indices = pool.max_pool2d(-np.ones((1, 1, 3, 3)), **settings)
    assert indices.ravel().tolist() == [0, 1, 3, 4]
    _, indices = pool.max_pool2d(np.arange(9.0).reshape(1, 1, 3, 3), **settings)
    assert indices.ravel().tolist() == [0, 2, 6, 8]


def test_max_pool_refuses_a_window_in_the_padding():
    settings = {"kernel_size": (2, 2), "stride": (1, 1), "padding": (1, 1), "dilation": (2, 2), "output_size": (1, 1)}
    with pytest.raises(ValueError, match=r"window 0 reads \[-1, 1\], all in the padding of an axis of 1"):
        pool.max_pool2d(np.zeros((1, 1, 1, 1)), **settings)


@pytest.mark.parametrize("n", [0, 1])
def test_batches_of_none_and_one(n):
    x = np.ones((n, 2, 4, 4), np.float32)
    settings = max_settings((4, 4), (2, 2), (2, 2), (0, 0), (1, 1), False)
    y, indices = pool.max_pool2d(x, **settings)
    assert y.shape == indices.shape == (n, 2, 2, 2)
    assert pool.plane_gather(x, indices).shape == y.shape
    assert pool.plane_scatter_add(y, indices, (4, 4)).shape == x.shape
    assert pool.plane_scatter(y, indices, (4, 4)).shape == x.shape
    assert avg_pool.avg_pool2d(x, output_size=(2, 2), **HALVING).shape == y.shape
    assert avg_pool.avg_pool2d_input(y, size=(4, 4), **HALVING).shape == x.shape


@pytest.mark.parametrize("dtype", DTYPES)
def test_gather_and_scatter_match_the_loops(dtype):
    rng = np.random.default_rng(2)
    x, indices = data(rng, (2, 3, 4, 5), dtype), rng.integers(0, 20, (2, 3, 5, 7))
    g = data(rng, indices.shape, dtype)
    np.testing.assert_array_equal(pool.plane_gather(x, indices), reference.plane_gather(x, indices))
    np.testing.assert_array_equal(
        pool.plane_scatter_add(g, indices, (4, 5)), reference.plane_scatter(g, indices, (4, 5), True)
    )
    np.testing.assert_array_equal(
        pool.plane_scatter(g, indices, (4, 5)), reference.plane_scatter(g, indices, (4, 5), False)
    )
    assert pool.plane_scatter_add(g, indices, (4, 5)).dtype == dtype


def test_scatter_add_is_the_adjoint_of_gather():
    rng = np.random.default_rng(3)
    x, indices = data(rng, (2, 3, 4, 5), float), rng.integers(0, 20, (2, 3, 5, 7))
    g = data(rng, indices.shape, float)
    check_adjoint(lambda x: pool.plane_gather(x, indices), lambda g: pool.plane_scatter_add(g, indices, (4, 5)), x, g)


def test_gather_of_winners_is_the_adjoint_of_scatter_with_repeated_positions():
    rng = np.random.default_rng(4)
    x, indices = data(rng, (2, 3, 5, 7), float), rng.integers(0, 20, (2, 3, 5, 7))
    y = data(rng, (2, 3, 4, 5), float)
    check_adjoint(
        lambda x: pool.plane_scatter(x, indices, (4, 5)), lambda y: pool.plane_gather_winners(y, indices), x, y
    )


def test_indices_of_other_integer_types():
    indices = np.array([[[[3, 0]]]], np.uint8)
    assert pool.plane_gather(np.arange(4.0).reshape(1, 1, 2, 2), indices).ravel().tolist() == [3, 0]


def test_scatter_of_nothing_is_zeros():
    nothing = np.empty((1, 2, 0, 3))
    assert not pool.plane_scatter_add(nothing, nothing.astype(np.int64), (2, 2)).any()


AVG = [g for g in GEOMETRIES if g[4] == (1, 1)]
DIVISORS = [(True, None), (False, None), (True, 3), (False, 5)]


def avg_settings(geometry, include, override):
    size, k, s, p, d, ceil = geometry
    settings = {"kernel_size": k, "stride": s, "padding": p, "count_include_pad": include, "divisor_override": override}
    return settings, output_size(size, k, s, p, d, ceil)


@pytest.mark.parametrize(("geometry", "divisor"), list(product(AVG, DIVISORS)))
def test_avg_pool_matches_the_loops_and_its_adjoint(geometry, divisor):
    rng = np.random.default_rng(4)
    settings, out = avg_settings(geometry, *divisor)
    x, g = data(rng, (2, 3, *geometry[0]), float), data(rng, (2, 3, *out), float)
    forward = partial(avg_pool.avg_pool2d, output_size=out, **settings)
    adjoint = partial(avg_pool.avg_pool2d_input, size=geometry[0], **settings)
    np.testing.assert_allclose(forward(x), reference.avg_pool2d(x, output_size=out, **settings), rtol=1e-13, atol=1e-15)
    check_adjoint(forward, adjoint, x, g)
    single = x.astype(np.float32)
    assert forward(single).dtype == adjoint(g.astype(np.float32)).dtype == np.float32
    wanted = reference.avg_pool2d(single, output_size=out, **settings)
    np.testing.assert_allclose(forward(single), wanted, rtol=1e-6)
    np.testing.assert_allclose(adjoint(g.astype(np.float32)), adjoint(g), rtol=1e-5, atol=1e-6)


def test_ceil_mode_clips_the_divisor_to_the_padded_image():
    settings, out = avg_settings(((4, 4), (3, 3), (2, 2), (1, 1), (1, 1), True), True, None)
    y = avg_pool.avg_pool2d(np.ones((1, 1, 4, 4)), output_size=out, **settings)
    assert out == (3, 3)
    assert y[0, 0, 0, 0] == 4 / 9
    assert y[0, 0, 2, 2] == 1 / 4


HALVING = {
    "kernel_size": (2, 2),
    "stride": (2, 2),
    "padding": (0, 0),
    "count_include_pad": True,
    "divisor_override": None,
}
CALLS = {
    "max_pool 2x2": (lambda x: pool.max_pool2d(x, **max_settings((9, 12), (2, 2), (2, 2), (0, 0), (1, 1), False))),
    "max_pool": (lambda x: pool.max_pool2d(x, **max_settings((9, 12), (3, 3), (2, 1), (1, 1), (1, 2), True))),
    "avg_pool": (
        lambda x: avg_pool.avg_pool2d(
            x,
            kernel_size=(3, 2),
            stride=(2, 1),
            padding=(1, 1),
            output_size=(5, 13),
            count_include_pad=False,
            divisor_override=None,
        )
    ),
    "avg_pool_input": (
        lambda g: avg_pool.avg_pool2d_input(
            g,
            size=(17, 12),
            kernel_size=(3, 3),
            stride=(2, 1),
            padding=(1, 1),
            count_include_pad=True,
            divisor_override=None,
        )
    ),
    "avg_pool 2x2": lambda x: avg_pool.avg_pool2d(x[:, :, :8], output_size=(4, 6), **HALVING),
    "avg_pool_input 2x2": lambda g: avg_pool.avg_pool2d_input(g, size=(18, 24), **HALVING),
    "gather": lambda x: pool.plane_gather(x, np.random.default_rng(5).integers(0, 108, (3, 4, 5, 5))),
    "scatter_add": lambda x: pool.plane_scatter_add(x, np.random.default_rng(5).integers(0, 30, x.shape), (5, 6)),
    "gather_winners": lambda x: pool.plane_gather_winners(x, np.random.default_rng(5).integers(0, 108, (3, 4, 5, 5))),
    "scatter": lambda x: pool.plane_scatter(x, np.random.default_rng(5).integers(0, 30, x.shape), (5, 6)),
}


@pytest.mark.parametrize("name", CALLS)
def test_any_layout_any_memory_any_threads(name, monkeypatch):
    x = data(np.random.default_rng(6), (3, 4, 9, 12), np.float32)
    check_layouts(CALLS[name], x)
    check_poisoned(CALLS[name], x)
    check_threads(monkeypatch, CALLS[name], x)
    expanded = np.broadcast_to(x[:1, :1], x.shape)
    for y, wanted in zip(CALLS[name](expanded), CALLS[name](expanded.copy())):
        np.testing.assert_array_equal(y, wanted)


def test_indices_in_any_layout():
    rng = np.random.default_rng(7)
    x, indices = data(rng, (2, 2, 4, 4), np.float64), rng.integers(0, 16, (2, 2, 4, 4))
    check_layouts(pool.plane_gather, x, indices)
    check_layouts(lambda g, i: pool.plane_scatter_add(g, i, (4, 4)), x, indices)
