"""Saving and loading: exact, atomic, and clear about files that are not whole."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest

import autograd
from autograd import serialize
from autograd.serialize import SerializeError


def arrays():
    rng = np.random.default_rng(0)
    return {
        "float32": rng.normal(size=(3, 4)).astype(np.float32),
        "float64": rng.normal(size=5),
        "float16": rng.normal(size=2).astype(np.float16),
        "int64": np.arange(6).reshape(2, 3),
        "uint8": np.arange(4, dtype=np.uint8),
        "bool": np.array([True, False]),
        "number": np.array(3.5),
        "empty": np.zeros((0, 3), np.float32),
        "fortran": np.asfortranarray(rng.normal(size=(3, 4))),
        "reversed": rng.normal(size=(3, 4))[::-1, ::2],
        "broadcast": np.broadcast_to(np.float32(2), (2, 2)),
        "big-endian": np.arange(3, dtype=">i4"),
        "name / with → anything": np.zeros(1),
    }


def test_everything_comes_back_bit_for_bit(tmp_path):
    path = tmp_path / "x.safetensors"
    serialize.save(path, arrays(), {"text": "ä\n{}", "": "empty"})
    tensors, metadata = serialize.load(path)
    assert metadata == {"text": "ä\n{}", "": "empty"}
    assert set(tensors) == set(arrays())
    for name, array in arrays().items():
        np.testing.assert_array_equal(tensors[name].numpy(), array)
        assert tensors[name].dtype == array.dtype.newbyteorder("=")
        assert tensors[name].shape == array.shape
        assert tensors[name].numpy().flags.writeable
    assert os.listdir(tmp_path) == ["x.safetensors"]


def test_tensors_that_require_grad_are_saved(tmp_path):
    x = autograd.tensor([1.0, 2.0], requires_grad=True)
    serialize.save(tmp_path / "x", {"x": x, "y": x * 2.0})
    loaded = serialize.load(tmp_path / "x")
    assert loaded.tensors["y"].tolist() == [2, 4]
    assert not loaded.tensors["x"].requires_grad
    assert loaded.metadata == {}


def test_other_readers_understand_the_file(tmp_path):
    from safetensors.numpy import load_file

    serialize.save(tmp_path / "x", {"w": np.asfortranarray(np.arange(6.0).reshape(2, 3))})
    assert load_file(tmp_path / "x")["w"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_pack_and_unpack_a_tree():
    tree = {
        "state": {0: {"step": 3, "m": np.ones(2)}, 1: {}},
        "groups": [{"betas": (0.9, 0.999), "on": True, "x": None}],
    }
    tree["text"], tree["scalar"], tree["big"] = "a", np.float64(0.1), 2**100
    tensors, text = serialize.pack(tree)
    assert list(tensors) == ["state.0.m"]
    back = serialize.unpack(tensors, text)
    assert back["state"][0]["m"] is tensors["state.0.m"]
    back["state"][0]["m"] = tree["state"][0]["m"]
    tree["groups"][0]["betas"] = [0.9, 0.999]
    assert back == tree
    with pytest.raises(TypeError, match=r"pack: a\.0 is a set"):
        serialize.pack({"a": [{1}]})
    with pytest.raises(SerializeError, match=r"the tensor 'state.0.m' is missing"):
        serialize.unpack({}, text)


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tensors", "metadata", "text"),
    [
        ({"x": [1.0]}, None, "'x' is a list; only Tensors and arrays are saved"),
        ({3: np.ones(1)}, None, "tensor name must be text, not int"),
        ({"x": np.ones(1)}, {"epoch": 3}, r"metadata 'epoch' must be text, not int; use str\(...\)"),
        ({"x": np.ones(1, complex)}, None, "dtype complex128, which the safetensors format lacks"),
        ({"x": np.array([object()])}, None, "dtype object"),
        ({"x": np.ones(1, np.longdouble)}, None, "which the safetensors format lacks"),
    ],
)
def test_save_refuses_what_it_cannot_keep(tensors, metadata, text, tmp_path):
    with pytest.raises(TypeError, match=text):
        serialize.save(tmp_path / "x", tensors, metadata)
    assert os.listdir(tmp_path) == []


def test_save_names_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(SerializeError, match=r"cannot write .*nowhere/x.*is there such a folder"):
        serialize.save(tmp_path / "nowhere" / "x", {"x": np.ones(1)})


def test_load_names_missing_files_and_folders(tmp_path):
    with pytest.raises(SerializeError, match=r"nothing does not exist; give the path of a file written by save"):
        serialize.load(tmp_path / "nothing")
    with pytest.raises(ValueError, match="is a folder"):
        serialize.load(tmp_path)


def header(size, entries):
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
DAMAGED = {
    "empty": b"",
    "short": b"\x01\x00",
    "huge header": header(2**63, b"{}"),
    "header past the end": header(1000, b"{}"),
    "no json": header(None, b"not json") + b"\0" * 8,
    "a list": header(None, b"[]"),
    "data missing": header(None, {"x": ENTRY}) + b"\0" * 4,
    "data left over": header(None, {"x": ENTRY}) + b"\0" * 16,
    "offsets past the end": header(None, {"x": ENTRY | {"data_offsets": [0, 800]}}) + b"\0" * 8,
    "offsets turned round": header(None, {"x": ENTRY | {"data_offsets": [8, 0]}}) + b"\0" * 8,
    "shape too large": header(None, {"x": ENTRY | {"shape": [2**62, 4]}}) + b"\0" * 8,
    "shape negative": header(None, {"x": ENTRY | {"shape": [-2]}}) + b"\0" * 8,
    "overlap": header(None, {"x": ENTRY, "y": ENTRY}) + b"\0" * 8,
    "dtype unknown": header(None, {"x": ENTRY | {"dtype": "F33"}}) + b"\0" * 8,
    "a pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93.",
    "text": b"weights " * 100,
}


@pytest.mark.parametrize("name", DAMAGED)
def test_load_refuses_damaged_files_and_names_them(name, tmp_path):
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(DAMAGED[name])
    with pytest.raises(SerializeError, match=r"damaged\.safetensors is no whole safetensors file"):
        serialize.load(path)


def test_a_file_cut_or_changed_anywhere_loads_as_it_was_or_is_refused(tmp_path):
    path = tmp_path / "x"
    serialize.save(path, {"a": np.arange(4.0), "b": np.ones((2, 2), np.float32)}, {"k": "v"})
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with pytest.raises(SerializeError):
            serialize.load(path)
    for _ in range(300):
        changed = bytearray(whole)
        changed[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        with contextlib.suppress(SerializeError):
            serialize.load(path)


# --- atomic ---------------------------------------------------------------------------------------------------------


def test_a_failed_save_leaves_the_old_file_and_no_leftover(tmp_path, monkeypatch):
    path = tmp_path / "x"
    serialize.save(path, {"x": np.ones(1)})

    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SerializeError, match="No space left"):
        serialize.save(path, {"x": np.zeros(1)})
    monkeypatch.undo()
    assert serialize.load(path).tensors["x"].item() == 1
    assert os.listdir(tmp_path) == ["x"]


def test_a_file_has_the_permissions_of_any_new_file(tmp_path):
    serialize.save(tmp_path / "x", {"x": np.ones(1)})
    (tmp_path / "y").touch()
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "y").stat().st_mode


def test_killed_at_any_moment_the_old_or_the_new_file_loads(tmp_path):
    path = tmp_path / "x"
    program = (
        "import sys, numpy as np\n"
        "from autograd import serialize\n"
        "n = 0\n"
        "while True:\n"
        "    serialize.save(sys.argv[1], {'x': np.full(200_000, float(n))}, {'n': str(n)})\n"
        "    n += 1\n"
    )
    serialize.save(path, {"x": np.zeros(200_000)}, {"n": "0"})
    rng = np.random.default_rng(0)
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", program, str(path)], cwd=os.getcwd(), env=_environment())
        before = path.stat().st_mtime_ns
        deadline = time.monotonic() + 30
        while path.stat().st_mtime_ns == before and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.05))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        tensors, metadata = serialize.load(path)
        assert (tensors["x"].numpy() == float(metadata["n"])).all()
    (tmp_path / f".x.{writer.pid}-9.tmp").write_bytes(b"left behind")
    (tmp_path / f".x.{os.getpid()}-999999.tmp").write_bytes(b"of a process that lives")
    serialize.save(path, {"x": np.ones(1)})
    assert sorted(os.listdir(tmp_path)) == sorted([f".x.{os.getpid()}-999999.tmp", "x"])


def _environment():
    root = os.path.dirname(os.path.dirname(os.path.abspath(autograd.__file__)))
    return os.environ | {"PYTHONPATH": root}


def test_nothing_in_the_package_unpickles_tensors():
    import pickle

    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(autograd.tensor([1.0]))
