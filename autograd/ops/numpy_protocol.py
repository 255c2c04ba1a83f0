"""NumPy's own functions on Tensors: ``np.exp(t)``, ``np.sum(t, axis=0)``, ``array * t`` give Tensors and record.

One table says which op a NumPy function is. Whatever is not in it is an error that says so, never converted silently.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensor import Tensor
from . import (
    choosing,
    compare,
    counting,
    cumulative,
    elementwise,
    extremes,
    layout,
    numpy_arrays,
    pieces,
    reduce,
    sorting,
    special,
    statistics,
    trigonometry,
)

UFUNCS: dict[np.ufunc, Callable] = {
    np.add: elementwise._add,
    np.subtract: elementwise._sub,
    np.multiply: elementwise.mul,
    np.divide: elementwise._div,
    np.floor_divide: pieces.floor_divide,
    np.remainder: pieces.remainder,
    np.fmod: pieces.fmod,
    np.power: elementwise.pow,
    np.float_power: elementwise.pow,
    np.negative: elementwise.neg,
    np.positive: layout.clone,
    np.absolute: pieces.abs,
    np.fabs: pieces.abs,
    np.sign: pieces.sign,
    np.floor: pieces.floor,
    np.ceil: pieces.ceil,
    np.trunc: pieces.trunc,
    np.rint: pieces.round,
    np.copysign: pieces.copysign,
    np.heaviside: pieces._heaviside,
    np.signbit: pieces.signbit,
    np.square: elementwise.square,
    np.sqrt: elementwise.sqrt,
    np.reciprocal: elementwise.reciprocal,
    np.exp: elementwise.exp,
    np.exp2: elementwise.exp2,
    np.expm1: elementwise.expm1,
    np.log: elementwise.log,
    np.log1p: elementwise.log1p,
    np.log2: elementwise.log2,
    np.log10: elementwise.log10,
    np.sin: trigonometry.sin,
    np.cos: trigonometry.cos,
    np.tan: trigonometry.tan,
    np.sinh: trigonometry.sinh,
    np.cosh: trigonometry.cosh,
    np.tanh: trigonometry.tanh,
    np.arcsin: trigonometry.asin,
    np.arccos: trigonometry.acos,
    np.arctan: trigonometry.atan,
    np.arctan2: trigonometry.atan2,
    np.hypot: trigonometry.hypot,
    np.arcsinh: trigonometry.asinh,
    np.arccosh: trigonometry.acosh,
    np.arctanh: trigonometry.atanh,
    np.deg2rad: trigonometry.deg2rad,
    np.radians: trigonometry.deg2rad,
    np.rad2deg: trigonometry.rad2deg,
    np.degrees: trigonometry.rad2deg,
    np.logaddexp: special.logaddexp,
    np.logaddexp2: special.logaddexp2,
    np.maximum: compare.maximum,
    np.minimum: compare.minimum,
    np.fmax: choosing.fmax,
    np.fmin: choosing.fmin,
    np.equal: compare.eq,
    np.not_equal: compare.ne,
    np.less: compare.lt,
    np.less_equal: compare.le,
    np.greater: compare.gt,
    np.greater_equal: compare.ge,
    np.logical_and: compare.logical_and,
    np.logical_or: compare.logical_or,
    np.logical_xor: compare.logical_xor,
    np.logical_not: compare.logical_not,
    np.bitwise_and: compare.bitwise_and,
    np.bitwise_or: compare.bitwise_or,
    np.bitwise_xor: compare.bitwise_xor,
    np.invert: compare.bitwise_not,
    np.left_shift: compare.bitwise_left_shift,
    np.right_shift: compare.bitwise_right_shift,
    np.isnan: compare.isnan,
    np.isinf: compare.isinf,
    np.isfinite: compare.isfinite,
    **numpy_arrays.UFUNCS,
}


def _as_numpy(op: Callable) -> Callable:
    """An op under NumPy's argument names."""

    def function(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return op(a, axis=axis, keepdims=keepdims)

    return function


def _over_all_or_axis(over: Callable) -> Callable:
    def function(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return over(a, dim=axis, keepdim=keepdims)  # np.max gives values only: amax, which ties share

    return function


def _spread(op: Callable) -> Callable:
    def function(a: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
        return op(a, dim=axis, correction=ddof, keepdim=keepdims)  # NumPy divides by n where PyTorch divides by n − 1

    return function


def _in_order(op: Callable, a: Any, axis: int | None) -> Any:
    return op(layout.flatten(a), 0) if axis is None else op(a, axis)


def _plain(x: Any) -> Any:
    return x.detach().numpy() if isinstance(x, Tensor) else x


FUNCTIONS: dict[Callable, Callable] = {
    np.sum: _as_numpy(reduce.sum),
    np.mean: _as_numpy(reduce.mean),
    np.prod: _as_numpy(extremes.prod),
    np.any: _as_numpy(reduce.any),
    np.all: _as_numpy(reduce.all),
    np.argmax: _as_numpy(extremes.argmax),
    np.argmin: _as_numpy(extremes.argmin),
    np.max: _over_all_or_axis(extremes.amax),
    np.min: _over_all_or_axis(extremes.amin),
    np.amax: _over_all_or_axis(extremes.amax),
    np.amin: _over_all_or_axis(extremes.amin),
    np.var: _spread(reduce.var),
    np.std: _spread(reduce.std),
    np.cumsum: lambda a, axis=None: cumulative.cumsum(
        layout.flatten(a) if axis is None else a, 0 if axis is None else axis
    ),
    np.cumprod: lambda a, axis=None: cumulative.cumprod(
        layout.flatten(a) if axis is None else a, 0 if axis is None else axis
    ),
    np.nansum: lambda a, axis=None, keepdims=False: statistics.nansum(a, axis, keepdims),
    np.nanmean: lambda a, axis=None, keepdims=False: statistics.nanmean(a, axis, keepdims),
    np.sort: lambda a, axis=-1, kind=None: _in_order(sorting.sort, a, axis)[0],
    np.argsort: lambda a, axis=-1, kind=None: _in_order(sorting.argsort, a, axis),
    np.quantile: lambda a, q, axis=None, keepdims=False, method="linear": sorting.quantile(
        a, q, axis, keepdims, interpolation=method
    ),
    np.nanquantile: lambda a, q, axis=None, keepdims=False, method="linear": sorting.nanquantile(
        a, q, axis, keepdims, interpolation=method
    ),
    np.searchsorted: lambda a, v, side="left", sorter=None: counting.searchsorted(a, v, side=side, sorter=sorter),
    np.digitize: lambda x, bins, right=False: counting.bucketize(x, bins, right=not right),
    np.bincount: lambda x, weights=None, minlength=0: counting.bincount(x, weights, minlength),
    np.count_nonzero: lambda a, axis=None: reduce.count_nonzero(a, axis),
    np.where: compare.where,
    np.clip: lambda a, a_min=None, a_max=None, *, min=None, max=None: compare.clamp(
        a, a_min if min is None else min, a_max if max is None else max
    ),
    np.round: lambda a, decimals=0: pieces.round(a, decimals=decimals),
    np.fix: pieces.trunc,
    np.nan_to_num: lambda x, copy=True, nan=0.0, posinf=None, neginf=None: pieces.nan_to_num(x, nan, posinf, neginf),
    np.sinc: special.sinc,
    np.allclose: compare.allclose,
    np.isclose: compare.isclose,
    np.array_equal: lambda a1, a2: compare.equal(a1, a2),
    np.array2string: lambda a, *args, **options: np.array2string(_plain(a), *args, **options),
    np.array_repr: lambda arr, *args, **options: repr(arr),
    np.array_str: lambda a, *args, **options: str(a),
    **numpy_arrays.FUNCTIONS,
}


def name_of(function: Callable) -> str:
    """What a user calls: ``np.linalg.inv``."""
    module = (getattr(function, "__module__", None) or "numpy").replace("numpy", "np", 1)
    return f"{module}.{getattr(function, '__name__', function)}"


def _array_ufunc(self: Tensor, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    op = UFUNCS.get(ufunc)
    name = name_of(ufunc)
    if method != "__call__":
        if method == "reduce" and ufunc in _REDUCTIONS:
            return _REDUCTIONS[ufunc](*inputs, **_plain_options(kwargs, f"{name}.reduce", axis=0))
        raise TypeError(f"{name}.{method} is not covered for Tensors; detach().numpy() gives the array")
    if kwargs.pop("out", None) is not None:
        raise TypeError(
            f"{name}: an array cannot take the result of a recorded operation (out=, or a += t); write a = a + t"
        )
    if op is None:
        raise TypeError(f"{name} is not covered for Tensors; detach().numpy() gives the array")
    if kwargs:
        raise TypeError(f"{name}: the argument {next(iter(kwargs))!r} is not covered for Tensors")
    return op(*[np.asarray(x) if isinstance(x, (list, tuple)) else x for x in inputs])


_REDUCTIONS: dict[np.ufunc, Callable] = {
    np.add: FUNCTIONS[np.sum],
    np.multiply: FUNCTIONS[np.prod],
    np.maximum: FUNCTIONS[np.max],
    np.minimum: FUNCTIONS[np.min],
    np.logical_or: FUNCTIONS[np.any],
    np.logical_and: FUNCTIONS[np.all],
}


def _plain_options(kwargs: dict, name: str, **defaults: Any) -> dict:
    """Arguments without those that say nothing (``out=None``, ``dtype=None``, NumPy's no-value marks)."""
    options = {k: v for k, v in kwargs.items() if k == "axis" or (v is not None and v is not np._NoValue)}
    return {**defaults, **options}


def _array_function(self: Tensor, func: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
    op = FUNCTIONS.get(func)
    name = name_of(func)
    if op is None:
        raise TypeError(f"{name} is not covered for Tensors; detach().numpy() gives the array")
    try:
        return op(*args, **_plain_options(kwargs, name))
    except TypeError as error:
        if "unexpected keyword" in str(error) or "positional argument" in str(error):
            raise TypeError(f"{name} on Tensors: {str(error).split('() ')[-1]}") from None
        raise


Tensor.__array_ufunc__ = _array_ufunc  # type: ignore[attr-defined]
Tensor.__array_function__ = _array_function  # type: ignore[attr-defined]
