"""The leaderboard of one run: means over training seeds, intervals, ranks with ties, and what speaks against them.

Ranks and ties: `ganbench.results.ranking`. A model with a failed seed is not ranked: the seeds that did not fail may be
the lucky ones. Only models are ranked; controls and the reference row stand below for orientation. Where the numbers
behind the ranking metric were not made alike (extractor, protocol, data, counts), nothing is ranked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

import pandas as pd

from ganbench.results.alike import Differences, are_alike, differences
from ganbench.results.checks import board_notes, board_warnings
from ganbench.results.controls import control_notes
from ganbench.results.ranking import Ranking, rank_scores
from ganbench.results.schema import Board, BoardRow, MetricRecord, PluginRecord, Role, Run, Score, Status
from ganbench.results.statistics import mean_interval, sampling_spread, seed_spread
from ganbench.results.store import RunResults, TrialResults, write_bytes, write_record
from ganbench.types import REFERENCE_ROW

BOARD_FILE = "leaderboard.json"
BOARD_TABLE = "leaderboard.csv"

METRIC_ORDER = (
    "fid", "kid", "is", "fid_infinity", "intra_fid", "fd_dinov2", "cmmd", "sliced_wasserstein", "precision", "recall",
    "density", "coverage", "class_recall", "class_coverage", "vendi", "lpips_diversity", "lpips_diversity_within",
    "modes", "modes_seen", "mode_kl", "hq_ratio", "mixture_kl", "ndb", "birthday", "label_accuracy", "cas",
    "nn_feature", "nn_lpips", "authenticity", "ct", "copies", "ppl",
)  # fmt: skip


def build_board(results: RunResults) -> Board:
    """Rank the models of a run. The rows: ranked models, the other models, the reference, the controls."""
    run = results.run
    rank_by = str(run.configuration["benchmark"]["evaluation"]["rank_by"])
    trials = _by_plugin(results)
    rows = [_row(run, name, trials[name]) for name in trials]
    differing = differing_metrics(results)
    ranking = _ranking(rows, rank_by if rank_by not in differing else "")
    order: dict[Role, int] = {"model": 0, "reference": 1, "control": 2}
    others = sorted((row for row in rows if row.plugin not in ranking.ranks), key=lambda row: order[row.role])
    rows = _ranked(rows, ranking) + others
    columns = _columns(rows, rank_by)
    label = next((row.scores[rank_by].label for row in rows if rank_by in row.scores), rank_by)
    return Board(
        benchmark=run.benchmark,
        title=run.title,
        protocol=run.protocol,
        rank_by=rank_by,
        rank_by_label=label,
        columns=columns,
        rows=rows,
        tests=ranking.tests,
        warnings=board_warnings(results, rows, rank_by, differing),
        notes=[*control_notes(results, rows, rank_by), *board_notes(results, rows, rank_by, ranking.tests)],
        things=run.things,
        configuration_sha256=run.configuration_sha256,
        created=run.created,
    )


def differing_metrics(results: RunResults) -> dict[str, Differences]:
    """By metric, in what its numbers were not made alike; metrics whose numbers can be compared are not in it."""
    metrics = {metric for item in results.trials if item.metrics for metric in item.metrics.metrics}
    found = {metric: differences(results, metric) for metric in sorted(metrics)}
    return {metric: settings for metric, settings in found.items() if settings}


def write_board(results: RunResults) -> Board:
    """Write leaderboard.json and leaderboard.csv into the run's folder; return the board."""
    board = build_board(results)
    write_record(results.path / BOARD_FILE, board)
    write_bytes(results.path / BOARD_TABLE, board_csv(board).encode())
    return board


def board_csv(board: Board) -> str:
    """The text of leaderboard.csv: a line for each row of the board, in its order."""
    table = pd.DataFrame([_flat(row, board.columns) for row in board.rows]).convert_dtypes()
    return str(table.to_csv(index=False, float_format="%.10g", lineterminator="\n"))


