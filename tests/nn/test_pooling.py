"""Pooling and its ways back: semantics rows 24-28, figure 10, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import nn
import nn.functional as F
from autograd.tensor import tensor

rng = np.random.default_rng(0)


def row(values):
    return tensor(np.array(values, dtype=np.float64).reshape(1, 1, 1, -1))


def grid(values):
    return tensor(np.array(values, dtype=np.float64)[None, None])


def test_max_pool_indices_point_into_the_unpadded_plane():
    _, indices = F.max_pool2d(grid([[9, 1, 8], [1, 1, 1], [7, 1, 6]]), 2, 2, 1, return_indices=True)
    assert indices.numpy().ravel().tolist() == [0, 2, 6, 8]


def test_max_pool_padding_never_wins_and_nan_does():
    assert F.max_pool2d(grid([[-3.0, -2], [-5, -4]]), 2, 2, 1).numpy().ravel().tolist() == [-3, -2, -5, -4]
    assert np.isnan(F.max_pool2d(grid([[1.0, np.nan], [2, 3]]), 2).item())


@pytest.mark.parametrize(("size", "outputs"), [(1, 1), (3, 2), (5, 3)])
def test_ceil_mode_drops_a_window_that_starts_in_the_padding_behind(size, outputs):
    assert nn.MaxPool2d(2, 2, 1, ceil_mode=True)(grid(np.zeros((size, size)))).shape[-1] == outputs


def test_avg_pool_with_ceil_clips_the_divisor():
    x = grid(np.ones((3, 3)))
    assert F.avg_pool2d(x, 3, 2, 1, ceil_mode=True).numpy()[0, 0].tolist() == pytest.approx(
        np.array([[4, 4], [4, 4]]) / 9
    )
    corner = F.avg_pool2d(grid(np.ones((2, 2))), 3, 3, 1, ceil_mode=True)
    assert corner.numpy().ravel().tolist() == pytest.approx([4 / 9])
    assert F.avg_pool2d(x, 2, 2, 0, ceil_mode=True).numpy().ravel().tolist() == [1, 1, 1, 1]


def test_adaptive_pool_windows():
    assert F.adaptive_avg_pool2d(row([0, 1, 2, 3, 4]), (1, 3)).numpy().ravel() == pytest.approx([0.5, 2, 3.5])
    assert F.adaptive_avg_pool2d(row([0, 1]), (1, 3)).numpy().ravel() == pytest.approx([0, 0.5, 1])


@pytest.mark.parametrize("size", [(1, 1), (3, 12), (5, 8), (9, 24), (12, 25)])
def test_adaptive_pool_is_the_mean_of_each_window(size):
    image, g = rng.normal(size=(2, 3, 9, 24)), rng.normal(size=(2, 3, *size))
    wanted, wanted_gradient = np.zeros(g.shape), np.zeros(image.shape)
    for r, c in np.ndindex(*size):
        rows, columns = (slice(i * n // m, -(-(i + 1) * n // m)) for i, n, m in zip((r, c), (9, 24), size))
        window = image[..., rows, columns]
        wanted[..., r, c] = window.mean((2, 3))
        wanted_gradient[..., rows, columns] += g[..., r, c, None, None] / window[0, 0].size
    x = tensor(image, requires_grad=True)
    y = F.adaptive_avg_pool2d(x, size)
    y.backward(tensor(g))
    np.testing.assert_allclose(y.detach().numpy(), wanted, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(x.grad.numpy(), wanted_gradient, rtol=1e-12, atol=1e-14)


def test_the_four_ways_up_of_figure_10():
    x = grid([[1, 2], [3, 4]])
    near = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert nn.Upsample(scale_factor=2)(x).numpy()[0, 0].tolist() == near
    assert nn.BedOfNails(2)(x).numpy()[0, 0].tolist() == [[1, 0, 2, 0], [0] * 4, [3, 0, 4, 0], [0] * 4]
    assert nn.AvgUnpool2d(2)(x).numpy()[0, 0].tolist() == (np.array(near) / 4).tolist()
    assert nn.AvgUnpool2d(2, divisor_override=1)(x).numpy()[0, 0].tolist() == near
    pooled, indices = nn.MaxPool2d(2, return_indices=True)(grid(np.arange(16.0).reshape(4, 4)))
    up = nn.MaxUnpool2d(2)(pooled, indices).numpy()[0, 0]
    assert up.tolist() == [[0] * 4, [0, 5, 0, 7], [0] * 4, [0, 13, 0, 15]]


def test_unpooling_to_an_odd_size():
    x = grid(rng.normal(size=(5, 5)))
    pooled, indices = nn.MaxPool2d(2, return_indices=True)(x)
    up = nn.MaxUnpool2d(2)(pooled, indices, output_size=x.shape)
    assert up.shape == x.shape
    assert nn.AvgUnpool2d(2)(pooled, output_size=(5, 5)).shape == x.shape
    assert nn.BedOfNails(2)(pooled, output_size=(3, 4)).shape == (1, 1, 3, 4)


def test_pool_errors():
    x = grid(np.zeros((4, 4)))
    with pytest.raises(ValueError, match="padding must be between 0 and half of the kernel"):
        F.max_pool2d(x, 2, padding=2)
    with pytest.raises(ValueError, match="avg_pool2d: the output would have size"):
        F.avg_pool2d(x, 5)
    with pytest.raises(ValueError, match="divisor_override must not be 0"):
        F.avg_pool2d(x, 2, divisor_override=0)
    indices = np.zeros((1, 1, 2, 2), np.int64)
    with pytest.raises(ValueError, match=r"output_size=\(7, 4\) is out of reach"):
        F.max_unpool2d(F.max_pool2d(x, 2), indices, 2, output_size=(7, 4))
    with pytest.raises(ValueError, match=r"input.shape=\(1, 1, 2, 2\) and indices.shape=\(1, 1, 1, 1\) differ"):
        F.max_unpool2d(F.max_pool2d(x, 2), indices[..., :1, :1], 2)
    with pytest.raises(IndexError, match="positions run from 0 to 99"):
        F.max_unpool2d(F.max_pool2d(x, 2), np.array([0, 99]) + indices, 2)
    with pytest.raises(ValueError, match="each cell must be begun"):
        F.bed_of_nails(x, 2, output_size=(6, 8))
    with pytest.raises(ValueError, match="the image is empty"):
        F.adaptive_avg_pool2d(tensor(np.zeros((1, 1, 0, 3))), 1)
