"""Every row of the op table, compiled: the values and gradients of eager code, at the first call and at the next."""

import warnings

import numpy as np
import pytest

import autograd
from autograd import Tensor
from tests.autograd.test_table import arrays_of, each_case, gradients, run, tensors_of, upstream, with_gradient


@pytest.fixture(autouse=True)
def _rows_that_are_not_compiled_say_why():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def compiled(case):
    return autograd.compile(lambda *inputs: run(case, inputs))


@each_case
def test_values(case):
    arrays = arrays_of(case)
    expected = run(case, [autograd.tensor(a) for a in arrays])
    function = compiled(case)
    for _ in range(3):
        for got, want in zip(function(*[autograd.tensor(a) for a in arrays]), expected, strict=True):
            if isinstance(want, Tensor):
                np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol=1e-12, atol=1e-12)
            else:
                assert got == want


@with_gradient
def test_gradients(case):
    arrays = arrays_of(case)
    inputs = [x if isinstance(x, Tensor) else autograd.tensor(x) for x in tensors_of(arrays)]
    outputs = run(case, tensors_of(arrays))
    seeds = upstream(outputs)
    eager = tensors_of(arrays)
    expected = gradients(run(case, eager), eager, seeds) if seeds else []
    function = compiled(case)
    for _ in range(3):
        found = gradients(function(*inputs), inputs, seeds) if seeds else []
        for got, want in zip(found, expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)
