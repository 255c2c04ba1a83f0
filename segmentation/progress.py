"""What a person sees while a network trains: a bar in a terminal, plain lines elsewhere, nothing when asked.

Progress goes to stderr. Results go to stdout: a line per epoch for people, or with ``--json`` one JSON object per line.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, TextIO

from .run import json_line

EVERY = 20.0  # seconds between plain progress lines


class Progress:
    """Shows steps, notes and results.

    Parameters
    ----------
    quiet : no progress and no notes; results of ``--json`` are still printed
    json : results are JSON lines on stdout; the lines for people go to stderr
    """

    def __init__(self, quiet: bool = False, json: bool = False) -> None:
        self.quiet, self.json = quiet, json
        self._bar: Any = None
        self._title, self._total, self._shown, self._begun, self._done, self._images = "", 0, 0.0, 0.0, 0, 0

    def start(self, title: str, total: int, done: int = 0) -> None:
        """Begin a row of ``total`` steps, of which ``done`` are behind us."""
        self._title, self._total, self._done, self._images = title, total, done, 0
        self._begun = self._shown = time.monotonic()
        if not self.quiet and sys.stderr.isatty():
            from tqdm import tqdm

            # some terminals (in containers, say) claim to have no columns and no rows: tqdm then draws nothing
            room: dict[str, Any] = {"dynamic_ncols": True}
            if not os.get_terminal_size(sys.stderr.fileno()).columns:
                room = {"ncols": 100, "nrows": 24}
            self._bar = tqdm(total=total, initial=done, desc=title, unit="batch", file=sys.stderr, leave=False, **room)

    def step(self, images: int, loss: float | None = None) -> None:
        """One step of ``images`` pictures is done; ``loss`` is the mean of this epoch so far."""
        self._done += 1
        self._images += images
        seconds = max(time.monotonic() - self._begun, 1e-9)
        rate = f"{self._images / seconds:.1f} images/s"
        text = rate if loss is None else f"loss {loss:.4f}, {rate}"
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update()
        elif not self.quiet and time.monotonic() - self._shown > EVERY:
            self._shown = time.monotonic()
            left = seconds / max(self._images, 1) * images * (self._total - self._done)
            print(f"{self._title}: {self._done}/{self._total}, {text}, {left:.0f} s left", file=sys.stderr, flush=True)

    def finish(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def note(self, text: str) -> None:
        """Something worth knowing, on stderr."""
        if not self.quiet:
            self._print(text, sys.stderr)

    def result(self, text: str, record: dict[str, Any]) -> None:
        """A result: ``text`` for people, or ``record`` as a JSON line."""
        if self.json:
            self._print(json_line(record), sys.stdout)
        if not self.quiet:
            self._print(text, sys.stderr if self.json else sys.stdout)

    def _print(self, text: str, file: TextIO) -> None:
        if self._bar is not None:
            self._bar.clear()
        print(text, file=file, flush=True)
        if self._bar is not None:
            self._bar.refresh()
