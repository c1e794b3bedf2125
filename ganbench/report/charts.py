"""Curves of one training, over epochs where the history tells them, else over the generator's steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from matplotlib.axes import Axes

from ganbench.report.drawing import INK, SERIES, drawn, plain, svg
from ganbench.report.signs import DISCRIMINATOR_WINS, HIGH_RECALL, LOW_DIVERSITY, MODE_COLLAPSE, VANISHING_GRADIENT
from ganbench.report.view import Chart
from ganbench.report.words import epoch_words

MAX_POINTS = 300  # longer curves are averaged in bins
MIN_POINTS = 3  # fewer make no curve and are told in words
Floats = npt.NDArray[np.float64]
History = Sequence[Mapping[str, Any]]
Limits = tuple[float, float | None]
SHARE: Limits = (-0.03, 1.03)
FROM_ZERO: Limits = (0.0, None)
ROUND_ONE: Limits = (-0.03, 1.5)
RECALL = "Discriminator's recall on fakes"
DIVERSITY = "Diversity of samples"
HELDOUT = ", held-out"

NAMES = {
    "loss_d": "discriminator",
    "loss_g": "generator",
    "loss_d_source": "discriminator",
    "loss_g_source": "generator",
    "loss_d_class": "discriminator",
    "loss_g_class": "generator",
    "d_real": "D(x), real",
    "d_fake": "D(G(z)), fake",
    "d_recall": "fakes recognised",
    "diversity": "distance of two samples",
    "diversity_nearest": "to the nearest other one",
    "grad_norm_generator": "generator",
    "grad_norm_discriminator": "discriminator",
    "images_per_second": "speed",
    "wasserstein": "estimate",
}


class Panel(NamedTuple):
    """What one chart shows; keys in the order of their colours. `mark`: a height with a line of its own."""

    title: str
    unit: str
    keys: Sequence[str]
    limits: Limits | None = None
    mark: float | None = None
    note: str = ""


class Curve(NamedTuple):
    """The points of one line, which may be a single one."""

    name: str
    places: Floats
    values: Floats
    style: str
    colour: str


def training_charts(history: History, warnings: Sequence[str] = (), things: str = "images") -> tuple[Chart, ...]:
    """Losses, D's outputs, D's recall, diversity, gradient norms and speed; those that were logged.

    Of `warnings`, those about a discriminator that wins stand with D's recall, those about a mode collapse with the
    diversity. `things` is what the data are.
    """
    winning, collapsed = (
        " ".join(warning for warning in warnings if warning.startswith(signs))
        for signs in ((DISCRIMINATOR_WINS, VANISHING_GRADIENT), MODE_COLLAPSE)
    )
    panels = [
        *_loss_panels({key for line in history for key in line if key.startswith("loss_")}),
        Panel("Estimated Wasserstein distance", "distance", ("wasserstein",)),
        Panel("Discriminator's outputs", "mean probability “real”", ("d_real", "d_fake"), SHARE),
        Panel(RECALL, "share recognised", ("d_recall",), SHARE, HIGH_RECALL, winning),
        Panel(
            DIVERSITY,
            "times that of real data",
            ("diversity", "diversity_nearest"),
            ROUND_ONE,
            LOW_DIVERSITY,
            collapsed,
        ),
        Panel("Gradient norms", "L2 norm", ("grad_norm_discriminator", "grad_norm_generator"), FROM_ZERO),
        Panel("Speed", f"{things} per second", ("images_per_second",), FROM_ZERO),
    ]
    charts = (_chart(panel, history) for panel in panels)
    return tuple(chart for chart in charts if chart is not None)


def place_words(history: History, step: int) -> str:
    """`step 1,000, epoch 20`; without the epoch where the history does not tell it."""
    steps, epochs = _series(history, "epoch", "step")
    if len(steps) == 0:
        return f"step {step:,}"
    epoch = float(np.interp(step, np.concatenate([[0.0], steps]), np.concatenate([[0.0], epochs])))
    return f"step {step:,}, epoch {epoch_words(epoch)}"


def _loss_panels(logged: set[str]) -> list[Panel]:
    """Losses on source and class apart, where there are both; further terms apart; their sums last."""
    source = [f"loss_{net}_source" if f"loss_{net}_source" in logged else f"loss_{net}" for net in "dg"]
    classes = [key for key in ("loss_d_class", "loss_g_class") if key in logged]
    totals = ["loss_d", "loss_g"]
    others = sorted(logged - {*source, *classes, *totals})
    return [
        Panel("Generation losses" if classes else "Losses", "loss", source),
        Panel("Class losses", "loss", classes),
        Panel("Other terms of the loss", "loss", others),
        *([Panel("Losses, all terms together", "loss", totals)] if source != totals else []),
    ]


def line_styles(charts: Sequence[Chart]) -> str:
    """What the styles mean of the lines that these charts have."""
    drawn_charts = [chart for chart in charts if chart.svg]
    words = []
    if any(HELDOUT in chart.description for chart in drawn_charts):
        words.append("Solid: training data. Dashed: held-out data.")
    if any(chart.title == RECALL for chart in drawn_charts):
        words.append("Dotted, with the recall: the share above which the discriminator is hardly ever fooled.")
    if any(chart.title == DIVERSITY for chart in drawn_charts):
        words.append(
            "With the diversity, 1 is as varied as real data, 0 all alike; dotted: the share below which samples "
            f"hardly differ or repeat one another. More than {ROUND_ONE[1]:g} is off the chart."
        )
    return " ".join(words)


def _chart(panel: Panel, history: History) -> Chart | None:
    """One chart; None if nothing was logged. Without a curve of 3 points it has no drawing, only words."""
    over, label = _x_axis(history)
    curves = list(_curves(panel.keys, history, over))
    if not curves:
        return None
    words = f"{panel.title}, over {label}: {'; '.join(map(_told, curves))}."
    if max(len(curve.values) for curve in curves) < MIN_POINTS:
        return Chart(panel.title, Markup(""), words, panel.note)
    with drawn(label, panel.unit) as (figure, axes):
        for curve in curves:
            marker = "." if len(curve.values) < MIN_POINTS else None
            axes.plot(
                curve.places,
                curve.values,
                curve.style,
                color=curve.colour,
                linewidth=1.3,
                marker=marker,
                label=plain(curve.name),
            )
        if panel.limits is not None:
            axes.set_ylim(*panel.limits)
        if panel.mark is not None:
            _draw_mark(axes, panel.mark)
        if len(curves) > 1:
            axes.legend(frameon=False, fontsize=8, ncols=2, loc="lower left", bbox_to_anchor=(0, 0.98), borderaxespad=0)
        return Chart(panel.title, svg(figure, words), words, panel.note)


def _curves(keys: Sequence[str], history: History, over: str) -> Iterator[Curve]:
    """The curves of these keys that were logged: solid on training, dashed on held-out images, in the same colour."""
    for i, key in enumerate(keys):
        for prefix, style in (("", "-"), ("heldout_", "--")):
            places, values = _series(history, prefix + key, over)
            if len(places):
                name = NAMES.get(key, key.removeprefix("loss_").replace("_", " ")) + (HELDOUT if prefix else "")
                yield Curve(name, places, values, style, SERIES[i % len(SERIES)])


def _told(curve: Curve) -> str:
    first, last = (f"{value:.3g}" for value in curve.values[[0, -1]])
    return f"{curve.name} {first}" if len(curve.values) == 1 else f"{curve.name} from {first} to {last}"


def _draw_mark(axes: Axes, height: float) -> None:
    axes.axhline(height, color=INK, linewidth=0.8, linestyle=":")
    axes.annotate(
        f"{100 * height:g} %", (1, height), (0, -2), xycoords=("axes fraction", "data"), textcoords="offset points",
        ha="right", va="top", fontsize=8,
    )  # fmt: skip


def _x_axis(history: History) -> tuple[str, str]:
    """The key to draw over and its name: epochs, with the steps in words, where every line tells its epoch."""
    lines = [line for line in history if _is_number(line.get("step"))]
    if lines and all(_is_number(line.get("epoch")) for line in lines):
        return "epoch", f"epochs ({lines[-1]['step']:,} generator steps in all)"
    return "step", "generator steps"


def _series(history: History, key: str, over: str) -> tuple[Floats, Floats]:
    """Places and values of one key where both are numbers, averaged in bins if there are many."""
    pairs = [(line[over], line[key]) for line in history if _is_number(line.get(key)) and _is_number(line.get(over))]
    points = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    if len(points) > MAX_POINTS:
        points = np.array([part.mean(axis=0) for part in np.array_split(points, MAX_POINTS)])
    return points[:, 0], points[:, 1]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)
