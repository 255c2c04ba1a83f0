"""The register tiles against their formulas, and the promise that no kernel reads outside of its inputs."""

import ctypes
import mmap
import sys

import numpy as np
import pytest
from numba.core.errors import TypingError

from autograd.kernels import conv, planes, tile, vectors
from autograd.kernels.jit import njit

from .test_conv import build, close, family, reference

DTYPES = [np.float32, np.float64]


@njit
def outer(weights, pixels, taps, result, channels, add):
    tile.multiply_outer(weights, 3, 50, channels, pixels, 5, taps, 2, taps.shape[0] - 2, result, 1, 200, add)


@njit
def row(weights, pixels, taps, result):
    tile.multiply_row(weights, 3, 50, 1, pixels, 5, taps, 2, taps.shape[0] - 2, result, 1, 200, False)


@njit
def dots(rows, pixels, offsets, length, result):
    tile.add_dots(rows, 1, 300, pixels, 7, offsets, 2, length, result, 2)


@njit
def stencil(weights, pixels, taps, masks, result):
    tile.multiply_masked(weights, 3, pixels, 50, taps, 1, taps.shape[0] - 1, masks, 2, 200, result, 1)


@njit
def masked_dots(rows, pixels, offsets, length, result):
    tile.add_masked_dots(rows, 1, 300, pixels, 7, offsets, 2, length, result, 2)


@njit
def copies(kind, target, source):
    if kind == 0:
        vectors.copy_vector(target, 2, source, 3)
    elif kind == 1:
        vectors.copy_even(target, 2, source, 3)
    elif kind == 2:
        vectors.interleave(target, 2, source, 3, 5)
    else:
        vectors.clear_vector(target, 2)


