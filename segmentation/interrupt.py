"""Ctrl-C that asks instead of tearing: the step in progress is finished, what was learned is saved."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Self

EXIT_CODE = 130


class StopRequest:
    """Inside the ``with`` block SIGINT and SIGTERM set ``requested``; a second one ends the process at once.

    Ending at once is safe at any moment, because files are only ever replaced whole.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # elsewhere Python allows no handlers
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            os._exit(EXIT_CODE)
        self.requested = True
        # os.write, because print() may be what was interrupted
        os.write(2, b"\nstopping after this step; press Ctrl-C again to quit without saving\n")
