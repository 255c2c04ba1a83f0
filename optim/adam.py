"""Adam: momentum and RMSProp together, both corrected for having started at zero."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from autograd import kernels

from .optimizer import Entry, Optimizer, Params, check_range


class Adam(Optimizer):
    """Adam::

        v ← β₁·v + (1 − β₁)·g              report eq. (42), (43)
        s ← β₂·s + (1 − β₂)·g²             eq. (44), (45)
        vᶜ = v / (1 − β₁ᵗ)                 eq. (46)
        sᶜ = s / (1 − β₂ᵗ)                 eq. (47), printed there with β₁
        p ← p − lr·vᶜ / (√sᶜ + ε)          eq. (48), (49), printed there with √s

    Parameters
    ----------
    params : parameters, ``named_parameters()``, or dicts with settings of their own
    lr, betas, eps : see the equations; ε stands outside the square root
    weight_decay : λ, adds λp to the gradient; :class:`AdamW` shrinks the parameter itself
    amsgrad : divide by the largest s so far
    maximize : go up instead of down

    Raises
    ------
    ValueError : a setting out of range

    References
    ----------
    Kingma and Ba, Adam: a method for stochastic optimization, 2015, algorithm 1.
    """

    _decoupled = False  # True: the decay shrinks the parameter itself

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults | {"amsgrad": amsgrad, "maximize": maximize})

    def _check(self, group: dict[str, Any]) -> None:
        caller = type(self).__name__
        for name in ("lr", "eps", "weight_decay"):
            check_range(caller, name, group[name])
        if len(group["betas"]) != 2:
            raise ValueError(f"{caller}: betas is a pair (beta1, beta2), not {group['betas']!r}")
        for i, beta in enumerate(group["betas"]):
            check_range(caller, f"betas[{i}]", beta, below=1)

    def _update(self, entries: list[Entry], group: dict[str, Any]) -> None:
        lr, beta1, beta2 = float(group["lr"]), float(group["betas"][0]), float(group["betas"][1])
        eps, decay = float(group["eps"]), float(group["weight_decay"])
        names = ("exp_avg", "exp_avg_sq") + ("max_exp_avg_sq",) * group["amsgrad"]
        shrink = 1 - lr * decay if self._decoupled else decay

        @cache  # most parameters have made the same number of steps
        def numbers(t: int) -> tuple[float, ...]:
            scales = (1 / math.sqrt(1 - beta2**t), eps, lr / (1 - beta1**t))
            return beta1, 1 - beta1, beta2, 1 - beta2, *scales, shrink

        rows = []
        for p, g, state in entries:
            if not state:
                state.update({"step": 0}, **{name: np.zeros(p.shape, p.dtype) for name in names})
            t = state["step"] = state["step"] + 1
            rows.append(([g], [p, *[state[name] for name in names]], numbers(t)))
        variant = (bool(group["maximize"]), decay != 0, self._decoupled, bool(group["amsgrad"]))
        kernels.together.run(kernels.update.adam(*variant), rows)


class AdamW(Adam):
    """Adam whose decay shrinks the parameter itself, ``p ← (1 − lr·λ)·p``, and leaves the moments alone.

    References
    ----------
    Loshchilov and Hutter, Decoupled weight decay regularization, 2019, algorithm 2.
    """

    _decoupled = True

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
