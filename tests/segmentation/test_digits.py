"""The embedded digits and the scenes drawn from them."""

import hashlib
import json

import numpy as np
import pytest

from segmentation.data import DigitScenes
from segmentation.data.digits import digit_pool, load_digits
from segmentation.data.pack_digits import pack
from segmentation.data.seeding import generator


def test_two_thousand_different_digits_two_hundred_of_each_class():
    images, labels = load_digits()
    assert images.shape == (2000, 28, 28)
    assert images.dtype == labels.dtype == np.uint8
    assert np.bincount(labels).tolist() == [200] * 10
    assert len({image.tobytes() for image in images}) == 2000
    assert not images.flags.writeable


def test_train_and_val_share_no_digit_image():
    images, _ = load_digits()
    train, val = ({images[i].tobytes() for i in digit_pool(split)} for split in ("train", "val"))
    assert len(train) == 1600
    assert len(val) == 400
    assert not train & val


@pytest.mark.parametrize("split", ["train", "val"])
def test_scenes_use_only_digits_of_their_pool(split):
    scenes = DigitScenes(500, split)
    pool = set(digit_pool(split).tolist())
    assert {position for i in range(500) for position, _, _ in scenes.layout(i)} <= pool


def test_scene_meets_the_contract():
    scenes = DigitScenes(3, "val", seed=5)
    image, mask = scenes[0]
    assert (image.shape, image.dtype) == ((1, 64, 84), np.float32)
    assert (mask.shape, mask.dtype) == ((64, 84), np.int64)
    assert image.flags.c_contiguous
    assert (len(scenes), scenes.in_channels, scenes.size, scenes.ignore_index) == (3, 1, (64, 84), None)
    assert scenes.classes == ("background", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    assert scenes.name(2) == scenes.name(-1) == "val-00002"
    assert [len(scenes[i]) for i in range(3)] == [2, 2, 2]


def test_a_pixel_is_labelled_exactly_where_it_has_ink():
    for image, mask in (DigitScenes(200)[i] for i in range(200)):
        assert np.array_equal(image[0] > 0, mask > 0)
        assert 0 < image.max() <= 1


def test_a_scene_is_its_layout_painted_in_order_later_digits_on_top():
    images, labels = load_digits()
    scenes, overlaps = DigitScenes(200, seed=1), 0
    for i in range(200):
        image, mask = np.zeros((64, 84)), np.zeros((64, 84), int)
        for position, top, left in scenes.layout(i):
            for y in range(28):
                for x in range(28):
                    if images[position, y, x]:
                        overlaps += mask[top + y, left + x] > 0
                        image[top + y, left + x] = images[position, y, x] / 255
                        mask[top + y, left + x] = labels[position] + 1
        np.testing.assert_allclose(scenes[i][0][0], image, atol=1e-7)
        assert np.array_equal(scenes[i][1], mask)
    assert overlaps > 0


def test_scenes_hold_one_to_three_digits_each_as_often():
    counts = np.bincount([len(DigitScenes(900).layout(i)) for i in range(900)])
    assert counts[0] == 0
    assert (counts[1:] > 240).all()
    assert len(counts) == 4


def test_a_scene_depends_on_seed_split_and_index_alone():
    few, many = DigitScenes(5, seed=3), DigitScenes(5000, seed=3)
    many[4000]
    assert np.array_equal(few[4][0], many[4][0])
    assert not np.array_equal(few[4][0], DigitScenes(5, seed=4)[4][0])
    assert few.layout(4) != DigitScenes(5, "val", seed=3).layout(4)
    assert few.layout(3) != few.layout(4)


def test_scenes_do_not_change_between_versions():
    """Published scores name these scenes: a change must be meant, and said."""
    scenes, digest = DigitScenes(20), hashlib.sha256()
    for i in range(20):
        image, mask = scenes[i]
        digest.update(np.rint(image * 255).astype(np.uint8).tobytes() + mask.astype(np.uint8).tobytes())
    assert digest.hexdigest()[:16] == "879779434d610d5f"


def test_background_covers_about_94_percent():
    masks = np.stack([DigitScenes(500)[i][1] for i in range(500)])
    assert 0.935 < (masks == 0).mean() < 0.95


def test_impossible_requests_say_what_is_wrong():
    with pytest.raises(ValueError, match="split is 'test' but the digit scenes have the splits 'train' and 'val'"):
        DigitScenes(3, "test")
    with pytest.raises(ValueError, match="count is 0 but at least 1"):
        DigitScenes(0)
    with pytest.raises(IndexError, match="scene 3 asked for but there are 3"):
        DigitScenes(3)[3]


def test_packing_restores_bytes_from_thousandths(tmp_path):
    (tmp_path / "src" / "digits").mkdir(parents=True)
    digits = np.random.default_rng(0).integers(0, 256, (10, 3, 28, 28))
    for digit in range(10):
        data = [round(v / 255, 3) for v in digits[digit].ravel().tolist()]
        (tmp_path / "src" / "digits" / f"{digit}.json").write_text(json.dumps({"data": data}))
    pack(tmp_path, tmp_path / "out.npz", per_class=2)
    with np.load(tmp_path / "out.npz", allow_pickle=False) as packed:
        assert np.array_equal(packed["images"], digits[:, :2].reshape(20, 28, 28))
        assert packed["labels"].tolist() == np.repeat(range(10), 2).tolist()
    with pytest.raises(ValueError, match="holds 3 images of digit 0, 4 are needed"):
        pack(tmp_path, tmp_path / "out.npz", per_class=4)


def test_generators_of_different_keys_are_different():
    keys = [
        ("a", 1),
        ("a", 1, 0),
        ("b", 1),
        ("a", 0, 1),
        ("a", 2**32, 1),
        ("a", 0, 1, 1),
        ("a", -1),
        ("a", 11),
        ("a", 1, 1),
    ]
    assert len({generator(*key).integers(2**62) for key in keys}) == len(keys)
    assert generator("a", np.int64(1)).integers(2**62) == generator("a", 1).integers(2**62)
    with pytest.raises(TypeError):
        generator("a", 1.5)
