"""Batching rules of the ops on images (N, C, H, W): the samples become images, channels or groups, as the op allows."""

from __future__ import annotations

from typing import Any

import numpy as np

from .batched import expand, move
from .batching import Call, one_by_one, rule
from .ops.layout import _reshape

# --- images do not see each other: samples are more images -----------------------------------------------------------

# settings that hold one entry for each image, beside the images
_PER_IMAGE = {"plane_gather": "indices", "plane_scatter_add": "indices", "max_unpool2d": "indices",
              "cross_entropy_losses": "targets"}  # fmt: skip


@rule(
    "max_pool2d", "plane_gather", "plane_scatter_add", "max_unpool2d", "avg_pool2d", "avg_pool2d_input", "bed_of_nails",
    "pick_nails", "resize2d", "resize2d_adjoint", "cross_entropy_losses",
)  # fmt: skip
def _images(call: Call) -> Any:
    (x,), changed = call.values, {}
    if name := _PER_IMAGE.get(call.op.name):
        entries = call.settings[name]
        changed[name] = np.broadcast_to(entries, (call.size, *entries.shape)).reshape(-1, *entries.shape[1:])
    images = x.shape[1]
    out = call.run([_reshape(x, shape=(call.size * images, *x.shape[2:]))], **changed)  # (B·N, C, H, W)
    parts = out if isinstance(out, tuple) else (out,)
    parts = tuple(_reshape(part, shape=(call.size, images, *part.shape[1:])) for part in parts)
    return parts if call.op.residuals else parts[0]


@rule("batch_norm", "batch_norm_with")
def _batch_norm(call: Call) -> Any:
    """Channels are normalised each by itself: samples are more channels."""
    x, *affine = call.every()
    n, c = x.shape[1:3]
    wide = _reshape(move(x, 0, 1), shape=(n, call.size * c, *x.shape[3:]))  # (N, B·C, ...)
    given = {name: np.tile(call.settings[name], call.size) for name in ("mean", "var") if name in call.settings}
    out = call.run([wide, *(None if v is None else _reshape(v, shape=(-1,)) for v in affine)], **given)
    out, *stats = out if call.op.residuals else (out,)
    out = move(_reshape(out, shape=(n, call.size, c, *x.shape[3:])), 1, 0)
    return (out, *(_reshape(s, shape=(call.size, c)) for s in stats)) if call.op.residuals else out


@rule("group_norm", "layer_norm")
def _each_alone(call: Call) -> Any:
    """Images and rows are normalised each by itself: those of all samples in a row."""
    if any(call.batched[1:]):
        return one_by_one(call)
    x, *affine = call.values
    parts = call.run([_fold(x, 0), *affine])
    return tuple(_unfold(part, 0, call.size) for part in parts)


# --- the convolution family: T(x, w, z) is linear in each -----------------------------------------------------------
# x (N, C, H, W), w (O, C/G, KH, KW), z (N, O, OH, OW). Each of the three ops takes two of them and gives the third.
# Where both are batched, samples are groups. Where one is, samples extend a dimension that only it shares with the
# result: N for images, O for z and w, C for x and w (these two need one group, or the groups would be torn apart).


@rule("conv2d")
def _conv2d(call: Call) -> Any:
    x, w = call.values
    if call.batched == [True, False]:
        return _unfold(call.run([_fold(x, 0), w]), 0, call.size)
    if call.batched == [False, True] and call.settings["groups"] == 1:
        return _unfold(call.run([x, _fold(w, 0)]), 1, call.size)
    return _as_groups(call, [1, 0], 1)


@rule("conv2d_input")
def _conv2d_input(call: Call) -> Any:
    z, w = call.values
    if call.batched == [True, False]:
        return _unfold(call.run([_fold(z, 0), w]), 0, call.size)
    if call.batched == [False, True] and call.settings["groups"] == 1:
        return _unfold(call.run([z, _fold(w, 1)]), 1, call.size)
    return _as_groups(call, [1, 0], 1)


@rule("conv2d_weight")
def _conv2d_weight(call: Call) -> Any:
    z, x = call.values
    if call.batched == [True, False] and call.settings["groups"] == 1:
        return _unfold(call.run([_fold(z, 1), x]), 0, call.size)
    if call.batched == [False, True] and call.settings["groups"] == 1:
        return _unfold(call.run([z, _fold(x, 1)]), 1, call.size)
    return _as_groups(call, [1, 1], 0)


def _as_groups(call: Call, dims: list[int], out_dim: int) -> Any:
    """Every sample as groups of its own: its output channels see its input channels only."""
    values = [v if b else expand(v, call.size) for v, b in zip(call.values, call.batched)]
    if not call.size:
        return one_by_one(call)
    folded = [_fold(v, dim) for v, dim in zip(values, dims)]
    return _unfold(call.run(folded, groups=call.size * call.settings["groups"]), out_dim, call.size)


def _fold(x: Any, dim: int) -> Any:
    """``(B, ..., n, ...)`` to ``(..., B·n, ...)`` with n at ``dim`` of a sample."""
    x = move(x, 0, dim)
    return _reshape(x, shape=(*x.shape[:dim], x.shape[dim] * x.shape[dim + 1], *x.shape[dim + 2 :]))


def _unfold(x: Any, dim: int, size: int) -> Any:
    """The undoing of :func:`_fold`."""
    x = _reshape(x, shape=(*x.shape[:dim], size, x.shape[dim] // size if size else 0, *x.shape[dim + 1 :]))
    return move(x, dim, 0)
