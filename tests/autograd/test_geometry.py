"""Shapes against counting: an output exists for each place where the window fits."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from autograd import geometry
from autograd.geometry import (
    check_conv,
    check_conv_adjoint,
    check_size,
    conv_output_size,
    conv_transpose_output_size,
    pair,
    pool_output_size,
    resolve_padding,
)

SQUARE = (1, 1)
NO_PADDING = ((0, 0), (0, 0))


def count_windows(n, k, s, before, after, d):
    return sum(1 for start in range(-before, n + after, s) if start + d * (k - 1) < n + after)


def test_conv_output_size_counts_the_windows():
    for n, k, s, before, after, d in itertools.product(range(1, 9), range(1, 5), range(1, 4), (0, 2), (0, 1), (1, 2)):
        rows, columns = conv_output_size((n, 9), (k, 1), (s, 1), ((before, after), (0, 0)), (d, 1))
        assert (max(rows, 0), columns) == (count_windows(n, k, s, before, after, d), 9)


def test_valid_is_n_minus_f_plus_1_and_full_is_n_plus_f_minus_1():
    assert conv_output_size((7, 7), (3, 3), SQUARE, NO_PADDING, SQUARE) == (5, 5)
    assert conv_output_size((7, 7), (3, 3), SQUARE, ((2, 2), (2, 2)), SQUARE) == (9, 9)


def test_transposed_size_is_the_input_size_of_the_convolution():
    for n, k, s, p, d in itertools.product(range(5, 12), range(1, 4), range(1, 4), (0, 1), (1, 2)):
        padding = ((p, p), (p, p))
        out = conv_output_size((n, n), (k, k), (s, s), padding, (d, d))
        if out[0] < 1:
            continue
        bare = conv_transpose_output_size(out, (k, k), (s, s), padding, (0, 0), (d, d))
        extra = n - bare[0]
        assert 0 <= extra < s
        assert conv_transpose_output_size(out, (k, k), (s, s), padding, (extra, extra), (d, d)) == (n, n)


def test_output_padding_must_be_smaller_than_stride_or_dilation():
    assert conv_transpose_output_size((3, 3), (2, 2), (2, 2), NO_PADDING, (1, 1), SQUARE) == (7, 7)
    assert conv_transpose_output_size((3, 3), (2, 2), SQUARE, NO_PADDING, (1, 1), (2, 2)) == (6, 6)
    with pytest.raises(ValueError, match=r"output_padding must be smaller than stride or dilation, got .*\(2, 0\)"):
        conv_transpose_output_size((3, 3), (2, 2), (2, 2), NO_PADDING, (2, 0), SQUARE)
    with pytest.raises(ValueError, match="conv_transpose2d: the output would have size"):
        conv_transpose_output_size((1, 1), (1, 1), SQUARE, ((1, 1), (1, 1)), (0, 0), SQUARE)


def test_same_padding_puts_the_odd_one_at_the_bottom_and_the_right():
    assert resolve_padding("same", (3, 2), SQUARE, SQUARE) == ((1, 1), (0, 1))
    assert resolve_padding("same", (4, 4), SQUARE, (2, 1)) == ((3, 3), (1, 2))
    for kernel, dilation in itertools.product(itertools.product(range(1, 6), repeat=2), [(1, 1), (2, 3)]):
        padding = resolve_padding("same", kernel, SQUARE, dilation)
        assert conv_output_size((9, 11), kernel, SQUARE, padding, dilation) == (9, 11)


def test_forms_of_padding():
    assert resolve_padding("valid", (3, 3), (2, 2), SQUARE) == NO_PADDING
    assert resolve_padding(2, (3, 3), (2, 2), SQUARE) == ((2, 2), (2, 2))
    assert resolve_padding((1, 2), (3, 3), (2, 2), SQUARE) == ((1, 1), (2, 2))
    assert resolve_padding([(1, 2), (3, 4)], (3, 3), (2, 2), SQUARE) == ((1, 2), (3, 4))
    assert resolve_padding(np.int64(1), (3, 3), SQUARE, SQUARE) == ((1, 1), (1, 1))


@pytest.mark.parametrize(
    ("padding", "error", "message"),
    [
        ("full", ValueError, "'same', 'valid' or integers, got 'full'"),
        (-1, ValueError, "at least 0, got -1"),
        ((0, -1), ValueError, "at least 0"),
        (((0, 0), (0, -2)), ValueError, "at least 0"),
        ((1, 2, 3), ValueError, "pair of integers"),
        (1.0, TypeError, "integer, got 1.0"),
        (None, TypeError, "integer, got None"),
    ],
)
def test_padding_is_refused(padding, error, message):
    with pytest.raises(error, match=message):
        resolve_padding(padding, (3, 3), SQUARE, SQUARE)


def test_same_padding_with_a_stride_is_refused():
    with pytest.raises(ValueError, match=r"nn.conv: padding='same' needs stride 1, got stride=\(2, 1\)"):
        resolve_padding("same", (3, 3), (2, 1), SQUARE, op="nn.conv")


def test_pair():
    assert pair(3, "stride") == (3, 3)
    assert pair([1, np.int32(2)], "stride") == (1, 2)
    assert all(type(v) is int for v in pair((np.int64(1), np.uint8(2)), "stride"))
    for bad in (1.0, "1", True, None, (1, 2.0)):
        with pytest.raises(TypeError, match="stride must be an integer"):
            pair(bad, "stride")
    with pytest.raises(ValueError, match="stride must be at least 1, got 0"):
        pair(0, "stride", least=1)


def count_pool_windows(n, k, s, p, d, ceil_mode):
    whole = [start for start in range(-p, n + p, s) if start + d * (k - 1) < n + p]
    if not ceil_mode:
        return len(whole)
    following = -p + s * len(whole)
    reaches_further = not whole or whole[-1] + d * (k - 1) < n + p - 1
    return len(whole) + (1 if reaches_further and following < n else 0)


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_pool_output_size_counts_the_windows(ceil_mode):
    for n, k, s, d in itertools.product(range(1, 12), range(1, 5), range(1, 5), (1, 2)):
        for p in range(k // 2 + 1):
            expected = count_pool_windows(n, k, s, p, d, ceil_mode)
            if n + 2 * p >= d * (k - 1) + 1:
                assert pool_output_size("pool", (n, n), (k, k), (s, s), (p, p), (d, d), ceil_mode) == (expected,) * 2


def test_ceil_mode_drops_a_window_that_starts_behind_the_input():
    sizes = [pool_output_size("pool", (n, n), (2, 2), (2, 2), (1, 1), SQUARE, True)[0] for n in (1, 3, 5)]
    assert sizes == [1, 2, 3]


def test_pooling_settings_are_refused():
    with pytest.raises(ValueError, match="max_pool2d: padding must be between 0 and half of the kernel"):
        pool_output_size("max_pool2d", (8, 8), (3, 3), (1, 1), (2, 2))
    with pytest.raises(ValueError, match="max_pool2d: stride must be at least 1"):
        pool_output_size("max_pool2d", (8, 8), (3, 3), (0, 1), (0, 0))
    with pytest.raises(ValueError, match=r"max_pool2d: the output would have size \(0, 0\)"):
        pool_output_size("max_pool2d", (2, 2), (3, 3), (1, 1), (0, 0))


def refuse(message, x, w, stride=SQUARE, padding=NO_PADDING, dilation=SQUARE, groups=1):
    with pytest.raises(ValueError, match=message):
        check_conv("conv2d", x, w, stride, padding, dilation, groups)


def test_conv2d_refuses_what_does_not_fit_and_says_which_numbers_disagree():
    refuse(
        r"conv2d: x has 3 channels but w expects 4 \(w.shape\[1\]=4 × groups=1\); "
        r"x.shape=\(8, 3, 64, 64\), w.shape=\(16, 4, 3, 3\)",
        (8, 3, 64, 64),
        (16, 4, 3, 3),
    )
    refuse("5 output channels, which groups=2 does not divide", (1, 4, 8, 8), (5, 2, 3, 3), groups=2)
    refuse("groups must be at least 1, got 0", (1, 4, 8, 8), (5, 4, 3, 3), groups=0)
    refuse("x must have 4 dimensions", (4, 8, 8), (5, 4, 3, 3))
    refuse("stride must be at least 1", (1, 4, 8, 8), (5, 4, 3, 3), stride=(1, 0))
    refuse("dilation must be at least 1", (1, 4, 8, 8), (5, 4, 3, 3), dilation=(-1, 1))
    refuse("kernel must be at least 1", (1, 4, 8, 8), (5, 4, 0, 3))
    refuse("padding must not be negative", (1, 4, 8, 8), (5, 4, 3, 3), padding=((0, 0), (0, -1)))
    refuse(r"reaches over \(5, 9\) pixels but the padded input has only \(6, 8\)", (1, 1, 6, 6), (1, 1, 3, 3),
           dilation=(2, 4), padding=((0, 0), (1, 1)))  # fmt: skip


def test_sizes_beyond_any_memory_are_refused_before_allocating():
    refuse("would have shape", (1, 1, 8, 8), (1, 1, 1, 1), padding=((2**62, 0), (0, 0)))
    refuse("reaches over", (1, 1, 8, 8), (1, 1, 3, 3), dilation=(2**63, 1))
    with pytest.raises(ValueError, match="resize: the result would have shape"):
        check_size("resize", (1, 1, 2**40, 2**40))
    check_size("resize", (0, 1, 2**40, 2**40))


def test_batch_of_zero_is_a_shape_like_any_other():
    assert check_conv("conv2d", (0, 4, 8, 8), (6, 2, 3, 3), (2, 2), ((1, 1), (1, 1)), SQUARE, 2) == (0, 6, 4, 4)


def test_adjoints_refuse_a_gradient_of_another_shape():
    settings = ((2, 2), ((1, 1), (1, 1)), SQUARE, 1)
    check_conv_adjoint("conv2d_input", (1, 6, 4, 4), (1, 4, 8, 8), (6, 4, 3, 3), *settings)
    with pytest.raises(ValueError, match=r"conv2d_input: z has shape \(1, 6, 5, 4\) but .* gives \(1, 6, 4, 4\)"):
        check_conv_adjoint("conv2d_input", (1, 6, 5, 4), (1, 4, 8, 8), (6, 4, 3, 3), *settings)
    with pytest.raises(ValueError, match="z must have 4 dimensions"):
        check_conv_adjoint("conv2d_input", (6, 4, 4), (1, 4, 8, 8), (6, 4, 3, 3), *settings)


def test_geometry_imports_nothing_of_the_project():
    source = Path(geometry.__file__).read_text()
    assert "from ." not in source
    assert "numpy" not in source
