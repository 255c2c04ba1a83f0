"""The report of a run: one HTML file with everything in it. It opens offline, runs no script and loads nothing."""

from __future__ import annotations

import math
import shlex
from typing import Any

import numpy as np

import nn
from autograd import from_numpy

from ..config import Config
from ..data import Dataset
from ..evaluation import foreground, headline
from ..metrics import ConfusionMatrix
from ..palette import palette
from ..run import Run, write_text
from . import page
from .pictures import background, panels, rank

__all__ = ["write_report"]


def write_report(
    run: Run,
    config: Config,
    about: dict[str, Any],
    history: list[dict[str, Any]],
    best: dict[str, Any] | None,
    model: nn.Module,
    val: Dataset,
    notice: str | None = None,
) -> None:
    """Write ``report.html`` into the run folder.

    Parameters
    ----------
    best : what the trainer keeps of the best validation: epoch, iou, confusion, image_iou; None before the first one
    model : the network with the weights of that epoch
    val : the validation pictures
    notice : a sentence at the top, when the run is not complete
    """
    classes = tuple(val.classes)
    colors = class_colors(val)
    title = f"{config.model} on {about['data_name']}"
    subtitle = (
        f"{about['train_pictures']} training and {about['val_pictures']} validation pictures "
        f"of {_by(about['size'])} pixels, {len(classes)} classes"
    )
    sections = [page.header(title, subtitle, notice, _cards(config, history, best, model, classes))]
    sections.append(page.curves(history, classes, best["epoch"] if best else None))
    if best is not None:
        table = ConfusionMatrix(len(classes), val.ignore_index)
        table._counts += np.asarray(best["confusion"])
        image_iou = np.asarray(best["image_iou"])
        top, bottom = rank(image_iou)
        unpainted = background(classes)
        explained = (
            f"Judged picture by picture ({headline(classes)}, over the classes in truth or prediction of that picture)."
        )
        sections += [
            page.class_table(table, classes, colors),
            page.pictures(
                "Worst validation pictures",
                explained,
                panels(model, val, bottom, image_iou, colors),
                classes,
                colors,
                unpainted,
            ),
            page.pictures(
                "Best validation pictures",
                explained,
                panels(model, val, top, image_iou, colors),
                classes,
                colors,
                unpainted,
            ),
            page.confusion(table, classes),
        ]
    sections.append(page.graph(*_graph(model, val)))
    sections.append(page.settings(_settings(config, about), about["versions"], _commands(run, config)))
    write_text(run.report, page.page(f"Segmentation report: {title}", sections))


def class_colors(dataset: Dataset) -> np.ndarray:
    """The data's own class colours where it has some, else ours; (K, 3) uint8."""
    own = getattr(dataset, "colors", None)
    return np.array(own, np.uint8) if own else palette(len(dataset.classes))


def _cards(
    config: Config,
    history: list[dict[str, Any]],
    best: dict[str, Any] | None,
    model: nn.Module,
    classes: tuple[str, ...],
) -> list[tuple[str, str]]:
    parameters = sum(p.numel() for p in model.parameters())
    cards = []
    if best is not None:
        at = history[best["epoch"] - 1]
        cards += [
            (f"{headline(classes)} (validation, dataset level)", page.number(best["iou"])),
            (f"mIoU of all {len(classes)} classes", page.number(at["val_miou_all_classes"])),
            ("pixel accuracy", page.number(at["val_pixel_accuracy"])),
            ("best epoch", f"{best['epoch']} of {config.epochs}"),
        ]
    else:
        cards.append(("epochs done", f"{len(history)} of {config.epochs}"))
    if history:
        seconds = sum(line["seconds"] for line in history)
        rate = [line["images_per_second"] for line in history]
        cards += [("time in training steps", _time(seconds)), ("images per second", f"{sum(rate) / len(rate):.1f}")]
    return [*cards, ("parameters", f"{parameters:,}")]


def _graph(model: nn.Module, val: Dataset) -> tuple[str | None, str | None]:
    """The graph of one forward pass, drawn and told. A report without it is better than none."""
    try:
        from autograd import viz

        image = np.ascontiguousarray(val[0][0][None])
        model.eval()
        drawn = viz.graph(model(from_numpy(image)))
        return drawn.svg(), drawn.text()
    except Exception:
        return None, None


def _settings(config: Config, about: dict[str, Any]) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = [
        (name.replace("_", " "), value) for name, value in config.to_json().items() if value is not None
    ]
    names = about["classes"]
    scored = [names[i] for i in foreground(names)]
    return [
        *rows,
        ("picture size", _by(about["size"])),
        ("channels", about["in_channels"]),
        ("classes", ", ".join(names)),
        ("averaged in the main score", ", ".join(scored)),
        ("ignored label", "none" if about["ignore_index"] is None else about["ignore_index"]),
        ("settings fingerprint", config.hash()),
    ]


def train_command(config: Config, out: str) -> str:
    """The command that repeats a run from its start."""
    words = ["python", "-m", "segmentation", "train", config.data]
    for name, value in config.to_json().items():
        if name == "data" or value is None:
            continue
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(option if value else f"--no-{name}")
        else:
            words += [
                option,
                "x".join(map(str, value))
                if isinstance(value, list)
                else f"{value:g}"
                if isinstance(value, float)
                else str(value),
            ]
    return shlex.join([*words, "--out", out])


def _commands(run: Run, config: Config) -> list[tuple[str, str]]:
    folder = str(run.folder)
    return [
        (
            "Repeat this run: the same seed gives the same bits on the same kind of machine with the same versions.",
            train_command(config, folder),
        ),
        (
            "Go on with it, if it was stopped:",
            shlex.join(["python", "-m", "segmentation", "train", "--resume", "--out", folder]),
        ),
        ("Judge it on other data:", shlex.join(["python", "-m", "segmentation", "evaluate", folder, "DATA"])),
        (
            "Segment pictures:",
            shlex.join(["python", "-m", "segmentation", "predict", folder, "IMAGES", "--out", "masks"]),
        ),
    ]


def _by(size: Any) -> str:
    return "×".join(map(str, size))


def _time(seconds: float) -> str:
    minutes = math.floor(seconds / 60)
    return f"{minutes} min {seconds - 60 * minutes:.0f} s" if minutes else f"{seconds:.1f} s"
