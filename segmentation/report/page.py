"""The sections of the report as HTML. Every name that comes from outside is escaped where it is written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from ..evaluation import foreground, headline
from ..metrics import ConfusionMatrix
from .charts import Line, line_chart
from .pictures import Panel
from .style import CSS

MOST_CLASSES = 40  # a larger confusion matrix is no longer read by people


def page(title: str, sections: Sequence[str]) -> str:
    """The whole document."""
    # The policy lets nothing in from outside and runs nothing: what is in this file is all there is.
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(section for section in sections if section)
        + "\n</main>\n</body>\n</html>\n"
    )


def section(title: str, *content: str) -> str:
    """A part of the page under a heading; title and content are HTML already."""
    return f"<section><h2>{title}</h2>{''.join(content)}</section>"


def grid(kind: str, label: str, head: str, body: str) -> str:
    """A table that scrolls by itself where it is wider than the screen."""
    top = f"<thead>{head}</thead>" if head else ""
    table = f'<table class="{kind}" aria-label="{label}">{top}<tbody>{body}</tbody></table>'
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{table}</div>'


def number(value: float | None, digits: int = 3) -> str:
    """A score for people; one that is not defined is a dash."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def swatch(color: Sequence[int]) -> str:
    return f'<span class="swatch" style="background:rgb({int(color[0])},{int(color[1])},{int(color[2])})"></span>'


def header(title: str, subtitle: str, notice: str | None, cards: Sequence[tuple[str, str]]) -> str:
    told = "".join(
        f"<div{' class=first' if i == 0 else ''}><dt>{escape(what)}</dt><dd>{escape(value)}</dd></div>"
        for i, (what, value) in enumerate(cards)
    )
    warning = f'<p class="notice">{escape(notice)}</p>' if notice else ""
    about = f'<h1>{escape(title)}</h1><p class="soft">{escape(subtitle)}</p>'
    return f'<header>{about}{warning}<dl class="cards">{told}</dl></header>'


def curves(history: Sequence[dict[str, Any]], classes: Sequence[str], best: int | None) -> str:
    """Loss and score over the epochs, and the same numbers as a table."""

    def values(key: str) -> list[float]:
        return [math.nan if line[key] is None else line[key] for line in history]

    loss = line_chart(
        "Loss", [Line("training", values("train_loss"), 0), Line("validation", values("val_loss"), 1)], best
    )
    name = headline(classes)
    score = line_chart(
        "Validation scores",
        [
            Line(name, values("val_iou"), 0),
            Line(f"mIoU of all {len(classes)} classes", values("val_miou_all_classes"), 1),
        ],
        best,
        (0.0, 1.0),
    )
    columns = [("epoch", "epoch"), ("train_loss", "training loss"), ("val_loss", "validation loss"), ("val_iou", name)]
    columns += [
        ("val_miou_all_classes", "mIoU, all classes"),
        ("val_pixel_accuracy", "pixel accuracy"),
        ("lr", "learning rate"),
    ]
    head = "".join(f'<th scope="col">{escape(label)}</th>' for _, label in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td>{line[key] if key == 'epoch' else number(line[key], 6 if key == 'lr' else 4)}</td>"
            for key, _ in columns
        )
        + "</tr>"
        for line in history
    )
    table = grid("", "Scores of each epoch", f"<tr>{head}</tr>", body)
    return section(
        "Curves",
        f'<div class="two"><div class="card"><h3>Loss (cross-entropy)</h3>{loss}</div>'
        f'<div class="card"><h3>Validation scores</h3>{score}</div></div>',
        f"<details><summary>The same numbers as a table</summary>{table}</details>",
    )


def class_table(table: ConfusionMatrix, classes: Sequence[str], colors: np.ndarray) -> str:
    """Scores of each class, on the level of the data set."""
    columns = ("class", "IoU", "Dice", "precision", "recall", "pixels")
    head = "".join(f'<th scope="col">{c}</th>' for c in columns)
    truth, rows = table.matrix.sum(axis=1), []
    scores = zip(table.iou(), table.dice(), table.precision(), table.recall(), truth.tolist(), strict=True)
    for name, color, (iou, dice, precision, recall, pixels) in zip(classes, colors, scores, strict=True):
        width = 0 if math.isnan(iou) else 100 * iou
        rows.append(
            f'<tr><th scope="row">{swatch(color)}{escape(name)}</th>'
            f'<td>{number(iou)}<span class="bar" aria-hidden="true"><i style="width:{width:.1f}%"></i></span></td>'
            f"<td>{number(dice)}</td><td>{number(precision)}</td><td>{number(recall)}</td><td>{pixels:,}</td></tr>"
        )
    chosen = foreground(classes)
    mean = f"{headline(classes)} {number(float(table.mean_iou(classes=chosen)))}"
    caption = (
        "Best checkpoint, validation data. All scores are on the level of the data set: pixels of all pictures counted "
        f"together. Main score: {escape(mean)}. A dash: the class occurs in neither truth nor prediction, and no mean "
        "counts it."
    )
    body = grid("wide", "Scores per class", f"<tr>{head}</tr>", "".join(rows))
    return section("Scores per class", f'<p class="soft">{caption}</p>', body)


