"""Checkpoints: everything a run needs to go on as if it had never stopped, in one safetensors file.

Arrays (weights, running statistics, optimizer moments, scores) are tensors of the file; everything else (position,
settings, random state, history) is JSON in its metadata, where floats and long integers survive exactly. Nothing is
pickled: reading a checkpoint cannot run code. The file is replaced atomically, so a process killed at any moment
leaves the old one or the new.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograd import serialize

from .errors import UsageError, show

FORMAT = "glassgrad segmentation checkpoint"
VERSION = "1"


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Write a nested state of dicts, lists, numbers, text, arrays and Tensors, atomically.

    Raises UsageError where the file cannot be written; what was there before is still there.
    """
    tensors, text = serialize.pack(state)
    try:
        serialize.save(path, tensors, {"format": FORMAT, "version": VERSION, "state": text})
    except serialize.SerializeError as error:
        reason = error.__cause__ or error
        raise UsageError(
            f"cannot write {show(path)} ({_line(reason)}): free some space, or choose another --out"
        ) from error


def load(path: Path) -> dict[str, Any]:
    """Read what :func:`save` wrote.

    Raises UsageError, in one line, where the file is missing, damaged or of another kind.
    """
    if not path.is_file():
        raise UsageError(f"there is no checkpoint {show(path)}: give the folder of a run that has saved at least once")
    try:
        tensors, metadata = serialize.load(path)
    except serialize.SerializeError as error:
        raise UsageError(
            f"{show(path)} is damaged or no checkpoint ({_line(error.__cause__ or error)}): {_remedy(path)}"
        ) from error
    if metadata.get("format") != FORMAT:
        raise UsageError(f"{show(path)} is a safetensors file but no checkpoint of this program: {_remedy(path)}")
    if metadata.get("version") != VERSION:
        raise UsageError(
            f"{show(path)} has format {metadata.get('version')!r} but this program reads {VERSION!r}: train again"
        )
    try:
        state = serialize.unpack(tensors, metadata["state"])
        if not isinstance(state, dict):
            raise ValueError("no dictionary")
        return state
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise UsageError(f"{show(path)} is damaged ({_line(error)}): {_remedy(path)}") from error


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _remedy(path: Path) -> str:
    other = path.with_name("last.safetensors" if path.name == "best.safetensors" else "best.safetensors")
    return f"give {show(other)} instead, or train again" if other.is_file() else "train again with --overwrite"
