"""The training loop, and what it takes to stop it anywhere and go on as if nothing had happened.

A run is a function of its settings and its data. Order and augmentation come from (seed, epoch, picture), the
learning rate from the number of the step; the rest of the state (weights, moments, running statistics, random
generator, position) is in the checkpoint. So a resumed run ends with the bits of an unbroken one.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import autograd
import nn
import optim
from autograd import from_numpy

from . import checkpoint
from .config import Config
from .data import ColorJitter, Compose, Dataset, FlipHorizontal, FlipVertical, Loader, Rotate90
from .errors import TrainingError, UsageError
from .evaluation import Scores, class_weights, evaluate, headline, loss_function
from .interrupt import StopRequest
from .models import build
from .progress import Progress
from .run import Run

WARMUP = 50  # steps over which the learning rate rises to its full value


class Trainer:
    """Trains one model on one data set and keeps its run folder.

    Parameters
    ----------
    config : settings; ``train`` and ``val`` must be the data they describe
    run : the folder; it must be prepared
    about : what ``config.json`` and checkpoints say about the data (classes, sizes, fingerprint)
    """

    def __init__(
        self, config: Config, train: Dataset, val: Dataset, run: Run, about: dict[str, Any], progress: Progress
    ) -> None:
        self.config, self.train, self.val, self.run, self.about, self.progress = (
            config,
            train,
            val,
            run,
            about,
            progress,
        )
        autograd.manual_seed(config.seed)
        self.model = build(config.model, train.in_channels, len(train.classes), config.base, config.depth)
        self.optimizer = make_optimizer(config, self.model)
        augment = augmentation(train) if config.augment else None
        self.loader = Loader(train, config.batch_size, shuffle=True, seed=config.seed, augment=augment)
        self._check_batches()
        self.scheduler = optim.lr_scheduler.LambdaLR(self.optimizer, rate(config, len(self.loader)))
        self.weights = class_weights(train, config.class_weights)
        self.criterion = loss_function(train, self.weights)
        self.epoch, self.batch = 0, 0  # whole epochs done, and batches of the next one
        self.loss_sum, self.seen, self.seconds = 0.0, 0, 0.0  # of the epoch in progress
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] | None = None  # epoch, iou, confusion, image_iou of the best validation so far

    def _check_batches(self) -> None:
        """Refuse what batch normalisation would refuse at the end of the first epoch: one value per channel."""
        reduction = 2 ** (self.config.depth - (self.config.model == "segnet"))
        deepest = [-(-side // reduction) for side in self.train.size]
        smallest = len(self.train) % self.config.batch_size or self.config.batch_size
        if smallest * deepest[0] * deepest[1] == 1:
            raise UsageError(
                f"a batch of 1 picture of {self.train.size[0]}x{self.train.size[1]} has 1x1 maps at --depth "
                f"{self.config.depth}, and batch normalisation needs more than one value: give a smaller --depth, or "
                f"another --batch-size ({len(self.train)} training pictures)"
            )

    # --- going on -------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything the rest of the run depends on."""
        return {
            "config": self.config.to_json(),
            "config_hash": self.config.hash(),
            "about": self.about,
            "epoch": self.epoch,
            "batch": self.batch,
            "running": {"loss_sum": self.loss_sum, "seen": self.seen, "seconds": self.seconds},
            "history": self.history,
            "best": self.best,
            "random": autograd.random.get_rng_state(),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state; the settings must be those it was made with."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        autograd.random.set_rng_state(state["random"])
        self.epoch, self.batch = state["epoch"], state["batch"]
        self.loss_sum, self.seen, self.seconds = (state["running"][k] for k in ("loss_sum", "seen", "seconds"))
        self.history, self.best = state["history"], state["best"]
        self.run.restore_metrics(self.history)

    def save(self) -> None:
        """Write ``last.safetensors``. Refuses weights that are not finite: the last good checkpoint is worth more."""
        for name, value in self.model.state_dict().items():
            if not np.isfinite(value.numpy()).all():
                raise TrainingError(self._diverged(f"{name} is not finite"))
        checkpoint.save(self.run.last, self.state())

    # --- the loop -------------------------------------------------------------------------------------------------

    def fit(self, stop: StopRequest, until: int | None = None) -> bool:
        """Train to the end, to epoch ``until``, or to a stop request. Returns whether a stop request ended it.

        Raises TrainingError when the loss is no finite number; the last good checkpoint is kept.
        """
        end = self.config.epochs if until is None else min(until, self.config.epochs)
        while self.epoch < end:
            finished = self._train_epoch(stop)
            scores = (
                evaluate(self.model, self.val, self.config.batch_size, self.progress, stop, self.weights)
                if finished
                else None
            )
            if scores is None:
                self.save()
                return True
            self._finish_epoch(scores)
        return False

    def _train_epoch(self, stop: StopRequest) -> bool:
        """Do what is left of the epoch; False where a stop request came first."""
        self.model.train()
        title = f"epoch {self.epoch + 1}/{self.config.epochs}"
        self.progress.start(title, len(self.loader), self.batch)
        begun, before = time.monotonic(), self.seconds
        try:
            for images, masks in itertools.islice(self.loader.epoch(self.epoch), self.batch, None):
                if stop.requested:
                    return False
                loss = self._step(images, masks)
                self.batch += 1
                self.loss_sum += loss * len(images)
                self.seen += len(images)
                self.seconds = before + time.monotonic() - begun
                self.progress.step(len(images), self.loss_sum / self.seen)
        finally:
            self.progress.finish()
        return not stop.requested

    def _step(self, images: np.ndarray, masks: np.ndarray) -> float:
        """One update of the weights; returns the loss before it."""
        loss = self.criterion(self.model(from_numpy(images)), from_numpy(masks))
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingError(self._diverged(f"the loss is {value}"))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        return value

    def _finish_epoch(self, scores: Scores) -> None:
        record = scores.record()
        line = {
            "epoch": self.epoch + 1,
            "train_loss": self.loss_sum / self.seen,
            "val_loss": scores.loss,
            "val_iou": scores.main,
            "val_iou_is": f"{headline(scores.classes)}, dataset level",
            "val_miou_all_classes": record["miou_all_classes"],
            "val_pixel_accuracy": record["pixel_accuracy"],
            "val_iou_per_class": {name: row["iou"] for name, row in record["per_class"].items()},
            "lr": self.optimizer.param_groups[0]["lr"],
            "seconds": round(self.seconds, 3),
            "images_per_second": round(self.seen / max(self.seconds, 1e-9), 2),
        }
        self.history.append(line)
        self.epoch, self.batch = self.epoch + 1, 0
        self.loss_sum, self.seen, self.seconds = 0.0, 0, 0.0
        better = self.best is None or scores.main > self.best["iou"] or math.isnan(self.best["iou"])
        if better:
            self.best = {
                "epoch": self.epoch,
                "iou": scores.main,
                "loss": scores.loss,
                "confusion": scores.table.matrix,
                "image_iou": scores.image_iou,
            }
        # Killed between two of these writes, the run goes on from the older last.safetensors and does the epoch again,
        # to the same bits: the line is cut off then, and best is written once more.
        self.run.append_metrics(line)
        self.save()
        if better:
            checkpoint.save(self.run.best, self.state())
        self.progress.result(
            f"epoch {self.epoch}/{self.config.epochs}: loss {line['train_loss']:.4f}, "
            f"val loss {scores.loss:.4f}, {headline(scores.classes)} {scores.main:.4f}, "
            f"mIoU of all {len(scores.classes)} classes {line['val_miou_all_classes']:.4f}, "
            f"{line['images_per_second']:.1f} images/s" + (" (best)" if better else ""),
            {"event": "epoch", **line, "best": better},
        )

    def _diverged(self, what: str) -> str:
        lr = self.optimizer.param_groups[0]["lr"]
        kept = f"the last good checkpoint is {self.run.last}" if self.run.last.is_file() else "nothing was saved yet"
        return (
            f"{what} at epoch {self.epoch + 1}, step {self.batch + 1} of {len(self.loader)} (learning rate {lr:.3g}): "
            f"try --lr {self.config.lr / 10:.2g}, or look for broken pictures; {kept}"
        )


def make_optimizer(config: Config, model: nn.Module) -> optim.Optimizer:
    """The optimizer that the settings name."""
    parameters = list(model.parameters())
    if config.optimizer == "sgd":
        return optim.SGD(parameters, config.lr, momentum=config.momentum, weight_decay=config.weight_decay)
    rule = {"adam": optim.AdamW, "rmsprop": optim.RMSprop}[config.optimizer]
    return rule(parameters, config.lr, weight_decay=config.weight_decay)


def rate(config: Config, steps: int) -> Callable[[int], float]:
    """The factor on the learning rate as a function of the step: a short rise, then half a cosine down to zero or a
    constant.

    The rise is for the first steps, when running averages are still made of nothing and a full step can throw the
    weights far off.
    """
    total = config.epochs * steps
    rise = min(WARMUP, max(total // 10, 1))

    def factor(step: int) -> float:
        up = min(1.0, (step + 1) / rise)
        return up * 0.5 * (1 + math.cos(math.pi * min(step / total, 1.0))) if config.schedule == "cosine" else up

    return factor


def augmentation(dataset: Dataset) -> Compose:
    """Flips, quarter turns and changes of colour: what leaves the label of a pixel true in most pictures."""
    return Compose(FlipHorizontal(), FlipVertical(), Rotate90(), ColorJitter())
