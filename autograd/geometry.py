"""All shape arithmetic of convolution, pooling and resizing, in plain Python integers (which do not overflow).

Every function refuses bad settings before memory is touched: TypeError for kinds, ValueError for values, with the name
of the operation and the numbers that disagree. Canonical settings have an entry for each spatial dimension: in a plane
``stride=(sh, sw)``, ``padding=((top, bottom), (left, right))``, ``dilation=(dh, dw)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from operator import index
from typing import Any

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]
Sizes = tuple[int, ...]  # one for each spatial dimension
Paddings = tuple[Pair, ...]

# More elements than any memory holds, few enough that the byte count of a float64 array still fits in an int64.
_MOST_ELEMENTS = 2**46


def integer(value: Any, name: str) -> int:
    """``value`` as a Python int; a bool or a float is refused."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None


def sizes(value: Any, name: str, count: int, *, least: int | None = None) -> Sizes:
    """``value`` for each of ``count`` spatial dimensions: an integer counts for all.

    Raises TypeError if it is neither an integer nor a sequence of integers, ValueError if it has not ``count`` entries
    or one is below ``least``.
    """
    if type(value) is int:  # the usual cases first: asking for a sequence takes a microsecond
        found = (value,) * count
    elif type(value) is tuple and len(value) == count and set(map(type, value)) == {int}:
        found = value
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != count:
            several = {1: "a sequence of one", 2: "a pair of integers"}.get(count, f"{count} integers")
            raise ValueError(f"{name} must be an integer or {several}, got {value!r}")
        found = tuple(integer(v, name) for v in value)
    else:
        found = (integer(value, name),) * count
    if least is not None and min(found) < least:
        raise ValueError(f"{name} must be at least {least}, got {value!r}")
    return found


def pair(value: Any, name: str, *, least: int | None = None) -> Pair:
    """``value`` as (vertical, horizontal): see :func:`sizes`."""
    vertical, horizontal = sizes(value, name, 2, least=least)
    return vertical, horizontal


