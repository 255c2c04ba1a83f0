"""Optimizers and schedules beside PyTorch, ten steps in float64."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import nn
import optim
from autograd.tensor import Tensor

torch = pytest.importorskip("torch")

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.05, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1, "momentum": 0.5}),
    ("RMSprop", {"centered": True, "momentum": 0.9, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "maximize": True}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True}),
]


def pair(arrays):
    return [nn.Parameter(x.copy()) for x in arrays], [torch.nn.Parameter(torch.tensor(x)) for x in arrays]


def give(a, b, rng):
    for i, (p, q) in enumerate(zip(a, b, strict=True)):
        g = rng.standard_normal(p.shape)
        if i == 1 and rng.random() < 0.4:  # sometimes without a gradient: left alone
            p.grad = q.grad = None
            continue
        p.grad, q.grad = Tensor(g), torch.tensor(g)


def optimizers(name, settings):
    rng = np.random.default_rng(0)
    a, b = pair([rng.standard_normal((3, 4)), rng.standard_normal(5), rng.standard_normal(())])
    ours, theirs = getattr(optim, name)(a, **settings), getattr(torch.optim, name)(b, **settings)
    return rng, a, b, ours, theirs


def check_equal(a, b):
    for p, q in zip(a, b, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_ten_steps(name, settings):
    rng, a, b, ours, theirs = optimizers(name, settings)
    for _ in range(10):
        give(a, b, rng)
        ours.step()
        theirs.step()
    check_equal(a, b)
    for index, values in theirs.state_dict()["state"].items():
        for key, value in values.items():
            if value is not None and key != "step":
                np.testing.assert_allclose(ours.state_dict()["state"][index][key].numpy(), value.numpy(), rtol=1e-10)


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_goes_on_from_pytorchs_state(name, settings):
    rng, a, b, ours, theirs = optimizers(name, settings)
    for _ in range(3):
        give(a, b, rng)
        theirs.step()
    ours.load_state_dict(theirs.state_dict())
    for p, q in zip(a, b, strict=True):
        p.detach().numpy()[...] = q.detach().numpy()
    for _ in range(3):
        give(a, b, rng)
        ours.step()
        theirs.step()
    check_equal(a, b)


def test_the_defaults_are_pytorchs():
    p, q = nn.Parameter(np.zeros(2)), torch.nn.Parameter(torch.zeros(2))
    for name in ("SGD", "RMSprop", "Adam", "AdamW"):
        ours, theirs = getattr(optim, name)([p]).defaults, getattr(torch.optim, name)([q]).defaults
        assert {k: v for k, v in ours.items() if k != "like"} == {k: theirs[k] for k in ours if k != "like"}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("StepLR", {"step_size": 3, "gamma": 0.5}),
        ("CosineAnnealingLR", {"T_max": 5, "eta_min": 0.01}),
        ("LambdaLR", {"lr_lambda": lambda epoch: 1 / (1 + epoch)}),
    ],
)
def test_schedules(name, settings):
    a, b = pair([np.zeros(2), np.zeros(3)])
    ours = optim.SGD([{"params": a[:1]}, {"params": a[1:], "lr": 0.5}], lr=0.1)
    theirs = torch.optim.SGD([{"params": b[:1]}, {"params": b[1:], "lr": 0.5}], lr=0.1)
    x = getattr(optim.lr_scheduler, name)(ours, **settings)
    y = getattr(torch.optim.lr_scheduler, name)(theirs, **copy.copy(settings))
    for _ in range(12):
        np.testing.assert_allclose(x.get_last_lr(), y.get_last_lr(), rtol=1e-9, atol=1e-12)
        theirs.step()
        x.step()
        y.step()


@pytest.mark.parametrize(
    "settings",
    [
        {"patience": 1},
        {"mode": "max", "factor": 0.5, "patience": 0, "cooldown": 2, "min_lr": 0.02},
        {"threshold_mode": "abs", "threshold": 0.5, "patience": 2},
        {"mode": "max", "threshold_mode": "abs", "threshold": 0.3, "patience": 1},
    ],
    ids=str,
)
def test_reduce_on_plateau(settings):
    rng = np.random.default_rng(3)
    a, b = pair([np.zeros(2)])
    ours, theirs = optim.SGD(a, lr=0.1), torch.optim.SGD(b, lr=0.1)
    x = optim.lr_scheduler.ReduceLROnPlateau(ours, **settings)
    y = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **settings)
    for _ in range(40):
        value = float(rng.standard_normal())
        x.step(value)
        y.step(value)
        assert x.get_last_lr() == pytest.approx(y.get_last_lr(), rel=1e-12)
