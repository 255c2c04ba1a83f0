"""What is warm afterwards is asked of new processes: their cache is a folder of this test."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd
from autograd import warmup
from autograd.kernels import clip

ROOT = Path(__file__).parents[2]
STEP = """
import numpy as np, autograd, nn, optim, segmentation
from autograd.kernels.jit import cache_folder
before = set(cache_folder().iterdir())
model = segmentation.UNet(3, 2, base=16)
adam = optim.Adam(model.parameters())
x = autograd.tensor(np.random.default_rng(1).standard_normal((8, 3, 64, 64), np.float32))
nn.functional.cross_entropy(model(x), autograd.tensor(np.ones((8, 64, 64), int))).backward()
adam.step()
print(*(path.name for path in set(cache_folder().iterdir()) - before))
"""
WARM = """
from autograd import warmup
warmup.PROGRAMS = {title: run for title, run in warmup.PROGRAMS.items() if title.startswith("U-Net")}
raise SystemExit(warmup.main(["--quiet"]))
"""


def kernels(cache):
    return {path.name for path in cache.rglob("*") if path.is_file()}


def start(*command, cache, **more):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GLASSGRAD_CACHE_DIR": str(cache), **more}
    environment.setdefault("GLASSGRAD_COMPILE_AHEAD", "off")  # it would add kernels while they are counted
    return subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, timeout=600)


@pytest.fixture
def one_program(monkeypatch):
    """Only what is quick, and interrupted or not."""

    def only(run):
        monkeypatch.setattr(warmup, "PROGRAMS", {"one": run})

    return only


def test_training_step_compiles_nothing_after_warming_up(tmp_path):
    warm = start("-c", WARM, cache=tmp_path)
    assert warm.returncode == 0, warm.stderr
    assert f"in {tmp_path}" in warm.stdout
    assert warm.stderr == ""
    step = start("-c", STEP, cache=tmp_path)
    assert (step.returncode, step.stdout.split(), step.stderr) == (0, [], "")
    kept = kernels(tmp_path)
    again = start("-c", WARM, cache=tmp_path)
    assert kernels(tmp_path) - kept == set()
    assert again.stdout.startswith("0 kernels compiled")


def test_kernels_do_not_depend_on_the_weights_that_were_drawn(monkeypatch):
    scaled = []
    monkeypatch.setattr(clip, "scale", lambda arrays, factor: scaled.append(factor))
    autograd.manual_seed(0)  # norms of 0.90 and 1.29
    warmup.PROGRAMS["RMSprop"](np.dtype("float32"))
    assert len(scaled) == 2


@pytest.mark.parametrize("title", warmup.PROGRAMS)
def test_program_runs(title):
    warmup.PROGRAMS[title](np.dtype("float32"))


def test_programs_run_in_the_dtypes_that_were_asked_for(one_program, capsys):
    seen = []
    one_program(lambda dtype: seen.append(dtype.name))
    assert warmup.main(["--dtype", "all", "--quiet"]) == 0
    assert seen == ["float32", "float64"]
    assert "kernels compiled in" in capsys.readouterr().out


def test_ctrl_c_says_what_there_is_and_ends_with_130(one_program, capsys):
    def interrupted(dtype):
        raise KeyboardInterrupt

    one_program(interrupted)
    assert warmup.main(["--quiet"]) == 130
    captured = capsys.readouterr()
    assert "kernels compiled in" in captured.out
    assert "stopped; the rest is compiled when it is needed" in captured.err


def test_disk_that_keeps_nothing_is_exit_code_1(tmp_path):
    (tmp_path / "file").write_text("a file where a folder should be")
    done = start("-m", "autograd.warmup", cache=tmp_path / "file")
    assert done.returncode == 1
    assert "compiled kernels are not kept on disk" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_dtype_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        warmup.main(["--dtype", "float16"])
    assert stop.value.code == 2
    assert "invalid choice: 'float16'" in capsys.readouterr().err
