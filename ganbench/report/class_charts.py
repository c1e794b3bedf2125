"""Charts of the classes among the samples: at the end as bars, over training as a heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from ganbench.metrics.modes import COVERED_SHARE
from ganbench.report.drawing import GRID, INK, SERIES, drawn, plain, svg
from ganbench.report.signs import COLLAPSE, NEVER_APPEARED
from ganbench.report.view import Chart

MAX_NAMED = 30  # classes; more are drawn without their names
MAX_PROBES = 60
MAX_TICKS = 7
MIDDLE = (0x4A, 0x8B, 0xD6)  # a blue that is seen on white and on black; the share is its opacity
Floats = npt.NDArray[np.floating[Any]]


def class_chart(counts: Sequence[float], real_shares: Sequence[float], names: Sequence[str]) -> Chart:
    """Shares of the classes among the samples as bars, among the real images as marks, and from where a class counts.

    `counts` may be numbers of samples or their estimated shares.
    """
    shares, real = _normalised(counts), np.asarray(real_shares, float)
    with drawn("class", "share") as (figure, axes):
        places = np.arange(len(shares))
        axes.bar(places, shares, color=SERIES[0], width=0.7, label="samples")
        axes.plot(places, real, "_", color=SERIES[1], markersize=10, markeredgewidth=2, label="real images")
        axes.plot(
            places, COVERED_SHARE * real, "_", color=INK, markersize=14, markeredgewidth=1, label="counts from here"
        )
        axes.set_ylim(0, max(0.001, float(shares.max()), float(real.max(initial=0))) * 1.25)
        if len(names) == len(shares) <= MAX_NAMED:
            long = max(map(len, names)) > 3
            axes.set_xticks(
                places,
                [plain(name[:14]) for name in names],
                rotation=45 if long else 0,
                ha="right" if long else "center",
            )
        axes.legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 0.98), borderaxespad=0, fontsize=8)
        words = f"Shares of {len(shares)} classes among the samples, from {shares.min():.1%} to {shares.max():.1%}."
        words += f" {missing_words(missing_classes(counts, real_shares, names))}"
        return Chart("Classes found among the samples", svg(figure, words), words)


def missing_classes(counts: Sequence[float], real_shares: Sequence[float], names: Sequence[str]) -> list[str]:
    """The classes that the metric `modes` does not count."""
    shares, real = _normalised(counts), np.asarray(real_shares, float)
    missing = (real > 0) & (shares < COVERED_SHARE * real * (1 - 1e-9))  # a share of exactly a tenth counts
    return [name for name, is_missing in zip(names, missing, strict=True) if is_missing]


def missing_words(missing: Sequence[str]) -> str:
    """Which classes are missing, and by which rule."""
    listed = ", ".join(missing[:MAX_NAMED]) + (f" and {len(missing) - MAX_NAMED} more" * (len(missing) > MAX_NAMED))
    return f"Missing: {listed or 'none'}. A class counts from a tenth of its real share on."


def _normalised(counts: Sequence[float]) -> Floats:
    return np.asarray(counts, float) / max(np.finfo(float).tiny, float(np.sum(counts)))


def class_timeline(lines: Sequence[Mapping[str, Any]], names: Sequence[str], warnings: Sequence[str]) -> Chart | None:
    """A row a class, a column a probe of training, the real shares as the last column; from lines of classes.jsonl.

    A cell's opacity is its share over twice the real one: empty when the class is missing, half when its share is that
    of the real images, full from twice that on. Of `warnings`, those about missing classes stand with the chart. None
    for a file that does not hold at least two probes of the same classes.
    """
    lines = _thinned([line for line in lines if _is_probe(line, len(lines[-1].get("shares") or ()))])
    if len(lines) < 2:
        return None
    shares = np.array([line["shares"] for line in lines], float).clip(0, 1).T  # [K, T]
    real = np.array(lines[-1]["real_shares"], float)  # [K]
    names = names if len(names) == len(real) else [str(i) for i in range(len(real))]
    words = _words(lines, shares, real, names)
    note = ". ".join(w for w in warnings if w.startswith((COLLAPSE, NEVER_APPEARED)))
    with drawn("epoch", "class", height=min(6.0, 1.0 + max(1.2, 0.19 * len(real)))) as (figure, axes):
        _draw_cells(axes, shares, real)
        _label(axes, lines, names)
        return Chart("Classes among the samples, over training", svg(figure, words), words, note)


def _is_probe(line: Mapping[str, Any], num_classes: int) -> bool:
    sizes = {len(line.get(key) or ()) for key in ("shares", "real_shares")}
    return sizes == {num_classes} != {0} and "epoch" in line


def _thinned(lines: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """At most 60 of the lines, evenly chosen; the first and the last among them."""
    if len(lines) <= MAX_PROBES:
        return lines
    return [lines[i] for i in np.linspace(0, len(lines) - 1, MAX_PROBES).round().astype(int)]


def _draw_cells(axes: Axes, shares: Floats, real: Floats) -> None:
    num_classes, num_probes = shares.shape
    width = max(1.0, num_probes / 24)  # of the column of real shares, which stands a gap apart
    end = num_probes + 1.5 * width
    with np.errstate(divide="ignore", invalid="ignore"):
        cells = np.where(real[:, None] > 0, shares / (2 * real[:, None]), shares > 0)
    _draw_block(axes, cells, 0, num_probes)
    _draw_block(axes, 0.5 * (real[:, None] > 0), end - width, end)
    axes.set_xlim(0, end)
    axes.set_ylim(num_classes, 0)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    axes.tick_params(left=False)
    for row in range(num_classes + 1):
        axes.axhline(row, color=GRID, linewidth=0.5)
    axes.text(end - width / 2, -0.15, "real", color=INK, ha="center", va="bottom", fontsize=8)


def _draw_block(axes: Axes, opacity: Floats, left: float, right: float) -> None:
    """Cells [K, T] between two places, as a picture in which each is a pixel."""
    pixels = np.empty((*opacity.shape, 4), np.uint8)
    pixels[..., :3] = MIDDLE
    pixels[..., 3] = np.round(255 * np.nan_to_num(opacity).clip(0, 1))
    axes.imshow(pixels, interpolation="none", aspect="auto", extent=(left, right, len(opacity), 0))


def _label(axes: Axes, lines: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Epochs below the columns, whose distances are not those of the epochs; names beside the rows."""
    places, words = epoch_ticks([line["epoch"] for line in lines])
    axes.set_xticks(places, words)
    if len(names) <= MAX_NAMED:
        axes.set_yticks(np.arange(len(names)) + 0.5, [plain(name[:14]) for name in names])
    else:
        axes.set_yticks([])