def combine_seeds(records: Sequence[MetricRecord], role: Role) -> Score:
    """Mean of one metric over training seeds.

    With two seeds or more the interval is Student's t over the seeds, no narrower than sampling alone would have it
    (`ganbench.results.statistics.mean_interval`).
    With one it is the metric's own, which knows only of the drawing of samples and says so.
    """
    values = [record.value for record in records]
    first = records[0]
    interval: tuple[float, float] | None
    between, within = seed_spread(values), sampling_spread(records)
    if between is not None:
        interval, method = mean_interval(values, within, first.bounds)
    else:
        interval = first.ci95
        method = f"drawing of samples ({first.ci95_method})" if interval else "no interval"
        method += "; training variance unknown with one seed" if role == "model" else ""
    return Score(
        label=first.label,
        value=fmean(values),
        seed_values=values,
        seed_spread=between,
        sampling_spread=within,
        ci95=interval,
        ci95_method=method,
        higher_is_better=first.higher_is_better,
        num_seeds=len(values),
        num_samples=min(record.num_samples for record in records),
        extractor=first.extractor,
        canonical=first.canonical,
        at_least=any(record.details.get("at_least") is True for record in records),
    )


def _by_plugin(results: RunResults) -> dict[str, list[TrialResults]]:
    """Trials by plugin, in the benchmark's order; planned plugins without a trial yet are there, empty."""
    configuration = results.run.configuration
    groups: dict[str, list[TrialResults]] = {str(name): [] for name in configuration.get("plugins", {})}
    for trial in results.trials:
        groups.setdefault(trial.trial.plugin, []).append(trial)
    return groups


def _row(run: Run, name: str, trials: Sequence[TrialResults]) -> BoardRow:
    done = [trial for trial in trials if trial.trial.status == "done" and trial.metrics is not None]
    failed = [trial for trial in trials if trial.trial.status == "failed"]
    role = trials[0].trial.role if trials else _planned_role(run, name)
    records: dict[str, list[MetricRecord]] = {}
    for trial in done:
        for metric, record in (trial.metrics.metrics if trial.metrics else {}).items():
            records.setdefault(metric, []).append(record)
    plugin = next((plugin for plugin in run.plugins if plugin.name == name), None)
    return BoardRow(
        plugin=name,
        title=_title(name, plugin, records, run),
        role=role,
        rank=None,
        tied=False,
        status=_status(trials, done, _planned_seeds(run, role)),
        num_seeds=len(done),
        num_failed=len(failed),
        parameters=next((trial.trial.parameters for trial in trials if trial.trial.parameters), None),
        training_seconds=_mean(trial.trial.cost.training_seconds for trial in done),
        images_per_second=_mean_rate(trial.trial.cost.images_per_second for trial in done),
        scores={metric: combine_seeds(group, role) for metric, group in records.items() if are_alike(done, metric)},
        published=plugin.published if plugin is not None else {},
        note=_note(run, role, trials, done),
    )


def _status(trials: Sequence[TrialResults], done: Sequence[TrialResults], planned: int) -> Status:
    """That of the first trial still to be finished; else done if any is, since a failed seed is told in the note."""
    for item in trials:
        if item.trial.status not in ("done", "failed"):
            return item.trial.status
    if len(trials) < planned:
        return "pending"
    return "done" if done else "failed"


def _planned_seeds(run: Run, role: Role) -> int:
    return 1 if role == "reference" else int(run.configuration.get("seeds", 1))


def _planned_role(run: Run, name: str) -> Role:
    if name == REFERENCE_ROW:
        return "reference"
    return "control" if name in run.configuration["benchmark"].get("controls", ()) else "model"


