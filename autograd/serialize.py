"""Save and load named tensors: the safetensors format, written atomically, nothing pickled.

A file is written under another name, forced to the disk, and renamed: whoever reads the path sees the old file or the
new one, also when the process is killed or the power fails in between. Reading never runs code from the file.
"""

from __future__ import annotations

import contextlib
import glob
import itertools
import json
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from .tensor import Tensor, wrap

_counter = itertools.count()


class SerializeError(ValueError):
    """A file could not be written or read; the message names the file and a remedy."""


class Loaded(NamedTuple):
    """What :func:`load` found."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]


def save(path: str | os.PathLike, tensors: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> None:
    """Write named tensors to ``path`` in the safetensors format, atomically.

    Parameters
    ----------
    path : file to write or replace; its folder must exist
    tensors : names to Tensors or arrays (floating point, integer or bool)
    metadata : names to strings, kept in the file's header

    Raises
    ------
    TypeError : a value that is no Tensor or array, a dtype the format lacks, metadata that is not text
    SerializeError : the folder does not exist or cannot be written; an existing file is left as it was

    Examples
    --------
    >>> import autograd, tempfile, pathlib
    >>> from autograd import serialize
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "weights.safetensors"
    >>> serialize.save(path, {"w": autograd.tensor([1.0, 2.0])}, {"epoch": "3"})
    >>> tensors, metadata = serialize.load(path)
    >>> tensors["w"].tolist(), metadata
    ([1.0, 2.0], {'epoch': '3'})
    """
    path = os.path.abspath(path)
    arrays = {_text("tensor name", name): _array(name, value) for name, value in tensors.items()}
    header = {_text("metadata name", k): _text(f"metadata {k!r}", v) for k, v in (metadata or {}).items()}
    folder, name = os.path.split(path)
    _clear_leftovers(folder, name)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}-{next(_counter)}.tmp")
    try:
        # not safetensors' save_file: that writes through a temporary file whose name is not ours to clean up
        with open(temporary, "xb") as file:
            file.write(to_bytes(arrays, header or None))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _force_folder(folder)
    except (OSError, SafetensorError) as error:
        raise SerializeError(f"save: cannot write {path}: {error}; is there such a folder, with room in it?") from error
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def load(path: str | os.PathLike) -> Loaded:
    """Read what :func:`save` wrote: ``(tensors, metadata)``.

    Raises
    ------
    SerializeError : no such file, or not a whole safetensors file
    """
    if not os.path.isfile(path):
        what = "is a folder" if os.path.isdir(path) else "does not exist"
        raise SerializeError(f"load: {os.fspath(path)} {what}; give the path of a file written by save")
    try:
        with safe_open(path, framework="numpy") as file:
            names = file.keys()
            tensors = {name: wrap(_writable(file.get_tensor(name)), None) for name in names}
            return Loaded(tensors, dict(file.metadata() or {}))
    except (SafetensorError, OSError, TypeError, ValueError, KeyError) as error:
        raise SerializeError(
            f"load: {os.fspath(path)} is no whole safetensors file ({error}); it is damaged, cut short or of another "
            f"format: take an earlier checkpoint, or save it again"
        ) from error


def pack(tree: Any) -> tuple[dict[str, Any], str]:
    """Take the tensors out of nested dicts and lists: ``(tensors by path, JSON text of the rest)``.

    Fits an optimizer's ``state_dict()`` into one file beside the weights; :func:`unpack` puts it together again.
    Tuples come back as lists.
    """
    tensors: dict[str, Any] = {}

    def walk(value: Any, path: str) -> Any:
        if isinstance(value, (Tensor, np.ndarray)):
            tensors[path] = value
            return {"tensor": path}
        if isinstance(value, Mapping):
            # as pairs, because JSON would turn the keys 0, 1, ... into text
            return {"dict": [[key, walk(item, f"{path}.{key}" if path else str(key))] for key, item in value.items()]}
        if isinstance(value, (list, tuple)):
            return [walk(item, f"{path}.{i}" if path else str(i)) for i, item in enumerate(value)]
        if isinstance(value, np.generic):
            return value.item()
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise TypeError(
            f"pack: {path or 'the value'} is a {type(value).__name__}; tensors, numbers, text, dicts, lists are saved"
        )

    return tensors, json.dumps(walk(tree, ""))


def unpack(tensors: Mapping[str, Any], text: str) -> Any:
    """The inverse of :func:`pack`."""

    def build(value: Any) -> Any:
        if isinstance(value, list):
            return [build(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "tensor" in value:
            if value["tensor"] not in tensors:
                raise SerializeError(f"unpack: the tensor {value['tensor']!r} is missing; was all of the file given?")
            return tensors[value["tensor"]]
        return {key: build(item) for key, item in value["dict"]}

    return build(json.loads(text))


def _text(what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"save: {what} must be text, not {type(value).__name__}; use str(...) or json.dumps(...)")
    return value


def _array(name: str, value: Any) -> np.ndarray:
    if not isinstance(value, (Tensor, np.ndarray)):
        raise TypeError(f"save: {name!r} is a {type(value).__name__}; only Tensors and arrays are saved")
    array = value._data if isinstance(value, Tensor) else value
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise TypeError(f"save: {name!r} has dtype {array.dtype}, which the safetensors format lacks")
    # the format is row after row, little-endian
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _writable(array: np.ndarray) -> np.ndarray:
    return array if array.flags.writeable else array.copy()


def _force_folder(path: str) -> None:
    """Wait until the new name is on the disk, not only in memory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _clear_leftovers(folder: str, name: str) -> None:
    """Delete what processes that no longer live left behind when they were killed while saving."""
    for leftover in glob.glob(os.path.join(glob.escape(folder), glob.escape(f".{name}.") + "*.tmp")):
        match = re.fullmatch(rf"\.{re.escape(name)}\.(\d+)-\d+\.tmp", os.path.basename(leftover))
        if match and not _alive(int(match[1])):
            with contextlib.suppress(OSError):  # somebody else was faster
                os.unlink(leftover)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it lives, and is not ours
    return True
