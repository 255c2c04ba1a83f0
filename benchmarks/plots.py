"""Pictures of results: ratios as bars, growth on logarithmic axes. Needs matplotlib."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from .frameworks import OURS
from .report import SHORT, axis, families, geometric_mean, growth, median, ratio

_INK, _OURS, _SLOWER, _COMPILED = "#333333", "#2a7f62", "#c0783c", "#3b6ea8"
_COLOURS = {"glassgrad": _OURS, "glassgrad-compiled": _COMPILED, "torch": "#c0783c", "torch-channels-last": "#d9a679"}


def draw(results: dict[str, Any], folder: Path) -> list[Path]:
    """Write every picture that the rows allow; the paths that were written."""
    import matplotlib

    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    compared = [row for row in results["cases"] if row["group"] != "scaling" and ratio(row) is not None]
    if compared:
        pictures.append(_ratios(compared, results, folder / "ratios.png"))
    scaling = [row for row in results["cases"] if row["group"] == "scaling" and median(row, "glassgrad") is not None]
    if scaling:
        pictures.append(_growth(scaling, results, folder / "scaling.png"))
    return pictures


def _ratios(rows: list[dict], results: dict[str, Any], path: Path) -> Path:
    """One bar per case on a logarithmic axis around 1; networks of layers as one bar each, with their range."""
    from matplotlib import pyplot as plt

    bars: list[tuple[str, float, float, float, str]] = []  # label, ratio, lowest, highest, colour
    for family, members in families(rows).items():
        single = members[0]["group"] != "layers"
        for ours in OURS:
            pairs = [(value, row["case"]) for row in members if (value := ratio(row, ours)) is not None]
            colour = _OURS if ours == "glassgrad" else _COMPILED
            suffix = "" if ours == "glassgrad" else " (compiled)"
            if single:
                bars += [(f"{name}{suffix}", value, value, value, colour) for value, name in pairs]
            elif pairs:
                values = [value for value, _ in pairs]
                label = f"{family}: {len(values)} convolutions{suffix}"
                bars.append((label, geometric_mean(values), min(values), max(values), colour))
    figure, axes = plt.subplots(figsize=(9, 0.26 * len(bars) + 1.4), layout="constrained")
    places = range(len(bars), 0, -1)
    for place, (_, value, low, high, colour) in zip(places, bars):
        axes.barh(place, value - 1, left=1, height=0.7, color=colour if value >= 1 else _SLOWER)
        if low < high:
            axes.plot([low, high], [place, place], color=_INK, linewidth=1)
        axes.annotate(f"{value:.2f}", (max(value, high, 1), place), (3, 0), textcoords="offset points", va="center",
                      fontsize=7, color=_INK)  # fmt: skip
    axes.set_yticks(list(places), [bar[0] for bar in bars], fontsize=7)
    axes.set_ylim(0.3, len(bars) + 0.7)
    axes.set_xscale("log", base=2)
    low, high = min(min(bar[2] for bar in bars), 0.5), max(max(bar[3] for bar in bars), 2)
    axes.set_xlim(low / 1.1, high * 1.25)
    axes.set_xticks(ticks := [t for t in (0.25, 0.5, 1, 2, 4, 8, 16) if low / 1.1 <= t <= high * 1.25], map(str, ticks))
    axes.axvline(1, color=_INK, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(
        "PyTorch (better of eager and channels_last) ÷ glassgrad; right of 1: glassgrad is faster", fontsize=8
    )
    axes.set_title(_where(results), fontsize=8, color=_INK)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path


def _growth(rows: list[dict], results: dict[str, Any], path: Path) -> Path:
    """A panel per family: time against what grows, with the fitted exponents and the slope of the arithmetic."""
    from matplotlib import pyplot as plt
    from matplotlib import ticker

    groups = families(rows)
    wide = min(len(groups), 3)
    high = -(-len(groups) // wide)
    figure, panels = plt.subplots(high, wide, figsize=(3.3 * wide, 3 * high + 0.5), layout="constrained", squeeze=False)
    for axes in panels.flat[len(groups) :]:
        axes.set_visible(False)
    for axes, (family, members) in zip(panels.flat, groups.items()):
        what, along = axis(family)
        powers = growth(members)
        for name in powers:
            points = [(row["at"], value * 1e3) for row in members if (value := median(row, name)) is not None]
            if points:
                label = f"{SHORT.get(name, name)}: {along}$^{{{powers[name]:.2f}}}$"
                axes.loglog(*zip(*points), "o-", label=label, color=_COLOURS.get(name), markersize=3, linewidth=1.2)
        if "arithmetic" in powers:
            best = min(value * 1e3 / row["flop"] for row in members if (value := median(row, "glassgrad")) is not None)
            points = [(row["at"], row["flop"] * best) for row in members]
            label = f"arithmetic: {along}$^{{{powers['arithmetic']:.2f}}}$"
            axes.loglog(*zip(*points), ":", label=label, color=_INK, linewidth=1)
        ticks = sorted({row["at"] for row in members})
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.set_title(what, fontsize=8)
        axes.set_xlabel(along, fontsize=8)
        axes.set_ylabel("ms", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(color="#dddddd", linewidth=0.5)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(loc="upper left", fontsize=7, frameon=False)
    says = (
        "Time of a forward and a backward pass (of a U-Net: of a training step) and its fitted exponents; "
        "dotted: the arithmetic, at the best speed of glassgrad.",
        _where(results),
    )
    figure.suptitle("\n".join(textwrap.fill(line, 54 * wide) for line in says), fontsize=8, color=_INK)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def _where(results: dict[str, Any]) -> str:
    peer = f", PyTorch {results['versions']['torch']}" if "torch" in results["versions"] else ""
    machine = f"{results['machine']['cpu']}, {results['threads']} threads"
    return f"{machine}, {results['dtype']}{peer}, {results['date'][:10]}"
