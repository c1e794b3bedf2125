"""What a reader must know before believing a board: warnings where a control comes out wrong, and how to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ganbench.results.alike import Differences, describe_differences
from ganbench.results.calibrated import calibration_note, joined
from ganbench.results.controls import COPYING_SHARE, control_warnings, copying_share
from ganbench.results.published import published_notes
from ganbench.results.schema import BoardRow, PairTest, Role
from ganbench.results.store import RunResults

POOR_CLASSIFIER = 0.8  # accuracy below which its word on classes is rough


def board_warnings(
    results: RunResults, rows: Sequence[BoardRow], rank_by: str, differing: Mapping[str, Differences]
) -> list[str]:
    """Reasons to distrust the board; `differing` says which metrics' numbers were not all made alike, and in what."""
    warnings = []
    if rank_by in differing:
        warnings.append(
            f"Nothing is ranked: {rank_by} was not measured alike for all rows. They differ in "
            f"{describe_differences(differing[rank_by])}. Run the benchmark again with --fresh."
        )
    warnings += [
        f"{row.plugin} is not ranked: {row.scores[rank_by].label} could be measured of {row.scores[rank_by].num_seeds} "
        f"of its {row.num_seeds} seeds only, which may be the lucky ones."
        for row in rows
        if row.role == "model" and row.lacks_seeds(rank_by)
    ]
    others: dict[str, list[str]] = {}
    for metric, found in differing.items():
        if metric != rank_by:
            others.setdefault(describe_differences(found), []).append(metric)
    warnings += [f"{_columns(metrics)} numbers that differ in {words}." for words, metrics in others.items()]
    warnings += control_warnings(results, rows, rank_by)
    warnings += _copy_warnings(results)
    if (accuracy := _classifier_accuracy(results)) is not None and accuracy < POOR_CLASSIFIER:
        warnings.append(
            f"Classes are told by a classifier that is right on only {accuracy:.0%} of held-out images: what is said "
            "of classes and modes here is rough, as its intervals show."
        )
    return warnings


def board_notes(results: RunResults, rows: Sequence[BoardRow], rank_by: str, tests: Sequence[PairTest]) -> list[str]:
    """How to read the board: its source, extractor, counts, ranks, intervals, what is missing and why."""
    run = results.run
    counts = _counts(rows, rank_by)
    notes = published_notes(results, rows, counts.get("model"))
    if note := run.environment.get("data_note"):
        notes.append(f"Data: {str(note).rstrip('.')}.")
    if note := run.environment.get("extractor_note"):
        notes.append(f"Extractor {str(note).rstrip('.')}.")
    if note := run.environment.get("protocol_note"):
        notes.append(str(note))
    if (accuracy := _classifier_accuracy(results)) is not None:
        notes.append(
            f"Classes are told by a classifier, trained on the training images, that is right on {accuracy:.1%} of "
            "held-out ones; unless a column says otherwise, its errors are taken off."
        )
    notes.append(f"Protocol {run.protocol}: compare these numbers only with numbers of the same protocol.")
    notes += _count_notes(counts)
    notes += _calibration_notes(results, rows, rank_by)
    notes += rank_notes(tests)
    if any(row.role == "model" and row.num_seeds == 1 for row in rows):
        notes.append(
            "One training seed: the training variance is unknown, and intervals and ranks cover the drawing of samples "
            "only. Training the same model again with another seed can move it by more; use --seeds 3 or more before "
            "calling one model better."
        )
    for plugin in run.failed_plugins:
        notes.append(
            f"Plugin {plugin.entry_point} ({plugin.distribution}) did not load ({plugin.stage}): {plugin.error}"
        )
    return notes + _unavailable_notes(results, rows)


def _classifier_accuracy(results: RunResults) -> float | None:
    """On held-out images, of whichever metric was measured by the classifier; None where none was."""
    records = (record for item in results.trials if item.metrics for record in item.metrics.metrics.values())
    found = (record.details.get("classifier_test_accuracy") for record in records)
    return next((float(accuracy) for accuracy in found if isinstance(accuracy, int | float)), None)


