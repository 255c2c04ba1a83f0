"""A folder of pictures with a folder of masks, checked as a whole before training starts."""

import hashlib
import operator
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .classes import make_classes, read_classes
from .errors import DataError, show
from .masks import MaskRule, summarise
from .reading import SUFFIXES, RawMask, inspect, read_image, read_mask
from .seeding import generator
from .transforms import resize_image, resize_mask

EXPECTED = "images/ and masks/ with pictures of the same names, or train/ and val/ that each hold both"


class Pair(NamedTuple):
    name: str
    image: Path
    mask: Path


class ImageFolder:
    """Pictures with their masks from ``root/images`` and ``root/masks`` (same names; png jpg bmp tif, masks no jpg).

    A file ``classes.json`` or ``classes.txt`` in ``root`` may name the classes and give their colours in RGB masks. How
    mask values become labels, and what ``ignore_index`` may be, is said in ``MaskRule``; how pixels become numbers, in
    ``read_image``. All of ``root`` is checked here, whatever the split, so that the parts of one folder agree about
    classes, channels and size, and a bad file shows before the first epoch.

    root : path
    split : None for everything; "train" or "val" for a part: the sub-folders of that name where ``root`` has them, else
        a permutation of the sorted names by ``seed`` of which the first ``val_fraction`` are "val"
    classes : names, or a mapping of names to colours; replaces the class file
    size : None (all pictures must have one size), a side, or (H, W): images are resized bilinearly, masks to nearest
    channels : None (1 if every picture is gray by its kind, else 3), 1 or 3
    check_images : decode every picture once now; False reads only the headers of images (masks are always read)

    Items are (image float32 (C, H, W) in [0, 1], mask int64 (H, W)).
    Raises DataError in one line: the file, what disagrees, what to do.
    """

    def __init__(
        self,
        root: str | Path,
        split: str | None = None,
        val_fraction: float = 0.2,
        seed: int = 0,
        classes: Sequence | Mapping | None = None,
        size: int | tuple[int, int] | None = None,
        channels: int | None = None,
        ignore_index: int | str | None = "auto",
        check_images: bool = True,
    ) -> None:
        if split not in (None, "train", "val"):
            raise DataError(f"split is {split!r} but must be 'train', 'val' or None (everything)")
        if channels not in (None, 1, 3):
            raise DataError(f"channels is {channels!r} but pictures are read with 1 or 3 channels")
        if ignore_index is not None and ignore_index != "auto" and not isinstance(ignore_index, int | np.integer):
            raise DataError(f"ignore_index is {ignore_index!r} but must be an integer, None or 'auto'")
        self.root, self.split = Path(root), split
        parts = _find_parts(self.root)
        named = make_classes(classes) if classes is not None else read_classes(self.root)
        pairs = [pair for part in parts.values() for pair in part]
        self.size, all_gray, summaries = _check(pairs, _as_size(size), check_images)
        self.in_channels = channels or (1 if all_gray else 3)
        self._rule = MaskRule([pair.mask for pair in pairs], summaries, named, ignore_index)
        self.classes: tuple[str, ...] = self._rule.names
        self.colors = named.colors if named else None
        self.ignore_index: int | None = self._rule.ignore_index
        if split is None:
            self._pairs = pairs
        elif "" in parts:
            self._pairs = _cut(pairs, split, val_fraction, seed, self.root)
        else:
            self._pairs = parts[split]

    def __len__(self) -> int:
        return len(self._pairs)

    def __repr__(self) -> str:
        where = f"ImageFolder({str(self.root)!r}, split={self.split!r})"
        return f"{where}: {len(self)} pictures, size={self.size}, classes={self.classes}"

    def name(self, i: int) -> str:
        """The file name of picture i without its suffix."""
        return self._pairs[i].name

    def fingerprint(self, i: int) -> bytes:
        """A hash of the image file: it tells picture i from another one of its name. A mended mask changes nothing."""
        return hashlib.sha256(self._pairs[i].image.read_bytes()).digest()

    def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        pair = self._pairs[operator.index(i)]
        image = resize_image(read_image(pair.image, self.in_channels), self.size)
        mask = resize_mask(self._rule.labels(read_mask(pair.mask), pair.mask), self.size)
        return image, mask


