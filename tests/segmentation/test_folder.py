"""Folders of pictures and masks: what is read, and one clear line for everything that is wrong."""

import contextlib
import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from segmentation.data import DataError, ImageFolder
from segmentation.data.reading import read_image, read_mask

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def picture(size=(8, 10), channels=3, seed=0):
    shape = size if channels == 1 else (*size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def labels(*values, size=(8, 10)):
    """A mask whose rows repeat the given values."""
    return np.resize(np.array(values, np.uint8), size)


def save(path, array, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    (array if isinstance(array, Image.Image) else Image.fromarray(array)).save(path, **options)


def palette_image(indices, colors):
    image = Image.fromarray(indices).convert("P")
    image.putdata(indices.ravel().tolist())
    image.putpalette([v for color in colors for v in color])
    return image


@pytest.fixture
def folder(tmp_path):
    """Make a folder: ``folder(masks=[...], images=[...], classes=...)``; returns its path."""

    def make(masks=None, images=None, classes=None, suffix=".png", root=tmp_path):
        masks = masks or [labels(0, 1, 2)] * 3
        for k, mask in enumerate(masks):
            save(root / "images" / f"p{k}{suffix}", images[k] if images else picture(seed=k))
            save(root / "masks" / f"p{k}.png", mask)
        if isinstance(classes, str):
            (root / "classes.txt").write_text(classes)
        elif classes is not None:
            (root / "classes.json").write_text(json.dumps(classes))
        return root

    return make


def refuse(message, *args, **kwargs):
    """The data set is refused with one line that matches."""
    with pytest.raises(DataError, match=message) as caught:
        ImageFolder(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# What is read


def test_folder_meets_the_contract(folder):
    data = ImageFolder(folder())
    image, mask = data[1]
    assert (image.dtype, image.shape, mask.dtype, mask.shape) == (np.float32, (3, 8, 10), np.int64, (8, 10))
    assert image.flags.c_contiguous
    np.testing.assert_allclose(image, picture(seed=1).transpose(2, 0, 1) / 255, rtol=1e-6)
    assert np.array_equal(mask, labels(0, 1, 2))
    assert (len(data), data.in_channels, data.size, data.ignore_index, data.name(1)) == (3, 3, (8, 10), None, "p1")
    assert data.classes == ("class 0", "class 1", "class 2")
    with pytest.raises(IndexError):
        data[3]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".jpg", ".PNG", ".jpeg"])
def test_image_formats(folder, suffix):
    data = ImageFolder(folder(suffix=suffix))
    assert len(data) == 3
    assert data[0][0].shape == (3, 8, 10)


def test_image_kinds(tmp_path):
    gray = picture(channels=1)
    wide = gray.astype(np.uint16) * 257 + 3
    cases = {
        "l": (gray, gray / 255, 1),
        "bit": (Image.fromarray(gray > 99), gray > 99, 1),
        "i16": (np.minimum(wide, 65535), np.minimum(wide, 65535) / 65535, 1),
        "rgb": (picture(), picture().transpose(2, 0, 1) / 255, 3),
        "p": (palette_image(gray % 3, [RED, GREEN, BLUE]), np.eye(3)[gray % 3].transpose(2, 0, 1), 3),
    }
    for name, (content, wanted, channels) in cases.items():
        path = tmp_path / f"{name}.png"
        save(path, content)
        np.testing.assert_allclose(read_image(path, channels), np.reshape(wanted, (channels, 8, 10)), atol=1e-6)
        assert read_image(path, 4 - channels).shape == (4 - channels, 8, 10)
    save(tmp_path / "f.tif", gray.astype(np.float32) / 255)
    np.testing.assert_allclose(read_image(tmp_path / "f.tif", 1)[0], gray / 255, atol=1e-6)
    for bad in (2.0, -0.5, np.nan):
        save(tmp_path / "f.tif", np.full((3, 3), bad, np.float32))
        with pytest.raises(DataError, match=r"must lie in 0\.\.1: rescale"):
            read_image(tmp_path / "f.tif", 1)


def test_transparent_pixels_are_laid_over_white(tmp_path):
    save(tmp_path / "a.png", np.array([[[10, 20, 30, 255], [10, 20, 30, 0]]], np.uint8))
    np.testing.assert_allclose(read_image(tmp_path / "a.png", 3)[:, 0].T * 255, [[10, 20, 30], [255] * 3], atol=1e-4)
    save(tmp_path / "b.png", Image.fromarray(np.array([[[50, 255], [50, 0]]], np.uint8), "LA"))
    np.testing.assert_allclose(read_image(tmp_path / "b.png", 1)[0, 0] * 255, [50, 255], atol=1e-4)


def test_exif_orientation_is_applied_to_sizes_and_pixels(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned; the upright picture is 10 high
    save(tmp_path / "images" / "a.png", picture(), exif=exif)
    save(tmp_path / "masks" / "a.png", labels(0, 1, size=(10, 8)))
    data = ImageFolder(tmp_path)
    assert data.size == (10, 8)
    np.testing.assert_allclose(data[0][0], np.rot90(picture(), -1).transpose(2, 0, 1) / 255, atol=1e-6)


def test_all_gray_pictures_have_one_channel_and_mixed_ones_three(folder, tmp_path):
    masks = [labels(0, 1)] * 2
    gray = folder(masks, [picture(channels=1)] * 2, root=tmp_path / "gray")
    mixed = folder(masks, [picture(channels=1), picture()], root=tmp_path / "mixed")
    assert (ImageFolder(gray).in_channels, ImageFolder(mixed).in_channels) == (1, 3)
    assert (ImageFolder(gray, channels=3)[0][0].shape, ImageFolder(mixed, channels=1)[1][0].shape) == (
        (3, 8, 10),
        (1, 8, 10),
    )
    first = ImageFolder(mixed)[0][0]
    assert np.array_equal(first[0], first[2])
    assert ImageFolder(mixed, "train").in_channels == ImageFolder(mixed, "val").in_channels == 3


@pytest.mark.parametrize(
    "mask",
    [
        labels(0, 1, 1),
        labels(0, 255, 255),
        Image.fromarray(labels(0, 255, 255)).convert("1"),
        np.repeat(labels(0, 255, 255)[..., None], 3, axis=2),
        labels(0, 255, 255).astype(np.uint16) * 257,
        palette_image(labels(0, 1, 1), [RED, BLUE]),
        np.dstack([labels(0, 1, 1)] * 3 + [labels(255)]),
    ],
    ids=["index", "0/255", "1 bit", "rgb 0/255", "16 bit 0/65535", "palette", "rgba index"],
)
def test_binary_masks_of_every_kind_read_alike(folder, mask):
    data = ImageFolder(folder([mask, mask]))
    assert np.array_equal(data[0][1], labels(0, 1, 1))
    assert data.classes == ("background", "foreground")
    assert data.ignore_index is None


def test_an_empty_0_255_mask_among_others_is_all_background(folder):
    data = ImageFolder(folder([labels(0), labels(0, 255), labels(255)]))
    assert [data[k][1].sum() for k in range(3)] == [0, 40, 80]


def test_palette_masks_are_class_numbers_and_255_has_no_label(folder):
    colors = [(0, 0, 0), RED, GREEN, *[(9, 9, 9)] * 253]
    data = ImageFolder(folder([palette_image(labels(0, 1, 2, 255), colors)]))
    assert (len(data.classes), data.ignore_index) == (3, 255)
    assert np.array_equal(data[0][1], labels(0, 1, 2, 255))


def test_16_bit_masks_hold_many_classes(folder):
    mask = np.arange(300, dtype=np.uint16).reshape(15, 20)
    data = ImageFolder(folder([mask], [picture((15, 20))]))
    assert len(data.classes) == 300
    assert data.ignore_index is None
    assert np.array_equal(data[0][1], mask)


@pytest.mark.parametrize(
    "classes",
    [
        {"sky": RED, "tree": GREEN, "sea": BLUE},
        [{"name": "sky", "color": "#ff0000"}, {"name": "tree", "color": "#00FF00"}, {"name": "sea", "colour": BLUE}],
        [["sky", RED], ["tree", GREEN], ["sea", BLUE]],
        "sky 255 0 0\ntree\t0, 255, 0\n\nsea #0000ff\n",
    ],
    ids=["mapping", "objects", "pairs", "text"],
)
def test_rgb_masks_by_the_colours_of_the_class_file(folder, classes):
    mask = labels(2, 0, 1)
    data = ImageFolder(folder([np.array([RED, GREEN, BLUE], np.uint8)[mask]], classes=classes))
    assert data.classes == ("sky", "tree", "sea")
    assert data.colors == (RED, GREEN, BLUE)
    assert np.array_equal(data[0][1], mask)


def test_the_colour_named_ignore_has_no_label(folder):
    colors = np.array([RED, (224, 224, 192), BLUE], np.uint8)
    root = folder([colors[labels(0, 1, 2)]], classes="sky 255 0 0\nignore 224 224 192\nsea 0 0 255")
    data = ImageFolder(root)
    assert (data.classes, data.ignore_index) == (("sky", "sea"), 255)
    assert np.array_equal(data[0][1], labels(0, 255, 1))
    assert np.array_equal(ImageFolder(root, ignore_index=-100)[0][1] == -100, labels(0, 1, 0))
    refuse("ignore_index is 1, a class of the 2", root, ignore_index=1)


def test_names_alone_name_the_numbers_and_an_argument_replaces_the_file(folder):
    root = folder(classes="sky\ntree house\nsea\nunseen")
    assert ImageFolder(root).classes == ("sky", "tree house", "sea", "unseen")
    assert ImageFolder(root, classes=["a", "b", "c"]).classes == ("a", "b", "c")


def test_ignore_index_can_be_chosen(folder):
    root = folder([labels(0, 1, 7)], classes=["a", "b"])
    assert ImageFolder(root, ignore_index=7).ignore_index == 7
    assert np.array_equal(ImageFolder(root, ignore_index=7)[0][1], labels(0, 1, 7))


def test_255_is_a_class_where_256_are_named(folder):
    data = ImageFolder(folder([labels(0, 255, 7)], classes=[f"c{k}" for k in range(256)]))
    assert data.ignore_index is None
    assert data[0][1].max() == 255


def test_resizing_is_bilinear_for_images_and_nearest_for_masks(folder):
    sizes = [(8, 10), (16, 20), (31, 7)]
    data = ImageFolder(
        folder([labels(0, 5, 2, 1, 3, 4, size=s) for s in sizes], [picture(s) for s in sizes]), size=(12, 15)
    )
    assert data.size == (12, 15)
    for image, mask in (data[k] for k in range(3)):
        assert (image.shape, image.dtype, mask.shape, mask.dtype) == ((3, 12, 15), np.float32, (12, 15), np.int64)
        assert 0 <= image.min() <= image.max() <= 1
        assert set(np.unique(mask)) <= set(range(6))
    assert ImageFolder(data.root, size=9).size == (9, 9)


def test_hidden_and_foreign_files_are_passed_over(folder):
    root = folder()
    for name in ("images/.DS_Store", "images/Thumbs.db", "masks/._p0.png", "masks/notes.txt"):
        (root / name).write_bytes(b"x")
    assert len(ImageFolder(root)) == 3


# Splits


def test_split_is_a_seeded_permutation_cut_in_two(folder):
    root = folder([labels(0, 1)] * 20, [picture()] * 20)
    names = lambda *args, **kwargs: [d.name(i) for d in [ImageFolder(root, *args, **kwargs)] for i in range(len(d))]
    train, val = names("train", seed=1), names("val", seed=1)
    assert (len(train), len(val)) == (16, 4)
    assert sorted(train + val) == sorted(names())
    assert val == names("val", seed=1)
    assert val != names("val", seed=2)
    assert len(names("val", val_fraction=0.001)) == 1
    assert len(names("train", val_fraction=0.999)) == 1


def test_train_and_val_folders_are_used_where_they_are(folder, tmp_path):
    folder([labels(0, 1)] * 3, root=tmp_path / "train")
    folder([labels(0, 1, 2)] * 2, root=tmp_path / "val")
    (tmp_path / "classes.txt").write_text("a\nb\nc")
    assert [len(ImageFolder(tmp_path, split)) for split in (None, "train", "val")] == [5, 3, 2]
    assert ImageFolder(tmp_path, "train").classes == ("a", "b", "c")


def test_both_parts_of_a_folder_agree_about_classes(folder):
    root = folder([labels(0, 1)] * 9 + [labels(0, 1, 2)])
    assert ImageFolder(root, "train").classes == ImageFolder(root, "val").classes == ("class 0", "class 1", "class 2")


# What is refused: layout


def test_refuses_missing_folders(tmp_path, folder):
    refuse("no such folder: .*nowhere", tmp_path / "nowhere")
    refuse("has no images/ and no masks/ inside: expected images/ and masks/ .*train/ and val/", tmp_path)
    (tmp_path / "file").write_text("")
    refuse("is a file but a folder is expected", tmp_path / "file")
    (tmp_path / "images").mkdir()
    refuse("has images/ but no masks/ inside", tmp_path)
    (tmp_path / "masks").mkdir()
    refuse("images' is empty: expected pictures", tmp_path)
    (tmp_path / "images" / "a.webp").write_bytes(b"")
    refuse("images' is empty: expected pictures", tmp_path)


def test_refuses_unclear_layouts(tmp_path, folder):
    folder(root=tmp_path / "a" / "train")
    refuse("holds train/ but no val/: add it, or use", tmp_path / "a", "train")
    folder(root=tmp_path / "a")
    refuse("holds both images/ and train/ but one layout", tmp_path / "a")


def test_refuses_images_and_masks_without_partner(folder):
    root = folder()
    (root / "masks" / "p1.png").unlink()
    refuse(r"images/p1.png' is an image without mask: add 'masks/p1.png' or remove the image", root)
    (root / "masks" / "p0.png").unlink()
    refuse(r"p0.png' is an image without mask \(and 1 more\)", root)
    (root / "masks" / "p0.webp").write_bytes(b"")
    refuse(r"p0.png' is an image without mask .*save '.*p0.webp' as PNG", root)
    for k in (0, 1):
        (root / "images" / f"p{k}.png").unlink()
    save(root / "masks" / "x.png", labels(0))
    refuse(r"masks/x.png' is a mask without image: add 'images/x.png' or remove the mask", root)


def test_refuses_two_files_of_one_name(folder):
    root = folder()
    save(root / "images" / "p1.jpg", picture())
    refuse("p1.jpg' and '.*p1.png' have the same name", root)


def test_a_line_break_in_a_file_name_stays_out_of_the_message(folder):
    root = folder()
    save(root / "images" / "a\nb.png", picture())
    assert r"a\nb.png" in refuse("is an image without mask", root)


# What is refused: sizes and values


def test_refuses_a_mask_of_another_size_than_its_image(folder):
    refuse(
        r"p0.png' is 8x10 but its mask '.*masks/p0.png' is 8x11 \(height x width\)",
        folder([labels(0, 1, size=(8, 11))]),
    )


def test_refuses_images_of_differing_size_without_a_size(folder):
    root = folder([labels(0, 1), labels(0, 1, size=(9, 10))], [picture(), picture((9, 10))])
    refuse(r"p1.png' is 9x10 but '.*p0.png' is 8x10 .*--size", root)


def test_refuses_labels_outside_the_classes(folder):
    root = folder([labels(0, 1), labels(0, 1, 7)], classes=["a", "b", "c"])
    refuse(r"p1.png' holds the label 7 but there are 3 classes, numbered 0\.\.2", root)
    refuse("holds the label 255 but", folder([labels(0, 1, 255)]), ignore_index=None, classes=["a", "b"])


def test_refuses_gaps_where_no_class_is_named(folder):
    refuse("p0.png' holds the label 75 but no mask holds 1: .*classes.txt.*gray levels", folder([labels(0, 38, 75)]))


def test_refuses_masks_with_nothing_but_0(folder):
    refuse("hold no label but 0: there is nothing to learn", folder([labels(0)] * 2))


def test_refuses_0_255_masks_where_more_classes_are_named(folder):
    refuse("hold only 0 and 255 but 3 classes are named", folder([labels(0, 255)], classes=["a", "b", "c"]))


def test_refuses_to_ignore_the_only_label_besides_0(folder):
    root = folder([labels(0, 255)], classes=["a", "b"])
    refuse("hold only 0 and 255 but ignore_index=255 leaves nothing except 0", root, ignore_index=255)


def test_refuses_to_guess_between_foreground_and_unlabelled(folder):
    root = folder([labels(0, 1), labels(0, 255)])
    refuse("p1.png' holds 255 where '.*p0.png' holds 1: .*ignore_index=255", root)
    assert np.array_equal(ImageFolder(root, ignore_index=255)[1][1], labels(0, 255))


def test_refuses_rgb_masks_without_or_outside_a_colour_map(folder, tmp_path):
    mask = np.array([RED, GREEN, (1, 2, 3)], np.uint8)[labels(0, 1, 2)]
    refuse(r"is an RGB mask with the colour \(0, 255, 0\) but no class colours", folder([mask], root=tmp_path / "a"))
    root = folder([mask], classes={"a": RED, "b": GREEN}, root=tmp_path / "b")
    refuse(r"p0.png' holds the colour \(1, 2, 3\) but the class list has no class of that colour", root)


def test_refuses_a_palette_reordered_by_an_editor(folder):
    root = folder([palette_image(labels(0, 1), [GREEN, RED])], classes={"a": RED, "b": GREEN})
    refuse(r"the label 0 in the colour \(0, 255, 0\), which the class list gives to class 1", root)


def test_refuses_masks_that_lost_their_labels(folder):
    root = folder()
    (root / "masks" / "p0.png").unlink()
    save(root / "masks" / "p0.jpg", labels(0, 1, 2))
    refuse("p0.jpg' is a mask saved as JPEG.*save masks as PNG", root)
    (root / "masks" / "p0.jpg").rename(root / "masks" / "p0.png")  # the name does not fool it
    refuse("is a mask saved as JPEG", root)
    save(root / "masks" / "p0.png", np.dstack([picture(), labels(255, 254)]))
    refuse("is a mask with transparent pixels", root)
    (root / "masks" / "p0.png").unlink()
    save(root / "masks" / "p0.tif", labels(0, 1, 2).astype(np.float32))
    refuse("is a mask of kind 'F', which cannot hold labels", root)


# What is refused: damaged and hostile files


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("side", [10_000, 60_000, 2_000_000_000])
@pytest.mark.parametrize("part", ["images", "masks"])
def test_refuses_decompression_bombs_by_their_header(folder, side, part):
    root = folder()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    (root / part / "p1.png").write_bytes(bomb)
    refuse("p1.png' unpacks to more than the 89478485 pixels allowed", root)


@pytest.mark.parametrize("part", ["images", "masks"])
def test_refuses_truncated_empty_and_foreign_files(folder, part):
    root = folder([labels(0, 1)] * 3, [picture()] * 3)
    path = root / part / "p2.png"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    refuse(f"{part}/p2.png' cannot be read .*: replace or remove it", root)
    path.write_bytes(b"")
    refuse("p2.png' cannot be read .not a picture in one of the formats PNG, JPEG, BMP, TIFF", root)
    Image.fromarray(labels(0, 1)).save(path, format="GIF")  # sound, but a decoder that is not on the list
    refuse("not a picture in one of the formats", root)


def test_refuses_a_truncated_jpeg_before_it_is_asked_for(folder):
    root = folder(suffix=".jpg")
    path = root / "images" / "p2.jpg"
    path.write_bytes(path.read_bytes()[:-60])
    refuse("p2.jpg' cannot be read .image file is truncated", root)


def test_headers_alone_can_be_checked(folder):
    root = folder([labels(0, 1)], [picture()])
    path = root / "images" / "p0.png"
    path.write_bytes(path.read_bytes()[:-40])
    data = ImageFolder(root, check_images=False)
    with pytest.raises(DataError, match="cannot be read"):
        data[0]


def test_refuses_files_with_several_pictures(folder):
    root = folder()
    (root / "images" / "p0.png").unlink()
    pages = [Image.fromarray(picture(seed=k)) for k in range(3)]
    pages[0].save(root / "images" / "p0.tif", save_all=True, append_images=pages[1:])
    refuse("p0.tif' holds 3 pictures but one per file is expected", root)


def test_a_mask_changed_after_the_check_is_still_refused(folder):
    data = ImageFolder(folder())
    save(data.root / "masks" / "p1.png", labels(0, 9))
    with pytest.raises(DataError, match="holds the label 9 but there are 3 classes"):
        data[1]
    (data.root / "masks" / "p1.png").unlink()
    with pytest.raises(DataError, match=r"p1.png' does not exist"):
        data[1]


@given(data=st.data(), suffix=st.sampled_from([".png", ".bmp", ".tif", ".jpg"]))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_give_a_data_error_or_a_picture_and_nothing_else(data, suffix, tmp_path):
    path = tmp_path / f"x{suffix}"
    save(path, picture((5, 6), data.draw(st.sampled_from([1, 3]))))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    for read in (lambda: read_image(path, 3), lambda: read_mask(path).values):
        with contextlib.suppress(DataError):
            read()


# What is refused: settings and class files


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "test"}, "split is 'test' but must be 'train', 'val' or None"),
        ({"split": "val", "val_fraction": 1.5}, "val_fraction is 1.5 but must lie between 0 and 1"),
        ({"channels": 2}, "channels is 2 but"),
        ({"size": (0, 5)}, "both sides must be at least 1"),
        ({"size": "big"}, r"size is 'big' but must be a side or \(height, width\)"),
        ({"ignore_index": "yes"}, "ignore_index is 'yes' but"),
        ({"classes": ["a"]}, "classes: 1 class named but at least 2"),
        ({"classes": "ab"}, "classes: expected a list of class names"),
    ],
)
def test_refuses_impossible_settings(folder, options, message):
    refuse(message, folder(), **options)


