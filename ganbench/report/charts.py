"""Charts as inline SVG, legible in light and dark: text and lines take their colours from the page's style sheet."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ganbench.report.view import Chart

MAX_POINTS = 300  # longer curves are averaged in bins
INK = "#010101"
GRID = "#020202"
SERIES = ("#030303", "#040404", "#050505", "#060606", "#070707", "#080808")
COLOURS = {INK: "currentColor", GRID: "var(--line)"} | {c: f"var(--series-{i})" for i, c in enumerate(SERIES, start=1)}
RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ganbench",
    "font.size": 9,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    **dict.fromkeys(("figure.facecolor", "axes.facecolor"), "none"),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
}
Floats = npt.NDArray[np.float64]
History = Sequence[Mapping[str, Any]]
Limits = tuple[float, float | None]
SHARE: Limits = (-0.03, 1.03)
FROM_ZERO: Limits = (0.0, None)

NAMES = {
    "loss_d": "discriminator",
    "loss_g": "generator",
    "d_real": "D(x), real",
    "d_fake": "D(G(z)), fake",
    "d_recall": "fakes recognised",
    "grad_norm_generator": "generator",
    "grad_norm_discriminator": "discriminator",
    "images_per_second": "images/s",
}


def training_charts(history: History) -> tuple[Chart, ...]:
    """Losses, D's outputs, D's recall, gradient norms and speed over the generator's steps; those that were logged."""
    losses = sorted({key for line in history for key in line if key.startswith("loss_")})
    panels: list[tuple[str, str, Sequence[str], Limits | None]] = [
        ("Losses", "loss", losses, None),
        ("Discriminator's outputs", "mean probability “real”", ("d_real", "d_fake"), SHARE),
        ("Discriminator's recall on fakes", "share recognised", ("d_recall",), SHARE),
        ("Gradient norms", "L2 norm", ("grad_norm_discriminator", "grad_norm_generator"), FROM_ZERO),
        ("Speed", "images per second", ("images_per_second",), FROM_ZERO),
    ]
    charts = (_curves(title, unit, keys, limits, history) for title, unit, keys, limits in panels)
    return tuple(chart for chart in charts if chart is not None)


def class_chart(counts: Sequence[float], real_shares: Sequence[float], names: Sequence[str]) -> Chart:
    """Shares of the classes among the samples as bars, among the real images as marks."""
    shares = np.asarray(counts, float) / max(1.0, float(np.sum(counts)))
    real = np.asarray(real_shares, float)
    with mpl.rc_context(RC):
        figure, axes = _axes("class", "share")
        places = np.arange(len(shares))
        axes.bar(places, shares, color=SERIES[0], width=0.7, label="samples")
        axes.plot(
            places[: len(real)], real, "_", color=SERIES[1], markersize=10, markeredgewidth=2, label="real images"
        )
        axes.set_ylim(0, max(0.001, float(shares.max()), float(real.max(initial=0))) * 1.25)
        if len(names) == len(shares) <= 30:
            long = max(map(len, names)) > 3
            axes.set_xticks(
                places,
                [_plain(name[:14]) for name in names],
                rotation=45 if long else 0,
                ha="right" if long else "center",
            )
        axes.legend(frameon=False, ncols=2, loc="upper right", fontsize=8)
        missing = [name for name, share in zip(names, shares, strict=False) if share == 0]
        words = f"Shares of {len(shares)} classes among the samples, from {shares.min():.1%} to {shares.max():.1%}."
        words += f" Without any sample: {', '.join(missing[:20])}." if missing else ""
        return Chart("Classes found among the samples", _svg(figure, words), words)


def _curves(title: str, unit: str, keys: Sequence[str], limits: Limits | None, history: History) -> Chart | None:
    """One chart; held-out values dashed in the colour of their training values. None if nothing was logged."""
    drawn = []
    with mpl.rc_context(RC):
        figure, axes = _axes("generator steps", unit)
        for i, key in enumerate(keys):
            for prefix, style in (("", "-"), ("heldout_", "--")):
                steps, values = _series(history, prefix + key)
                if len(steps) == 0:
                    continue
                name = NAMES.get(key, key.removeprefix("loss_").replace("_", " ")) + (", held-out" if prefix else "")
                marker = "." if len(steps) == 1 else None
                colour = SERIES[i % len(SERIES)]
                axes.plot(steps, values, style, color=colour, linewidth=1.3, marker=marker, label=_plain(name))
                drawn.append(f"{name} from {values[0]:.3g} to {values[-1]:.3g}")
        if not drawn:
            return None
        if limits is not None:
            axes.set_ylim(*limits)
        if len(drawn) > 1:
            axes.legend(frameon=False, fontsize=8, ncols=2, loc="lower left", bbox_to_anchor=(0, 0.98), borderaxespad=0)
        words = f"{title}: {'; '.join(drawn)}."
        return Chart(title, _svg(figure, words), words)


def _series(history: History, key: str) -> tuple[Floats, Floats]:
    """Steps and values of one key where it is a number, averaged in bins if there are many."""
    pairs = [
        (line["step"], line[key])
        for line in history
        if isinstance(line.get(key), int | float) and isinstance(line.get("step"), int | float)
    ]
    points = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    if len(points) > MAX_POINTS:
        points = np.array([part.mean(axis=0) for part in np.array_split(points, MAX_POINTS)])
    return points[:, 0], points[:, 1]


def _axes(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.4, 2.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x_label)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_ylabel(y_label)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _plain(text: str) -> str:
    """Text that matplotlib takes as it is: no mathematics, and no underscore that hides a legend's entry."""
    return str(text).replace("$", r"\$").lstrip("_")


def _svg(figure: Figure, description: str) -> Markup:
    """The figure as an SVG element without prolog, metadata, size, ids of groups, and with the page's colours."""
    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_figure(buffer, format="svg")
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r'<clipPath.*?</clipPath>| clip-path="[^"]*"', "", text, flags=re.DOTALL)  # nothing leaves the axes
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", text)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    width, height = figure.get_size_inches() * 72  # the unit of matplotlib's SVG is the point
    label = f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(description)}"'
    text = re.sub(r"<svg[^>]*", lambda _: label, text, count=1)
    for colour, replacement in COLOURS.items():
        text = text.replace(colour, replacement)
    return Markup(text.strip())  # noqa: S704  # made by matplotlib, which escapes its texts
