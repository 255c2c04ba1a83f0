"""Convolution and transposed convolution: settings made canonical, the bias added."""

from __future__ import annotations

from typing import Any

from autograd import geometry
from autograd.ops import conv as ops
from autograd.tensor import Tensor

from .shapes import per_image, plane


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
    stride, dilation = (
        geometry.pair(stride, "conv2d: stride", least=1),
        geometry.pair(dilation, "conv2d: dilation", least=1),
    )
    pads = geometry.resolve_padding(padding, plane(weight), stride, dilation, "conv2d")
    y = ops.conv2d(input, weight, stride=stride, padding=pads, dilation=dilation, groups=groups)
    return _with_bias("conv2d", y, bias)


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
    if weight.ndim != 4 or input.shape[1] != weight.shape[0]:
        raise ValueError(
            f"{name}: input has {input.shape[1]} channels but weight expects {weight.shape[0]}; "
            f"input.shape={input.shape}, weight.shape={weight.shape}"
        )
    stride, dilation = (
        geometry.pair(stride, f"{name}: stride", least=1),
        geometry.pair(dilation, f"{name}: dilation", least=1),
    )
    kernel = plane(weight)
    pads = geometry.resolve_padding(padding, kernel, stride, dilation, name)
    extra = geometry.pair(output_padding, f"{name}: output_padding", least=0)
    size = geometry.conv_transpose_output_size(plane(input), kernel, stride, pads, extra, dilation)
    y = ops.conv2d_input(input, weight, size=size, stride=stride, padding=pads, dilation=dilation, groups=groups)
    return _with_bias(name, y, bias)


def _with_bias(caller: str, y: Tensor, bias: Tensor | None) -> Tensor:
    if bias is None:
        return y
    if bias.shape != (y.shape[1],):
        raise ValueError(f"{caller}: bias.shape={bias.shape}, but there are {y.shape[1]} output channels")
    return y + bias.reshape((1, -1, 1, 1))
