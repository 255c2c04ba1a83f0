"""The disk cache is about what the next process finds. Most tests play the next process by loading a program anew."""

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from numba.core.compiler_lock import global_compiler_lock

from autograd.kernels import jit
from autograd.kernels.jit import njit
from autograd.kernels.vectors import VECTOR_BYTES

ROOT = Path(__file__).parents[3]
PROGRAM = """
from autograd.kernels.jit import njit

@njit
def double(x):
    return 2 * x

assert (double(21), double(1.5)) == (42, 3.0)
hits = sum(double.stats.cache_hits.values())
print(hits)
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


@pytest.fixture
def run(program, monkeypatch):
    """Run the program as a new process would: how many kernels came from the disk, and how many warnings there were."""

    def load(cache, path=program):
        monkeypatch.setenv("GLASSGRAD_CACHE_DIR", str(cache))
        for memory in (jit.cache_folder, jit._file_hash):
            memory.cache_clear()
        jit._warned.clear()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            spec = importlib.util.spec_from_file_location(path.stem, path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        return module.hits, len([w for w in caught if "compiled kernels are not kept" in str(w.message)])

    yield load
    for memory in (jit.cache_folder, jit._file_hash):
        memory.cache_clear()
    jit._warned.clear()


def start(program, cache):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GLASSGRAD_CACHE_DIR": str(cache)}
    command = [sys.executable, "-W", "error", str(program)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def hits(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return int(out)


def test_processes_that_compile_at_the_same_time_leave_a_good_cache(program, tmp_path):
    processes = [start(program, tmp_path / "cache") for _ in range(2)]
    assert all(hits(process) in (0, 1, 2) for process in processes)
    assert hits(start(program, tmp_path / "cache")) == 2


def test_next_process_loads_what_the_first_compiled(run, tmp_path):
    assert run(tmp_path / "cache") == (0, 0)
    assert run(tmp_path / "cache") == (2, 0)
    (folder,) = (tmp_path / "cache").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_kernel_of_the_project_is_loaded_without_what_compiles_others(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, numpy as np; from autograd.kernels.folds import fold;"
        "assert fold('sum', np.ones(9), (0,)) == 9; print(int('numba.np.linalg' in sys.modules))"
    )
    assert [hits(start(program, tmp_path / "cache")) for _ in range(2)] == [1, 0]


def test_changed_source_is_compiled_anew(run, program, tmp_path):
    run(tmp_path / "cache")
    program.write_text(PROGRAM.replace("2 * x", "x + x"))
    assert run(tmp_path / "cache") == (0, 0)


def test_generation_depends_on_every_kernel_source(monkeypatch, tmp_path):
    (tmp_path / "helper.py").write_text("a = 1")
    generations = set()
    for content in ("a = 1", "a = 2"):
        (tmp_path / "helper.py").write_text(content)
        monkeypatch.setattr(jit, "_SOURCES", tmp_path)
        jit._generation.cache_clear()
        generations.add(jit._generation())
    jit._generation.cache_clear()
    assert len(generations) == 2


def test_damaged_files_are_compiled_again_and_repaired(run, tmp_path):
    run(tmp_path / "cache")
    truncated, flipped = sorted((tmp_path / "cache").glob("*/*"))
    truncated.write_bytes(truncated.read_bytes()[:100])
    content = bytearray(flipped.read_bytes())
    content[-5] ^= 1
    flipped.write_bytes(bytes(content))
    assert run(tmp_path / "cache") == (0, 0)
    assert run(tmp_path / "cache") == (2, 0)
    truncated.write_bytes(b"")
    assert run(tmp_path / "cache") == (1, 0)


def test_unusable_cache_directory_warns_once_and_computes(run, tmp_path):
    (tmp_path / "file").write_text("a file where a folder should be")
    assert run(tmp_path / "file") == (0, 1)
    assert run("/proc/nowhere") == (0, 1)


def test_files_that_cannot_be_read_or_written_warn_once_and_compute(run, tmp_path):
    run(tmp_path / "cache")
    for path in (tmp_path / "cache").glob("*/*"):
        path.unlink()
        path.mkdir()  # neither readable nor replaceable, not even by the super-user
    assert run(tmp_path / "cache") == (0, 1)


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_folder_that_others_can_write_is_refused(run, tmp_path):
    run(tmp_path / "cache")
    (folder,) = (tmp_path / "cache").iterdir()
    folder.chmod(0o777)
    assert run(tmp_path / "cache") == (0, 1)


def test_without_a_home_directory_it_computes(run, monkeypatch, tmp_path):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    assert run("") == (0, 1)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert run("") == (0, 0)
        assert list((tmp_path / "glassgrad").iterdir())


def test_factory_variants_do_not_share_a_file(run, tmp_path):
    program = tmp_path / "factory.py"
    program.write_text(
        """
