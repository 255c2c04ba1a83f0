"""Losses against the report's formulas written out, and what they refuse."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import nn
import nn.functional as F
from autograd.gradcheck import gradcheck, gradgradcheck
from autograd.tensor import Tensor, tensor

rng = np.random.default_rng(0)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# --- the report's formulas ------------------------------------------------------------------------------------------


def test_mse_is_eq_20():
    x, t = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    assert F.mse_loss(x, t).item() == pytest.approx(((x - t) ** 2).sum() / 12)


def test_cross_entropy_on_probabilities_is_eq_21():
    p, t = softmax(rng.normal(size=(5, 4))), softmax(rng.normal(size=(5, 4)))
    expected = [-sum(t[i, j] * np.log(p[i, j]) for j in range(4)) for i in range(5)]
    assert F.cross_entropy_on_probabilities(p, t, reduction="none").numpy() == pytest.approx(expected)
    assert F.cross_entropy_on_probabilities(p, t).item() == pytest.approx(np.mean(expected))


def test_binary_cross_entropy_is_eq_22_and_23():
    p, t = rng.random(6), rng.random(6)
    expected = np.mean([-t[i] * np.log(p[i]) - (1 - t[i]) * np.log(1 - p[i]) for i in range(6)])
    assert F.binary_cross_entropy(p, t).item() == pytest.approx(expected)


def test_categorical_cross_entropy_is_eq_24_to_27_with_classes_counted_from_0():
    z, labels = rng.normal(size=(6, 3)), np.array([1, 0, 1, 2, 2, 0])
    expected = np.mean([-np.log(np.exp(z[i, labels[i]]) / np.exp(z[i]).sum()) for i in range(6)])
    one_hot = np.eye(3)[labels]
    assert (one_hot.sum(axis=1) == 1).all()
    assert F.sparse_categorical_cross_entropy(z, labels).item() == pytest.approx(expected)
    assert F.categorical_cross_entropy(z, one_hot).item() == pytest.approx(expected)
    assert F.cross_entropy(z, labels).item() == pytest.approx(expected)
    assert F.nll_loss(F.log_softmax(tensor(z), 1), labels).item() == pytest.approx(expected)
    assert nn.CrossEntropyLoss()(tensor(z), labels).item() == pytest.approx(expected)


def test_binary_cross_entropy_with_logits_is_eq_28_and_29():
    z, t = rng.normal(size=6), rng.random(6)
    p = 1 / (1 + np.exp(-z))
    assert F.binary_cross_entropy_with_logits(z, t).item() == pytest.approx(
        np.mean(-t * np.log(p) - (1 - t) * np.log(1 - p))
    )
    assert nn.BCEWithLogitsLoss(pos_weight=[3.0])(tensor(z), t).item() == pytest.approx(
        np.mean(-3 * t * np.log(p) - (1 - t) * np.log(1 - p))
    )


# --- gradients ------------------------------------------------------------------------------------------------------

LABELS = np.array([[1, 0, 2], [2, -100, 1]])
LOSSES = {
    "mse": lambda x: F.mse_loss(x, np.ones((2, 4, 3))),
    "smooth l1": lambda x: F.smooth_l1_loss(x, np.full((2, 4, 3), 9.0), beta=30.0),
    "cross-entropy": lambda x: F.cross_entropy(x, LABELS, np.array([1.0, 2, 3, 4]), label_smoothing=0.1),
    "cross-entropy, soft": lambda x: F.cross_entropy(x, softmax(np.ones((2, 4, 3)) * [1, 2, 3]), label_smoothing=0.1),
    "nll": lambda x: F.nll_loss(x, LABELS, np.array([1.0, 2, 3, 4])),
    "bce": lambda x: F.binary_cross_entropy(x.sigmoid(), np.full((2, 4, 3), 0.3)),
    "bce with logits": lambda x: F.binary_cross_entropy_with_logits(x, np.full((2, 4, 3), 0.3), pos_weight=[1.0, 2, 3]),
    "on probabilities": lambda x: F.cross_entropy_on_probabilities(F.softmax(x, 1), softmax(np.ones((2, 4, 3)))),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients(name):
    x = Tensor(rng.normal(size=(2, 4, 3)), requires_grad=True)
    gradcheck(LOSSES[name], [x])
    gradgradcheck(LOSSES[name], [x])


@pytest.mark.parametrize("name", LOSSES)
def test_float32_stays_float32_beside_float64_targets(name):
    x = Tensor(rng.normal(size=(2, 4, 3)).astype(np.float32), requires_grad=True)
    y = LOSSES[name](x)
    y.backward()
    assert y.dtype == x.grad.dtype == np.float32


def test_bce_with_logits_has_the_true_gradient_at_zero():
    x = tensor([0.0, 0.0], requires_grad=True)
    F.binary_cross_entropy_with_logits(x, [1.0, 0.0], reduction="sum").backward()
    assert x.grad.tolist() == [-0.5, 0.5]


def test_bce_on_certain_probabilities_is_100_with_a_finite_gradient():
    p = tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    y = F.binary_cross_entropy(p, [1.0, 0.0, 0.0, 1.0], reduction="none")
    assert y.tolist() == [100, 100, 0, 0]
    y.sum().backward()
    assert p.grad.numpy() == pytest.approx([-1e12, 1e12, 0, 0])


def test_cross_entropy_on_certain_probabilities_is_finite():
    p = tensor([[0.0, 1.0], [1.0, 0.0]], requires_grad=True)
    y = F.cross_entropy_on_probabilities(p, [[1.0, 0.0], [1.0, 0.0]], reduction="none")
    assert y.tolist() == [100, 0]
    y.sum().backward()
    assert p.grad.numpy().ravel() == pytest.approx([-1e12, 0, -1, 0])


# --- weights, ignored targets ----------------------------------------------------------------------------------------


def test_the_weighted_mean_divides_by_the_weights_of_the_targets():
    z, labels, w = rng.normal(size=(5, 3)), np.array([0, 2, 255, 1, 2]), np.array([1.0, 2.0, 4.0])
    p = softmax(z)
    parts = [(w[t], -w[t] * np.log(p[i, t])) for i, t in enumerate(labels) if t != 255]
    expected = sum(loss for _, loss in parts) / sum(weight for weight, _ in parts)
    assert F.cross_entropy(z, labels, w, ignore_index=255).item() == pytest.approx(expected)
    module = nn.CrossEntropyLoss(w, ignore_index=255)
    assert module(tensor(z), labels).item() == pytest.approx(expected)
    assert list(module.state_dict()) == ["weight"]


def test_an_ignored_class_stays_in_the_softmax():
    z = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    assert F.cross_entropy(z, [0, 2], ignore_index=2).item() == pytest.approx(-np.log(softmax(z)[0, 0]))


def test_ignored_positions_get_no_gradient_even_from_infinite_losses():
    x = tensor([[-np.inf, 0.0], [-1.0, -2.0]], requires_grad=True)
    y = F.nll_loss(x, [-100, 0])
    y.backward()
    assert y.item() == 1
    assert x.grad.tolist() == [[0, 0], [-1, 0]]


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
def test_all_ignored(loss):
    labels = np.array([-100, -100])
    for how, value in (("nan", np.nan), ("zero", 0.0)):
        x = tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            y = loss(x, labels, all_ignored=how)
        assert len(seen) == (how == "nan")
        np.testing.assert_equal(y.item(), value)
        y.backward()
        assert not x.grad.numpy().any()
    with pytest.raises(ValueError, match="every target is ignored"):
        loss(tensor([[1.0, 2.0], [3.0, 4.0]]), labels, all_ignored="raise")
    assert loss(tensor([[1.0, 2.0], [3.0, 4.0]]), labels, reduction="sum").item() == 0


def test_one_sample_without_a_batch():
    z = rng.normal(size=4)
    assert F.cross_entropy(z, 2).item() == pytest.approx(-np.log(softmax(z[None])[0, 2]))
    assert F.cross_entropy(z, 2, reduction="none").shape == ()
    assert F.nll_loss(tensor(z), 1).item() == pytest.approx(-z[1])


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss",
    [F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits,
     F.cross_entropy_on_probabilities, F.categorical_cross_entropy],
)  # fmt: skip
def test_shapes_that_would_broadcast_are_refused_with_the_fix(loss):
    with pytest.raises(ValueError, match=r"\(3,\) and target.shape=\(3, 1\) differ; use target.reshape\(\(3,\)\)"):
        loss(np.ones(3), np.ones((3, 1)))
    with pytest.raises(ValueError, match="they must be equal"):
        loss(np.ones((3, 2)), np.ones((1, 2)))


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
def test_a_target_that_is_no_class_is_named(loss):
    with pytest.raises(IndexError, match=r"target 7 at \(1,\) is not in \[0, 3\)"):
        loss(np.zeros((2, 3)), [0, 7])
    with pytest.raises(IndexError, match="target -1"):
        loss(np.zeros((2, 3)), [0, -1])


def test_cross_entropy_refusals():
    z = np.zeros((2, 3, 4))
    for args, settings, error, text in [
        ((z, np.zeros((2, 5), int)), {}, ValueError, r"targets.shape=\(2, 5\) does not fit logits.shape=\(2, 3, 4\)"),
        ((z, np.zeros((2, 4))), {}, TypeError, "class numbers are integers, these targets are float64"),
        ((z, np.zeros((2, 4), int), np.ones(4)), {}, ValueError, r"weight.shape=\(4,\), but there are 3 classes"),
        ((z, np.zeros((2, 4), int)), {"label_smoothing": 1.5}, ValueError, r"label_smoothing must be in \[0, 1\]"),
        (
            (z, np.zeros((2, 4), int)),
            {"reduction": "avg"},
            ValueError,
            "reduction is 'mean', 'sum' or 'none', not 'avg'",
        ),
        (
            (z, np.zeros((2, 4), int)),
            {"all_ignored": "0"},
            ValueError,
            "all_ignored is 'nan', 'zero' or 'raise', not '0'",
        ),
        ((np.zeros((), np.float32), 0), {}, ValueError, "input must have a dimension of classes"),
        ((z.astype(int), np.zeros((2, 4), int)), {}, TypeError, "input must be floating point, not int64"),
    ]:
        with pytest.raises(error, match=text):
            F.cross_entropy(*args, **settings)


def test_other_refusals():
    with pytest.raises(ValueError, match=r"probabilities lie in \[0, 1\], these from -0.5 to 0.5; for logits use"):
        F.binary_cross_entropy(np.array([-0.5, 0.5]), np.ones(2))
    with pytest.raises(ValueError, match="probabilities lie in"):
        F.cross_entropy_on_probabilities(np.array([[np.nan, 0.5]]), np.ones((1, 2)))
    with pytest.raises(ValueError, match="beta must not be negative"):
        F.smooth_l1_loss(np.ones(2), np.ones(2), beta=-1)
    with pytest.raises(ValueError, match="MSELoss: reduction is"):
        nn.MSELoss("average")
    with pytest.raises(ValueError, match=r"weight.shape=\(2, 1\) does not broadcast to the losses, of shape \(2,\)"):
        F.binary_cross_entropy(np.full(2, 0.5), np.ones(2), np.ones((2, 1)))


def test_modules_call_the_functions():
    x, t = rng.random((3, 2)), rng.random((3, 2))
    for module, function in [
        (nn.MSELoss("sum"), lambda: F.mse_loss(x, t, reduction="sum")),
        (nn.L1Loss(), lambda: F.l1_loss(x, t)),
        (nn.SmoothL1Loss(beta=0.2), lambda: F.smooth_l1_loss(x, t, beta=0.2)),
        (nn.BCELoss([1.0, 2.0]), lambda: F.binary_cross_entropy(x, t, [1.0, 2.0])),
        (nn.BCEWithLogitsLoss([1.0, 2.0]), lambda: F.binary_cross_entropy_with_logits(x, t, [1.0, 2.0])),
    ]:
        assert module(x, t).item() == pytest.approx(function().item())
    assert nn.NLLLoss(ignore_index=1)(x, [0, 1, 0]).item() == pytest.approx(-(x[0, 0] + x[2, 0]) / 2)
