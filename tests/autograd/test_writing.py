"""Writing at indices: which value stays, which gradient flows, and wrong calls."""

import numpy as np
import pytest

import autograd as ag
from autograd import tensor

TWICE = tensor([0, 0, 2])
WEIGHTS = np.array([1.0, 10, 100])


@pytest.mark.parametrize(
    "write",
    [
        lambda x, s: ag.index_copy(x, 0, TWICE, s),
        lambda x, s: ag.index_put(x, (TWICE,), s),
        lambda x, s: ag.scatter(x, 0, TWICE, s),
        lambda x, s: x.put(TWICE, s),
    ],
)
def test_the_last_value_wins_and_has_the_gradient(write):
    x, s = tensor(np.ones(3), requires_grad=True), tensor(np.array([1.0, 2, 3]), requires_grad=True)
    y = write(x, s)
    assert y.tolist() == [2, 1, 3]
    (y * WEIGHTS).sum().backward()
    assert x.grad.tolist() == [0, 10, 0]
    assert s.grad.tolist() == [0, 1, 100]


def test_accumulating_gives_all_of_them_the_gradient():
    x, s = tensor(np.ones(3), requires_grad=True), tensor(np.array([1.0, 2, 3]), requires_grad=True)
    for y in (ag.index_put(x, (TWICE,), s, accumulate=True), x.put(TWICE, s, accumulate=True)):
        assert y.tolist() == [4, 1, 4]
        g = ag.grad((y * WEIGHTS).sum(), [x, s])
        assert (g[0].tolist(), g[1].tolist()) == ([1, 10, 100], [1, 1, 100])


def test_index_put_broadcasts_and_takes_masks():
    x = ag.zeros(2, 3)
    assert ag.index_put(x, (tensor([1]),), tensor(5.0)).tolist() == [[0, 0, 0], [5, 5, 5]]
    assert ag.index_put(x, (tensor([True, False]),), ag.ones(3)).tolist() == [[1, 1, 1], [0, 0, 0]]
    assert ag.index_put(x, (tensor([0, 1]), tensor([-1, 0])), ag.ones(2)).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_scatter_forms():
    x, index = ag.ones(3), tensor([2, 0])
    assert ag.scatter(x, 0, index, 5.0).tolist() == [5, 1, 5]
    assert ag.scatter(x, 0, index, value=5).tolist() == [5, 1, 5]
    assert ag.scatter(x, 0, index, tensor([2.0, 3.0, 4.0])).tolist() == [3, 1, 2]  # beyond the index nothing is read
    assert ag.scatter(x, 0, index, tensor([2.0, 3.0]), reduce="add").tolist() == [4, 1, 3]
    assert ag.scatter(x, 0, tensor([2, 2]), tensor([2.0, 3.0]), reduce="multiply").tolist() == [1, 1, 6]
    assert ag.scatter(x, 0, ag.zeros(0, dtype=np.int64), ag.ones(0)).tolist() == [1, 1, 1]
    assert ag.scatter(ag.ones(2, 2), 1, tensor([[1], [0]]), tensor([[3.0], [4.0]])).tolist() == [[1, 3], [4, 1]]
    assert ag.scatter_reduce(tensor([5, 5]), 0, tensor([0, 0]), tensor([1, 3]), "mean").tolist() == [3, 5]
    assert ag.scatter_reduce(
        tensor([5, 5]), 0, tensor([0, 0]), tensor([1, 3]), "amax", include_self=False
    ).tolist() == [
        3,
        5,
    ]
    assert ag.index_reduce(ag.ones(2, 2), 0, tensor([1]), ag.full((1, 2), 3.0), "prod").tolist() == [[1, 1], [3, 3]]


def test_ties_of_scatter_reduce_share():
    x = tensor([2.0, 2.0, 4.0], requires_grad=True)
    s = tensor([1.0, 2.0, 3.0], requires_grad=True)
    (ag.scatter_reduce(x, 0, TWICE, s, "amax") * WEIGHTS.astype(np.float32)).sum().backward()
    assert x.grad.tolist() == [0.5, 10, 100]
    assert s.grad.tolist() == [0, 0.5, 0]


def test_nan_wins():
    x = tensor([2.0, 2.0], requires_grad=True)
    s = tensor([np.nan, 5.0], requires_grad=True)
    y = ag.scatter_reduce(x, 0, tensor([0, 0]), s, "amax")
    assert np.isnan(y[0].item())
    y.sum().backward()
    assert s.grad.tolist() == [1, 0] and x.grad.tolist() == [0, 1]


def test_flat_positions():
    x = tensor(np.arange(6.0).reshape(2, 3))
    assert ag.take(x, tensor([[0, -1], [5, 2]])).tolist() == [[0, 5], [5, 2]]
    assert x.put(tensor([-1]), tensor([9.0]).double()).tolist() == [[0, 1, 2], [3, 4, 9]]
    assert x.index_fill(1, tensor([-1, 0]), -1).tolist() == [[-1, 1, -1], [-1, 4, -1]]
    value = tensor(np.array(2.0), requires_grad=True)
    x.index_fill(0, tensor([1]), value).sum().backward()
    assert value.grad.item() == 3
    assert ag.index_copy(tensor(1.0), 0, tensor(0), tensor(2.0)).item() == 2


