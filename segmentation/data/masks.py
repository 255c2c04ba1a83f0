"""What the values of mask files mean, decided once for a whole folder.

A single mask cannot tell: {0, 255} is a foreground mask in one folder and "class 0 and unlabelled" in another. So the
values of all masks are gathered first, one rule is made from them, and every mask is read, and checked, by that rule.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .classes import ClassList
from .errors import DataError, show
from .reading import RawMask

AUTO_IGNORE = 255


def summarise(raw: RawMask) -> RawMask:
    """The distinct values of a mask as a mask of one column: all that the rule needs, in a few bytes."""
    if raw.is_color:
        codes = np.unique(_pack(raw.values))
        distinct: np.ndarray = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=-1).astype(np.uint8)
    elif raw.values.dtype == np.uint8:
        distinct = np.flatnonzero(np.bincount(raw.values.ravel(), minlength=256))
    else:
        distinct = np.unique(raw.values)
    return RawMask(distinct[:, None], raw.bilevel, raw.palette)


class MaskRule:
    """Turns raw mask files into int64 labels in 0..len(names)-1, or ``ignore_index``.

    - 1-bit files: 0 and 1.
    - Gray and palette files: class numbers; a palette's colours are not consulted. But where all of them together hold
      nothing except 0 and 255 (16 bit: 65535), these are background and foreground.
    - RGB files: by the colours of the class list; without such colours only gray RGB files can be read, as gray files.

    ``ignore_index="auto"``: the value 255 in masks of class numbers means "no label", unless there are more than
    255 classes. An int: this value does. None: every value must be a class.

    Raises DataError for values that fit no class, and where two readings are possible.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        summaries: Sequence[RawMask],
        classes: ClassList | None,
        ignore_index: int | str | None,
    ) -> None:
        auto = ignore_index == "auto"
        self._colors = classes.colors if classes else None
        self._ignore_color = classes.ignore_color if classes else None
        self._on: int | None = None  # the foreground value of 0/255 masks
        self.ignore_index = None if ignore_index is None or auto else int(ignore_index)
        found: dict[int, Path] = {}  # gray value -> the first file that holds it
        for path, raw in zip(paths, summaries, strict=True):
            if not raw.bilevel and not (raw.is_color and self._colors):
                for value in self._gray(raw, path).ravel().tolist():
                    found.setdefault(value, path)
        top = max(found, default=0)
        if top in (255, 65535) and set(found) <= {0, top}:
            if ignore_index == top:
                raise DataError(
                    f"{show(found[top])} and the other masks hold only 0 and {top} but ignore_index={top} leaves "
                    f"nothing except 0: leave ignore_index out if {top} is the foreground"
                )
            if classes and len(classes.names) != 2:
                raise DataError(
                    f"{show(found[top])} and the other masks hold only 0 and {top} but {len(classes.names)} classes "
                    "are named: save class numbers, or name two classes"
                )
            self._on = top
        elif auto and top == AUTO_IGNORE and not (classes and len(classes.names) > AUTO_IGNORE):
            self._refuse_two_readings(paths, summaries)
            self.ignore_index = AUTO_IGNORE
        if self._ignore_color is not None and self.ignore_index is None:
            self.ignore_index = AUTO_IGNORE
        self.names = classes.names if classes else self._guess_names(found, paths, summaries)
        if self._ignore_color and self.ignore_index in range(len(self.names)):
            raise DataError(
                f"ignore_index is {self.ignore_index}, a class of the {len(self.names)}: set it outside of "
                f"0..{len(self.names) - 1}"
            )
        for path, raw in zip(paths, summaries, strict=True):
            self.labels(raw, path)
            self._check_palette(raw, path)

    def labels(self, raw: RawMask, path: Path) -> np.ndarray:
        """The labels of a raw mask as int64 (H, W); DataError, naming ``path``, for a value that has no class."""
        if raw.is_color and self._colors:
            return self._from_colors(raw.values, path)
        if raw.bilevel:
            return raw.values.astype(np.int64)
        values = self._gray(raw, path)
        if self._on is not None:
            labels = (values == self._on).astype(np.int64)
            bad = (values != 0) & (values != self._on)
            expected = f"the other masks hold only 0 and {self._on}"
        else:
            labels = values.astype(np.int64)
            bad = (labels < 0) | (labels >= len(self.names))
            if self.ignore_index is not None:
                bad &= labels != self.ignore_index
            expected = f"there are {len(self.names)} classes, numbered 0..{len(self.names) - 1}"
        if bad.any():
            raise DataError(
                f"{show(path)} holds the label {values[bad].flat[0]} but {expected}: "
                "correct the mask, or name all classes"
            )
        return labels

    def _gray(self, raw: RawMask, path: Path) -> np.ndarray:
        """The values of a mask without a colour map; RGB masks must be gray all over."""
        if not raw.is_color:
            return raw.values
        colored = (raw.values != raw.values[..., :1]).any(axis=-1)
        if colored.any():
            raise DataError(
                f"{show(path)} is an RGB mask with the colour {tuple(raw.values[colored][0].tolist())} but no class "
                "colours are known: list them in classes.txt beside images/, one 'name red green blue' a line"
            )
        return raw.values[..., 0]

    def _from_colors(self, pixels: np.ndarray, path: Path) -> np.ndarray:
        table = np.array(self._colors if self._ignore_color is None else (*self._colors, self._ignore_color), np.uint8)
        labels = np.arange(len(table))
        if self._ignore_color is not None:
            labels[-1] = AUTO_IGNORE if self.ignore_index is None else self.ignore_index
        codes = _pack(table)
        order = np.argsort(codes)
        wanted = _pack(pixels)
        place = order[np.minimum(np.searchsorted(codes, wanted, sorter=order), len(codes) - 1)]
        bad = codes[place] != wanted
        if bad.any():
            color = tuple(pixels[bad][0].tolist())
            raise DataError(
                f"{show(path)} holds the colour {color} but the class list has no class of that colour: add it, or, "
                f"where it is the edge of a smoothed mask, save the mask without smoothing"
            )
        return labels[place]

    def _check_palette(self, raw: RawMask, path: Path) -> None:
        """Refuse a palette whose numbers and colours name different classes: some editors reorder palettes."""
        if raw.palette is None or not self._colors:
            return
        for value in raw.values.ravel().tolist():
            color = tuple(raw.palette[value].tolist()) if value < len(raw.palette) else None
            if color in self._colors and self._colors.index(color) != value:
                raise DataError(
                    f"{show(path)} holds the label {value} in the colour {color}, which the class list gives to class "
                    f"{self._colors.index(color)}: the palette was reordered; save the mask as RGB"
                )

    def _refuse_two_readings(self, paths: Sequence[Path], summaries: Sequence[RawMask]) -> None:
        """Some masks hold 0 and 255, the others 0 and 1: is 255 the foreground, or unlabelled? Only the user knows."""
        sets = [
            (path, set(raw.values[..., 0].ravel().tolist()))
            for path, raw in zip(paths, summaries, strict=True)
            if not raw.bilevel
        ]
        with_one = [path for path, values in sets if 1 in values]
        with_ignore = [path for path, values in sets if AUTO_IGNORE in values]
        if set().union(*(values for _, values in sets)) == {0, 1, 255} and not set(with_one) & set(with_ignore):
            raise DataError(
                f"{show(with_ignore[0])} holds 255 where {show(with_one[0])} holds 1: save both alike if 255 is the "
                "foreground, or set ignore_index=255 if it is not labelled"
            )

    def _guess_names(
        self, found: dict[int, Path], paths: Sequence[Path], summaries: Sequence[RawMask]
    ) -> tuple[str, ...]:
        """Names for a folder without a class list: labels must then be 0..K-1 without a gap."""
        two = ("background", "foreground")
        if self._on is not None:
            return two
        values = set(found) - {self.ignore_index}
        values |= {v for raw in summaries if raw.bilevel for v in raw.values.ravel().tolist()}
        top = max(values, default=0)
        if top < 1:
            raise DataError(
                f"{show(paths[0])} and all other masks hold no label but 0: there is nothing to learn; "
                "check how they were saved"
            )
        missing = next((v for v in range(top) if v not in values), None)
        if missing is not None:
            raise DataError(
                f"{show(found.get(top, paths[0]))} holds the label {top} but no mask holds {missing}: if they are "
                "class numbers, name the classes in classes.txt beside images/, one a line; if they are gray levels, "
                "renumber them from 0"
            )
        return two if top == 1 else tuple(f"class {k}" for k in range(top + 1))


def _pack(colors: np.ndarray) -> np.ndarray:
    """(..., 3) bytes to one integer each, so that colours compare and sort as numbers."""
    wide = colors.astype(np.int32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
