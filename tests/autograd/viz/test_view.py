"""How much is shown: depth, max_nodes, folded parameters, steps, and the text tree."""

import json

import pytest

from autograd import viz

from .models import Conv2d, DoubleConv, Module, ReLU, Sequential, UNet, chain, leaf, op, unet_loss


def titles(g):
    return [item.title for item in g.shown.items]


def test_the_first_look_at_a_unet_is_its_modules():
    g = viz.graph(unet_loss())
    assert titles(g)[:3] == ["input", "stages.0: DoubleConv", "pools.0: MaxPool2d"]
    assert len(g.shown.items) == 17
    stage = g.shown.items[1]
    assert stage.lines == ("(8, 3, 64, 64) → (8, 16, 64, 64)", "2,832 parameters · 6 ops")
    assert dict(stage.mix) == {"convolution": 2, "normalisation": 2, "activation": 2}


def test_depth_opens_modules_level_by_level():
    loss = unet_loss()
    assert titles(viz.graph(loss, depth=0)) == ["input", "UNet", "CrossEntropyLoss"]
    assert len(viz.graph(loss, depth=2).shown.items) == 50
    assert "0: Conv2d" in titles(viz.graph(loss, depth=9))


def test_max_nodes_is_never_passed():
    loss = unet_loss()
    for most in (1, 2, 3, 10, 17, 60, 150):
        for depth in (None, 1, 9):
            assert len(viz.graph(loss, depth=depth, max_nodes=most).shown.items) <= most
    for most in (1, 2, 7, 150):
        assert len(viz.graph(chain(1234), max_nodes=most).shown.items) <= most


def test_a_module_with_one_op_is_that_op_under_its_name():
    g = viz.graph(DoubleConv(3, 4)(leaf(1, 3, 8, 8)), depth=1)
    conv = g.shown.items[1]
    assert conv.title == "0: Conv2d"
    assert conv.lines == ("3×3 · padding 1", "(1, 4, 8, 8)", "weight (4, 3, 3, 3) · bias (4,)")


def test_modules_around_a_single_op_collapse_to_one_node():
    g = viz.graph(Sequential(Sequential(ReLU()))(leaf(3)), depth=9)
    assert titles(g) == ["input", "ReLU"]


def test_parameters_can_be_nodes():
    g = viz.graph(Conv2d(3, 4)(leaf(1, 3, 8, 8)), params="nodes")
    assert titles(g) == ["input", "weight", "bias", "conv2d 3×3"]
    assert g.shown.boxes[1].members == ("Conv2d.weight", "Conv2d.bias", "Conv2d/conv2d#0")


def test_a_parameter_that_is_an_output_stays_a_node():
    conv = Conv2d(3, 4)
    g = viz.graph({"y": conv(leaf(1, 3, 8, 8)), "w": conv.weight}, depth=9)
    assert "weight" in titles(g)


def test_a_long_row_of_ops_is_cut_into_steps():
    g = viz.graph(chain(1000))
    assert titles(g)[:2] == ["input", "steps 0–99"]
    assert len(g.shown.items) == 11
    opened = viz.graph(chain(250), depth=1)
    assert len(opened.shown.items) == 1 + 3


def test_a_view_is_a_changed_copy():
    g = viz.graph(unet_loss())
    deep = g.view(depth=9)
    assert len(deep.shown.items) > len(g.shown.items)
    assert deep.form is g.form
    with pytest.raises(TypeError, match="no option 'deep'"):
        g.view(deep=1)


def test_json_gives_the_graph_back():
    g = viz.graph(unet_loss(8, 1))
    again = viz.from_json(g.json())
    assert again.form == g.form
    assert again.svg() == g.svg()
    assert json.loads(g.json())["schema"] == 1


@pytest.mark.parametrize("text", ['{"schema": 99}', "[]"])
def test_json_of_another_schema_is_refused(text):
    with pytest.raises(ValueError, match="schema 1 expected"):
        viz.from_json(text)


def test_inserting_a_layer_changes_only_its_own_lines():
    x = leaf(1, 3, 4, 4)
    before = set(viz.graph(Named()(x)).json().splitlines())
    after = set(viz.graph(Named(extra=True)(x)).json().splitlines())
    assert all("extra" in line or "out" in line for line in before ^ after)


class Named(Module):
    def __init__(self, extra=False):
        self.first, self.second, self.out = Conv2d(3, 3), Conv2d(3, 3), ReLU()
        if extra:
            self.extra = ReLU()

    def forward(self, x):
        x = self.second(self.first(x))
        return self.out(self.extra(x) if hasattr(self, "extra") else x)


def test_text_is_an_indented_tree():
    text = viz.graph(UNet(depth=1, classes=2)(leaf(1, 3, 8, 8))).text()
    lines = text.splitlines()
    assert lines[:4] == [
        "input  (1, 3, 8, 8)  input",
        "UNet  25,938 parameters",
        "  stages.0: DoubleConv  2,832 parameters",
        "    0: Conv2d  conv2d 3×3  (1, 16, 8, 8)  padding 1  weight (16, 3, 3, 3)  bias (16,)  ← input",
    ]
    assert "    cat  (1, 32, 8, 8)  dim 1  ← UNet.stages.0.5/relu#0, UNet.ups.0.up/conv2d_input#0" in lines
    assert lines[-1].endswith("⇒ output")


def test_equal_neighbours_share_a_line():
    g = viz.graph(Sequential(*(DoubleConv(4, 4) for _ in range(12)))(leaf(1, 4, 8, 8)))
    lines = g.text().splitlines()
    assert "  1–10: DoubleConv × 10  312 parameters each" in lines


def test_text_can_be_cut():
    text = viz.graph(unet_loss()).text(max_lines=5)
    assert len(text.splitlines()) == 5
    assert text.endswith("more lines")
    with pytest.raises(ValueError, match="at least 1"):
        viz.graph(leaf(1)).text(max_lines=0)


def test_an_op_that_reads_nothing_recorded_and_two_outputs_are_drawn():
    x = leaf(3)
    y, z = op("neg", (x,), (3,)), op("exp", (x,), (3,))
    g = viz.graph({"first": y, "second": z})
    assert titles(g) == ["input", "neg", "exp", "first", "second"]
    assert {(link.source, link.target) for link in g.shown.links} >= {("neg#0", "output[0]"), ("exp#0", "output[1]")}