def test_masked_scatter_takes_one_after_the_other():
    x, mask = tensor([1.0, 1, 1], requires_grad=True), tensor([True, False, True])
    s = tensor([5.0, 6, 7], requires_grad=True)
    y = ag.masked_scatter(x, mask, s)
    assert y.tolist() == [5, 1, 6]
    y.sum().backward()
    assert x.grad.tolist() == [0, 1, 0] and s.grad.tolist() == [1, 1, 0]
    wide = ag.masked_scatter(x, tensor([[True, False, False]] * 2), s)
    assert wide.tolist() == [[5, 1, 1], [6, 1, 1]]


def test_slices_and_their_counterparts():
    x = tensor(np.arange(12.0).reshape(4, 3))
    assert ag.select(x, 0, -1).tolist() == [9, 10, 11]
    assert ag.narrow(x, 0, -3, 2).tolist() == [[3, 4, 5], [6, 7, 8]]
    assert ag.narrow(x, 0, 4, 0).shape == (0, 3)
    assert ag.narrow(x, 1, tensor(1), 1).shape == (4, 1)
    z = ag.zeros(4, 2)
    assert ag.select_scatter(z, ag.ones(4), 1, 0).sum(0).tolist() == [4, 0]
    assert ag.slice_scatter(z, ag.ones(2, 2), 0, 0, 10, 2).sum(1).tolist() == [2, 0, 2, 0]
    assert ag.diagonal_scatter(z, ag.ones(2)).sum().item() == 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x: ag.take(x, tensor([6])),
            IndexError,
            "take: index 6 is out of range for the flattened input of size 6",
        ),
        (lambda x: ag.take(x, tensor([0.5])), TypeError, "take: the index holds integers"),
        (lambda x: x.put(tensor([1, 2]), ag.ones(3)), ValueError, "2 positions but 3 values"),
        (lambda x: x.put(tensor([1]), ag.ones(1).double()), TypeError, "put: input is float32 but source is float64"),
        (lambda x: ag.index_put(x, tensor([1]), ag.ones(1)), TypeError, "a tuple of index tensors"),
        (lambda x: ag.index_put(x, (tensor([0, 1]), tensor([1, 1])), ag.ones(3)), ValueError, "do not broadcast"),
        (lambda x: ag.index_put(x, (tensor([1]),), 5.0), TypeError, "values is a Tensor"),
        (lambda x: ag.index_copy(x, 0, tensor([5]), ag.ones(1, 3)), IndexError, "index 5 is out of range for dim 0"),
        (lambda x: ag.index_copy(x, 0, tensor([[1]]), ag.ones(1, 3)), ValueError, "a vector"),
        (lambda x: ag.index_copy(x, 0, tensor([1]), ag.ones(2, 3)), ValueError, r"expected \(1, 3\) for 1 positions"),
        (lambda x: ag.index_fill(x, 0, tensor([0]), ag.ones(1)), ValueError, "number or 0-d"),
        (lambda x: ag.index_fill(x, 0, tensor([3]), 1), IndexError, "index_fill: index 3"),
        (lambda x: ag.scatter(x, 0, tensor([[-1]]), ag.ones(1, 1)), IndexError, "index -1"),
        (lambda x: ag.scatter(x, 0, tensor([0]), ag.ones(1)), ValueError, "index has 1 dimensions and input 2"),
        (lambda x: ag.scatter(x, 0, tensor([[0, 0]]), ag.ones(1, 1)), ValueError, "reaches beyond src"),
        (lambda x: ag.scatter(x, 0, tensor([[0]])), TypeError, "either src or value"),
        (lambda x: ag.scatter(x, 0, tensor([[0]]), 1.0, reduce="max"), ValueError, "'max'; see scatter_reduce"),
        (lambda x: ag.scatter_reduce(x, 0, tensor([[0]]), x, "max"), ValueError, "reduce is 'sum'"),
        (lambda x: ag.index_reduce(x, 0, tensor([0]), x, "prod"), ValueError, "expected"),
        (lambda x: ag.index_reduce(x, 0, tensor([0]), x, "sum"), ValueError, "index_add sums"),
        (lambda x: ag.masked_scatter(x, tensor([[1, 0, 1]]), x), TypeError, "must be boolean"),
        (lambda x: ag.masked_scatter(x, x == x, ag.ones(5)), ValueError, "true 6 times but source has 5"),
        (lambda x: ag.select(x, 0, 2), IndexError, "select: index 2 is out of range for dim 0 of size 2"),
        (lambda x: ag.select(x, 2, 0), IndexError, "dim 2 is out of range"),
        (lambda x: ag.narrow(x, 1, 2, 2), ValueError, "start 2 \\+ length 2 exceeds 3"),
        (lambda x: ag.narrow(x, 1, 0, -1), ValueError, "negative"),
        (lambda x: ag.narrow(x, 1, 4, 0), IndexError, "start 4"),
        (lambda x: ag.narrow(x.sum(), 0, 0, 0), IndexError, "0-d"),
        (lambda x: ag.select_scatter(x, ag.ones(2), 0, 0), ValueError, r"the slice has shape \(3,\)"),
        (lambda x: ag.slice_scatter(x, ag.ones(2, 3), step=0), ValueError, "step is at least 1"),
    ],
)
def test_wrong_calls_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call(ag.ones(2, 3))


def test_a_number_stands_for_a_vector_of_one():
    x, s = tensor(2.0, requires_grad=True), tensor([3.0, 4.0], requires_grad=True)
    y = ag.scatter_add(x, 0, tensor([0]), s)
    assert y.shape == () and y.item() == 5
    y.backward()
    assert x.grad.item() == 1 and s.grad.tolist() == [1, 0]
    assert ag.scatter_add(tensor([1.0, 2.0]), -1, tensor(1), tensor(5.0)).tolist() == [1, 7]
