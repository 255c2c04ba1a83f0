"""Prediction: pictures of any size to masks, whole or in tiles."""

import numpy as np
import pytest
from PIL import Image

import autograd
from segmentation.cli import main
from segmentation.evaluation import predict as classes_of
from segmentation.models import build
from segmentation.palette import palette
from segmentation.predict import load_model, segment

rng = np.random.default_rng(0)


def save(path, *shape):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def gray_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "gray"
    arguments = ["train", "digits", "--scenes", "4", "--base", "2", "--depth", "2", "--epochs", "1", "--quiet"]
    assert main([*arguments, "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize("name", ["unet", "segnet", "fcn8s"])
def test_tiles_give_what_the_whole_picture_gives(name):
    autograd.manual_seed(1)
    depth = 3
    model = build(name, 1, 4, base=2, depth=depth)
    image = rng.random((1, 301, 267), np.float32)
    with autograd.no_grad():
        for _ in range(30):  # running statistics that fit, or every pixel would get one class
            model(autograd.from_numpy(image[None, :, :64, :64].copy()))
    model.eval()
    with autograd.no_grad():
        middle = model(autograd.from_numpy(image[None])).mean((0, 2, 3), keepdim=True)

    def balanced(x):  # an untrained network prefers one class everywhere; this one does not
        return model(x) - middle

    whole = segment(balanced, image, depth, tile=10_000)
    tiled = segment(balanced, image, depth, tile=60)
    assert (np.bincount(whole.ravel()) > 1000).sum() >= 2
    np.testing.assert_array_equal(tiled, whole)


def test_argmax_needs_no_softmax():
    # equation (17): argmax g(z) = argmax z
    logits = rng.normal(size=(2, 5, 4, 3)).astype(np.float32) * 30
    probabilities = np.exp(logits - logits.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    np.testing.assert_array_equal(classes_of(autograd.from_numpy(logits)), probabilities.argmax(1))


def test_folder_of_pictures_of_any_size(gray_run, tmp_path, capsys):
    sizes = {"a.png": (64, 84), "b.jpg": (31, 45), "c.png": (1, 7)}
    for name, size in sizes.items():
        save(tmp_path / "in" / name, *size)
    (tmp_path / "in/notes.txt").write_text("not a picture")
    out = tmp_path / "out"
    assert main(["predict", str(gray_run), str(tmp_path / "in"), "--out", str(out)]) == 0
    assert sorted(p.name for p in out.iterdir()) == sorted(
        f"{name[0]}{end}.png" for name in sizes for end in ("", "_overlay")
    )
    for name, (height, width) in sizes.items():
        with Image.open(out / f"{name[0]}.png") as mask, Image.open(out / f"{name[0]}_overlay.png") as painted:
            assert mask.mode == "P"
            assert mask.size == painted.size == (width, height)
            assert np.asarray(mask).max() < 11
            assert mask.getpalette()[:33] == palette(11).ravel().tolist()
            assert painted.mode == "RGB"
    assert capsys.readouterr().out.count(" %") >= 3


def test_single_picture_and_json(gray_run, tmp_path, capsys):
    import json

    picture = save(tmp_path / "in/one.png", 20, 30)
    assert main(["predict", str(gray_run), str(picture), "--out", str(tmp_path / "out"), "--json", "--no-overlay"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["mask"] == str(tmp_path / "out/one.png")
    assert sum(record["pixels"].values()) == 600
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["one.png"]


def test_mask_file_holds_the_predicted_classes(gray_run, tmp_path):
    picture = save(tmp_path / "in/one.png", 20, 30)
    assert main(["predict", str(gray_run), str(picture), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    model, config, _, _ = load_model(gray_run)
    image = np.asarray(Image.open(picture), np.float32)[None] / 255
    with Image.open(tmp_path / "out/one.png") as mask:
        np.testing.assert_array_equal(np.asarray(mask), segment(model, image, config.depth))


def test_network_trained_on_resized_pictures_sees_that_size(tmp_path):
    for i in range(4):
        save(tmp_path / f"data/images/{i}.png", 24, 24, 3)
        mask = tmp_path / f"data/masks/{i}.png"
        mask.parent.mkdir(exist_ok=True)
        Image.fromarray((rng.random((24, 24)) < 0.5).astype(np.uint8)).save(mask)
    arguments = [
        "train",
        str(tmp_path / "data"),
        "--size",
        "12x8",
        "--base",
        "2",
        "--depth",
        "1",
        "--epochs",
        "1",
        "--quiet",
    ]
    assert main([*arguments, "--out", str(tmp_path / "run")]) == 0
    picture = save(tmp_path / "in/x.png", 24, 16, 3)
    for name, extra in (("resized", []), ("native", ["--native"])):
        out = ["--out", str(tmp_path / name), "--quiet", *extra]
        assert main(["predict", str(tmp_path / "run"), str(picture), *out]) == 0
    resized, native = (np.asarray(Image.open(tmp_path / name / "x.png")) for name in ("resized", "native"))
    assert resized.shape == native.shape == (24, 16)
    np.testing.assert_array_equal(resized[::2, ::2], resized[1::2, 1::2])  # every class decided at 12x8


@pytest.mark.parametrize(
    "kind", ["exists", "own folder", "two of a name", "channels", "nothing", "empty", "not a picture"]
)
def test_what_cannot_be_predicted_is_refused_before_anything_is_written(gray_run, tmp_path, capsys, kind):
    folder, out = tmp_path / "in", tmp_path / "out"
    save(folder / "a.png", 8, 8)
    images, words, written = folder, "", 0
    if kind == "exists":
        save(out / "a.png", 8, 8)
        words, written = "exists already: give --overwrite", 1
    elif kind == "own folder":
        out, words, written = folder, "is the folder of the pictures", 1
    elif kind == "two of a name":
        save(folder / "a.jpg", 8, 8)
        words = "would both be written"
    elif kind == "channels":
        save(folder / "b.png", 8, 8, 3)
        words = "b.png' is in colour (3 channels) but the network was trained on gray (1): convert"
    elif kind == "nothing":
        images, words = tmp_path / "nowhere", "no such picture or folder"
    elif kind == "empty":
        images, words = tmp_path / "empty", "holds no pictures"
        images.mkdir()
    elif kind == "not a picture":
        images, words = folder / "x.png", "x.png' cannot be read"
        images.write_text("hello")
    assert main(["predict", str(gray_run), str(images), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.startswith("segmentation: error: ")
    assert said.count("\n") == 1
    assert len(list(out.glob("*"))) == written if out.exists() else written == 0
