"""Arranging, windows, new tensors of given distributions, DLPack: forms, dtypes and wrong calls."""

import numpy as np
import pytest

import autograd as ag
import nn.functional as F
from autograd import tensor

X = np.arange(24.0).reshape(2, 3, 4)


def shapes(pieces):
    return [tuple(p.shape) for p in pieces]


def test_splits():
    x = tensor(X)
    assert shapes(ag.tensor_split(x, 5, 2)) == [(2, 3, 1)] * 4 + [(2, 3, 0)]
    assert shapes(ag.tensor_split(x, tensor([3, 1]), 2)) == [(2, 3, 3), (2, 3, 0), (2, 3, 3)]
    assert shapes(x.tensor_split(tensor(2), 2)) == [(2, 3, 2)] * 2
    assert shapes(ag.hsplit(x, 3)) == [(2, 1, 4)] * 3 and shapes(ag.hsplit(tensor([1, 2]), [1])) == [(1,), (1,)]
    assert shapes(x.vsplit(2)) == [(1, 3, 4)] * 2 and shapes(x.dsplit([1, 2])) == [(2, 3, 1), (2, 3, 1), (2, 3, 2)]
    assert shapes(x.split_with_sizes([1, 2], 1)) == [(2, 1, 4), (2, 2, 4)]


def test_shapes():
    x = tensor(X)
    assert ag.ravel(x).shape == (24,) and ag.ravel(tensor(1.0)).shape == (1,) and ag.ravel(ag.zeros(0, 2)).shape == (0,)
    assert [f(tensor(1.0)).ndim for f in (ag.atleast_1d, ag.atleast_2d, ag.atleast_3d)] == [1, 2, 3]
    assert [ag.atleast_3d(ag.ones(*s)).shape for s in ((3,), (2, 3))] == [(1, 3, 1), (2, 3, 1)]
    assert shapes(ag.atleast_1d(tensor(1.0), x)) == shapes(ag.atleast_1d([tensor(1.0), x])) == [(1,), (2, 3, 4)]
    assert shapes(ag.broadcast_tensors(ag.ones(2, 1), ag.ones(3))) == [(2, 3), (2, 3)]
    assert ag.broadcast_shapes((2, 1), 3) == (2, 3)
    assert ag.ones(1, 2, 1).squeeze((0, 2)).shape == (2,) and ag.ones(1, 2, 1).squeeze(()).shape == (1, 2, 1)
    assert x.adjoint().shape == x.mH.shape == (2, 4, 3) and x[0].H.shape == (4, 3)
    assert x.swapdims(0, -1).shape == x.swapaxes(0, 2).shape == (4, 3, 2)
    assert [i.tolist() for i in ag.unravel_index(tensor([5, 1]), (2, 3))] == [[1, 0], [2, 1]]


def test_order_and_grids():
    x = tensor(X)
    np.testing.assert_array_equal(ag.fliplr(x), np.fliplr(X))
    np.testing.assert_array_equal(ag.flipud(x), np.flipud(X))
    assert ag.repeat_interleave(tensor([1, 2, 0])).tolist() == [0, 1, 1]
    assert ag.repeat_interleave(x, tensor([2]), 1, output_size=6).shape == (2, 6, 4)
    assert shapes(ag.meshgrid(tensor(1.0), ag.ones(3))) == [(1, 3), (1, 3)]
    assert shapes(ag.meshgrid([ag.ones(2), ag.ones(3)], indexing="xy")) == [(3, 2), (3, 2)]
    assert ag.combinations(tensor([1, 2, 3])).tolist() == [[1, 2], [1, 3], [2, 3]]
    assert ag.combinations(tensor([1, 2]), with_replacement=True).tolist() == [[1, 1], [1, 2], [2, 2]]
    assert ag.roll(x, 1, (0,)).tolist() == np.roll(X, 1, 0).tolist()


