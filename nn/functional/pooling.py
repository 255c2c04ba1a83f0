"""Pooling and its ways back (report sections 1.2.2 and 2.0.1): settings made canonical."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import geometry
from autograd.ops import pool as ops
from autograd.ops.layout import cast
from autograd.tensor import Tensor, by_product

from .shapes import per_image, plane

Pair = tuple[int, int]


def _window(caller: str, kernel_size: Any, stride: Any, padding: Any) -> tuple[Pair, Pair, Pair]:
    kernel = geometry.pair(kernel_size, f"{caller}: kernel_size", least=1)
    step = kernel if stride is None else geometry.pair(stride, f"{caller}: stride", least=1)
    return kernel, step, geometry.pair(padding, f"{caller}: padding", least=0)


@per_image
def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest value of each window (report fig. 2). Padding never wins; a NaN does; of equal values the first.

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (C, H, W)
    kernel_size, stride, padding, dilation : a number or a pair; ``stride`` defaults to ``kernel_size``
    ceil_mode : round the output's size up, for a last window that reaches over the edge
    return_indices : also return where each value stood, for :func:`max_unpool2d`

    Returns
    -------
    Tensor, shape (N, C, OH, OW), report eq. (6), (7); with ``return_indices`` also an int64 Tensor of that shape with
    positions in the flattened plane (H·W) of the unpadded input

    Raises
    ------
    ValueError : padding more than half of the kernel, or a window larger than the padded input
    """
    kernel, stride, padding = _window("max_pool2d", kernel_size, stride, padding)
    dilation = geometry.pair(dilation, "max_pool2d: dilation", least=1)
    size = geometry.pool_output_size("max_pool2d", plane(input), kernel, stride, padding, dilation, ceil_mode)
    y, indices = ops.max_pool2d.with_residuals(
        input, kernel_size=kernel, stride=stride, padding=padding, dilation=dilation, output_size=size
    )
    return (y, by_product(cast(indices, dtype=np.int64))) if return_indices else y


