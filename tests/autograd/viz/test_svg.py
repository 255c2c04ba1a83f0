"""The picture is well-formed, self-contained, readable, and the same every time."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import viz
from autograd.viz.paint import MODULE, QUIET, TEXT, TINT, contrast, text_width
from autograd.viz.svg import xml_escape

from .models import chain, leaf, op, unet_loss
from .strings import NASTY, named

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture):
    return [element.text for element in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def test_shows_modules_shapes_and_folded_parameters():
    shown = texts(viz.graph(unet_loss(64, 4), depth=9).svg())
    assert {"UNet", "stages.0: DoubleConv", "0: Conv2d", "weight (16, 3, 3, 3) · bias (16,)", "(8, 16, 64, 64)"} <= set(
        shown
    )


def test_holds_no_script_and_refers_to_nothing_outside():
    root = ElementTree.fromstring(viz.graph(unet_loss(8, 1)).svg())
    kinds = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert kinds == {"svg", "title", "desc", "style", "rect", "g", "text", "path"}
    assert not [name for element in root.iter() for name in element.attrib if "href" in name or name.startswith("on")]
    assert root.get("viewBox")
    assert "max-width:100%" in root.get("style")


def test_every_node_explains_itself_when_pointed_at():
    titles = [e.text for e in ElementTree.fromstring(viz.graph(unet_loss(8, 1), depth=9).svg()).iter(f"{SVG}title")]
    found = next(t for t in titles if t.startswith("UNet.stages.0.0/conv2d#0"))
    assert "w = UNet.stages.0.0.weight (16, 3, 3, 3)" in found
    assert "recorded at models.py:" in found


@pytest.mark.parametrize("text", NASTY)
def test_nasty_names_are_shown_as_text(text):
    g = viz.graph({text: named(text)(leaf(2))}, names={})
    for depth in (0, 1, 9):
        ElementTree.fromstring(g.view(depth=depth).svg().encode())
    if 0 < len(text) < 30 and text.isprintable():
        assert any(text in shown for shown in texts(g.view(depth=9).svg()))


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_any_name_leaves_the_picture_well_formed(text):
    x = leaf(2)
    g = viz.graph({text: op("neg", (x,), (2,), setting=text)}, names={text: x})
    ElementTree.fromstring(g.svg().encode())
    ElementTree.fromstring(f'<a b="{xml_escape(viz.names.clean(text))}"/>')
    assert viz.from_json(g.json()).form == g.form


@pytest.mark.parametrize("fill", [*TINT.values(), MODULE])
def test_text_stands_out_from_every_fill(fill):
    assert contrast(TEXT, fill) >= 4.5
    assert contrast(QUIET, fill) >= 4.5


def test_contrast_is_the_wcag_ratio():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_wide_letters_count_as_wide():
    assert text_width("WWW", 10) > text_width("iii", 10)
    assert text_width("日本", 10) == pytest.approx(21)
    assert text_width("e\u0301", 10) == text_width("e", 10)


def test_two_pictures_of_one_model_are_byte_equal():
    first, second = viz.graph(unet_loss(16, 2)), viz.graph(unet_loss(16, 2))
    for make in (viz.Graph.svg, viz.Graph.dot, viz.Graph.text, viz.Graph.json, viz.Graph.html):
        assert make(first) == make(second)


def test_processes_with_different_hash_seeds_draw_the_same_bytes():
    code = (
        "import hashlib; from autograd import viz; from tests.autograd.viz.models import unet_loss\n"
        "g = viz.graph(unet_loss(16, 2), depth=9)\n"
        "print(hashlib.sha256((g.svg() + g.dot() + g.text() + g.json()).encode()).hexdigest())"
    )
    found = set()
    for seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment,
            cwd=Path(__file__).parents[3],
        )  # fmt: skip
        found.add(done.stdout)
    assert len(found) == 1


def test_a_notebook_gets_text_and_picture():
    bundle = viz.graph(unet_loss(64, 4))._repr_mimebundle_()
    assert len(bundle["text/plain"].splitlines()) == 40
    assert bundle["image/svg+xml"].startswith("<svg")


def test_a_notebook_gets_no_picture_that_would_choke_it():
    bundle = viz.graph(chain(2500), max_nodes=5000)._repr_mimebundle_()
    assert set(bundle) == {"text/plain"}


def test_a_notebook_never_gets_an_exception(monkeypatch):
    g = viz.graph(leaf(2))
    monkeypatch.setattr(viz.Graph, "svg", lambda self: 1 / 0)
    assert "no picture: ZeroDivisionError" in g._repr_mimebundle_()["text/plain"]


def test_html_is_one_page_that_may_load_nothing():
    page = viz.graph(unet_loss(8, 1)).html()
    assert "default-src 'none'" in page
    assert page.count("<svg") == 1
    assert "<script" not in page
    assert "← UNet.stages.0.5/relu#0" in page
