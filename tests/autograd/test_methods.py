"""Operators, methods, in-place methods, and what the layout and joining functions accept and refuse."""

import inspect

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, tensor


def numbers(*shape):
    return tensor(np.arange(np.prod(shape), dtype=np.float64).reshape(shape), requires_grad=True)


# --- operators ------------------------------------------------------------------------------------------------------


def test_operators_on_both_sides():
    x = tensor([1.0, 4.0])
    assert (x + 1).tolist() == (1 + x).tolist() == [2, 5]
    assert (1 - x).tolist() == [0, -3]
    assert (8 / x).tolist() == [8, 2]
    assert (2**x).tolist() == [2, 16]
    assert (9 // x).tolist() == [9, 2]
    assert (9 % x).tolist() == [0, 1]
    assert (-x).tolist() == [-1, -4]
    assert abs(-x).tolist() == [1, 4]
    assert ((x > 1) & (x < 5) | ~(x == x)).tolist() == [False, True]
    assert (np.eye(2, dtype=np.float32) @ x).tolist() == [1, 4]


def test_comparison_with_something_else_is_not_an_error():
    x = tensor([1.0])
    assert (x == None) is False  # noqa: E711
    assert x != "text"


def test_other_types_are_refused():
    with pytest.raises(TypeError, match="mul: inputs are Tensors, arrays or numbers, not str"):
        tensor([1.0]) * "2"


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(ValueError, match=r"add: shapes \(2,\) and \(3,\) do not broadcast"):
        ag.ones(2) + ag.ones(3)


def test_every_function_with_a_tensor_in_front_is_a_method():
    not_methods = {
        "where",
        "is_tensor",
        "one_hot",
        "pad",
        "as_tensor",
        "from_numpy",
        "leaky_relu",
        "softplus",
        "numpy_generator",
        "combinations",
        "poisson",
        "bucketize",
        "var_mean",
        "std_mean",
    }
    for name, function in vars(ag).items():
        if inspect.isfunction(function) and function.__module__.startswith("autograd.ops") and name not in not_methods:
            first = next(iter(inspect.signature(function).parameters), None)
            if first in ("input", "tensor") and not name.endswith("_like"):
                assert hasattr(Tensor, name), name


# --- layout ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda x: x.reshape(6, -1), (6, 4)),
        (lambda x: x.reshape((4, 6)), (4, 6)),
        (lambda x: x.view(2, 12), (2, 12)),
        (lambda x: x.flatten(1), (2, 12)),
        (lambda x: x.flatten(0, 1), (6, 4)),
        (lambda x: x.unflatten(2, (2, -1)), (2, 3, 2, 2)),
        (lambda x: x.permute(2, 0, 1), (4, 2, 3)),
        (lambda x: x.permute((0, 2, -2)), (2, 4, 3)),
        (lambda x: x.transpose(0, -1), (4, 3, 2)),
        (lambda x: x.T, (4, 3, 2)),
        (lambda x: x.mT, (2, 4, 3)),
        (lambda x: x[0].t(), (4, 3)),
        (lambda x: x.movedim(0, -1), (3, 4, 2)),
        (lambda x: x.movedim((0, 1), (1, 2)), (4, 2, 3)),
        (lambda x: x.unsqueeze(-1), (2, 3, 4, 1)),
        (lambda x: x.unsqueeze(0).squeeze(0), (2, 3, 4)),
        (lambda x: x[:, :1].squeeze(), (2, 4)),
        (lambda x: x.squeeze(1), (2, 3, 4)),
        (lambda x: x[:1].expand(5, -1, 4), (5, 3, 4)),
        (lambda x: x.expand(2, 2, 3, 4), (2, 2, 3, 4)),
        (lambda x: x.repeat(2, 1, 1, 3), (2, 2, 3, 12)),
        (lambda x: x.tile(2), (2, 3, 8)),
        (lambda x: x.sum(), ()),
        (lambda x: x.sum(dim=(0, -1)), (3,)),
        (lambda x: x.sum(axis=1, keepdims=True), (2, 1, 4)),
        (lambda x: x.mean(1, True), (2, 1, 4)),
        (lambda x: x.max(1).values, (2, 4)),
    ],
)
def test_shapes_as_documented(function, shape):
    x = numbers(2, 3, 4)
    y = function(x)
    assert y.shape == shape
    y.sum().backward()
    assert x.grad.shape == x.shape


