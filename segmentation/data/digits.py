"""Scenes of handwritten digits, drawn from 2,000 real digits that ship with the package.

Real data that needs no download: enough to train a segmentation network to a meaningful accuracy in minutes.
Train and validation scenes draw from disjoint pools of digits: no validation score comes from a digit seen in training.
"""

import functools
import operator
from pathlib import Path

import numpy as np

from .seeding import generator

HEIGHT, WIDTH = 64, 84
SIDE = 28  # a digit's height and width: three stand side by side in a scene
SLOTS = WIDTH // SIDE
SHIFT_Y, SHIFT_X = 10, 6  # 6 is past a digit's usual 4-pixel margin: neighbours overlap now and then, as they should
VAL_PER_FIVE = 1  # of every class, the last fifth of the digits is the validation pool

CLASSES = ("background", *(str(d) for d in range(10)))


@functools.cache
def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """The shipped digits: images (2000, 28, 28) uint8 with 0 = no ink, labels (2000,) uint8; both read-only."""
    with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as packed:
        images, labels = packed["images"], packed["labels"]
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


@functools.cache
def digit_pool(split: str) -> np.ndarray:
    """Positions in ``load_digits()`` that scenes of this split may use: 160 of each class for "train", 40 for "val".

    The cut keeps the source's order rather than shuffling it: digits of one writer that stand together stay together.
    """
    if split not in ("train", "val"):
        raise ValueError(f"digits: split is {split!r} but the digit scenes have the splits 'train' and 'val'")
    _, labels = load_digits()
    chosen = []
    for digit in range(10):
        positions = np.flatnonzero(labels == digit)
        cut = len(positions) - len(positions) * VAL_PER_FIVE // 5
        chosen.append(positions[:cut] if split == "train" else positions[cut:])
    pool = np.concatenate(chosen)
    pool.flags.writeable = False
    return pool


class DigitScenes:
    """Gray 64 x 84 scenes of one to three digits, with the class of every pixel.

    Class 0 is the background and class d + 1 the digit d. Digits stand in three slots side by side, each shifted by up
    to 10 pixels vertically and 6 horizontally; where two overlap the later one is on top, in the image and in the mask.

    A pixel carries a digit's class where that digit's ink is above 0, the faint rim of a stroke included. The reason is
    that image and mask then agree exactly: a pixel is labelled if and only if it is not black, no label is a matter of
    taste, and scores compare with other work on such scenes. The price is small: 6 % of the ink is below 16/255, close
    to invisible. Ink of a later digit *replaces* what is below it, so every visible value belongs to its label.

    count : int >= 1, the number of scenes
    split : "train" or "val"; the two use disjoint sets of digits
    seed : int; a scene depends on (seed, split, index) alone, not on ``count`` or on what was drawn before

    Items are (image float32 (1, 64, 84) in [0, 1], mask int64 (64, 84)), freshly drawn arrays.
    """

    classes = CLASSES
    in_channels = 1
    size = (HEIGHT, WIDTH)
    ignore_index: int | None = None
    colors: tuple[tuple[int, int, int], ...] | None = None

    def __init__(self, count: int, split: str = "train", seed: int = 0) -> None:
        if operator.index(count) < 1:
            raise ValueError(f"digits: count is {count} but at least 1 scene is needed")
        self.count, self.split, self.seed = int(count), split, operator.index(seed)
        self._pool = digit_pool(split)
        self._digits, self._labels = load_digits()

    def __len__(self) -> int:
        return self.count

    def __repr__(self) -> str:
        return f"DigitScenes(count={self.count}, split={self.split!r}, seed={self.seed})"

    def name(self, i: int) -> str:
        """A name for scene i, unique within the split."""
        return f"{self.split}-{self._position(i):05d}"

    def fingerprint(self, i: int) -> bytes:
        """Tells scene i from every other one."""
        return f"{self.seed}/{self.name(i)}".encode()

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        image = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask = np.zeros((HEIGHT, WIDTH), np.int64)
        for position, top, left in self.layout(i):
            window = slice(top, top + SIDE), slice(left, left + SIDE)
            digit = self._digits[position]
            ink = digit > 0
            image[window][ink] = digit[ink]
            mask[window][ink] = int(self._labels[position]) + 1
        return np.multiply(image[None], np.float32(1 / 255), dtype=np.float32), mask

    def layout(self, i: int) -> list[tuple[int, int, int]]:
        """The digits of scene i from the lowest to the topmost: (position in ``load_digits()``, top, left)."""
        rng = generator("digits-" + self.split, self.seed, self._position(i))
        slots = rng.permutation(SLOTS)[: rng.integers(1, SLOTS + 1)]
        positions = self._pool[rng.integers(len(self._pool), size=len(slots))]
        tops = (HEIGHT - SIDE) // 2 + rng.integers(-SHIFT_Y, SHIFT_Y + 1, size=len(slots))
        # Digits stay whole: the outer slots cannot be pushed over the edge.
        lefts = np.clip(SIDE * slots + rng.integers(-SHIFT_X, SHIFT_X + 1, size=len(slots)), 0, WIDTH - SIDE)
        return list(zip(positions.tolist(), tops.tolist(), lefts.tolist(), strict=True))

    def _position(self, i: int) -> int:
        i = operator.index(i)
        if not -self.count <= i < self.count:
            raise IndexError(f"digits: scene {i} asked for but there are {self.count}")
        return i % self.count
