"""Judging a model on data: one table of counts, from which every number of a run follows.

All scores are on the level of the data set: the pixels of all pictures are counted in one table, then divided. The
score that decides which epoch is best leaves the background out, where there is one: a network that sees nothing
would already be right about most pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import nn
from autograd import Tensor, from_numpy, no_grad

from .data import Dataset, Loader
from .errors import TrainingError
from .interrupt import StopRequest
from .metrics import ConfusionMatrix, confusion_per_image, predict_classes
from .progress import Progress

BACKGROUND = ("background", "bg", "void", "other")


def foreground(classes: Sequence[str]) -> list[int]:
    """The classes that the main score averages: all but the background; all, if none has such a name.

    Of two classes the second is the foreground whatever their names are: that is how binary masks are read.
    """
    if len(classes) == 2:
        return [1]
    chosen = [i for i, name in enumerate(classes) if name.strip().lower() not in BACKGROUND]
    return chosen or list(range(len(classes)))


def headline(classes: Sequence[str]) -> str:
    """What the main score is called for these classes."""
    chosen = foreground(classes)
    if len(chosen) == 1:
        return f"IoU of {classes[chosen[0]]}"
    if tuple(classes[i] for i in chosen) == tuple("0123456789"):
        return "mean IoU of the ten digits"
    left_out = len(classes) - len(chosen)
    return f"mean IoU of {len(chosen)} classes" + (" without background" if left_out else "")


@dataclass
class Scores:
    """What an evaluation found.

    table : counts of all pixels by true and predicted class.
    image_iou : the main score of each picture by itself, NaN where it has none (no foreground in truth or prediction).
    loss : mean over pictures of the mean cross-entropy of their batch.
    """

    table: ConfusionMatrix
    image_iou: np.ndarray
    loss: float
    classes: tuple[str, ...]

    @property
    def main(self) -> float:
        return float(self.table.mean_iou(classes=foreground(self.classes)))

    def record(self) -> dict[str, Any]:
        """The scores as a JSON-serialisable dictionary."""
        per_class = {
            name: {"iou": iou, "dice": dice, "precision": precision, "recall": recall, "pixels": pixels}
            for name, iou, dice, precision, recall, pixels in zip(
                self.classes,
                self.table.iou().tolist(),
                self.table.dice().tolist(),
                self.table.precision().tolist(),
                self.table.recall().tolist(),
                self.table.matrix.sum(axis=1).tolist(),
                strict=True,
            )
        }
        return {
            "score": headline(self.classes),
            "level": "dataset",
            "iou": self.main,
            "miou_all_classes": float(self.table.mean_iou()),
            "pixel_accuracy": self.table.pixel_accuracy(),
            "loss": self.loss,
            "pictures": len(self.image_iou),
            "per_class": per_class,
        }


def evaluate(
    model: nn.Module,
    dataset: Dataset,
    batch_size: int,
    progress: Progress,
    stop: StopRequest | None = None,
    weights: np.ndarray | None = None,
) -> Scores | None:
    """Run a model over a data set in evaluation mode. ``weights`` of the classes matter to the loss only.

    Returns None when a stop was requested before the end. Raises TrainingError where the model's output is not finite.
    """
    classes = dataset.classes
    table = ConfusionMatrix(len(classes), dataset.ignore_index)
    image_iou: list[float] = []
    total, criterion = 0.0, loss_function(dataset, weights)
    loader = Loader(dataset, batch_size)
    was_training = model.training
    model.eval()
    progress.start("validating", len(loader))
    try:
        with no_grad():
            for images, masks in loader.epoch(0):
                if stop is not None and stop.requested:
                    return None
                logits = model(from_numpy(images))
                loss = criterion(logits, from_numpy(masks)).item()
                if not math.isfinite(loss):
                    raise TrainingError(
                        f"the model's output for {dataset.name(len(image_iou))!r} is not finite (loss {loss})"
                    )
                total += loss * len(images)
                tables = confusion_per_image(predict(logits), masks, len(classes), dataset.ignore_index)
                for one in tables:
                    table.merge(one)
                    image_iou.append(float(one.mean_iou(classes=foreground(classes))))
                progress.step(len(images))
    finally:
        progress.finish()
        model.train(was_training)
    return Scores(table, np.array(image_iou), total / len(dataset), tuple(classes))


def predict(logits: Tensor) -> np.ndarray:
    """The class of every pixel, int64 (N, H, W).

    Training needs the softmax, because argmax has no gradient; prediction does not, because softmax keeps the order:
    argmax(softmax(z)) = argmax(z), equations (16) and (17) of the report.
    """
    return predict_classes(logits)


def loss_function(dataset: Dataset, weights: np.ndarray | None = None) -> nn.Module:
    """Softmax cross-entropy on logits: the mean over labelled pixels, each with the weight of its class."""
    options: dict[str, Any] = {} if dataset.ignore_index is None else {"ignore_index": dataset.ignore_index}
    return nn.CrossEntropyLoss(weight=None if weights is None else from_numpy(weights), **options)


def class_weights(dataset: Dataset, kind: str) -> np.ndarray | None:
    """Weights that keep rare classes from being drowned, float32 (K,), or None for ``kind="none"``.

    ``1 / sqrt(share)`` or ``1 / share``, where share is the part of all labelled pixels that are of the class; scaled
    so that the mean weight of a pixel is 1. A class without a pixel gets the weight of the rarest one: it cannot
    matter in training.

    References
    ----------
    Eigen and Fergus, Predicting depth, surface normals and semantic labels (2015), section 4.3.2; Badrinarayanan et
    al., SegNet (2017), section 4.1: both with 1/share. On the digit scenes, nine tenths background, the root learns
    as fast and blurs less.
    """
    if kind == "none":
        return None
    counts = np.zeros(len(dataset.classes), np.int64)
    for i in range(len(dataset)):
        mask = dataset[i][1].ravel()
        counts += np.bincount(
            mask if dataset.ignore_index is None else mask[mask != dataset.ignore_index], minlength=len(counts)
        )
    if not counts.any():
        return None  # nothing is labelled: there is nothing to weigh
    share = np.where(counts > 0, counts, counts[counts > 0].min()) / counts.sum()
    weights = share ** {"sqrt": -0.5, "inverse": -1.0}[kind]
    return (weights * counts.sum() / (weights * counts).sum()).astype(np.float32)
