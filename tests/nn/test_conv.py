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


def by_loops(x, w, stride, padding, dilation, groups):
    """The definition, for any number of spatial dimensions: every product of an output, an input channel and a tap."""
    sizes = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(x.shape[2:], w.shape[2:], stride, padding, dilation)
    ]
    y = np.zeros((x.shape[0], w.shape[0], *sizes))
    for out in np.ndindex(y.shape):
        for tap in np.ndindex(w.shape[1:]):
            place = [o * s + k * d - p for o, k, s, p, d in zip(out[2:], tap[1:], stride, padding, dilation)]
            channel = out[1] // (w.shape[0] // groups) * w.shape[1] + tap[0]
            if all(0 <= i < n for i, n in zip(place, x.shape[2:])):
                y[out] += x[(out[0], channel, *place)] * w[(out[1], *tap)]
    return y


LINES_AND_VOLUMES = [
    ((7,), (3,), (1,), (1,), (1,), 1),
    ((9,), (2,), (3,), (2,), (2,), 2),
    ((3, 4, 5), (2, 3, 2), (1, 1, 1), (0, 1, 0), (1, 1, 1), 1),
    ((5, 4, 5), (3, 2, 1), (2, 1, 3), (2, 1, 0), (1, 2, 1), 2),
]


@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "dilation", "groups"), LINES_AND_VOLUMES)
def test_lines_and_volumes_beside_the_definition(size, kernel, stride, padding, dilation, groups):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 2 * groups, *size)), rng.normal(size=(2 * groups, 2, *kernel))
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    conv, transposed = ((F.conv1d, F.conv_transpose1d), (F.conv3d, F.conv_transpose3d))[len(size) > 1]
    y = conv(tensor(x), tensor(w), **settings)
    np.testing.assert_allclose(y.numpy(), by_loops(x, w, **settings), rtol=1e-12, atol=1e-12)
    # the transposed convolution is the adjoint: ⟨conv(x), g⟩ = ⟨x, transposed(g)⟩
    g = rng.normal(size=y.shape)
    extra = [n - s for n, s in zip(size, transposed(tensor(g), tensor(w), **settings).shape[2:])]
    back = transposed(tensor(g), tensor(w), output_padding=extra, **settings)
    assert back.shape == x.shape
    np.testing.assert_allclose((back.numpy() * x).sum(), (y.numpy() * g).sum(), rtol=1e-12)


def test_output_padding_beyond_the_stride_uncovers_outputs_and_then_adds_zeros():
    x, w = tensor(np.ones((1, 1, 2))), tensor(np.ones((1, 1, 2)))
    full = F.conv_transpose1d(x, w, dilation=3).numpy().ravel().tolist()
    assert full == [1, 1, 0, 1, 1]
    assert F.conv_transpose1d(x, w, None, 1, 1, 1, dilation=3).numpy().ravel().tolist() == [1, 0, 1, 1]
    assert F.conv_transpose1d(x, w, None, 1, 1, 2, dilation=3).numpy().ravel().tolist() == [1, 0, 1, 1, 0]


def test_conv_errors_of_lines_and_volumes_name_them():
    with pytest.raises(ValueError, match="conv1d: x has 3 channels but w expects 4"):
        nn.Conv1d(4, 6, 3)(tensor(np.zeros((1, 3, 5), np.float32)))
    with pytest.raises(ValueError, match=r"conv1d: input must have 3 dimensions \(N, C, L\) or 2 \(C, L\)"):
        nn.Conv1d(4, 6, 3)(tensor(np.zeros((1, 4, 5, 5), np.float32)))
    with pytest.raises(ValueError, match=r"conv3d: weight must have 5 dimensions; weight.shape=\(1, 1, 2, 2\)"):
        F.conv3d(tensor(np.zeros((1, 1, 2, 2, 2))), tensor(np.zeros((1, 1, 2, 2))))
    with pytest.raises(ValueError, match=r"Conv3d: stride must be an integer or 3 integers, got \(1, 2\)"):
        nn.Conv3d(1, 1, 2, stride=(1, 2))
    with pytest.raises(ValueError, match=r"conv3d: the kernel reaches over \(3, 3, 3\) pixels"):
        nn.Conv3d(1, 1, 3)(tensor(np.zeros((1, 1, 2, 5, 5), np.float32)))
    with pytest.raises(ValueError, match="conv_transpose3d: groups=2 must divide the 3 channels of the input"):
        F.conv_transpose3d(tensor(np.zeros((1, 3, 2, 2, 2))), tensor(np.zeros((3, 1, 2, 2, 2))), groups=2)
    with pytest.raises(ValueError, match="conv_transpose1d: input has 2 channels but weight expects 4"):
        nn.ConvTranspose1d(4, 6, 3)(tensor(np.zeros((1, 2, 5), np.float32)))


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
    images = tensor(np.zeros((1, 4, 5, 5)))
    F.conv2d(images, tensor(np.zeros((4, 2, 3, 3))), groups=2)  # what is decided for 2 does not stand for 2.0
    for function in (F.conv2d, F.conv_transpose2d):
        with pytest.raises(TypeError, match=f"{function.__name__}: groups must be an integer, got 2.0"):
            function(images, tensor(np.zeros((4, 2, 3, 3))), groups=2.0)
    with pytest.raises(ValueError, match="conv_transpose2d: input has 3 channels but weight expects 4"):
        nn.ConvTranspose2d(4, 6, 3)(tensor(np.zeros((1, 3, 5, 5), np.float32)))
    with pytest.raises(ValueError, match="output_padding must be smaller than stride or dilation"):
        nn.ConvTranspose2d(4, 6, 3, output_padding=1)(tensor(np.zeros((1, 4, 5, 5), np.float32)))
    with pytest.raises(ValueError, match=r"an input of \(4, 4\) gives sizes from \(8, 8\) to \(9, 9\)"):
        nn.ConvTranspose2d(1, 1, 2, stride=2)(tensor(np.zeros((1, 1, 4, 4), np.float32)), output_size=(10, 8))


def test_linear_names_the_features():
    with pytest.raises(ValueError, match="linear: input has 5 features but weight expects 3"):
        nn.Linear(3, 2)(tensor(np.zeros((4, 5), np.float32)))
