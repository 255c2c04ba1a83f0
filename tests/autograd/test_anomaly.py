"""Anomaly detection names the op that makes the first NaN, and its line, at the first try."""

from __future__ import annotations

import math
import re
import threading
from pathlib import Path

import numpy as np
import pytest

import autograd as ag
from autograd import tensor


def leaf(*values):
    return tensor(np.array(values), requires_grad=True)


def here(text):
    """The file and line of the statement marked with a comment of this text."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    number = next(i for i, line in enumerate(lines, 1) if line.endswith(f"# {text}"))
    return re.escape(f"{__file__}:{number}")


def test_the_op_whose_gradient_is_the_first_nan_is_named_with_its_forward_line():
    x = leaf(0.0, 4.0)
    y = x.sqrt()  # the root
    z = (y * 0.0 + x).sum()  # recorded before anomalies are looked for
    with (
        ag.detect_anomaly(),
        pytest.raises(RuntimeError, match=f"^sqrt: the gradient of its input .*{here('the root')}"),
    ):
        z.backward()
    assert x.grad is None


def test_the_op_that_makes_the_first_nan_forwards_is_named():
    x = leaf(1.0, -1.0)
    with ag.detect_anomaly(), pytest.raises(RuntimeError, match=rf"^log: makes the first NaN at {here('the log')}"):
        (x * 2.0).log().sum()  # the log
    with ag.detect_anomaly(), pytest.raises(RuntimeError, match=r"^div: .* of inputs in \[0, 0\] \(1,\), in \[0, 0\]"):
        tensor([0.0]) / tensor([0.0])


def test_nan_that_was_there_before_is_not_blamed_on_an_op():
    x = leaf(math.nan, 1.0)
    with ag.detect_anomaly():
        y = (x * 2.0).exp()
        with pytest.raises(RuntimeError, match=r"^exp: the gradient of its input is the first NaN"):
            y.sum().backward()


def test_nan_that_no_op_made_is_told_apart():
    x = leaf(1.0)
    y = x * 2.0
    with ag.detect_anomaly(), pytest.raises(RuntimeError, match=r"^mul: NaN arrives .* given to backward"):
        y.backward(tensor(np.array([math.nan])))
    y = x * 2.0
    y.register_hook(lambda g: g * math.nan)
    with ag.detect_anomaly(), pytest.raises(RuntimeError, match=r"^mul: NaN arrives .* returned by a hook"):
        y.backward()
    y = x * 1.0
    z = y * math.inf - y * math.inf
    with ag.detect_anomaly(), pytest.raises(RuntimeError, match=r"^mul: NaN arrives .* sum of inf and -inf"):
        z.backward()


def test_all_kinds_of_rules_are_looked_at():
    a = tensor(np.eye(2), requires_grad=True)
    vectors = ag.linalg.eigh(a).eigenvectors
    with ag.detect_anomaly(), pytest.raises(RuntimeError, match=r"^eigh: the gradient of its"):
        (vectors * tensor(np.arange(4.0).reshape(2, 2))).sum().backward()
    x, y = leaf(0.0), leaf(1.0)
    z = ag.cat([y, x**0.5 * 0.0])
    with ag.detect_anomaly(), pytest.raises(RuntimeError, match=r"^pow: the gradient of its input"):
        z.sum().backward()


def test_create_graph_and_rules_that_make_nan_on_the_way():
    x = leaf(0.0, 2.0)
    with ag.detect_anomaly():
        (g,) = ag.grad(ag.prod(x), x, create_graph=True)
        assert g.tolist() == [2.0, 0.0]
        with pytest.raises(RuntimeError, match="the first NaN"):
            ag.grad((x.sqrt() * 0.0).sum(), x, create_graph=True)


def test_it_is_off_outside_and_per_thread():
    x, found = leaf(0.0), []
    with ag.detect_anomaly():
        assert ag.is_anomaly_enabled()
        thread = threading.Thread(target=lambda: found.append(ag.is_anomaly_enabled()))
        thread.start()
        thread.join()
    assert found == [False]
    assert not ag.is_anomaly_enabled()
    (x.sqrt() * 0.0).sum().backward()
    assert math.isnan(x.grad.item())
    with ag.detect_anomaly(check_nan=False):
        assert math.isnan((x / 0.0).item())


def test_set_detect_anomaly_as_a_switch_a_block_and_a_decorator():
    ag.set_detect_anomaly(True)
    assert ag.is_anomaly_enabled()
    with ag.set_detect_anomaly(False):
        assert not ag.is_anomaly_enabled()
    assert ag.is_anomaly_enabled()
    ag.set_detect_anomaly(False)

    @ag.detect_anomaly()
    def look():
        return ag.is_anomaly_enabled()

    assert look()
    assert not ag.is_anomaly_enabled()

    @ag.set_detect_anomaly(True)
    def look_too():
        return ag.is_anomaly_enabled()

    assert not ag.is_anomaly_enabled()
    assert look_too()
    assert not ag.is_anomaly_enabled()


def test_a_compiled_function_is_looked_into():
    @ag.compile
    def root(x):
        return (x.sqrt() * 0.0).sum()

    x = leaf(0.0)
    root(x)
    with ag.detect_anomaly():
        with pytest.warns(UserWarning, match="anomaly detection"):
            y = root(x)
        with pytest.raises(RuntimeError, match=r"^sqrt: the gradient"):
            y.backward()
