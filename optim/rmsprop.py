"""RMSProp: each coordinate's step is divided by the running size of its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import Optimizer, Params, check_range


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

    def _update(self, p: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]) -> None:
        alpha, momentum = float(group["alpha"]), float(group["momentum"])
        if not state:
            state["step"] = 0
            state["square_avg"] = np.zeros_like(p)
            if momentum:
                state["momentum_buffer"] = np.zeros_like(p)
            if group["centered"]:
                state["grad_avg"] = np.zeros_like(p)
        state["step"] += 1
        s, root = state["square_avg"], self._scratch(p, 2)
        s *= alpha
        np.multiply(g, g, out=root)
        root *= 1 - alpha
        s += root
        if group["centered"]:
            m = state["grad_avg"]
            m *= alpha
            m += np.multiply(g, 1 - alpha, out=root)
            np.subtract(s, np.multiply(m, m, out=root), out=root)
            np.sqrt(root, out=root)
        else:
            np.sqrt(s, out=root)
        root += float(group["eps"])
        step = np.divide(g, root, out=root)
        if momentum:
            b = state["momentum_buffer"]
            b *= momentum
            b += step
            step = np.multiply(b, float(group["lr"]), out=root)
        else:
            step *= float(group["lr"])
        p -= step


RMSProp = RMSprop  # the report's spelling