from autograd.kernels.jit import njit

def multiplier(n, key):
    @njit(key=key)
    def kernel(x):
        return n * x
    return kernel

kernels = [multiplier(2, ("by", 2)), multiplier(3, ("by", 3)), multiplier(4, None)]
assert [kernel(10) for kernel in kernels] == [20, 30, 40]
hits = sum(sum(kernel.stats.cache_hits.values()) for kernel in kernels)
"""
    )
    assert run(tmp_path / "cache", program) == (0, 0)
    assert run(tmp_path / "cache", program) == (2, 0)  # the one without a key is never kept


def test_only_a_few_generations_are_kept(run, tmp_path):
    cache = tmp_path / "cache"
    for generation in range(8):
        (cache / f"kernels-old{generation}").mkdir(parents=True)
    run(cache)
    assert len(list(cache.iterdir())) == 4


def test_kernels_run_without_the_gil_and_divide_like_numpy():
    @njit
    def divide(a, b):
        return a / b

    assert divide.targetoptions["nogil"]
    assert divide(1.0, 0.0) == float("inf")


def test_helper_is_compiled_once_for_constants_and_variables():
    @njit
    def helper(x, n):
        return x * n

    @njit
    def kernel(x, n):
        return helper(x, 3) + helper(x, n) + helper(x, 4)

    assert kernel(2.0, 5) == 24.0
    assert len(helper.inner.signatures) == 1


def test_kernel_links_a_helper_that_another_process_compiled(run, monkeypatch, tmp_path):
    program = tmp_path / "linked.py"
    program.write_text(
        """
import os
from autograd.kernels.jit import njit

@njit
def helper(x):
    if x < 0:
        raise ValueError("below zero")
    return 2 * x

@njit
def one(x):
    return helper(x) + 1

@njit
def two(x):
    return helper(x) + 2

kernel = two if os.environ.get("TWO") else one
assert kernel(1.0) == (4.0 if kernel is two else 3.0)
try:
    kernel(-1.0)
    raise AssertionError("the helper's error is lost")
except ValueError as error:
    assert str(error) == "below zero"
hits = sum(kernel.stats.cache_hits.values()), sum(helper.inner.stats.cache_hits.values())
"""
    )
    assert run(tmp_path / "cache", program) == ((0, 0), 0)
    monkeypatch.setenv("TWO", "1")
    assert run(tmp_path / "cache", program) == ((0, 1), 0)
    assert run(tmp_path / "cache", program) == ((1, 0), 0)


def test_kernel_that_others_call_is_called_from_python_too():
    @njit
    def helper(x):
        return 2 * x

    @njit
    def kernel(x):
        return helper(x) + 1

    assert (kernel(1.0), helper(1.0), kernel(2)) == (3.0, 2.0, 5)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_child_forked_while_another_thread_compiles_compiles_too():
    @njit
    def kernel(x):
        return x + 1

    compiling = threading.Event()

    def compile_for_long():
        with global_compiler_lock:
            compiling.set()
            time.sleep(0.2)

    thread = threading.Thread(target=compile_for_long)
    thread.start()
    compiling.wait()
    child = os.fork()
    if not child:
        os._exit(0 if kernel(1) == 2 else 1)
    thread.join()
    deadline = time.monotonic() + 30
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the child waits for a thread of its parent")
        time.sleep(0.01)
    assert ended[1] == 0


@pytest.mark.skipif(VECTOR_BYTES < 64, reason="LLVM takes vectors of 32 bytes and less by itself")
def test_a_wide_kernel_works_on_whole_vectors():
    factor = np.float32(3)

    def scale(start, stop, x):  # a closure, so that it does not come from the disk, without its text
        x = x[start:stop]
        for i in range(x.size):
            x[i] *= factor

    x = np.arange(100, dtype=np.float32)
    kernel = njit(scale, wide=True)
    kernel(1, 99, x)
    assert (x[1:99] == 3 * np.arange(1, 99)).all() and x[0] == 0 and x[99] == 99
    (code,) = kernel.inspect_asm().values()
    assert "zmm" in code


def test_fastmath_true_is_refused():
    with pytest.raises(ValueError, match="fastmath=True deletes NaN checks"):

        @njit(fastmath=True)
        def kernel(x):
            return x
