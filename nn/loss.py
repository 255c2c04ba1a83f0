"""Losses as modules (report section 1.4); the functions in :mod:`nn.functional` say what each argument means."""

from __future__ import annotations

from typing import Any

from autograd.tensor import Tensor, as_tensor

from . import functional as F
from .functional.shapes import check_reduction
from .module import Module


class _Loss(Module):
    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        check_reduction(type(self).__name__, reduction)
        self.reduction = reduction

    def _factor(self, name: str, value: Any) -> None:
        """A given factor is a buffer: it is saved, and converted, with the module."""
        self.register_buffer(name, None if value is None else as_tensor(value))


class MSELoss(_Loss):
    """The mean squared error, report eq. (19), (20); see :func:`nn.functional.mse_loss`."""

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """The mean absolute error; see :func:`nn.functional.l1_loss`."""

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """Squared where small, absolute where large; see :func:`nn.functional.smooth_l1_loss`."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class CrossEntropyLoss(_Loss):
    """Categorical cross-entropy of logits, report eq. (24)-(27); see :func:`nn.functional.cross_entropy`."""

    def __init__(
        self,
        weight: Any = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
        all_ignored: str = "nan",
    ) -> None:
        super().__init__(reduction)
        self._factor("weight", weight)
        self.ignore_index, self.label_smoothing, self.all_ignored = ignore_index, label_smoothing, all_ignored

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
            all_ignored=self.all_ignored,
        )


class NLLLoss(_Loss):
    """The negative log-likelihood of log-probabilities; see :func:`nn.functional.nll_loss`."""

    def __init__(
        self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean", all_ignored: str = "nan"
    ) -> None:
        super().__init__(reduction)
        self._factor("weight", weight)
        self.ignore_index, self.all_ignored = ignore_index, all_ignored

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.nll_loss(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            all_ignored=self.all_ignored,
        )


class BCELoss(_Loss):
    """Binary cross-entropy of probabilities, report eq. (22), (23); see :func:`nn.functional.binary_cross_entropy`."""

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self._factor("weight", weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of logits, eq. (28), (29); see :func:`nn.functional.binary_cross_entropy_with_logits`."""

    def __init__(self, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction)
        self._factor("weight", weight)
        self._factor("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )
