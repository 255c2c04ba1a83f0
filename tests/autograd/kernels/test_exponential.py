"""What kernels have in place of the C library, beside it."""

import math

import numpy as np
import pytest

from autograd.kernels.exponential import error_function, exponential, exponential_less_1, logarithm_of_1_plus
from autograd.kernels.streaming import arithmetic


@arithmetic
def _exponential(x):
    return exponential(x)


@arithmetic
def _exponential_less_1(x):
    return exponential_less_1(x)


@arithmetic
def _logarithm_of_1_plus(x):
    return logarithm_of_1_plus(x)


@arithmetic
def _error_function(x):
    return error_function(x, exponential(-x * x))


def numbers(dtype):
    rng = np.random.default_rng(0)
    parts = [np.linspace(-9, 9, 20_001), rng.standard_normal(20_000) * 0.2, [1, -1, 0.34, -0.34, 4, -4, 6, -6]]
    return np.concatenate([*parts, 10.0 ** np.arange(-30, 2), -(10.0 ** np.arange(-30, 2))]).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("kernel", "reference", "ulp"),
    [(_exponential, math.exp, 1), (_exponential_less_1, math.expm1, 4), (_error_function, math.erf, 2.5)],
)
def test_accuracy(kernel, reference, ulp, dtype):
    x = numbers(dtype)
    x = x[np.abs(x) < 80]
    y = np.empty_like(x)
    kernel(0, x.size, False, y, x)
    wanted = np.array([reference(float(v)) for v in x])
    spacing = np.spacing(np.abs(wanted).astype(dtype)).astype(np.float64)
    assert (np.abs(y - wanted) <= ulp * spacing).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logarithm_of_1_plus(dtype):
    x = np.concatenate([np.linspace(0, 1, 20_001), 10.0 ** np.arange(-30, 0), [np.nan]]).astype(dtype)
    y = np.empty_like(x)
    _logarithm_of_1_plus(0, x.size, False, y, x)
    wanted = np.log1p(x.astype(np.longdouble))
    assert (np.abs(y - wanted)[:-1] <= 3 * np.spacing(y[:-1])).all()
    assert np.isnan(y[-1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ends(dtype):
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e30, -1e30], dtype)
    for kernel, wanted in (
        (_exponential, [np.inf, 0, np.nan, 1, 1, np.inf, 0]),
        (_exponential_less_1, [np.inf, -1, np.nan, 0, -0.0, np.inf, -1]),
        (_error_function, [1, -1, np.nan, 0, -0.0, 1, -1]),
    ):
        y = np.empty_like(x)
        kernel(0, x.size, False, y, x)
        np.testing.assert_array_equal(y, np.array(wanted, dtype))
