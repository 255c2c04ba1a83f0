"""The update rules against the report's equations written out, number by number; float32; what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nn
import optim
from autograd.tensor import tensor

GRADIENTS = [0.5, -1.5, 2.0, 0.25, -0.75]


def trajectory(rule, gradients=GRADIENTS, start=1.0, **settings):
    p = nn.Parameter(np.array([start]))
    optimizer = rule([p], **settings)
    values = []
    for g in gradients:
        p.grad = tensor(np.array([g]))
        optimizer.step()
        values.append(p.item())
    return values


def test_gradient_descent_is_eq_32():
    w, expected = 1.0, []
    for g in GRADIENTS:
        w = w - 0.1 * g
        expected.append(w)
    assert trajectory(optim.SGD, lr=0.1) == pytest.approx(expected, rel=1e-12)


def test_momentum_of_the_report_is_eq_34_and_36():
    w, v, expected = 1.0, 0.0, []
    for g in GRADIENTS:
        v = 0.9 * v + (1 - 0.9) * g
        w = w - 0.1 * v
        expected.append(w)
    assert trajectory(optim.SGD, lr=0.1, momentum=0.9, like="report") == pytest.approx(expected, rel=1e-12)
    # at a constant rate it is PyTorch's with the rate times 1 - beta
    assert trajectory(optim.SGD, lr=0.1 * (1 - 0.9), momentum=0.9) == pytest.approx(expected, rel=1e-12)


def test_rmsprop_is_eq_38_and_40():
    w, s, expected = 1.0, 0.0, []
    for g in GRADIENTS:
        s = 0.9 * s + (1 - 0.9) * g**2
        w = w - 0.1 * g / (math.sqrt(s) + 1e-4)
        expected.append(w)
    assert trajectory(optim.RMSProp, lr=0.1, alpha=0.9, eps=1e-4) == pytest.approx(expected, rel=1e-12)


def test_adam_is_eq_42_to_48_with_the_errata():
    w, v, s, expected, printed = 1.0, 0.0, 0.0, [], []
    for t, g in enumerate(GRADIENTS, start=1):
        v = 0.8 * v + (1 - 0.8) * g
        s = 0.95 * s + (1 - 0.95) * g**2
        w = w - 0.1 * (v / (1 - 0.8**t)) / (math.sqrt(s / (1 - 0.95**t)) + 1e-4)
        expected.append(w)
        printed.append(0.1 * (v / (1 - 0.8**t)) / (math.sqrt(s) + 1e-4))  # eq. (48) as printed: S uncorrected
    assert trajectory(optim.Adam, lr=0.1, betas=(0.8, 0.95), eps=1e-4) == pytest.approx(expected, rel=1e-12)
    assert printed[0] > 4 * (1 - expected[0])  # the misprint makes the first step four times as long


# --- the numbers of semantics rows 36-39 -----------------------------------------------------------------------------

ONES = [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"momentum": 0.9}, [0.9, 0.71, 0.439]),
        ({"momentum": 0.9, "like": "report"}, [0.99, 0.971, 0.9439]),
        ({"momentum": 0.9, "dampening": 0.9}, [0.9, 0.8, 0.7]),
        ({"momentum": 0.9, "nesterov": True}, [0.81, 0.539, 0.1951]),
        ({"maximize": True}, [1.1, 1.2, 1.3]),
        ({"weight_decay": 1.0}, [0.8, 0.62, 0.458]),
    ],
)
def test_sgd(settings, expected):
    assert trajectory(optim.SGD, ONES, lr=0.1, **settings) == pytest.approx(expected, rel=1e-12)


def test_adams_eps_stands_outside_the_root_of_the_corrected_s():
    assert trajectory(optim.Adam, [1e-9], lr=0.1) == pytest.approx([1 - 0.1 / 11], rel=1e-9)


def test_decay_moves_adam_by_the_rate_and_adamw_by_a_factor():
    assert trajectory(optim.Adam, [0.0], lr=0.1, weight_decay=0.01) == pytest.approx([0.9], rel=1e-4)
    assert trajectory(optim.AdamW, [0.0], lr=0.1) == pytest.approx([1 - 0.1 * 0.01], rel=1e-12)


# --- for every rule --------------------------------------------------------------------------------------------------

RULES = [
    (optim.SGD, {"momentum": 0.9, "nesterov": True}),
    (optim.SGD, {"momentum": 0.9, "like": "report", "maximize": True}),
    (optim.RMSprop, {"momentum": 0.9, "centered": True}),
    (optim.Adam, {"weight_decay": 0.1, "amsgrad": True, "maximize": True}),
    (optim.AdamW, {}),
]
each_rule = pytest.mark.parametrize(("rule", "settings"), RULES)


@each_rule
def test_float32_stays_float32_and_the_array_stays_the_same(rule, settings):
    p = nn.Parameter(np.ones((3, 2), np.float32))
    array = p.detach().numpy()
    # NumPy scalars as settings must not widen anything
    optimizer = rule([p], **settings | {"lr": np.float64(0.1), "weight_decay": np.float64(0.01)})
    for _ in range(3):
        p.grad = tensor(np.full((3, 2), 0.5, np.float32))
        optimizer.step()
    assert p.detach().numpy() is array
    assert array.dtype == np.float32
    assert all(v.dtype == np.float32 for v in optimizer.state[p].values() if isinstance(v, np.ndarray))
    assert p.grad.tolist() == [[0.5, 0.5]] * 3


@each_rule
def test_a_parameter_without_a_gradient_is_left_alone(rule, settings):
    p, q = nn.Parameter([1.0]), nn.Parameter([1.0])
    optimizer = rule([p, q], **settings)
    q.grad = tensor([1.0])
    optimizer.step()
    assert p.item() == 1
    assert q.item() != 1
    assert p not in optimizer.state


@each_rule
def test_parameters_of_every_shape_and_layout(rule, settings):
    rng = np.random.default_rng(0)
    plain = rng.normal(size=(4, 6))
    views = [np.asfortranarray(plain), np.repeat(plain, 2, axis=1)[:, ::2], plain[::-1, ::-1].copy()[::-1, ::-1]]
    results = []
    for array in [plain.copy(), *views]:
        p = nn.Parameter(array)
        empty, scalar = nn.Parameter(np.zeros((0, 3))), nn.Parameter(np.array(2.0))
        optimizer = rule([empty, scalar, p], **settings)
        for step in range(3):
            p.grad, empty.grad, scalar.grad = tensor(plain * step), tensor(np.zeros((0, 3))), tensor(np.array(1.0))
            optimizer.step()
        results.append(p.detach().numpy())
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@each_rule
def test_a_step_between_forward_and_backward_is_noticed(rule, settings):
    p = nn.Parameter([2.0])
    optimizer = rule([p], **settings)
    y = (p * p).sum()
    p.grad = tensor([1.0])
    optimizer.step()
    with pytest.raises(RuntimeError, match=rf"changed in place afterwards by {rule.__name__}\.step"):
        y.backward()


@pytest.mark.parametrize(
    ("rule", "settings", "text"),
    [
        (optim.SGD, {"lr": -1}, "SGD: lr must be finite and not negative, not -1"),
        (optim.SGD, {"lr": float("nan")}, "lr must be"),
        (optim.SGD, {"momentum": -0.1}, "momentum must be"),
        (optim.SGD, {"weight_decay": float("inf")}, "weight_decay must be"),
        (optim.SGD, {"nesterov": True}, "nesterov needs momentum > 0 and dampening = 0"),
        (optim.SGD, {"like": "keras"}, "like is 'torch' or 'report', not 'keras'"),
        (optim.SGD, {"like": "report", "momentum": 1.0}, r"momentum must be in \[0, 1\)"),
        (optim.SGD, {"like": "report", "momentum": 0.5, "dampening": 0.1}, "neither nesterov nor dampening"),
        (optim.RMSprop, {"alpha": 1.0}, r"RMSprop: alpha must be in \[0, 1\), not 1.0"),
        (optim.RMSprop, {"eps": -1e-8}, "eps must be"),
        (optim.Adam, {"betas": (0.9, 1.0)}, r"Adam: betas\[1\] must be in \[0, 1\)"),
        (optim.Adam, {"betas": (0.9,)}, "betas is a pair"),
        (optim.AdamW, {"weight_decay": -1}, "AdamW: weight_decay must be"),
    ],
)
def test_bad_settings(rule, settings, text):
    with pytest.raises(ValueError, match=text):
        rule([nn.Parameter([1.0])], **settings)
