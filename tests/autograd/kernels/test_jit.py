"""Each test runs a small kernel in processes of its own: the cache is about what the next process finds."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from autograd.kernels.jit import njit

ROOT = Path(__file__).parents[3]
PROGRAM = textwrap.dedent(
    """
    import sys, warnings
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        from autograd.kernels.jit import njit

        @njit
        def double(x):
            return 2 * x

        assert (double(21), double(1.5)) == (42, 3.0)
    warned = [w for w in caught if "compiled kernels are not kept" in str(w.message)]
    print(sum(double.stats.cache_hits.values()), len(warned))
    """
)


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


def start(program, cache, **environment):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GLASSGRAD_CACHE_DIR": str(cache), **environment}
    environment = {name: value for name, value in environment.items() if value is not None}
    return subprocess.Popen(
        [sys.executable, str(program)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def result(process):
    """How many kernels came from the disk, and how many warnings there were."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    hits, warnings = out.split()
    return int(hits), int(warnings)


def run(program, cache, **environment):
    return result(start(program, cache, **environment))


def test_second_process_loads_what_the_first_compiled(program, tmp_path):
    assert run(program, tmp_path / "cache") == (0, 0)
    assert run(program, tmp_path / "cache") == (2, 0)
    (folder,) = (tmp_path / "cache").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_changed_source_is_compiled_anew(program, tmp_path):
    run(program, tmp_path / "cache")
    program.write_text(PROGRAM.replace("2 * x", "x + x"))
    assert run(program, tmp_path / "cache") == (0, 0)


def test_damaged_files_are_compiled_again_and_repaired(program, tmp_path):
    run(program, tmp_path / "cache")
    files = sorted((tmp_path / "cache").glob("*/*"))
    assert len(files) == 2
    files[0].write_bytes(files[0].read_bytes()[:100])
    flipped = bytearray(files[1].read_bytes())
    flipped[-5] ^= 1
    files[1].write_bytes(bytes(flipped))
    assert run(program, tmp_path / "cache") == (0, 0)
    assert run(program, tmp_path / "cache") == (2, 0)


def test_unusable_cache_directory_warns_once_and_computes(program, tmp_path):
    (tmp_path / "file").write_text("a file where a folder should be")
    assert run(program, tmp_path / "file") == (0, 1)
    assert run(program, "/proc/nowhere") == (0, 1)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the super-user may write everywhere")
def test_read_only_cache_directory_warns_once_and_computes(program, tmp_path):
    (tmp_path / "cache").mkdir(mode=0o500)
    assert run(program, tmp_path / "cache") == (0, 1)


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_folder_that_others_can_write_is_refused(program, tmp_path):
    run(program, tmp_path / "cache")
    (folder,) = (tmp_path / "cache").iterdir()
    folder.chmod(0o777)
    assert run(program, tmp_path / "cache") == (0, 1)


def test_without_home_it_computes(program, tmp_path):
    gone = str(tmp_path / "no-such-home")
    hits, warnings = run(program, "", HOME=gone, XDG_CACHE_HOME=None)
    assert hits == 0
    assert warnings <= 1
    hits, warnings = run(program, "", HOME=None, XDG_CACHE_HOME=str(tmp_path / "xdg"))
    assert (hits, warnings) == (0, 0)
    assert list((tmp_path / "xdg/glassgrad").iterdir())


def test_processes_that_compile_at_the_same_time(program, tmp_path):
    processes = [start(program, tmp_path / "cache") for _ in range(3)]
    assert all(warnings == 0 for _, warnings in map(result, processes))
    assert run(program, tmp_path / "cache") == (2, 0)


def test_factory_variants_do_not_share_a_file(tmp_path):
    program = tmp_path / "factory.py"
    program.write_text(
        textwrap.dedent(
            """
            from autograd.kernels.jit import njit

            def multiplier(n, key):
                @njit(key=key)
                def kernel(x):
                    return n * x
                return kernel

            kernels = [multiplier(2, ("by", 2)), multiplier(3, ("by", 3)), multiplier(4, None)]
            assert [kernel(10) for kernel in kernels] == [20, 30, 40]
            print(sum(sum(kernel.stats.cache_hits.values()) for kernel in kernels), 0)
            """
        )
    )
    assert run(program, tmp_path / "cache") == (0, 0)
    assert run(program, tmp_path / "cache") == (2, 0)  # the one without a key is never kept


def test_only_a_few_generations_are_kept(program, tmp_path):
    cache = tmp_path / "cache"
    for generation in range(8):
        (cache / f"kernels-old{generation}").mkdir(parents=True)
    run(program, cache)
    assert len(list(cache.iterdir())) == 4


def test_fastmath_true_is_refused():
    with pytest.raises(ValueError, match="fastmath=True deletes NaN checks"):

        @njit(fastmath=True)
        def kernel(x):
            return x
