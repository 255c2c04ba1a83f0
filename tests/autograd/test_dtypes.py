"""How dtypes mix: as in PyTorch. Numbers never widen an array."""

import numpy as np
import pytest

import autograd as ag
from autograd import tensor

F32, F64, I64 = np.float32, np.float64, np.int64


@pytest.mark.parametrize("number", [2, 2.5, True, np.float64(2.5), np.int64(2), np.float32(2.5)], ids=repr)
@pytest.mark.parametrize("shape", [(3,), ()], ids=["vector", "0-d"])
def test_numbers_never_widen(number, shape):
    x = ag.ones(shape, requires_grad=True)
    for y in (x * number, number * x, x + number, number + x, x / number, number / x, x**number, ag.maximum(x, number)):
        assert y.dtype == F32
        (g,) = ag.grad(y, x, ag.ones(shape))
        assert g.dtype == F32


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (tensor([1.0]), tensor([1.0], dtype=F64), F64),
        (tensor([1.0]), tensor(1.0, dtype=F64), F32),  # a 0-d tensor is outranked by one with dimensions
        (tensor([1]), tensor([1.0]), F32),
        (tensor([1]), tensor(1.0, dtype=F64), F64),  # but a higher kind wins
        (tensor([1], dtype=np.int32), tensor([1]), I64),
        (tensor([True]), tensor([1.0]), F32),
        (tensor([True]), 1, I64),
        (tensor([1]), 1.5, F32),
        (tensor([1.0]), np.ones(1), F64),
    ],
)
def test_how_two_operands_mix(left, right, expected):
    assert (left + right).dtype == expected


def test_whole_numbers_become_real_where_the_result_is():
    x = tensor([1, 2, 4])
    assert (x / 2).dtype == F32
    assert (x / x).dtype == F32
    assert ag.exp(x).dtype == ag.sqrt(x).dtype == ag.sigmoid(x).dtype == F32
    assert (x // 2).dtype == (x % 2).dtype == (x * 2).dtype == I64


def test_integers_and_booleans_add_up_in_int64():
    assert tensor([True, True]).sum().dtype == I64
    assert tensor([200, 100], dtype=np.uint8).sum().item() == 300
    assert tensor([1, 2], dtype=np.int32).cumsum(0).dtype == I64
    assert tensor([3, 4], dtype=np.int32).prod().dtype == I64


@pytest.mark.parametrize("op", ["mean", "var", "std", "norm"])
def test_statistics_of_integers_are_refused(op):
    with pytest.raises(TypeError, match=rf"{op}: .*x\.float\(\)"):
        getattr(tensor([1, 2]), op)()


def test_gradients_have_the_dtype_of_their_tensor():
    x, y = tensor([1.0, 2.0], requires_grad=True), tensor([3.0, 4.0], dtype=F64, requires_grad=True)
    (x * y).sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (F32, F64)
    assert x.grad.tolist() == [3, 4]


def test_a_0d_gradient_keeps_its_precision():
    # NumPy turns 0-d arrays into scalars on the way; taken for numbers, those would round to float32
    x = tensor(np.array(np.pi), requires_grad=True)
    ag.where(x > 0, x, 0.0).backward()
    assert x.grad.dtype == F64
    (g,) = ag.grad(ag.where(x > 0, x * x, 0.0), x, np.array(1 / 3))
    assert g.item() == 2 * np.pi / 3


def test_conversions():
    x = tensor([1.5, 2.5], requires_grad=True)
    assert [x.double().dtype, x.half().dtype, x.long().dtype, x.to(F64).dtype, x.to("cpu") is x] == [
        F64,
        "f2",
        I64,
        F64,
        True,
    ]
    assert x.float() is x
    assert x.type_as(tensor([1])).tolist() == [1, 2]
    x.double().sum().backward()
    assert x.grad.dtype == F32
    assert not x.long().requires_grad
    with pytest.raises(RuntimeError, match="one device"):
        x.to("cuda")


def test_matrices_of_different_dtypes_are_refused():
    with pytest.raises(TypeError, match=r"matmul: input is float32 but other is float64; convert one with \.to"):
        ag.ones(2, 2) @ ag.ones(2, 2, dtype=F64)


def test_a_condition_must_be_boolean():
    with pytest.raises(TypeError, match="boolean"):
        ag.where(tensor([1, 0]), 1.0, 0.0)
    assert ag.where(tensor([True, False]), 1.0, 0.0).dtype == F32
    assert ag.where(tensor([True, False]), 1, 0).dtype == I64


def test_a_factor_of_integers_is_computed_in_the_dtype_of_the_sum():
    x, whole = np.full(2, 0.5), np.array([3, 7])
    expected = 0.5 - 1.08 * whole
    np.testing.assert_array_equal(ag.add(tensor(x), tensor(whole), alpha=-1.08).numpy(), expected)
    np.testing.assert_array_equal(ag.addcmul(tensor(x), tensor(whole), tensor([1, 1]), value=-1.08).numpy(), expected)
    with pytest.raises(TypeError, match=r"add: the factor 1\.5 is not whole, but the tensors are"):
        ag.add(tensor(whole), tensor(whole), alpha=1.5)


def test_sums_and_products_of_integers_in_the_dtype_asked_for():
    whole = tensor([[1, 2], [3, 4]])
    for function in (ag.sum, ag.prod):
        assert function(whole, dtype=np.int32).dtype == np.int32
    for function in (ag.cumsum, ag.cumprod):
        assert function(whole, 0, dtype=np.int32).dtype == np.int32
