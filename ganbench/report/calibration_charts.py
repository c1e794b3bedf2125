"""Curves of a calibration: one row of small charts a metric, one chart a fault, one line for each number of samples."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from ganbench.metrics.intervals import Z95
from ganbench.report.drawing import GRID, INK, RC, SERIES, plain, svg
from ganbench.results.calibration import CalibrationPlan, FaultRecord
from ganbench.results.sensitivity import Response

WIDTH, HEIGHT = 1.8, 1.9  # of one chart, in inches
PNG_DPI, PNG_COLOURS = 96, 64


class Palette(NamedTuple):
    """Colours of lines and texts; `series` in the order of the numbers of samples."""

    ink: str
    grid: str
    paper: str
    series: Sequence[str]


OF_PAGE = Palette(INK, GRID, "none", SERIES)  # the style sheet's, light and dark
OF_PRINT = Palette("#1c1e21", "#d9d9d3", "#ffffff", ("#2563ae", "#c2570c", "#2b7a3d", "#86409c"))


def curves_svg(found: Sequence[Response], plan: CalibrationPlan, words: str) -> Markup:
    """The responses of one metric as inline SVG, described by `words`."""
    with mpl.rc_context(RC):
        return svg(_figure(found, plan, OF_PAGE), words)


def curves_png(found: Sequence[Response], plan: CalibrationPlan) -> bytes:
    """The responses of one metric as a PNG for a page without style sheet."""
    names = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    with mpl.rc_context(RC | dict.fromkeys(names, OF_PRINT.ink)):
        figure = _figure(found, plan, OF_PRINT)
        buffer = BytesIO()
        FigureCanvasAgg(figure).print_figure(buffer, format="png", dpi=PNG_DPI, facecolor=OF_PRINT.paper)
    small = BytesIO()
    Image.open(buffer).convert("RGB").quantize(PNG_COLOURS).save(small, "PNG", optimize=True)
    return small.getvalue()


def _figure(found: Sequence[Response], plan: CalibrationPlan, palette: Palette) -> Figure:
    faults = [fault for fault in plan.faults if any(response.fault == fault.name for response in found)]
    figure = Figure(figsize=(WIDTH * len(faults), HEIGHT), layout="constrained")
    panels = figure.subplots(1, len(faults), squeeze=False)[0]
    for axes, fault in zip(panels, faults, strict=True):
        _draw(axes, fault, [response for response in found if response.fault == fault.name], plan, palette)
    return figure


def _draw(axes: Axes, fault: FaultRecord, found: Sequence[Response], plan: CalibrationPlan, palette: Palette) -> None:
    axes.set_title(plain(fault.title), fontsize=8)
    axes.grid(axis="y", color=palette.grid, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=7)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    places = {record.size: place for place, record in enumerate(fault.sizes, start=1)}
    axes.set_xticks([0, *places.values()], ["clean", *(_short(record.size, fault) for record in fault.sizes)])
    axes.tick_params(axis="x", labelrotation=45)
    for response in found:
        colour = palette.series[plan.num_samples.index(response.num_samples) % len(palette.series)]
        mean, half = response.clean.mean, Z95 * (response.clean.spread or 0.0)
        axes.axhspan(mean - half, mean + half, color=colour, alpha=0.13, linewidth=0)
        seen = [size for size in response.sizes if size.size in places]
        axes.errorbar(
            [0, *(places[size.size] for size in seen)],
            [mean, *(size.sets.mean for size in seen)],
            yerr=[half / Z95, *(size.sets.spread or 0.0 for size in seen)],
            color=colour, linewidth=1.2, marker="o", markersize=2.5, elinewidth=0.8,
        )  # fmt: skip


def _short(size: float, fault: FaultRecord) -> str:
    """A size as it stands under a tick: 0.05 of a share is 5 %."""
    return f"{size:.0%}" if "%" in fault.word(size) else f"{size:g}"
