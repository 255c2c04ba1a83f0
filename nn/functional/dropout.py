"""Dropout: noise that is only there in training."""

from __future__ import annotations

import numpy as np

from autograd import random
from autograd.modes import effect
from autograd.tensor import Tensor


def dropout(
    input: Tensor, p: float = 0.5, training: bool = True, *, generator: random.Generator | None = None
) -> Tensor:
    """Set each element to 0 with probability ``p`` and multiply the others by ``1/(1 − p)``.

    Parameters
    ----------
    input : Tensor
    p : probability in [0, 1]; 1 gives zeros
    training : ``False`` returns the input as it is
    generator : where the random numbers come from; default: the one of ``autograd.manual_seed``

    Raises
    ------
    ValueError : ``p`` is no probability
    """
    check_probability("dropout", p)
    return _masked(input, input.shape, p, training, generator)


def dropout2d(
    input: Tensor, p: float = 0.5, training: bool = True, *, generator: random.Generator | None = None
) -> Tensor:
    """:func:`dropout` of whole channels: neighbouring pixels are alike, dropping single ones would hide nothing.

    Parameters
    ----------
    input : Tensor, shape (N, C, ...)
    p, training, generator : as in :func:`dropout`

    Raises
    ------
    ValueError : ``p`` is no probability, or fewer than 2 dimensions
    """
    check_probability("dropout2d", p)
    if input.ndim < 2:
        raise ValueError(f"dropout2d: input must have dimensions (N, C, ...); input.shape={input.shape}")
    return _masked(input, input.shape[:2] + (1,) * (input.ndim - 2), p, training, generator)


def check_probability(caller: str, p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"{caller}: p must be a probability in [0, 1], not {p!r}")


def _masked(input: Tensor, shape: tuple, p: float, training: bool, generator: random.Generator | None) -> Tensor:
    if not training or p == 0:
        return input
    if p == 1:
        return input * np.zeros(shape, input.dtype)
    return input * effect(_mask, shape, p, input.dtype, generator)


def _mask(shape: tuple, p: float, dtype: np.dtype, generator: random.Generator | None) -> np.ndarray:
    mask = np.empty(shape, dtype)
    random.each_uniform(
        random.numpy_generator(generator),
        mask.reshape(-1),
        lambda numbers, part: np.multiply(numbers >= p, 1 / (1 - p), out=part, dtype=dtype),
    )
    return mask
