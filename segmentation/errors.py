"""The two ways a command can fail that are not the fault of this package."""

from __future__ import annotations

from segmentation.data.errors import DataError, show


class UsageError(ValueError):
    """The request cannot be carried out: one line that names the file or setting, and the remedy. Exit code 2."""


class TrainingError(RuntimeError):
    """Training began and could not go on: one line that names the step and what to try. Exit code 1."""


__all__ = ["DataError", "TrainingError", "UsageError", "show"]
