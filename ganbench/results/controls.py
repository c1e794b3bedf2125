"""Whether the controls of a board come out as they must; where one does not, the measuring is not to be trusted.

Held-out real data are the ceiling, noise is the floor, the memorizer must be caught by its neighbours, and half of the
classes must be seen as half: about half of the modes, less recall and coverage than the real data have. Values are
compared as they stand, without a test: a control is meant to be far from what it is compared with. Only that a model is
better than noise is tested, by the test of ranks, each by itself at 5 %: an order of those that are not says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ganbench.results.schema import BoardRow, MetricRecord, Score
from ganbench.results.statistics import ALPHA, compare_scores
from ganbench.results.store import RunResults

COPYING_SHARE = 0.1  # of samples nearer to training images than 99% of held-out ones: ten times what chance gives
MODES_TOLERANCE = 0.1  # of the number of classes: how far from half of them a classifier may find
NOISE, MEMORIZER, HALF = "noise", "memorizer", "half"
VARIETY = ("recall", "coverage")


@dataclass(frozen=True)
class Check:
    """What one control showed: how it came out wrong, and how right. Neither: nothing measured here can tell."""

    title: str
    wrong: tuple[str, ...] = ()
    right: tuple[str, ...] = ()


def control_warnings(results: RunResults, rows: Sequence[BoardRow], rank_by: str) -> list[str]:
    """A sentence for each control that came out wrong, or is not there, and one on models that noise is as good as."""
    missing = [row for row in rows if row.role != "model" and row.status == "failed"]
    poor = [name for row in rows if row.plugin == NOISE and row.role == "control" for name in _no_better(rows, rank_by)]
    return [
        *(
            f"A control is not there: {row.title} failed, so nothing shows whether it comes out right."
            for row in missing
        ),
        *(f"A control came out wrong: {words}" for check in _checks(results, rows, rank_by) for words in check.wrong),
        *(
            [
                f"Not shown to be better than noise on {_label(rows, rank_by)}: {', '.join(poor)} (each tested by "
                "itself at 5 %). Hardly trained, failed, or too few seeds to tell: their order says nothing."
            ]
            if poor
            else []
        ),
    ]


def control_notes(results: RunResults, rows: Sequence[BoardRow], rank_by: str) -> list[str]:
    """How many controls came out as they must, what each one showed, and which nothing here can check."""
    checks = _checks(results, rows, rank_by)
    checked = [check for check in checks if check.wrong or check.right]
    if not checks:
        return []
    right = [check for check in checked if not check.wrong]
    words = (
        f"Controls: {len(right)} of {len(checked)} came out as they must" if checked else "Controls: none is checked"
    )
    words += "." if len(right) == len(checked) else "; the warnings above the table say which did not."
    shown = "; ".join(part for check in right for part in check.right)
    words += f" {shown[0].upper()}{shown[1:]}." if shown else ""
    unchecked = [check.title.removesuffix(" (control)") for check in checks if check not in checked]
    words += f" Not checked, as nothing measured here can tell: {', '.join(unchecked)}." if unchecked else ""
    return [words]


def copying_share(record: MetricRecord | None) -> float | None:
    """The share of samples nearer to a training image than 99% of held-out images are; None if not measured."""
    share = record.details.get("share_closer_than_heldout_percentile_1") if record is not None else None
    return float(share) if isinstance(share, int | float) else None


def _checks(results: RunResults, rows: Sequence[BoardRow], rank_by: str) -> list[Check]:
    """Of every control and of the real data, in the board's order, where they are finished."""
    checkers: Mapping[str, Callable[[BoardRow], Check]] = {
        NOISE: lambda row: _check_noise(row, rows, rank_by),
        HALF: lambda row: _check_half(row, results, rows),
        MEMORIZER: lambda row: _check_memorizer(row, results),
    }
    checks = []
    for row in rows:
        if row.role == "reference" and row.status == "done":
            checks.append(_check_reference(row, results, rows, rank_by))
        elif row.role == "control" and row.status == "done":
            checks.append(checkers[row.plugin](row) if row.plugin in checkers else Check(row.title))
    return checks


def _label(rows: Sequence[BoardRow], rank_by: str) -> str:
    return next((row.scores[rank_by].label for row in rows if rank_by in row.scores and row.status == "done"), rank_by)


def _ranked(rows: Sequence[BoardRow], rank_by: str) -> dict[str, Score]:
    """The ranking scores of the rows that are done, where the metric has a better direction."""
    scores = {row.plugin: row.scores[rank_by] for row in rows if rank_by in row.scores and row.status == "done"}
    return {name: score for name, score in scores.items() if score.higher_is_better is not None}


def _models(rows: Sequence[BoardRow], scores: Mapping[str, Score]) -> list[str]:
    return [row.plugin for row in rows if row.role == "model" and row.plugin in scores]


