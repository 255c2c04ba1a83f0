"""The register tiles against their formulas, and the promise that no kernel reads outside of its inputs."""

import ctypes
import mmap
import sys

import numpy as np
import pytest

from autograd.kernels import conv, moves, planes, tile, vectors
from autograd.kernels.jit import njit

from .test_conv import build, close, family, reference

DTYPES = [np.float32, np.float64]


@njit
def outer(weights, pixels, taps, result, channels, add):
    tile.multiply_outer(weights, 3, 50, channels, pixels, 5, taps, 2, taps.shape[0] - 2, result, 1, 200, add)


@njit
def panels(left, right, result, rows, count, add):
    tile.multiply_panels(left, 3, 50, 2, rows, right, 5, 60, count, 13, result, 1, 200, add)


@njit
def row(weights, pixels, taps, result):
    tile.multiply_row(weights, 3, 50, 1, pixels, 5, taps, 2, taps.shape[0] - 2, result, 1, 200, False)


@njit
def dots(rows, pixels, offsets, length, result):
    tile.add_dots(rows, 1, 300, pixels, 7, offsets, 2, length, result, 2)


@njit
def run_dots(rows, pixels, offsets, length, result, runs, count):
    tile.add_run_dots(rows, 1, 300, pixels, 7, offsets, 2, length, result, 2, runs, count)


@njit
def strips(weights, pixels, columns, counts, places, result):
    tile.multiply_strips(weights, 3, pixels, 5, 30, columns, 1, counts, 1, places, 1, result, 2, 40)


@njit
def rows_of(every, target, source, rows, width):
    if every == 1:
        moves.copy_rows(target, 3, 50, source, 2, 70, rows, width)
    elif every == 2:
        moves.copy_even_rows(target, 3, 50, source, 2, 70, rows, width)
    else:
        moves.copy_split_rows(target, 3, 50, source, 2, 70, rows, width, 300)


@njit
def copies(kind, target, source):
    if kind == 0:
        moves.copy_vector(target, 2, source, 3)
    elif kind == 1:
        moves.copy_even(target, 2, source, 3)
    elif kind == 2:
        moves.interleave(target, 2, source, 3, 5)
    else:
        moves.clear_vector(target, 2)


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
@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("count", range(1, tile.OUTER_VECTORS + 1))
@pytest.mark.parametrize("rows", [1, 2, tile.OUTER_ROWS])
def test_multiply_panels_is_its_formula(rows, count, add, dtype):
    left, right, _ = weights_pixels_taps(dtype)
    result = np.ones(tile.OUTER_ROWS * 200 + 2, dtype)
    panels(left, right, result, rows, count, add)
    expected = np.ones_like(result)
    for m in range(rows):
        for p in range(count * vectors.lanes(dtype)):
            products = [float(left[3 + m * 50 + k * 2]) * float(right[5 + k * 60 + p]) for k in range(13)]
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
def test_add_run_dots_adds_runs(dtype):
    rng = np.random.default_rng(1)
    length = 2 * vectors.lanes(dtype)
    rows, pixels = rng.normal(size=300 * tile.DOT_ROWS).astype(dtype), rng.normal(size=800).astype(dtype)
    offsets, runs = rng.integers(0, 500, tile.DOT_TAPS + 2), rng.integers(0, 200, (4, 2))
    result = np.ones(tile.dot_results(tile.DOT_ROWS, tile.DOT_TAPS, dtype) + 3, dtype)
    run_dots(rows, pixels, offsets, length, result, runs.reshape(-1), 3)
    expected = np.ones(len(result))
    for m in range(tile.DOT_ROWS):
        for j in range(tile.DOT_TAPS):
            for a, b in runs[:3]:
                run = pixels[7 + b + offsets[2 + j] :][:length].astype(float)
                expected[2 + m * tile.DOT_TAPS + j] += rows[1 + a + m * 300 :][:length].astype(float) @ run
    np.testing.assert_allclose(result, expected, atol=1e-4 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lengths", [(1, 1, 1), (0, 2, 0), (2, 0, 1), (0, 0, 1)])
def test_multiply_strips_is_its_formula(lengths, dtype):
    rng = np.random.default_rng(2)
    lanes, heights = vectors.lanes(dtype), [tile.COLUMN - i for i, count in enumerate(lengths) for _ in range(count)]
    columns = np.stack([rng.integers(0, 9, len(heights) + 1), rng.integers(0, 200, len(heights) + 1)], 1)
    columns = np.concatenate([columns, rng.integers(0, 5, (len(heights) + 1, 1))], 1)
    weights, pixels = rng.normal(size=30).astype(dtype), rng.normal(size=800).astype(dtype)
    places = np.stack([rng.integers(0, 300, tile.STRIPS + 1), 300 * np.arange(tile.STRIPS + 1)], 1)
    result = np.ones(300 * (tile.STRIPS + 1), dtype)
    strips(weights, pixels, columns, np.array([0, *lengths]), places, result)
    expected = np.ones(len(result))
    for source, target in places[1:]:
        for r in range(tile.STRIP_ROWS):
            total = np.zeros(lanes)
            for height, (weight, offset, step) in zip(heights, columns[1:]):
                for i in range(height):
                    total += (
                        float(weights[3 + weight + i * step]) * pixels[5 + source + offset + (r + i) * 30 :][:lanes]
                    )
            expected[2 + target + r * 40 :][:lanes] = total
    np.testing.assert_allclose(result, expected, atol=2e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("every", [1, 2, "split"])
@pytest.mark.parametrize(("rows", "width"), [(1, 1), (3, 3), (2, 8), (4, 19), (1, 32)])
def test_copied_rows_are_followed_by_zeros_to_the_end_of_a_vector(rows, width, every, dtype):
    source, target = np.arange(1, 401, dtype=dtype), np.full(600, -1, dtype)
    rows_of(3 if every == "split" else every, target, source, rows, width)
    expected = np.full(600, -1, dtype)
    for side in range(2 if every == "split" else 1):
        for r in range(rows):
            at = 3 + 50 * r + 300 * side
            expected[at:][: max(width, vectors.lanes(dtype))] = 0
            expected[at:][:width] = source[2 + side + 70 * r :: 1 if every == 1 else 2][:width]
    np.testing.assert_array_equal(target, expected)


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
        *("depthwise, stride 2 of an even size", "one row, wider than two tiles", "depthwise, 7x7 maps"),
        *("depthwise, stride 2 of an odd size", "depthwise, maps of one row", "depthwise, maps of one pixel"),
        *("1x1 of many channels", "1x1 of many channels, stride 2", "rows of whole vectors, four channels"),
        *("maps of whole vectors", "rows of nearly whole tiles", "1x1 of large maps to few channels"),
        *("2x2 stride 2, rows of whole vectors", "depthwise, rows of several vectors, stride 2", "depthwise, dilation"),
        *("depthwise, stride 3", "depthwise, 7x7 filters"),
    ],
)
def test_nothing_outside_of_the_inputs_is_read(name, at_end):
    x, w, g, options = build(name, np.float32)
    ours = family(conv, *(guarded(array, at_end) for array in (x, w, g)), options)
    close(ours, family(reference, x, w, g, options), np.float32)
