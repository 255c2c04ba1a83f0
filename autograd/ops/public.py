"""What a user calls as ``autograd.something``: the names are PyTorch's."""
# ruff: noqa: F401  (the names are here for others to import)

from .activation import leaky_relu, log_softmax, relu, softmax, softplus
from .compare import (
    allclose,
    bitwise_and,
    bitwise_not,
    bitwise_or,
    bitwise_xor,
    clamp,
    eq,
    equal,
    ge,
    gt,
    isclose,
    isfinite,
    isinf,
    isnan,
    le,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    lt,
    maximum,
    minimum,
    ne,
    where,
)
from .creation import (
    arange,
    empty,
    empty_like,
    eye,
    full,
    full_like,
    is_tensor,
    linspace,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    zeros,
    zeros_like,
)
from .elementwise import (
    abs,
    add,
    ceil,
    cos,
    cosh,
    div,
    exp,
    expm1,
    floor,
    floor_divide,
    fmod,
    log,
    log1p,
    log2,
    log10,
    mul,
    neg,
    pow,
    reciprocal,
    remainder,
    round,
    rsqrt,
    sigmoid,
    sign,
    sin,
    sinh,
    sqrt,
    square,
    sub,
    tan,
    tanh,
    trunc,
)
from .erf import erf
from .extremes import amax, amin, argmax, argmin, cumsum, max, min, prod
from .index import (
    gather,
    index_add,
    index_select,
    masked_fill,
    masked_select,
    nonzero,
    one_hot,
    scatter_add,
    take_along_dim,
)
from .join import cat, chunk, pad, repeat, split, stack, tile, unbind
from .layout import (
    broadcast_to,
    clone,
    expand,
    flatten,
    flip,
    movedim,
    permute,
    reshape,
    roll,
    squeeze,
    t,
    transpose,
    tril,
    triu,
    unflatten,
    unsqueeze,
)
from .linalg import bmm, dot, einsum, matmul, mm, mv, outer
from .reduce import all, any, count_nonzero, logsumexp, mean, norm, std, sum, var

absolute, clip, concat, concatenate, divide, multiply, negative, subtract, swapaxes, true_divide = (
    abs, clamp, cat, cat, div, mul, neg, sub, transpose, div
)  # fmt: skip

__all__ = [name for name in dir() if not name.startswith("_") and callable(globals()[name])]