def _check_reference(row: BoardRow, results: RunResults, rows: Sequence[BoardRow], rank_by: str) -> Check:
    """By the ranking metric held-out real data must be better than noise and every model."""
    scores = _ranked(rows, rank_by)
    others = [*_models(rows, scores), *([NOISE] if NOISE in scores else [])]
    if row.plugin not in scores or not others:
        return Check(row.title)
    label, real = _label(rows, rank_by), f"held-out real {results.run.things}"
    wrong = [name for name in others if not _is_better(scores[row.plugin], scores[name])]
    if wrong:
        found = f"{real} are not better than {', '.join(wrong)} on {label}. The ranking should not be trusted before "
        return Check(row.title, wrong=(f"{found}this is explained.",))
    beaten = " and ".join(words for words, there in (("every model", len(others) > (NOISE in scores)),
                                                     ("noise", NOISE in scores)) if there)  # fmt: skip
    return Check(row.title, right=(f"{real} are better than {beaten} on {label}",))


def _no_better(rows: Sequence[BoardRow], rank_by: str) -> list[str]:
    """The models not better than noise by the ranking metric, or by chance: their fault, not the control's."""
    scores = _ranked(rows, rank_by)
    models = _models(rows, scores) if NOISE in scores else []
    return [name for name in models if not _is_surely_better(scores[name], scores[NOISE])]


def _check_noise(row: BoardRow, rows: Sequence[BoardRow], rank_by: str) -> Check:
    """Noise shows how bad a score can get: it must be worse than the real data and any model that learnt something."""
    scores = _ranked(rows, rank_by)
    others, poor = _models(rows, scores), _no_better(rows, rank_by)
    if row.plugin not in scores or not others:
        return Check(row.title)
    if len(poor) == len(others):
        return Check(row.title)  # nothing better to be told from it: the real data's check has it
    models = f"{len(others) - len(poor)} of {len(others)} models" if poor else "every model"
    return Check(row.title, right=(f"noise is worse than {models}",))


def _is_surely_better(score: Score, other: Score) -> bool:
    """By its value and, where any noise is known, by the test of `ganbench.results.statistics`."""
    p_value = compare_scores(score, other).p_value
    return _is_better(score, other) and (p_value is None or p_value < ALPHA)


def _is_better(score: Score, other: Score) -> bool:
    return score.value > other.value if score.higher_is_better else score.value < other.value


def _check_half(row: BoardRow, results: RunResults, rows: Sequence[BoardRow]) -> Check:
    """Real images of half of the classes must show half of the modes, and less variety than all of them."""
    real = next((other.scores for other in rows if other.role == "reference"), {})
    checks = [_check_modes(row, _num_classes(results)), *(_check_variety(row, real, metric) for metric in VARIETY)]
    wrong, right = ([words for check in checks for words in getattr(check, side)] for side in ("wrong", "right"))
    told = f"half of the classes is seen as such ({', '.join(right)})"
    return Check(row.title, wrong=tuple(wrong), right=(told,) if right else ())


def _check_modes(row: BoardRow, num_classes: int | None) -> Check:
    if num_classes is None or "modes" not in row.scores:
        return Check(row.title)
    modes, expected = row.scores["modes"].value, (num_classes + 1) // 2
    if abs(modes - expected) <= MODES_TOLERANCE * num_classes:
        return Check(row.title, right=(f"{modes:g} of {num_classes} modes",))
    words = (
        f"in real images of {expected} of the {num_classes} classes {modes:g} modes were found, so the numbers of "
        "modes here should not be trusted."
    )
    return Check(row.title, wrong=(words,))


def _check_variety(row: BoardRow, real: Mapping[str, Score], metric: str) -> Check:
    """Only where both were made from as many samples: fewer find less."""
    ours, theirs = row.scores.get(metric), real.get(metric)
    if ours is None or theirs is None or ours.num_samples != theirs.num_samples:
        return Check(row.title)
    if ours.value < theirs.value:
        return Check(row.title, right=(f"{metric} {ours.value:.3g} where real images have {theirs.value:.3g}",))
    words = (
        f"the {theirs.label} of half of the classes is {ours.value:.3g}, not below that of held-out real images, "
        f"{theirs.value:.3g}. It does not see missing variety here."
    )
    return Check(row.title, wrong=(words,))


def _num_classes(results: RunResults) -> int | None:
    """Of the data, as the metric `modes` tells it of the half."""
    for item in results.trials:
        record = item.metrics.metrics.get("modes") if item.metrics and item.trial.plugin == HALF else None
        if record is not None and isinstance(record.details.get("num_classes"), int):
            return int(record.details["num_classes"])
    return None


def _check_memorizer(row: BoardRow, results: RunResults) -> Check:
    """It must be caught by its neighbours, with every seed."""
    shares = []
    for item in results.trials:
        record = item.metrics.metrics.get("nn_feature") if item.metrics and item.trial.status == "done" else None
        share = copying_share(record) if item.trial.plugin == row.plugin else None
        shares += [share] if share is not None else []
    if not shares:
        return Check(row.title)
    words = (
        f"{min(shares):.1%} of the memorizer's samples lie nearer to a training image than 99% of held-out images do"
    )
    if min(shares) < COPYING_SHARE:
        return Check(row.title, wrong=(f"only {words}, so copying would go unnoticed here.",))
    return Check(row.title, right=(f"{words}, so copying is noticed",))
