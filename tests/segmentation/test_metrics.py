"""Scores against counts made by obvious loops, and the correctness rules for metrics, each as a test."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.metrics import ConfusionMatrix, Score, confusion_per_image, image_mean_iou, predict_classes

NAN = math.nan


def reference(predictions, targets, count, ignore=None):
    """TP, FP, FN of each class and the counted pairs, one pixel at a time."""
    pairs = [(int(p), int(t)) for p, t in zip(np.ravel(predictions), np.ravel(targets), strict=True) if t != ignore]
    parts = []
    for c in range(count):
        tp = fp = fn = 0
        for p, t in pairs:
            if p == c and t == c:
                tp += 1
            elif p == c:
                fp += 1
            elif t == c:
                fn += 1
        parts.append((tp, fp, fn))
    return parts, pairs


def over(a, b):
    return a / b if b else NAN


@st.composite
def problems(draw):
    count = draw(st.integers(1, 5))
    size = draw(st.integers(0, 30))
    ignore = draw(st.sampled_from([None, 255, -1]))
    labels = st.integers(0, count - 1)
    targets = draw(st.lists(labels if ignore is None else labels | st.just(ignore), min_size=size, max_size=size))
    predictions = draw(st.lists(labels, min_size=size, max_size=size))
    return np.array(predictions, int), np.array(targets, int), count, ignore


@given(problems())
@settings(max_examples=150, deadline=None)
def test_every_score_equals_its_formula_written_as_loops(problem):
    predictions, targets, count, ignore = problem
    table = ConfusionMatrix(count, ignore).update(predictions, targets)
    parts, pairs = reference(*problem)
    n = len(pairs)
    near = lambda found, wanted: np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)
    iou = [over(tp, tp + fp + fn) for tp, fp, fn in parts]
    recall = [over(tp, tp + fn) for tp, fp, fn in parts]
    near(table.iou(), iou)
    near(table.dice(), [over(2 * tp, 2 * tp + fp + fn) for tp, fp, fn in parts])
    near(table.precision(), [over(tp, tp + fp) for tp, fp, fn in parts])
    near(table.recall(), recall)
    near(table.pixel_accuracy(), over(sum(p == t for p, t in pairs), n))
    there = [x for x in recall if x == x]
    near(table.mean_accuracy(), over(sum(there), len(there)))
    there = [x for x in iou if x == x]
    near(table.mean_iou(), over(sum(there), len(there)))
    assert table.mean_iou().averaged == len(there)
    near(
        table.frequency_weighted_iou(),
        over(sum((tp + fn) * over(tp, tp + fp + fn) for tp, fp, fn in parts if tp + fn), n),
    )
    chance = (
        sum(over(sum(p == c for p, _ in pairs) * sum(t == c for _, t in pairs), n * n) for c in range(count))
        if n
        else 1
    )
    near(table.kappa(), NAN if chance == 1 else (over(sum(p == t for p, t in pairs), n) - chance) / (1 - chance))
    if n:
        hot_p, hot_t = (np.array([[pair[k] == c for c in range(count)] for pair in pairs], float) for k in (0, 1))
        cov = lambda a, b: ((a - a.mean(0)) * (b - b.mean(0))).sum()
        spread = cov(hot_p, hot_p) * cov(hot_t, hot_t)
        np.testing.assert_allclose(
            table.mcc(), cov(hot_p, hot_t) / math.sqrt(spread) if spread > 1e-12 else 0, atol=1e-12
        )


def test_binary_pixel_accuracy_is_equation_51():
    tp, tn, fp, fn = 5, 7, 2, 3
    table = ConfusionMatrix(2).update(
        [1] * tp + [0] * tn + [1] * fp + [0] * fn, [1] * tp + [0] * tn + [0] * fp + [1] * fn
    )
    assert table.matrix.tolist() == [[tn, fp], [fn, tp]]
    assert table.pixel_accuracy() == (tp + tn) / (tp + tn + fp + fn)


def test_iou_is_equation_50_over_the_true_union():
    """Intersection over union of pixel *sets*; the report's wording of the union would give 1 for every class."""
    prediction, target = np.array([[1, 1, 0], [1, 0, 0]]), np.array([[1, 0, 0], [1, 1, 0]])
    found = ConfusionMatrix(2).update(prediction, target).iou()
    for c in (0, 1):
        a, b = (set(np.flatnonzero(m == c)) for m in (prediction, target))
        assert found[c] == len(a & b) / len(a | b)


def test_rule_13_an_absent_class_is_nan_and_the_mean_says_what_it_did():
    table = ConfusionMatrix(4).update([0, 0, 1, 1], [0, 0, 1, 0])
    np.testing.assert_allclose(table.iou(), [2 / 3, 1 / 2, NAN, NAN])
    skip, zero, one = (table.mean_iou(absent=how) for how in ("skip", 0, 1))
    assert (skip, skip.averaged) == (pytest.approx(7 / 12), 2)
    assert (zero, zero.averaged) == (pytest.approx(7 / 24), 4)
    assert (one, one.averaged) == (pytest.approx((7 / 6 + 2) / 4), 4)
    assert repr(skip) == "0.583333 (dataset level, 2 classes averaged, absent classes skipped)"
    assert "absent classes counted as 1" in repr(one)
    only = table.mean_iou(classes=[2, 3])
    assert math.isnan(only)
    assert only.averaged == 0