def test_refuses_to_split_one_picture(folder):
    refuse("holds 1 picture, too few to split", folder([labels(0, 1)]), "train")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("a\nb\na", "the name 'a' is given to two classes"),
        ("a 1 2 3\nb 1 2 3", r"the colour \(1, 2, 3\) is given to two classes"),
        ("a 1 2 3\nb", "class 'b' has no colour but others have"),
        ("a 1 2 300\nb 1 2 3", r"the colour of class 'a' is \(1, 2, 300\) but must be"),
        ("a\nb\nignore", "the entry 'ignore' needs a colour"),
        ("a\nb\nignore 1 2 3", "only the entry 'ignore' has a colour"),
        ("", "0 class named but at least 2"),
        ([1, 2], "1 is not a class name"),
        ({"a": "red", "b": "blue"}, "the colour of class 'a' is 'red' but must be"),
        (3, "expected a list of class names or a mapping"),
    ],
)
def test_refuses_class_files_that_contradict_themselves(folder, classes, message):
    refuse("classes.*" + message, folder(classes=classes))


def test_refuses_class_files_that_cannot_be_read(folder):
    root = folder(classes="a\nb\nc")
    (root / "classes.json").write_text("[")
    refuse("holds both classes.json and classes.txt: keep one", root)
    (root / "classes.txt").unlink()
    refuse("classes.json' cannot be read", root)
    (root / "classes.json").write_text("[" * 100_000)
    refuse("classes.json' cannot be read", root)
    (root / "classes.json").write_bytes(b'["\xff"]')
    refuse("classes.json' cannot be read", root)
