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
