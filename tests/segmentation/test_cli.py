"""The command line as people meet it: help, exit codes, one-line errors, Ctrl-C."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segmentation import checkpoint
from segmentation.cli import main, parse_size

ROOT = Path(__file__).parents[2]
TINY = ["--scenes", "8", "--base", "2", "--depth", "2", "--epochs", "1", "--quiet"]


def command(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "segmentation", *map(str, arguments)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def folder_of_pictures(root, count=6, size=(16, 20), seed=0):
    rng = np.random.default_rng(seed)
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for i in range(count):
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(root / f"images/{i}.png")
        Image.fromarray((255 * (rng.random(size) < 0.4)).astype(np.uint8)).save(root / f"masks/{i}.png")
    return root


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "digits"
    assert main(["train", "digits", *TINY, "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def folder_run(tmp_path_factory):
    root = tmp_path_factory.mktemp("folder")
    data = folder_of_pictures(root / "data")
    assert (
        main(
            ["train", str(data), "--base", "2", "--depth", "1", "--epochs", "1", "--quiet", "--out", str(root / "run")]
        )
        == 0
    )
    return root


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["evaluate", "--help"], ["predict", "--help"]])
def test_help_is_worth_reading(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert "segmentation" in text
    assert max(map(len, text.splitlines())) <= 140
    if "train" in arguments:
        assert "examples:" in text
        assert "fcn8s" in text


def test_run_folder_is_complete(run):
    assert {p.name for p in run.iterdir()} == {
        "config.json", "metrics.jsonl", "best.safetensors", "last.safetensors", "report.html",
    }  # fmt: skip
    config = json.loads((run / "config.json").read_text())
    assert config["settings"]["seed"] == 0
    assert config["data"]["classes"][0] == "background"
    assert {"glassgrad", "python", "numpy", "numba"} <= config["versions"].keys()
    (line,) = (run / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["epoch"] == 1


def test_json_lines_are_all_that_goes_to_stdout(tmp_path, capsys):
    assert main(["train", "digits", *TINY[:-1], "--json", "--out", str(tmp_path / "run")]) == 0
    output = capsys.readouterr()
    events = [json.loads(line) for line in output.out.splitlines()]
    assert [e["event"] for e in events] == ["epoch", "end"]
    assert events[0]["val_iou_is"] == "mean IoU of the ten digits, dataset level"
    assert "epoch 1/1" in output.err


def test_quiet_says_nothing(tmp_path, capsys):
    assert main(["train", "digits", *TINY, "--out", str(tmp_path / "run")]) == 0
    output = capsys.readouterr()
    assert output.out == output.err == ""


def test_evaluate_repeats_the_validation_of_the_best_epoch(run, capsys):
    assert main(["evaluate", str(run), "digits", "--json", "--quiet"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["iou"] == json.loads((run / "metrics.jsonl").read_text())["val_iou"]
    assert record["level"] == "dataset"
    assert record["part"] == "val"


def test_evaluate_judges_the_held_out_part_of_its_own_data_and_all_of_other_data(folder_run, tmp_path, capsys):
    other = folder_of_pictures(tmp_path / "other", count=3)
    of_the_same_names = folder_of_pictures(tmp_path / "same names", seed=1)
    for data, part, pictures in ((folder_run / "data", "val", 1), (other, "all", 3), (of_the_same_names, "all", 6)):
        assert main(["evaluate", str(folder_run / "run"), str(data), "--json", "--quiet"]) == 0
        record = json.loads(capsys.readouterr().out)
        assert (record["part"], record["pictures"]) == (part, pictures)
        assert record["score"] == "IoU of foreground"
    assert main(["evaluate", str(folder_run / "run"), str(other), "--split", "val"]) == 0
    assert "mIoU of all 2 classes" in capsys.readouterr().out


def test_evaluate_still_judges_the_held_out_part_after_masks_were_mended(folder_run, tmp_path, capsys):
    data = tmp_path / "data"
    shutil.copytree(folder_run / "data", data)
    for mask in (data / "masks").iterdir():
        Image.fromarray(255 - np.asarray(Image.open(mask))).save(mask)
    assert main(["evaluate", str(folder_run / "run"), str(data), "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["part"] == "val"


def test_resume_refuses_other_pictures_of_the_same_names(folder_run, tmp_path, capsys):
    other = folder_of_pictures(tmp_path / "other", seed=1)
    assert main(["train", str(other), "--resume", "--out", str(folder_run / "run")]) == 2
    assert "the training pictures differ" in capsys.readouterr().err


# --- wrong requests: one line, exit code 2 ----------------------------------------------------------------------------


def no_folder(root, run):
    return ["train", root / "nowhere", "--out", root / "o"], "no such folder"


def mask_without_image(root, run):
    (folder_of_pictures(root / "d") / "images/3.png").unlink()
    return ["train", root / "d", "--out", root / "o"], "3.png' is a mask without image"


def sizes_differ(root, run):
    data = folder_of_pictures(root / "d")
    Image.new("L", (5, 5)).save(data / "masks/2.png")
    return ["train", data, "--out", root / "o"], "2.png"


def label_outside(root, run):
    data = folder_of_pictures(root / "d")
    (data / "classes.txt").write_text("a\nb\n")
    Image.fromarray(np.full((16, 20), 7, np.uint8)).save(data / "masks/2.png")
    return ["train", data, "--out", root / "o"], "2.png' holds the label 7"


def jpeg_mask(root, run):
    data = folder_of_pictures(root / "d")
    Image.open(data / "masks/2.png").save(data / "masks/2.jpg")
    (data / "masks/2.png").unlink()
    return ["train", data, "--out", root / "o"], "2.jpg"


def unreadable_picture(root, run):
    data = folder_of_pictures(root / "d")
    (data / "images/2.png").write_bytes(b"\x89PNG nonsense")
    return ["train", data, "--out", root / "o"], "2.png' cannot be read"


def no_checkpoint(root, run):
    (root / "empty").mkdir()
    return ["evaluate", root / "empty", "digits"], "holds no checkpoint"


def no_run(root, run):
    return ["predict", root / "nowhere", root, "--out", root / "o"], "no such run"


def damaged_checkpoint(root, run):
    (root / "r").mkdir()
    (root / "r/best.safetensors").write_bytes((run / "best.safetensors").read_bytes()[:1000])
    return ["evaluate", root / "r", "digits"], "best.safetensors' is damaged"


def unknown_model(root, run):
    return ["train", "digits", "--model", "vgg", "--out", root / "o"], "--model must be one of unet, segnet"


def bad_epochs(root, run):
    return [
        "train",
        "digits",
        "--epochs",
        "0",
        "--out",
        root / "o",
    ], "--epochs must be a whole number of at least 1, not 0"


def bad_lr(root, run):
    return ["train", "digits", "--lr", "nan", "--out", root / "o"], "--lr must be a number above 0"


def bad_number(root, run):
    return ["train", "digits", "--epochs", "many", "--out", root / "o"], "invalid int value: 'many'"


def bad_size(root, run):
    return ["train", root, "--size", "12by9", "--out", root / "o"], "'12by9' is no size"


def bad_threads(root, run):
    return ["train", "digits", "--threads", "0", "--out", root / "o"], "--threads must be at least 1"


def size_of_digits(root, run):
    return ["train", "digits", "--size", "32x32", "--out", root / "o"], "digit scenes"


def scenes_of_a_folder(root, run):
    return [
        "train",
        folder_of_pictures(root / "d"),
        "--scenes",
        "5",
        "--out",
        root / "o",
    ], "--scenes is for the digit scenes"


def data_missing(root, run):
    return ["train", "--out", root / "o"], "DATA is missing"


def out_holds_a_run(root, run):
    return ["train", "digits", "--out", run], "holds a run already: go on with it (--resume)"


def out_is_a_file(root, run):
    (root / "o").write_text("")
    return ["train", "digits", "--scenes", "2", "--out", root / "o"], "is a file: name a folder"


def out_cannot_be_written(root, run):
    # even root may not write here
    return ["train", "digits", "--scenes", "2", "--out", "/proc/glassgrad"], "cannot be written"


def resume_with_other_settings(root, run):
    return ["train", "--resume", "--lr", "0.5", "--out", run], "--lr 0.5 (the run has 0.001)"


def resume_cosine_with_more_epochs(root, run):
    return ["train", "--resume", "--epochs", "9", "--out", run], "the cosine schedule depends on the number of epochs"


def resume_with_other_data(root, run):
    return ["train", folder_of_pictures(root / "d"), "--resume", "--out", run], "the classes differ"


def resume_nothing(root, run):
    return ["train", "--resume", "--out", root / "o"], "there is no checkpoint"


def resume_and_overwrite(root, run):
    return ["train", "--resume", "--overwrite", "--out", run], "give one of them"


def one_value_to_normalise(root, run):
    data = folder_of_pictures(root / "d", count=6, size=(8, 8))
    return ["train", data, "--depth", "3", "--batch-size", "4", "--out", root / "o"], "batch normalisation needs more"


def evaluate_with_other_classes(root, run):
    return ["evaluate", run, folder_of_pictures(root / "d")], ""


WRONG = [
    no_folder, mask_without_image, sizes_differ, label_outside, jpeg_mask, unreadable_picture, no_checkpoint, no_run,
    damaged_checkpoint, unknown_model, bad_epochs, bad_lr, bad_number, bad_size, bad_threads, size_of_digits,
    scenes_of_a_folder, data_missing, out_holds_a_run, out_is_a_file, out_cannot_be_written, resume_with_other_settings,
    resume_cosine_with_more_epochs, resume_with_other_data, resume_nothing,
    one_value_to_normalise, resume_and_overwrite,
    evaluate_with_other_classes,
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_request_gets_one_line_and_exit_code_2(wrong, tmp_path, run, capsys):
    before = {p.name: p.stat().st_mtime_ns for p in run.iterdir()}
    arguments, words = wrong(tmp_path, run)
    try:
        code = main([str(a) for a in arguments])
    except SystemExit as end:  # argparse
        code = end.code
    said = capsys.readouterr().err
    assert code == 2, said
    assert said.startswith("segmentation: error: ")
    assert said.count("\n") == 1
    assert words in said
    assert {p.name: p.stat().st_mtime_ns for p in run.iterdir()} == before


def test_wrong_request_leaves_no_folder_behind(tmp_path):
    assert main(["train", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()


def test_overwrite_replaces_the_run_and_nothing_else(tmp_path):
    out = tmp_path / "run"
    assert main(["train", "digits", *TINY, "--out", str(out)]) == 0
    (out / "notes.txt").write_text("mine")
    assert main(["train", "digits", *TINY, "--seed", "1", "--overwrite", "--out", str(out)]) == 0
    assert json.loads((out / "config.json").read_text())["settings"]["seed"] == 1
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 1
    assert (out / "notes.txt").read_text() == "mine"


def test_resume_of_a_constant_rate_may_add_epochs(tmp_path):
    options = [*TINY, "--schedule", "none"]
    assert main(["train", "digits", *options, "--out", str(tmp_path / "parts")]) == 0
    assert main(["train", "--resume", "--epochs", "2", "--quiet", "--out", str(tmp_path / "parts")]) == 0
    assert main(["train", "digits", *options, "--epochs", "2", "--out", str(tmp_path / "whole")]) == 0
    weights = [checkpoint.load(tmp_path / part / "last.safetensors")["model"] for part in ("whole", "parts")]
    for name, value in weights[0].items():
        np.testing.assert_array_equal(value.numpy(), weights[1][name].numpy())


@pytest.mark.parametrize(("text", "size"), [("96x128", (96, 128)), ("64", (64, 64)), ("8X9", (8, 9))])
def test_size_is_height_by_width(text, size):
    assert parse_size(text) == size


def test_exit_codes_of_the_process(tmp_path):
    process = command("train", tmp_path / "nowhere", "--out", tmp_path / "o")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert "Traceback" not in err
    assert err.startswith("segmentation: error: ")
    assert err.count("\n") == 1


# --- Ctrl-C -----------------------------------------------------------------------------------------------------------

ENDLESS = [
    "train",
    "digits",
    "--scenes",
    "64",
    "--base",
    "2",
    "--depth",
    "2",
    "--epochs",
    "100000",
    "--batch-size",
    "2",
]


def wait_for(path, seconds=60):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path, number):
    out = tmp_path / "my run"
    process = command(*ENDLESS, "--out", out)
    wait_for(out / "last.safetensors")
    process.send_signal(number)
    said, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "stopping after this step" in err
    assert "Traceback" not in err
    assert f"python -m segmentation train --resume --out '{out}'" in said
    assert str(out / "last.safetensors") in said
    assert "not complete" in (out / "report.html").read_text()
    state = checkpoint.load(out / "last.safetensors")
    assert len((out / "metrics.jsonl").read_text().splitlines()) == state["epoch"] >= 1
    assert main(["train", "--resume", "--stop-after", str(state["epoch"] + 1), "--quiet", "--out", str(out)]) == 0
    assert checkpoint.load(out / "last.safetensors")["epoch"] == state["epoch"] + 1


def test_second_ctrl_c_ends_at_once_and_damages_nothing(tmp_path):
    out = tmp_path / "run"
    process = command(*ENDLESS, "--out", out)
    wait_for(out / "last.safetensors")
    process.send_signal(signal.SIGINT)
    time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert checkpoint.load(out / "last.safetensors")["epoch"] >= 1


def test_killed_while_training_the_run_can_be_resumed(tmp_path):
    out = tmp_path / "run"
    process = command(*ENDLESS, "--out", out)
    wait_for(out / "best.safetensors")
    time.sleep(0.3)
    process.kill()
    process.communicate(timeout=60)
    epoch = checkpoint.load(out / "last.safetensors")["epoch"]
    assert main(["train", "--resume", "--stop-after", str(epoch + 1), "--quiet", "--out", str(out)]) == 0
    assert checkpoint.load(out / "best.safetensors")["best"]["epoch"] <= epoch + 1
    assert not [p for p in out.iterdir() if p.name.endswith(".tmp")]
