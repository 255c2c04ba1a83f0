"""The report: well-formed, complete, self-contained, and no name can break it."""

import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from segmentation.cli import main
from segmentation.commands import describe
from segmentation.config import Config
from segmentation.interrupt import StopRequest
from segmentation.progress import Progress
from segmentation.report.charts import Line, _ticks, line_chart
from segmentation.report.pictures import rank, shrink
from segmentation.run import Run
from segmentation.training import Trainer

VOID = {
    "meta",
    "img",
    "br",
    "hr",
    "link",
    "input",
    "path",
    "circle",
    "line",
    "rect",
    "use",
    "polygon",
    "polyline",
    "stop",
}
NASTY = '<script>alert("1")</script>&\'"'


class Checker(HTMLParser):
    """Fails on unbalanced tags; collects tags, attributes and text."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.links, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "action", "data"):
                self.links.append(value)
            assert not name.startswith("on"), f"{tag} has {name}"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def check(html):
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert checker.open == []
    assert "script" not in checker.tags
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in checker.links)
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)
    assert "nan" not in " ".join(checker.text).lower().split()
    return checker


class Nasty:
    """A data set whose every name is an attack."""

    classes = (NASTY, "b<i>")
    in_channels, size, ignore_index = 3, (9, 14), 255

    def __len__(self):
        return 5

    def name(self, i):
        return f"{i}{NASTY}"

    def fingerprint(self, i):
        return b"nasty"

    def __getitem__(self, i):
        rng = np.random.default_rng(i)
        mask = rng.integers(0, 2, self.size)
        mask[0, :3] = 255
        return rng.random((3, *self.size), np.float32), mask


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "digits"
    arguments = ["train", "digits", "--scenes", "8", "--base", "2", "--depth", "2", "--epochs", "2", "--quiet"]
    assert main([*arguments, "--out", str(out)]) == 0
    return (out / "report.html").read_text()


def test_report_is_well_formed_and_loads_nothing(digits):
    checker = check(digits)
    assert len(digits) < 1_500_000
    for section in (
        "Curves",
        "Scores per class",
        "Worst validation pictures",
        "Best validation pictures",
        "Confusion matrix",
        "Settings",
    ):
        assert section in checker.text
    assert checker.tags.count("img") >= 3


def test_report_shows_the_network(digits):
    assert "The network" in digits
    assert "ConvTranspose2d" in digits or "conv2d_input" in digits


def test_every_picture_has_words(digits):
    assert len(re.findall(r'<img [^>]*alt="(?:input|truth|prediction) of [^"]+"', digits)) == digits.count("<img ")
    assert len(re.findall(r'<svg class="chart"[^>]*aria-label="[^"]+"', digits)) == 2


def report_of(data, folder, epochs):
    config = Config(NASTY, epochs=2, base=2, depth=1, batch_size=5)
    run = Run(folder)
    run.prepare()
    trainer = Trainer(config, data, data, run, describe(config, data, data), Progress(quiet=True))
    if epochs:
        trainer.fit(StopRequest(), until=epochs)
    from segmentation.commands import _report

    _report(trainer, None)
    return run.report.read_text()


def test_names_are_escaped_everywhere(tmp_path):
    html = report_of(Nasty(), tmp_path / NASTY.replace("/", "_"), epochs=1)
    check(html)
    assert "alert(" in html
    assert "<script" not in html


def test_report_without_a_finished_epoch_says_so(tmp_path):
    html = report_of(Nasty(), tmp_path / "run", epochs=0)
    check(html)
    assert "not complete: 0 of 2 epochs" in html
    assert "no epoch was completed" in html


def test_chart_leaves_gaps_where_there_is_no_number():
    svg = line_chart("x", [Line("a", [1.0, math.nan, 3.0, math.inf, 5.0], 0)])
    check(svg)
    assert re.search(r'd="M[\d. ]+M[\d. ]+M[\d. ]+"', svg)


def test_chart_of_one_epoch_and_of_none():
    assert "<circle" in line_chart("x", [Line("a", [0.5], 0)])
    assert "no epoch" in line_chart("x", [Line("a", [math.nan], 0)])


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 0.0013), (-3, 12345), (2.2, 2.3), (5, 5)])
def test_ticks_are_few_round_and_cover_the_range(low, high):
    ticks = _ticks(low, high, 5)
    assert 2 <= len(ticks) <= 8
    assert ticks[0] <= low
    assert ticks[-1] >= high


def test_best_and_worst_share_no_picture_and_skip_those_without_score():
    assert rank(np.array([0.5, math.nan, 0.9, 0.1]), each=4) == ([2, 0], [3])
    assert rank(np.array([math.nan])) == ([], [])
    assert rank(np.arange(20) / 20, each=2) == ([19, 18], [0, 1])


def test_large_pictures_are_made_small():
    assert shrink(np.zeros((1000, 300, 3), np.uint8)).shape == (334, 100, 3)
