"""Convolution layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import geometry
from autograd.ops.join import pad
from autograd.tensor import Tensor

from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Conv(Module):
    """What both layers share: the settings, the weight, the bias."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        groups: int,
        bias: bool,
        dtype: Any,
        **settings: Any,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: groups={groups} must divide in_channels={in_channels} and out_channels={out_channels}"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = geometry.pair(kernel_size, f"{name}: kernel_size", least=1)
        for setting in ("stride", "dilation"):
            setattr(self, setting, geometry.pair(settings[setting], f"{name}: {setting}", least=1))
        shape = self._weight_shape(in_channels, out_channels, groups) + self.kernel_size
        self.weight = Parameter(np.empty(shape, dtype))
        self.register_parameter("bias", Parameter(np.empty(out_channels, dtype)) if bias else None)
        self.reset_parameters()

    def _weight_shape(self, in_channels: int, out_channels: int, groups: int) -> tuple[int, int]:
        raise NotImplementedError

    def reset_parameters(self) -> None:
        init.fan_in_uniform_(self.weight, self.bias)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        for name, default in (("padding", (0, 0)), ("dilation", (1, 1)), ("output_padding", (0, 0)), ("groups", 1)):
            value = getattr(self, name, default)
            text += "" if value == default else f", {name}={value}"
        text += "" if self.bias is not None else ", bias=False"
        mode = getattr(self, "padding_mode", "zeros")
        return text if mode == "zeros" else f"{text}, padding_mode={mode}"


class Conv2d(_Conv):
    """A convolution layer, report eq. (3), (8); see :func:`nn.functional.conv2d`.

    Parameters
    ----------
    in_channels, out_channels : C and O
    kernel_size, stride, dilation : a number or a pair
    padding : a number, a pair, ``"same"`` or ``"valid"``
    groups : number of blocks of channels that do not see each other
    bias : whether there is one
    padding_mode : what stands around the image: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``
    dtype : of the parameters

    Attributes
    ----------
    weight : Parameter, shape (O, C/groups, KH, KW); U(−k, k) with k = 1/√(C/groups · KH · KW)
    bias : Parameter, shape (O,), from the same distribution, or ``None``
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        dtype: Any = np.float32,
    ) -> None:
        if padding_mode not in _PADDING_MODES:
            raise ValueError(f"Conv2d: padding_mode is one of {', '.join(_PADDING_MODES)}, not {padding_mode!r}")
        super().__init__(in_channels, out_channels, kernel_size, groups, bias, dtype, stride=stride, dilation=dilation)
        self.padding_mode = padding_mode
        self._pads = geometry.resolve_padding(padding, self.kernel_size, self.stride, self.dilation, "Conv2d")
        self.padding = padding if isinstance(padding, str) else (self._pads[0][0], self._pads[1][0])

    def _weight_shape(self, in_channels: int, out_channels: int, groups: int) -> tuple[int, int]:
        return out_channels, in_channels // groups

    def forward(self, x: Tensor) -> Tensor:
        padding: Any = self._pads
        if self.padding_mode != "zeros":
            (top, bottom), (left, right) = self._pads
            x, padding = pad(x, (left, right, top, bottom), mode=self.padding_mode), 0
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class ConvTranspose2d(_Conv):
    """A transposed convolution layer, report section 2.0.2; see :func:`nn.functional.conv_transpose2d`.

    Parameters
    ----------
    in_channels, out_channels : C and O
    kernel_size, stride, padding, output_padding, dilation : a number or a pair
    groups : number of blocks of channels that do not see each other
    bias : whether there is one
    dtype : of the parameters

    Attributes
    ----------
    weight : Parameter, shape (C, O/groups, KH, KW); U(−k, k) with k = 1/√(O/groups · KH · KW), as in PyTorch
    bias : Parameter, shape (O,), from the same distribution, or ``None``
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, groups, bias, dtype, stride=stride, dilation=dilation)
        self.padding = geometry.pair(padding, "ConvTranspose2d: padding", least=0)
        self.output_padding = geometry.pair(output_padding, "ConvTranspose2d: output_padding", least=0)

    def _weight_shape(self, in_channels: int, out_channels: int, groups: int) -> tuple[int, int]:
        return in_channels, out_channels // groups

    def forward(self, x: Tensor, output_size: Any = None) -> Tensor:
        """``output_size``: the size wanted, where a stride leaves several possible; replaces ``output_padding``."""
        extra = (
            self.output_padding
            if output_size is None
            else self._output_padding((x.shape[-2], x.shape[-1]), output_size)
        )
        return F.conv_transpose2d(
            x, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )

    def _output_padding(self, size: tuple[int, int], output_size: Any) -> tuple[int, int]:
        wanted = geometry.pair(tuple(output_size)[-2:], "ConvTranspose2d: output_size", least=1)
        pads = geometry.resolve_padding(self.padding, self.kernel_size, self.stride, self.dilation)
        smallest = geometry.conv_transpose_output_size(size, self.kernel_size, self.stride, pads, (0, 0), self.dilation)
        extra = wanted[0] - smallest[0], wanted[1] - smallest[1]
        if not all(0 <= e < s for e, s in zip(extra, self.stride, strict=True)):
            largest = tuple(n + s - 1 for n, s in zip(smallest, self.stride, strict=True))
            raise ValueError(
                f"ConvTranspose2d: output_size={wanted} is out of reach: an input of {size} gives sizes from "
                f"{smallest} to {largest}"
            )
        return extra
