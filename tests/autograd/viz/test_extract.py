"""What is recorded becomes the form: names, homes, order."""

import gc

import numpy as np
import pytest

import autograd
import nn
from autograd import tensor, viz
from autograd.modes import modes
from autograd.viz.extract import _value
from autograd.viz.names import clean, safe

from .models import Conv2d, Module, Parameter, ReLU, Sequential, UNet, chain, leaf, op, unet_loss


def by_id(g):
    return {node.id: node for node in g.form.nodes}


def test_nodes_are_named_by_module_path_op_and_count():
    g = viz.graph(UNet(depth=1)(leaf(1, 3, 8, 8)))
    ids = [node.id for node in g.form.nodes if node.kind == "op"]
    assert ids[0] == "UNet.stages.0.0/conv2d#0"
    assert "UNet.ups.0/cat#0" in ids
    assert ids[-1] == "UNet.head/conv2d#0"
    assert len(set(ids)) == len(ids)


def test_parameters_carry_their_name_in_the_model_and_stand_in_the_module_that_reads_them():
    weight = by_id(viz.graph(UNet(depth=1)(leaf(1, 3, 8, 8))))["UNet.stages.0.0.weight"]
    assert (weight.kind, weight.module, weight.shape) == ("parameter", "UNet.stages.0.0", (16, 3, 3, 3))


def test_modules_know_their_class_their_attribute_name_and_their_parameters():
    modules = {m.id: m for m in viz.graph(unet_loss(8, 1)).form.modules}
    assert (modules["UNet.ups.0.up"].name, modules["UNet.ups.0.up"].kind) == ("up", "ConvTranspose2d")
    assert modules["UNet.ups.0.up"].parameters == 32 * 16 * 2 * 2
    assert (modules["CrossEntropyLoss"].name, modules["CrossEntropyLoss"].outer) == ("CrossEntropyLoss", "")


def test_calls_of_one_module_are_told_apart_and_share_their_parameters():
    shared = Conv2d(3, 3)

    class Twice(Module):
        def __init__(self):
            self.conv = shared

        def forward(self, x):
            return self.conv(self.conv(x))

    g = viz.graph(Twice()(leaf(1, 3, 4, 4)))
    assert [m.id for m in g.form.modules] == ["Twice", "Twice.conv", "Twice.conv%1"]
    weight = by_id(g)["Twice.conv.weight"]
    assert weight.module == "Twice"  # read in both calls: it belongs to what is around them


def test_another_module_of_the_same_name_gets_an_id_of_its_own():
    x = leaf(3)
    g = viz.graph(op("add", (ReLU()(x), ReLU()(x)), (3,)))
    assert [m.id for m in g.form.modules] == ["ReLU", "ReLU~1"]


def test_a_module_its_outer_module_does_not_know_goes_by_its_class():
    class Hidden(Module):
        def forward(self, x):
            return ReLU()(x)

    assert [m.id for m in viz.graph(Hidden()(leaf(3))).form.modules] == ["Hidden", "Hidden.ReLU"]


def test_an_input_is_outside_of_every_module_and_the_only_one_is_called_input():
    node = by_id(viz.graph(ReLU()(leaf(3))))["input"]
    assert (node.kind, node.module) == ("input", "")
    g = viz.graph(op("add", (leaf(3), leaf(3)), (3,)))
    assert [n.id for n in g.form.nodes] == ["x0", "x1", "add#0"]


def test_tensors_can_be_given_names():
    w = leaf(3)
    assert "w_1" in by_id(viz.graph(op("neg", (w,), (3,)), names={"w 1": w}))


def test_a_parameter_whose_tensor_died_is_still_drawn():
    y = op("neg", (Parameter(3),), (3,))
    gc.collect()
    assert [n.id for n in viz.graph(y).form.nodes] == ["input", "neg#0"]


def test_edges_carry_the_name_of_the_input():
    g = viz.graph(Conv2d(3, 4)(leaf(1, 3, 4, 4)))
    assert [(e.source, e.input) for e in g.form.edges] == [
        ("input", "x"),
        ("Conv2d.weight", "w"),
        ("Conv2d.bias", "bias"),
    ]


def test_details_are_kept_without_folders():
    node = by_id(viz.graph(Conv2d(3, 4)(leaf(1, 3, 4, 4))))["Conv2d/conv2d#0"]
    assert ("padding", "(1, 1)") in node.settings
    assert node.saved_bytes == 4 * 4 * 4 * 4
    assert node.where.startswith("models.py:")


