"""What becomes of the gradients that reach the leaves: they are added to ``.grad``, without a copy where nobody else
holds them."""

from __future__ import annotations

from collections.abc import Sequence
from sys import getrefcount
from typing import Any

import numpy as np

from .graph import Node, accumulated
from .kernels.blocks import copied
from .modes import modes
from .tensor import Tensor, wrap


def accumulate(tensor: Tensor, gradient: Tensor, create_graph: bool) -> None:
    """Add to ``.grad`` of a leaf, and call those who wait for it."""
    if tensor._grad is None:
        tensor._grad = gradient
    else:
        outer = modes.grad_enabled
        try:
            modes.grad_enabled = create_graph
            tensor._grad = tensor._grad + gradient
        finally:
            modes.grad_enabled = outer
    node = tensor._node
    if node is not None and node.hooks is not None and node in accumulated:
        for hook in list(accumulated[node].values()):
            hook(tensor)


def accumulate_array(tensor: Tensor, gradient: Any, ours: bool) -> None:
    """The same with an array, which becomes ``.grad`` itself if nobody else holds it."""
    gradient = np.asarray(gradient) if ours or tensor._grad is not None else copied(gradient)
    accumulate(tensor, wrap(gradient, None), False)


def is_ours(found: dict[Node, Any], node: Node, reshaped: bool = True) -> bool:
    """Whether only ``found`` holds the gradient of ``node``: an array of its own or, with ``reshaped``, another shape
    of one that nothing else holds."""
    alone = _references(found, node) == _ALONE
    g = found[node]
    return alone and type(g) is np.ndarray and (g.base is None or (reshaped and _is_all_of_its_base(g)))


def _is_all_of_its_base(g: np.ndarray) -> bool:
    whole = type(g.base) is np.ndarray and g.base.base is None and g.base.size == g.size and g.flags.c_contiguous
    return whole and _references_to_base(g) == _ALONE_AS_BASE


def own(found: dict[Node, Any], node: Node) -> np.ndarray:
    """The gradient of ``node`` as an array that nobody else holds: itself, or else a copy."""
    return found[node] if is_ours(found, node) else copied(found[node])


def zero_grad(tensors: Sequence[Tensor], set_to_none: bool) -> None:
    """Forget the gradients of leaves, or set them to zero."""
    for tensor in tensors:
        if tensor._grad is not None:
            # a new array: the old one may be held by somebody else
            tensor._grad = None if set_to_none else wrap(np.zeros_like(tensor._data), None)


def _references(found: dict, key: Any) -> int:
    g = found[key]
    return getrefcount(g)


def _references_to_base(g: np.ndarray) -> int:
    base = g.base
    return getrefcount(base)


# of what only a dictionary, or only a view, holds; the numbers depend on the Python
_ALONE = _references({0: np.empty(1)}, 0)
_ALONE_AS_BASE = _references_to_base(np.empty(2).reshape(1, 2))
