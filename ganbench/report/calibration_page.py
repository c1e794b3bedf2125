"""The report of a calibration: index.html, made from calibration.json alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup

from ganbench.errors import UsageError
from ganbench.report.calibration_charts import curves_svg
from ganbench.report.calibration_tables import Line, Share, shares, stories, table
from ganbench.report.view import Fact
from ganbench.results.calibration import (
    CALIBRATION_FILE,
    CONFIGURATION_FILE,
    MEASUREMENTS_FILE,
    REPETITIONS_FILE,
    Calibration,
    CalibrationPlan,
    Measured,
    MetricFacts,
    Repeated,
)
from ganbench.results.sensitivity import Response, responses
from ganbench.results.store import read_history, read_record, write_bytes, write_record

ENOUGH = 0.9  # share of repetitions in which the interval should hold the planted value


class Curves(NamedTuple):
    """One metric's row of charts and what they say."""

    metric: MetricFacts
    svg: Markup
    sentences: Sequence[str]


class CalibrationView(NamedTuple):
    """All that the template shows."""

    title: str
    facts: Sequence[Fact]
    tables: Sequence[tuple[int, Sequence[Line]]]
    fault_titles: Sequence[tuple[str, str]]
    curves: Sequence[Curves]
    shares: Sequence[Share]
    left_out: Sequence[tuple[str, str]]
    notes: Sequence[str]
    num_samples: Sequence[int]
    trail: Sequence[Fact]


def gather(folder: Path) -> Calibration:
    """All that a folder holds. Raises UsageError where it is none of a calibration."""
    if not (folder / CONFIGURATION_FILE).is_file():
        raise UsageError(f"{folder}: holds no {CONFIGURATION_FILE}; give the folder that `ganbench calibrate` names.")
    return Calibration(
        plan=read_record(folder / CONFIGURATION_FILE, CalibrationPlan),
        measured=[Measured.model_validate(line) for line in read_history(folder / MEASUREMENTS_FILE)],
        repeated=[Repeated.model_validate(line) for line in read_history(folder / REPETITIONS_FILE)],
    )


def write_calibration(folder: Path) -> Path:
    """Write calibration.json and index.html from what has been measured so far. Returns the path of the page."""
    calibration = gather(folder)
    write_record(folder / CALIBRATION_FILE, calibration)
    page = folder / "index.html"
    write_bytes(page, render(view_of(calibration)).encode())
    return page


def view_of(calibration: Calibration) -> CalibrationView:
    """The records of the page."""
    plan, found = calibration.plan, responses(calibration)
    told = stories(calibration, found)
    curves = [_curves(metric, found, calibration, told[metric.id]) for metric in plan.metrics if metric.id in told]
    return CalibrationView(
        title=plan.data.name,
        facts=facts_of(calibration),
        tables=[(n, lines) for n in plan.num_samples if (lines := table(calibration, found, n))],
        fault_titles=[(fault.title, fault.unit) for fault in plan.faults],
        curves=curves,
        shares=shares(calibration),
        left_out=sorted((missing_of(calibration) | plan.left_out).items()),
        notes=plan.notes,
        num_samples=plan.num_samples,
        trail=[
            Fact("configuration", plan.configuration_sha256),
            Fact("data", plan.data.sha256),
            *([Fact("weights", plan.extractor.weights_sha256)] if plan.extractor else []),
            *(Fact(name, str(value)) for name, value in plan.environment.items()),
        ],
    )


def facts_of(calibration: Calibration) -> list[Fact]:
    """What was measured, on what, how often."""
    plan = calibration.plan
    damaged = plan.configuration.get("num_damaged", 0)

    def counts(sets: Mapping[int, int], most: int | None = None) -> str:
        return ", ".join(f"{min(sets[n], most // n if most else sets[n])} at n = {n:,}" for n in plan.num_samples)

    seeds, clean = counts(plan.num_seeds), counts(plan.clean_seeds)
    fewer = f"; of damaged samples (blur, noise, JPEG, stray points): {counts(plan.num_seeds, damaged)}"
    return [
        Fact("Data", f"{plan.data.name}, {plan.data.num_classes} classes or modes"),
        Fact("Reference", f"{plan.data.num_reference:,} training and {plan.data.num_heldout:,} held-out samples"),
        Fact("Fake generators draw from", f"{plan.data.num_pool:,} others"),
        Fact("Sets of each fault and size", f"{seeds}{fewer if damaged else ''}"),
        Fact("Clean sets", clean),
        Fact("Features", plan.extractor.name if plan.extractor else "none"),
        Fact(
            "Measured",
            f"{len(calibration.measured):,} sets, from {plan.created[:10]}, ganbench {plan.ganbench_version}",
        ),
    ]


def missing_of(calibration: Calibration) -> dict[str, str]:
    """Metrics that were tried and had no value anywhere, with the reason."""
    measured = {name for item in calibration.measured for name in item.values}
    reasons = {name: why for item in calibration.measured for name, why in item.unavailable.items()}
    return {name: why for name, why in reasons.items() if name not in measured}


def render(view: CalibrationView) -> str:
    """The HTML; every text is escaped."""
    templates = files("ganbench.report.templates")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, loader=BaseLoader(), trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(templates.joinpath("calibration.html").read_text(encoding="utf-8"))
    style = Markup(templates.joinpath("style.css").read_text(encoding="utf-8"))  # noqa: S704  # this package's own
    return template.render(view=view, style=style, enough=ENOUGH)


def _curves(
    metric: MetricFacts, found: Sequence[Response], calibration: Calibration, sentences: Sequence[str]
) -> Curves:
    own = [response for response in found if response.metric == metric.id]
    words = f"{metric.label} over the size of each fault. {' '.join(sentences)}"
    return Curves(metric, curves_svg(own, calibration.plan, words), sentences)