@per_image
def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window (report fig. 3).

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (C, H, W)
    kernel_size, stride, padding, ceil_mode : as in :func:`max_pool2d`
    count_include_pad : whether the zeros of the padding count in the divisor
    divisor_override : divide by this instead

    Returns
    -------
    Tensor, shape (N, C, OH, OW), report eq. (6), (7)
    """
    settings = _average("avg_pool2d", kernel_size, stride, padding, count_include_pad, divisor_override)
    size = _average_size("avg_pool2d", plane(input), settings, ceil_mode)
    return ops.avg_pool2d(input, output_size=size, **settings)


def _average(caller: str, kernel_size: Any, stride: Any, padding: Any, include: bool, divisor: int | None) -> dict:
    if divisor == 0:
        raise ValueError(f"{caller}: divisor_override must not be 0")
    kernel, step, around = _window(caller, kernel_size, stride, padding)
    window = {"kernel_size": kernel, "stride": step, "padding": around}
    return window | {"count_include_pad": include, "divisor_override": divisor}


def _average_size(caller: str, size: Pair, settings: dict, ceil_mode: bool) -> Pair:
    kernel, stride, padding = settings["kernel_size"], settings["stride"], settings["padding"]
    return geometry.pool_output_size(caller, size, kernel, stride, padding, (1, 1), ceil_mode)


@per_image
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over windows that divide the image into ``output_size`` parts: window i is [⌊i·n/m⌋, ⌈(i+1)·n/m⌉).

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (C, H, W)
    output_size : a number or a pair; ``None`` in the pair keeps the input's size

    Returns
    -------
    Tensor, shape (N, C, *output_size)
    """
    wanted = output_size if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    wanted = [n if m is None else m for m, n in zip(wanted, input.shape[2:], strict=False)]
    rows, columns = geometry.pair(wanted, "adaptive_avg_pool2d: output_size", least=1)
    height, width = input.shape[2:]
    if min(height, width) < 1:
        raise ValueError(f"adaptive_avg_pool2d: the image is empty; input.shape={input.shape}")
    if height % rows == 0 and width % columns == 0:
        return avg_pool2d(input, (height // rows, width // columns))
    # linear in each direction: (OH, H) @ (N, C, H, W) @ (W, OW)
    return _averaging(rows, height, input.dtype) @ input @ _averaging(columns, width, input.dtype).T


def _averaging(m: int, n: int, dtype: Any) -> np.ndarray:
    matrix = np.zeros((m, n), dtype)
    for i in range(m):
        start, end = i * n // m, -(-(i + 1) * n // m)
        matrix[i, start:end] = 1 / (end - start)
    return matrix


def _unpooled_size(caller: str, size: Pair, kernel: Pair, stride: Pair, padding: Pair, wanted: Any) -> Pair:
    """The size before pooling: the wanted one if pooling could have come from it, or the smallest such size."""
    rows, columns = ((n - 1) * s - 2 * p + k for n, k, s, p in zip(size, kernel, stride, padding, strict=True))
    if wanted is None:
        return rows, columns
    chosen = geometry.pair(tuple(wanted)[-2:] if isinstance(wanted, Sequence) else wanted, f"{caller}: output_size")
    if any(abs(c - default) >= s for c, default, s in zip(chosen, (rows, columns), stride, strict=True)):
        raise ValueError(
            f"{caller}: output_size={chosen} is out of reach: with stride={stride} it lies less than a stride from "
            f"{(rows, columns)}; input size {size}, kernel={kernel}, padding={padding}"
        )
    return chosen


def max_unpool2d(
    input: Tensor, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Put each value back where :func:`max_pool2d` found it, zeros elsewhere (report fig. 10).

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (C, H, W)
    indices : integer Tensor of that shape, from ``max_pool2d(..., return_indices=True)``
    kernel_size, stride, padding : of the pooling
    output_size : the size before pooling, where several sizes pool to one; the last two entries count

    Returns
    -------
    Tensor, shape (N, C, *output_size); by default (H − 1)s − 2p + k. Of values with one position the last stays.

    Raises
    ------
    ValueError : a size that pooling could not have come from
    IndexError : a position outside the plane
    """
    indices = indices._setting() if isinstance(indices, Tensor) else np.asarray(indices)
    if indices.shape != input.shape:
        raise ValueError(f"max_unpool2d: input.shape={input.shape} and indices.shape={indices.shape} differ")
    return _max_unpool2d(input, indices.reshape((-1, *indices.shape[-3:])), kernel_size, stride, padding, output_size)


@per_image
def _max_unpool2d(input: Tensor, indices: np.ndarray, kernel_size: Any, stride: Any, padding: Any, wanted: Any) -> Any:
    kernel, stride, padding = _window("max_unpool2d", kernel_size, stride, padding)
    size = _unpooled_size("max_unpool2d", plane(input), kernel, stride, padding, wanted)
    return ops.max_unpool2d(input, indices=indices, size=size)


@per_image
def avg_unpool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Share each value out over its window (report fig. 10): the adjoint of :func:`avg_pool2d`.

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (C, H, W)
    kernel_size, stride, padding, count_include_pad : of the pooling
    output_size : the size before pooling, where several sizes pool to one
    divisor_override : divide by this instead of the window's size; 1 copies the value to the whole window

    Returns
    -------
    Tensor, shape (N, C, *output_size); by default (H − 1)s − 2p + k
    """
    settings = _average("avg_unpool2d", kernel_size, stride, padding, count_include_pad, divisor_override)
    kernel, stride, padding = settings["kernel_size"], settings["stride"], settings["padding"]
    size = _unpooled_size("avg_unpool2d", plane(input), kernel, stride, padding, output_size)
    return ops.avg_pool2d_input(input, size=size, output_size=plane(input), **settings)


@per_image
def bed_of_nails(input: Tensor, stride: Any = 2, output_size: Any = None) -> Tensor:
    """Put each value at the top left of its cell, zeros elsewhere (report fig. 10).

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (C, H, W)
    stride : size of a cell, a number or a pair
    output_size : the last cells may be cut off

    Returns
    -------
    Tensor, shape (N, C, H·s, W·s), or (N, C, *output_size)
    """
    stride = geometry.pair(stride, "bed_of_nails: stride", least=1)
    largest = input.shape[2] * stride[0], input.shape[3] * stride[1]
    size = largest if output_size is None else geometry.pair(output_size, "bed_of_nails: output_size", least=1)
    if any(not big - s < n <= big for n, big, s in zip(size, largest, stride, strict=True)):
        raise ValueError(
            f"bed_of_nails: output_size={size} is out of reach: {plane(input)} cells of {stride} fill at most "
            f"{largest}, and each cell must be begun"
        )
    return ops.bed_of_nails(input, stride=stride, size=size)
