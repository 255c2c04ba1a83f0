"""Freed arrays are kept for the next ones, up to a limit.

A training step allocates the same large arrays every time. Left alone, the C library gives their pages back to the
system as soon as they are freed, and the next step takes fresh ones, each zeroed in a page fault: 8000 faults in a
U-Net step of 8×3×128×128, where one or two are left when the pages are kept. So the C library is told to keep them. It
does so for every array, NumPy's temporaries included, hands out nothing that is still in use, and costs nothing a call:
a pool of our own could only be slower, and would know of fewer arrays.

The limit is ``$GLASSGRAD_HEAP_LIMIT`` in bytes (``off`` leaves the C library as it is), or :data:`DEFAULT_LIMIT`. Only
glibc can be told; elsewhere (macOS, Windows, musl) nothing is changed, and :func:`stats` knows nothing.
"""

from __future__ import annotations

import ctypes
import os
from typing import NamedTuple

DEFAULT_LIMIT = 2**31 - 1  # mallopt takes an int: the largest there is

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LEAST = 128 * 1024  # smaller blocks are never given back one by one
_OLD_MOST = 32 * 2**20  # of the second threshold, before glibc 2.35


class Stats(NamedTuple):
    """The memory of this process, in bytes; ``None`` where the C library does not tell."""

    limit: int | None  # set by set_limit; None: the C library does as it likes
    in_use: int | None  # allocated, by whomever: arrays and everything else
    kept: int | None  # freed, and waiting for reuse


class _MallInfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks",
                                                     "fsmblks", "uordblks", "fordblks", "keepcost")]  # fmt: skip


def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
        return library if hasattr(library, "gnu_get_libc_version") and hasattr(library, "mallopt") else None
    except (OSError, TypeError):  # Windows
        return None


_library = _glibc()
_limit: int | None = None


def set_limit(limit: int) -> bool:
    """Keep at most ``limit`` bytes of freed memory for reuse; 0 gives every array back as soon as it is freed.

    The limit is on free memory in one piece, which is what a finished step leaves. When it is passed, the piece goes
    back to the system. Holes between arrays that are alive stay, until arrays fill them or :func:`release` is called.

    limit : bytes, in [0, 2³¹).
    Returns whether the C library here can be told.
    """
    global _limit
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise TypeError(f"set_limit: limit is a number of bytes, an int, not {limit!r}")
    if not 0 <= limit <= DEFAULT_LIMIT:
        raise ValueError(f"set_limit: limit is in [0, 2**31) bytes, not {limit}")
    if _library is None:
        return False
    threshold = max(limit, _LEAST)
    told = bool(_library.mallopt(_M_TRIM_THRESHOLD, threshold))
    # what is larger than the limit could not be kept anyway: it gets pages of its own, which go when it is freed
    told &= bool(_library.mallopt(_M_MMAP_THRESHOLD, threshold) or _library.mallopt(_M_MMAP_THRESHOLD, _OLD_MOST))
    if told:
        _limit = limit
        if limit < DEFAULT_LIMIT:
            release()
    return told


def release() -> None:
    """Give all freed memory back to the system now: after the last step, say, and before something else is large."""
    if _library is not None:
        _library.malloc_trim(ctypes.c_size_t(0))


def stats() -> Stats:
    """The limit, and how much memory is in use and kept. Holes that :func:`release` emptied are still counted."""
    if _library is None or not hasattr(_library, "mallinfo2"):  # before glibc 2.33
        return Stats(_limit, None, None)
    _library.mallinfo2.restype = _MallInfo
    info = _library.mallinfo2()
    return Stats(_limit, info.uordblks + info.hblkhd, info.fordblks)


def _start() -> None:
    chosen = os.environ.get("GLASSGRAD_HEAP_LIMIT", "").strip()
    tuned = "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "") or any(
        f"MALLOC_{name}_THRESHOLD_" in os.environ for name in ("TRIM", "MMAP")
    )
    if chosen == "off" or (tuned and not chosen):
        return  # whoever started the process has made arrangements of their own
    if chosen and not (chosen.isdecimal() and int(chosen) <= DEFAULT_LIMIT):
        raise ValueError(f"GLASSGRAD_HEAP_LIMIT is a number of bytes below 2**31, or off; not {chosen!r}")
    set_limit(int(chosen) if chosen else DEFAULT_LIMIT)


_start()
