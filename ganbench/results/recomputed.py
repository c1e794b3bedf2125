"""Stored numbers beside the same numbers made anew: which agree, and how far apart the others are.

Numbers agree exactly, or to a relative tolerance. The default, 1e-6, covers what another processor, library or number
of threads may do to float32 features and to sums in their last digits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ganbench.results.schema import Board, MetricRecord

TOLERANCE = 1e-6
Agreement = Literal["exact", "within tolerance", "differs"]
_WORDS_ONLY = {"title", "ci95_method", "seconds"}  # texts and times, which say nothing of the number
_BOARD_FIELDS = {"rank", "tied", "tied_with", "status", "num_seeds", "num_failed", "scores"}


@dataclass(frozen=True)
class Part:
    """One value of a record by its place, such as `ci95.0` or `details.k`; None where it is not there."""

    place: str
    stored: Any
    recomputed: Any
    agreement: Agreement


@dataclass(frozen=True)
class Comparison:
    """A stored number and the recomputed one; `parts` are what else of its record is not exactly equal."""

    metric: str
    stored: float
    recomputed: float
    agreement: Agreement  # of the number and all parts together
    parts: tuple[Part, ...] = ()

    @property
    def difference(self) -> float:
        """Recomputed minus stored."""
        return self.recomputed - self.stored


def compare_records(metric: str, stored: MetricRecord, again: MetricRecord, tolerance: float) -> Comparison:
    """The value, the interval, the counts, the extractor, the protocol and the numbers among the details."""
    parts = compare(_numbers_of(stored), _numbers_of(again), tolerance)
    agreement = _worst([part.agreement for part in parts])
    others = tuple(part for part in parts if part.place != "value")
    return Comparison(metric, stored.value, again.value, agreement, others)


def compare_boards(stored: Board, again: Board, tolerance: float) -> list[Part]:
    """What differs between the ranks, counts and scores of two boards, by plugin."""
    boards = [
        {row.plugin: row.model_dump(mode="json", include=_BOARD_FIELDS) for row in b.rows} for b in (stored, again)
    ]
    parts = compare(_without(boards[0], _WORDS_ONLY), _without(boards[1], _WORDS_ONLY), tolerance)
    return [part for part in parts if part.agreement == "differs"]


def compare(stored: Any, again: Any, tolerance: float) -> list[Part]:
    """All values of two JSON-like values that are not exactly equal, by their place."""
    left, right = dict(_leaves(stored)), dict(_leaves(again))
    parts = []
    for place in dict.fromkeys((*left, *right)):
        present = place in left and place in right
        agreement = _agreement(left[place], right[place], tolerance) if present else "differs"
        if agreement != "exact":
            parts.append(Part(place, left.get(place), right.get(place), agreement))
    return parts


def _agreement(stored: Any, again: Any, tolerance: float) -> Agreement:
    """Counts, words and truth values agree exactly or not at all: they are the same on every machine."""
    if stored == again and isinstance(stored, bool) == isinstance(again, bool):
        return "exact"
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (stored, again))
    if not numbers or (isinstance(stored, int) and isinstance(again, int)):
        return "differs"
    return "within tolerance" if math.isclose(stored, again, rel_tol=tolerance) else "differs"


def _worst(agreements: Sequence[Agreement]) -> Agreement:
    order: tuple[Agreement, ...] = ("differs", "within tolerance")
    return next((agreement for agreement in order if agreement in agreements), "exact")


def _numbers_of(record: MetricRecord) -> dict[str, Any]:
    content = record.model_dump(mode="json", exclude=_WORDS_ONLY | {"details"})
    return content | {
        "details": {place: value for place, value in _leaves(record.details) if not isinstance(value, str)}
    }


def _without(value: Any, names: set[str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _without(item, names) for key, item in value.items() if key not in names}
    return value


def _leaves(value: Any, place: str = "") -> list[tuple[str, Any]]:
    """Every value that holds no others, with its place; what is not finite is null, as in the files."""
    if isinstance(value, Mapping):
        items = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list | tuple):
        items = [(str(index), item) for index, item in enumerate(value)]
    else:
        return [(place, None if isinstance(value, float) and not math.isfinite(value) else value)]
    leaves = [leaf for key, item in items for leaf in _leaves(item, f"{place}.{key}" if place else key)]
    return leaves or [(place, "empty")]
