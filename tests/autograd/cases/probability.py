"""Cross-entropies of probabilities, away from the bounds; the bounds are in tests/nn/test_loss.py."""

from __future__ import annotations

import math

import numpy as np

from .case import Case, between


def bce(p, t):
    return np.vectorize(lambda p, t: -(t * math.log(p) + (1 - t) * math.log(1 - p)))(p, t)


CASES = [
    Case("bounded_log", between(0.1, 1, (2, 3)), {}, np.vectorize(math.log)),
    Case("bce_losses", between(0.1, 0.9, (2, 3), (2, 3)), {}, bce),
]