def test_rule_14_a_class_only_predicted_has_iou_0_and_counts():
    table = ConfusionMatrix(3).update([0, 2], [0, 0])
    np.testing.assert_array_equal(table.iou(), [0.5, NAN, 0])
    assert table.mean_iou() == 0.25
    assert table.mean_iou().averaged == 2


def test_rule_15_the_data_set_score_is_not_the_mean_of_images_and_both_say_their_level():
    targets = np.array([[1, 1, 1, 1], [1, 0, 0, 0]])
    predictions = np.array([[1, 1, 1, 1], [0, 0, 0, 0]])
    whole = ConfusionMatrix(2).update(predictions, targets).mean_iou(classes=[1])
    images = image_mean_iou(confusion_per_image(predictions, targets, 2), classes=[1])
    assert (whole, whole.level) == (4 / 5, "dataset")
    assert (images, images.level, images.averaged) == (0.5, "image", 2)
    assert "image level, 2 images averaged" in repr(images)


def test_rule_15_batches_merge_to_the_score_of_the_whole():
    rng = np.random.default_rng(0)
    predictions, targets = rng.integers(0, 4, (2, 10, 6, 6))
    whole, merged = ConfusionMatrix(4).update(predictions, targets), ConfusionMatrix(4)
    for part in np.array_split(np.arange(10), 3):
        merged.merge(ConfusionMatrix(4).update(predictions[part], targets[part]))
    assert np.array_equal(whole.matrix, merged.matrix)
    assert whole.mean_iou() == merged.mean_iou()


def test_rule_16_pixels_are_ignored_by_their_target_only():
    table = ConfusionMatrix(2, ignore_index=255).update([0, 1, 99], [0, 255, 255])
    assert table.matrix.tolist() == [[1, 0], [0, 0]]
    with pytest.raises(ValueError, match=r"a prediction is 255 but there are 2 classes, numbered 0\.\.1$"):
        table.update([255], [1])


def test_rule_16_predicting_an_ignored_class_elsewhere_is_a_plain_error():
    table = ConfusionMatrix(3, ignore_index=0).update([0, 1, 2, 1], [1, 1, 2, 0])
    np.testing.assert_array_equal(table.iou(), [NAN, 0.5, 1])
    assert (table.mean_iou(absent=0), table.mean_iou(absent=0).averaged) == (0.75, 2)
    assert table.pixel_accuracy() == 2 / 3


def test_rule_17_counts_are_exact_past_2_to_the_24():
    table = ConfusionMatrix(2)
    table._counts[:] = [[2**53, 1], [2, 2**40]]  # a float32 count stops at 2**24, a float64 one at 2**53
    table.merge(ConfusionMatrix(2).update([0], [0]))
    assert table.matrix.dtype == np.int64
    assert table.matrix[0, 0] == 2**53 + 1
    assert 0 < table.kappa() <= 1
    assert 0 < table.mcc() <= 1
    table._counts[:] = [[2**40, 2**20], [2**20, 2**40]]
    assert table.kappa() == pytest.approx(1 - 2**-19)  # products of 2**80 did not wrap


@pytest.mark.parametrize(
    ("predictions", "targets", "message"),
    [
        ([0, 3], [0, 1], r"a prediction is 3 but there are 3 classes, numbered 0\.\.2"),
        ([0, -1], [0, 1], "a prediction is -1 but"),
        ([0, 0], [0, 255], "a target is 255 but there are 3 classes, .* set ignore_index=255"),
        ([0, 0], [0, -100], "a target is -100 but"),
    ],
)
def test_rule_17_values_are_checked_before_they_are_counted(predictions, targets, message):
    table = ConfusionMatrix(3)
    with pytest.raises(ValueError, match=message):
        table.update(predictions, targets)
    assert table.matrix.sum() == 0


def test_rule_18_weights_are_normalised_once():
    table = ConfusionMatrix(3).update([0, 1, 2, 1], [0, 1, 2, 2])
    a, b, c = table.iou()
    assert table.mean_iou(weights=[1, 2, 5]) == pytest.approx((a + 2 * b + 5 * c) / 8)
    assert table.mean_iou(weights=[7, 7, 7]) == pytest.approx(table.mean_iou())
    perfect = confusion_per_image([[0, 1], [1, 1]], [[0, 1], [1, 1]], 3)
    assert image_mean_iou(perfect, weights=[0.2, 0.3, 0.5]) == 1  # not 1/3: absent classes take their weight with them


