"""Counts and places, against loops, and what is refused."""

import math

import numpy as np
import pytest

import autograd as ag
from autograd import tensor

RNG = np.random.default_rng(0)


def lists(found):
    return [x.tolist() for x in found]


def test_unique_values_with_their_places_and_counts():
    x = tensor([[3, 1], [3, 2]])
    assert ag.unique(x).tolist() == [1, 2, 3]
    assert lists(ag.unique(x, return_inverse=True, return_counts=True)) == [[1, 2, 3], [[2, 0], [2, 1]], [1, 1, 2]]
    assert lists(ag.unique(x, return_counts=True)) == [[1, 2, 3], [1, 1, 2]]
    assert ag.unique(tensor([math.nan, math.nan])).shape == (2,)
    assert ag.unique(tensor(5)).tolist() == [5]


def test_unique_slices():
    x = tensor([[1, 2], [0, 5], [1, 2]])
    assert lists(ag.unique(x, return_inverse=True, dim=0)) == [[[0, 5], [1, 2]], [1, 0, 1]]
    assert ag.unique(x, dim=-1).tolist() == x.tolist()


def test_unique_consecutive():
    x = tensor([1, 1, 2, 1, 1, 1])
    found = ag.unique_consecutive(x, return_inverse=True, return_counts=True)
    assert lists(found) == [[1, 2, 1], [0, 0, 1, 2, 2, 2], [2, 1, 3]]
    assert ag.unique_consecutive(tensor([[1, 1, 2], [3, 3, 3]]), dim=1).tolist() == [[1, 2], [3, 3]]
    assert ag.unique_consecutive(tensor(np.zeros(0, int))).tolist() == []
    assert x.unique_consecutive().tolist() == [1, 2, 1]


def test_bincount():
    x = tensor([0, 3, 3])
    assert ag.bincount(x).tolist() == [1, 0, 0, 2]
    assert ag.bincount(x, minlength=6).tolist() == [1, 0, 0, 2, 0, 0]
    assert ag.bincount(x, tensor([0.5, 1.0, 2.0])).tolist() == [0.5, 0, 0, 3]
    assert ag.bincount(x, tensor([0.5, 1.0, 2.0])).dtype == np.float32
    assert ag.bincount(x, tensor([1, 2, 3])).dtype == np.float64
    assert ag.bincount(x[:0]).tolist() == []
    assert ag.bincount(x[:0], tensor([0.5, 1.0]), 2).tolist() == [0, 0]


def test_histc():
    x = tensor([1.0, 2.0, 1.0, 5.0, 3.0])
    assert ag.histc(x, 4, 0, 4).tolist() == [0, 2, 1, 1]
    assert ag.histc(x, 2).tolist() == [3, 2]
    assert ag.histc(tensor([2.0, 2.0]), 2).tolist() == [0, 2]
    assert ag.histc(tensor([4.0]), 4, 0, 4).tolist() == [0, 0, 0, 1]
    assert ag.histc(tensor([math.nan, 0.5]), 1, 0, 1).tolist() == [1]


@pytest.mark.parametrize("right", [False, True])
def test_searchsorted(right):
    sequence, values = np.sort(RNG.integers(0, 9, (2, 3, 5))), RNG.integers(-1, 10, (2, 3, 4))
    found = ag.searchsorted(tensor(sequence), tensor(values), right=right)
    for place in np.ndindex(*values.shape):
        line = sequence[place[:-1]]
        assert found.numpy()[place] == sum(v <= values[place] if right else v < values[place] for v in line)
    assert ag.searchsorted(tensor([1, 3]), 2).item() == 1
    assert ag.searchsorted(tensor([1.0, 3.0]), tensor([[0.0], [3.0]]), side="right").tolist() == [[0], [2]]


def test_searchsorted_by_a_sorter():
    x = tensor([3.0, 1.0, 2.0])
    assert ag.searchsorted(x, tensor([1.5, 9.0]), sorter=ag.argsort(x)).tolist() == [1, 3]


def test_bucketize():
    boundaries = tensor([1.0, 3.0])
    assert ag.bucketize(tensor([0.0, 1.0, 2.0, 3.0, 4.0]), boundaries).tolist() == [0, 0, 1, 1, 2]
    assert ag.bucketize(tensor([1.0, 3.0]), boundaries, right=True).tolist() == [1, 2]
    assert ag.bucketize(2, boundaries, out_int32=True).dtype == np.int32


X, WHOLE = tensor([1.0, 2.0]), tensor([1, 2])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ag.unique(WHOLE, dim=1), IndexError, "unique: dim 1 is out of range"),
        (lambda: ag.unique(WHOLE[0], dim=0), IndexError, "unique: dim 0 of a number, which has no dimensions"),
        (lambda: ag.unique_consecutive(WHOLE, dim=1), IndexError, "unique_consecutive: dim 1 is out of range"),
        (lambda: ag.bincount(X), TypeError, "bincount: the input is a vector of integers, not of shape .* and float32"),
        (lambda: ag.bincount(WHOLE.reshape(2, 1)), TypeError, r"bincount: .* not of shape \(2, 1\)"),
        (lambda: ag.bincount(-WHOLE), ValueError, "bincount: the integers are at least 0, not -2"),
        (lambda: ag.bincount(WHOLE, minlength=-1), ValueError, "bincount: minlength is at least 0, not -1"),
        (lambda: ag.bincount(WHOLE, X[:1]), ValueError, r"bincount: weights.shape=\(1,\) but input.shape=\(2,\)"),
        (lambda: ag.histc(WHOLE), TypeError, "histc: the input is floating point, not int64"),
        (lambda: ag.histc(X, 0), ValueError, "histc: bins is at least 1, not 0"),
        (lambda: ag.histc(X / 0), ValueError, "histc: the range from .* is not finite"),
        (lambda: ag.histc(X, 3, 2, 1), ValueError, "histc: min=2.0 is above max=1.0"),
        (lambda: ag.searchsorted(X, X, side="middle"), ValueError, "side is 'left' or 'right', not 'middle'"),
        (lambda: ag.searchsorted(X, X, side="left", right=True), ValueError, "say the opposite of each other"),
        (lambda: ag.searchsorted(X[0], X), ValueError, "searchsorted: the sorted sequence is one number"),
        (lambda: ag.searchsorted(X, X, sorter=WHOLE[:1]), ValueError, r"searchsorted: sorter.shape=\(1,\)"),
        (lambda: ag.searchsorted(X, X, sorter=X), TypeError, "searchsorted: the sorter holds int64, not float32"),
        (lambda: ag.searchsorted(X, X, sorter=WHOLE), IndexError, r"searchsorted: the sorter names places outside"),
        (lambda: ag.searchsorted(X.reshape(1, 2), X), ValueError, "searchsorted: .* differ before the last dimension"),
        (lambda: ag.bucketize(X, X.reshape(1, 2)), ValueError, r"bucketize: boundaries are a vector, not of shape"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
