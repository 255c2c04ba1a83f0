"""The registry of kinks in PyTorch: the same gradients, but for the rows that say otherwise."""

import numpy as np
import pytest
import torch

from ..autograd.kinks import KINKS, expected, gradients
from ..autograd.test_kinks import label


@pytest.mark.parametrize("kink", [kink for kink in KINKS if not kink.peer], ids=label)
def test_pytorch_has_the_same_gradient_at_a_kink(kink):
    for found, wanted in zip(gradients(kink, torch, torch.nn.functional), expected(kink), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-8)  # its bound 1e-12 is a float32


@pytest.mark.parametrize("kink", [kink for kink in KINKS if kink.peer], ids=label)
def test_a_row_that_differs_from_pytorch_still_differs(kink):
    try:
        found = gradients(kink, torch, torch.nn.functional)
    except RuntimeError:
        return
    assert not all(np.array_equal(f, w, equal_nan=True) for f, w in zip(found, expected(kink), strict=True))
