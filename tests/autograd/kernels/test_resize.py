from functools import partial

import numpy as np
import pytest

from autograd.kernels import resize

from . import reference_resize as reference
from .variants import check_adjoint, check_layouts, check_poisoned, check_threads

MODES = [("nearest", False), ("nearest-exact", False), ("bilinear", False), ("bilinear", True)]
# (size, output size, scales given by the user)
SIZES = [
    ((4, 5), (8, 10), None),
    ((4, 5), (8, 10), (2.0, 2.0)),
    ((5, 7), (3, 3), None),
    ((3, 3), (4, 4), (1.5, 1.5)),
    ((3, 5), (3, 5), (1.2, 1.1)),
    ((3, 5), (5, 5), (1.7, None)),
    ((7, 4), (1, 9), None),
    ((1, 1), (3, 4), None),
    ((2, 6), (1, 1), (0.5, 0.3)),
    ((9, 1), (2, 2), None),
    ((1, 3), (2, 6), None),
    ((5, 3), (7, 6), None),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("mode", MODES)
def test_resize_matches_the_loops_and_its_adjoint(mode, sizes, dtype):
    rng = np.random.default_rng(0)
    (size, out, scales), (mode, align_corners) = sizes, mode
    settings = {"mode": mode, "align_corners": align_corners, "scales": scales}
    x, g = rng.standard_normal((2, 3, *size)).astype(dtype), rng.standard_normal((2, 3, *out)).astype(dtype)
    y = resize.resize2d(x, size=out, **settings)
    gx = resize.resize2d_adjoint(g, size=size, **settings)
    assert y.dtype == gx.dtype == dtype
    tolerance = {"rtol": 1e-5, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-14}
    np.testing.assert_allclose(y, reference.resize2d(x, size=out, **settings), **tolerance)
    if dtype == np.float64:
        forward = partial(resize.resize2d, size=out, **settings)
        check_adjoint(forward, partial(resize.resize2d_adjoint, size=size, **settings), x, g)


@pytest.mark.parametrize(
    ("mode", "align_corners", "scale", "n", "m", "wanted"),
    [
        ("bilinear", False, None, 2, 4, [0, 0.25, 0.75, 1]),
        ("bilinear", True, None, 2, 4, [0, 1 / 3, 2 / 3, 1]),
        ("bilinear", True, None, 3, 1, [0]),
        ("bilinear", False, 1.5, 3, 4, [0, 0.5, 1 + 1 / 6, 1 + 5 / 6]),
        ("bilinear", False, None, 3, 4, [0, 0.625, 1.375, 2]),
        ("nearest", False, None, 3, 5, [0, 0, 1, 1, 2]),
        ("nearest-exact", False, None, 3, 5, [0, 0, 1, 2, 2]),
    ],
)
def test_where_outputs_look(mode, align_corners, scale, n, m, wanted):
    x = np.arange(float(n)).reshape(1, 1, 1, n)
    scales = None if scale is None else (1.0, scale)
    y = resize.resize2d(x, size=(1, m), mode=mode, align_corners=align_corners, scales=scales)
    np.testing.assert_allclose(y.ravel(), wanted, rtol=1e-14)


def test_a_weight_of_zero_does_not_read():
    x = np.array([0.0, np.inf, 1.0, np.nan, 5.0]).reshape(1, 1, 1, 5)
    y = resize.resize2d(np.concatenate([x, x], 2), size=(3, 9), mode="bilinear", align_corners=True, scales=None)
    np.testing.assert_array_equal(y[0, 0, 1], [0, np.inf, np.inf, np.inf, 1, np.nan, np.nan, np.nan, 5])
    gx = resize.resize2d_adjoint(y[:, :, :1], size=(1, 5), mode="bilinear", align_corners=True, scales=None)
    np.testing.assert_array_equal(np.isfinite(gx).ravel(), [False, False, False, False, False])


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear"])
def test_batch_of_none(mode):
    settings = {"mode": mode, "align_corners": False, "scales": None}
    x = np.empty((0, 2, 3, 4), np.float32)
    assert resize.resize2d(x, size=(5, 6), **settings).shape == (0, 2, 5, 6)
    assert resize.resize2d_adjoint(x, size=(5, 6), **settings).shape == (0, 2, 5, 6)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(11, 7), (3, 20)])
def test_any_layout_any_memory_any_threads(mode, size, monkeypatch):
    settings = {"mode": mode[0], "align_corners": mode[1], "scales": None}
    x = np.random.default_rng(1).standard_normal((3, 4, 7, 9)).astype(np.float32)
    for function in (
        partial(resize.resize2d, size=size, **settings),
        partial(resize.resize2d_adjoint, size=size, **settings),
    ):
        check_layouts(function, x)
        check_poisoned(function, x)
        check_threads(monkeypatch, function, x)
        expanded = np.broadcast_to(x[:, :1, :, :1], x.shape)
        np.testing.assert_array_equal(function(expanded), function(expanded.copy()))


def test_doubling_in_any_layout_any_memory_any_threads(monkeypatch):
    settings = {"mode": "bilinear", "align_corners": False, "scales": (2.0, 2.0)}
    x = np.random.default_rng(2).standard_normal((3, 4, 8, 10)).astype(np.float32)
    for function in (
        partial(resize.resize2d, size=(16, 20), **settings),
        partial(resize.resize2d_adjoint, size=(4, 5), **settings),
    ):
        check_layouts(function, x)
        check_poisoned(function, x)
        check_threads(monkeypatch, function, x)


def test_doubling_is_the_loop_for_any_scale():
    x = np.random.default_rng(3).standard_normal((2, 3, 6, 9)).astype(np.float32)
    x[0, 0, 2, 4], x[1, 2, 0, 0] = np.inf, np.nan
    settings = {"mode": "bilinear", "align_corners": False, "scales": None}
    y = resize.resize2d(x, size=(12, 18), **settings)
    np.testing.assert_allclose(y, reference.resize2d(x, size=(12, 18), **settings), rtol=1e-5, atol=1e-6)
