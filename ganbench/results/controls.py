"""Whether the controls of a board come out as they must; where one does not, the measuring is not to be trusted.

Held-out real images are the ceiling, noise is the floor, the memorizer must be caught by its neighbours, and half of
the classes must be seen as half: about half of the modes, less recall and coverage than the real images have. Values
are compared as they stand, without a test: a control is meant to be far from what it is compared with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ganbench.results.schema import BoardRow, MetricRecord, Score
from ganbench.results.store import RunResults

COPYING_SHARE = 0.1  # of samples nearer to training images than 99% of held-out ones: ten times what chance gives
MODES_TOLERANCE = 0.1  # of the number of classes: how far from half of them a classifier may find
NOISE, MEMORIZER, HALF = "noise", "memorizer", "half"
VARIETY = ("recall", "coverage")


def control_warnings(results: RunResults, rows: Sequence[BoardRow], rank_by: str) -> list[str]:
    """A sentence for each control that came out wrong, or is not there."""
    missing = [row for row in rows if row.role != "model" and row.status == "failed"]
    return [
        *(
            f"A control is not there: {row.title} failed, so nothing shows whether it comes out right."
            for row in missing
        ),
        *_order_warnings(rows, rank_by),
        *_half_warnings(results, rows),
        *_memorizer_warnings(results),
    ]


def copying_share(record: MetricRecord | None) -> float | None:
    """The share of samples nearer to a training image than 99% of held-out images are; None if not measured."""
    share = record.details.get("share_closer_than_heldout_percentile_1") if record is not None else None
    return float(share) if isinstance(share, int | float) else None


def _order_warnings(rows: Sequence[BoardRow], rank_by: str) -> list[str]:
    """By the ranking metric held-out real images must be better than noise and every model, noise worse than all."""
    scores = {row.plugin: row.scores[rank_by] for row in rows if rank_by in row.scores and row.status == "done"}
    models = [row.plugin for row in rows if row.role == "model" and row.plugin in scores]
    label = next((score.label for score in scores.values()), rank_by)
    warnings = []
    for row in rows:
        if row.plugin not in scores or scores[row.plugin].higher_is_better is None:
            continue
        if row.role == "reference":
            others = [*models, *([NOISE] if NOISE in scores else [])]
            wrong = [name for name in others if not _is_better(scores[row.plugin], scores[name])]
            if wrong:
                warnings.append(
                    f"A control came out wrong: held-out real images are not better than {', '.join(wrong)} on "
                    f"{label}. The ranking should not be trusted before this is explained."
                )
        if row.plugin == NOISE and row.role == "control":
            wrong = [name for name in models if not _is_better(scores[name], scores[row.plugin])]
            if wrong:
                warnings.append(
                    f"No better than noise on {label}: {', '.join(wrong)}. Hardly trained, or failed: their order says "
                    "nothing."
                )
    return warnings


def _is_better(score: Score, other: Score) -> bool:
    return score.value > other.value if score.higher_is_better else score.value < other.value


def _half_warnings(results: RunResults, rows: Sequence[BoardRow]) -> list[str]:
    """Real images of half of the classes must show half of the modes, and less variety than all of them."""
    half = next((row.scores for row in rows if row.plugin == HALF and row.role == "control"), {})
    real = next((row.scores for row in rows if row.role == "reference"), {})
    return [*_mode_warnings(half, _num_classes(results)), *_variety_warnings(half, real)]


def _mode_warnings(half: Mapping[str, Score], num_classes: int | None) -> list[str]:
    if num_classes is None or "modes" not in half:
        return []
    modes, expected = half["modes"].value, (num_classes + 1) // 2
    if abs(modes - expected) <= MODES_TOLERANCE * num_classes:
        return []
    return [
        f"A control came out wrong: in real images of {expected} of the {num_classes} classes {modes:g} modes were "
        "found, so the numbers of modes here should not be trusted."
    ]


def _variety_warnings(half: Mapping[str, Score], real: Mapping[str, Score]) -> list[str]:
    """Only where both were made from as many samples: fewer find less."""
    return [
        f"A control came out wrong: the {real[metric].label} of half of the classes is {half[metric].value:.3g}, not "
        f"below that of held-out real images, {real[metric].value:.3g}. It does not see missing variety here."
        for metric in VARIETY
        if metric in half and metric in real
        if half[metric].num_samples == real[metric].num_samples and half[metric].value >= real[metric].value
    ]


def _num_classes(results: RunResults) -> int | None:
    """Of the data, as the metric `modes` tells it of the half."""
    for item in results.trials:
        record = item.metrics.metrics.get("modes") if item.metrics and item.trial.plugin == HALF else None
        if record is not None and isinstance(record.details.get("num_classes"), int):
            return int(record.details["num_classes"])
    return None


def _memorizer_warnings(results: RunResults) -> list[str]:
    """It must be caught by its neighbours."""
    warnings = []
    for item in results.trials:
        record = item.metrics.metrics.get("nn_feature") if item.metrics and item.trial.status == "done" else None
        share = copying_share(record) if (item.trial.plugin, item.trial.role) == (MEMORIZER, "control") else None
        if share is not None and share < COPYING_SHARE:
            warnings.append(
                f"A control came out wrong: only {share:.1%} of the memorizer's samples lie nearer to a training image "
                "than 99% of held-out images do, so copying would go unnoticed here."
            )
    return warnings
