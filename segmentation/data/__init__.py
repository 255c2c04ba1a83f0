"""Data for segmentation: pictures with masks, digit scenes that ship with the package, batches, joint transforms.

A data set is anything with ``len(ds)``, ``ds[i] -> (image float32 (C, H, W) in [0, 1], mask int64 (H, W))``,
``ds.classes``, ``ds.in_channels``, ``ds.size``, ``ds.ignore_index`` and ``ds.name(i)``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from .digits import DigitScenes
from .errors import DataError
from .folder import ImageFolder
from .loader import Dataset, Loader
from .transforms import ColorJitter, Compose, FlipHorizontal, FlipVertical, RandomCrop, RandomScale, Rotate90

__all__ = [
    "ColorJitter",
    "Compose",
    "DataError",
    "Dataset",
    "DigitScenes",
    "FlipHorizontal",
    "FlipVertical",
    "ImageFolder",
    "Loader",
    "RandomCrop",
    "RandomScale",
    "Rotate90",
    "load_dataset",
]

DIGIT_COUNTS = {"train": 4000, "val": 1000}


def load_dataset(
    spec: str | Path,
    split: str | None = None,
    *,
    seed: int = 0,
    count: int | None = None,
    val_fraction: float | None = None,
    classes: Sequence | Mapping | None = None,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    ignore_index: int | str | None = "auto",
) -> DigitScenes | ImageFolder:
    """Return the data set that ``spec`` names.

    spec : "digits" for the embedded digit scenes, else the path of a folder (write "./digits" for one of that name)
    split : "train" or "val"; None, for folders only, is everything
    seed : of the scenes, or of the folder's split
    count : number of scenes, 4000 (train) or 1000 (val) unless given; digits only
    val_fraction, classes, size, channels, ignore_index : as in ``ImageFolder``, whose defaults hold; folders only

    Raises DataError where the data, or options that do not belong to it, are at fault.
    """
    if spec != "digits":
        if count is not None:
            raise DataError(f"count={count} is for the digit scenes but the data set is the folder {str(spec)!r}")
        fraction = 0.2 if val_fraction is None else val_fraction
        return ImageFolder(spec, split, fraction, seed, classes, size, channels, ignore_index)
    options = {"val_fraction": val_fraction, "classes": classes, "size": size, "channels": channels}
    for name, value in options.items():
        if value is not None:
            raise DataError(f"{name}={value!r} is for folders but the data set is the digit scenes: leave it out")
    if split not in DIGIT_COUNTS:
        raise DataError(f"split is {split!r} but the digit scenes have the splits 'train' and 'val'")
    return DigitScenes(DIGIT_COUNTS[split] if count is None else count, split, seed)
