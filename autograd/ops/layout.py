"""Shape and order: no arithmetic, so every gradient is the move undone."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..primitive import primitive


@primitive
def sum_to(input, *, shape):
    """Sum over the axes that broadcasting ``shape`` to ``input.shape`` would repeat: the adjoint of broadcasting."""
    lead = input.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(shape) if n == 1 and input.shape[i + lead] != 1)
    return np.sum(input, axis=axes, keepdims=True).reshape(shape)


@primitive
def broadcast_to(input, *, shape):
    return np.broadcast_to(input, shape)


sum_to.vjp(input=lambda g, input_shape: broadcast_to(g, shape=input_shape))
broadcast_to.vjp(input=lambda g, input_shape: sum_to(g, shape=input_shape))


@primitive(elementwise=True)
def cast(input, *, dtype):
    """Convert to another dtype; the engine converts the gradient back, as it does for every elementwise op."""
    return np.asarray(input).astype(dtype)


cast.vjp(input=lambda g: g)


@primitive
def reshape(input, *, shape):
    return np.reshape(input, shape)


reshape.vjp(input=lambda g, input_shape: reshape(g, shape=input_shape))


@primitive
def permute(input, *, dims):
    return np.transpose(input, dims)


permute.vjp(input=lambda g, *, dims: permute(g, dims=tuple(int(i) for i in np.argsort(dims))))
