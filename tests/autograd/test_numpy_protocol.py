"""NumPy's functions on Tensors: they record, or say that they cannot."""

from pathlib import Path

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, tensor
from autograd.ops.numpy_coverage import page
from autograd.ops.numpy_protocol import FUNCTIONS, UFUNCS

from .numpy_calls import CALLS as ARRAY_CALLS

X = np.random.default_rng(0).uniform(0.5, 1.5, (3, 4))
WHOLE = np.arange(1, 13).reshape(3, 4)
BITWISE = (np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert, np.left_shift, np.right_shift)
BELOW_1 = (np.arcsin, np.arccos, np.arctanh)


@pytest.mark.parametrize("ufunc", list(UFUNCS), ids=lambda u: u.__name__)
def test_ufuncs_agree_with_numpy(ufunc):
    whole = ufunc in BITWISE
    a = WHOLE if whole else X - 0.5 if ufunc in BELOW_1 else X + 0.5 if ufunc is np.arccosh else X
    b = a.T.copy() if ufunc is np.matmul else a[:, :3].copy() if ufunc is np.vecmat else a[::-1].copy()
    a = a[:, :3] if ufunc is np.vecmat else a
    arguments = (a, b)[: ufunc.nin]
    expected = ufunc(*arguments)
    got = ufunc(*[tensor(x) for x in arguments])
    assert isinstance(got, Tensor)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12)
    if ufunc.nin == 2:  # an array on either side
        np.testing.assert_allclose(ufunc(a, tensor(b)).numpy(), expected, rtol=1e-12)
        np.testing.assert_allclose(ufunc(tensor(a), b).numpy(), expected, rtol=1e-12)


