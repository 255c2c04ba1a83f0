"""Gradient descent, with momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import kernels

from .optimizer import Entry, Optimizer, Params, check_range


class SGD(Optimizer):
    """Gradient descent: full-batch, mini-batch or stochastic by what the loss was computed from.

    ::

        p ← p − lr·g                                   report eq. (32), (33)
        v ← g first, then μ·v + (1 − dampening)·g      like="torch"
        v ← μ·v + (1 − μ)·g, from v = 0                like="report", eq. (34), (35)
        p ← p − lr·v,  nesterov: p ← p − lr·(g + μ·v)  eq. (36), (37)

    At a constant ``lr``, "report" with ``lr`` equals "torch" with ``lr·(1 − momentum)``. ``dampening=momentum`` is not
    the report's form: PyTorch does not damp the first gradient.

    Parameters
    ----------
    params : parameters, ``named_parameters()``, or dicts with settings of their own
    lr : learning rate α
    momentum : μ, the report's β
    dampening : see above; ``like="torch"`` only
    weight_decay : λ, adds λp to the gradient
    nesterov : look ahead; needs momentum and no dampening
    maximize : go up instead of down
    like : ``"torch"`` or ``"report"``

    Raises
    ------
    ValueError : a setting out of range, or settings that contradict each other
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        like: str = "torch",
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, defaults | {"nesterov": nesterov, "maximize": maximize, "like": like})

    def _check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "momentum", "weight_decay"):
            check_range("SGD", name, group[name])
        if group["like"] not in ("torch", "report"):
            raise ValueError(f"SGD: like is 'torch' or 'report', not {group['like']!r}")
        if group["nesterov"] and (not group["momentum"] or group["dampening"]):
            raise ValueError("SGD: nesterov needs momentum > 0 and dampening = 0")
        if group["like"] == "report":
            check_range("SGD", "momentum", group["momentum"], below=1)
            if group["nesterov"] or group["dampening"]:
                raise ValueError("SGD: like='report' has neither nesterov nor dampening; they are of like='torch'")

    def _update(self, entries: list[Entry], group: dict[str, Any]) -> None:
        lr, momentum, decay = float(group["lr"]), float(group["momentum"]), float(group["weight_decay"])
        report = group["like"] == "report"
        share = 1 - (momentum if report else float(group["dampening"]))
        rows = []
        for p, g, state in entries:
            first = momentum and "momentum_buffer" not in state
            if first:
                state["momentum_buffer"] = np.zeros(p.shape, p.dtype)
            kept, added = (0.0, 1.0) if first and not report else (momentum, share)
            written = [p, state["momentum_buffer"]] if momentum else [p]
            rows.append(([g], written, (lr, kept, added, momentum, decay)))
        variant = (bool(group["maximize"]), decay != 0, momentum != 0, bool(group["nesterov"]))
        kernels.together.run(kernels.update.sgd(*variant), rows)
