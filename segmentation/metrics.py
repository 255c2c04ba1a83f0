"""Scores of segmentations, all from one table of integer counts.

Counts are exact (int64), so that merging tables gives the same numbers in any order, and a score of a whole data set is
not an average of scores of its batches. Every score says what level it belongs to and what it did about absent classes.
"""

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

Absent = Literal["skip", 0, 1]


class Score(float):
    """A number that remembers how it was made; in all else a float.

    averaged : the number of classes (level "dataset") or images (level "image") that were averaged
    level : "dataset" (one table of counts for everything) or "image" (a score per image, then their mean)
    absent : what was done with classes that have no pixel in prediction and target: "skip", 0 or 1
    """

    averaged: int
    level: str
    absent: Absent

    def __new__(cls, value: float, averaged: int, level: str = "dataset", absent: Absent = "skip") -> "Score":
        score = super().__new__(cls, value)
        score.averaged, score.level, score.absent = averaged, level, absent
        return score

    def __repr__(self) -> str:
        what = "classes" if self.level == "dataset" else "images"
        absent = "skipped" if self.absent == "skip" else f"counted as {self.absent}"
        return f"{float(self):.6g} ({self.level} level, {self.averaged} {what} averaged, absent classes {absent})"

    def __getnewargs__(self) -> tuple:
        return float(self), self.averaged, self.level, self.absent


