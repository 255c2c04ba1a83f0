"""Dtypes are NumPy's; the rules by which they mix are PyTorch's.

``float32`` by default: Python floats and lists become float32, arrays keep their dtype. Numbers never widen an array.
"""

from __future__ import annotations

from typing import Any

import numpy as np

float16, float32, float64 = np.float16, np.float32, np.float64
int8, int16, int32, int64, uint8 = np.int8, np.int16, np.int32, np.int64, np.uint8
bool_ = np.bool_

default_float = np.dtype(np.float32)
_KINDS = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
_NUMBERS = ((bool, np.dtype(np.bool_)), (int, np.dtype(np.int64)), (float, default_float))


def _of_number(value: Any) -> np.dtype:
    return next(dtype for kind, dtype in _NUMBERS if isinstance(value, kind))


def result_type(operands: list, floating: bool = False) -> np.dtype:
    """The dtype of an elementwise result.

    Operands fall in three ranks: arrays with dimensions, 0-d arrays, Python numbers. A lower rank decides only where
    its kind (bool < integer < floating) is higher than that of the ranks above it.
    ``floating``: the op gives floating point even for integers, then ``float32``.
    """
    ranks: list[list[np.dtype]] = [[], [], []]
    for value in operands:
        if isinstance(value, np.ndarray):
            ranks[0 if value.ndim else 1].append(value.dtype)
        elif value is not None:
            ranks[2].append(_of_number(value))
    result: np.dtype | None = None
    for rank in ranks:
        if rank:
            kind = max(_KINDS[d.kind] for d in rank)
            dtype = np.result_type(*[d for d in rank if _KINDS[d.kind] == kind])  # int64 and float32 give float32
            if result is None or _KINDS[dtype.kind] > _KINDS[result.kind]:
                result = dtype
    assert result is not None
    return default_float if floating and result.kind != "f" else result
