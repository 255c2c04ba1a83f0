"""Copies between arrays of any strides: every bit arrives, nothing else is written."""

import numpy as np
import pytest

import autograd as ag
from autograd.kernels import parallel
from autograd.kernels.blocks import copied
from autograd.kernels.strided import copy

from .variants import each_thread_count, in_layout

SIZES = [1, 2, 3, 5, 16, 17, 33, 70, 131]


def noise(rng, shape, dtype):
    """Any bits at all, NaNs of all kinds among them."""
    return rng.integers(0, 256, (*shape[:-1], shape[-1] * np.dtype(dtype).itemsize), np.uint8).view(dtype)


def random_view(rng, shape, dtype, steps):
    """An array of ``shape`` with its dimensions in any order in memory, each with any of ``steps``."""
    order = rng.permutation(len(shape))
    chosen = rng.choice(steps, len(shape))
    wide = noise(rng, [shape[d] * max(abs(chosen[d]), 1) + 1 for d in order], dtype)
    view = wide.transpose(np.argsort(order))
    for d, step in enumerate(chosen):
        axis = np.moveaxis(view, d, 0)
        axis = axis[:: step or 1][: shape[d]]
        view = np.moveaxis(np.broadcast_to(axis[:1], axis.shape) if step == 0 else axis, 0, d)
    return view


def bits(x):
    return np.ascontiguousarray(x).view(np.uint8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ndim", [1, 2, 3, 4, 5])
def test_any_strides(ndim, dtype):
    rng = np.random.default_rng(ndim)
    for _ in range(150):
        shape = rng.choice(SIZES, ndim)
        while shape.prod() > 50_000:
            shape[rng.integers(ndim)] = 1
        source = random_view(rng, shape, dtype, [1, 1, 1, -1, -1, 2, -3, 0])
        target = random_view(rng, shape, dtype, [1, 1, 1, -1, 2]) if rng.random() < 0.3 else np.empty(shape, dtype)
        owner = target if target.base is None else target.base
        unchanged = bits(owner.copy())
        kept = target.copy()
        source.flags.writeable = False
        assert copy(source, target)
        np.testing.assert_array_equal(bits(target), bits(source))
        target[...] = kept
        np.testing.assert_array_equal(bits(owner), unchanged)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", [(1, 0, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2), (3, 2, 1, 0), (0, 1, 3, 2)])
def test_large_copies_are_the_same_on_any_number_of_threads(order, dtype, monkeypatch):
    x = noise(np.random.default_rng(0), (5, 21, 67, 64), dtype).transpose(order)
    for view in (x, x[:, ::-1], x[..., ::-1], x[::-1, :, ::-1, ::-1], x[:, :, 1::2]):
        for _ in each_thread_count(monkeypatch):
            np.testing.assert_array_equal(bits(copied(view)), bits(view))


@pytest.mark.parametrize("layout", ["unaligned", "other byte order"])
def test_what_is_left_to_numpy(layout):
    x = in_layout(np.random.default_rng(0).normal(size=(400, 300)).astype(np.float32), layout).T
    assert layout != "unaligned" or not copy(x, np.empty(x.shape, x.dtype))
    np.testing.assert_array_equal(copied(x), x)


def test_large_copies_really_go_through_these_loops(monkeypatch):
    seen = []
    monkeypatch.setattr(parallel, "WORTH_WAKING", 0)
    monkeypatch.setattr("autograd.kernels.strided.parallel_for", lambda kernel, *a, **k: seen.append(kernel.__name__))
    x = ag.tensor(np.zeros((400, 300), np.float32))
    x.t().contiguous()
    x.flip(1)
    assert seen == ["_copy", "_copy"]


@pytest.mark.parametrize("move", [lambda x: x.t().contiguous(), lambda x: x.flip(1), lambda x: x.flip((0, 1)).clone()])
def test_gradients_of_large_moves_are_the_moves_undone(move):
    x = ag.tensor(np.arange(400 * 300, dtype=np.float64).reshape(400, 300), requires_grad=True)
    y = move(x)
    y.backward(y.detach())
    np.testing.assert_array_equal(x.grad.numpy(), x.detach().numpy())
