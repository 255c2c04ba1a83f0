"""Training: it learns, it stops anywhere, and it goes on as if it had never stopped."""

import json
import math

import numpy as np
import pytest

from segmentation import checkpoint
from segmentation.cli import main
from segmentation.commands import describe, load_data
from segmentation.config import Config, differences, resolve
from segmentation.data import DigitScenes
from segmentation.errors import TrainingError, UsageError
from segmentation.evaluation import class_weights, evaluate, foreground, headline
from segmentation.interrupt import StopRequest
from segmentation.progress import Progress
from segmentation.run import Run
from segmentation.training import Trainer, rate

TINY = ["--scenes", "8", "--base", "2", "--depth", "2", "--quiet"]
CONFIG = Config("digits", epochs=3, base=2, depth=2, batch_size=3, scenes=8, class_weights="sqrt")


class StopAt(Progress):
    """Asks for a stop at the n-th step, training and validation steps counted alike."""

    def __init__(self, at):
        super().__init__(quiet=True)
        self.left, self.stop = at, StopRequest()

    def step(self, images, loss=None):
        self.left -= 1
        self.stop.requested |= self.left == 0


def trainer(folder, progress=None, config=CONFIG):
    train, val = load_data(config)
    run = Run(folder)
    run.folder.mkdir(exist_ok=True)
    return Trainer(config, train, val, run, describe(config, train, val), progress or Progress(quiet=True))


def flat(state):
    """Arrays and numbers of a checkpoint by path, without times."""
    found = {}

    def walk(value, path):
        if isinstance(value, dict):
            for key, item in value.items():
                if key not in ("seconds", "images_per_second", "versions"):
                    walk(item, f"{path}/{key}")
        elif isinstance(value, list):
            for i, item in enumerate(value):
                walk(item, f"{path}/{i}")
        else:
            found[path] = value.numpy() if hasattr(value, "numpy") else value

    walk(state, "")
    return found


def assert_same_state(one, other):
    a, b = flat(checkpoint.load(one)), flat(checkpoint.load(other))
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def metrics(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("seconds", "images_per_second")} for line in lines]


@pytest.mark.parametrize(
    "options",
    [["--optimizer", "adam"], ["--optimizer", "sgd", "--augment"], ["--optimizer", "rmsprop", "--schedule", "none"]],
)
def test_two_epochs_and_two_more_are_four(tmp_path, options):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    common = ["train", "digits", "--epochs", "4", *TINY, *options]
    assert main([*common, "--out", str(whole)]) == 0
    assert main([*common, "--out", str(parts), "--stop-after", "2"]) == 0
    assert len(metrics(parts)) == 2
    assert main(["train", "--resume", "--out", str(parts), "--quiet"]) == 0
    assert_same_state(whole / "last.safetensors", parts / "last.safetensors")
    assert_same_state(whole / "best.safetensors", parts / "best.safetensors")
    assert metrics(whole) == metrics(parts)


@pytest.mark.parametrize("at", [1, 2, 4, 5, 8])
def test_stopped_at_any_step_it_goes_on_bit_for_bit(tmp_path, at):
    # an epoch is 3 steps of training and 3 of validation: the stops fall inside both, and on their ends
    assert trainer(tmp_path / "whole").fit(StopRequest()) is False
    progress = StopAt(at)
    assert trainer(tmp_path / "parts", progress).fit(progress.stop) is True
    again = trainer(tmp_path / "parts")
    again.restore(checkpoint.load(again.run.last))
    assert again.fit(StopRequest()) is False
    assert_same_state(tmp_path / "whole/last.safetensors", tmp_path / "parts/last.safetensors")
    assert metrics(tmp_path / "whole") == metrics(tmp_path / "parts")


def test_killed_before_the_checkpoint_the_epoch_is_run_again_and_its_line_replaced(tmp_path):
    assert trainer(tmp_path / "whole").fit(StopRequest()) is False
    assert trainer(tmp_path / "parts").fit(StopRequest(), until=1) is False
    with open(tmp_path / "parts/metrics.jsonl", "a") as file:
        file.write('{"epoch": 2, "train_loss": 1.0}\n{"epoch": 3, "tr')  # what a killed run leaves
    again = trainer(tmp_path / "parts")
    again.restore(checkpoint.load(again.run.last))
    again.fit(StopRequest())
    assert metrics(tmp_path / "whole") == metrics(tmp_path / "parts")


def test_threads_do_not_change_the_bits(tmp_path):
    from autograd.kernels import parallel

    before = parallel.get_num_threads()
    try:
        for threads in (1, 2):
            arguments = [
                "train",
                "digits",
                "--epochs",
                "1",
                *TINY,
                "--threads",
                str(threads),
                "--out",
                str(tmp_path / str(threads)),
            ]
            assert main(arguments) == 0
    finally:
        parallel.set_num_threads(before)
    assert_same_state(tmp_path / "1/last.safetensors", tmp_path / "2/last.safetensors")


