"""Curves of one training, over epochs where the history tells them, else over the generator's steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from ganbench.report.drawing import INK, SERIES, drawn, plain, svg
from ganbench.report.view import Chart
from ganbench.report.words import epoch_words

MAX_POINTS = 300  # longer curves are averaged in bins
HIGH_RECALL = 0.99  # above, the discriminator is hardly ever fooled: the sign of a vanishing gradient
Floats = npt.NDArray[np.float64]
History = Sequence[Mapping[str, Any]]
Limits = tuple[float, float | None]
SHARE: Limits = (-0.03, 1.03)
FROM_ZERO: Limits = (0.0, None)

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
    "grad_norm_generator": "generator",
    "grad_norm_discriminator": "discriminator",
    "images_per_second": "images/s",
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


def training_charts(history: History, warnings: Sequence[str] = ()) -> tuple[Chart, ...]:
    """Losses, D's outputs, D's recall, gradient norms and speed; those that were logged.

    Of `warnings`, those about a vanishing gradient stand with D's recall.
    """
    vanishing = " ".join(warning for warning in warnings if warning.startswith("vanishing gradient"))
    panels = [
        *_loss_panels({key for line in history for key in line if key.startswith("loss_")}),
        Panel("Estimated Wasserstein distance", "distance", ("wasserstein",)),
        Panel("Discriminator's outputs", "mean probability “real”", ("d_real", "d_fake"), SHARE),
        Panel("Discriminator's recall on fakes", "share recognised", ("d_recall",), SHARE, HIGH_RECALL, vanishing),
        Panel("Gradient norms", "L2 norm", ("grad_norm_discriminator", "grad_norm_generator"), FROM_ZERO),
        Panel("Speed", "images per second", ("images_per_second",), FROM_ZERO),
    ]
    charts = (_curves(panel, history) for panel in panels)
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


def _curves(panel: Panel, history: History) -> Chart | None:
    """One chart; held-out values dashed in the colour of their training values. None if nothing was logged."""
    over, label = _x_axis(history)
    with drawn(label, panel.unit) as (figure, axes):
        told = _draw_all(axes, panel.keys, history, over)
        if not told:
            return None
        if panel.limits is not None:
            axes.set_ylim(*panel.limits)
        if panel.mark is not None:
            _draw_mark(axes, panel.mark)
        if len(told) > 1:
            axes.legend(frameon=False, fontsize=8, ncols=2, loc="lower left", bbox_to_anchor=(0, 0.98), borderaxespad=0)
        words = f"{panel.title}, over {label}: {'; '.join(told)}."
        return Chart(panel.title, svg(figure, words), words, panel.note)


def _draw_all(axes: Axes, keys: Sequence[str], history: History, over: str) -> list[str]:
    """Draw the curves of these keys, solid on training and dashed on held-out images; return them in words."""
    told = []
    for i, key in enumerate(keys):
        for prefix, style in (("", "-"), ("heldout_", "--")):
            places, values = _series(history, prefix + key, over)
            if len(places) == 0:
                continue
            name = NAMES.get(key, key.removeprefix("loss_").replace("_", " ")) + (", held-out" if prefix else "")
            marker = "." if len(places) == 1 else None
            colour = SERIES[i % len(SERIES)]
            axes.plot(places, values, style, color=colour, linewidth=1.3, marker=marker, label=plain(name))
            told.append(f"{name} from {values[0]:.3g} to {values[-1]:.3g}")
    return told


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
