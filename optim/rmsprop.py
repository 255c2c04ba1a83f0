"""RMSProp: each coordinate's step is divided by the running size of its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import kernels

from .optimizer import Entry, Optimizer, Params, check_range


class RMSprop(Optimizer):
    """RMSProp, ε outside the square root::

        s ← α·s + (1 − α)·g²               report eq. (38), (39), its β is alpha here
        p ← p − lr·g / (√s + ε)            eq. (40), (41)

        centered:  √(s − m²), m ← α·m + (1 − α)·g
        momentum:  b ← μ·b + g / (√s + ε),  p ← p − lr·b

    Parameters
    ----------
    params : parameters, ``named_parameters()``, or dicts with settings of their own
    lr, alpha, eps, weight_decay, momentum, centered, maximize : see the equations; defaults are PyTorch's

    Raises
    ------
    ValueError : a setting out of range
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults | {"momentum": momentum, "centered": centered, "maximize": maximize})

    def _check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "eps", "weight_decay", "momentum"):
            check_range("RMSprop", name, group[name])
        check_range("RMSprop", "alpha", group["alpha"], below=1)

    def _update(self, entries: list[Entry], group: dict[str, Any]) -> None:
        alpha, momentum, decay = float(group["alpha"]), float(group["momentum"]), float(group["weight_decay"])
        names = ("square_avg",) + ("momentum_buffer",) * bool(momentum) + ("grad_avg",) * group["centered"]
        numbers = (alpha, 1 - alpha, float(group["eps"]), float(group["lr"]), momentum, decay)
        rows = []
        for p, g, state in entries:
            if not state:
                state.update({"step": 0}, **{name: np.zeros(p.shape, p.dtype) for name in names})
            state["step"] += 1
            rows.append(([g], [p, *(state[name] for name in names)], numbers))
        variant = (bool(group["maximize"]), decay != 0, momentum != 0, bool(group["centered"]))
        kernels.together.run(kernels.update.rmsprop(*variant), rows)


RMSProp = RMSprop  # the report's spelling
