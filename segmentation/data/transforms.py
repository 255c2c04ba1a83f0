"""Random changes of an image together with its mask.

A transform is a callable ``(image, mask, rng) -> (image, mask)``: image float32 (C, H, W) in [0, 1], mask int64 (H, W),
rng a ``numpy.random.Generator``. It draws once and applies the same geometry to both, never changes its inputs, and
never mixes labels: masks are only moved, or sampled to the nearest pixel.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Sample = tuple[np.ndarray, np.ndarray]
Transform = Callable[[np.ndarray, np.ndarray, np.random.Generator], Sample]


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize float32 (C, H, W) to (C, *size) bilinearly; when shrinking, over all pixels that fall on one "
    "(antialias)."""
    from PIL import Image

    if image.shape[1:] == tuple(size):
        return image
    height, width = size
    planes = [
        Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR)
        for plane in np.ascontiguousarray(image, np.float32)
    ]
    return np.stack([np.asarray(plane) for plane in planes])


def resize_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize int64 (H, W) to ``size``; output pixel i takes input pixel floor((i + 1/2) H / size).

    Sampling at pixel centres is what keeps the mask on the image: floor(i H / size), "nearest" in some libraries, is
    off by half a pixel from the bilinear image.
    """
    if mask.shape == tuple(size):
        return mask
    # In integers: (2i + 1) H // (2 size) is exact where floats could land on the wrong side of a pixel's edge.
    rows, columns = ((2 * np.arange(new) + 1) * old // (2 * new) for old, new in zip(mask.shape, size, strict=True))
    return mask[rows[:, None], columns]


class Compose:
    """Apply transforms one after another, all from one generator."""

    def __init__(self, *transforms: Transform) -> None:
        self.transforms = transforms

    def __call__(self, image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Sample:
        for transform in self.transforms:
            image, mask = transform(image, mask, rng)
        return image, mask

    def __repr__(self) -> str:
        return f"Compose({', '.join(map(repr, self.transforms))})"


@dataclass(frozen=True)
class FlipHorizontal:
    """Mirror left and right with probability ``p``. (Not for digits or letters: a mirrored 2 is no 2.)"""

    p: float = 0.5

    def __post_init__(self) -> None:
        _check_probability("FlipHorizontal", self.p)

    def __call__(self, image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Sample:
        return (image[:, :, ::-1], mask[:, ::-1]) if rng.random() < self.p else (image, mask)


@dataclass(frozen=True)
class FlipVertical:
    """Mirror top and bottom with probability ``p``."""

    p: float = 0.5

    def __post_init__(self) -> None:
        _check_probability("FlipVertical", self.p)

    def __call__(self, image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Sample:
        return (image[:, ::-1], mask[::-1]) if rng.random() < self.p else (image, mask)


@dataclass(frozen=True)
class Rotate90:
    """Rotate by 0, 90, 180 or 270 degrees, each as likely; images that are not square by 0 or 180, so sizes stay."""

    def __call__(self, image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Sample:
        turns = int(rng.integers(4))
        if mask.shape[0] != mask.shape[1]:
            turns = 2 * (turns // 2)
        return np.rot90(image, turns, axes=(1, 2)), np.rot90(mask, turns)


@dataclass(frozen=True)
class RandomCrop:
    """Cut a window of ``size`` = (H, W) at a random place.

    Where the picture is smaller than the window it is placed at random inside of it; around it the image is ``fill``
    and the mask is ``ignore_index``: the invented border is not learned. With ``ignore_index=None`` that is an error.
    """

    size: tuple[int, int]
    ignore_index: int | None = 255
    fill: float = 0.0

    def __post_init__(self) -> None:
        if len(self.size) != 2 or min(self.size) < 1:
            raise ValueError(f"RandomCrop: size is {self.size} but must be (height, width), both at least 1")

    def __call__(self, image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Sample:
        short = [max(want - have, 0) for want, have in zip(self.size, mask.shape, strict=True)]
        if any(short):
            if self.ignore_index is None:
                raise ValueError(
                    f"RandomCrop: the picture is {mask.shape} but size is {self.size} "
                    "and there is no ignore_index to pad with"
                )
            before = [int(rng.integers(s + 1)) for s in short]
            around = [(b, s - b) for b, s in zip(before, short, strict=True)]
            image = np.pad(image, [(0, 0), *around], constant_values=self.fill)
            mask = np.pad(mask, around, constant_values=self.ignore_index)
        top, left = (int(rng.integers(have - want + 1)) for want, have in zip(self.size, mask.shape, strict=True))
        rows, columns = slice(top, top + self.size[0]), slice(left, left + self.size[1])
        return image[:, rows, columns], mask[rows, columns]


@dataclass(frozen=True)
class RandomScale:
    """Resize by a factor drawn between ``low`` and ``high``, evenly in its logarithm; sizes change, so crop after "
    "it."""

    low: float = 0.5
    high: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high < float("inf"):
            raise ValueError(f"RandomScale: low is {self.low} and high is {self.high} but 0 < low <= high is needed")

    def __call__(self, image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Sample:
        factor = self.low * (self.high / self.low) ** rng.random()
        size = tuple(max(round(side * factor), 1) for side in mask.shape)
        return resize_image(image, size), resize_mask(mask, size)


@dataclass(frozen=True)
class ColorJitter:
    """Change brightness, contrast and saturation by random factors in [1 - x, 1 + x]; the mask stays as it is.

    In this order: image b; mean + (image - mean) c, the mean over the picture; gray + (image - gray) s, gray being the
    pixel's luminance (ITU-R 601; only for 3 channels). The result is cut to [0, 1] after each step.
    """

    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"ColorJitter: {name} is {getattr(self, name)} but must lie in 0..1")

    def __call__(self, image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Sample:
        b, c, s = (1 + x * rng.uniform(-1, 1) for x in (self.brightness, self.contrast, self.saturation))
        image = np.clip(image * np.float32(b), 0, 1)
        mean = image.mean(dtype=np.float32)
        image = np.clip(mean + (image - mean) * np.float32(c), 0, 1)
        if len(image) == 3:
            gray = np.tensordot(np.array([0.299, 0.587, 0.114], np.float32), image, axes=1)
            image = np.clip(gray + (image - gray) * np.float32(s), 0, 1)
        return image, mask


def _check_probability(name: str, p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: p is {p} but a probability lies in 0..1")
