"""What the commands do: train, evaluate, predict. Each takes the parsed command line and returns an exit code."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import platform
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from . import checkpoint
from .config import Config, differences, resolve
from .data import DataError, Dataset, load_dataset
from .errors import TrainingError, UsageError, show
from .evaluation import evaluate as judge
from .evaluation import headline
from .interrupt import EXIT_CODE, StopRequest
from .predict import load_model, predict_files
from .progress import Progress
from .report import write_report
from .run import Run
from .training import Trainer


def train(arguments: argparse.Namespace) -> int:
    """``segmentation train``."""
    set_threads(arguments.threads)
    if arguments.stop_after is not None and arguments.stop_after < 1:
        raise UsageError(f"--stop-after must be at least 1, not {arguments.stop_after}")
    given = {f.name: getattr(arguments, f.name) for f in dataclasses.fields(Config) if hasattr(arguments, f.name)}
    run, progress = Run(arguments.out), Progress(arguments.quiet, arguments.json)
    state: dict[str, Any] | None = None
    if arguments.resume:
        state, config = _saved_run(run, given, arguments.overwrite)
    elif "data" not in given:
        raise UsageError('DATA is missing: name a folder or "digits" (only --resume can do without)')
    else:
        config = resolve(given)
    train_set, val_set = load_data(config)
    about = describe(config, train_set, val_set)
    if state is not None:
        _check_same_data(state["about"], about, config)
    with StopRequest() as stop:
        trainer = Trainer(config, train_set, val_set, run, about, progress)
        # Only now, when everything else is known to be in order: --overwrite removes what is there
        if state is None:
            run.prepare(arguments.overwrite)
        else:
            restore(trainer, state, run)
        run.write_config(_run_config(config, about))
        progress.note(_greeting(config, about, trainer))
        failure: TrainingError | None = None
        stopped = False
        try:
            stopped = trainer.fit(stop, arguments.stop_after)
        except TrainingError as error:
            failure = error
        _report(trainer, failure)
    if failure is not None:
        raise failure
    return _farewell(trainer, stopped)


def _saved_run(run: Run, given: dict[str, Any], overwrite: bool) -> tuple[dict[str, Any], Config]:
    """The last checkpoint of a run and its settings, which must be those given now."""
    if overwrite:
        raise UsageError("--resume goes on with a run and --overwrite replaces it: give one of them")
    state = checkpoint.load(run.last)
    try:
        config = Config.from_json(state["config"])
    except KeyError as error:
        raise UsageError(f"{show(run.last)} is damaged (no {error}): train again with --overwrite") from error
    more = given.get("epochs", config.epochs) > config.epochs
    if more and config.schedule == "none":  # a constant rate does not depend on where the end is
        config = dataclasses.replace(config, epochs=given["epochs"])
    found = differences(config, given)
    if found:
        why = " (the cosine schedule depends on the number of epochs)" if more else ""
        raise UsageError(
            f"--resume cannot change settings: {'; '.join(found)}{why}: "
            "leave them out, or train anew with another --out"
        )
    return state, dataclasses.replace(config, data=given.get("data", config.data))


def restore(trainer: Trainer, state: dict[str, Any], run: Run) -> None:
    """Put a checkpoint into a trainer; one that does not fit is the file's fault, not the program's."""
    try:
        trainer.restore(state)
    except (KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{show(run.last)} is damaged ({reason}): train again with --overwrite") from error


def load_data(config: Config) -> tuple[Dataset, Dataset]:
    """Training and validation data that the settings name."""
    if config.data == "digits":
        scenes = config.scenes or 1
        return tuple(  # type: ignore[return-value]
            load_dataset("digits", split, seed=config.seed, count=count)
            for split, count in (("train", scenes), ("val", max(scenes // 5, 8)))
        )
    return tuple(  # type: ignore[return-value]
        load_dataset(config.data, split, seed=config.seed, val_fraction=config.val_fraction, size=config.size)
        for split in ("train", "val")
    )


def describe(config: Config, train_set: Dataset, val_set: Dataset) -> dict[str, Any]:
    """What is to be known about the data later, without having it."""
    import numba

    return {
        "data_name": "digits" if config.data == "digits" else Path(config.data).resolve().name,
        "classes": list(train_set.classes),
        "colors": [list(c) for c in getattr(train_set, "colors", None) or []],
        "in_channels": train_set.in_channels,
        "size": list(train_set.size),
        "ignore_index": train_set.ignore_index,
        "train_pictures": len(train_set),
        "val_pictures": len(val_set),
        "train_fingerprint": fingerprint(train_set),
        "val_fingerprint": fingerprint(val_set),
        "versions": {
            "glassgrad": _version(),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "numba": numba.__version__,
        },
    }


def fingerprint(dataset: Dataset) -> str:
    """A short hash of images and their names in order: another folder, or another division of it, has another one."""
    digest = hashlib.sha256()
    for i in range(len(dataset)):
        digest.update(dataset.name(i).encode("utf-8", "surrogateescape") + b"\0" + dataset.fingerprint(i))
    return digest.hexdigest()[:16]


def _check_same_data(saved: dict[str, Any], now: dict[str, Any], config: Config) -> None:
    for key, what in (
        ("classes", "classes"),
        ("in_channels", "channels"),
        ("size", "picture size"),
        ("ignore_index", "ignored label"),
        ("train_pictures", "number of training pictures"),
        ("val_pictures", "number of validation pictures"),
        ("train_fingerprint", "training pictures"),
        ("val_fingerprint", "validation pictures"),
    ):
        if saved.get(key) != now[key]:
            raise UsageError(
                f"--resume needs the data the run began with, but in {show(config.data)} the {what} differ "
                f"({saved.get(key)} then, {now[key]} now): restore the data, or train anew with another --out"
            )


def _run_config(config: Config, about: dict[str, Any]) -> dict[str, Any]:
    return {
        "settings": config.to_json(),
        "settings_hash": config.hash(),
        "data": {key: value for key, value in about.items() if key != "versions"},
        "score": f"{headline(about['classes'])}, dataset level",
        "versions": about["versions"],
    }


def _greeting(config: Config, about: dict[str, Any], trainer: Trainer) -> str:
    parameters = sum(p.numel() for p in trainer.model.parameters())
    begun = f", going on at epoch {trainer.epoch + 1}" if trainer.epoch or trainer.batch else ""
    size = "x".join(map(str, about["size"]))
    return (
        f"{config.model} ({parameters:,} parameters) on {about['data_name']}: {about['train_pictures']} training, "
        f"{about['val_pictures']} validation pictures of {size}, {len(about['classes'])} classes{begun}"
    )


def _report(trainer: Trainer, failure: TrainingError | None) -> None:
    """Write the report with the weights of the best epoch."""
    notice = None
    if failure is not None:
        notice = f"Training failed: {failure}."
    elif trainer.epoch < trainer.config.epochs:
        notice = f"This run is not complete: {trainer.epoch} of {trainer.config.epochs} epochs are done."
    if trainer.best is not None:
        try:
            trainer.model.load_state_dict(checkpoint.load(trainer.run.best)["model"])
        except UsageError as error:  # somebody removed it: the report still has the numbers
            trainer.progress.note(f"the pictures of the report are those of the last epoch, because {error}")
    write_report(
        trainer.run, trainer.config, trainer.about, trainer.history, trainer.best, trainer.model, trainer.val, notice
    )


def _farewell(trainer: Trainer, stopped: bool) -> int:
    run, progress, config = trainer.run, trainer.progress, trainer.config
    resume = shlex.join(["python", "-m", "segmentation", "train", "--resume", "--out", str(run.folder)])
    record: dict[str, Any] = {
        "event": "end",
        "epochs_done": trainer.epoch,
        "epochs": config.epochs,
        "report": str(run.report),
    }
    best = ""
    if trainer.best is not None:
        record |= {"best_epoch": trainer.best["epoch"], "best_val_iou": trainer.best["iou"]}
        best = f"best epoch {trainer.best['epoch']}: {headline(trainer.val.classes)} {trainer.best['iou']:.4f}; "
    if stopped or trainer.epoch < config.epochs:
        where = (
            f"epoch {trainer.epoch + 1}, step {trainer.batch}" if trainer.batch else f"the end of epoch {trainer.epoch}"
        )
        progress.result(
            f"{best}stopped at {where}; saved in {run.last}, go on with:\n  {resume}", record | {"resume": resume}
        )
    else:
        progress.result(f"{best}report: {run.report}", record)
    return EXIT_CODE if stopped else 0


def evaluate(arguments: argparse.Namespace) -> int:
    """``segmentation evaluate``."""
    set_threads(arguments.threads)
    if arguments.batch_size < 1:
        raise UsageError(f"--batch-size must be at least 1, not {arguments.batch_size}")
    progress = Progress(arguments.quiet, arguments.json)
    model, config, about, path = load_model(arguments.run)
    dataset, part = _data_to_judge(arguments, config, about)
    scores = judge(model, dataset, arguments.batch_size, progress)
    assert scores is not None  # only a stop request ends it early, and there is none here
    record = {"event": "evaluation", "checkpoint": str(path), "data": arguments.data, "part": part, **scores.record()}
    lines = [
        f"{len(dataset)} pictures ({part}), {path}; all scores on the level of the data set",
        f"{headline(scores.classes)}: {scores.main:.4f}",
        f"mIoU of all {len(scores.classes)} classes: {record['miou_all_classes']:.4f}",
        f"pixel accuracy: {record['pixel_accuracy']:.4f}",
        f"{'class':16} {'IoU':>7} {'Dice':>7} {'prec.':>7} {'recall':>7} {'pixels':>10}",
    ]
    for name, row in record["per_class"].items():
        values = " ".join(f"{row[k]:7.4f}" for k in ("iou", "dice", "precision", "recall"))
        lines.append(f"{name[:16]:16} {values} {row['pixels']:10d}")
    progress.result("\n".join(lines), record)
    return 0


def _data_to_judge(arguments: argparse.Namespace, config: Config, about: dict[str, Any]) -> tuple[Dataset, str]:
    """The part of DATA to judge, read the way the network learned to see it."""
    split, classes = arguments.split, about["classes"]
    if arguments.data == "digits":
        if split == "all":
            raise UsageError("--split all: the digit scenes have the parts train and val")
        part = "val" if split == "auto" else split
        count = about[f"{part}_pictures"] if config.data == "digits" else None
        dataset: Dataset = load_dataset("digits", part, seed=config.seed, count=count)
    else:
        options: dict[str, Any] = {"seed": config.seed, "val_fraction": config.val_fraction, "size": config.size}
        options |= {
            "channels": about["in_channels"],
            "ignore_index": "auto" if about["ignore_index"] is None else about["ignore_index"],
        }
        root = Path(arguments.data)
        if not any((root / name).is_file() for name in ("classes.json", "classes.txt")):
            named = zip(classes, about["colors"], strict=True) if about["colors"] else classes
            options["classes"] = list(named)
        if split == "auto":
            held_out = _held_out(arguments.data, options, about)
            dataset, part = (
                (held_out, "val") if held_out is not None else (load_dataset(arguments.data, None, **options), "all")
            )
        else:
            part = split
            dataset = load_dataset(arguments.data, None if part == "all" else part, **options)
    if list(dataset.classes) != classes:
        raise UsageError(
            f"the classes of {show(arguments.data)} are {', '.join(dataset.classes)} "
            f"but the network was trained for {', '.join(classes)}: judge it on data with the same classes"
        )
    if dataset.in_channels != about["in_channels"]:
        raise UsageError(
            f"the pictures of {show(arguments.data)} have {dataset.in_channels} channels "
            f"but the network takes {about['in_channels']}: convert them"
        )
    return dataset, part


def _held_out(data: str, options: dict[str, Any], about: dict[str, Any]) -> Dataset | None:
    """The validation part of the data the network was trained on; None where this is other data."""
    try:
        val = load_dataset(data, "val", **options)
    except DataError:
        if not Path(data).is_dir():
            raise
        return None  # too small to be divided, say: then it is not what the network was trained on
    return val if fingerprint(val) == about["val_fingerprint"] else None


def predict(arguments: argparse.Namespace) -> int:
    """``segmentation predict``."""
    set_threads(arguments.threads)
    if arguments.tile < 32:
        raise UsageError(f"--tile must be at least 32, not {arguments.tile}")
    progress = Progress(arguments.quiet, arguments.json)
    model, config, about, _ = load_model(arguments.run)
    predict_files(
        model, config, about, Path(arguments.images), Path(arguments.out), progress,
        tile=arguments.tile, overlays=not arguments.no_overlay, overwrite=arguments.overwrite, native=arguments.native,
    )  # fmt: skip
    return 0


def set_threads(count: int | None) -> None:
    """Use ``count`` processor threads; None leaves the choice to the kernels."""
    if count is None:
        return
    if count < 1:
        raise UsageError(f"--threads must be at least 1, not {count}")
    from autograd.kernels import parallel

    parallel.set_num_threads(count)


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("glassgrad")
    except metadata.PackageNotFoundError:
        return "not installed (run from its folder)"