@pytest.mark.parametrize("name", ["unet", "segnet", "fcn8s"])
def test_loss_falls(tmp_path, name):
    config = resolve(
        {
            "data": "digits",
            "model": name,
            "epochs": 6,
            "base": 4,
            "depth": 3,
            "batch_size": 2,
            "scenes": 6,
            "lr": 0.01,
            "schedule": "none",
            "class_weights": "none",
        }
    )
    one = trainer(tmp_path, config=config)
    one.fit(StopRequest())
    assert one.history[-1]["train_loss"] < 0.8 * one.history[0]["train_loss"]


def test_loss_that_is_no_number_ends_training_and_keeps_the_checkpoint(tmp_path, capsys):
    out = tmp_path / "run"
    arguments = ["train", "digits", "--epochs", "2", *TINY, "--optimizer", "sgd", "--lr", "1e30", "--out", str(out)]
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("segmentation: error: ")
    assert "epoch 1, step " in said
    assert "--lr 1e+29" in said
    assert said.count("\n") == 1
    assert "Training failed" in (out / "report.html").read_text()
    one = trainer(tmp_path / "good")
    one.fit(StopRequest(), until=1)
    before = one.run.last.read_bytes()
    next(iter(one.model.parameters())).data.numpy()[:] = np.nan
    with pytest.raises(TrainingError, match=r"last good checkpoint is .*last\.safetensors"):
        one.save()
    assert one.run.last.read_bytes() == before


def test_learning_rate_rises_then_falls_to_zero():
    factor = rate(Config("digits", epochs=10), steps=100)
    values = [factor(i) for i in range(1000)]
    assert values[0] == pytest.approx(1 / 50)
    assert 0.99 < max(values) <= 1
    assert values.index(max(values)) == 49
    assert values[-1] < 1e-5
    assert factor(1000) == 0
    constant = rate(Config("digits", epochs=10, schedule="none"), steps=100)
    assert [constant(i) for i in (50, 999)] == [1, 1]


def test_class_weights_follow_the_share_of_pixels():
    class Half:
        classes, ignore_index = ("background", "thing", "never"), 255

        def __len__(self):
            return 1

        def __getitem__(self, i):
            return None, np.array([[0] * 16 + [1] * 4 + [255] * 5])

    assert class_weights(Half(), "none") is None
    share = np.array([0.8, 0.2])
    expected = share**-0.5 / (share**0.5).sum()
    np.testing.assert_allclose(class_weights(Half(), "sqrt"), [*expected, expected[1]], rtol=1e-6)
    inverse = class_weights(Half(), "inverse")
    np.testing.assert_allclose(inverse[:2] * share, [0.5, 0.5], rtol=1e-6)


def test_evaluation_counts_every_pixel_once_whatever_the_batch_size():
    val = DigitScenes(5, "val")
    from segmentation.models import build

    model = build("unet", 1, 11, base=2, depth=2)
    tables = []
    for batch_size in (1, 2, 5):
        scores = evaluate(model, val, batch_size, Progress(quiet=True))
        assert scores.table.matrix.sum() == 5 * 64 * 84
        assert len(scores.image_iou) == 5
        tables.append(scores.table.matrix)
    np.testing.assert_array_equal(tables[0], tables[1])
    np.testing.assert_array_equal(tables[0], tables[2])
    assert model.training


@pytest.mark.parametrize(
    ("classes", "chosen", "name"),
    [
        (("background", *"0123456789"), list(range(1, 11)), "mean IoU of the ten digits"),
        (("background", "nucleus"), [1], "IoU of nucleus"),
        (("cat", "dog"), [1], "IoU of dog"),
        (("sky", "road", "car"), [0, 1, 2], "mean IoU of 3 classes"),
        (("road", "car", "Background"), [0, 1], "mean IoU of 2 classes without background"),
    ],
)
def test_main_score_leaves_the_background_out(classes, chosen, name):
    assert foreground(classes) == chosen
    assert headline(classes) == name


def test_settings_survive_json_and_know_their_differences():
    config = resolve({"data": "somewhere", "size": (96, 128), "optimizer": "sgd"})
    assert config.lr == 0.05
    assert Config.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert differences(config, {"data": "elsewhere", "size": (96, 128)}) == []
    assert differences(config, {"lr": 0.1, "augment": False}) == [
        "--lr 0.1 (the run has 0.05)",
        "--augment off (the run has on)",
    ]
    with pytest.raises(UsageError, match="flavour"):
        Config.from_json(config.to_json() | {"flavour": 1})


def test_best_is_replaced_only_by_a_better_epoch(tmp_path):
    one = trainer(tmp_path)
    one.fit(StopRequest())
    scores = [line["val_iou"] for line in one.history]
    best = checkpoint.load(one.run.best)
    assert best["best"]["iou"] == max(s for s in scores if not math.isnan(s))
    assert best["epoch"] == best["best"]["epoch"] == scores.index(max(scores)) + 1
