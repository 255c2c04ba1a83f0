"""Products of matrices on register tiles: NumPy's in float64, the same bits for any threads and any order of memory."""

import numpy as np
import pytest

from autograd.kernels import product
from autograd.kernels.matmul import matmul

from .test_conv import close
from .variants import assert_same_places, check_layouts, check_threads, poisoned_memory

each_type = pytest.mark.parametrize("dtype", [np.float32, np.float64])

# matrices in the stack, rows, inner, columns
CASES = {
    "one number": (1, 1, 1, 1),
    "less than a vector": (1, 5, 3, 2),
    "no whole panels and vectors": (1, 21, 37, 51),
    "two vectors and three": (1, 16, 20, 80),
    "whole vectors": (1, 64, 64, 96),
    "several blocks": (1, 40, 1030, 50),
    "several groups": (1, 50, 520, 1100),
    "several chunks": (1, 300, 40, 60),
    "several parts": (1, 20, 5000, 30),
    "a stack": (5, 33, 40, 50),
    "a long stack": (20, 9, 8, 17),
    "a stack of several blocks": (2, 35, 1030, 33),
}
each_case = pytest.mark.parametrize("name", CASES)


def build(name, dtype):
    stack, rows, inner, columns = CASES[name]
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(dtype) for shape in ((stack, rows, inner), (stack, inner, columns))]


def multiplied(name):
    stack, rows, _, columns = CASES[name]
    return lambda a, b: product.multiply(a, b, np.full((stack, rows, columns), np.nan, a.dtype.newbyteorder("=")))


def turned(x):
    """The same matrices, as transposes of matrices in row-major order."""
    return np.ascontiguousarray(x.swapaxes(1, 2)).swapaxes(1, 2)


@each_type
@each_case
def test_products_are_numpys_in_any_order_of_memory(name, dtype):
    a, b = build(name, dtype)
    exact = np.matmul(a.astype("f8"), b.astype("f8"))
    results = [multiplied(name)(*arrays) for arrays in ((a, b), (turned(a), b), (a, turned(b)), (turned(a), turned(b)))]
    close([results[0]], [exact], dtype)
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@each_type
@each_case
def test_same_bits_for_any_number_of_threads(monkeypatch, name, dtype):
    check_threads(monkeypatch, multiplied(name), *build(name, dtype))


@pytest.mark.parametrize("name", ["no whole panels and vectors", "several parts", "a stack of several blocks"])
def test_any_layout(name):
    check_layouts(multiplied(name), *build(name, np.float32))


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["no whole panels and vectors", "several parts", "several groups"])
def test_nan_and_infinity_reach_exactly_the_results_they_belong_to(name, poison):
    a, b = build(name, np.float32)
    a[0, 2, 1] = b[0, -1, -1] = poison
    with np.errstate(invalid="ignore"):
        expected = np.matmul(a, b)
        for arrays in ((a, b), (turned(a), turned(b))):
            assert_same_places(multiplied(name)(*arrays), expected)


@each_type
def test_large_products_come_here_and_are_written_everywhere(monkeypatch, dtype):
    a, b = build("several groups", dtype)
    with poisoned_memory(monkeypatch):
        assert np.isfinite(matmul(a[0], b[0])).all()
        calls = []
        monkeypatch.setattr(product, "multiply", lambda a, b, out: calls.append(out.shape))
        for x, y in ((a[0], b[0]), (a, b), (a[0, :3], b[0]), (a[0], b[0, :, :7]), (a[0, :, :3], b[0, :3])):
            matmul(x, y)
    assert calls == [(1, 50, 1100), (1, 50, 1100)]
