"""Containers of tensors: dicts, lists, tuples and named tuples, nested as you like. Anything else is a leaf.

So the parameters of a module (a dict), a batch (a tuple) or a pair of both can be one argument of a transform.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Spec(NamedTuple):
    """The form of a container: its type, its keys (of a dict), and the forms of what it holds."""

    kind: type | None  # None: a leaf
    keys: tuple
    children: tuple[Spec, ...]


LEAF = Spec(None, (), ())


def flatten(tree: Any) -> tuple[list, Spec]:
    """The leaves of ``tree`` in order, and its form."""
    leaves: list = []
    return leaves, _flatten(tree, leaves)


def _flatten(tree: Any, leaves: list) -> Spec:
    if isinstance(tree, dict):
        return Spec(type(tree), tuple(tree), tuple(_flatten(value, leaves) for value in tree.values()))
    if isinstance(tree, (list, tuple)):
        return Spec(type(tree), (), tuple(_flatten(value, leaves) for value in tree))
    leaves.append(tree)
    return LEAF


def unflatten(spec: Spec, leaves: Sequence[Any]) -> Any:
    """The tree of this form with these leaves."""
    return _unflatten(spec, iter(leaves))


def _unflatten(spec: Spec, leaves: Any) -> Any:
    if spec.kind is None:
        return next(leaves)
    values = [_unflatten(child, leaves) for child in spec.children]
    if issubclass(spec.kind, dict):
        return spec.kind(zip(spec.keys, values))
    if hasattr(spec.kind, "_fields"):  # a named tuple
        return spec.kind(*values)
    return spec.kind(values)  # type: ignore[call-arg]


def tree_map(function: Callable[[Any], Any], tree: Any) -> Any:
    """``function`` of every leaf, in a tree of the same form."""
    leaves, spec = flatten(tree)
    return unflatten(spec, [function(leaf) for leaf in leaves])


def spread(prefix: Any, spec: Spec) -> list | None:
    """One value of ``prefix`` for each leaf of a tree of form ``spec``; a value in place of a tree is for all of it.

    ``None`` where the two forms do not fit.
    """
    if spec.kind is None:
        return None if isinstance(prefix, (dict, list, tuple)) else [prefix]
    if isinstance(prefix, dict):
        if not issubclass(spec.kind, dict) or set(prefix) != set(spec.keys):
            return None
        parts = [spread(prefix[key], child) for key, child in zip(spec.keys, spec.children)]
    elif isinstance(prefix, (list, tuple)):
        if issubclass(spec.kind, dict) or len(prefix) != len(spec.children):
            return None
        parts = [spread(value, child) for value, child in zip(prefix, spec.children)]
    else:
        parts = [spread(prefix, child) for child in spec.children]
    return None if any(part is None for part in parts) else [value for part in parts for value in part or ()]
