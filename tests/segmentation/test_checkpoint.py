"""Checkpoints: what goes in comes out, damage is told in one line, and killing the writer damages nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from autograd import serialize
from segmentation import checkpoint
from segmentation.errors import UsageError

ROOT = Path(__file__).parents[2]

STATE = {
    "epoch": 3,
    "rates": [0.1, 1 / 3, 1e-300],
    "big": 2**127 + 1,
    "name": "grün\n",
    "nothing": None,
    "on": True,
    "model": {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "a.steps": np.array(7)},
    "optimizer": {"state": {0: {"step": 4, "v": np.full(2, np.nan)}, 1: {}}, "param_groups": [{"params": [0, 1]}]},
}


def test_state_comes_back_exactly(tmp_path):
    checkpoint.save(tmp_path / "c.safetensors", STATE)
    state = checkpoint.load(tmp_path / "c.safetensors")
    for key in ("epoch", "rates", "big", "name", "nothing", "on"):
        assert state[key] == STATE[key]
        assert type(state[key]) is type(STATE[key])
    assert list(state["optimizer"]["state"]) == [0, 1]
    np.testing.assert_array_equal(state["model"]["a.weight"].numpy(), STATE["model"]["a.weight"])
    np.testing.assert_array_equal(state["optimizer"]["state"][0]["v"].numpy(), [np.nan, np.nan])


def damage_cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def damage_header(path):
    content = bytearray(path.read_bytes())
    content[0:8] = b"\xff" * 8
    path.write_bytes(content)


def damage_empty(path):
    path.write_bytes(b"")


def damage_text(path):
    path.write_text("no checkpoint at all")


def damage_foreign(path):
    serialize.save(path, {"w": np.zeros(2)}, {"made by": "another program"})


def damage_missing_tensor(path):
    tensors, metadata = serialize.load(path)
    del tensors["model.a.weight"]
    serialize.save(path, tensors, metadata)


def damage_metadata(path):
    tensors, metadata = serialize.load(path)
    serialize.save(path, tensors, metadata | {"state": "[1, 2"})


@pytest.mark.parametrize("damage", [f for name, f in sorted(globals().items()) if name.startswith("damage_")])
def test_damage_is_told_in_one_line_that_names_the_file(tmp_path, damage):
    path = tmp_path / "last.safetensors"
    checkpoint.save(path, STATE)
    damage(path)
    with pytest.raises(UsageError) as caught:
        checkpoint.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_best_points_to_last(tmp_path):
    checkpoint.save(tmp_path / "last.safetensors", STATE)
    (tmp_path / "best.safetensors").write_bytes(b"x")
    with pytest.raises(UsageError, match=r"last\.safetensors' instead"):
        checkpoint.load(tmp_path / "best.safetensors")


def test_missing_checkpoint(tmp_path):
    with pytest.raises(UsageError, match="there is no checkpoint"):
        checkpoint.load(tmp_path / "last.safetensors")


def test_another_format_version_is_refused(tmp_path):
    path = tmp_path / "c.safetensors"
    serialize.save(path, {}, {"format": checkpoint.FORMAT, "version": "99", "state": "{}"})
    with pytest.raises(UsageError, match="'99'"):
        checkpoint.load(path)


SAVE_FOREVER = """
import sys, numpy as np
from pathlib import Path
from segmentation import checkpoint
for i in range(1, 100000):
    checkpoint.save(Path(sys.argv[1]), {"number": i, "a": np.full(200_000, i), "b": np.full(200_000, -i)})
    if i == 1:
        print("saved", flush=True)
"""


def test_killed_while_saving_leaves_a_whole_checkpoint(tmp_path):
    path = tmp_path / "last.safetensors"
    for delay in (0.0, 0.013, 0.031):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVE_FOREVER, str(path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert process.stdout.readline() == "saved\n"
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        state = checkpoint.load(path)
        assert (state["a"].numpy() == state["number"]).all()
        assert (state["b"].numpy() == -state["number"]).all()
    checkpoint.save(path, STATE)
    assert [p.name for p in tmp_path.iterdir()] == ["last.safetensors"]  # what the killed ones left is cleared away