def resolve_padding(padding: Any, kernel: Sizes, stride: Sizes, dilation: Sizes, op: str = "conv2d") -> Paddings:
    """``padding`` as (before, after) for each dimension; in a plane ((top, bottom), (left, right)).

    padding : ``"valid"`` (none), ``"same"`` (the output has the input's size), an integer, one for each dimension, or
        the canonical form itself, which may be asymmetric.

    ``"same"`` needs d·(k − 1) rows in total; an odd one out goes to the bottom and the right, as in PyTorch. It is
    refused with a stride, because the report's eq. 6 then gives no single answer.
    """
    count = len(kernel)
    if type(padding) is int and padding >= 0:  # the usual case
        return ((padding, padding),) * count
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * count
        if padding != "same":
            raise ValueError(f"{op}: padding must be 'same', 'valid' or integers, got {padding!r}")
        if any(s != 1 for s in stride):
            raise ValueError(f"{op}: padding='same' needs stride 1, got stride={stride}; give the padding in numbers")
        totals = [d * (k - 1) for d, k in zip(dilation, kernel)]
        return tuple((total // 2, total - total // 2) for total in totals)
    name = f"{op}: padding"
    # a tuple is asked for by itself, because it is found out much sooner
    pairs = isinstance(padding, (tuple, Sequence)) and len(padding) == count
    if pairs and isinstance(padding[0], (tuple, Sequence)):
        return tuple([pair(both, name, least=0) for both in padding])
    return tuple([(p, p) for p in sizes(padding, name, count, least=0)])


def conv_output_size(size: Sizes, kernel: Sizes, stride: Sizes, padding: Paddings, dilation: Sizes) -> Sizes:
    """The sizes of a convolution's output: ⌊(N + p − d·(f − 1) − 1)/s⌋ + 1, p the padding of both sides.

    Report eq. 6 with symmetric padding and d = 1; its eq. 4-5 ('valid' gives N + f − 1) are misprints of N − f + 1. The
    result is not checked and may be zero or negative.
    """
    return tuple(
        (n + before + after - d * (k - 1) - 1) // s + 1
        for n, k, s, (before, after), d in zip(size, kernel, stride, padding, dilation)
    )


def conv_transpose_output_size(
    size: Sizes,
    kernel: Sizes,
    stride: Sizes,
    padding: Paddings,
    output_padding: Sizes,
    dilation: Sizes,
    op: str = "conv_transpose2d",
) -> Sizes:
    """The sizes of a transposed convolution's output: (n − 1)·s − p + d·(k − 1) + output_padding + 1.

    Several input sizes of a strided convolution share one output size; ``output_padding`` says which of them is meant,
    so it must be smaller than the stride or the dilation. The additional outputs are real ones, at the end of each
    dimension (the bottom and the right).
    """
    for extra, s, d in zip(output_padding, stride, dilation):
        if not 0 <= extra < max(s, d):
            raise ValueError(
                f"{op}: output_padding must be smaller than stride or dilation, got "
                f"output_padding={output_padding}, stride={stride}, dilation={dilation}"
            )
    outputs = tuple(
        (n - 1) * s - before - after + d * (k - 1) + extra + 1
        for n, k, s, (before, after), extra, d in zip(size, kernel, stride, padding, output_padding, dilation)
    )
    if min(outputs) < 1:
        raise ValueError(
            f"{op}: the output would have size {outputs}; input size {size}, kernel {kernel}, "
            f"stride={stride}, padding={padding}, dilation={dilation}"
        )
    return outputs


def pool_output_size(
    op: str, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1), ceil_mode: bool = False
) -> Pair:
    """Rows and columns of a pooling's output: report eq. 7, ⌊(N + 2p − d·(f − 1) − 1)/s⌋ + 1.

    With ``ceil_mode`` the division rounds up, but a last window that would start in the padding behind the input is
    left out: kernel 2, stride 2, padding 1 makes 1, 2, 3 outputs of 1, 3, 5 inputs.

    Raises ValueError if the padding is more than half of the kernel (a window could lie in the padding alone), or if
    the output would be empty.
    """
    _at_least_one(op, kernel=kernel, stride=stride, dilation=dilation)
    if min(padding) < 0 or any(2 * p > k for p, k in zip(padding, kernel)):
        raise ValueError(
            f"{op}: padding must be between 0 and half of the kernel, got padding={padding}, kernel={kernel}"
        )
    outputs = []
    for n, k, s, p, d in zip(size, kernel, stride, padding, dilation):
        room = n + 2 * p - d * (k - 1) - 1
        count = (room + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (count - 1) * s >= n + p:
            count -= 1
        outputs.append(count)
    if min(outputs) < 1:
        raise ValueError(
            f"{op}: the output would have size {tuple(outputs)}; input size {size}, kernel={kernel}, stride={stride}, "
            f"padding={padding}, dilation={dilation}"
        )
    return outputs[0], outputs[1]


# The spatial dimensions of an input and of a filter, by their number.
FORMS = {1: ("L", "K"), 2: ("H, W", "KH, KW"), 3: ("D, H, W", "KD, KH, KW")}


def check_conv(
    op: str,
    x: Sequence[int],
    w: Sequence[int],
    stride: Sizes,
    padding: Paddings,
    dilation: Sizes,
    groups: int,
    spatial: int = 2,
) -> Sizes:
    """The shape (N, O, OH, OW) of a convolution of x (N, C, H, W) and w (O, C/groups, KH, KW), or an error.

    spatial : the number of dimensions besides the first two of each.
    """
    return _conv_shape(
        op, tuple(x), tuple(w), tuple(stride), tuple(map(tuple, padding)), tuple(dilation), groups, spatial
    )


@lru_cache(maxsize=1024)  # the checks took as long as a small convolution
def _conv_shape(
    op: str, x: Sizes, w: Sizes, stride: Sizes, padding: Paddings, dilation: Sizes, groups: int, spatial: int
) -> Sizes:
    ndim = 2 + spatial
    shapes = f"x.shape={x}, w.shape={w}"
    if len(x) != ndim or len(w) != ndim:
        image, kernel = FORMS[spatial]
        raise ValueError(
            f"{op}: x must have {ndim} dimensions (N, C, {image}) and w {ndim} (O, C/groups, {kernel}); {shapes}"
        )
    if groups < 1:
        raise ValueError(f"{op}: groups must be at least 1, got {groups}")
    _at_least_one(op, kernel=w[2:], stride=stride, dilation=dilation)
    if min(side for both in padding for side in both) < 0:
        raise ValueError(f"{op}: padding must not be negative, got padding={padding}")
    if x[1] != w[1] * groups:
        raise ValueError(
            f"{op}: x has {x[1]} channels but w expects {w[1] * groups} (w.shape[1]={w[1]} × groups={groups}); {shapes}"
        )
    if w[0] % groups:
        raise ValueError(f"{op}: w has {w[0]} output channels, which groups={groups} does not divide; {shapes}")
    outputs = conv_output_size(x[2:], w[2:], stride, padding, dilation)
    padded = tuple(n + sum(both) for n, both in zip(x[2:], padding))
    if min(outputs) < 1:
        reach = tuple(d * (k - 1) + 1 for d, k in zip(dilation, w[2:]))
        raise ValueError(
            f"{op}: the kernel reaches over {reach} pixels but the padded input has only {padded}; {shapes}, "
            f"padding={padding}, dilation={dilation}"
        )
    shape = (x[0], w[0], *outputs)
    check_size(op, shape)
    check_size(op, (x[0], x[1], *padded), "the padded input")
    return shape


def check_conv_adjoint(
    op: str,
    z: Sequence[int],
    x: Sequence[int],
    w: Sequence[int],
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: int,
) -> None:
    """Check that ``z`` has the shape of ``conv2d`` on x and w: what its two adjoints need."""
    z = tuple(z)
    if len(z) != 4:
        raise ValueError(f"{op}: z must have 4 dimensions (N, O, OH, OW); z.shape={z}")
    expected = check_conv(op, x, w, stride, padding, dilation, groups)
    if z != expected:
        raise ValueError(
            f"{op}: z has shape {z} but a convolution of x.shape={tuple(x)} with w.shape={tuple(w)}, stride={stride}, "
            f"padding={padding}, dilation={dilation}, groups={groups} gives {expected}"
        )


def check_size(op: str, shape: Sequence[int], what: str = "the result") -> None:
    """Refuse a shape whose memory could not even be counted, before anything is allocated."""
    if prod(shape) > _MOST_ELEMENTS:
        raise ValueError(f"{op}: {what} would have shape {tuple(shape)}, {prod(shape)} elements")


def _at_least_one(op: str, **settings: Sequence[int]) -> None:
    for name, values in settings.items():
        if min(values) < 1:
            raise ValueError(f"{op}: {name} must be at least 1, got {tuple(values)}")
