"""Pooling layers and their ways back (report sections 1.2.2 and 2.0.1)."""

from __future__ import annotations

from typing import Any

from autograd.tensor import Tensor

from . import functional as F
from .module import Module


class _Window(Module):
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size, self.padding = kernel_size, padding
        self.stride = kernel_size if stride is None else stride

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxPool2d(_Window):
    """The largest value of each window, report fig. 2; see :func:`nn.functional.max_pool2d`."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding)
        self.dilation, self.return_indices, self.ceil_mode = dilation, return_indices, ceil_mode

    def forward(self, x: Tensor) -> Any:
        return F.max_pool2d(
            x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, dilation={self.dilation}, ceil_mode={self.ceil_mode}"


class AvgPool2d(_Window):
    """The mean of each window, report fig. 3; see :func:`nn.functional.avg_pool2d`."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding)
        self.ceil_mode, self.count_include_pad, self.divisor_override = ceil_mode, count_include_pad, divisor_override

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AdaptiveAvgPool2d(Module):
    """Means that divide the image into ``output_size`` parts; see :func:`nn.functional.adaptive_avg_pool2d`."""

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, x: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class MaxUnpool2d(_Window):
    """Each value back where :class:`MaxPool2d` found it, report fig. 10; see :func:`nn.functional.max_unpool2d`."""

    def forward(self, x: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return F.max_unpool2d(x, indices, self.kernel_size, self.stride, self.padding, output_size)


class AvgUnpool2d(_Window):
    """Each value shared out over its window, report fig. 10; see :func:`nn.functional.avg_unpool2d`."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding)
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, x: Tensor, output_size: Any = None) -> Tensor:
        return F.avg_unpool2d(
            x, self.kernel_size, self.stride, self.padding, output_size, self.count_include_pad, self.divisor_override
        )


class BedOfNails(Module):
    """Each value at the top left of its cell, report fig. 10; see :func:`nn.functional.bed_of_nails`."""

    def __init__(self, stride: Any = 2) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor, output_size: Any = None) -> Tensor:
        return F.bed_of_nails(x, self.stride, output_size)

    def extra_repr(self) -> str:
        return f"stride={self.stride}"