def weights_pixels_taps(dtype):
    rng = np.random.default_rng(0)
    taps = np.stack([rng.integers(0, 40, 13), rng.integers(0, 900, 13)], 1)
    return rng.normal(size=3 + 50 * tile.OUTER_ROWS).astype(dtype), rng.normal(size=1100).astype(dtype), taps


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("channels", [1, 2, tile.OUTER_ROWS])
def test_multiply_outer_is_its_formula(channels, add, dtype):
    weights, pixels, taps = weights_pixels_taps(dtype)
    count = tile.OUTER_VECTORS * vectors.lanes(dtype)
    result = np.ones(tile.OUTER_ROWS * 200 + 2, dtype)
    outer(weights, pixels, taps, result, channels, add)
    expected = np.ones_like(result)
    for m in range(channels):
        for p in range(count):
            products = [float(weights[3 + m * 50 + a]) * float(pixels[5 + b + p]) for a, b in taps[2:]]
            expected[1 + m * 200 + p] = add + sum(products)
    np.testing.assert_allclose(result, expected, atol=2e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_multiply_row_is_the_first_row(dtype):
    weights, pixels, taps = weights_pixels_taps(dtype)
    count = tile.ROW_VECTORS * vectors.lanes(dtype)
    result = np.ones(count + 2, dtype)
    row(weights, pixels, taps, result)
    assert result[0] == result[-1] == 1
    expected = sum(float(weights[3 + a]) * pixels[5 + b :][:count].astype(float) for a, b in taps[2:])
    np.testing.assert_allclose(result[1:-1], expected, atol=2e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_add_dots_is_its_formula(dtype):
    rng = np.random.default_rng(1)
    length = 7 * vectors.lanes(dtype)
    rows, pixels = rng.normal(size=300 * tile.DOT_ROWS).astype(dtype), rng.normal(size=800).astype(dtype)
    offsets = rng.integers(0, 500, tile.DOT_TAPS + 2)
    result = np.ones(tile.dot_results(tile.DOT_ROWS, tile.DOT_TAPS, dtype) + 3, dtype)
    dots(rows, pixels, offsets, length, result)
    expected = np.ones(len(result))
    for m in range(tile.DOT_ROWS):
        for j in range(tile.DOT_TAPS):
            run = pixels[7 + offsets[2 + j] :][:length].astype(float)
            expected[2 + m * tile.DOT_TAPS + j] += rows[1 + m * 300 :][:length].astype(float) @ run
    np.testing.assert_allclose(result, expected, atol=1e-4 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_add_masked_dots_is_its_formula(dtype):
    rng = np.random.default_rng(1)
    length = 7 * vectors.lanes(dtype)
    rows, pixels = rng.normal(size=700).astype(dtype), rng.normal(size=800).astype(dtype)
    mask = rng.integers(0, 2, length)
    rows[1 : 1 + length][mask == 0] = 0
    rows[301 : 301 + length] = mask
    offsets = np.zeros(tile.ROW_TAPS + 2, np.int64)
    pixels[7 : 7 + length][mask == 0] = np.nan  # where all taps look
    result = np.ones(tile.dot_results(1, tile.ROW_TAPS, dtype) + 3, dtype)
    masked_dots(rows, pixels, offsets, length, result)
    expected = np.ones(len(result))
    kept = mask == 1
    products = rows[1 : 1 + length][kept].astype(float) @ pixels[7 : 7 + length][kept].astype(float)
    expected[2 : 2 + tile.ROW_TAPS] += products
    np.testing.assert_allclose(result, expected, atol=1e-4 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_multiply_masked_is_its_formula(dtype):
    rng = np.random.default_rng(2)
    count = tile.STENCIL_VECTORS * vectors.lanes(dtype)
    taps = np.stack([rng.integers(0, 9, 5), rng.integers(-50, 50, 5)], 1)
    weights, pixels = rng.normal(size=12).astype(dtype), rng.normal(size=400).astype(dtype)
    keep = rng.integers(0, 2, (5, 200))
    result = np.ones(count + 2, dtype)
    stencil(weights, pixels, taps, -keep.astype(f"i{np.dtype(dtype).itemsize}").ravel(), result)
    expected = np.zeros(count)
    for k, (a, b) in enumerate(taps[1:], 1):
        expected += float(weights[3 + a]) * pixels[50 + b :][:count] * np.append(keep, 0).ravel()[k * 200 + 2 :][:count]
    assert result[0] == result[-1] == 1
    np.testing.assert_allclose(result[1:-1], expected, atol=2e-5)


def test_multiply_masked_refuses_masks_of_another_width():
    taps, masks = np.zeros((1, 2), np.int64), np.zeros(400, np.int64)
    with pytest.raises(TypingError, match="masks are integers as wide as float32"):
        stencil(np.zeros(9, np.float32), np.zeros(400, np.float32), taps, masks, np.zeros(400, np.float32))


@pytest.mark.parametrize("dtype", DTYPES)
def test_copies_write_whole_vectors(dtype):
    lanes = vectors.lanes(dtype)
    source = np.arange(1, 2 * lanes + 9).astype(dtype)
    pairs = np.stack([source[3 : 3 + lanes], source[5 : 5 + lanes]], 1).ravel()
    expected = source[3 : 3 + lanes], source[3 : 3 + 2 * lanes : 2], pairs, np.zeros(lanes)
    for kind, vector in enumerate(expected):
        target = np.full(2 * lanes + 9, -1, dtype)
        copies(kind, target, source)
        np.testing.assert_array_equal(target[2 : 2 + vector.size], vector)
        assert (target[:2] == -1).all() and (target[2 + vector.size :] == -1).all()


@njit
def run_copy(target, at, source, first, count, end, lanes):
    planes.copy_run(target, at, source, first, count, end, lanes)


@pytest.mark.parametrize("first", [0, 3, 30])
@pytest.mark.parametrize("count", [0, 1, 8, 10])
@pytest.mark.parametrize("beyond", [0, 5, 20])
def test_copy_run_keeps_to_its_bounds(first, count, beyond):
    source, target = np.arange(1, 41, dtype=np.float32), np.full(60, -1, np.float32)
    run_copy(target, 2, source, first, count, 2 + count + beyond, vectors.lanes(np.float32))
    np.testing.assert_array_equal(target[2 : 2 + count], source[first : first + count])
    assert (target[:2] == -1).all() and (target[2 + count + beyond :] == -1).all()


def guarded(array, at_end):
    """A copy that ends (or begins) where memory that may not be touched begins (or ends)."""
    pages = -(-array.nbytes // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 2) * mmap.PAGESIZE)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    for page in (0, pages + 1):
        guard = ctypes.c_void_p(base + page * mmap.PAGESIZE)
        assert libc.mprotect(guard, ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
    first = mmap.PAGESIZE + (pages * mmap.PAGESIZE - array.nbytes if at_end else 0)
    copy = np.frombuffer(memory, array.dtype, array.size, first).reshape(array.shape)
    copy[...] = array
    return copy


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mprotect by way of libc")
@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize(
    "name",
    [
        *("3x3 same", "1x1", "stride and dilation", "depthwise", "depthwise, output as large as the input"),
        *("depthwise, stride 2 of an even size", "one row, wider than two tiles"),
    ],
)
def test_nothing_outside_of_the_inputs_is_read(name, at_end):
    x, w, g, options = build(name, np.float32)
    ours = family(conv, *(guarded(array, at_end) for array in (x, w, g)), options)
    close(ours, family(reference, x, w, g, options), np.float32)
