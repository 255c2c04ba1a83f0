"""Segmentation: models, data, metrics, training, reports, and the command line ``python -m segmentation``.

>>> import segmentation
>>> model = segmentation.build("unet", in_channels=1, classes=11, base=4)
>>> data = segmentation.load_dataset("digits", "val", count=2)
>>> segmentation.segment(model.eval(), data[0][0], depth=4).shape
(64, 84)
"""

from .config import Config
from .data import DataError, DigitScenes, ImageFolder, Loader, load_dataset
from .errors import TrainingError, UsageError
from .metrics import ConfusionMatrix
from .models import MODELS, Encoder, FCN8s, FCN16s, FCN32s, SegNet, UNet, build
from .palette import colorize, overlay, palette
from .predict import load_model, segment
from .training import Trainer

__all__ = [
    "MODELS",
    "Config",
    "ConfusionMatrix",
    "DataError",
    "DigitScenes",
    "Encoder",
    "FCN8s",
    "FCN16s",
    "FCN32s",
    "ImageFolder",
    "Loader",
    "SegNet",
    "Trainer",
    "TrainingError",
    "UNet",
    "UsageError",
    "build",
    "colorize",
    "load_dataset",
    "load_model",
    "overlay",
    "palette",
    "segment",
]
