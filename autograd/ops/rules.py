"""Arithmetic of gradient rules, which get arrays or Tensors: of large arrays on all threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels.blocks import spread


def product(a: Any, b: Any) -> Any:
    """``a · b``"""
    return spread(np.multiply, a, b) if type(a) is np.ndarray else a * b


def difference(a: Any, b: Any) -> Any:
    """``a − b``"""
    return spread(np.subtract, a, b) if type(a) is np.ndarray else a - b


def quotient(a: Any, b: Any) -> Any:
    """``a / b``"""
    return spread(np.true_divide, a, b) if type(a) is np.ndarray else a / b


def opposite(a: Any) -> Any:
    """``−a``"""
    return spread(np.negative, a) if type(a) is np.ndarray else -a