def epoch_ticks(epochs: Sequence[float]) -> tuple[Floats, list[str]]:
    """Places and words of at most 7 ticks below columns 1 wide, of rising `epochs` but uneven distances.

    About evenly spaced, each at a whole epoch, or a multiple of 0.1, 0.01, ... where fewer than 3 epochs are shown.
    """
    decimals = max(0, -int(np.floor(np.log10(max(epochs[-1] - epochs[0], 1e-9) / 3))))
    columns = np.arange(len(epochs)) + 0.5
    wanted = np.interp(np.linspace(columns[0], columns[-1], min(MAX_TICKS, len(epochs))), columns, epochs)
    ticks = np.unique(wanted.round(decimals))
    ticks = ticks[(ticks >= epochs[0]) & (ticks <= epochs[-1])]
    return np.interp(ticks, epochs, columns), [f"{tick:,.{decimals}f}" for tick in ticks]


def _words(lines: Sequence[Mapping[str, Any]], shares: Floats, real: Floats, names: Sequence[str]) -> str:
    """Where training ended, class by class, beside the real shares."""
    first, last = lines[0], lines[-1]
    ends = [f"{name} {share:.1%} (real {r:.1%})" for name, share, r in zip(names, shares[:, -1], real, strict=True)]
    more = f" and {len(ends) - MAX_NAMED} more" if len(ends) > MAX_NAMED else ""
    return (
        f"Shares of {len(ends)} classes among the samples at {len(lines)} moments from epoch {first['epoch']:.3g} to "
        f"{last['epoch']:.3g}. At the end: {', '.join(ends[:MAX_NAMED])}{more}."
    )
