"""Arrays that kernels make for themselves, and where those of their callers lie.

``np.empty`` and ``reshape`` are functions written in Python, which Numba types and compiles for each dtype and rank, in
a tenth to a fifth of a second. These are a handful of instructions.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.core.imputils import impl_ret_borrowed, impl_ret_new_ref
from numba.np.arrayobj import make_array, populate_array

from .vectors import constant, intrinsic

_ALIGNMENT = 64  # bytes: a line of the cache, and the widest vector


@intrinsic
def scratch(typing_context, size, dtype):
    """``np.empty(size, dtype)``"""
    result = types.Array(dtype.dtype, 1, "C")

    def generate(context, builder, signature, args):
        element = context.get_data_type(result.dtype)
        itemsize = constant(context.get_abi_sizeof(element))
        owner = context.nrt.meminfo_alloc_aligned(builder, builder.mul(args[0], itemsize), _ALIGNMENT)
        data = builder.bitcast(context.nrt.meminfo_data(builder, owner), element.as_pointer())
        array = _array(context, builder, result, data, args[0], itemsize, owner)
        return impl_ret_new_ref(context, builder, result, array)

    return result(types.int64, dtype), generate


@intrinsic
def flattened(typing_context, array):
    """``array.reshape(-1)`` of an array in row-major order."""
    if array.layout != "C":
        raise TypingError(f"flattened: an array in row-major order, not {array}")
    result = array.copy(ndim=1)

    def generate(context, builder, signature, args):
        source = make_array(array)(context, builder, args[0])
        view = _array(context, builder, result, source.data, source.nitems, source.itemsize, source.meminfo)
        return impl_ret_borrowed(context, builder, result, view)

    return result(array), generate


@intrinsic
def address(typing_context, array):
    """Where the first element of an array is, in bytes."""

    def generate(context, builder, signature, args):
        return builder.ptrtoint(make_array(array)(context, builder, args[0]).data, constant(0).type)

    return types.int64(array), generate


@intrinsic
def place_of(typing_context, array_object):
    """The address of the elements of an array object, given as ``id(x)``.

    It stands behind the head of every object, where each extension that is compiled with NumPy's headers reads it. To
    ask for it in Python takes a microsecond an array, half of a small step of an optimizer.
    """

    def generate(context, builder, signature, args):
        place = builder.add(args[0], constant(object.__basicsize__))
        return builder.load(builder.inttoptr(place, place.type.as_pointer()))

    return types.int64(types.int64), generate


def _array(
    context: Any, builder: Any, kind: Any, data: ir.Value, size: ir.Value, itemsize: ir.Value, owner: ir.Value
) -> Any:
    array = make_array(kind)(context, builder)
    populate_array(array, data=data, shape=[size], strides=[itemsize], itemsize=itemsize, meminfo=owner)
    return array._getvalue()