def test_works_after_backward_freed_the_saved_values():
    x = tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    before = viz.graph(y)
    y.backward()
    after = viz.graph(y)
    assert [n.id for n in after.form.nodes] == [n.id for n in before.form.nodes]
    assert None in [n.saved_bytes for n in after.form.nodes]
    assert "freed by backward" in after.svg()


def test_a_tensor_without_history_is_a_graph_of_one_node():
    g = viz.graph(tensor([1.0, 2.0]))
    assert [(n.kind, n.shape) for n in g.form.nodes] == [("constant", (2,))]
    assert g.svg().startswith("<svg")
    assert repr(viz.graph(leaf(2))) == "input  (2,)  input  ⇒ output"


def test_lists_and_dicts_of_tensors_name_their_outputs():
    x = leaf(3)
    y, z = op("neg", (x,), (3,)), tensor(1.0)
    assert viz.graph({"y": y, "z": z, "again": y}).form.outputs == (
        ("y", "neg#0"),
        ("z", "tensor#0"),
        ("again", "neg#0"),
    )
    assert viz.graph([y]).form.outputs == (("[0]", "neg#0"),)


@pytest.mark.parametrize(
    ("x", "options", "error", "words"),
    [
        (3, {}, TypeError, "not int"),
        (UNet(), {}, TypeError, "call it"),
        ([leaf(1), 2], {}, TypeError, "item '\\[1\\]' is a int"),
        ([], {}, ValueError, "empty"),
        (leaf(1), {"depth": -1}, ValueError, "depth is at least 0"),
        (leaf(1), {"depth": 1.5}, TypeError, "whole number"),
        (leaf(1), {"max_nodes": 0}, ValueError, "max_nodes is at least 1"),
        (leaf(1), {"direction": "up"}, ValueError, "'TB'"),
        (leaf(1), {"params": "no"}, ValueError, "'inline' or 'nodes'"),
        (leaf(1), {"names": {"w": 1}}, TypeError, "'w' is a int"),
    ],
)
def test_wrong_arguments_are_refused_with_a_reason(x, options, error, words):
    with pytest.raises(error, match=words):
        viz.graph(x, **options)


def test_a_chain_of_a_hundred_thousand_ops_is_drawn():
    g = viz.graph(chain(100_000))
    assert len(g.form.nodes) == 100_001
    assert len(g.shown.items) <= 150
    assert repr(g).splitlines()[-2:] == ["mul × 99998  (3,)", "mul  (3,)  ⇒ output"]
    assert g.svg().count("<title>") > 10


def test_a_read_setting_is_the_same_text_in_every_process():
    values = [
        np.zeros((2, 3)),
        slice(1, None, 2),
        (1, 2),
        [None],
        np.float32(0.5),
        np.dtype("f4"),
        np.float64,
        object(),
        ...,
    ]
    texts = ["array (2, 3) float64", "1::2", "(1, 2)", "(None,)", "0.5", "float32", "float64", "object", "…"]
    assert [_value(v) for v in values] == texts


def test_names_are_cleaned_for_every_file_format():
    assert clean("a\x00b\ud800c\nd") == "abc d"
    assert len(clean("x" * 1000)) == 80
    assert safe('<a:b>"\\é') == "_a_b____"


def test_drawing_leaves_the_scope_alone():
    viz.graph(unet_loss(8, 1)).svg()
    assert modes.scope is None


def test_modules_without_names_or_parameters_are_drawn_too():
    class Bare:
        __call__ = Module.__call__

        def forward(self, x):
            return Sequential(ReLU(), ReLU())(x)

    assert [m.id for m in viz.graph(Bare()(leaf(3))).form.modules] == [
        "Bare", "Bare.Sequential", "Bare.Sequential.0", "Bare.Sequential.1",
    ]  # fmt: skip


def test_a_network_of_nn_is_drawn_with_its_names():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    g = viz.graph(net(tensor([[1.0, 2.0, 3.0]])).sum(), depth=1)
    assert [m.id for m in g.form.modules] == ["Sequential", "Sequential.0", "Sequential.1", "Sequential.2"]
    assert by_id(g)["Sequential.0.weight"].shape == (4, 3)
    assert next(item.title for item in g.shown.items if item.kind == "module") == "0: Linear"
    assert g.form.modules[0].parameters == 21


def test_an_op_with_several_outputs_has_each_of_them_below_it():
    x = autograd.tensor(np.eye(3) + 1.0, requires_grad=True)
    values, vectors = autograd.linalg.eigh(x)
    form = viz.graph(values.sum() + vectors.sum()).form
    assert [node.name for node in form.nodes].count("output") == 2
    assert viz.graph(values.sum()).svg().startswith("<svg")
