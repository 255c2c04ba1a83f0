"""Convolution and transposed convolution of lines, images and volumes: settings made canonical, the bias added.

There is one family of kernels, that of images. A line is an image of one row; a volume is a stack of images, whose
channels are the slices that a filter sees at that depth (:func:`autograd.ops.conv.depth_windows`).
"""

from __future__ import annotations

from typing import Any

from autograd import geometry
from autograd.geometry import Paddings, Sizes
from autograd.ops import conv as ops
from autograd.ops.join import pad
from autograd.tensor import Tensor

from .shapes import per_image, with_batch


@per_image
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Correlate images with filters, report eq. (3), (8): ``y[n,o,p] = Σ_c Σ_k w[o,c,k] · x[n,c,s·p+d·k−pad] + b[o]``.

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (C, H, W)
    weight : Tensor, shape (O, C/groups, KH, KW)
    bias : Tensor, shape (O,), optional
    stride, dilation : a number or a pair (vertical, horizontal)
    padding : zeros around the image: a number, a pair, ``((top, bottom), (left, right))``, ``"valid"`` (none) or
        ``"same"`` (the output has the input's size; an odd row or column more goes to the bottom or right; stride 1)
    groups : number of blocks of channels that do not see each other

    Returns
    -------
    Tensor, shape (N, O, OH, OW) with OH = ⌊(H + 2p − d(KH − 1) − 1)/s⌋ + 1, report eq. (6), (7)

    Raises
    ------
    ValueError : sizes that do not fit, with the two numbers that disagree
    """
    stride, pads, dilation = _settings("conv2d", weight, 2, stride, padding, dilation, groups)
    y = ops.conv2d(input, weight, stride=stride, padding=pads, dilation=dilation, groups=groups)
    return _with_bias("conv2d", y, bias)


@with_batch(1)
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """:func:`conv2d` of lines: ``input (N, C, L)`` or ``(C, L)``, ``weight (O, C/groups, K)``, output (N, O, OL)."""
    stride, pads, dilation = _settings("conv1d", weight, 1, stride, padding, dilation, groups)
    geometry.check_conv("conv1d", input.shape, weight.shape, stride, pads, dilation, groups, spatial=1)
    rows, filters = _as_row(input), _as_row(weight)
    y = ops.conv2d(rows, filters, stride=(1, *stride), padding=((0, 0), *pads), dilation=(1, *dilation), groups=groups)
    return _with_bias("conv1d", _as_line(y), bias)


@with_batch(3)
def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """:func:`conv2d` of volumes: ``input (N, C, D, H, W)`` or one of them, ``weight (O, C/groups, KD, KH, KW)``.

    The KD slices of the input that an output depth sees are copied next to each other, as channels: KD times the
    memory of the input, for the speed of the kernels for images.
    """
    stride, pads, dilation = _settings("conv3d", weight, 3, stride, padding, dilation, groups)
    geometry.check_conv("conv3d", input.shape, weight.shape, stride, pads, dilation, groups, spatial=3)
    windows = ops.depth_windows(
        input, size=weight.shape[2], stride=stride[0], padding=pads[0], dilation=dilation[0]
    )  # (N, OD, C, KD, H, W)
    n, depth, channels, size, *plane = windows.shape
    y = ops.conv2d(
        windows.reshape((n * depth, channels * size, *plane)),
        _depth_as_channels(weight),
        stride=stride[1:],
        padding=pads[1:],
        dilation=dilation[1:],
        groups=groups,
    )
    return _with_bias("conv3d", y.reshape((n, depth, *y.shape[1:])).movedim(1, 2), bias)


@per_image
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Copy the filter, weighted by each input pixel, into the output (report fig. 11): the adjoint of :func:`conv2d`.

    Parameters
    ----------
    input : Tensor, shape (N, C, H, W) or (C, H, W)
    weight : Tensor, shape (C, O/groups, KH, KW)
    bias : Tensor, shape (O,), optional
    stride, padding, dilation : of the convolution this is the adjoint of
    output_padding : rows and columns more at the bottom and right; less than stride or dilation
    groups : number of blocks of channels that do not see each other

    Returns
    -------
    Tensor, shape (N, O, OH, OW) with OH = (H − 1)s − 2p + d(KH − 1) + output_padding + 1

    Raises
    ------
    ValueError : sizes that do not fit, with the two numbers that disagree
    """
    name = "conv_transpose2d"
    stride, pads, dilation = _settings(name, weight, 2, stride, padding, dilation, groups)
    size, pads, beyond = _transposed_size(name, input, weight, stride, pads, output_padding, dilation, groups)
    y = ops.conv2d_input(input, weight, size=size, stride=stride, padding=pads, dilation=dilation, groups=groups)
    return _with_bias(name, _extended(y, beyond), bias)


@with_batch(1)
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """:func:`conv_transpose2d` of lines: ``input (N, C, L)`` or ``(C, L)``, ``weight (C, O/groups, K)``."""
    name = "conv_transpose1d"
    stride, pads, dilation = _settings(name, weight, 1, stride, padding, dilation, groups)
    size, pads, beyond = _transposed_size(name, input, weight, stride, pads, output_padding, dilation, groups)
    y = ops.conv2d_input(
        _as_row(input),
        _as_row(weight),
        size=(1, *size),
        stride=(1, *stride),
        padding=((0, 0), *pads),
        dilation=(1, *dilation),
        groups=groups,
    )
    return _with_bias(name, _extended(_as_line(y), beyond), bias)


@with_batch(3)
def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """:func:`conv_transpose2d` of volumes: ``input (N, C, D, H, W)`` or one, ``weight (C, O/groups, KD, KH, KW)``."""
    name = "conv_transpose3d"
    stride, pads, dilation = _settings(name, weight, 3, stride, padding, dilation, groups)
    size, pads, beyond = _transposed_size(name, input, weight, stride, pads, output_padding, dilation, groups)
    depth, *plane = size
    n, channels, slices, *source = input.shape
    windows = ops.conv2d_input(
        input.movedim(2, 1).reshape((n * slices, channels, *source)),
        _depth_as_channels(weight),
        size=tuple(plane),
        stride=stride[1:],
        padding=pads[1:],
        dilation=dilation[1:],
        groups=groups,
    )  # (N·D, O·KD, OH, OW)
    y = ops.depth_windows_sum(
        windows.reshape((n, slices, -1, weight.shape[2], *plane)),
        depth=depth,
        size=weight.shape[2],
        stride=stride[0],
        padding=pads[0],
        dilation=dilation[0],
    )
    return _with_bias(name, _extended(y, beyond), bias)


def _settings(
    caller: str, weight: Tensor, spatial: int, stride: Any, padding: Any, dilation: Any, groups: int
) -> tuple[Sizes, Paddings, Sizes]:
    if weight.ndim != spatial + 2:
        raise ValueError(f"{caller}: weight must have {spatial + 2} dimensions; weight.shape={weight.shape}")
    geometry.integer(groups, f"{caller}: groups")  # to caches of what is decided for a shape, 2.0 would be 2
    stride = geometry.sizes(stride, f"{caller}: stride", spatial, least=1)
    dilation = geometry.sizes(dilation, f"{caller}: dilation", spatial, least=1)
    return stride, geometry.resolve_padding(padding, weight.shape[2:], stride, dilation, caller), dilation


def _transposed_size(
    caller: str,
    input: Tensor,
    weight: Tensor,
    stride: Sizes,
    pads: Paddings,
    output_padding: Any,
    dilation: Sizes,
    groups: int,
) -> tuple[Sizes, Paddings, Sizes]:
    """The output's size and the paddings that lead to it, and how many zeros stand behind it in each dimension.

    ``output_padding`` below the stride is part of the size. More of it, where the dilation is larger, first uncovers
    what the padding cut off, then asks for outputs that no filter reaches.
    """
    channels = weight.shape[0]
    if input.shape[1] != channels:
        raise ValueError(
            f"{caller}: input has {input.shape[1]} channels but weight expects {channels}; "
            f"input.shape={input.shape}, weight.shape={weight.shape}"
        )
    if groups < 1 or channels % groups:
        raise ValueError(f"{caller}: groups={groups} must divide the {channels} channels of the input")
    extra = geometry.sizes(output_padding, f"{caller}: output_padding", len(stride), least=0)
    wanted = geometry.conv_transpose_output_size(
        input.shape[2:], weight.shape[2:], stride, pads, extra, dilation, caller
    )
    more = [max(0, e - s + 1) for e, s in zip(extra, stride)]
    beyond = tuple(max(0, m - after) for m, (_, after) in zip(more, pads))
    size = tuple(n - zeros for n, zeros in zip(wanted, beyond))
    return size, tuple((before, max(0, after - m)) for m, (before, after) in zip(more, pads)), beyond


def _extended(y: Tensor, beyond: Sizes) -> Tensor:
    """``y`` with so many zeros behind it."""
    return pad(y, [side for more in reversed(beyond) for side in (0, more)]) if any(beyond) else y


def _as_row(lines: Tensor) -> Tensor:
    """(N, C, L) as (N, C, 1, L)."""
    return lines.reshape((*lines.shape[:2], 1, lines.shape[2]))


def _as_line(rows: Tensor) -> Tensor:
    """(N, C, 1, L) as (N, C, L)."""
    return rows.reshape((*rows.shape[:2], rows.shape[3]))


def _depth_as_channels(weight: Tensor) -> Tensor:
    """(O, C, KD, KH, KW) as (O, C·KD, KH, KW)."""
    first, second, depth, *plane = weight.shape
    return weight.reshape((first, second * depth, *plane))


def _with_bias(caller: str, y: Tensor, bias: Tensor | None) -> Tensor:
    if bias is None:
        return y
    if bias.shape != (y.shape[1],):
        raise ValueError(f"{caller}: bias.shape={bias.shape}, but there are {y.shape[1]} output channels")
    return y + bias.reshape((1, -1, *[1] * (y.ndim - 2)))
