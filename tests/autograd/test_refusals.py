"""What has no meaning is refused, as PyTorch refuses it, in words that say what to do."""

import numpy as np
import pytest

import autograd as ag
from autograd import tensor
from nn.functional import pad

MASK, WHOLE, REAL = tensor([True, False]), tensor([1, 2]), tensor([1.0, 2.0])
SQUARE = tensor([[1, 2], [3, 4]])
TRACKED = tensor([1.0, 2.0], requires_grad=True)

REFUSED = {
    "sub of two masks": (lambda: MASK - MASK, TypeError, "sub: not for booleans; ~x inverts a mask"),
    "sub of a mask": (lambda: 1 - MASK, TypeError, "sub: not for booleans; ~x inverts a mask"),
    "sub of True": (lambda: REAL - True, TypeError, "sub: not for booleans; a number is written 0 or 1"),
    "sub with a factor": (lambda: ag.sub(REAL, MASK, alpha=2), TypeError, "sub: not for booleans"),
    "+mask": (lambda: +MASK, TypeError, "positive: not for booleans; convert first"),
    "lerp of integers": (lambda: ag.lerp(WHOLE, WHOLE, 0.5), TypeError, "lerp: not for int64"),
    "lerp of two dtypes": (
        lambda: ag.lerp(REAL, REAL.double(), 0.5), TypeError, "lerp: input is float32 but end is float64",
    ),
    "heaviside of two dtypes": (
        lambda: ag.heaviside(REAL, WHOLE), TypeError, "heaviside: input is float32 but values is int64",
    ),
    "a mask to a mask": (lambda: MASK**MASK, TypeError, "pow: not for bool; convert first"),
    "nothing to the power -1": (
        lambda: ag.zeros(0, dtype=np.int64) ** -1, ValueError, "pow: Integers to negative integer powers",
    ),
    "logcumsumexp of integers": (lambda: ag.logcumsumexp(WHOLE, 0), TypeError, "logcumsumexp: .* int64"),
    "cumsum in bool": (
        lambda: ag.cumsum(WHOLE, 0, dtype=bool), TypeError, "cumsum: running totals are numbers, not booleans",
    ),
    "median of a mask": (lambda: ag.median(MASK), TypeError, "median: not for booleans"),
    "nanmedian of a mask": (lambda: ag.nanmedian(MASK, 0), TypeError, "nanmedian: not for booleans"),
    "topk of a mask": (lambda: ag.topk(MASK, 1), TypeError, "topk: not for booleans"),
    "kthvalue of a mask": (lambda: ag.kthvalue(MASK, 1), TypeError, "kthvalue: not for booleans"),
    "nanmean in integers": (lambda: ag.nanmean(REAL, dtype=np.int64), TypeError, "nanmean: .* int64"),
    "unique of empty slices": (lambda: ag.unique(ag.zeros(3, 0), dim=0), ValueError, "unique: slices of shape"),
    "a triangle of -1 rows": (
        lambda: ag.tril_indices(-1, 2), ValueError, "tril_indices: a matrix of -1 rows and 2 columns",
    ),
    "vectors of two lengths": (
        lambda: ag.linalg.vecdot(ag.ones(1), ag.ones(3)), ValueError, "vecdot: vectors of 1 and of 3 elements",
    ),
    "the second dimension of a number": (lambda: ag.argmax(ag.tensor(1.0), -2), IndexError, "argmax: dim -2 is out of"),
    "how often each boolean": (
        lambda: ag.bincount(ag.tensor([True])), TypeError, "bincount: the input is a vector of integers, .* and bool",
    ),
    "a real factor of integers": (
        lambda: ag.addmm(SQUARE, SQUARE, SQUARE, alpha=1.5), TypeError, "addmm: beta=1 and alpha=1.5 of int64",
    ),
    "dot of no booleans": (
        lambda: ag.dot(ag.zeros(0, dtype=bool), ag.zeros(0, dtype=bool)), TypeError, "dot: booleans are not multiplied",
    ),
    "keepdim that is no flag": (lambda: ag.kthvalue(REAL, 1, keepdim="x"), TypeError, "kthvalue: keepdim is True or"),
    "the smallest singular value of nothing": (
        lambda: ag.linalg.matrix_norm(ag.zeros(0, 2), -2), ValueError, "matrix_norm: a matrix of nothing",
    ),
    "flip of a number": (lambda: ag.flip(REAL, 0), TypeError, "flip: dims is a tuple or a list, not 0"),
    "Frobenius in 3 dimensions": (
        lambda: ag.norm(ag.ones(2, 2, 2), dim=(0, 1, 2)), ValueError, "norm: the Frobenius norm is one of matrices",
    ),
    "sum that loses a gradient": (
        lambda: TRACKED.sum(dtype=np.int64), TypeError, "sum: the input requires grad, and int64 carries none",
    ),
    "max with None": (lambda: ag.max(REAL, other=None), TypeError, "maximum: inputs are Tensors"),
    "another dtype at positions": (
        lambda: ag.zeros(3).__setitem__(WHOLE, REAL.double()), TypeError,
        "__setitem__: input is float32 but the value is float64",
    ),
    "cumsum_ in another dtype": (
        lambda: ag.zeros(3).cumsum_(0, dtype=np.float64), TypeError, "cumsum_: dtype=float64, but",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        call()


def test_what_is_near_to_it_works():
    assert (+WHOLE).tolist() == [1, 2]
    assert (MASK**2).tolist() == [1, 0] and (MASK**2).dtype == np.int64
    assert ag.lerp(REAL, REAL + 1, tensor(0.5, dtype=np.float64)).tolist() == [1.5, 2.5]
    assert ag.add(MASK, True, alpha=3).tolist() == [True, True]
    assert ag.add(tensor([1], dtype=np.int32), tensor([True]), alpha=2).dtype == np.int32
    assert [i.item() for i in ag.unravel_index(tensor(-1), (2, 3))] == [1, 2]
    assert ag.combinations(REAL, 0).shape == (0,)
    assert REAL.flip(0).tolist() == REAL.flip((0,)).tolist() == REAL.flip(dims=[0]).tolist() == [2, 1]
    with ag.no_grad():
        assert TRACKED.sum(dtype=np.int64).item() == 3
    x = ag.zeros(3)
    x[tensor([True, False, True])] = tensor([2.0], dtype=np.float64)  # one value under a mask is converted
    assert x.tolist() == [2, 0, 2]


def test_no_images_have_no_borders_to_fit():
    assert pad(ag.zeros(0, 1, 3), [1, 2], "reflect").shape == (0, 1, 6)


def test_a_comparison_in_place_has_the_gradient_zero():
    y = TRACKED * 1
    y.gt_(1.5)
    assert y.tolist() == [0, 1] and y.requires_grad
    (g,) = ag.grad(y.sum(), TRACKED)
    assert g.tolist() == [0, 0]
