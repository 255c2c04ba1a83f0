"""Every case that is timed, as data. ``GROUPS`` are the words of the command line."""

from __future__ import annotations

from .case import Case, OpCase, StepCase
from .layers import LAYERS
from .models import MODELS
from .ops import OPS
from .overhead import OVERHEAD
from .scaling import SCALING

GROUPS = ("ops", "layers", "models", "overhead", "scaling")
CASES: list[Case] = [*OPS, *LAYERS, *MODELS, *OVERHEAD, *SCALING]

__all__ = ["CASES", "GROUPS", "Case", "OpCase", "StepCase"]
