"""Convolution layers: semantics rows 31 and 32, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import nn
import nn.functional as F
from autograd.tensor import tensor


def row(values):
    return tensor(np.array(values, dtype=np.float64).reshape(1, 1, 1, -1))


def test_same_padding_with_an_even_kernel_pads_right_and_bottom():
    y = F.conv2d(row([1, 2, 3, 4]), row([1, 10]), padding="same")
    assert y.numpy().ravel().tolist() == [21, 32, 43, 4]


def test_output_padding_gives_real_values_plus_bias():
    y = F.conv_transpose2d(row([1, 2]), row([1, 0]), tensor(np.array([5.0])), stride=(1, 2), output_padding=(0, 1))
    assert y.shape == (1, 1, 1, 5)
    y = F.conv_transpose2d(row([1, 2]), row([1, 2, 3]), tensor(np.array([5.0])), (1, 2), (0, 1), (0, 1))
    # full: 1 2 3+2 4 6, cropped by one at the left, and at the right by one less for output_padding
    assert y.numpy().ravel().tolist() == [7, 10, 9, 11]


def test_conv_errors_name_the_layer_and_the_numbers():
    with pytest.raises(ValueError, match="groups=3 must divide in_channels=4 and out_channels=6"):
        nn.Conv2d(4, 6, 3, groups=3)
    with pytest.raises(ValueError, match="padding_mode is one of zeros, reflect, replicate, circular, not 'mirror'"):
        nn.Conv2d(4, 6, 3, padding_mode="mirror")
    with pytest.raises(ValueError, match="needs stride 1"):
        nn.Conv2d(4, 6, 3, stride=2, padding="same")
    with pytest.raises(ValueError, match="x has 3 channels but w expects 4"):
        nn.Conv2d(4, 6, 3)(tensor(np.zeros((1, 3, 5, 5), np.float32)))
    with pytest.raises(ValueError, match=r"conv2d: input must have 4 dimensions .* input.shape=\(5, 5\)"):
        nn.Conv2d(4, 6, 3)(tensor(np.zeros((5, 5), np.float32)))
    with pytest.raises(ValueError, match=r"bias.shape=\(2,\), but there are 3 output channels"):
        F.conv2d(tensor(np.zeros((1, 1, 4, 4))), tensor(np.zeros((3, 1, 2, 2))), tensor(np.zeros(2)))
    with pytest.raises(ValueError, match="conv_transpose2d: input has 3 channels but weight expects 4"):
        nn.ConvTranspose2d(4, 6, 3)(tensor(np.zeros((1, 3, 5, 5), np.float32)))
    with pytest.raises(ValueError, match="output_padding must be smaller than stride or dilation"):
        nn.ConvTranspose2d(4, 6, 3, output_padding=1)(tensor(np.zeros((1, 4, 5, 5), np.float32)))
    with pytest.raises(ValueError, match=r"an input of \(4, 4\) gives sizes from \(8, 8\) to \(9, 9\)"):
        nn.ConvTranspose2d(1, 1, 2, stride=2)(tensor(np.zeros((1, 1, 4, 4), np.float32)), output_size=(10, 8))


def test_linear_names_the_features():
    with pytest.raises(ValueError, match="linear: input has 5 features but weight expects 3"):
        nn.Linear(3, 2)(tensor(np.zeros((4, 5), np.float32)))
