"""Two signs of a training gone wrong, in sentences: classes that vanished, and a discriminator that is never fooled.

Collapse. A class is missing from 5 probes in a row (`ganbench.run.class_timeline`) when its share in their 1,000
samples together, even with 1.96 standard errors more, is below a tenth of its real share; it is surely there when its
share, even with 1.96 standard errors less, is not. A class has vanished when it was surely there once and is missing
from all fives of probes from some probe on to the last; without having been surely there, it never appeared. So a poor
classifier or few samples raise no alarm. The first twentieth of training does not count: its samples are noise, which
a classifier puts anywhere.

The discriminator wins when it recognises more than 99 % of the fakes in at least 3 windows in a row. A window is an
epoch or 200 fakes, whichever is longer, made of whole lines of the history; as many fakes count as real images were
shown. Whether the generator still learns is another matter: losses such as the hinge, least squares or -log D(G(z)) can
keep its gradient large (Goodfellow et al. 2014, arXiv:1406.2661, section 3; Arjovsky and Bottou 2017, arXiv:1701.04862,
section 2). So it is called a vanishing gradient only where the generator's gradient is seen to be small: the median of
its norm over such a time is below a tenth of the median over the lines outside all of them. Where nothing lies outside,
nothing is said of the gradient. All is found from the history, so where training was interrupted makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ganbench.metrics.intervals import Z95
from ganbench.metrics.modes import COVERED_SHARE
from ganbench.report.signs import COLLAPSE, DISCRIMINATOR_WINS, HIGH_RECALL, NEVER_APPEARED, VANISHING_GRADIENT
from ganbench.results.store import CLASSES_FILE, HISTORY_FILE, read_history
from ganbench.run.class_timeline import NUM_POOLED
from ganbench.run.diversity_warnings import DiversityWatch
from ganbench.run.places import place

NOISE_SHARE = 0.05  # of training, at its start
MIN_WINDOWS, MIN_FAKES = 3, 200
SMALL_GRADIENT = 0.1  # of the median norm of other times
GRADIENT = "grad_norm_generator"
_SHARE = f"{100 * HIGH_RECALL:g} %"
_MAX_NAMES = 12
_ROUNDING = 1e-9  # relative
Line = Mapping[str, Any]


def training_warnings(folder: Path, class_names: Sequence[str]) -> list[str]:
    """What the files of a trial in `folder` give reason to say, one sentence each."""
    history = read_history(folder / HISTORY_FILE)
    return [
        *collapse_warnings(read_history(folder / CLASSES_FILE), class_names),
        *DiversityWatch(history).warnings(),
        *RecallWatch(history).warnings(),
    ]


def collapse_warnings(timeline: Sequence[Line], class_names: Sequence[str]) -> list[str]:
    """One sentence for the classes that vanished, one where two or more never appeared; from lines of classes.jsonl."""
    lines = [line for line in timeline if line["step"] >= NOISE_SHARE * timeline[-1]["step"]]
    fives = lines[NUM_POOLED - 1 :]  # by the last probe of each
    if not fives:
        return []
    names = [*class_names, *(str(i) for i in range(len(class_names), len(lines[-1]["shares"])))]
    shares, real = np.array([line["recent_shares"] for line in fives]), np.array(lines[-1]["real_shares"])
    margins = Z95 * np.array([line["recent_standard_errors"] for line in fives])
    limits = COVERED_SHARE * real * (1 - _ROUNDING)
    missing = shares + margins < limits  # [T, K]
    surely_there = ((shares - margins >= limits) & (real > 0)).any(axis=0)
    vanished, never = np.flatnonzero(missing[-1] & surely_there), np.flatnonzero(missing[-1] & ~surely_there)
    remaining = [names[i] for i in np.flatnonzero(~missing[-1] & (real > 0))]
    warnings = []
    if len(vanished):
        since = {int(i): int(np.flatnonzero(~missing[:, i]).max()) + 1 for i in vanished}  # the first probe of a five
        warnings.append(_collapse(since, lines, names, remaining))
    if len(never) >= 2:
        absent = _listed([names[i] for i in never])
        warnings.append(f"{NEVER_APPEARED}: {absent}; no probe of the samples surely shows them")
    return warnings


def _collapse(since: Mapping[int, int], lines: Sequence[Line], names: Sequence[str], remaining: Sequence[str]) -> str:
    """`since`: from which line on each vanished class is missing."""
    first, last = min(since.values()), max(since.values())
    text = f"{COLLAPSE}: from {place(lines[last])} on, {_listed([names[i] for i in since])} {_are(len(since))} missing"
    if first < last:
        earliest = [names[i] for i, line in since.items() if line == first]
        text += f", {_listed(earliest)} already from {place(lines[first])} on"
    return f"{text}; {_listed(remaining)} {'remains' if len(remaining) == 1 else 'remain'}"


@dataclass(frozen=True, eq=False)
class Window:
    """Some lines of the history in a row, and the discriminator's mean recall on the fakes of their steps."""

    lines: Sequence[Line]
    recall: float


