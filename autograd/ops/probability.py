"""Cross-entropies of probabilities, finite where a probability is 0 or 1 (report eq. 21-23)."""

from __future__ import annotations

import numpy as np

from ..primitive import primitive
from .compare import clamp

_LOWEST = -100.0  # PyTorch's bound: the logarithm of 0 counts as this
_TINY = 1e-12  # and its gradient is at most 1/_TINY


@primitive(elementwise=True, promote="float", kinks="0: value −100, gradient 1e12")
def bounded_log(input):
    """``max(log input, −100)``: the logarithm of a probability, finite at 0."""
    return np.maximum(np.log(input), _LOWEST)


bounded_log.vjp(input=lambda g, input: g / clamp(input, _TINY, None))


@primitive(elementwise=True, promote="float", kinks="0 and 1: gradient ±1e12 where the target is the other, else 0")
def bce_losses(input, target):
    """``−t·log p − (1 − t)·log(1 − p)`` of each element, with logarithms of at least −100."""
    return -(target * np.maximum(np.log(input), _LOWEST) + (1 - target) * np.maximum(np.log1p(-input), _LOWEST))


bce_losses.vjp(
    input=lambda g, input, target: g * (input - target) / clamp(input * (1 - input), _TINY, None),
    target=lambda g, input: g * (bounded_log(1 - input) - bounded_log(input)),
)