def test_rule_19_binary_logits_split_at_0_and_the_background_is_a_choice():
    logits = np.array([[[[-0.1, 0.0, 1e-9, 5.0]]]])
    assert predict_classes(logits).tolist() == [[[0, 0, 1, 1]]]
    table = ConfusionMatrix(2).update(predict_classes(logits), [[[0, 0, 0, 1]]])
    assert table.mean_iou() == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert table.mean_iou(classes=[1]) == 0.5


def test_predict_classes_takes_the_first_largest_logit():
    logits = np.array([[1.0, 2.0], [3.0, 2.0], [0.0, 2.0]])[None, :, None]
    found = predict_classes(logits)
    assert (found.tolist(), found.dtype) == ([[[1, 0]]], np.int64)
    assert predict_classes(logits[0, :, 0], dim=0).tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"dim is 4 but the logits have shape \(1, 3, 1, 2\)"):
        predict_classes(logits, dim=4)
    with pytest.raises(ValueError, match="no class along dim 1"):
        predict_classes(np.zeros((2, 0, 3)))


def test_mcc_and_kappa_of_plain_cases():
    perfect, worst, constant = (
        ConfusionMatrix(2).update(p, [0, 0, 1, 1]) for p in ([0, 0, 1, 1], [1, 1, 0, 0], [0] * 4)
    )
    assert (perfect.mcc(), worst.mcc(), constant.mcc()) == (1, -1, 0)
    assert (perfect.kappa(), worst.kappa(), constant.kappa()) == (1, -1, 0)
    assert math.isnan(ConfusionMatrix(2).update([0], [0]).kappa())


def test_nothing_counted_gives_nan_everywhere():
    table = ConfusionMatrix(2, 255).update([0, 1], [255, 255])
    for value in (
        table.pixel_accuracy(),
        table.mean_iou(),
        table.mean_accuracy(),
        table.frequency_weighted_iou(),
        table.kappa(),
        table.mcc(),
    ):
        assert math.isnan(value)
    assert table.mean_iou(absent=1) == 1
    empty = image_mean_iou([])
    assert math.isnan(empty)
    assert empty.averaged == 0


def test_anything_with_numpy_is_taken_and_any_integer_dtype():
    class Tensor:
        def __init__(self, values):
            self.values = np.array(values)

        def numpy(self):
            return self.values

    table = ConfusionMatrix(2).update(Tensor([0, 1]), Tensor([0, 1]))
    for dtype in (np.uint8, np.int8, np.uint64, bool):
        table.update(np.array([0, 1], dtype), np.array([0, 1], np.int64))
    assert table.matrix.tolist() == [[5, 0], [0, 5]]
    assert predict_classes(Tensor([[[[2.0]]]])).tolist() == [[[1]]]


def test_many_classes_in_uint8_do_not_wrap():
    table = ConfusionMatrix(200).update(np.array([199], np.uint8), np.array([198], np.uint8))
    assert table.matrix[198, 199] == 1


def test_reset_forgets_and_matrix_is_a_copy():
    table = ConfusionMatrix(2).update([0], [1])
    table.matrix[:] = 9
    assert table.matrix.sum() == 1
    table.reset()
    assert table.matrix.sum() == 0


def test_wrong_kinds_shapes_and_settings_are_refused():
    table = ConfusionMatrix(3)
    with pytest.raises(TypeError, match="predictions have dtype float64 but must be integers"):
        table.update(np.zeros(3), np.zeros(3, int))
    with pytest.raises(TypeError, match="targets have dtype float32"):
        table.update(np.zeros(3, int), np.zeros(3, np.float32))
    with pytest.raises(ValueError, match=r"predictions have shape \(3, 1\) but targets \(3,\)"):
        table.update(np.zeros((3, 1), int), np.zeros(3, int))
    with pytest.raises(ValueError, match="predict_classes"):
        table.update(np.zeros((1, 3, 2, 2), int), np.zeros((1, 2, 2), int))
    with pytest.raises(ValueError, match="cannot merge 2 classes, ignore_index=None into 3 classes"):
        table.merge(ConfusionMatrix(2))
    with pytest.raises(ValueError, match="num_classes is 0"):
        ConfusionMatrix(0)
    for classes in ([3], [-1], [0, 0]):
        with pytest.raises(ValueError, match=r"must be different numbers in 0\.\.2"):
            table.mean_iou(classes=classes)
    with pytest.raises(ValueError, match="weights are"):
        table.mean_iou(weights=[1, 2])
    with pytest.raises(ValueError, match="weights are"):
        table.mean_iou(weights=[1, 2, -1])
    with pytest.raises(ValueError, match="absent is 'zero' but must be 'skip', 0 or 1"):
        table.mean_iou(absent="zero")


def test_a_score_is_a_float_that_can_be_copied_and_saved():
    import copy

    score = Score(0.5, 3, "image", 0)
    assert score + 1 == 1.5
    assert json.dumps({"miou": score}) == '{"miou": 0.5}'
    assert f"{score:.2f}" == "0.50"
    assert (copy.deepcopy(score).averaged, copy.copy(score).level) == (3, "image")
