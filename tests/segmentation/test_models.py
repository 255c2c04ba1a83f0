"""The models: any input size, gradients everywhere, the interpolation that FCN starts from."""

import numpy as np
import pytest

import autograd
import nn
from segmentation.models import MODELS, Encoder, build
from segmentation.models.fcn import BilinearUp, bilinear_kernel


def picture(*shape):
    return autograd.from_numpy(np.random.default_rng(0).random(shape, np.float32))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size", [(1, 1), (5, 13), (33, 47), (32, 64)])
def test_output_has_the_size_of_the_input(name, size):
    model = build(name, in_channels=2, classes=3, base=2, depth=3).eval()
    with autograd.no_grad():
        assert model(picture(2, 2, *size)).shape == (2, 3, *size)


@pytest.mark.parametrize("name", MODELS)
def test_gradient_reaches_every_parameter(name):
    autograd.manual_seed(0)
    model = build(name, in_channels=1, classes=3, base=2, depth=3)
    targets = autograd.from_numpy(np.random.default_rng(1).integers(0, 3, (2, 17, 22)))
    nn.CrossEntropyLoss()(model(picture(2, 1, 17, 22)), targets).backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert np.abs(parameter.grad.numpy()).sum() > 0, parameter_name


@pytest.mark.parametrize("name", MODELS)
def test_default_model_can_be_built(name):
    assert sum(p.numel() for p in build(name, 3, 2).parameters()) < 3_000_000


def test_same_seed_builds_the_same_weights():
    states = []
    for _ in range(2):
        autograd.manual_seed(5)
        states.append(build("unet", 1, 3, base=2, depth=2).state_dict())
    for name, value in states[0].items():
        np.testing.assert_array_equal(value.numpy(), states[1][name].numpy())


def test_encoder_taps_are_what_it_says():
    encoder = Encoder(in_channels=3, base=2, depth=5).eval()
    assert encoder.channels == (2, 4, 8, 16, 32, 32)
    assert encoder.reduction == (1, 2, 4, 8, 16, 32)
    with autograd.no_grad():
        taps = encoder(picture(1, 3, 50, 37))
    for tap, channels, reduction in zip(taps, encoder.channels, encoder.reduction, strict=True):
        assert tap.shape == (1, channels, -(-50 // reduction), -(-37 // reduction))


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_bilinear_up_interpolates_bilinearly(stride):
    # the reference is the definition: output pixel i sits at (i + 1/2) / stride - 1/2 of the input
    x = picture(1, 2, 5, 6)
    with autograd.no_grad():
        y = BilinearUp(2, stride)(x).numpy()
    assert y.shape == (1, 2, 5 * stride, 6 * stride)
    values = x.numpy()
    for i in range(stride, 4 * stride):
        for j in range(stride, 5 * stride):
            r, c = (i + 0.5) / stride - 0.5, (j + 0.5) / stride - 0.5
            top, left = int(r), int(c)
            a, b = r - top, c - left
            cell = values[0, 1, top : top + 2, left : left + 2]
            expected = np.array([1 - a, a]) @ cell @ np.array([1 - b, b])
            assert y[0, 1, i, j] == pytest.approx(expected, abs=1e-5)


def test_bilinear_kernel_sums_to_the_square_of_its_stride():
    assert bilinear_kernel(4).sum() == pytest.approx(16)


def test_segnet_decoder_puts_maxima_back_where_they_were():
    model = build("segnet", 1, 2, base=2, depth=1).eval()
    seen = {}
    model.encoder[0].register_forward_hook(lambda module, args, y: seen.update(encoded=y.numpy()))
    model.decoder[0].register_forward_pre_hook(lambda module, args: seen.update(unpooled=args[0].numpy()))
    with autograd.no_grad():
        model(picture(1, 1, 7, 9))
    placed = seen["unpooled"] != 0
    np.testing.assert_array_equal(seen["unpooled"][placed], seen["encoded"][placed])
    assert placed.sum() <= 2 * 4 * 5  # one place per window and channel; fewer where a whole window is 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("resnet", 1, 2), "unknown model 'resnet'; the models are unet, segnet"),
        (("unet", 0, 2), "in_channels must be at least 1, not 0"),
        (("unet", 1, 1), "classes must be at least 2, not 1"),
        (("unet", 1, 2, 0), "base must be at least 1, not 0"),
        (("fcn8s", 1, 2, 4, 2), "depth must be at least 3, not 2"),
    ],
)
def test_impossible_models_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        build(*arguments)