def confusion(table: ConfusionMatrix, classes: Sequence[str]) -> str:
    """The confusion matrix, each row in percent of the true pixels of its class."""
    if len(classes) > MOST_CLASSES:
        return ""
    counts = table.matrix
    rows = []
    for i, name in enumerate(classes):
        total, cells = counts[i].sum(), []
        for j, other in enumerate(classes):
            share = counts[i, j] / total if total else math.nan
            text = (
                "–"
                if math.isnan(share)
                else "0"
                if counts[i, j] == 0
                else "&lt;0.1"
                if share < 0.001
                else f"{100 * share:.1f}"
            )
            heat = 0.0 if math.isnan(share) else 0.7 * math.sqrt(share)  # the root keeps small confusions visible
            hint = escape(f"{counts[i, j]:,} pixels of {name} predicted as {other}", quote=True)
            marks = " ".join(k for k, on in (("hit", i == j), ("zero", counts[i, j] == 0)) if on)
            cells.append(
                f'<td class="{marks}" style="background:rgb(var(--heat)/{heat:.2f})" title="{hint}">{text}</td>'
            )
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>')
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in classes)
    caption = "Row: true class. Column: predicted class. Percent of the row's pixels."
    body = grid("heat", "Confusion matrix", f"<tr><td></td>{head}</tr>", "".join(rows))
    return section("Confusion matrix", f'<p class="soft">{caption}</p>', body)


def pictures(
    title: str, about: str, panels: Sequence[Panel], classes: Sequence[str], colors: np.ndarray, unpainted: int | None
) -> str:
    """A row of pictures, each as input, truth and prediction, with a legend of the classes."""
    if not panels:
        return ""
    items = [
        f"<li>{swatch(color)}{escape(name)}</li>"
        for i, (name, color) in enumerate(zip(classes, colors, strict=True))
        if i != unpainted
    ]
    if unpainted is not None:
        items.append(f"<li>not painted: {escape(classes[unpainted])}</li>")
    figures = []
    for panel in panels:
        shown = "".join(
            f'<div><img src="{uri}" alt="{what} of {escape(panel.name, quote=True)}"><span>{what}</span></div>'
            for what, uri in (("input", panel.image), ("truth", panel.truth), ("prediction", panel.prediction))
        )
        height, width = panel.size
        figures.append(
            f'<figure class="card"><div class="triple">{shown}</div>'
            f"<figcaption><b>{escape(panel.name)}</b>, {height}×{width}, IoU {number(panel.iou)}</figcaption></figure>"
        )
    return section(
        escape(title),
        f'<p class="soft">{escape(about)}</p><ul class="legend">{"".join(items)}</ul>',
        f'<div class="two pictures">{"".join(figures)}</div>',
    )


def graph(svg: str | None, text: str | None) -> str:
    """The network's graph, as a picture and as text."""
    if not svg and not text:
        return ""
    drawn = (
        f'<div class="graph" tabindex="0" role="region" aria-label="The network\'s graph">{svg}</div>' if svg else ""
    )
    told = f"<details><summary>The graph as text</summary><pre>{escape(text)}</pre></details>" if text else ""
    about = '<p class="soft">One forward pass. Boxes are modules; shapes stand on the nodes.</p>'
    return section("The network", about, drawn, told)


def settings(rows: Sequence[tuple[str, Any]], versions: dict[str, str], commands: Sequence[tuple[str, str]]) -> str:
    """All settings, and the commands that reproduce the run and use it."""

    def table(pairs: Sequence[tuple[str, Any]], caption: str) -> str:
        body = "".join(f'<tr><th scope="row">{escape(str(k))}</th><td>{escape(str(v))}</td></tr>' for k, v in pairs)
        return f'<div class="card"><h3>{caption}</h3>{grid("left wide", caption, "", body)}</div>'

    told = "".join(f"<p>{escape(what)}</p><pre>{escape(command)}</pre>" for what, command in commands)
    tables = table(rows, "Settings") + table(list(versions.items()), "Versions")
    return section("Settings", f'<div class="two">{tables}</div>') + section("How to go on", told)
