"""The settings of a training run: what they are, what they default to, and when two runs are the same run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any

from .errors import UsageError
from .models import MODELS

OPTIMIZERS = ("adam", "sgd", "rmsprop")
SCHEDULES = ("cosine", "none")
CLASS_WEIGHTS = ("none", "sqrt", "inverse")

# what differs between the digit scenes and a folder of pictures, when the command line leaves it open
DIGITS_DEFAULTS = {"epochs": 6, "scenes": 1500, "augment": False, "batch_size": 4, "class_weights": "sqrt"}
FOLDER_DEFAULTS = {"epochs": 15, "scenes": None, "augment": True, "batch_size": 8, "class_weights": "none"}
LEARNING_RATES = {"adam": 1e-3, "sgd": 5e-2, "rmsprop": 5e-4}


@dataclass(frozen=True)
class Config:
    """Every setting that the numbers of a run depend on. Two runs with equal settings and equal data give equal bits.

    The number of threads is not among them, nor is where the run folder or the data lies.
    """

    data: str  # "digits" or a folder, as it was typed
    model: str = "unet"
    epochs: int = 10
    base: int = 16
    depth: int = 4
    batch_size: int = 8
    lr: float = 1e-3
    optimizer: str = "adam"
    momentum: float = 0.9  # of sgd; adam and rmsprop have their own
    weight_decay: float = 1e-4
    schedule: str = "cosine"
    class_weights: str = "none"  # of the loss: none, 1/sqrt(share of the pixels), 1/share
    seed: int = 0
    size: tuple[int, int] | None = None  # None: the pictures' own
    augment: bool = True
    val_fraction: float = 0.2  # of a folder without a train/val division of its own
    scenes: int | None = None  # of the digit scenes; a fifth as many are drawn for validation

    def to_json(self) -> dict[str, Any]:
        """A JSON-serialisable dictionary of all settings."""
        return {**dataclasses.asdict(self), "size": None if self.size is None else list(self.size)}

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> Config:
        """The counterpart of :meth:`to_json`.

        Raises UsageError where a setting is missing, unknown or of the wrong kind: the file was written by another
        version or edited.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(settings, dict) or set(settings) != names:
            odd = sorted(names.symmetric_difference(settings)) if isinstance(settings, dict) else ["everything"]
            raise UsageError(f"the saved settings do not fit this version ({', '.join(odd)}): train again")
        size = settings["size"]
        config = cls(**{**settings, "size": None if size is None else (size[0], size[1])})
        config.check()
        return config

    def hash(self) -> str:
        """A fingerprint of the settings that the numbers depend on."""
        settings = {name: value for name, value in self.to_json().items() if name != "data"}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]

    def check(self) -> None:
        """Raise UsageError for a setting that cannot work, naming its option."""

        def refuse(option: str, value: object, want: str) -> None:
            raise UsageError(f"--{option} must be {want}, not {value!r}")

        if self.model not in MODELS:
            refuse("model", self.model, f"one of {', '.join(MODELS)}")
        for option, least in (
            ("epochs", 1),
            ("base", 1),
            ("depth", MODELS[self.model].smallest_depth),
            ("batch_size", 1),
        ):
            value = getattr(self, option)
            if type(value) is not int or value < least:
                refuse(option.replace("_", "-"), value, f"a whole number of at least {least}")
        if self.base > 4096 or self.depth > 12:
            refuse("base", self.base, "at most 4096, and --depth at most 12")
        if not (isinstance(self.lr, (int, float)) and math.isfinite(self.lr) and self.lr > 0):
            refuse("lr", self.lr, "a number above 0")
        if self.optimizer not in OPTIMIZERS:
            refuse("optimizer", self.optimizer, f"one of {', '.join(OPTIMIZERS)}")
        if self.schedule not in SCHEDULES:
            refuse("schedule", self.schedule, f"one of {', '.join(SCHEDULES)}")
        if self.class_weights not in CLASS_WEIGHTS:
            refuse("class-weights", self.class_weights, f"one of {', '.join(CLASS_WEIGHTS)}")
        if not 0 <= self.momentum < 1:
            refuse("momentum", self.momentum, "in 0 <= momentum < 1")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            refuse("weight-decay", self.weight_decay, "a number of at least 0")
        if type(self.seed) is not int or not 0 <= self.seed < 2**63:
            refuse("seed", self.seed, "a whole number from 0 to 2**63 - 1")
        if self.size is not None and min(self.size) < 1:
            refuse("size", f"{self.size[0]}x{self.size[1]}", "HxW with sides of at least 1")
        if not 0 < self.val_fraction < 1:
            refuse("val-fraction", self.val_fraction, "between 0 and 1")
        if self.scenes is not None and (type(self.scenes) is not int or self.scenes < 1):
            refuse("scenes", self.scenes, "a whole number of at least 1")


def resolve(given: dict[str, Any]) -> Config:
    """Fill what the command line left open with defaults that suit the data, the model and the optimizer."""
    settings = dict(DIGITS_DEFAULTS if given.get("data") == "digits" else FOLDER_DEFAULTS)
    model, optimizer = given.get("model", Config.model), given.get("optimizer", Config.optimizer)
    settings["depth"] = MODELS[model].depth if model in MODELS else Config.depth
    settings["lr"] = LEARNING_RATES.get(optimizer, Config.lr)
    config = Config(**{**settings, **given})
    config.check()
    foreign = ("size", "val_fraction") if config.data == "digits" else ("scenes",)
    for name in foreign:
        if name in given:
            option = f"--{name.replace('_', '-')}"
            if config.data == "digits":
                raise UsageError(
                    f"{option} is for folders of pictures; the digit scenes come as they are: leave it out"
                )
            raise UsageError(
                f"{option} is for the digit scenes; the data here is the folder {config.data!r}: leave it out"
            )
    return config


def differences(saved: Config, given: dict[str, Any]) -> list[str]:
    """The settings asked for now that are not those of the saved run, as ``--lr 0.1 (saved: 0.01)``."""
    found = []
    for name, value in given.items():
        if name == "data":  # data may have moved: its content is compared instead
            continue
        old = getattr(saved, name)
        if old != value:
            found.append(f"--{name.replace('_', '-')} {_show(value)} (the run has {_show(old)})")
    return found


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)