def test_windows():
    assert tensor([1, 2, 3, 4]).unfold(0, 2, 2).tolist() == [[1, 2], [3, 4]]
    assert tensor(1.0).unfold(0, 1, 1).shape == (1,) and tensor([1, 2, 3]).unfold(0, 0, 2).shape == (2, 0)
    x = tensor(X[None])
    columns = F.unfold(x, 2, padding=1)
    assert columns.shape == (1, 8, 20)
    times = F.fold(F.unfold(ag.ones(1, 2, 3, 4), 2, padding=1), (3, 4), 2, padding=1)
    assert times.tolist() == ag.full((1, 2, 3, 4), 4.0).tolist()  # each pixel lies in four windows
    assert F.unfold(x[0], (3, 4)).shape == (24, 1) and F.fold(columns[0], (3, 4), 2, padding=1).shape == (2, 3, 4)


@pytest.mark.parametrize("value", [0, 2.5, float("nan")])
def test_large_images_are_padded_and_cut_on_all_threads(value):
    image = np.random.default_rng(0).normal(size=(3, 5, 110, 131)).astype(np.float32)
    wanted = np.pad(image, [(0, 0), (1, 0), (2, 3), (0, 7)], constant_values=value)[..., 4:]
    x = ag.tensor(image, requires_grad=True)
    y = F.pad(x, (-4, 7, 2, 3, 1, 0), value=value)
    np.testing.assert_array_equal(y.detach().numpy(), wanted)
    g = np.random.default_rng(1).normal(size=wanted.shape).astype(np.float32)
    y.backward(ag.tensor(g))
    np.testing.assert_array_equal(x.grad.numpy()[..., 4:], g[:, 1:, 2:-3, :-7])
    assert not x.grad.numpy()[..., :4].any()
    cut = F.pad(x.detach(), (-1, -1, 0, -2))
    np.testing.assert_array_equal(cut.numpy(), image[:, :, :-2, 1:-1])
    assert not np.shares_memory(cut.numpy(), x.detach().numpy())


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_negative_padding_cuts(mode):
    x = tensor([[0.0, 1.0, 2.0, 3.0, 4.0]], requires_grad=True)
    expected = {"reflect": [1, 2, 3, 4, 3], "replicate": [1, 2, 3, 4, 4], "circular": [1, 2, 3, 4, 1]}
    y = F.pad(x, (-1, 1), mode=mode)
    assert y[0].tolist() == expected[mode]
    y.sum().backward()
    assert x.grad.sum().item() == 5


