"""Resizing: the coordinates of semantics rows 33 and 34, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

import nn.functional as F
from autograd.tensor import tensor


def row(values):
    return tensor(np.array(values, dtype=np.float64).reshape(1, 1, 1, -1))


def grid(values):
    return tensor(np.array(values, dtype=np.float64)[None, None])


@pytest.mark.parametrize(
    ("values", "settings", "expected"),
    [
        ([0, 1, 2], {"size": (1, 5)}, [0, 0, 1, 1, 2]),
        ([0, 1, 2], {"size": (1, 5), "mode": "nearest-exact"}, [0, 0, 1, 2, 2]),
        ([0, 1], {"size": (1, 4), "mode": "bilinear"}, [0, 0.25, 0.75, 1]),
        ([0, 1], {"size": (1, 4), "mode": "bilinear", "align_corners": True}, [0, 1 / 3, 2 / 3, 1]),
        ([5, 1], {"size": (1, 1), "mode": "bilinear", "align_corners": True}, [5]),
        ([0, 1, 2], {"scale_factor": (1, 1.5), "mode": "bilinear"}, [0, 0.5, 7 / 6, 11 / 6]),
        ([0, 1, 2], {"size": (1, 4), "mode": "bilinear"}, [0, 0.625, 1.375, 2]),
    ],
)
def test_resizing_coordinates(values, settings, expected):
    assert F.interpolate(row(values), **settings).numpy().ravel() == pytest.approx(expected)


def test_interpolate_errors():
    x = grid(np.zeros((4, 4)))
    for settings, text in [
        ({}, "either size or scale_factor"),
        ({"size": 2, "scale_factor": 2}, "either size or scale_factor"),
        ({"size": 2, "mode": "cubic"}, "mode is one of nearest, nearest-exact, bilinear"),
        ({"size": 2, "align_corners": False}, "align_corners goes with mode='bilinear'"),
        ({"scale_factor": 0.1}, "leaves nothing of"),
        ({"scale_factor": -1}, "positive number"),
        ({"scale_factor": float("nan")}, "positive number"),
        ({"size": 0}, "at least 1"),
    ]:
        with pytest.raises(ValueError, match=text):
            F.interpolate(x, **settings)
    with pytest.raises(ValueError, match="the image is empty"):
        F.interpolate(tensor(np.zeros((1, 1, 0, 4))), size=3)
