"""What all charts share: inline SVG, legible in light and dark, as its colours are those of the page's style sheet."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

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


@contextmanager
def drawn(x_label: str, y_label: str, height: float = 2.5) -> Iterator[tuple[Figure, Axes]]:
    """A figure of `height` inches with axes in the page's style; draw and make it `svg` inside."""
    with mpl.rc_context(RC):
        figure = Figure(figsize=(4.4, height), layout="constrained")
        axes = figure.add_subplot()
        axes.set_xlabel(x_label)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.set_ylabel(y_label)
        axes.grid(axis="y", color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        yield figure, axes


def plain(text: str) -> str:
    """Text that matplotlib takes as it is: no mathematics, and no underscore that hides a legend's entry."""
    return str(text).replace("$", r"\$").lstrip("_")


def svg(figure: Figure, description: str) -> Markup:
    """The figure as an SVG element without prolog, metadata, size, ids of groups, and with the page's colours."""
    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_figure(buffer, format="svg")
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(<g|<image[^>]*?) id="[^"]*"', r"\1", text)
    text = re.sub(r'<clipPath.*?</clipPath>| clip-path="[^"]*"', "", text, flags=re.DOTALL)  # nothing leaves the axes
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", text)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    width, height = figure.get_size_inches() * 72  # the unit of matplotlib's SVG is the point
    label = f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(description)}"'
    text = re.sub(r"<svg[^>]*", lambda _: label, text, count=1)
    for colour, replacement in COLOURS.items():
        text = text.replace(colour, replacement)
    return Markup(text.strip())  # noqa: S704  # made by matplotlib, which escapes its texts
