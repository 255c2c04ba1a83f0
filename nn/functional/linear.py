"""The fully connected layer's function."""

from __future__ import annotations

from autograd.tensor import Tensor


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``y = x Wᵀ + b``: the linear map of report eq. (8), on vectors.

    Parameters
    ----------
    input : Tensor, shape (..., in_features)
    weight : Tensor, shape (out_features, in_features)
    bias : Tensor, shape (out_features,), optional

    Returns
    -------
    Tensor, shape (..., out_features)

    Raises
    ------
    ValueError : the last size of ``input`` is not ``in_features``
    """
    if weight.ndim != 2 or not input.ndim or input.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"linear: input has {input.shape[-1] if input.ndim else 'no'} features but weight expects "
            f"{weight.shape[-1]}; input.shape={input.shape}, weight.shape={weight.shape}"
        )
    y = input @ weight.T
    return y if bias is None else y + bias


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Make one dimension of ``start_dim`` to ``end_dim`` (report section 1.2.3).

    Raises
    ------
    ValueError : ``start_dim`` lies behind ``end_dim``, or one of them is out of range
    """
    n = max(input.ndim, 1)
    if not (-n <= start_dim < n and -n <= end_dim < n) or start_dim % n > end_dim % n:
        raise ValueError(f"flatten: dimensions {start_dim} to {end_dim} are no range in input.shape={input.shape}")
    start, end = start_dim % n, end_dim % n
    size = 1
    for extent in input.shape[start : end + 1]:
        size *= extent
    return input.reshape((*input.shape[:start], size, *input.shape[end + 1 :]))