def _find_parts(root: Path) -> dict[str, list[Pair]]:
    """The pairs of ``root`` as {"": all} or {"train": ..., "val": ...}."""
    if not root.exists():
        raise DataError(f"no such folder: {show(root)}")
    if not root.is_dir():
        raise DataError(f"{show(root)} is a file but a folder is expected that holds {EXPECTED}")
    split = [part for part in ("train", "val") if (root / part).is_dir()]
    here = [part for part in ("images", "masks") if (root / part).is_dir()]
    if split and here:
        raise DataError(f"{show(root)} holds both {here[0]}/ and {split[0]}/ but one layout is expected: {EXPECTED}")
    if len(split) == 1:
        missing = "val" if split == ["train"] else "train"
        raise DataError(
            f"{show(root)} holds {split[0]}/ but no {missing}/: "
            f"add it, or use {show(root / split[0])} itself and split it"
        )
    if split:
        return {part: _find_pairs(root / part) for part in split}
    return {"": _find_pairs(root)}


def _find_pairs(folder: Path) -> list[Pair]:
    for part, other in (("images", "masks"), ("masks", "images")):
        if not (folder / part).is_dir():
            found = (
                f"has {other}/ but no {part}/ inside"
                if (folder / other).is_dir()
                else "has no images/ and no masks/ inside"
            )
            raise DataError(f"{show(folder)} {found}: expected {EXPECTED}")
    images, masks = _pictures(folder / "images"), _pictures(folder / "masks")
    for lonely, partners, there in ((images, masks, "masks"), (masks, images, "images")):
        names = sorted(lonely.keys() - partners.keys())
        if names:
            more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
            what, missing = ("image", "mask") if there == "masks" else ("mask", "image")
            unread = next((p for p in sorted((folder / there).iterdir()) if p.stem == names[0]), None)
            remedy = (
                f"save {show(unread)} as PNG"
                if unread
                else f"add {show(f'{there}/{names[0]}.png')} or remove the {what}"
            )
            raise DataError(
                f"{show(lonely[names[0]])} is {'an' if what == 'image' else 'a'} {what} without {missing}{more}: "
                f"{remedy}"
            )
    return [Pair(name, images[name], masks[name]) for name in sorted(images)]


def _pictures(folder: Path) -> dict[str, Path]:
    """Picture files by name without suffix. Hidden files and other kinds are passed over: Thumbs.db is no mistake."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        if path.stem in found:
            raise DataError(
                f"{show(found[path.stem])} and {show(path)} have the same name: "
                "keep one, or rename one with its partner"
            )
        found[path.stem] = path
    if not found:
        raise DataError(f"{show(folder)} is empty: expected pictures ({' '.join(SUFFIXES)})")
    return found


def _check(
    pairs: list[Pair], size: tuple[int, int] | None, decode: bool
) -> tuple[tuple[int, int], bool, list[RawMask]]:
    """One pass over all files: the common size, whether all images are gray, and what values each mask holds.

    Every image must fit its mask and, without ``size``, every other image.
    """
    first, all_gray, summaries = (0, 0), True, []
    for number, pair in enumerate(pairs):
        found, gray = inspect(pair.image, decode)
        raw = read_mask(pair.mask)
        if found != raw.values.shape[:2]:
            raise DataError(
                f"{show(pair.image)} is {_by(found)} but its mask {show(pair.mask)} is {_by(raw.values.shape)} "
                f"(height x width): they must be equal"
            )
        if number == 0:
            first = found
        if size is None and found != first:
            raise DataError(
                f"{show(pair.image)} is {_by(found)} but {show(pairs[0].image)} is {_by(first)} (height x width): "
                f"resize all with --size (size=...)"
            )
        all_gray &= gray
        summaries.append(summarise(raw))
    return size or first, all_gray, summaries


def _cut(pairs: list[Pair], split: str, val_fraction: float, seed: int, root: Path) -> list[Pair]:
    """The "train" or "val" part of a seeded permutation, in the order of the names; neither part is empty."""
    if not 0 < val_fraction < 1:
        raise DataError(f"val_fraction is {val_fraction} but must lie between 0 and 1")
    if len(pairs) < 2:
        raise DataError(
            f"{show(root)} holds 1 picture, too few to split into train and val: add pictures or use split=None"
        )
    count = min(max(round(val_fraction * len(pairs)), 1), len(pairs) - 1)
    order = generator("split", seed).permutation(len(pairs))
    return [pairs[i] for i in sorted(order[:count] if split == "val" else order[count:])]


def _as_size(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    try:
        height, width = (size, size) if isinstance(size, int | np.integer) else size
        height, width = operator.index(height), operator.index(width)
    except (TypeError, ValueError):
        raise DataError(f"size is {size!r} but must be a side or (height, width)") from None
    if height < 1 or width < 1:
        raise DataError(f"size is {size!r} but both sides must be at least 1")
    return height, width


def _by(size: tuple[int, ...]) -> str:
    return f"{size[0]}x{size[1]}"
