"""Every row of the registry of kinks holds, and every op that has a kink has a row."""

from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import pytest

import autograd.ops
import nn.functional
from autograd.primitive import registry

from .kinks import KINKS, PATH, UNTESTED, Kink, document, expected, gradients


def label(kink: Kink) -> str:
    return f"{kink.call} at {kink.at}"


@pytest.mark.parametrize("kink", KINKS, ids=label)
def test_the_gradient_at_a_kink(kink):
    for found, wanted in zip(gradients(kink), expected(kink), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_every_op_that_declares_a_kink_has_a_row():
    for module in iter_modules(autograd.ops.__path__):
        import_module(f"autograd.ops.{module.name}")
    declared = {name for name, op in registry.items() if op.kinks and op.__module__.startswith("autograd.ops.")}
    rows = {kink.op for kink in KINKS}
    assert not declared - rows - set(UNTESTED)
    assert rows <= {*registry, *vars(autograd), *vars(nn.functional)}


def test_the_published_table_of_kinks_is_up_to_date():
    assert PATH.read_text() == document(), "run: python -m tests.autograd.kinks"
