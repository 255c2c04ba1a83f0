"""A compiled function drawn and reported: its modules as boxes, each fused loop as a box, its sources as they run."""

import pytest

import autograd
import nn
from autograd.viz import GraphForm


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.last = nn.Linear(40, 120), nn.Linear(120, 1)

    def forward(self, x):
        return self.last((self.inner(x) * 2 + 1).relu())


@pytest.fixture(scope="module")
def twin():
    twin = autograd.compile(Net(), fullgraph=True)
    twin(autograd.ones(50, 40)).sum().backward()
    return twin


def test_a_fused_loop_is_a_box_inside_its_module(twin):
    form = twin.graph().form
    (box,) = [m for m in form.modules if m.kind == "one loop"]
    assert box.outer == "Net"
    assert box.name == "fused: add · mul · relu"
    assert [n.name for n in form.nodes if n.module == box.id] == ["add", "mul", "add", "relu"]
    assert {m.id for m in form.modules} > {"Net", "Net.inner", "Net.last"}


def test_parameters_arguments_and_outputs_have_names(twin):
    form = twin.graph().form
    assert {n.name for n in form.nodes if n.kind == "parameter"} == {
        "Net.inner.weight",
        "Net.inner.bias",
        "Net.last.weight",
        "Net.last.bias",
    }
    assert [n.name for n in form.nodes if n.kind == "input"] == ["argument 0"]
    ids = {n.id for n in form.nodes}
    assert len(ids) == len(form.nodes)
    assert all(e.source in ids and e.target in ids for e in form.edges)
    assert all(target in ids for _, target in form.outputs)


def test_the_backward_pass_is_a_graph_of_its_own(twin):
    graph = twin.graph(backward=True, depth=3)
    names = [n.name for n in graph.form.nodes]
    assert "gradient" in names
    assert any(name.endswith("(kept)") for name in names)
    assert len(graph.form.outputs) == 4
    assert "<svg" in graph.svg()


def test_two_drawings_are_equal_and_the_form_survives_json(twin):
    assert twin.graph().svg() == twin.graph().svg()
    form = twin.graph().form
    assert GraphForm.from_json(form.to_json()) == form
    assert "fused: add · mul · relu" in twin.graph(depth=5).svg()


def test_the_report_tells_what_was_fused_and_shows_the_sources(twin):
    report = twin.report()
    assert "Net: 1 recording" in report
    assert "(50, 40) float32" in report
    assert ": add, mul, add, relu" in report
    assert "kept for the backward pass" in report
    assert "def forward(arrays):" in report
    assert "def backward(arrays):" in report
    assert "def fused(start, stop" in report


def test_nothing_to_draw_is_an_error():
    f = autograd.compile(lambda x: x * 2)
    with pytest.raises(RuntimeError, match="no recording yet"):
        f.graph()
    f(autograd.ones(3))
    with pytest.raises(RuntimeError, match="no backward pass"):
        f.graph(backward=True)
