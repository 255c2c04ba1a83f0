"""Convolution layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from autograd import geometry
from autograd.ops.join import pad
from autograd.tensor import Tensor

from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Layer(Module):
    """What all layers share: the settings, the weight, the bias."""

    spatial: ClassVar[int]  # dimensions behind the channels
    function: ClassVar[Callable[..., Tensor]]

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
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{type(self).__name__}: groups={groups} must divide in_channels={in_channels} and "
                f"out_channels={out_channels}"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = self._sizes("kernel_size", kernel_size, least=1)
        for setting in ("stride", "dilation"):
            setattr(self, setting, self._sizes(setting, settings[setting], least=1))
        shape = self._weight_shape(in_channels, out_channels, groups) + self.kernel_size
        self.weight = Parameter(np.empty(shape, dtype))
        self.register_parameter("bias", Parameter(np.empty(out_channels, dtype)) if bias else None)
        self.reset_parameters()

    def _sizes(self, name: str, value: Any, least: int) -> tuple[int, ...]:
        return geometry.sizes(value, f"{type(self).__name__}: {name}", self.spatial, least=least)

    def _weight_shape(self, in_channels: int, out_channels: int, groups: int) -> tuple[int, int]:
        raise NotImplementedError

    def reset_parameters(self) -> None:
        init.fan_in_uniform_(self.weight, self.bias)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        none, ones = (0,) * self.spatial, (1,) * self.spatial
        for name, default in (("padding", none), ("dilation", ones), ("output_padding", none), ("groups", 1)):
            value = getattr(self, name, default)
            text += "" if value == default else f", {name}={value}"
        text += "" if self.bias is not None else ", bias=False"
        mode = getattr(self, "padding_mode", "zeros")
        return text if mode == "zeros" else f"{text}, padding_mode={mode}"


class _Convolution(_Layer):
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
        name = type(self).__name__
        if padding_mode not in _PADDING_MODES:
            raise ValueError(f"{name}: padding_mode is one of {', '.join(_PADDING_MODES)}, not {padding_mode!r}")
        super().__init__(in_channels, out_channels, kernel_size, groups, bias, dtype, stride=stride, dilation=dilation)
        self.padding_mode = padding_mode
        self._pads = geometry.resolve_padding(padding, self.kernel_size, self.stride, self.dilation, name)
        self.padding = padding if isinstance(padding, str) else tuple(before for before, _ in self._pads)

    def _weight_shape(self, in_channels: int, out_channels: int, groups: int) -> tuple[int, int]:
        return out_channels, in_channels // groups

    def forward(self, x: Tensor) -> Tensor:
        padding: Any = self._pads
        if self.padding_mode != "zeros":
            sides = [side for both in reversed(self._pads) for side in both]  # of the last dimension first
            x, padding = pad(x, sides, mode=self.padding_mode), 0
        return type(self).function(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Convolution):
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

    spatial = 2
    function = staticmethod(F.conv2d)


class Conv1d(_Convolution):
    """:class:`Conv2d` of lines (N, C, L), with ``weight (O, C/groups, K)``; see :func:`nn.functional.conv1d`."""

    spatial = 1
    function = staticmethod(F.conv1d)


class Conv3d(_Convolution):
    """:class:`Conv2d` of volumes (N, C, D, H, W), with ``weight (O, C/groups, KD, KH, KW)``; see
    :func:`nn.functional.conv3d`.
    """

    spatial = 3
    function = staticmethod(F.conv3d)


class _TransposedConvolution(_Layer):
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
        self.padding = self._sizes("padding", padding, least=0)
        self.output_padding = self._sizes("output_padding", output_padding, least=0)

    def _weight_shape(self, in_channels: int, out_channels: int, groups: int) -> tuple[int, int]:
        return in_channels, out_channels // groups

    def forward(self, x: Tensor, output_size: Any = None) -> Tensor:
        """``output_size``: the size wanted, where a stride leaves several possible; replaces ``output_padding``."""
        extra = self.output_padding
        if output_size is not None:
            extra = self._output_padding(x.shape[-self.spatial :], output_size)
        function = type(self).function
        return function(x, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _output_padding(self, size: tuple[int, ...], output_size: Any) -> tuple[int, ...]:
        name = type(self).__name__
        wanted = self._sizes("output_size", tuple(output_size)[-self.spatial :], least=1)
        pads = tuple((p, p) for p in self.padding)
        smallest = geometry.conv_transpose_output_size(
            size, self.kernel_size, self.stride, pads, (0,) * self.spatial, self.dilation, name
        )
        extra = tuple(w - n for w, n in zip(wanted, smallest, strict=True))
        if not all(0 <= e < s for e, s in zip(extra, self.stride, strict=True)):
            largest = tuple(n + s - 1 for n, s in zip(smallest, self.stride, strict=True))
            raise ValueError(
                f"{name}: output_size={wanted} is out of reach: an input of {size} gives sizes from "
                f"{smallest} to {largest}"
            )
        return extra


class ConvTranspose2d(_TransposedConvolution):
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

    spatial = 2
    function = staticmethod(F.conv_transpose2d)


class ConvTranspose1d(_TransposedConvolution):
    """:class:`ConvTranspose2d` of lines (N, C, L), with ``weight (C, O/groups, K)``."""

    spatial = 1
    function = staticmethod(F.conv_transpose1d)


class ConvTranspose3d(_TransposedConvolution):
    """:class:`ConvTranspose2d` of volumes (N, C, D, H, W), with ``weight (C, O/groups, KD, KH, KW)``."""

    spatial = 3
    function = staticmethod(F.conv_transpose3d)
