"""Joint transforms: image and mask always get the same geometry."""

import numpy as np
import pytest

from segmentation.data import ColorJitter, Compose, FlipHorizontal, FlipVertical, RandomCrop, RandomScale, Rotate90
from segmentation.data.transforms import resize_image, resize_mask

MOVES = [
    FlipHorizontal(1.0),
    FlipVertical(1.0),
    Rotate90(),
    RandomCrop((5, 7)),
    RandomCrop((20, 30)),
    Compose(FlipHorizontal(), FlipVertical(), Rotate90(), RandomCrop((6, 6)), ColorJitter(0, 0, 0)),
]


def sample(height=12, width=16, seed=0):
    """A mask of labels 0..4 and an image that is a function of it, channel by channel."""
    mask = np.random.default_rng(seed).integers(0, 5, (height, width))
    return derive(mask), mask


def derive(mask):
    filled = np.where(mask == 255, 0, mask)
    return np.stack([filled / 4, filled == 2, (4 - filled) / 8 * (mask != 255)]).astype(np.float32)


@pytest.mark.parametrize("transform", MOVES, ids=repr)
def test_an_image_derived_from_its_mask_stays_so(transform):
    for seed in range(20):
        image, mask = transform(*sample(width=12 + 4 * (seed % 2)), np.random.default_rng(seed))
        np.testing.assert_array_equal(image, derive(mask))
        assert image.dtype == np.float32
        assert mask.dtype == np.int64


def test_scale_moves_image_and_mask_to_the_same_place():
    """Image values are their own coordinates, the mask numbers the pixels: after scaling both must point to one "
    "place."""
    height, width = 24, 40
    rows, columns = np.indices((height, width))
    image = np.stack([rows, columns]).astype(np.float32)
    for seed in range(20):
        scaled, mask = RandomScale(0.5, 2.0)(image, rows * width + columns, np.random.default_rng(seed))
        factor = min(mask.shape[0] / height, 1)
        inner = np.s_[2:-2, 2:-2]
        # Within half an input pixel (the nearest one), and nothing systematic: the mean difference is that of no shift.
        for found, wanted in ((mask // width, scaled[0]), (mask % width, scaled[1])):
            difference = (found - wanted)[inner]
            assert np.abs(difference).max() <= 0.5 / factor + 1e-3
            assert abs(difference.mean()) < 0.3


def test_scale_never_invents_labels():
    mask = np.where(np.indices((9, 9)).sum(0) % 2, 255, 3)
    for seed in range(10):
        _, scaled = RandomScale(0.3, 3)(np.zeros((1, 9, 9), np.float32), mask, np.random.default_rng(seed))
        assert set(np.unique(scaled)) <= {3, 255}


def test_nearest_takes_the_pixel_under_the_centre():
    for old in range(1, 12):
        for new in range(1, 12):
            wanted = [int((i + 0.5) * old / new + 1e-9) for i in range(new)]
            assert resize_mask(np.arange(old)[None], (1, new))[0].tolist() == wanted


def test_bilinear_enlarging_uses_half_pixel_centres():
    image = np.array([[[0.0, 1.0]]], np.float32)
    np.testing.assert_allclose(resize_image(image, (1, 4))[0, 0], [0, 0.25, 0.75, 1])
    assert resize_image(image, (1, 2)) is image


def test_flips_and_turns_are_what_they_say():
    image, mask = sample(3, 3)
    assert np.array_equal(FlipHorizontal(1.0)(image, mask, np.random.default_rng(0))[1], mask[:, ::-1])
    assert np.array_equal(FlipVertical(1.0)(image, mask, np.random.default_rng(0))[1], mask[::-1])
    assert FlipHorizontal(0.0)(image, mask, np.random.default_rng(0))[1] is mask
    turned = {Rotate90()(image, mask, np.random.default_rng(s))[1].tobytes() for s in range(40)}
    assert turned == {np.rot90(mask, k).tobytes() for k in range(4)}


def test_rotation_keeps_the_size_of_pictures_that_are_not_square():
    image, mask = sample(4, 7)
    turned = {Rotate90()(image, mask, np.random.default_rng(s))[1].tobytes() for s in range(40)}
    assert turned == {mask.tobytes(), mask[::-1, ::-1].tobytes()}


def test_crop_reaches_every_place_and_cuts_a_true_window():
    mask = np.arange(20).reshape(4, 5)
    image = mask[None].astype(np.float32)
    seen = set()
    for seed in range(200):
        a, b = RandomCrop((3, 3))(image, mask, np.random.default_rng(seed))
        top, left = divmod(int(b[0, 0]), 5)
        assert np.array_equal(b, mask[top : top + 3, left : left + 3])
        assert np.array_equal(a[0], b)
        seen.add((top, left))
    assert seen == {(t, c) for t in range(2) for c in range(3)}


def test_crop_pads_the_mask_with_ignore_and_only_there():
    image, mask = np.ones((1, 3, 9), np.float32), np.ones((3, 9), np.int64)
    for seed in range(20):
        a, b = RandomCrop((5, 6), ignore_index=-100, fill=0.25)(image, mask, np.random.default_rng(seed))
        assert b.shape == (5, 6)
        assert (b == 1).sum() == 18
        assert np.array_equal(a[0] == 0.25, b == -100)
    with pytest.raises(ValueError, match=r"the picture is \(3, 9\) but size is \(5, 6\) and there is no ignore_index"):
        RandomCrop((5, 6), ignore_index=None)(image, mask, np.random.default_rng(0))


def test_colour_jitter_leaves_the_mask_and_the_range():
    image, mask = sample()
    changed, same = ColorJitter(1, 1, 1)(image, mask, np.random.default_rng(0))
    assert same is mask
    assert not np.array_equal(changed, image)
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 1
    np.testing.assert_allclose(ColorJitter(0, 0, 0)(image, mask, np.random.default_rng(0))[0], image, atol=1e-6)
    assert ColorJitter()(image[:1], mask, np.random.default_rng(0))[0].shape == (1, 12, 16)


@pytest.mark.parametrize("transform", [*MOVES, ColorJitter(), RandomScale()], ids=repr)
def test_inputs_are_never_changed_and_equal_generators_give_equal_results(transform):
    image, mask = sample()
    kept = image.copy(), mask.copy()
    first, second = (transform(image, mask, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(image, kept[0])
    assert np.array_equal(mask, kept[1])
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FlipHorizontal(1.5), "FlipHorizontal: p is 1.5"),
        (lambda: FlipVertical(-1), "FlipVertical: p is -1"),
        (lambda: RandomCrop((0, 3)), r"RandomCrop: size is \(0, 3\)"),
        (lambda: RandomScale(2, 1), "low is 2 and high is 1"),
        (lambda: RandomScale(0, 1), "low is 0"),
        (lambda: ColorJitter(contrast=2), "contrast is 2"),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
