"""Batches: order, augmentation and shapes."""

import numpy as np
import pytest

from segmentation.data import (
    Compose,
    DataError,
    DigitScenes,
    FlipHorizontal,
    ImageFolder,
    Loader,
    RandomCrop,
    load_dataset,
)


class Numbered:
    """Item i is an image full of i with a mask full of i; ``shapes`` may give single items another size."""

    classes, in_channels, size, ignore_index = ("a", "b"), 2, (4, 6), None

    def __init__(self, count, shapes=()):
        self.count, self.shapes = count, dict(shapes)

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        shape = self.shapes.get(i, self.size)
        return np.full((2, *shape), i, np.float32), np.full(shape, i, np.int64)

    def name(self, i):
        return f"item{i}"

    def fingerprint(self, i):
        return b"numbered"


def noise(image, mask, rng):
    return image + rng.random(image.shape, dtype=np.float32), mask


def shown(loader, epoch):
    return [int(v) for _, masks in loader.epoch(epoch) for v in masks[:, 0, 0]]


def test_without_shuffle_pictures_come_in_order():
    assert shown(Loader(Numbered(7), 3), 5) == list(range(7))


def test_shuffled_epochs_show_every_picture_once_each_in_another_order():
    loader = Loader(Numbered(50), 8, shuffle=True, seed=1)
    orders = [shown(loader, e) for e in range(3)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert shown(Loader(Numbered(50), 8, shuffle=True, seed=2), 0) != orders[0]


def test_batches_meet_the_contract():
    for images, masks in Loader(DigitScenes(5), 2, augment=FlipHorizontal(1.0)).epoch(0):
        assert images.dtype == np.float32
        assert masks.dtype == np.int64
        assert images.shape == (len(masks), 1, 64, 84)
        assert images.flags.c_contiguous
        assert masks.flags.c_contiguous


@pytest.mark.parametrize(
    ("count", "drop_last", "sizes"), [(7, False, [3, 3, 1]), (7, True, [3, 3]), (6, False, [3, 3]), (2, False, [2])]
)
def test_length_is_the_number_of_batches(count, drop_last, sizes):
    loader = Loader(Numbered(count), 3, shuffle=True, drop_last=drop_last)
    assert [len(masks) for _, masks in loader.epoch(0)] == sizes
    assert len(loader) == len(sizes)


def test_an_epoch_has_the_same_bits_whatever_ran_before():
    fresh = list(Loader(Numbered(10), 4, True, seed=3, augment=noise).epoch(6))
    loader = Loader(Numbered(10), 4, True, seed=3, augment=noise)
    for e in range(6):
        next(loader.epoch(e))  # partly read epochs too
    for (a, b), (c, d) in zip(fresh, loader.epoch(6), strict=True):
        assert np.array_equal(a, c)
        assert np.array_equal(b, d)


def test_augmentation_depends_on_seed_epoch_and_picture_not_on_the_batch():
    def pictures(epoch=0, seed=3, **settings):
        loader = Loader(Numbered(10), seed=seed, augment=noise, **settings)
        return {int(m[0, 0]): i for images, masks in loader.epoch(epoch) for i, m in zip(images, masks, strict=True)}

    base = pictures(batch_size=4)
    for other in (pictures(batch_size=7), pictures(batch_size=4, shuffle=True)):
        assert all(np.array_equal(base[i], other[i]) for i in range(10))
    assert not np.array_equal(base[0], pictures(batch_size=4, epoch=1)[0])
    assert not np.array_equal(base[0], pictures(batch_size=4, seed=4)[0])
    assert not np.array_equal(base[0], base[1] - 1)


def test_pictures_of_differing_size_are_refused_by_name():
    loader = Loader(Numbered(4, {2: (5, 6)}), 4)
    with pytest.raises(DataError, match=r"'item2' has image \(2, 5, 6\) .* 'item0' in the same batch .*--size"):
        list(loader.epoch(0))
    cropped = Loader(Numbered(4, {2: (5, 6)}), 4, augment=Compose(RandomCrop((4, 4))))
    assert next(cropped.epoch(0))[0].shape == (4, 2, 4, 4)


def test_mask_of_another_size_than_its_image_is_refused():
    with pytest.raises(DataError, match=r"'item0' has image \(2, 4, 6\) but mask \(3, 6\)"):
        list(Loader(Numbered(1), 1, augment=lambda image, mask, rng: (image, mask[1:])).epoch(0))


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="batch_size is 0 but must be at least 1"):
        Loader(Numbered(3), 0)
    with pytest.raises(ValueError, match="drop_last leaves no batch at all: batch_size is 8 but there are 3"):
        Loader(Numbered(3), 8, drop_last=True)
    with pytest.raises(TypeError):
        Loader(Numbered(3), 2.5)


def test_load_dataset_knows_digits_and_folders(tmp_path):
    train, val = load_dataset("digits", "train", seed=2), load_dataset("digits", "val", count=7)
    assert (len(train), train.split, train.seed, len(val), val.split) == (4000, "train", 2, 7, "val")
    from PIL import Image

    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
        for name in "abcde":
            Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / part / f"{name}.png")
    folder = load_dataset(tmp_path, "val", val_fraction=0.4, size=(4, 6), classes=["no", "yes"])
    assert isinstance(folder, ImageFolder)
    assert (len(folder), folder.size, folder.classes) == (2, (4, 6), ("no", "yes"))
    assert len(load_dataset(str(tmp_path))) == 5


def test_load_dataset_refuses_options_that_do_not_belong():
    with pytest.raises(DataError, match="size=64 is for folders but the data set is the digit scenes"):
        load_dataset("digits", "train", size=64)
    with pytest.raises(DataError, match="count=3 is for the digit scenes but the data set is the folder 'x'"):
        load_dataset("x", count=3)
    with pytest.raises(DataError, match="split is None but the digit scenes have"):
        load_dataset("digits")
