"""Every Numba switch of the project, and the cache of compiled kernels.

A kernel is serial and runs without the GIL; :mod:`autograd.kernels.parallel` spreads it over threads. It is compiled at
its first call and kept on disk for the next run.

Numba's own cache is not used, for three faults: it goes stale when an *imported* helper changes, an import fails where
no directory is writable, and a truncated file raises in the middle of a program. Here one file holds one compiled
signature, in a folder named after the hash of all kernel sources, the versions and the Python; a checksum stands before
the contents. Whatever goes wrong with the disk, the kernel is compiled in memory, and one warning says so.

Inside a kernel, write slices element by element: ``a[i:j] = b`` compiles the text of an error message, in 2.3 seconds.

The folder is ``$GLASSGRAD_CACHE_DIR`` or the user's cache directory. Loading a compiled kernel means running it, so a
folder that belongs to, or can be written by, anybody else is refused.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import stat
import sys
import tempfile
import warnings
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core.caching import _Cache
from numba.core.compiler_lock import global_compiler_lock
from numba.core.runtime.nrt import rtsys

from . import ahead
from .pipeline import InnerPipeline, Pipeline, WidePipeline
from .team import is_loop, team
from .vectors import VECTOR_BYTES

_SOURCES = Path(__file__).parent
_PROJECT = __name__.partition(".")[0]
_GENERATIONS_KEPT = 4  # each edit of a kernel makes a new folder of some megabytes


def njit(
    function: Callable | None = None,
    *,
    fastmath: frozenset[str] | set[str] = frozenset(),
    key: Hashable = None,
    source: str | None = None,
    wide: bool = False,
) -> Any:
    """Compile ``function`` at its first call with each combination of argument types.

    fastmath : set of LLVM flags, such as ``{"contract"}``. Never ``True``: that lets LLVM delete NaN checks.
    key : for a kernel made inside a factory, what the factory closed over (sizes, the name of a type), so that its
        variants are told apart on disk. Without it a closure is compiled anew in each run.
    source : for a generated kernel, all of its text, since no file holds it.
    wide : for loops that wait for arithmetic, such as an exponential: whole vectors, where LLVM takes half ones. Those
        that wait for memory gained nothing, and pooling took 5 % longer.
    """
    if function is None:
        return partial(njit, fastmath=fastmath, key=key, source=source, wide=wide)
    if fastmath is True:
        raise ValueError(f"njit: fastmath=True deletes NaN checks; name the flags {function.__name__} needs instead")
    # error_model="numpy": x / 0 is inf as in an array expression, and loops with a division in them vectorise.
    # A wrapper for callers takes a tenth of the compilation; nobody calls from C.
    settings: Any = {"nogil": True, "error_model": "numpy", "fastmath": set(fastmath), "no_cfunc_wrapper": True}
    of_inner: Any = {**settings, "no_cpython_wrapper": True}
    outer: Any = numba.njit(pipeline_class=WidePipeline if wide else Pipeline, **settings)(function)
    inner: Any = numba.njit(pipeline_class=InnerPipeline, **of_inner)(function)
    outer._cache, inner._cache = (_DiskCache(function, (key, kind), source) for kind in ("outer", "inner"))
    # What other kernels find when they call ``outer``. One that passes 0 and one that passes a variable shall call the
    # same: Numba would compile it once for each constant, and fill_planes took 3 of the 21 seconds of a first step.
    outer.get_call_template = lambda args, kws: inner.get_call_template(tuple(map(numba.types.unliteral, args)), kws)
    outer.get_overload = inner.get_overload
    outer.inner = inner
    outer.is_loop = is_loop(function)
    return outer


if hasattr(os, "register_at_fork"):
    # A child that is forked while another thread compiles would wait for that thread, which it has not: fork waits.
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )


class _DiskCache(_Cache):
    """What a Numba dispatcher asks before compiling, and tells afterwards."""

    def __init__(self, function: Callable, key: tuple[Hashable, str], source: str | None) -> None:
        self._function = function
        self._source = source
        self._key = key
        self._enabled = function.__closure__ is None or key[0] is not None
        self._of_the_project = function.__module__.startswith(f"{_PROJECT}.")

    @property
    def cache_path(self) -> str | None:
        folder = cache_folder()
        return str(folder) if folder else None

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        team()  # which the machine code of a loop calls
        if self._of_the_project:
            rtsys.initialize(target_context)  # all that its machine code can call; to compile, Numba does the rest
        else:
            target_context.refresh()  # half a second
        path = self._path(sig, target_context.codegen())
        if path is None:
            return None
        try:
            content = path.read_bytes()
            checksum, payload = content[:32], content[32:]
            if hashlib.sha256(payload).digest() != checksum:
                return None  # truncated or damaged: compiled again and overwritten
            return numba.core.compiler.CompileResult._rebuild(target_context, *pickle.loads(payload))
        except FileNotFoundError:
            if _made_here and self._of_the_project and any(getattr(x, "dtype", None) == numba.float32 for x in sig):
                ahead.begin()
            return None
        except Exception as error:  # anything a foreign or damaged file can raise while it is rebuilt
            _warn_once(f"{path} cannot be loaded ({error})")
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        path = self._path(sig, data.codegen)
        if path is None or data.lifted or data.library.has_dynamic_globals:
            return
        try:
            payload = numba.core.serialize.dumps(data._reduce())
            # a file of its own, then a rename: two processes may compile the same kernel at the same time
            handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(payload).digest() + payload)
                os.replace(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise
        except Exception as error:
            _warn_once(f"{path.parent} cannot be written ({error})")

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def flush(self) -> None:
        for path in Path(self.cache_path or os.devnull).glob(f"{self._function.__name__}-*"):
            path.unlink(missing_ok=True)

    def _path(self, sig: Any, codegen: Any) -> Path | None:
        folder = cache_folder() if self._enabled else None
        if folder is None:
            return None
        code = self._function.__code__
        source = self._source or _file_hash(code.co_filename)
        if source is None:
            return None
        # magic_tuple: target triple, CPU name and features
        identity = (self._function.__module__, self._function.__qualname__, code.co_firstlineno, self._key, sig)
        text = repr((identity, codegen.magic_tuple(), source))
        return folder / f"{self._function.__name__}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


@cache
def cache_folder() -> Path | None:
    """The folder of this generation of kernels, made if need be; None where there can be none."""
    try:
        base = _user_cache_directory()
        folder = base / f"kernels-{_generation()}"
        if not folder.is_dir():
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                _made_here.append(folder)  # by this process alone, of all that start at the same time
                _remove_old_generations(base, folder)
        if os.name == "posix":
            status = folder.stat()
            if status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise PermissionError(f"{folder} belongs to, or can be written by, somebody else")
        return folder
    except (OSError, RuntimeError) as error:  # RuntimeError: no home directory
        _warn_once(str(error))
        return None


def _user_cache_directory() -> Path:
    if chosen := os.environ.get("GLASSGRAD_CACHE_DIR"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "glassgrad"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/glassgrad"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "glassgrad"


@cache
def _generation() -> str:
    """A hash of everything that decides what a kernel compiles to, but the CPU that LLVM compiles for (which is in each
    file's name). The vectors are the host's, which may be another one where $NUMBA_CPU_NAME is set."""
    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} {sys.version} {VECTOR_BYTES}".encode())
    for path in sorted(_SOURCES.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _file_hash(filename: str) -> str | None:
    """For kernels outside this package, in tests and in users' files; None for what was typed at a prompt."""
    try:
        return hashlib.sha256(Path(filename).read_bytes()).hexdigest()
    except OSError:
        return None


def _remove_old_generations(base: Path, current: Path) -> None:
    others = [path for path in base.glob("kernels-*") if path != current]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[_GENERATIONS_KEPT - 1 :]:
        shutil.rmtree(path, ignore_errors=True)


_made_here: list[Path] = []
_warned: list[str] = []


def _warn_once(reason: str) -> None:
    if not _warned:
        _warned.append(reason)
        warnings.warn(f"compiled kernels are not kept on disk, each run compiles them anew: {reason}", stacklevel=3)


if cache_folder() and _made_here:  # the next thing is a kernel that is not there
    ahead.start()
