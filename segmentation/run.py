"""The folder of a run: which files it holds, and when it may be written to.

``config.json`` the settings; ``metrics.jsonl`` a line per epoch; ``best.safetensors`` and ``last.safetensors``
checkpoints; ``report.html`` the report. Files are replaced whole (written beside, then renamed), so none is ever half
there.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from .errors import UsageError, show


class Run:
    """Paths and text files of a run folder."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.config = self.folder / "config.json"
        self.metrics = self.folder / "metrics.jsonl"
        self.best = self.folder / "best.safetensors"
        self.last = self.folder / "last.safetensors"
        self.report = self.folder / "report.html"

    def files(self) -> list[Path]:
        """The files of a run that exist."""
        return [path for path in (self.config, self.metrics, self.best, self.last, self.report) if path.is_file()]

    def prepare(self, overwrite: bool = False) -> None:
        """Make the folder ready for a new run.

        Raises UsageError where it holds a run already (unless ``overwrite``, which removes that run) or cannot be
        written.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"--out {show(self.folder)} is a file: name a folder")
        if self.files() and not overwrite:
            raise UsageError(
                f"--out {show(self.folder)} holds a run already: go on with it (--resume), replace it (--overwrite) "
                "or name another folder"
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for path in self.files():
                path.unlink()
            probe = self.folder / f".probe-{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise UsageError(
                f"--out {show(self.folder)} cannot be written ({error.strerror or error}): choose another folder"
            ) from error

    def write_config(self, config: dict[str, Any]) -> None:
        write_text(self.config, json.dumps(config, indent=2) + "\n")

    def append_metrics(self, line: dict[str, Any]) -> None:
        """Add a line for an epoch."""
        try:
            with open(self.metrics, "a", encoding="utf-8") as file:
                file.write(json_line(line) + "\n")
        except OSError as error:
            raise UsageError(
                f"cannot write {show(self.metrics)} ({error.strerror or error}): free some space"
            ) from error

    def restore_metrics(self, history: list[dict[str, Any]]) -> None:
        """Set the lines to those of a checkpoint: epochs after it are run again, and a line cut short is gone."""
        write_text(self.metrics, "".join(json_line(line) + "\n" for line in history))


def json_line(value: Any) -> str:
    """JSON on one line; NaN (an IoU that is not defined) becomes null, because JSON has no NaN."""
    return json.dumps(_finite(value), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return value


def write_text(path: Path, text: str) -> None:
    """Replace a text file as a whole: written beside it, forced to the disk, renamed.

    Raises UsageError where that is not possible; what was there before is still there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UsageError(
            f"cannot write {show(path)} ({error.strerror or error}): free some space, or choose another folder"
        ) from error
