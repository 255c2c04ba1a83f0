"""Initial values of parameters, written in place, with PyTorch's names.

Every function returns the tensor it filled; those that draw take ``generator=`` (default: ``autograd.manual_seed``'s).
"""

from __future__ import annotations

import math

import numpy as np

from autograd.memory import note_write
from autograd.random import Generator, numpy_generator
from autograd.tensor import Tensor


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the variance through a nonlinearity; ``param`` is the slope of ``leaky_relu``."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    gains = {"linear": 1.0, "conv2d": 1.0, "conv_transpose2d": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2)}
    gains |= {"selu": 3 / 4}
    if nonlinearity not in gains:
        raise ValueError(
            f"calculate_gain: unknown nonlinearity {nonlinearity!r}; there are leaky_relu, {', '.join(gains)}"
        )
    return gains[nonlinearity]


def constant_(tensor: Tensor, val: float) -> Tensor:
    return _fill(tensor, np.broadcast_to(np.asarray(val, tensor.dtype), tensor.shape))


def zeros_(tensor: Tensor) -> Tensor:
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    return constant_(tensor, 1.0)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """U(a, b)."""
    return _fill(tensor, numpy_generator(generator).uniform(a, b, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """N(mean, std²)."""
    return _fill(tensor, numpy_generator(generator).normal(mean, std, tensor.shape))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """U(−a, a) with a = gain·√(6 / (fan_in + fan_out)).

    References
    ----------
    Glorot and Bengio, Understanding the difficulty of training deep feedforward networks, 2010, eq. (16).
    """
    bound = gain * math.sqrt(6 / max(sum(_fans(tensor)), 1))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """N(0, gain²·2 / (fan_in + fan_out))."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / max(sum(_fans(tensor)), 1)), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """U(−b, b) with b = gain·√(3 / fan).

    Parameters
    ----------
    a : slope of the negative side of ``leaky_relu``
    mode : ``"fan_in"`` keeps the variance forwards, ``"fan_out"`` backwards
    nonlinearity : see :func:`calculate_gain`

    References
    ----------
    He et al., Delving deep into rectifiers, 2015, eq. (10), (14).
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """N(0, gain² / fan); parameters as in :func:`kaiming_uniform_`."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def bilinear_(tensor: Tensor) -> Tensor:
    """The filter with which a transposed convolution interpolates bilinearly, channel by channel.

    For a weight (C, C, KH, KW), or (C, 1, KH, KW) with ``groups=C``; with stride s use a kernel of 2s − s % 2.

    References
    ----------
    Long et al., Fully convolutional networks for semantic segmentation, 2015, section 3.3.
    """
    if tensor.ndim != 4 or tensor.shape[1] not in (1, tensor.shape[0]):
        raise ValueError(f"bilinear_: the weight must be (C, C, KH, KW) or (C, 1, KH, KW), not {tensor.shape}")
    kernel = np.outer(*(_triangle(size) for size in tensor.shape[2:]))
    weight = np.zeros(tensor.shape)
    for channel in range(tensor.shape[0]):
        weight[channel, channel if tensor.shape[1] > 1 else 0] = kernel
    return _fill(tensor, weight)


def fan_in_uniform_(weight: Tensor, bias: Tensor | None = None, generator: Generator | None = None) -> None:
    """PyTorch's default of linear and convolution layers: both U(−1/√fan_in, 1/√fan_in)."""
    bound = 1 / math.sqrt(max(_fans(weight)[0], 1))
    uniform_(weight, -bound, bound, generator)
    if bias is not None:
        uniform_(bias, -bound, bound, generator)


def _triangle(size: int) -> np.ndarray:
    factor = (size + 1) // 2
    centre = factor - 1 if size % 2 else factor - 0.5
    return 1 - np.abs(np.arange(size) - centre) / factor


def _fans(tensor: Tensor) -> tuple[int, int]:
    """Inputs of one output, outputs of one input."""
    if tensor.ndim < 2:
        raise ValueError(f"the fan of a tensor of shape {tensor.shape} is not defined: 2 dimensions (out, in) at least")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"kaiming: mode is 'fan_in' or 'fan_out', not {mode!r}")
    fan = _fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan, 1))


def _fill(tensor: Tensor, values: np.ndarray) -> Tensor:
    tensor._data[...] = values
    note_write(tensor._data, "nn.init")
    return tensor
