"""Validation pictures for the report: input, truth and prediction, as PNG inside the page."""

from __future__ import annotations

import base64
import io
import math
from typing import NamedTuple

import numpy as np

import nn
from autograd import from_numpy, no_grad

from ..data import Dataset
from ..evaluation import predict
from ..palette import overlay

EACH = 4  # how many best and how many worst pictures
LARGEST = 384  # longer sides are made smaller, so that the page stays small


class Panel(NamedTuple):
    """One validation picture: its name, its score, and three PNG data URIs."""

    name: str
    iou: float
    size: tuple[int, int]
    image: str
    truth: str
    prediction: str


def rank(image_iou: np.ndarray, each: int = EACH) -> tuple[list[int], list[int]]:
    """Positions of the best and of the worst pictures, no picture in both; ones without a score (NaN) are left out."""
    order = [
        int(i) for i in np.argsort(-np.nan_to_num(image_iou, nan=-1.0), kind="stable") if not math.isnan(image_iou[i])
    ]
    each = min(each, (len(order) + 1) // 2)
    return order[:each], order[::-1][: min(each, len(order) - each)]


def panels(
    model: nn.Module, dataset: Dataset, positions: list[int], image_iou: np.ndarray, colors: np.ndarray
) -> list[Panel]:
    """Predict the pictures at ``positions`` and paint them."""
    made = []
    model.eval()
    for i in positions:
        image, truth = dataset[i]
        with no_grad():
            mask = predict(model(from_numpy(np.ascontiguousarray(image[None]))))[0]
        rgb = np.rint(
            np.clip(np.broadcast_to(image if len(image) == 3 else image.mean(0), (3, *truth.shape)), 0, 1) * 255
        )
        unpainted = background(dataset.classes)
        painted = [overlay(image, m, colors, 0.6, dataset.ignore_index, unpainted) for m in (truth, mask)]
        uris = [data_uri(shrink(a)) for a in (rgb.astype(np.uint8).transpose(1, 2, 0), *painted)]
        made.append(Panel(dataset.name(i), float(image_iou[i]), truth.shape, *uris))
    return made


def background(classes: tuple[str, ...]) -> int | None:
    """The class that overlays leave unpainted."""
    from ..evaluation import foreground

    painted = foreground(classes)
    return next((i for i in range(len(classes)) if i not in painted), None)


def shrink(pixels: np.ndarray) -> np.ndarray:
    """Every k-th pixel, with the smallest k that brings the longer side to at most ``LARGEST``."""
    step = -(-max(pixels.shape[:2]) // LARGEST)
    return pixels[::step, ::step]


def data_uri(pixels: np.ndarray) -> str:
    """An RGB picture (H, W, 3) uint8 as a ``data:`` URI."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
