"""One trial of the page: its pictures, curves, costs and the trail of hashes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ganbench.errors import UsageError
from ganbench.report.bins import ndb_bins
from ganbench.report.charts import line_styles, place_words, training_charts
from ganbench.report.class_charts import class_chart, class_timeline, missing_classes, missing_words
from ganbench.report.class_table import class_table
from ganbench.report.facts import cost_facts, metric_line, option_facts, provenance_facts
from ganbench.report.galleries import best_samples, latent_arithmetic, three_stages
from ganbench.report.memory import neighbours_view
from ganbench.report.pictures import (
    Arrays,
    Assets,
    load_arrays,
    sample_grid,
    snapshot_paths,
    stored_picture,
)
from ganbench.report.repeats import repeats
from ganbench.report.scatter import scatter
from ganbench.report.stack_chart import stack_chart, stack_of, stack_words
from ganbench.report.view import Chart, Fact, Failure, Picture, SectionView, TrialView
from ganbench.report.words import interval_words
from ganbench.results.schema import MetricRecord, MetricsFile, Run, Trial
from ganbench.results.store import (
    CLASSES_FILE,
    INTERPOLATION_FILE,
    SAMPLES_FILE,
    SNAPSHOT_FOLDER,
    TrialResults,
    read_history,
)
from ganbench.types import ReportSection

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Context:
    """What the trials of a run share: where pictures go, the sections of plugins, and the held-out real images.

    `cheapest`: title and training seconds per 1,000 images of the model that costs least; None where none was trained.
    """

    run: Run
    assets: Assets
    sections: Sequence[ReportSection]
    real: Arrays
    cheapest: tuple[str, float] | None


def build_trial(context: Context, item: TrialResults, anchor: str) -> TrialView:
    """All that is known of one trial. Missing or damaged files leave their part empty."""
    run, assets, trial, folder = context.run, context.assets, item.trial, item.folder
    metrics = item.metrics.metrics if item.metrics else {}
    where = f"{trial.plugin}, seed {trial.seed}"
    samples = load_arrays(folder / SAMPLES_FILE)
    num_real = len(context.real.get("images", ()))
    best, best_missing = best_samples(assets, folder, len(samples.get("images", ())), where)
    modes, summary, missing = _modes(metrics.get("modes"))
    arithmetic, arithmetic_rule = latent_arithmetic(assets, folder, where)
    charts = training_charts(item.history, trial.warnings, run.things)
    plugin = next((record for record in run.plugins if record.name == trial.plugin), None)
    changed_options, options = option_facts(trial, plugin)
    return TrialView(
        anchor=f"{anchor}-seed-{trial.seed}",
        seed=trial.seed,
        status=trial.status,
        warnings=_warnings(item),
        failure=_failure(trial),
        stages=three_stages(assets, item, samples, context.real, len(run.class_names)),
        samples=sample_grid(assets, samples, where),
        best=best,
        best_missing=best_missing,
        snapshots=_snapshots(assets, item, where),
        interpolation=stored_picture(
            assets,
            folder / SNAPSHOT_FOLDER / INTERPOLATION_FILE,
            f"Strips of images by {where}, each between two latents",
        ),
        arithmetic=arithmetic,
        arithmetic_rule=arithmetic_rule,
        charts=charts,
        line_styles=line_styles(charts),
        neighbours=None if "points" in samples else neighbours_view(assets, folder, item.metrics, num_real, where),
        bins=ndb_bins(assets, folder, metrics.get("ndb"), where),
        repeats=repeats(assets, folder, metrics.get("birthday"), where),
        modes=modes,
        modes_summary=f"{summary} {_divergence(metrics.get('mode_kl'))}".strip() if summary else "",
        timeline=class_timeline(_lines(folder / CLASSES_FILE), run.class_names, trial.warnings),
        classes=class_table(assets, folder, samples, where, missing, metrics),
        cost=cost_facts(trial, context.cheapest, run.things),
        changed_options=changed_options,
        options=options,
        provenance=provenance_facts(run, item),
        metrics=tuple(metric_line(record) for record in metrics.values()),
        unavailable=tuple(Fact(*pair) for pair in item.metrics.unavailable.items()) if item.metrics else (),
        scatter=scatter(item, samples, context.real),
        sections=tuple(view for section in context.sections if (view := _section(section, item)) is not None),
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a file; none if it is missing or damaged."""
    try:
        return read_history(path)
    except UsageError:
        return []


def _warnings(item: TrialResults) -> tuple[str, ...]:
    """The trial's warnings, less those of metrics that are not there: the notes below the table say these once."""
    said = item.metrics.unavailable.values() if item.metrics else ()
    return tuple(warning for warning in item.trial.warnings if not any(reason in warning for reason in said))


def _failure(trial: Trial) -> Failure | None:
    if trial.error is None or trial.status != "failed":
        return None
    return Failure(trial.error.stage, f"{trial.error.type}: {trial.error.message}", trial.error.traceback)


def _snapshots(assets: Assets, item: TrialResults, where: str) -> tuple[Picture, ...]:
    """The grids of the same latents at growing steps."""
    pictures = []
    for step, path in snapshot_paths(item.folder):
        words = place_words(item.history, step)
        pictures.append(stored_picture(assets, path, f"Images of fixed latents by {where} at {words}", words))
    return tuple(picture for picture in pictures if picture is not None)


def _modes(record: MetricRecord | None) -> tuple[Chart | None, str, list[str]]:
    """The classes of the samples as a chart and in a sentence, and those that are missing."""
    details = record.details if record else {}
    counts, shares = details.get("shares") or details.get("counts"), details.get("real_shares")
    if record is None or not counts or not shares:
        return None, "", []
    if (stack := stack_of(details)) is not None:
        return stack_chart(stack), stack_words(stack, details, record.num_samples), []
    names = [str(name) for name in details.get("class_names") or range(len(counts))]
    words = f"{record.value:g} of {len(counts)} classes found among {record.num_samples:,} samples"
    accuracy = details.get("classifier_test_accuracy")
    words += f" by a classifier that is right on {accuracy:.1%} of held-out images." if accuracy else "."
    words += " It names a class for any image, scribbles too: a count of classes says nothing of quality."
    missing = missing_classes(counts, shares, names)
    return class_chart(counts, shares, names), f"{words} {missing_words(missing)}", missing


def _divergence(record: MetricRecord | None) -> str:
    """How far the shares of the classes are from the real ones, in one number."""
    if record is None:
        return ""
    return (
        f"{record.title}, the divergence of all shares from the real ones: {record.value:.3f}"
        f"{interval_words(record.ci95, '.3f')}; 0 for equal shares."
    )


def _section(section: ReportSection, item: TrialResults) -> SectionView | None:
    """A plugin's section, or how it failed: the report goes on without it."""
    metrics = item.metrics if item.metrics is not None else MetricsFile(metrics={}, provenance={})
    try:
        html = section.render(item.folder, metrics.model_dump(mode="json")["metrics"])
        return None if html is None else SectionView(section.title, Markup(html))  # noqa: S704  # plugins are trusted code
    except Exception as error:
        logger.warning("report section '%s' failed for %s", section.title, item.folder, exc_info=True)
        return SectionView(section.title, Markup(""), f"{type(error).__name__}: {error}")