def _title(name: str, plugin: PluginRecord | None, records: dict[str, list[MetricRecord]], run: Run) -> str:
    given = plugin.title if plugin is not None else ""
    if given or name != REFERENCE_ROW:
        return given or name
    halves = any(record.num_samples == record.num_reference for group in records.values() for record in group)
    return f"Real {run.things} (held-out half)" if halves else f"Real {run.things} (held out)"


def _note(run: Run, role: Role, trials: Sequence[TrialResults], done: Sequence[TrialResults]) -> str:
    """Why the row is not, or not wholly, what was planned; empty if it is."""
    planned = max(_planned_seeds(run, role), len(trials))
    if not trials:
        return "not started"
    parts = []
    for item in trials:
        where = f"seed {item.trial.seed}: " if planned > 1 else ""
        if item.trial.error is not None and item.trial.status == "failed":
            error = item.trial.error
            parts.append(f"{where}failed while {error.stage}: {error.type}: {error.message}")
        elif item.trial.status != "done":
            step = item.history[-1].get("step", 0) if item.history else item.trial.num_steps
            parts.append(f"{where}unfinished: {item.trial.status} at step {step}")
        elif item.metrics is None:
            parts.append(f"{where}not measured: metrics.json is missing")
    if done and len(done) < planned:
        parts.insert(0, f"{len(done)} of {planned} seeds done, so not ranked")
    return "; ".join(parts)


def _ranking(rows: Sequence[BoardRow], rank_by: str) -> Ranking:
    """Of the models that are done without a failed seed and have a score of this metric from all of their seeds."""
    able = [row for row in rows if row.role == "model" and row.status == "done" and row.num_failed == 0]
    able = [row for row in able if rank_by in row.scores and not row.lacks_seeds(rank_by)]
    return rank_scores(rank_by, {row.plugin: row.scores[rank_by] for row in able})


def _ranked(rows: Sequence[BoardRow], ranking: Ranking) -> list[BoardRow]:
    """The ranked rows, in order."""
    found = {row.plugin: row for row in rows}
    return [
        found[name].model_copy(
            update={"rank": rank, "tied": bool(ranking.ties[name]), "tied_with": ranking.ties[name]},
        )
        for name, rank in ranking.ranks.items()
    ]


def _columns(rows: Sequence[BoardRow], rank_by: str) -> list[str]:
    present = {metric for row in rows for metric in row.scores}
    known = [metric for metric in (rank_by, *METRIC_ORDER) if metric in present]
    return list(dict.fromkeys(known)) + sorted(present - {*METRIC_ORDER, rank_by})


def _flat(row: BoardRow, columns: Sequence[str]) -> dict[str, Any]:
    """One line of the CSV; a number that is not from the canonical extractor has the extractor in its column's name."""
    line = row.model_dump(include={"plugin", "title", "role", "rank", "tied", "status", "num_seeds", "num_failed"})
    line["generator_parameters"] = row.parameters.generator if row.parameters else None
    line["discriminator_parameters"] = row.parameters.discriminator if row.parameters else None
    line |= {"training_seconds": row.training_seconds, "images_per_second": row.images_per_second, "note": row.note}
    for metric in columns:
        score = row.scores.get(metric)
        if score is None:
            continue
        plain = score.extractor is None or score.canonical
        name = metric if plain or score.extractor is None else f"{metric}@{score.extractor.name}"
        low, high = score.ci95 or (None, None)
        line |= {name: score.value, f"{name}_low": low, f"{name}_high": high, f"{name}_n": score.num_samples}
        line |= {f"{name}_seed_spread": score.seed_spread, f"{name}_sampling_spread": score.sampling_spread}
    return line | {f"published_{key}": words for key, words in row.published.items()}


def _mean_rate(rates: Iterable[float]) -> float:
    """Of trainings on equally many images: all of them over all of the time. 0 where any has no rate."""
    rates = list(rates)
    return len(rates) / sum(1 / rate for rate in rates) if rates and min(rates) > 0 else 0.0


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return fmean(values) if values else 0.0
