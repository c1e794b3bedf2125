"""What a calibration found, in cells and sentences: for the HTML report, the page of the docs and the boards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ganbench.metrics.intervals import wilson_interval
from ganbench.results.calibrated import joined
from ganbench.results.calibration import Calibration, FaultRecord, MetricFacts, Repeated
from ganbench.results.sensitivity import Response


class Cell(NamedTuple):
    """One cell of the table metric × fault: a short text, its kind for the colour, and the whole story."""

    text: str
    kind: str  # seen, wrong, describes, blind, unsteady or nothing
    story: str


class Line(NamedTuple):
    """One metric with a cell for each fault."""

    metric: MetricFacts
    cells: tuple[Cell, ...]


class Share(NamedTuple):
    """How often one planted value lay in the interval, with Wilson's interval of that share."""

    item: Repeated
    words: str
    share: float
    low: float
    high: float


def table(calibration: Calibration, found: Sequence[Response], num_samples: int) -> tuple[Line, ...]:
    """The table metric × fault at one number of samples; metrics that were not measured there are left out."""
    by_key = {(r.metric, r.fault): r for r in found if r.num_samples == num_samples}
    lines = []
    for metric in calibration.plan.metrics:
        if any(key[0] == metric.id for key in by_key):
            cells = (cell_of(by_key.get((metric.id, fault.name)), fault, metric) for fault in calibration.plan.faults)
            lines.append(Line(metric, tuple(cells)))
    return tuple(lines)


def cell_of(response: Response | None, fault: FaultRecord, metric: MetricFacts) -> Cell:
    """From which size on the fault is seen, such as `3`."""
    if response is None:
        return Cell("", "nothing", "not measured, or it cannot be computed on such samples")
    story = "; ".join(
        f"{fault.word(size.size)}: {size.sets.mean:.4g} ({'seen' if size.seen else 'not seen'})"
        for size in response.sizes
    )
    story = f"clean: {response.clean.mean:.4g}; {story}"
    if response.seen_from is None:
        if response.blind:
            return Cell("–", "blind", story)
        if response.undecided:
            return Cell("?", "unsteady", f"too few sets of a number that never varies; {story}")
        return Cell("(–)", "unsteady", f"some sizes are seen, but not the strongest; {story}")
    size = short_size(fault, response.seen_from)
    mark = {"worse": "", "better": "!", "up": "↗", "down": "↘"}[response.direction or "worse"]
    kind = {"worse": "seen", "better": "wrong"}.get(response.direction or "", "describes")
    steady = "" if response.monotone else " ~"
    return Cell(f"{mark}{size}{steady}", kind, story)


def short_size(fault: FaultRecord, size: float) -> str:
    """A size without its noun: `5%`, `3`."""
    return f"{size:.0%}" if "%" in fault.word(size) else f"{size:g}"


def shares(calibration: Calibration) -> tuple[Share, ...]:
    """Every planted value with how often the interval held it."""
    faults = {fault.name: fault for fault in calibration.plan.faults}
    found = []
    for item in calibration.repeated:
        if item.num_repetitions:
            low, high = wilson_interval(item.num_inside, item.num_repetitions)
            words = faults[item.fault].word(item.size) if item.size else "clean"
            found.append(Share(item, words, item.num_inside / item.num_repetitions, low, high))
    return tuple(found)


def stories(calibration: Calibration, found: Sequence[Response]) -> dict[str, list[str]]:
    """For each metric, sentences: what it is blind to at every n measured, what moves it the wrong way, what is odd."""
    faults = {fault.name: fault.noun for fault in calibration.plan.faults}
    by_metric: dict[str, dict[str, list[Response]]] = {}
    for response in found:
        by_metric.setdefault(response.metric, {}).setdefault(response.fault, []).append(response)
    return {metric: _story(of_faults, faults) for metric, of_faults in by_metric.items()}


def _story(of_faults: Mapping[str, Sequence[Response]], titles: Mapping[str, str]) -> list[str]:
    blind = [titles[name] for name, rs in of_faults.items() if all(r.blind for r in rs)]
    wrong = [titles[name] for name, rs in of_faults.items() if any(r.direction == "better" for r in rs)]
    odd = [titles[name] for name, rs in of_faults.items() if not all(r.monotone for r in rs)]
    some: dict[str, list[str]] = {}  # faults by the numbers of samples at which alone they are seen
    for name, rs in of_faults.items():
        if titles[name] not in blind and any(r.seen_from is None and not r.undecided for r in rs):
            seen = joined([f"{r.num_samples:,}" for r in rs if r.seen_from is not None] or ["none"])
            some.setdefault(seen, []).append(titles[name])
    sentences = []
    if blind:
        sentences.append(f"Blind to {joined(blind)}.")
    if wrong:
        sentences.append(f"Improves with {joined(wrong)}.")
    sentences += [f"Sees {joined(names)} at n = {seen} only." for seen, names in some.items() if seen != "none"]
    if names := some.get("none"):
        sentences.append(f"Sees {joined(names)} at some sizes only.")
    if odd:
        sentences.append(f"Does not move one way with {joined(odd)}.")
    return sentences or ["Sees every fault planted, at every n."]