class ConfusionMatrix:
    """Count pixels by true and predicted class: ``matrix[t, p]`` pixels of class t were predicted as p.

    With TP = matrix[c, c], FP = the rest of column c, FN = the rest of row c, every score below is a formula in them.

    num_classes : int >= 1
    ignore_index : pixels whose *target* has this value are not counted; what was predicted there does not matter.
        Predicting an ignored class elsewhere is a plain error. Where it is one of 0..num_classes-1, that class's own
        scores are NaN and it is left out of every mean: none of its pixels was counted as a target.
    """

    def __init__(self, num_classes: int, ignore_index: int | None = None) -> None:
        if operator.index(num_classes) < 1:
            raise ValueError(f"ConfusionMatrix: num_classes is {num_classes} but must be at least 1")
        self.num_classes = int(num_classes)
        self.ignore_index = None if ignore_index is None else operator.index(ignore_index)
        self.reset()

    def reset(self) -> None:
        """Forget all counts."""
        self._counts = np.zeros((self.num_classes, self.num_classes), np.int64)

    @property
    def matrix(self) -> np.ndarray:
        """A copy of the counts, int64 (K, K): row = target, column = prediction."""
        return self._counts.copy()

    def __repr__(self) -> str:
        return f"ConfusionMatrix({self.num_classes}, ignore_index={self.ignore_index}): {self._counts.sum()} pixels"

    def update(self, predictions: Any, targets: Any) -> "ConfusionMatrix":
        """Count pixels; returns self.

        predictions, targets : integers of one shape, any (N, H, W) or (H, W) ...; arrays, or objects with ``.numpy()``

        Raises TypeError for other than integers; ValueError, before anything is counted, where shapes differ, a target
        is neither a class nor ``ignore_index``, or a prediction at a counted pixel is no class.
        """
        p, t = _integers(predictions, "predictions"), _integers(targets, "targets")
        if p.shape != t.shape:
            raise ValueError(
                f"ConfusionMatrix: predictions have shape {p.shape} but targets {t.shape}: they must be equal"
                + (" (turn logits into classes with predict_classes)" if p.ndim == t.ndim + 1 else "")
            )
        p, t = p.ravel(), t.ravel()
        if self.ignore_index is not None:
            counted = t != self.ignore_index
            if not counted.all():
                p, t = p[counted], t[counted]
        # bincount on an index out of range would count it somewhere else (t = 0, p = K is row 1, column 0).
        self._check_range(t, "target")
        self._check_range(p, "prediction")
        cells = t.astype(np.int64) * self.num_classes + p.astype(np.int64)
        self._counts += np.bincount(cells, minlength=self.num_classes**2).reshape(self._counts.shape)
        return self

    def merge(self, other: "ConfusionMatrix") -> "ConfusionMatrix":
        """Add another table's counts; returns self. ValueError where the two count different things."""
        if (self.num_classes, self.ignore_index) != (other.num_classes, other.ignore_index):
            raise ValueError(
                f"ConfusionMatrix: cannot merge {other.num_classes} classes, ignore_index={other.ignore_index} into "
                f"{self.num_classes} classes, ignore_index={self.ignore_index}"
            )
        self._counts += other._counts
        return self

    def pixel_accuracy(self) -> float:
        """The share of pixels predicted right: sum(TP) / all pixels. The report's (51) for any number of classes.

        For two classes it is (TP + TN) / (TP + TN + FP + FN) word for word. NaN where nothing was counted.
        """
        return _ratio(np.trace(self._counts), self._counts.sum())

    def iou(self) -> np.ndarray:
        """Intersection over union (Jaccard) of each class, float64 (K,): TP / (TP + FP + FN), the report's (50).

        The union is that of sets. (The report's text calls it the pixels "common to both classes", which is the
        intersection; its formula is right.) A class that occurs in neither prediction nor target has union 0: NaN. One
        that is predicted but never a target has IoU 0.
        """
        tp, fp, fn = self._parts()
        return self._per_class(tp, tp + fp + fn)

    def dice(self) -> np.ndarray:
        """Dice coefficient (F1) of each class, float64 (K,): 2 TP / (2 TP + FP + FN); NaN as in ``iou``."""
        tp, fp, fn = self._parts()
        return self._per_class(2 * tp, 2 * tp + fp + fn)

    def precision(self) -> np.ndarray:
        """The share of the pixels predicted as a class that are of it, float64 (K,): TP / (TP + FP); NaN if never "
        "predicted."""
        tp, fp, _ = self._parts()
        return self._per_class(tp, tp + fp)

    def recall(self) -> np.ndarray:
        """The share of the pixels of a class that are predicted as it, float64 (K,): TP / (TP + FN); NaN if never a "
        "target."""
        tp, _, fn = self._parts()
        return self._per_class(tp, tp + fn)

    def mean_accuracy(self) -> Score:
        """The mean of ``recall`` over the classes that occur in the targets."""
        return _mean(self.recall(), "skip")

    def mean_iou(
        self, absent: Absent = "skip", classes: Sequence[int] | None = None, weights: Sequence[float] | None = None
    ) -> Score:
        """The mean of ``iou`` over classes, on the level of everything counted.

        absent : what a class with union 0 counts: nothing ("skip"), 0, or 1. Other libraries differ in this one point,
            and it moves the mean a lot where classes are rare.
        classes : the classes to average, all if None; the background counts unless it is left out here
        weights : one per averaged class: sum(w iou) / sum(w) over those that are not skipped

        Returns a float that also knows how many classes were ``averaged``; NaN if none was.
        """
        return self._mean_over(self.iou(), absent, classes, weights)

    def mean_dice(
        self, absent: Absent = "skip", classes: Sequence[int] | None = None, weights: Sequence[float] | None = None
    ) -> Score:
        """The mean of ``dice``; arguments as in ``mean_iou``."""
        return self._mean_over(self.dice(), absent, classes, weights)

    def frequency_weighted_iou(self) -> Score:
        """The mean of ``iou`` weighted by each class's number of target pixels."""
        occurring = np.flatnonzero(self._counts.sum(axis=1))
        return self._mean_over(self.iou(), "skip", occurring.tolist(), self._counts.sum(axis=1)[occurring])

    def kappa(self) -> float:
        """Cohen's kappa (a - e) / (1 - e): agreement a beyond the agreement e of chance.

        e = sum_c (pixels of class c) (pixels predicted as c) / all². NaN where e = 1 (one class is all there is).
        """
        total = int(self._counts.sum())
        # Python's integers: products of pixel counts pass 2**63 at some 3e9 pixels.
        chance = sum(t * p for t, p in zip(*self._margins(), strict=True))
        return _ratio(int(np.trace(self._counts)) * total - chance, total**2 - chance)

    def mcc(self) -> float:
        """Matthews correlation, for K classes (Gorodkin 2004): cov(t, p) / sqrt(cov(t, t) cov(p, p)).

        In -1..1; 0 where predictions or targets are of one class only, as in scikit-learn; NaN if nothing is counted.
        """
        total = int(self._counts.sum())
        if total == 0:
            return math.nan
        t, p = self._margins()
        both = int(np.trace(self._counts)) * total - sum(a * b for a, b in zip(t, p, strict=True))
        spread = (total**2 - sum(a * a for a in t)) * (total**2 - sum(b * b for b in p))
        return both / math.sqrt(spread) if spread else 0.0

    def _parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """TP, FP and FN of each class, int64 (K,)."""
        tp = np.diagonal(self._counts)
        return tp, self._counts.sum(axis=0) - tp, self._counts.sum(axis=1) - tp

    def _margins(self) -> tuple[list[int], list[int]]:
        """Target and predicted pixels of each class, as Python integers."""
        return self._counts.sum(axis=1).tolist(), self._counts.sum(axis=0).tolist()

    def _per_class(self, part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        scores = np.full(self.num_classes, np.nan)
        np.divide(part, whole, out=scores, where=whole > 0)
        if self._ignores_class:
            scores[self.ignore_index] = np.nan
        return scores

    @property
    def _ignores_class(self) -> bool:
        return self.ignore_index in range(self.num_classes)

    def _mean_over(self, scores: np.ndarray, absent: Absent, classes: Sequence[int] | None, weights: Any) -> Score:
        chosen = list(range(self.num_classes)) if classes is None else [operator.index(c) for c in classes]
        for c in chosen:
            if not 0 <= c < self.num_classes or chosen.count(c) > 1:
                raise ValueError(
                    f"ConfusionMatrix: classes is {chosen} but must be different numbers in 0..{self.num_classes - 1}"
                )
        w = np.ones(len(chosen)) if weights is None else np.asarray(weights, np.float64)
        if w.shape != (len(chosen),) or not (np.isfinite(w) & (w >= 0)).all():
            raise ValueError(
                f"ConfusionMatrix: weights are {weights} but must be {len(chosen)} numbers >= 0, one per averaged class"
            )
        kept = [k for k, c in enumerate(chosen) if not (self._ignores_class and c == self.ignore_index)]
        return _mean(scores[[chosen[k] for k in kept]], absent, w[kept])

    def _check_range(self, values: np.ndarray, what: str) -> None:
        if values.size and (values.min() < 0 or values.max() >= self.num_classes):
            bad = values[(values < 0) | (values >= self.num_classes)][0]
            remedy = "" if what == "prediction" else f"; set ignore_index={bad} if such pixels are not labelled"
            raise ValueError(
                f"ConfusionMatrix: a {what} is {bad} but there are {self.num_classes} classes, "
                f"numbered 0..{self.num_classes - 1}{remedy}"
            )


def confusion_per_image(
    predictions: Any, targets: Any, num_classes: int, ignore_index: int | None = None
) -> list[ConfusionMatrix]:
    """One table per image of predictions and targets (N, H, W), for scores on the level of images."""
    p, t = _integers(predictions, "predictions"), _integers(targets, "targets")
    if p.shape != t.shape or p.ndim < 1:
        raise ValueError(
            f"confusion_per_image: predictions have shape {p.shape} but targets {t.shape}: both must be (N, H, W)"
        )
    return [ConfusionMatrix(num_classes, ignore_index).update(one, other) for one, other in zip(p, t, strict=True)]


def image_mean_iou(
    tables: Iterable[ConfusionMatrix],
    absent: Absent = "skip",
    classes: Sequence[int] | None = None,
    weights: Sequence[float] | None = None,
) -> Score:
    """The mean over images of each image's ``mean_iou``. (Not the data set's mIoU: there large objects weigh more.)

    Images without any class to average (all skipped) are left out; ``averaged`` says how many images were not.
    """
    scores = np.array([table.mean_iou(absent, classes, weights) for table in tables], np.float64)
    mean = _mean(scores, "skip")
    return Score(mean, mean.averaged, "image", absent)


def predict_classes(logits: Any, dim: int = 1) -> np.ndarray:
    """Class numbers, int64, from logits with their classes along ``dim``: (N, K, H, W) to (N, H, W).

    The largest logit wins, the first of equal ones (softmax would not change that: (16), (17)). A single channel is a
    binary logit: class 1 where it is above 0, which is where its sigmoid is above 1/2.
    """
    values = _array(logits)
    if not -values.ndim <= dim < values.ndim:
        raise ValueError(f"predict_classes: dim is {dim} but the logits have shape {values.shape}")
    if values.shape[dim] == 0:
        raise ValueError(f"predict_classes: the logits have no class along dim {dim}; their shape is {values.shape}")
    if values.shape[dim] == 1:
        return (np.take(values, 0, axis=dim) > 0).astype(np.int64)
    return values.argmax(axis=dim).astype(np.int64, copy=False)


def _mean(scores: np.ndarray, absent: Absent, weights: np.ndarray | None = None) -> Score:
    """The weighted mean of scores in which NaN is absent: skipped, or counted as 0 or 1."""
    if absent not in ("skip", 0, 1) or isinstance(absent, bool):
        raise ValueError(f"absent is {absent!r} but must be 'skip', 0 or 1")
    weights = np.ones(len(scores)) if weights is None else weights
    if absent == "skip":
        scores, weights = scores[~np.isnan(scores)], weights[~np.isnan(scores)]
    else:
        scores = np.where(np.isnan(scores), float(absent), scores)
    return Score(_ratio(float((weights * scores).sum()), float(weights.sum())), len(scores), absent=absent)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else math.nan


def _array(values: Any) -> np.ndarray:
    """An ndarray from an array, a nested list, or anything with ``.numpy()`` (a Tensor)."""
    numpy = getattr(values, "numpy", None)
    return np.asarray(numpy() if callable(numpy) else values)


def _integers(values: Any, name: str) -> np.ndarray:
    array = _array(values)
    if array.dtype.kind not in "iub":
        raise TypeError(f"ConfusionMatrix: {name} have dtype {array.dtype} but must be integers (class numbers)")
    return array
