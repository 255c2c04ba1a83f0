"""Batches in an order that depends on the seed and the epoch, and on nothing else."""

import operator
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from .errors import DataError
from .seeding import generator
from .transforms import Transform


class Dataset(Protocol):
    """What a data set offers: (image float32 (C, H, W), mask int64 (H, W)) by position, and what is known of them.

    Two different images have different fingerprints, whatever their names.
    """

    classes: tuple[str, ...]
    in_channels: int
    size: tuple[int, int]
    ignore_index: int | None

    def __len__(self) -> int: ...

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]: ...

    def name(self, i: int) -> str: ...

    def fingerprint(self, i: int) -> bytes: ...


class Loader:
    """Cut a data set into batches.

    The order of epoch e comes from (seed, e) and the augmentation of picture i from (seed, e, i): an epoch's bits do
    not depend on the epochs before it, and a picture's not on the batch it falls into. So a run resumed at epoch e sees
    what the unbroken run saw, and another batch size sees the same pictures.

    batch_size : int >= 1; the last batch may be smaller unless ``drop_last``
    augment : a transform ``(image, mask, rng) -> (image, mask)``, or None

    Raises ValueError for impossible settings, DataError where pictures of a batch differ in size.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        drop_last: bool = False,
        augment: Transform | None = None,
    ) -> None:
        if operator.index(batch_size) < 1:
            raise ValueError(f"Loader: batch_size is {batch_size} but must be at least 1")
        if drop_last and len(dataset) < batch_size:
            raise ValueError(
                f"Loader: drop_last leaves no batch at all: "
                f"batch_size is {batch_size} but there are {len(dataset)} pictures"
            )
        self.dataset, self.batch_size, self.shuffle = dataset, int(batch_size), shuffle
        self.seed, self.drop_last, self.augment = operator.index(seed), drop_last, augment

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def order(self, epoch: int) -> np.ndarray:
        """The positions of epoch's pictures in the order they are shown, (len(dataset),) int64."""
        count = len(self.dataset)
        return generator("order", self.seed, epoch).permutation(count) if self.shuffle else np.arange(count)

    def epoch(self, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield an epoch's batches: images float32 (N, C, H, W), masks int64 (N, H, W), fresh and C-contiguous."""
        order = self.order(epoch)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            yield self._batch(order[start : start + self.batch_size].tolist(), epoch)

    def _batch(self, positions: list[int], epoch: int) -> tuple[np.ndarray, np.ndarray]:
        images, masks = np.empty(0, np.float32), np.empty(0, np.int64)
        for row, i in enumerate(positions):
            image, mask = self.dataset[i]
            if self.augment is not None:
                image, mask = self.augment(image, mask, generator("augment", self.seed, epoch, i))
            if row == 0:
                images = np.empty((len(positions), *image.shape), np.float32)
                masks = np.empty((len(positions), *mask.shape), np.int64)
            if image.shape != images.shape[1:] or mask.shape != masks.shape[1:]:
                raise DataError(
                    f"Loader: {self.dataset.name(i)!r} has image {image.shape} and mask {mask.shape} but "
                    f"{self.dataset.name(positions[0])!r} in the same batch has {images.shape[1:]} and "
                    f"{masks.shape[1:]}: resize them (--size) or end the augmentation with RandomCrop"
                )
            if mask.shape != image.shape[1:]:
                raise DataError(
                    f"Loader: {self.dataset.name(i)!r} has image {image.shape} but mask {mask.shape}: "
                    "heights and widths must agree"
                )
            images[row], masks[row] = image, mask
        return images, masks
