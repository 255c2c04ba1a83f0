"""The second process that compiles, seen from outside: which kernels are in a folder of this test."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograd.kernels import ahead

ROOT = Path(__file__).parents[3]
SMALL = (
    "import numpy as np; from autograd.kernels import folds; folds.fold('sum', np.ones((8, 64, 4096), '{}'), (0, 2))"
)
# what is asked of the disk by the second process, and by a training step
ASKED = """
from autograd.kernels import jit
asked, path = set(), jit._DiskCache._path
jit._DiskCache._path = lambda self, *args: (found := path(self, *args), asked.add(found.name))[0]
{}
print(*sorted(asked))
"""
STEP = """
import numpy as np, autograd, nn, optim, segmentation
model = segmentation.UNet(3, 2, base=16)
adam = optim.Adam(model.parameters())
x = autograd.tensor(np.random.default_rng(1).standard_normal((8, 3, 64, 64), np.float32))
nn.functional.cross_entropy(model(x), autograd.tensor(np.ones((8, 64, 64), int))).backward()
adam.step()
"""


@pytest.fixture
def started(monkeypatch):
    """The commands that would start a process."""
    found = []

    monkeypatch.setattr(ahead.subprocess, "Popen", lambda command, **options: found.append(command))
    monkeypatch.setattr(ahead.atexit, "register", lambda *args: None)
    monkeypatch.setattr(ahead, "_cores", lambda: 2)
    monkeypatch.delenv("GLASSGRAD_COMPILE_AHEAD", raising=False)
    forget()
    yield found
    forget()


def forget():
    ahead.start.cache_clear()
    ahead.begin.cache_clear()


def environment(cache=None, **more):
    path = {"PYTHONPATH": str(ROOT)} | ({"GLASSGRAD_CACHE_DIR": str(cache)} if cache else {})
    return {**os.environ, **path, **more}


def python(code, **options):
    done = subprocess.run([sys.executable, "-c", code], env=environment(**options), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_it_starts_once(started):
    ahead.start()
    ahead.begin()
    ahead.begin()
    assert started == [[sys.executable, "-P", "-m", "autograd.kernels.ahead"]]


def test_it_does_not_start_where_it_is_switched_off_or_has_no_core_or_no_python(started, monkeypatch):
    with monkeypatch.context() as changed:
        changed.setenv("GLASSGRAD_COMPILE_AHEAD", "off")
        ahead.begin()
    forget()
    with monkeypatch.context() as changed:
        changed.setattr(ahead, "_cores", lambda: 1)
        ahead.begin()
    forget()
    with monkeypatch.context() as changed:
        changed.setattr(sys, "executable", "/opt/app/viewer")
        ahead.begin()
    assert started == []


def test_where_no_process_can_start_nothing_is_said(started, monkeypatch):
    def refuse(*args, **options):
        raise OSError("no more processes")

    monkeypatch.setattr(ahead.subprocess, "Popen", refuse)
    assert ahead.start() is None
    ahead.begin()


@pytest.mark.parametrize(("dtype", "expected"), [("f4", ["begin", "start"]), ("f8", ["start"])])
def test_whoever_makes_the_folder_starts_it_and_lets_it_begin_for_float32_and_nobody_later(tmp_path, dtype, expected):
    code = "from autograd.kernels import ahead; n = []; ahead.start = lambda: n.append('start')\n"
    code += "ahead.begin = lambda: n.append('begin')\n" + SMALL.format(dtype) + "; print(*sorted(set(n)))"
    assert python(code, cache=tmp_path).split() == expected
    for path in tmp_path.glob("*/*"):
        path.unlink()
    assert python(code, cache=tmp_path).split() == []


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc to ask")
def test_it_ends_with_the_process_that_started_it(tmp_path):
    code = "from autograd.kernels import ahead; ahead._cores = lambda: 2; process = ahead.start(); ahead.begin()\n"
    code += "import time; time.sleep(0.3); print(process.pid, process.poll())\n"
    for end in ("", "import os; os._exit(0)"):  # the second closes the pipe, and no more
        more = {"GLASSGRAD_COMPILE_AHEAD": "on"}
        done = subprocess.run(
            [sys.executable, "-uc", code + end], env=environment(tmp_path, **more), capture_output=True, text=True
        )
        number, running = done.stdout.split()
        assert running == "None"
        deadline = time.monotonic() + 30
        while alive(number) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not alive(number)


def test_it_compiles_when_it_is_told_to(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "autograd.kernels.ahead"], stdin=subprocess.PIPE, env=environment(tmp_path)
    )
    with process:
        time.sleep(3)
        assert list(tmp_path.glob("*/*")) == []
        process.stdin.write(b"!")
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("*/*")) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert list(tmp_path.glob("*/*"))  # and at the end of the pipe it ends


def alive(number):
    try:
        return "autograd" in Path(f"/proc/{number}/cmdline").read_text()
    except OSError:
        return False


def test_it_compiles_what_a_training_step_asks_for():
    """A step that asked for other kernels would find these on disk in vain."""
    off = {"GLASSGRAD_COMPILE_AHEAD": "off"}
    kernels = "from autograd.kernels import ahead; ahead.compile_kernels()"
    python(kernels, **off)  # what is compiled asks for its helpers too
    there = python(ASKED.format(kernels), **off).split()
    asked = python(ASKED.format(STEP), **off).split()
    assert len(there) >= 8
    assert set(there) <= set(asked)