WRONG = [
    (lambda x: ag.tensor_split(x, 0), ValueError, "at least 1 piece"),
    (lambda x: ag.tensor_split(x.sum(), 1), ValueError, "0-d"),
    (lambda x: ag.hsplit(x, 2), ValueError, "hsplit: 3 elements of dim 1 do not divide into 2"),
    (lambda x: ag.vsplit(x[0, 0], 2), ValueError, "vsplit: at least 2 dimensions"),
    (lambda x: ag.dsplit(x[0], 2), ValueError, "dsplit: at least 3 dimensions"),
    (lambda x: ag.fliplr(x[0, 0]), ValueError, "fliplr"),
    (lambda x: ag.flipud(x.sum()), ValueError, "flipud"),
    (lambda x: ag.rot90(x, 1, (1, 1)), ValueError, "same dimension"),
    (lambda x: ag.rot90(x, 1, (1,)), ValueError, "two dimensions"),
    (lambda x: ag.rot90(x[0, 0]), ValueError, "at least 2 dimensions"),
    (lambda x: ag.repeat_interleave(x, tensor([1, 2]), 1), ValueError, "2 repeats for 3 elements"),
    (lambda x: ag.repeat_interleave(x, -1), ValueError, "not be negative"),
    (lambda x: ag.repeat_interleave(x, 1.5), TypeError, "whole numbers"),
    (lambda x: ag.repeat_interleave(x, 2, 1, output_size=5), ValueError, "output_size is 5.* add up to 6"),
    (lambda x: ag.meshgrid(x), ValueError, "vectors and numbers"),
    (lambda x: ag.meshgrid(ag.ones(2), ag.arange(2)), TypeError, "tensor 1 is int64"),
    (lambda x: ag.meshgrid(ag.ones(2), indexing="ji"), ValueError, "'ji'"),
    (lambda x: ag.cartesian_prod(x), ValueError, "vectors are needed"),
    (lambda x: ag.combinations(x), ValueError, "a vector"),
    (lambda x: ag.block_diag(x), ValueError, "more than 2 dimensions"),
    (lambda x: ag.broadcast_tensors(ag.ones(2), ag.ones(3)), ValueError, "do not broadcast"),
    (lambda x: ag.broadcast_to(ag.ones(3), (-1, 3)), ValueError, "negative size"),
    (lambda x: x.unfold(1, 4, 1), ValueError, "size 4 does not fit dim 1 of size 3"),
    (lambda x: x.unfold(1, 2, 0), ValueError, "step is at least 1"),
    (lambda x: x.unflatten(1, ()), ValueError, "at least one number"),
    (lambda x: x.unflatten(1, (-1, -1)), ValueError, "-1 at most once"),
    (lambda x: ag.roll(x, (1, 2)), ValueError, "2 shifts for no dims"),
    (lambda x: ag.tril(x[0, 0]), ValueError, "tril: a matrix"),
    (lambda x: ag.triu(x[0, 0]), ValueError, "triu: a matrix"),
    (lambda x: x.H, ValueError, "H: a matrix"),
    (lambda x: ag.unravel_index(tensor([6]), (2, 3)), ValueError, "out of range for 6 elements"),
    (lambda x: F.unfold(x[0], 2), ValueError, "unfold: expected"),
    (lambda x: F.unfold(x, 5), ValueError, "no window fits"),
    (lambda x: F.unfold(x, 0), ValueError, "kernel_size must be at least 1"),
    (lambda x: F.fold(x[0], (3, 4), 2), ValueError, "no multiple of 2·2"),
    (lambda x: F.fold(ag.ones(4, 5), (3, 4), 2), ValueError, r"5 columns but an image of \(3, 4\) has 2·3 windows"),
    (lambda x: ag.linspace(0, 1, -1), ValueError, "linspace: the number of steps"),
    (lambda x: ag.logspace(0, 1, -1), ValueError, "logspace: the number of steps"),
    (lambda x: ag.bernoulli(x), ValueError, r"probabilities lie in \[0, 1\]"),
    (lambda x: ag.bernoulli(x.long()), TypeError, "floating point"),
    (lambda x: ag.poisson(-x), ValueError, "not be negative"),
    (lambda x: ag.normal(0.0, 1.0), TypeError, "size is missing"),
    (lambda x: ag.normal(x, 1.0, (2,)), TypeError, "size goes with numbers"),
    (lambda x: ag.normal(0.0, -1.0, (2,)), ValueError, "std must not be negative"),
    (lambda x: ag.multinomial(ag.zeros(3), 1), ValueError, "add up to 0"),
    (lambda x: ag.multinomial(-ag.ones(3), 1), ValueError, "not negative"),
    (lambda x: ag.multinomial(tensor([1.0, 0.0]), 2), ValueError, "2 samples without replacement.* 1 positive"),
    (lambda x: ag.multinomial(ag.ones(2), 0), ValueError, "at least 1"),
    (lambda x: ag.multinomial(x, 1), ValueError, "a vector or a matrix"),
    (lambda x: ag.from_dlpack([1]), TypeError, "list has no __dlpack__"),
    (lambda x: np.from_dlpack(tensor([1.0], requires_grad=True)), RuntimeError, "hand over .detach"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG)
def test_wrong_calls_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call(tensor(X))


# --- new tensors ----------------------------------------------------------------------------------------------------


def test_sequences():
    assert ag.logspace(0, 2, 3).tolist() == [1, 10, 100] and ag.logspace(0, 2, 3, 2).tolist() == [1, 2, 4]
    assert ag.tril_indices(2, 3).tolist() == [[0, 1, 1], [0, 0, 1]]
    assert ag.triu_indices(2, 3, 1).tolist() == [[0, 0, 1], [1, 2, 2]]


def test_new_tensors_have_the_dtype_of_the_old():
    x = ag.ones(1, dtype=np.float64)
    made = (
        x.new_zeros(2, 3),
        x.new_ones((2, 3)),
        x.new_empty(2, 3),
        x.new_full((2, 3), 7),
        x.new_tensor([[1, 2, 3]] * 2),
    )
    assert {y.dtype for y in made} == {np.dtype(np.float64)} and {y.shape for y in made} == {(2, 3)}
    assert x.new_zeros(2, dtype=np.int64).dtype == np.int64


def test_samples_follow_their_distributions():
    g = ag.Generator(0)
    p = tensor([0.0, 0.25, 1.0]).expand(4000, 3)
    np.testing.assert_allclose(ag.bernoulli(p, generator=g).mean(0), [0, 0.25, 1], atol=0.03)
    assert ag.zeros(2, dtype=np.int64).bernoulli(1.0).tolist() == [1, 1]
    np.testing.assert_allclose(ag.poisson(ag.full((4000,), 3.0), generator=g).mean(), 3, atol=0.15)
    n = ag.normal(tensor([1.0, 5.0]).expand(4000, 2), tensor([0.5, 2.0]), generator=g)
    np.testing.assert_allclose(n.mean(0), [1, 5], atol=0.15)
    np.testing.assert_allclose(n.std(0), [0.5, 2], atol=0.1)
    assert ag.normal(1.0, 2.0, (2, 3), generator=g).shape == (2, 3) and ag.normal(0.0, tensor([1.0])).shape == (1,)
    for replacement in (False, True):
        drawn = ag.multinomial(tensor([1.0, 0.0, 3.0]).expand(4000, 3), 1, replacement, generator=g)
        np.testing.assert_allclose(np.bincount(drawn.numpy()[:, 0]) / 4000, [0.25, 0, 0.75], atol=0.03)
    assert sorted(ag.multinomial(tensor([1.0, 2.0, 3.0, 0.0]), 3).tolist()) == [0, 1, 2]
    assert set(ag.randint_like(ag.zeros(50), 2, 4).tolist()) == {2, 3} and ag.randint_like(ag.zeros(2), 1).sum() == 0


def test_samples_are_the_same_with_the_same_seed():
    def draw(seed):
        g = ag.Generator(seed)
        made = ag.bernoulli(ag.full((9,), 0.5), generator=g), ag.multinomial(ag.ones(9), 4, generator=g)
        return [y.tolist() for y in (*made, ag.normal(ag.zeros(3), generator=g))]

    assert draw(1) == draw(1) != draw(2)


# --- DLPack ---------------------------------------------------------------------------------------------------------


def test_dlpack_shares_memory_both_ways():
    x = tensor([1.0, 2.0])
    a = np.from_dlpack(x)
    assert np.shares_memory(a, x.numpy())
    y = ag.from_dlpack(x)
    assert np.shares_memory(y.numpy(), x.numpy())
    b = np.arange(3)
    assert np.shares_memory(ag.from_dlpack(b).numpy(), b)
    assert x.__dlpack_device__() == (1, 0)


def test_asarray():
    x = tensor([1.0, 2.0])
    assert np.asarray(x) is x.numpy() or np.shares_memory(np.asarray(x), x.numpy())
    assert not np.shares_memory(np.array(x), x.numpy())
    assert np.asarray(x, dtype=np.int64).tolist() == [1, 2]
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(x, dtype=np.float64, copy=False)
    with pytest.raises(RuntimeError, match="requires grad"):
        np.asarray(x.requires_grad_())


def test_padding_with_what_does_not_fit_is_refused():
    x = ag.tensor(np.arange(4, dtype=np.uint8))
    for value in (300, -1):
        with pytest.raises(OverflowError):
            ag.pad(x, (1, 0), value=value)
    with pytest.raises(TypeError):
        ag.pad(x.float(), (1, 0), value=ag.tensor(1.0))