def rank_notes(tests: Sequence[PairTest]) -> list[str]:
    """By which test the models were ranked, and whether any pair could be told apart."""
    if not tests:
        return []
    methods = " or ".join(dict.fromkeys(test.method for test in tests))
    apart = sum(test.verdict == "worse" for test in tests)
    if len(tests) == 1:
        return [f"Ranks: {methods}, at 5 %. The two models can{'' if apart else 'not'} be told apart."]
    corrected = f"at 5 % for all {len(tests)} pairs together (Holm)"
    notes = [f"Ranks: {methods}, {corrected}. {apart or 'None'} of the {len(tests)} pairs can be told apart."]
    if apart < len(tests):
        notes.append(
            "A tie does not say that models are equal: it says that these seeds and samples do not show which is "
            "better. Of few seeds and many pairs only very large differences are shown; use more --seeds. Intervals "
            "are each model's own, so models whose intervals do not meet can tie as well."
        )
    return notes


def _calibration_notes(results: RunResults, rows: Sequence[BoardRow], rank_by: str) -> list[str]:
    """Which planted faults the ranking number is known to see, at this number of samples."""
    score = next((row.scores[rank_by] for row in rows if row.role == "model" and rank_by in row.scores), None)
    configuration = results.run.configuration
    data = configuration["benchmark"].get("data", {}).get("dataset")
    if score is None or data is None:
        return []
    sha256 = str(configuration.get("dataset_sha256"))
    return [calibration_note(rank_by, score.label, score.num_samples, data, sha256, score.extractor)]


def _columns(metrics: Sequence[str]) -> str:
    plural = len(metrics) > 1
    return f"The column{'s' * plural} {', '.join(metrics)} mix{'' if plural else 'es'}"


def _copy_warnings(results: RunResults) -> list[str]:
    """A model must not be caught by its neighbours."""
    warnings = []
    for item in results.trials:
        record = item.metrics.metrics.get("nn_feature") if item.metrics and item.trial.status == "done" else None
        share = copying_share(record) if item.trial.role == "model" else None
        if share is not None and share >= COPYING_SHARE:
            warnings.append(
                f"{item.trial.plugin} (seed {item.trial.seed}): {share:.0%} of its samples lie nearer to a training "
                "image than 99% of held-out images do. It may copy, or make a few typical images only: see its "
                "neighbours."
            )
    return warnings


def _counts(rows: Sequence[BoardRow], rank_by: str) -> dict[Role, int]:
    """How many images the ranking numbers of each role were made from."""
    return {row.role: row.scores[rank_by].num_samples for row in rows if rank_by in row.scores}


def _count_notes(counts: Mapping[Role, int]) -> list[str]:
    samples = counts.get("model", counts.get("control"))
    if samples is None:
        return []
    reference = counts.get("reference", samples)
    if reference == samples:
        return [f"{samples:,} samples a row. Scores from small samples are biased: compare only at equal numbers."]
    return [
        f"{samples:,} samples a row, but {reference:,} in the reference row, since no more are held out. Scores from "
        "small samples are biased: its FID and IS cannot be compared with the others' here."
    ]


def _unavailable_notes(results: RunResults, rows: Sequence[BoardRow]) -> list[str]:
    """Each reason for which metrics could not be computed, once; a reason that names its model counts for all alike."""
    trials = [item for item in results.trials if item.metrics is not None and item.trial.role != "reference"]
    measured = {(row.plugin, metric) for row in rows for metric in row.scores}
    labels = {metric: score.label for row in rows for metric, score in row.scores.items()}
    everyone = {item.trial.plugin for item in trials}
    missing: dict[tuple[str, str], set[str]] = {}  # (metric, reason) → models, or one seed of a model that has others
    for item in trials:
        name = item.trial.plugin
        for metric, reason in (item.metrics.unavailable if item.metrics else {}).items():
            common = reason.replace(f"'{name}'", "the model")
            seed = f" (seed {item.trial.seed}; its mean is over the others)" if (name, metric) in measured else ""
            missing.setdefault((metric, common), set()).add(f"{name}{seed}")
    groups: dict[tuple[str, frozenset[str]], list[str]] = {}
    for (metric, reason), names in missing.items():
        groups.setdefault((reason, frozenset(names)), []).append(labels.get(metric, metric))
    return [
        f"{joined(metrics)} {'is' if len(metrics) == 1 else 'are'} not measured"
        f"{'' if names == everyone else ' for ' + ', '.join(sorted(names))}: {reason}"
        for (reason, names), metrics in groups.items()
    ]
