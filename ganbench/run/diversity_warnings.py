"""A mode collapse in a sentence, from the history's `diversity` and `diversity_nearest` (`ganbench.run.diversity`).

A look is low where either number is below a fifth of the real data's. Three low looks in a row are a collapse; by
default the third comes 200 steps after the first. A model of which both numbers have not yet reached two fifths at one
look has yet to learn: its low looks are a collapse only once they are ten in a row, the tenth after a whole epoch, or
where training ends with three of them, or with nothing else. A low look is one of samples all alike,
or from fewer than some 40 images. Classes that are missing among samples that differ are another matter:
`ganbench.run.training_warnings` finds them. All is found from the history, so where training was interrupted makes no
difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from ganbench.report.signs import LOW_DIVERSITY, MODE_COLLAPSE
from ganbench.run.diversity import DIVERSITY, NEAREST
from ganbench.run.places import place

MIN_LOOKS = 3
HAS_LEARNED = 0.4  # both numbers at one look: from then on the model is known to be able to vary
MIN_FIRST_LOOKS, MIN_FIRST_EPOCHS = 10, 1.0  # before that
Line = Mapping[str, Any]
Episode = Sequence[Line]


class DiversityWatch:
    """The looks of one history, which can grow line by line; a line without them is passed over."""

    def __init__(self, history: Iterable[Line] = ()) -> None:
        self.looks: list[Line] = []
        for line in history:
            self.add(line)

    def add(self, line: Line) -> None:
        """The next line."""
        if line.get(DIVERSITY) is not None and line.get(NEAREST) is not None:
            self.looks.append(line)

    @property
    def episodes(self) -> list[Episode]:
        """Runs of low looks that are long enough."""
        return [run for run in self._runs if len(run) >= self._needed(run)]

    @property
    def _runs(self) -> list[Episode]:
        return [list(run) for low, run in groupby(self.looks, _is_low) if low]

    def present_warning(self) -> str | None:
        """What to say in the middle of training: the same words from the look that showed it to the episode's end."""
        runs = self.episodes
        if not runs or runs[-1][-1] is not self.looks[-1]:
            return None
        run = runs[-1]
        what, distances = _told(run[: self._needed(run)])
        return f"{MODE_COLLAPSE}: since {place(run[0])} samples {what}: {distances}"

    def warnings(self) -> list[str]:
        """What to say after training: the first episode, and the last where there are several."""
        runs = [run for run in self._runs if len(run) >= self._needed(run) or self._is_final(run)]
        if not runs:
            return []
        what, distances = _told([look for run in runs for look in run])
        text = f"{MODE_COLLAPSE}: {self._span(runs[0])} samples {what}: {distances}"
        if len(runs) > 1:
            text += f"; {len(runs)} such times in all, the last {self._span(runs[-1])}"
        return [text if self._has_learned(runs[-1]) else f"{text}; it never varied more, or had no time to"]

    def _is_final(self, run: Episode) -> bool:
        """Whether training ended with it: what has not learned by then has not."""
        return run[-1] is self.looks[-1] and len(run) >= min(MIN_LOOKS, len(self.looks))

    def _needed(self, run: Episode) -> int:
        """How many looks make an episode of this run."""
        if self._has_learned(run):
            return MIN_LOOKS
        later = [i for i, look in enumerate(run, start=1) if look["epoch"] >= MIN_FIRST_EPOCHS]
        return max(MIN_FIRST_LOOKS, later[0] if later else len(run) + 1)

    def _has_learned(self, run: Episode) -> bool:
        """Whether a look before the run was as varied as a model can be that has learned."""
        return any(_lower(look) >= HAS_LEARNED for look in self.looks if look["step"] < run[0]["step"])

    def _span(self, run: Episode) -> str:
        end = "the end" if run[-1] is self.looks[-1] else place(run[-1])
        return f"from {place(run[0])} to {end}"


def _is_low(look: Line) -> bool:
    return _lower(look) < LOW_DIVERSITY


def _lower(look: Line) -> float:
    return float(min(look[DIVERSITY], look[NEAREST]))


def _told(looks: Sequence[Line]) -> tuple[str, str]:
    """What the samples do, and how far apart they lie: medians."""
    mean, nearest = (float(np.median([look[key] for look in looks])) for key in (DIVERSITY, NEAREST))
    return (
        "hardly differ" if mean < LOW_DIVERSITY else "repeat one another",
        f"distance of two {mean:.2g} times that of real data, to the nearest other one {nearest:.2g} times",
    )
