"""Every form of index, and what is refused."""

import numpy as np
import pytest

import autograd as ag
from autograd import tensor

A = np.arange(24.0).reshape(2, 3, 4)
FORMS = [
    0,
    -1,
    np.int64(1),
    slice(None, None, 2),
    slice(None, None, -1),
    ...,
    None,
    (0, 1),
    (0, ..., 1),
    (slice(None), None, 1),
    [1, 0, 1],
    [[0, 1], [1, 1]],
    ([0, 1], [2, 2]),
    (slice(None), [0, 2]),
    ([0, 1], slice(None), [3, 3]),
    np.array([True, False]),
    A > 5,
    (0, A[0] > 5),
    (slice(None), np.array([True, False, True]), 1),
    [True, False],
    True,
    [],
    (np.array([[0], [1]]), np.array([0, 2])),
    (None, [0, 1], None),
    np.array(1),
    (np.uint8(1), np.array([0, 2], np.uint8)),
]


@pytest.mark.parametrize("index", FORMS, ids=lambda i: repr(i).replace("\n", "")[:40])
def test_index_gives_what_numpy_gives_and_its_gradient(index):
    x = tensor(A, requires_grad=True)
    y = x[index]
    expected = A[np.asarray(index, np.int64) if index == [] else index] if isinstance(index, list) else A[index]
    np.testing.assert_array_equal(y.detach(), expected)
    g = np.random.default_rng(0).normal(size=y.shape)
    y.backward(g)
    want = np.zeros_like(A)
    np.add.at(want, np.asarray(index, np.int64) if isinstance(index, list) and index == [] else index, g)
    np.testing.assert_allclose(x.grad, want, rtol=1e-12)


def test_tensors_as_indices():
    x = tensor(A, requires_grad=True)
    rows = tensor([1, 0, 1])
    np.testing.assert_array_equal(x[rows].detach(), A[[1, 0, 1]])
    np.testing.assert_array_equal(x[x > 5].detach(), A[A > 5])
    np.testing.assert_array_equal(x[tensor(1), :, tensor([0, 0])].detach(), A[1][:, [0, 0]])
    np.testing.assert_array_equal(x[tensor(0) : tensor(1)].detach(), A[0:1])


def test_numbers_are_taken_before_arrays():
    """As in PyTorch: NumPy puts the dimension of the array in front here, which surprises everybody."""
    x = tensor(A, requires_grad=True)
    y = x[0, :, [3, 3]]
    np.testing.assert_array_equal(y.detach(), A[0][:, [3, 3]])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, np.stack([np.tile([0, 0, 0, 2], (3, 1)), np.zeros((3, 4))]))


def test_a_changed_index_does_not_change_the_gradient():
    x, rows = tensor([1.0, 2.0, 3.0], requires_grad=True), np.array([0, 0])
    y = x[rows]
    rows[:] = 2
    y.sum().backward()
    assert x.grad.tolist() == [2, 0, 0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: x[5], IndexError, "out of bounds"),
        (lambda x: x[[0, 9]], IndexError, "out of bounds"),
        (lambda x: x[0, 0, 0, 0], IndexError, "too many indices"),
        (lambda x: x[1.5], IndexError, "indices are integers"),
        (lambda x: x["a"], IndexError, "indices are integers"),
        (lambda x: x[np.array([True, False, True])], IndexError, "boolean index"),
        (lambda x: ag.gather(x, 1, tensor([[[3]]])), IndexError, "gather: index 3 is out of range for dim 1 of size 3"),
        (lambda x: ag.gather(x, 1, tensor([[[-1]]])), IndexError, "gather: index -1"),
        (lambda x: ag.gather(x, 1, tensor([1])), ValueError, "index has 1 dimensions and input 3"),
        (lambda x: ag.gather(x, 1, ag.zeros(5, 1, 1, dtype=np.int64)), ValueError, "reaches beyond"),
        (lambda x: ag.gather(x, 1, x), TypeError, "integers"),
        (lambda x: ag.index_select(x, 0, tensor([2])), IndexError, "index_select: index 2"),
        (lambda x: ag.index_add(x, 0, tensor([1]), x), ValueError, "index_add: source.shape"),
        (lambda x: ag.one_hot(tensor([3]), 3), IndexError, "class 3 is not in"),
        (lambda x: ag.one_hot(tensor([1.0])), TypeError, "integers"),
        (lambda x: ag.masked_fill(x, x > 0, tensor([1.0, 2.0])), ValueError, "use where"),
        (lambda x: ag.masked_select(x, x), TypeError, "boolean"),
    ],
)
def test_wrong_indices_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call(tensor(A))


def test_gather_and_scatter_are_each_others_gradient():
    x, index = tensor(A[0], requires_grad=True), tensor([[0, 2, 2], [1, 1, 0]])
    ag.gather(x, 1, index).sum().backward()
    np.testing.assert_array_equal(x.grad, [[1, 0, 2, 0], [1, 2, 0, 0], [0, 0, 0, 0]])
    src = tensor(np.ones((2, 4)), requires_grad=True)
    out = ag.scatter_add(ag.zeros(3, 4, dtype=np.float64), 1, index, src)
    np.testing.assert_array_equal(out.detach(), [[1, 0, 2, 0], [1, 2, 0, 0], [0, 0, 0, 0]])
    out.sum().backward()
    np.testing.assert_array_equal(src.grad, [[1, 1, 1, 0], [1, 1, 1, 0]])  # beyond the index nothing was used


def test_take_along_dim_broadcasts():
    x = tensor(A)
    order = ag.argmax(x, dim=2, keepdim=True)
    np.testing.assert_array_equal(ag.take_along_dim(x, order, 2), A.max(2, keepdims=True))
    np.testing.assert_array_equal(ag.take_along_dim(x, tensor([[[0]], [[1]]])[:1], 1), A[:, :1])
    assert ag.take_along_dim(x, tensor([5, 1])).tolist() == [5, 1]


def test_masks():
    x = tensor(A[0], requires_grad=True)
    assert ag.masked_fill(x, x > 5, 0.0).sum().item() == 15
    assert ag.masked_select(x, x > 9).tolist() == [10, 11]
    ag.masked_fill(x, x > 5, -1.0).sum().backward()
    np.testing.assert_array_equal(x.grad, A[0] <= 5)
    assert ag.nonzero(tensor([[0, 1], [2, 0]])).tolist() == [[0, 1], [1, 0]]
    assert [i.tolist() for i in ag.where(tensor([0, 3, 4]) > 0)] == [[1, 2]]
    assert ag.one_hot(tensor([0, 2])).tolist() == [[1, 0, 0], [0, 0, 1]]
