"""Two signs of a training gone wrong, in sentences: classes that vanished, and a discriminator that is never fooled.

Collapse. A class is missing from 5 probes in a row (`ganbench.run.class_timeline`) when its share in their 1,000
samples together, even with 1.96 standard errors more, is below a tenth of its real share; it is surely there when its
share, even with 1.96 standard errors less, is not. A class has vanished when it was surely there once and is missing
from all fives of probes from some probe on to the last; without having been surely there, it never appeared. So a poor
classifier or few samples raise no alarm. The first twentieth of training does not count: its samples are noise, which
a classifier puts anywhere.

Vanishing gradient (Goodfellow et al. 2014, arXiv:1406.2661, section 3; Arjovsky and Bottou 2017, arXiv:1701.04862): the
discriminator recognises more than 99 % of the fakes in at least 3 windows in a row. A window is an epoch or 200 fakes,
whichever is longer, made of whole lines of the history; as many fakes count as real images were shown. All is found
from the history, so where training was interrupted makes no difference.
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
from ganbench.results.store import CLASSES_FILE, HISTORY_FILE, read_history
from ganbench.run.class_timeline import NUM_POOLED

NOISE_SHARE = 0.05  # of training, at its start
MAX_RECALL = 0.99
MIN_WINDOWS, MIN_FAKES = 3, 200
_SHARE = f"{100 * MAX_RECALL:g} %"
_MAX_NAMES = 12
_ROUNDING = 1e-9  # relative
Line = Mapping[str, Any]


def training_warnings(folder: Path, class_names: Sequence[str]) -> list[str]:
    """What the files of a trial in `folder` give reason to say, one sentence each."""
    watch = RecallWatch(read_history(folder / HISTORY_FILE))
    return [*collapse_warnings(read_history(folder / CLASSES_FILE), class_names), *watch.warnings()]


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
        warnings.append(f"never appeared: {absent}; no probe of the samples surely shows them")
    return warnings


def _collapse(since: Mapping[int, int], lines: Sequence[Line], names: Sequence[str], remaining: Sequence[str]) -> str:
    """`since`: from which line on each vanished class is missing."""
    first, last = min(since.values()), max(since.values())
    text = f"collapse: from {_place(lines[last])} on, {_listed([names[i] for i in since])} {_are(len(since))} missing"
    if first < last:
        earliest = [names[i] for i, line in since.items() if line == first]
        text += f", {_listed(earliest)} already from {_place(lines[first])} on"
    return f"{text}; {_listed(remaining)} {'remains' if len(remaining) == 1 else 'remain'}"


@dataclass(frozen=True)
class Window:
    """The discriminator's mean recall on fakes between two lines of the history."""

    start: Line
    end: Line
    recall: float


class RecallWatch:
    """The windows of one history, which can grow line by line; a line without `d_recall` is passed over."""

    def __init__(self, history: Iterable[Line] = ()) -> None:
        self.windows: list[Window] = []
        self._start: Line = {"step": 0, "epoch": 0.0, "images": 0}
        self._last_images, self._recognised = 0, 0.0
        for line in history:
            self.add(line)

    def add(self, line: Line) -> None:
        """The next line."""
        if line.get("d_recall") is None:
            return
        self._recognised += line["d_recall"] * (line["images"] - self._last_images)
        self._last_images = line["images"]
        num_fakes = line["images"] - self._start["images"]
        if num_fakes >= MIN_FAKES and line["epoch"] - self._start["epoch"] >= 1 - _ROUNDING:
            self.windows.append(Window(self._start, line, self._recognised / num_fakes))
            self._start, self._recognised = line, 0.0

    @property
    def episodes(self) -> list[list[Window]]:
        """Runs of at least 3 windows in which nearly all fakes are recognised."""
        runs = [list(run) for high, run in groupby(self.windows, lambda window: window.recall > MAX_RECALL) if high]
        return [run for run in runs if len(run) >= MIN_WINDOWS]

    def present_warning(self) -> str | None:
        """What to say in the middle of training: the same words from an episode's third window to its end."""
        runs = self.episodes
        if not runs or runs[-1][-1] is not self.windows[-1]:
            return None
        return (
            f"vanishing gradient: since {_place(runs[-1][0].start)} the discriminator recognises more than "
            f"{_SHARE} of the fakes, so the generator has little to learn from"
        )

    def warnings(self) -> list[str]:
        """What to say after training: the first episode, and the last where there are several."""
        runs = self.episodes
        if not runs:
            return []
        text = f"vanishing gradient: {self._span(runs[0])} the discriminator recognised more than {_SHARE} of "
        text += "the fakes, so the generator had little to learn from"
        if len(runs) > 1:
            text += f"; {len(runs)} such times in all, the last {self._span(runs[-1])}"
        return [text]

    def _span(self, run: Sequence[Window]) -> str:
        lasted = run[-1] is self.windows[-1]
        return f"from {_place(run[0].start)} {'to the end' if lasted else 'to ' + _place(run[-1].end)}"


def _place(line: Line) -> str:
    epoch = line["epoch"]
    rounded = f"{epoch:,.0f}" if epoch >= 10 or epoch == int(epoch) else f"{epoch:.2g}"
    return f"epoch {rounded} (step {line['step']:,})"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MAX_NAMES
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:_MAX_NAMES])} and {more} more"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
