"""Learning-rate schedules: their formulas, resuming, refusals."""

from __future__ import annotations

import math

import pytest

import nn
import optim
from optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, ReduceLROnPlateau, StepLR


def two_groups(lr=0.1):
    return optim.SGD([{"params": [nn.Parameter([1.0])]}, {"params": [nn.Parameter([1.0])], "lr": 1.0}], lr=lr)


SCHEDULES = {
    "step": (lambda o, **k: StepLR(o, 2, gamma=0.5, **k), lambda base, e: base * 0.5 ** (e // 2)),
    "cosine": (
        lambda o, **k: CosineAnnealingLR(o, 4, eta_min=0.01, **k),
        lambda base, e: 0.01 + (base - 0.01) * (1 + math.cos(math.pi * e / 4)) / 2,
    ),
    "lambda": (lambda o, **k: LambdaLR(o, lambda e: 1 / (1 + e), **k), lambda base, e: base / (1 + e)),
}
each = pytest.mark.parametrize("name", SCHEDULES)


@each
def test_formula(name):
    make, formula = SCHEDULES[name]
    optimizer = two_groups()
    schedule = make(optimizer)
    for epoch in range(9):
        assert schedule.get_last_lr() == pytest.approx([formula(0.1, epoch), formula(1.0, epoch)])
        assert schedule.get_last_lr() == [g["lr"] for g in optimizer.param_groups]
        schedule.step()


def test_cosine_goes_up_again_after_t_max():
    schedule = CosineAnnealingLR(two_groups(), 4)
    rates = []
    for _ in range(8):
        schedule.step()
        rates.append(schedule.get_last_lr()[1])
    assert rates[3] == pytest.approx(0)
    assert rates[7] == pytest.approx(1)


@each
def test_resuming_gives_the_same_rate_to_the_bit(name):
    make, _ = SCHEDULES[name]
    schedule = make(two_groups())
    for _ in range(5):
        schedule.step()
    other = make(two_groups(lr=0.7))
    other.load_state_dict(schedule.state_dict())
    assert other.get_last_lr() == schedule.get_last_lr()
    other.step()
    schedule.step()
    assert other.get_last_lr() == schedule.get_last_lr()


@each
def test_resuming_from_the_optimizers_state_and_an_epoch(name):
    make, _ = SCHEDULES[name]
    optimizer = two_groups()
    schedule = make(optimizer)
    for _ in range(3):
        schedule.step()
    other = two_groups()
    other.load_state_dict(optimizer.state_dict())
    assert make(other, last_epoch=2).get_last_lr() == schedule.get_last_lr()


def test_a_function_for_each_group():
    schedule = LambdaLR(two_groups(), [lambda e: 1.0, lambda e: 0.5**e])
    schedule.step()
    assert schedule.get_last_lr() == pytest.approx([0.1, 0.5])


def test_plateau_waits_reduces_and_cools_down():
    schedule = ReduceLROnPlateau(two_groups(), factor=0.5, patience=1, cooldown=1, min_lr=[0.0, 0.4])
    seen = []
    for loss in [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5]:
        schedule.step(loss)
        seen.append(schedule.get_last_lr())
    first = [rate for rate, _ in seen]
    assert first == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025])
    assert seen[-1][1] == 0.4
    other = ReduceLROnPlateau(two_groups(), factor=0.5, patience=1, cooldown=1)
    other.load_state_dict(schedule.state_dict())
    assert other.state_dict() == schedule.state_dict()


def test_plateau_with_larger_is_better():
    schedule = ReduceLROnPlateau(two_groups(), mode="max", patience=0, threshold=0.1, threshold_mode="abs")
    for accuracy in [0.5, 0.7, 0.75]:
        schedule.step(accuracy)
    assert schedule.get_last_lr() == pytest.approx([0.01, 0.1])


def test_refusals():
    o = two_groups()
    for make, error, text in [
        (lambda: StepLR(o, 0), ValueError, "StepLR: step_size must be at least 1, not 0"),
        (lambda: CosineAnnealingLR(o, 0), ValueError, "T_max must be at least 1"),
        (lambda: LambdaLR(o, [abs]), ValueError, "1 functions given for 2 parameter groups"),
        (lambda: StepLR("adam", 1), TypeError, "needs an Optimizer, not str"),
        (lambda: LRScheduler(o), NotImplementedError, "LRScheduler has no rate"),
        (lambda: ReduceLROnPlateau(o, factor=1.0), ValueError, r"factor must be in \[0, 1\)"),
        (lambda: ReduceLROnPlateau(o, mode="least"), ValueError, "mode is 'min' or 'max'"),
        (lambda: ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "threshold_mode is 'rel' or 'abs'"),
        (lambda: ReduceLROnPlateau(o, min_lr=[0.1]), ValueError, "1 values of min_lr given for 2 groups"),
        (lambda: StepLR(o, 1).load_state_dict({"last_epoch": 1, "base_lrs": [1]}), ValueError, "1 groups given"),
    ]:
        with pytest.raises(error, match=text):
            make()
