"""What the stored calibrations say of a board's ranking number: which planted faults it sees, and to which it is blind.

`calibrations.json` beside this file travels with the package; `benchmarks/calibration/page.py` makes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from pydantic import Field

from ganbench.results.calibration import Calibration
from ganbench.results.schema import ExtractorRecord, Record
from ganbench.results.sensitivity import Response

SUMMARY_FILE = "calibrations.json"
PAGE = "docs/calibration.md"
STACKED = "stacked-"  # how datasets of images made of several others are named


class Sensitivity(Record):
    """One metric at one number of samples. `seen`: the weakest size seen, in words, of each fault that makes the
    number worse (or moves one that only describes); `better`: of faults that improve it; `blind`: faults never seen;
    `unsteady`: faults of which some sizes are seen, but not the strongest.
    """

    metric: str
    num_samples: int
    seen: list[str]
    better: list[str]
    blind: list[str]
    unsteady: list[str] = Field(default_factory=list)


class Summary(Record):
    """One calibration, of data with this hash; `covers` are the names of other datasets that it speaks for."""

    data: str
    sha256: str
    covers: list[str]
    extractor: ExtractorRecord | None
    num_classes: int
    sensitivities: list[Sensitivity]

    def of(self, metric: str, num_samples: int) -> Sensitivity | None:
        """At the largest calibrated number of samples that is not above `num_samples`."""
        own = [item for item in self.sensitivities if item.metric == metric and item.num_samples <= num_samples]
        return max(own, key=lambda item: item.num_samples, default=None)


def summarise(calibration: Calibration, found: Sequence[Response], covers: Sequence[str]) -> Summary:
    """A calibration in short. Numbers of samples at which it is unfinished are left out."""
    plan = calibration.plan
    lines = []
    for metric in plan.metrics:
        by_number = {n: [r for r in found if (r.metric, r.num_samples) == (metric.id, n)] for n in plan.num_samples}
        for num_samples, own in by_number.items():
            if own and len(own) == max(map(len, by_number.values())):
                lines.append(_sensitivity(metric.id, num_samples, own, calibration))
    return Summary(
        data=plan.data.name, sha256=plan.data.sha256, covers=list(covers), extractor=plan.extractor,
        num_classes=plan.data.num_classes, sensitivities=lines,
    )  # fmt: skip


@cache
def stored_summaries() -> tuple[Summary, ...]:
    """Those that the package brings."""
    text = files("ganbench.results").joinpath(SUMMARY_FILE).read_text(encoding="utf-8")
    return tuple(Summary.model_validate(item) for item in json.loads(text))


def calibration_note(
    metric: str,
    label: str,
    num_samples: int,
    dataset: str,
    sha256: str,
    extractor: ExtractorRecord | None,
    summaries: Iterable[Summary] | None = None,
) -> str:
    """What is known of a number `label` of so many samples: what it sees from which size on, what it does not see.

    The data are known by their hash, or by the name of a dataset that ganbench brings.
    """
    known = list(stored_summaries() if summaries is None else summaries)
    of_data = [item for item in known if sha256 == item.sha256 or dataset in item.covers]
    usable = [item for item in of_data if extractor is None or item.extractor == extractor]
    command = f"`ganbench calibrate --dataset {dataset.partition(':')[0]}{':…' * (':' in dataset)}` finds out"
    if dataset.startswith(STACKED):
        command = "images made of several others cannot be calibrated on"
    if not usable:
        why = f"with {extractor.name}" if of_data and extractor is not None else f"on {dataset.partition(':')[0]} data"
        return f"Calibration: which faults {label} sees {why} is not known; {command}."
    lines = [(item.data, line) for item in usable if (line := item.of(metric, num_samples)) is not None]
    if not lines:
        return f"Calibration: which faults {label} sees with {num_samples:,} samples is not known; {command}."
    data, found = lines[0]
    return f"Calibration ({data}, n = {found.num_samples:,}): {label} {clauses_of(found)}. All metrics: {PAGE}."


def clauses_of(found: Sensitivity) -> str:
    """`sees faults from … on; it improves with …; it does not see …`."""
    clauses = [f"sees faults from {joined(found.seen)} on"] if found.seen else ["sees none of the planted faults"]
    if found.better:
        clauses.append(f"improves with {joined(found.better)}")
    if found.blind:
        clauses.append(f"does not see {joined(found.blind)}")
    if found.unsteady:
        clauses.append(f"sees {joined(found.unsteady)} at some sizes, but not at the strongest")
    return "; it ".join(clauses)


def _sensitivity(metric: str, num_samples: int, own: Sequence[Response], calibration: Calibration) -> Sensitivity:
    faults = {fault.name: fault for fault in calibration.plan.faults}
    seen: list[str] = []
    better: list[str] = []
    blind: list[str] = []
    unsteady: list[str] = []
    for response in own:
        fault = faults[response.fault]
        if response.undecided:
            continue
        if response.seen_from is None:
            (blind if response.blind else unsteady).append(fault.noun)
        elif response.direction == "better":
            better.append(fault.word(response.seen_from))
        else:
            seen.append(fault.word(response.seen_from))
    return Sensitivity(metric=metric, num_samples=num_samples, seen=seen, better=better, blind=blind, unsteady=unsteady)


def joined(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
