"""Sliding windows: along one dimension, and over images as columns (im2col); each beside its adjoint, which adds."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import kernels
from ..geometry import Pair, Sizes, conv_output_size, pair
from ..primitive import primitive
from .index import basic
from .layout import _reshape, axis_of


@primitive
def _windows(input, *, dim, size, step):
    every = np.lib.stride_tricks.sliding_window_view(input, size, dim)
    return every[(slice(None),) * dim + (slice(None, None, step),)]


@primitive
def _windows_sum(input, *, dim, size, step, length):
    """Each element in the place it was taken from, where they add up."""
    n = input.shape[dim]
    out = np.zeros((*input.shape[:dim], length, *input.shape[dim + 1 : -1]), input.dtype)
    for k in range(size):
        out[(slice(None),) * dim + (slice(k, k + step * (n - 1) + 1, step),)] += input[..., k]
    return out


_windows.vjp(
    input=lambda g, input_shape, *, dim, size, step: _windows_sum(
        g, dim=dim, size=size, step=step, length=input_shape[dim]
    )
)
_windows_sum.vjp(input=lambda g, *, dim, size, step: _windows(g, dim=dim, size=size, step=step))


def unfold(input: Any, dimension: int, size: int, step: int) -> Any:
    """``Tensor.unfold``: windows of ``size`` along a dimension, one every ``step``, each in a new last dimension."""
    if not input.ndim:  # one element: its only window is a vector
        vector = unfold(_reshape(input, shape=(1,)), dimension, size, step)
        return _reshape(basic(vector, index=(0,)), shape=(size,))
    dim = axis_of(dimension, input.ndim, "unfold")
    n = input.shape[dim]
    if step < 1:
        raise ValueError(f"unfold: step is at least 1, not {step}")
    if not 0 <= size <= n:
        raise ValueError(f"unfold: size {size} does not fit dim {dim} of size {n}")
    if size == 0:
        nothing = basic(input, index=(slice(0),))
        return _reshape(nothing, shape=(*input.shape[:dim], n // step + 1, *input.shape[dim + 1 :], 0))
    return _windows(input, dim=dim, size=size, step=step)


# --- images as columns ----------------------------------------------------------------------------------------------


@primitive
def _columns(input, *, kernel_size, stride, padding, dilation):
    return kernels.im2col.im2col(input, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)


@primitive
def _columns_sum(input, *, size, kernel_size, stride, padding, dilation):
    return kernels.im2col.col2im(
        input, size=size, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
    )


_columns.vjp(input=lambda g, input_shape, **s: _columns_sum(g, size=tuple(input_shape[-2:]), **s))
_columns_sum.vjp(input=lambda g, *, kernel_size, stride, padding, dilation: _columns(
    g, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
))  # fmt: skip


def _settings(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> dict[str, Any]:
    ph, pw = pair(padding, "padding", least=0)
    return {
        "kernel_size": pair(kernel_size, "kernel_size", least=1),
        "stride": pair(stride, "stride", least=1),
        "padding": ((ph, ph), (pw, pw)),
        "dilation": pair(dilation, "dilation", least=1),
    }


def _count(op: str, size: Pair, s: dict[str, Any]) -> Sizes:
    count = conv_output_size(size, s["kernel_size"], s["stride"], s["padding"], s["dilation"])
    if min(count) < 1:
        raise ValueError(f"{op}: no window fits: kernel_size={s['kernel_size']}, padding={s['padding']}, image {size}")
    return count


def image_columns(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The windows of images as columns: (N, C, H, W) → (N, C·KH·KW, L), also without N (``nn.functional.unfold``)."""
    if input.ndim not in (3, 4):
        raise ValueError(f"unfold: expected (N, C, H, W) or (C, H, W), not shape {tuple(input.shape)}")
    s = _settings(kernel_size, dilation, padding, stride)
    _count("unfold", tuple(input.shape[-2:]), s)
    if input.ndim == 4:
        return _columns(input, **s)
    out = _columns(_reshape(input, shape=(1, *input.shape)), **s)
    return _reshape(out, shape=tuple(out.shape[1:]))


def fold(input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Columns put back as images of ``output_size``; where windows overlap, they add up: the adjoint of unfold."""
    if input.ndim not in (2, 3):
        raise ValueError(f"fold: expected (N, C·KH·KW, L) or (C·KH·KW, L), not shape {tuple(input.shape)}")
    size = pair(output_size, "output_size", least=1)
    s = _settings(kernel_size, dilation, padding, stride)
    rows, columns = _count("fold", size, s)
    kh, kw = s["kernel_size"]
    if input.shape[-2] % (kh * kw):
        raise ValueError(f"fold: {input.shape[-2]} entries in a column are no multiple of {kh}·{kw}, the window's")
    if input.shape[-1] != rows * columns:
        raise ValueError(
            f"fold: input has {input.shape[-1]} columns but an image of {size} has {rows}·{columns} windows"
        )
    if input.ndim == 3:
        return _columns_sum(input, size=size, **s)
    out = _columns_sum(_reshape(input, shape=(1, *input.shape)), size=size, **s)
    return _reshape(out, shape=tuple(out.shape[1:]))
