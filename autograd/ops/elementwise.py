"""Elementwise ops: they broadcast, and mix dtypes as PyTorch does."""

from __future__ import annotations

import numpy as np

from ..primitive import primitive


@primitive(elementwise=True)
def add(input, other):
    return np.add(input, other)


add.vjp(input=lambda g: g, other=lambda g: g)


@primitive(elementwise=True)
def mul(input, other):
    return np.multiply(input, other)


mul.vjp(input=lambda g, other: g * other, other=lambda g, input: g * input)


@primitive(elementwise=True)
def neg(input):
    return np.negative(input)


neg.vjp(input=lambda g: -g)


@primitive(elementwise=True, promote="float")
def exp(input):
    return np.exp(input)


exp.vjp(input=lambda g, y: g * y)
