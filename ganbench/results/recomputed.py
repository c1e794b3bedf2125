"""Stored numbers beside the same numbers made anew: which agree, and how far apart the others are.

Numbers agree exactly, or to a tolerance: relative to the number, or to the width of its interval, whichever is more, so
that a number near 0 is not asked for digits that it does not have. The default, 1e-6, covers another order of sums by
threads; another processor or device may need more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ganbench.results.schema import Board, MetricRecord

TOLERANCE = 1e-6
Agreement = Literal["exact", "within tolerance", "differs"]
_REMARKS = {"title", "label", "ci95_method", "seconds", "bounds"}  # texts, times and what the metric is: not the number
_BOARD_REMARKS = {"created", "notes", "things"}
_SCORE_REMARKS = (".ci95_method", ".at_least")  # how an interval is worded, and what the records' details have as well


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
    width = stored.ci95[1] - stored.ci95[0] if stored.ci95 is not None else 0.0
    parts = compare(_numbers_of(stored), _numbers_of(again), tolerance, floor=tolerance * abs(width))
    agreement = _worst([part.agreement for part in parts])
    others = tuple(part for part in parts if part.place != "value")
    return Comparison(metric, stored.value, again.value, agreement, others)


def compare_boards(stored: Board, again: Board, tolerance: float) -> list[Part]:
    """What differs between two boards: the rows in their order, and all that heads them; remarks are left out."""
    boards = [board.model_dump(mode="json", exclude=_BOARD_REMARKS) for board in (stored, again)]
    parts = compare(boards[0], boards[1], tolerance)
    return [part for part in parts if part.agreement == "differs" and not part.place.endswith(_SCORE_REMARKS)]


def compare(stored: Any, again: Any, tolerance: float, floor: float = 0.0) -> list[Part]:
    """All values of two JSON-like values that are not exactly equal, by their place; `floor` is absolute."""
    left, right = dict(_leaves(stored)), dict(_leaves(again))
    parts = []
    for place in dict.fromkeys((*left, *right)):
        present = place in left and place in right
        agreement = _agreement(left[place], right[place], tolerance, floor) if present else "differs"
        if agreement != "exact":
            parts.append(Part(place, left.get(place), right.get(place), agreement))
    return parts


def _agreement(stored: Any, again: Any, tolerance: float, floor: float) -> Agreement:
    """Counts, words and truth values agree exactly or not at all: they are the same on every machine."""
    if stored == again and isinstance(stored, bool) == isinstance(again, bool):
        return "exact"
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (stored, again))
    if not numbers or (isinstance(stored, int) and isinstance(again, int)):
        return "differs"
    return "within tolerance" if math.isclose(stored, again, rel_tol=tolerance, abs_tol=floor) else "differs"


def _worst(agreements: Sequence[Agreement]) -> Agreement:
    order: tuple[Agreement, ...] = ("differs", "within tolerance")
    return next((agreement for agreement in order if agreement in agreements), "exact")


def _numbers_of(record: MetricRecord) -> dict[str, Any]:
    content = record.model_dump(mode="json", exclude=_REMARKS | {"details"})
    return content | {
        "details": {place: value for place, value in _leaves(record.details) if not isinstance(value, str)}
    }


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