CALLS = {
    np.sum: [lambda t: np.sum(t), lambda t: np.sum(t, axis=0), lambda t: np.sum(t, axis=(0, 1), keepdims=True)],
    np.mean: [lambda t: np.mean(t, 1)],
    np.prod: [lambda t: np.prod(t, axis=1)],
    np.any: [lambda t: np.any(t > 1, axis=0)],
    np.all: [lambda t: np.all(t > 1)],
    np.argmax: [lambda t: np.argmax(t), lambda t: np.argmax(t, axis=1)],
    np.argmin: [lambda t: np.argmin(t, axis=0)],
    np.max: [lambda t: np.max(t), lambda t: np.max(t, axis=1)],
    np.min: [lambda t: np.min(t, axis=1, keepdims=True)],
    np.var: [lambda t: np.var(t), lambda t: np.var(t, axis=0, ddof=1)],
    np.std: [lambda t: np.std(t, axis=1)],
    np.cumsum: [lambda t: np.cumsum(t), lambda t: np.cumsum(t, axis=1)],
    np.cumprod: [lambda t: np.cumprod(t), lambda t: np.cumprod(t, axis=0)],
    np.nansum: [lambda t: np.nansum(t), lambda t: np.nansum(np.where(t > 1, np.nan, t), axis=0)],
    np.nanmean: [lambda t: np.nanmean(np.where(t > 1.3, np.nan, t), axis=1)],
    np.sort: [lambda t: np.sort(t), lambda t: np.sort(t, axis=None), lambda t: np.sort(t, 0)],
    np.argsort: [lambda t: np.argsort(t), lambda t: np.argsort(t, axis=None)],
    np.quantile: [lambda t: np.quantile(t, 0.3), lambda t: np.quantile(t, 0.3, axis=0, method="nearest")],
    np.nanquantile: [lambda t: np.nanquantile(np.where(t > 1.2, np.nan, t), 0.3, axis=0)],
    np.searchsorted: [lambda t: np.searchsorted(np.sort(t[0]), t, side="right")],
    np.digitize: [lambda t: np.digitize(t, [0.7, 1.0]), lambda t: np.digitize(t, [0.7, 1.0], right=True)],
    np.bincount: [lambda t: np.bincount(np.argsort(t, axis=None) // 5, minlength=4)],
    np.count_nonzero: [lambda t: np.count_nonzero(t > 1, axis=0)],
    np.linalg.norm: [
        lambda t: np.linalg.norm(t),
        lambda t: np.linalg.norm(t, axis=1),
        lambda t: np.linalg.norm(t, 1, axis=0),
    ],
    np.reshape: [lambda t: np.reshape(t, (2, 6)), lambda t: np.reshape(t, -1)],
    np.ravel: [lambda t: np.ravel(t)],
    np.transpose: [lambda t: np.transpose(t), lambda t: np.transpose(t, (1, 0))],
    np.permute_dims: [lambda t: np.permute_dims(t, (1, 0))],
    np.swapaxes: [lambda t: np.swapaxes(t, 0, 1)],
    np.moveaxis: [lambda t: np.moveaxis(t, 0, 1)],
    np.squeeze: [lambda t: np.squeeze(t[:1]), lambda t: np.squeeze(t[:1], axis=0)],
    np.expand_dims: [lambda t: np.expand_dims(t, 1)],
    np.broadcast_to: [lambda t: np.broadcast_to(t, (2, 3, 4))],
    np.flip: [lambda t: np.flip(t), lambda t: np.flip(t, 1)],
    np.roll: [lambda t: np.roll(t, 1), lambda t: np.roll(t, (1, 2), (0, 1))],
    np.tril: [lambda t: np.tril(t)],
    np.triu: [lambda t: np.triu(t, 1)],
    np.copy: [lambda t: np.copy(t)],
    np.concatenate: [lambda t: np.concatenate([t, X]), lambda t: np.concatenate((X, t), axis=1)],
    np.stack: [lambda t: np.stack([t, X], axis=1)],
    np.split: [lambda t: np.concatenate(np.split(t, 2, axis=1)), lambda t: np.split(t, [1], axis=0)[1]],
    np.tile: [lambda t: np.tile(t, 2), lambda t: np.tile(t, (2, 1, 1))],
    np.pad: [
        lambda t: np.pad(t, 1),
        lambda t: np.pad(t, ((1, 0), (2, 2)), mode="reflect"),
        lambda t: np.pad(t, 1, "edge"),
    ],
    np.where: [lambda t: np.where(t > 1, t, 0.0)],
    np.clip: [lambda t: np.clip(t, 0.7, 1.2), lambda t: np.clip(t, a_min=None, a_max=1.0)],
    np.fix: [lambda t: np.fix(t * 3)],
    np.nan_to_num: [lambda t: np.nan_to_num(t), lambda t: np.nan_to_num(t * np.inf, posinf=9.0)],
    np.sinc: [lambda t: np.sinc(t)],
    np.round: [lambda t: np.round(t), lambda t: np.round(t, 2)],
    np.take_along_axis: [lambda t: np.take_along_axis(t, WHOLE[:, :2] % 4, axis=1)],
    np.dot: [lambda t: np.dot(t, X.T)],
    np.outer: [lambda t: np.outer(t[0], t[1])],
    np.einsum: [lambda t: np.einsum("ij,kj->ik", t, X)],
    np.zeros_like: [lambda t: np.zeros_like(t)],
    np.ones_like: [lambda t: np.ones_like(t)],
    **ARRAY_CALLS,
}


@pytest.mark.parametrize("call", [c for calls in CALLS.values() for c in calls], ids=[
    f"{f.__name__}-{i}" for f, calls in CALLS.items() for i in range(len(calls))
])  # fmt: skip
def test_functions_agree_with_numpy(call):
    got = call(tensor(X, requires_grad=True))
    assert isinstance(got, Tensor)
    np.testing.assert_allclose(got.detach().numpy(), call(X), rtol=1e-12)


def test_every_function_of_the_table_is_tried():
    plain = {np.shape, np.ndim, np.size, np.allclose, np.isclose, np.array_equal, np.nonzero}
    plain |= {np.unravel_index, np.empty_like, np.shares_memory, np.may_share_memory}
    printing = {np.array2string, np.array_repr, np.array_str}
    assert set(FUNCTIONS) - plain - printing == set(CALLS) | ({np.amax, np.amin} - set(CALLS))


def test_they_record():
    t = tensor(X, requires_grad=True)
    np.sum(np.concatenate([np.exp(t), X * t]) * 2.0).backward()
    np.testing.assert_allclose(t.grad, 2 * np.exp(X) + 2 * X, rtol=1e-12)


def test_plain_answers():
    t = tensor(X, requires_grad=True)
    assert (np.shape(t), np.ndim(t), np.size(t), np.size(t, 1)) == ((3, 4), 2, 12, 4)
    assert np.allclose(t, X)
    assert np.array_equal(t, X)
    assert [i.tolist() for i in np.nonzero(tensor([0, 1]))] == [[1]]
    np.testing.assert_allclose(np.add.reduce(t).detach(), X.sum(0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: np.nextafter(t, t), r"np\.nextafter is not covered for Tensors; detach"),
        (lambda t: np.linalg.eig(t), r"np\.linalg\.eig is not covered"),
        (lambda t: np.add.accumulate(t), r"np\.add\.accumulate is not covered"),
        (lambda t: np.add(t, 1, out=np.zeros((3, 4))), r"np\.add: an array cannot take the result"),
        (lambda t: np.add(t, 1, where=X > 1), r"np\.add: the argument 'where' is not covered"),
        (lambda t: np.sum(t, where=X > 1), r"np\.sum on Tensors: .*'where'"),
    ],
)
def test_what_is_not_covered_says_so(call, message):
    with pytest.raises(TypeError, match=message):
        call(tensor(X, requires_grad=True))


def test_an_array_does_not_take_in_a_tensor_by_accident():
    a = X.copy()
    with pytest.raises(TypeError, match="write a = a \\+ t"):
        a += tensor(X, requires_grad=True)
    with pytest.raises(RuntimeError, match="requires grad"):
        np.asarray(tensor(X, requires_grad=True))
    assert np.asarray(tensor(X)).dtype == np.float64


def test_numpy_scalars_stand_on_the_left():
    y = np.float64(2.0) * ag.ones(2)
    assert isinstance(y, Tensor)
    assert y.dtype == np.float32


def test_the_page_lists_what_the_tables_hold():
    """``python -m autograd.ops.numpy_coverage > docs/numpy.md`` writes it."""
    written = (Path(__file__).parents[2] / "docs" / "numpy.md").read_text(encoding="utf-8")
    assert written == page(), "docs/numpy.md is not up to date"


def test_arrays_and_tensors_may_share_memory():
    t = tensor(X)
    assert np.shares_memory(t, t.numpy()) and not np.may_share_memory(t, tensor(X))
    assert np.empty_like(t).shape == t.shape
    assert [i.tolist() for i in np.unravel_index(tensor([5]), (2, 3))] == [[1], [2]]