def test_values_of_moves_agree_with_numpy():
    x = numbers(2, 3, 4)
    a = x.detach().numpy()
    np.testing.assert_array_equal(x.flip(0, 2).detach(), a[::-1, :, ::-1])
    np.testing.assert_array_equal(x.roll((1, 2), (0, 2)).detach(), np.roll(a, (1, 2), (0, 2)))
    np.testing.assert_array_equal(x.roll(5).detach(), np.roll(a, 5))
    np.testing.assert_array_equal(x.movedim(2, 0).detach(), np.moveaxis(a, 2, 0))
    np.testing.assert_array_equal(x.repeat(1, 2, 2).detach(), np.tile(a, (1, 2, 2)))


def test_split_chunk_unbind():
    x = numbers(5, 2)
    assert [p.shape[0] for p in x.split(2)] == [2, 2, 1]
    assert [p.shape[0] for p in x.split([1, 4])] == [1, 4]
    assert [p.shape[0] for p in x.chunk(3)] == [2, 2, 1]
    assert [p.shape for p in x.unbind(1)] == [(5,), (5,)]
    a, b = x.unbind(1)
    (a * b).sum().backward()
    np.testing.assert_array_equal(x.grad, x.detach().numpy()[:, ::-1])


def test_cat_and_stack_mix_dtypes_and_skip_the_empty_start():
    x = tensor([1.0], requires_grad=True)
    assert ag.cat([ag.zeros(0), x]).shape == (1,)
    assert ag.cat([x, tensor([2.0], dtype=np.float64)]).dtype == np.float64
    ag.stack([x, x * 2], dim=1).sum().backward()
    assert x.grad.tolist() == [3]