Episode = Sequence[Window]


class RecallWatch:
    """The windows of one history, which can grow line by line; a line without `d_recall` is passed over."""

    def __init__(self, history: Iterable[Line] = ()) -> None:
        self.windows: list[Window] = []
        self._before: Line = {"epoch": 0.0, "images": 0}  # the last line of the window before
        self._lines: list[Line] = []
        self._last_images, self._recognised = 0, 0.0
        for line in history:
            self.add(line)

    def add(self, line: Line) -> None:
        """The next line."""
        if line.get("d_recall") is None:
            return
        self._lines.append(line)
        self._recognised += line["d_recall"] * (line["images"] - self._last_images)
        self._last_images = line["images"]
        num_fakes = line["images"] - self._before["images"]
        if num_fakes >= MIN_FAKES and line["epoch"] - self._before["epoch"] >= 1 - _ROUNDING:
            self.windows.append(Window(self._lines, self._recognised / num_fakes))
            self._before, self._lines, self._recognised = line, [], 0.0

    @property
    def episodes(self) -> list[Episode]:
        """Runs of at least 3 windows in which nearly all fakes are recognised."""
        runs = [list(run) for high, run in groupby(self.windows, lambda window: window.recall > HIGH_RECALL) if high]
        return [run for run in runs if len(run) >= MIN_WINDOWS]

    def present_warning(self) -> str | None:
        """What to say in the middle of training: the same words from an episode's third window to its end.

        So its gradient is that of these three windows, set beside the times before.
        """
        runs = self.episodes
        if not runs or runs[-1][-1] is not self.windows[-1]:
            return None
        run = runs[-1]
        before = self._outside(runs, self.windows.index(run[0]))
        ratio = _gradient_ratio(run[:MIN_WINDOWS], before)
        sign, subject = _sign(ratio)
        text = f"{sign}: since {place(run[0].lines[0])} {subject} recognises more than {_SHARE} of the fakes"
        return text if ratio is None else f"{text}; the generator's gradient is {_times(ratio)} that of before"

    def warnings(self) -> list[str]:
        """What to say after training: the first episode, and the last where there are several."""
        runs = self.episodes
        if not runs:
            return []
        ratio = _gradient_ratio([window for run in runs for window in run], self._outside(runs, len(self.windows)))
        sign, subject = _sign(ratio)
        text = f"{sign}: {self._span(runs[0])} {subject} recognised more than {_SHARE} of the fakes"
        if len(runs) > 1:
            text += f"; {len(runs)} such times in all, the last {self._span(runs[-1])}"
        return [text if ratio is None else f"{text}; the generator's gradient was {_times(ratio)} that of other times"]

    def _outside(self, runs: Sequence[Episode], end: int) -> list[Window]:
        """Of the first `end` windows, those in none of the runs."""
        inside = [window for run in runs for window in run]
        return [window for window in self.windows[:end] if window not in inside]

    def _span(self, run: Episode) -> str:
        end = "the end" if run[-1] is self.windows[-1] else place(run[-1].lines[-1])
        return f"from {place(run[0].lines[0])} to {end}"


def _gradient_ratio(here: Sequence[Window], elsewhere: Sequence[Window]) -> float | None:
    """The median norm of the generator's gradient here over that elsewhere; None where it was not logged."""
    medians = []
    for windows in (here, elsewhere):
        norms = [line[GRADIENT] for window in windows for line in window.lines if line.get(GRADIENT) is not None]
        medians.append(float(np.median(norms)) if norms else 0.0)
    return medians[0] / medians[1] if medians[1] > 0 else None


def _sign(gradient_ratio: float | None) -> tuple[str, str]:
    """What it is called, and how the sentence goes on."""
    if gradient_ratio is not None and gradient_ratio < SMALL_GRADIENT:
        return VANISHING_GRADIENT, "the discriminator"
    return DISCRIMINATOR_WINS, "it"


def _times(ratio: float) -> str:
    return f"{float(f'{ratio:.2g}'):,g} times"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MAX_NAMES
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:_MAX_NAMES])} and {more} more"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
