"""Who may import whom: every import arrow points to the same layer or to one below."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("autograd", "nn", "optim", "segmentation", "benchmarks", "tests")

LAYERS = [  # lowest first; the longest matching prefix decides
    ("autograd.geometry", "autograd.kernels"),
    ("autograd.dtypes", "autograd.modes", "autograd.hooks", "autograd.anomaly", "autograd.graph", "autograd.memory",
     "autograd.primitive", "autograd.tensor", "autograd.accumulation", "autograd.engine", "autograd.random"),
    ("autograd.ops",),
    ("autograd",),
    ("nn", "optim"),
    ("segmentation",),
    ("benchmarks", "tests", "autograd.warmup"),
]  # fmt: skip

# the two ops that undo broadcasting and promotion, imported inside the function that needs them
EXCEPTIONS = {("autograd.engine", "autograd.ops.layout")}

HEAVY = {"matplotlib", "PIL", "onnx", "graphviz", "torch", "numba", "tqdm", "safetensors"}


def layer(module: str) -> int:
    best = max(
        (
            (len(prefix), i)
            for i, names in enumerate(LAYERS)
            for prefix in names
            if f"{module}.".startswith(f"{prefix}.")
        ),
    )
    return best[1]


def imports(path: Path) -> set[str]:
    """Every module of ours that a file imports, as full names; imports for the type checker alone do not run."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    package = parts[:-1]
    found = set()
    tree = ast.parse(path.read_text())
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            name = ".".join(p for p in (base, node.module) if p)
            found |= {f"{name}.{alias.name}" if is_module(f"{name}.{alias.name}") else name for alias in node.names}
    return found


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def source_files():
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", list(source_files()), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_import_runs_back(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    me = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    for other in imports(path):
        if other.split(".")[0] in PACKAGES and (me, other) not in EXCEPTIONS:
            assert layer(other) <= layer(me), f"{me} imports {other}, which stands above it"


def test_importing_the_packages_loads_nothing_heavy():
    code = f"import autograd, nn, optim, sys; print(*({HEAVY!r} & sys.modules.keys()))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert loaded.split() == []


def test_the_checker_notices_an_arrow_that_runs_back():
    assert (
        layer("autograd.kernels.conv") < layer("autograd.engine") < layer("autograd.ops.conv") < layer("autograd.viz")
    )
    assert layer("autograd.viz.svg") < layer("nn.functional.conv") < layer("segmentation.models.unet")
    assert layer("segmentation.training") < layer("benchmarks.cases")
