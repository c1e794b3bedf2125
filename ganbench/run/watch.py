"""What a history gives reason to say, line by line: in training when a sign shows, and all together at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ganbench.run.diversity_warnings import DiversityWatch
from ganbench.run.training_warnings import RecallWatch

Line = Mapping[str, Any]


class TrainingWatch:
    """A mode collapse and a discriminator that wins, each told once, at the line that shows it.

    All is found from the history alone, so where training was interrupted makes no difference.
    """

    def __init__(self, history: Iterable[Line] = ()) -> None:
        self._diversity, self._recall = DiversityWatch(), RecallWatch()
        self._told: set[str] = set()
        for line in history:
            self.add(line)

    @property
    def present(self) -> tuple[str, ...]:
        """What is so at the last line."""
        found = (self._diversity.present_warning(), self._recall.present_warning())
        return tuple(text for text in found if text is not None)

    def add(self, line: Line) -> tuple[str, ...]:
        """The next line; returns what it shows first."""
        self._diversity.add(line)
        self._recall.add(line)
        new = tuple(text for text in self.present if text not in self._told)
        self._told.update(new)
        return new
