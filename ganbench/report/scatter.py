"""Points in the plane as inline SVG: a model's samples over real points with the modes marked, at the end and in time.

A picture is a square of `SIDE` units around the modes with a margin. Points of one cell of that grid are drawn once, as
a dot each; of points with more than two coordinates the first two are shown. Colours are those of the page's style
sheet, so the pictures are legible in light and dark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from ganbench.report.charts import place_words
from ganbench.report.pictures import Arrays, load_arrays
from ganbench.report.view import Chart, Scatter
from ganbench.report.words import number
from ganbench.results.schema import MetricRecord
from ganbench.results.store import SNAPSHOT_FOLDER, TrialResults

SIDE = 500
MARGIN = 0.15  # of the modes' extent, on each side
MIN_RADIUS = 11  # units: a circle around a mode must be seen
NUM_REAL = 500
HIGH_QUALITY = 3.0  # standard deviations, as the metrics count
Floats = npt.NDArray[np.float64]


class Plane(NamedTuple):
    """The modes, and the square of the plane that is shown: its lower left corner and its side."""

    centres: Floats  # [K, 2]
    sigma: float
    corner: Floats
    side: float

    def units(self, points: Floats) -> Floats:
        """Points [N, 2] in units of the picture, y downwards."""
        shares = (points - self.corner) / self.side
        return np.column_stack([shares[:, 0], 1 - shares[:, 1]]) * SIDE

    def good(self, points: Floats) -> npt.NDArray[np.bool_]:
        """Whether each point lies within 3 standard deviations of a centre, [N]."""
        return np.asarray(self._distances(points).min(axis=1) < HIGH_QUALITY * self.sigma)

    def shown(self, points: Floats) -> npt.NDArray[np.bool_]:
        """Whether each mode has at least one such point, [K]."""
        return np.asarray((self._distances(points) < HIGH_QUALITY * self.sigma).any(axis=0))

    def _distances(self, points: Floats) -> Floats:
        return np.stack([np.hypot(*(points - centre).T) for centre in self.centres], axis=1)


def scatter(item: TrialResults, samples: Arrays, real: Arrays) -> Scatter | None:
    """The pictures of a trial on points; None for images, and where the modes are not known."""
    points, plane = _points(samples), _plane(item.metrics.metrics.get("modes") if item.metrics else None)
    if points is None or plane is None:
        return None
    is_real = item.trial.role == "reference"
    others = None if is_real else _points(real)
    behind = np.zeros((0, 2)) if others is None else others[:NUM_REAL]
    where = "Held-out real points" if is_real else f"{item.trial.plugin}, seed {item.trial.seed}"
    final = _picture(plane, points, behind, f"{where}: {{}}.")
    frames = []
    for step, path in _snapshots(item.folder):
        drawn, place = _points(load_arrays(path)), place_words(item.history, step)
        if drawn is not None:
            title = f"{place} · {plane.shown(drawn).sum()} of {len(plane.centres)} modes"
            frames.append(replace(_picture(plane, drawn, behind[:0], f"{where} at {place}: {{}}."), title=title))
    return Scatter(final, tuple(frames))


def _points(arrays: Arrays) -> Floats | None:
    """The first two coordinates [N, 2] of stored points; None for what is not such."""
    points = arrays.get("points")
    if points is None or points.ndim != 2 or points.shape[1] < 2 or len(points) == 0:
        return None
    return points[:, :2].astype(np.float64)


def _plane(record: MetricRecord | None) -> Plane | None:
    details: Mapping[str, Any] = record.details if record is not None else {}
    centres, sigma = np.array(details.get("centres") or []), details.get("sigma")
    if centres.ndim != 2 or centres.shape[1] < 2 or not sigma:
        return None
    centres = centres[:, :2].astype(np.float64)
    low, high = centres.min(axis=0), centres.max(axis=0)
    side = float((high - low).max() * (1 + 2 * MARGIN)) or 20 * float(sigma)
    return Plane(centres, float(sigma), (low + high - side) / 2, side)


def _snapshots(folder: Path) -> list[tuple[int, Path]]:
    found = ((re.fullmatch(r"step-(\d+)", path.stem), path) for path in (folder / SNAPSHOT_FOLDER).glob("step-*.npz"))
    return sorted((int(match[1]), path) for match, path in found if match)


def _picture(plane: Plane, points: Floats, behind: Floats, words: str) -> Chart:
    """Dots of high and of low quality over real ones, and a circle around each mode, dashed where none shows it."""
    good, shown = plane.good(points), plane.shown(points)
    outside = int((~_inside(plane.units(points))).sum())
    told = f"{shown.sum()} of {len(shown)} modes covered, {good.mean():.1%} of {len(points):,} points of high quality"
    told += f", {number(outside, 0)} outside the picture" if outside else ""
    layers = [
        ("real", _dots(plane.units(behind))), ("bad", _dots(plane.units(points[~good]))),
        ("good", _dots(plane.units(points[good]))), ("covered", _circles(plane, plane.centres[shown])),
        ("missing", _circles(plane, plane.centres[~shown])),
    ]  # fmt: skip
    paths = "".join(f'<path class="{name}" d="{path}"/>' for name, path in layers if path)
    description = words.format(told)
    head = f'<svg class="scatter" viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="{escape(description)}">'
    return Chart(told[0].upper() + told[1:], Markup(f"{head}{paths}</svg>"), description)  # noqa: S704  # numbers only


def _inside(units: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray(((units >= 0) & (units <= SIDE)).all(axis=1))


def _dots(units: Floats) -> str:
    """A path with a line of no length for each cell that holds a point; moves are relative, which is shorter."""
    cells = np.unique(np.rint(units[_inside(units)]).astype(np.int64), axis=0)
    moves = np.diff(cells, axis=0, prepend=np.zeros((1, 2), np.int64))
    return "".join(f"m{x} {y}h0" for x, y in moves)


def _circles(plane: Plane, centres: Floats) -> str:
    radius = max(HIGH_QUALITY * plane.sigma / plane.side * SIDE, MIN_RADIUS)
    arc = f"a{radius:.4g} {radius:.4g} 0 1 0"
    return "".join(
        f"M{x - radius:.1f} {y:.1f}{arc} {2 * radius:.4g} 0{arc} {-2 * radius:.4g} 0" for x, y in plane.units(centres)
    )
