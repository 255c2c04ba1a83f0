"""The README's Python runs as it stands, and its links lead somewhere."""

import re
from pathlib import Path

import numpy as np
import pytest

import autograd as ag

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    images = ag.tensor(np.random.default_rng(0).normal(size=(4, 1, 28, 28)).astype(np.float32))
    names = {"batches": [(images, ag.tensor(np.array([0, 1, 2, 3])))]}
    blocks = [block for block in BLOCKS if "@primitive" not in block]  # that one shows autograd/ops/elementwise.py
    assert len(blocks) == 3
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "tensor([ 0.    , -0.1353, -0.0996])" in printed
    np.testing.assert_allclose(names["h"].numpy(), [6.0, 12.0, 18.0])
    assert (tmp_path / "graph.svg").read_text().startswith("<svg")


def test_the_op_shown_in_the_readme_is_the_op():
    (block,) = [block for block in BLOCKS if "@primitive" in block]
    source = (ROOT / "autograd" / "ops" / "elementwise.py").read_text()
    assert "return spread(np.multiply, input, other)" in block
    assert "return spread(np.multiply, input, other)" in source


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_links_lead_to_files_of_the_project(link):
    assert (ROOT / link).exists()
