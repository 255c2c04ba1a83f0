"""Every function of the surface beside PyTorch, on calls generated over its whole argument space."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import autograd

from .conftest import COUNTED
from .surface.catalogue import SPECS
from .surface.differences import DELIBERATE, documented, function_of
from .surface.generators import tensor
from .surface.runner import check, examine, report
from .surface.spec import Spec, generate

CASES = 200
NAMES = {spec.name for spec in SPECS}
# in both libraries, but with another meaning, or compared elsewhere
NOT_COMPARED = {
    "Tensor", "Generator", "default_generator", "get_rng_state", "set_rng_state", "manual_seed", "random",
    "enable_grad", "no_grad", "is_grad_enabled", "set_grad_enabled", "from_numpy", "float16", "float32", "float64",
    "int8", "int16", "int32", "int64", "uint8", "vmap", "func", "functional", "ops", "linalg", "linalg.LinAlgError",
    "from_dlpack", "get_num_threads", "set_num_threads", "is_anomaly_enabled",
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    torch.set_num_threads(1)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_agrees_with_pytorch(spec, record_property):
    differences, on_purpose = examine(spec, CASES)
    for name, count in zip(COUNTED, (CASES, len(differences), on_purpose)):
        record_property(name, count)
    assert not differences, report(differences)


def test_at_least_20000_calls_are_compared():
    assert len(SPECS) * CASES >= 20_000


def test_every_public_name_that_pytorch_has_is_compared():
    names = {name for name in vars(autograd) if not name.startswith("_") and hasattr(torch, name)}
    names |= {f"linalg.{name}" for name in vars(autograd.linalg) if name[0] != "_" and hasattr(torch.linalg, name)}
    assert not names - NAMES - NOT_COMPARED


@pytest.mark.parametrize(
    ("entry", "name"),
    [pytest.param(entry, name, id=f"{name}: {entry.reason[:30]}") for entry in DELIBERATE for name in entry.functions],
)
def test_a_deliberate_difference_still_exists(entry, name):
    specs = [spec for spec in SPECS if name in (spec.name, function_of(spec.name))]
    calls = (generate(spec, index) for index in range(5 * CASES) for spec in specs)
    found = ((call, check(call)) for call in calls if entry.when(call))
    assert any(documented(call, *difference) == entry.reason for call, difference in found if difference)


WRONG = {
    "value": lambda input: autograd.square(input) * (1 + 1e-8),
    "gradient": lambda input: autograd.square(input) + (input - input.detach()) * 1e-8,
    "dtype": lambda input: autograd.square(input.float()),
    "shape": lambda input: autograd.square(input).unsqueeze(0),
    "requires_grad": lambda input: autograd.square(input).detach(),
    "changes its input": lambda input: autograd.from_numpy(np.square(input._data, out=input._data)),
    "accepts what PyTorch refuses": lambda input: input if isinstance(input, str | None) else autograd.square(input),
    "refuses what PyTorch accepts": lambda input: autograd.square(input, dim=0),
    "wrong kind of error": lambda input: input.no_such_name,
}


@pytest.mark.parametrize("kind", WRONG)
def test_the_comparison_notices(kind, monkeypatch):
    """The tester tested: a function that is slightly wrong in one way is found out."""
    square = Spec("square", {"input": tensor(("float64",), layouts=("C",))}, method=False)
    monkeypatch.setattr(autograd, "wrong", WRONG[kind], raising=False)
    monkeypatch.setattr(torch, "wrong", torch.square, raising=False)
    assert not examine(square, CASES).differences
    assert kind in {difference.kind for difference in examine(replace(square, name="wrong"), CASES).differences}
