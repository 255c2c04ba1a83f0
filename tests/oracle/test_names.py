"""Every promised function is there by PyTorch's name, with PyTorch's argument names, as a method too, and compared."""

from __future__ import annotations

import inspect
import re

import pytest
import torch

import autograd
import nn.functional

from .surface.catalogue import SPECS
from .surface.spec import find_path

SURFACE = """
    add sub mul div true_divide floor_divide remainder fmod pow neg abs sign exp exp2 expm1 log log2 log10 log1p
    sqrt rsqrt square reciprocal sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh sigmoid erf erfc
    lgamma digamma clamp clamp_min clamp_max maximum minimum fmax fmin where lerp addcmul addcdiv hypot logaddexp
    xlogy floor ceil round trunc frac nan_to_num isnan isinf isfinite isclose allclose eq ne lt le gt ge logical_and
    logical_or logical_not logical_xor bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_left_shift
    bitwise_right_shift sum mean prod amax amin max min argmax argmin var std var_mean std_mean median quantile
    cumsum cumprod cummax cummin logcumsumexp logsumexp softmax log_softmax norm linalg.norm linalg.vector_norm all
    any count_nonzero sort argsort topk kthvalue unique bincount histc matmul mm bmm mv dot outer inner addmm
    baddbmm einsum tensordot kron linalg.inv linalg.solve linalg.det linalg.slogdet linalg.cholesky linalg.qr
    linalg.svd linalg.eigh linalg.pinv linalg.matrix_norm reshape Tensor.view flatten unflatten ravel transpose
    permute t Tensor.mT movedim swapaxes squeeze unsqueeze Tensor.expand Tensor.expand_as broadcast_to cat stack
    hstack vstack split tensor_split chunk unbind Tensor.repeat repeat_interleave tile roll flip rot90 narrow select
    diagonal diag diag_embed tril triu meshgrid Tensor.unfold nn.functional.pad index_select index_add index_copy
    index_fill index_put gather scatter scatter_add scatter_reduce take take_along_dim masked_fill masked_select
    masked_scatter nonzero nn.functional.one_hot searchsorted zeros ones full empty arange linspace eye rand randn
    randint randperm bernoulli normal multinomial zeros_like ones_like full_like empty_like rand_like randn_like
    randint_like Tensor.add_ Tensor.sub_ Tensor.mul_ Tensor.div_ Tensor.zero_ Tensor.copy_ Tensor.fill_
"""
NAMES = SURFACE.split()
# of memory that is not there: another device, complex numbers, sparse tensors, names of dimensions
ELSEWHERE = {
    "out",
    "layout",
    "device",
    "pin_memory",
    "memory_format",
    "driver",
    "hermitian",
    "sparse_grad",
}
# names that PyTorch documents but does not take
NOT_TAKEN = {"true_divide": {"dividend", "divisor"}, "broadcast_to": {"shape"}, "searchsorted": {"values"}}
NO_FUNCTION = ("Tensor.", "nn.functional.")


def signature(path: str) -> set[str]:
    """The argument names of a function here."""
    function = find_path(nn if path.startswith("nn.") else autograd, path.removeprefix("nn."))
    function = getattr(function, "forward", function)
    return set(inspect.signature(function).parameters)


def documented(path: str) -> set[str]:
    """The argument names that PyTorch's documentation gives in the first line: ``add(input, other, *, alpha=1)``."""
    text = inspect.getdoc(find_path(torch, path)) or ""
    found = re.match(rf"\s*(?:torch\.)?(?:[\w.]+\.)?{path.rpartition('.')[2]}\(([^)]*)", text)
    names = [part.split("=")[0].strip() for part in (found.group(1) if found else "").split(",")]
    return {name for name in names if name.isidentifier()}


@pytest.mark.parametrize("path", NAMES)
def test_the_function_is_there(path):
    find_path(nn if path.startswith("nn.") else autograd, path.removeprefix("nn."))


@pytest.mark.parametrize("path", NAMES)
def test_it_is_a_method_where_pytorch_has_one(path):
    assert "." in path or not hasattr(torch.Tensor, path) or hasattr(autograd.Tensor, path)


@pytest.mark.parametrize("path", [path for path in NAMES if not path.startswith(NO_FUNCTION)])
def test_its_arguments_have_pytorchs_names(path):
    assert documented(path) - ELSEWHERE - NOT_TAKEN.get(path, set()) <= signature(path)


@pytest.mark.parametrize("path", NAMES)
def test_it_is_compared(path):
    name = path.removeprefix("Tensor.")
    assert {name, f"method {name}", f"property {name}"} & {spec.name for spec in SPECS}


def test_every_in_place_form_of_an_op_is_there():
    """Those that turn or squeeze a tensor in its memory are not: a view has a shape of its own."""
    views = {f"{name}_" for name in ("squeeze", "unsqueeze", "transpose", "t", "swapaxes", "swapdims", "detach")}
    theirs = {name for name in dir(torch.Tensor) if name.endswith("_") and not name.startswith("_")}
    ours = {name for name in theirs if hasattr(autograd, name[:-1]) and callable(getattr(autograd, name[:-1]))}
    assert not {name for name in ours if not hasattr(autograd.Tensor, name)} - views - {"random_"}
