"""What writing in place records, against loops."""

from __future__ import annotations

import numpy as np

from autograd.memory import Cut
from autograd.ops.index import basic
from autograd.ops.layout import _permute, _reshape

from .case import Case, normal

CHAINS = {
    "a row": (Cut(basic, {"index": (1,)}, (3,)),),
    "transposed part": (
        Cut(_permute, {"dims": (1, 0)}, (3, 2)),
        Cut(basic, {"index": (slice(1, None),)}, (2, 2)),
    ),
    "reshaped": (Cut(_reshape, {"shape": (3, 2)}, (3, 2)), Cut(basic, {"index": (slice(None), 0)}, (3,))),
}


def write_view(input, value, *, cuts):
    """The numbers of the elements go through the same view, and say where each value lands."""
    numbers = np.arange(input.size).reshape(input.shape)
    for cut in cuts:
        if cut.op is basic:
            numbers = numbers[cut.settings["index"]]
        elif cut.op is _permute:
            numbers = numbers.transpose(cut.settings["dims"])
        else:
            numbers = numbers.reshape(cut.settings["shape"])
    out = input.copy().ravel()
    for at in np.ndindex(*numbers.shape):
        out[numbers[at]] = value[at]
    return out.reshape(input.shape)


def filled(input, value):
    out = np.zeros(input.shape)
    for at in np.ndindex(*input.shape):
        out[at] = np.broadcast_to(value, input.shape)[at]
    return out


CASES = [
    *(Case("write_view", normal((2, 3), cuts[-1].shape), {"cuts": cuts}, write_view, n) for n, cuts in CHAINS.items()),
    Case("filled", normal((2, 3), (2, 3)), {}, filled),
    Case("filled", normal((2, 3), (3,)), {}, filled, "broadcast"),
]
