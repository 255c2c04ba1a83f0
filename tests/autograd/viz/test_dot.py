"""DOT text: the same graph, with every name shown as it is."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from autograd import viz
from autograd.viz import dot as dot_language
from autograd.viz.dot import dot_escape

from .models import leaf, unet_loss
from .strings import NASTY, named

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot of Graphviz is not installed")


def test_modules_are_clusters_and_shapes_are_in_the_labels():
    text = viz.graph(unet_loss(8, 1), depth=9).dot()
    assert 'subgraph "cluster UNet.stages.0" {' in text
    assert 'label="stages.0: DoubleConv"' in text
    assert r"(8, 16, 8, 8)\nweight (16, 3, 3, 3) · bias (16,)" in text
    assert '"UNet.stages.0.0" -> "UNet.stages.0.1"' in text
    assert text.count("{") == text.count("}")


def test_the_graphviz_package_holds_the_same_text():
    g = viz.graph(unet_loss(8, 1))
    assert g.to_graphviz().source == g.dot()


def test_every_link_joins_two_declared_nodes():
    text = viz.graph(unet_loss(8, 2), depth=9, params="nodes", max_nodes=500).dot()
    declared = set(re.findall(r'^\t+("[^"]*") \[label', text, re.MULTILINE))
    links = re.findall(r'^\t("[^"]*") -> ("[^"]*")$', text, re.MULTILINE)
    assert links
    assert {end for link in links for end in link} <= declared


@pytest.mark.parametrize("text", NASTY)
def test_a_nasty_name_stays_inside_its_quotes(text):
    written = dot_escape(text)
    assert re.fullmatch(r'(?:[^"\\\n]|\\["\\n])*', written)
    source = viz.graph({text: named(text)(leaf(2))}, depth=9).dot()
    assert re.sub(r'"(?:[^"\\]|\\.)*"', "", source).count("<") == 0


@needs_dot
@pytest.mark.parametrize("engine", ["text", "package"])
def test_nasty_names_come_out_of_dot_as_they_went_in(engine):
    """All names in one run, because starting dot is what takes time."""
    lines = [f'n{i} [label="{dot_escape(text)}"]' for i, text in enumerate(NASTY)]
    if engine == "text":
        picture = dot_language.run_dot("digraph {\n" + "\n".join(lines) + "\n}\n", "svg")
    else:
        from graphviz import Digraph

        picture = Digraph(body=[line + "\n" for line in lines]).pipe(format="svg")
    drawn = {}
    for group in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}g"):
        if group.get("class") == "node":
            words = [e.text or "" for e in group.iter("{http://www.w3.org/2000/svg}text")]
            drawn[int(group[0].text[1:])] = "\n".join(words).replace("\xa0", " ")
    for i, text in enumerate(NASTY):
        if text.strip() and all(c.isprintable() for c in text.replace("\n", "")):
            assert drawn[i] == text


@needs_dot
def test_dot_draws_a_module_graph(tmp_path):
    g = viz.graph(unet_loss(8, 1), depth=2)
    assert "<svg" in g.svg(engine="dot")
    assert g.save(tmp_path / "g.png", engine="dot").read_bytes().startswith(b"\x89PNG")


def test_without_dot_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match="engine='own'"):
        viz.graph(leaf(1)).svg(engine="dot")


def test_a_dot_that_does_not_finish_is_stopped(monkeypatch):
    def never(*args, **options):
        raise subprocess.TimeoutExpired(args, options["timeout"])

    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/dot")
    monkeypatch.setattr(subprocess, "run", never)
    with pytest.raises(RuntimeError, match="show less"):
        viz.graph(leaf(1)).svg(engine="dot")


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("g.png", {}, "engine='dot'"),
        ("g.bmp", {}, "ending"),
        ("g", {}, "ending"),
        ("g.txt", {"engine": "dot"}, ".svg, .png and .pdf"),
        ("g.svg", {"engine": "neato"}, "'own' or 'dot'"),
    ],
)
def test_save_refuses_what_it_cannot_write(tmp_path, name, options, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        viz.graph(leaf(1)).save(tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_save_writes_what_the_ending_says(tmp_path):
    g = viz.graph(unet_loss(8, 1))
    made = {"svg": g.svg(), "html": g.html(), "dot": g.dot(), "gv": g.dot(), "json": g.json(), "txt": g.text()}
    for kind, content in made.items():
        assert g.save(str(tmp_path / f"g.{kind}")).read_text(encoding="utf-8") == content
