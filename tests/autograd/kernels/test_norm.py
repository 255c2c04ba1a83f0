import numpy as np
import pytest

from autograd.kernels import norm

from . import reference_norm as reference
from .variants import check_layouts, check_poisoned, check_threads

# rows of channels, planes shorter and longer than a block, and a last block that is not full
SHAPES = [(5, 3), (1, 2, 3), (4, 3, 5, 7), (2, 2, 6, 6), (2, 2, 70, 61), (1, 1, 5000), (3, 2, 2, 3, 4), (2, 1, 1, 1)]


def problem(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x, g = (rng.standard_normal(shape) * 2 + 3).astype(dtype), rng.standard_normal(shape).astype(dtype)
    weight, bias = rng.standard_normal((2, shape[1])).astype(dtype)
    mean, var = reference.stats(x)
    return x, g, weight, bias, mean.astype(dtype), (1 / np.sqrt(var + 1e-5)).astype(dtype)


def close(y, wanted, dtype, scale=1.0):
    assert y.dtype == dtype
    assert y.flags.c_contiguous
    rtol, atol = (1e-4, 1e-5) if dtype == np.float32 else (1e-11, 1e-12)
    np.testing.assert_allclose(y, wanted, rtol=rtol, atol=atol * scale)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_matches_the_loops(shape, dtype):
    x, g, weight, bias, mean, rstd = problem(shape, dtype)
    for y, wanted in zip(norm.batch_norm_stats(x), reference.stats(x)):
        assert y.dtype == dtype
        np.testing.assert_allclose(y, wanted, rtol=1e-6 if dtype == np.float32 else 1e-13, atol=1e-30)
    for w, b in ((weight, bias), (None, bias), (weight, None), (None, None)):
        close(norm.batch_norm(x, mean, rstd, w, b), reference.batch_norm(x, mean, rstd, w, b), dtype)
    for w in (weight, None):
        if x[:, 0].size > 1:  # one value a channel: 1/σ is 316 and x̂ is 0 but for rounding
            for y, wanted in zip(
                norm.batch_norm_backward(g, x, mean, rstd, w), reference.backward(g, x, mean, rstd, w)
            ):
                close(y, wanted, dtype, scale=x.size)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_common_offset_does_no_harm(dtype):
    offset = 2.0**20 if dtype == np.float32 else 1e8
    x = (offset + np.random.default_rng(1).standard_normal((4, 2, 60, 50))).astype(dtype)
    for y, wanted in zip(norm.batch_norm_stats(x), reference.stats(x)):
        np.testing.assert_allclose(y, wanted, rtol=1e-6 if dtype == np.float32 else 1e-9)


def test_a_constant_channel_has_no_variance():
    _, var = norm.batch_norm_stats(np.full((3, 2, 70, 70), 0.1, np.float32))
    assert (var == 0).all()


def test_gradient_sums_to_zero_and_is_orthogonal_to_x():
    x, g, weight, _, _, _ = problem((4, 3, 9, 8), np.float64)
    mean, var = norm.batch_norm_stats(x)
    gx, _, _ = norm.batch_norm_backward(g, x, mean, 1 / np.sqrt(var), weight)
    np.testing.assert_allclose(gx.sum((0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose((gx * x).sum((0, 2, 3)), 0, atol=1e-11)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_inf_stay_in_their_channel(value):
    x, g, weight, bias, _, _ = problem((2, 3, 8, 9), np.float32)
    x[1, 1, 3, 4] = value
    mean, var = norm.batch_norm_stats(x)
    assert np.isnan(var).tolist() == [False, True, False]
    with np.errstate(invalid="ignore"):
        rstd = 1 / np.sqrt(var + np.float32(1e-5))
        y = norm.batch_norm(x, mean, rstd, weight, bias)
        gx, _, _ = norm.batch_norm_backward(g, x, mean, rstd, weight)
    for result in (y, gx):
        assert np.isnan(result).all(axis=(0, 2, 3)).tolist() == [False, True, False]
        assert np.isfinite(result).all(axis=(0, 2, 3)).tolist() == [True, False, True]


def test_empty_batch():
    x = np.empty((0, 2, 3, 4), np.float32)
    mean, var = norm.batch_norm_stats(x)
    assert mean.shape == var.shape == (2,)
    assert np.isnan(mean).all()
    ones = np.ones(2, np.float32)
    assert norm.batch_norm(x, ones, ones, None, None).shape == x.shape
    gx, gweight, gbias = norm.batch_norm_backward(x, x, ones, ones, None)
    assert gx.shape == x.shape
    assert not gweight.any()
    assert not gbias.any()


@pytest.mark.parametrize("shape", [(6, 4), (3, 4, 9, 12), (2, 2, 90, 70)])
def test_any_layout_any_memory_any_threads(shape, monkeypatch):
    x, g, weight, bias, mean, rstd = problem(shape, np.float32)
    calls = [
        (norm.batch_norm_stats, x),
        (norm.batch_norm, x, mean, rstd, weight, bias),
        (norm.batch_norm_backward, g, x, mean, rstd, weight),
    ]
    for function, *arrays in calls:
        check_layouts(function, *arrays)
        check_poisoned(function, *arrays)
        check_threads(monkeypatch, function, *arrays)
    g = np.broadcast_to(np.float32(0.5), shape)  # what the gradient of a mean looks like
    for y, wanted in zip(norm.batch_norm_backward(g, x, mean, rstd, None), reference.backward(g, x, mean, rstd, None)):
        close(y, wanted, np.float32, scale=x.size)