def test_pad_as_the_reference():
    x = tensor([[1.0, 2.0, 3.0]])
    assert ag.pad(x, (1, 2)).tolist() == [[0, 1, 2, 3, 0, 0]]
    assert ag.pad(x, (1, 0, 0, 1), value=9.0).tolist() == [[9, 1, 2, 3], [9, 9, 9, 9]]
    assert ag.pad(x, (-1, 1)).tolist() == [[2, 3, 0]]
    assert ag.pad(x, (2, 1), "reflect").tolist() == [[3, 2, 1, 2, 3, 2]]
    assert ag.pad(x, (2, 1), "replicate").tolist() == [[1, 1, 1, 2, 3, 3]]
    assert ag.pad(x, (2, 1), "circular").tolist() == [[2, 3, 1, 2, 3, 1]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: x.reshape(5), ValueError, "reshape: cannot reshape"),
        (lambda x: x.permute(0, 1), ValueError, "permute: dims .* must name each of the 3"),
        (lambda x: x.sum(3), IndexError, r"sum: dim 3 is out of range for 3 dimensions"),
        (lambda x: x.sum((0, 0)), ValueError, "names a dimension twice"),
        (lambda x: x.expand(2, 3, 5), ValueError, "does not broadcast"),
        (lambda x: x.t(), ValueError, "at most 2 dimensions"),
        (lambda x: x.split([1, 2]), ValueError, r"add up to 3, but dim 0 has 2"),
        (lambda x: x.repeat(2), ValueError, "1 counts for 3 dimensions"),
        (lambda x: x.unflatten(2, (3, 2)), ValueError, "do not multiply to 4"),
        (lambda x: x.T.view(24), RuntimeError, "use reshape"),
        (lambda x: ag.cat([x, x[0]]), ValueError, "tensor 1 has shape"),
        (lambda x: ag.cat([x, x[..., 0]], dim=2), ValueError, "tensor 1 has shape"),
        (lambda x: ag.cat([]), ValueError, "empty"),
        (lambda x: ag.cat(x), TypeError, "sequence of tensors"),
        (lambda x: ag.stack([x, x[:1]]), ValueError, "tensor 1 has shape"),
        (lambda x: ag.pad(x, (4, 0), "reflect"), ValueError, r"does not fit mode 'reflect' of a dimension of size 4"),
        (lambda x: ag.pad(x, (1, 0, 1)), ValueError, "pairs"),
        (lambda x: ag.pad(x, (-5, 0)), ValueError, "cutting"),
        (lambda x: x @ x[0], ValueError, "matmul: input has 4 columns but other has 3 rows"),
        (lambda x: ag.bmm(x, x[0]), ValueError, "bmm: expected 3 and 3 dimensions"),
        (lambda x: ag.einsum("ij,jk->ik", x), ValueError, "names 2 operands, 1 given"),
        (lambda x: ag.einsum("ij->i", x), ValueError, "does not fit"),
        (lambda x: ag.einsum("abc,abd->cd", x, x[:, :2]), ValueError, "'b' is 3 in one operand and 2"),
        (lambda x: ag.clamp(x), ValueError, "at least one of min and max"),
        (lambda x: ag.div(x, x, rounding_mode="up"), ValueError, "rounding_mode"),
        (lambda x: ag.cumsum(x), TypeError, "dim is missing"),
    ],
)
def test_wrong_calls_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call(numbers(2, 3, 4))


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk", [(2, 3), (3, 4)]),
        ("ii->i", [(3, 3)]),
        ("ii", [(3, 3)]),
        ("ij->ji", [(2, 3)]),
        ("...ij,...jk->...ik", [(2, 2, 3), (2, 3, 2)]),
        ("...i,i", [(2, 2, 3), (3,)]),
        ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)]),
        ("i,j,k->kij", [(2,), (3,), (2,)]),
        ("bi,oi,bo->", [(2, 3), (4, 3), (2, 4)]),
        ("ij,kj->", [(2, 3), (4, 3)]),
        ("iij,jkk->ik", [(2, 2, 3), (3, 4, 4)]),
    ],
)
def test_einsum_agrees_with_numpy(equation, shapes):
    from autograd.gradcheck import gradcheck, gradgradcheck

    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=s) for s in shapes]
    xs = [tensor(a, requires_grad=True) for a in arrays]
    np.testing.assert_allclose(ag.einsum(equation, *xs).detach(), np.einsum(equation, *arrays), rtol=1e-12, atol=1e-12)
    assert gradcheck(lambda *xs: ag.einsum(equation, *xs), xs)
    assert gradgradcheck(lambda *xs: ag.einsum(equation, *xs), xs)


def test_clone_contiguous_and_detach():
    x = numbers(2, 3)
    assert x.contiguous() is x
    y = x.T.contiguous()
    assert y.is_contiguous()
    assert not np.shares_memory(x.clone()._data, x._data)
    y.clone().sum().backward()
    assert x.grad.tolist() == [[1, 1, 1], [1, 1, 1]]


# --- in place -------------------------------------------------------------------------------------------------------


def test_in_place_methods_write_and_return_the_tensor():
    x = ag.zeros(3)
    memory = x._data
    assert x.fill_(2) is x
    assert x.add_(1, alpha=2).tolist() == [4, 4, 4]
    assert x.sub_(tensor([1.0, 2.0, 3.0])).tolist() == [3, 2, 1]
    assert x.mul_(2).div_(4).tolist() == [1.5, 1, 0.5]
    assert x.clamp_(max=1).tolist() == [1, 1, 0.5]
    assert x.copy_(tensor([1, 2, 3])).tolist() == [1, 2, 3]
    assert x.zero_().tolist() == [0, 0, 0]
    assert x._data is memory
    g = ag.Generator(0)
    assert x.uniform_(2, 3, generator=g).min().item() >= 2
    assert x.normal_(100, 0.1, generator=g).min().item() > 90


def test_in_place_on_a_saved_value_is_an_error_in_backward():
    x, w = tensor([1.0], requires_grad=True), tensor([3.0])
    y = x * w
    w.mul_(2)
    with pytest.raises(RuntimeError, match=r"changed in place afterwards by mul_"):
        y.backward()


def test_in_place_on_repeated_memory_is_refused():
    with pytest.raises(RuntimeError, match="read-only"):
        ag.zeros(1).expand(3).add_(1)
