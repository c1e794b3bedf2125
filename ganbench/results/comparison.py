"""Two runs model by model, or the models of one run in pairs: which differences are more than noise.

Only numbers that were made alike are tested (`ganbench.results.alike`), by the test that the known noise allows
(`ganbench.results.statistics`), and p-values are corrected for all tests of the comparison together. So naming a few
metrics beforehand asks less of each. A model of which a seed failed or is unfinished is not compared: the seeds that
ended may be the lucky ones. The same holds on the board, and for a number that some seeds of a model do not have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from pydantic import Field

from ganbench.errors import UnknownNameError
from ganbench.results.alike import describe_differences, differences_between
from ganbench.results.board import build_board
from ganbench.results.recomputed import compare
from ganbench.results.schema import BoardRow, PairTest, Record, Score
from ganbench.results.statistics import judge, pair_test
from ganbench.results.store import RunResults, TrialResults

_WORDS_ONLY = {"benchmark.title", "benchmark.description"}


class RunComparison(Record):
    """What `ganbench compare --json` writes. In `tests`, a and b name models: of the first and of the second run, where
    there are two. `not_compared` says why of each model; `differences` are those of the runs' configurations."""

    schema_version: int = 1
    runs: list[str]
    tests: list[PairTest]
    not_compared: dict[str, str] = Field(default_factory=dict)
    differences: list[str] = Field(default_factory=list)

    @property
    def worse(self) -> list[PairTest]:
        """Where b is worse than a by more than noise."""
        return [test for test in self.tests if test.verdict == "worse"]


def compare_runs(a: RunResults, b: RunResults, metrics: Sequence[str] = ()) -> RunComparison:
    """Each model that both runs have finished, by these metrics, or by all that both have.

    Raises UnknownNameError for a metric that the two have not in common.
    """
    boards = build_board(a), build_board(b)
    shared = [metric for metric in boards[0].columns if metric in boards[1].columns]
    wanted = _checked(metrics, shared) or shared
    models = [{row.plugin: row for row in board.rows if row.role == "model"} for board in boards]
    not_compared = _unfit("the first run", models[0]) | _unfit("the second run", models[1]) | _one_sided(*models)
    pairs = [
        _Pair(metric, _Side("first run", a, models[0][name]), _Side("second run", b, models[1][name]))
        for name in models[0]
        if name not in not_compared
        for metric in wanted
    ]
    differing = compare(a.run.configuration, b.run.configuration, tolerance=0.0)
    return RunComparison(
        runs=[str(a.path), str(b.path)],
        tests=_tested(pairs),
        not_compared=not_compared,
        differences=[
            f"{part.place}: {_short(part.stored)} → {_short(part.recomputed)}"
            for part in differing
            if part.place not in _WORDS_ONLY
        ],
    )


def compare_models(results: RunResults, metrics: Sequence[str] = ()) -> RunComparison:
    """The models of one run, each pair, by these metrics, or by the one that ranks: then as on the board.

    Raises UnknownNameError for a metric that the run has not.
    """
    board = build_board(results)
    wanted = _checked(metrics, board.columns) or [board.rank_by]
    models = {row.plugin: row for row in board.rows if row.role == "model"}
    not_compared = _unfit("", models)
    able = [_Side(name, results, row) for name, row in models.items() if name not in not_compared]
    pairs = [_Pair(metric, a, b) for metric in wanted for a, b in combinations(able, 2)]
    return RunComparison(runs=[str(results.path)], tests=_tested(pairs), not_compared=not_compared)


class _Side(NamedTuple):
    """One of the two that are compared: how it is called where it differs, its run, its row of the board."""

    name: str
    results: RunResults
    row: BoardRow

    @property
    def trials(self) -> list[TrialResults]:
        return [item for item in self.results.trials if item.trial.plugin == self.row.plugin]


class _Pair(NamedTuple):
    metric: str
    a: _Side
    b: _Side

    @property
    def scores(self) -> tuple[Score | None, Score | None]:
        return self.a.row.scores.get(self.metric), self.b.row.scores.get(self.metric)

    @property
    def differing(self) -> str:
        """In what the two numbers were not made alike; empty if they were."""
        sides = {side.name: side.trials for side in (self.a, self.b)}
        return describe_differences(differences_between(sides, self.metric))

    @property
    def incomplete(self) -> str:
        """Which side's number lacks some of its trainings, as where a model's images gave no number; empty if none."""
        parts = [
            f"{side.name}: {score.num_seeds} of {side.row.num_seeds} seeds"
            for side, score in zip((self.a, self.b), self.scores, strict=True)
            if score is not None and score.num_seeds < side.row.num_seeds
        ]
        return f"number of seeds that it could be measured of ({'; '.join(parts)})" if parts else ""


def _tested(pairs: Sequence[_Pair]) -> list[PairTest]:
    """The pairs of which both have a number; those that were not made alike take no part in the correction."""
    found: list[PairTest] = []
    directions: list[bool | None] = []
    for pair in pairs:
        a, b = pair.scores
        if a is None or b is None:
            continue
        test = pair_test(pair.metric, pair.a.row.plugin, pair.b.row.plugin, a, b)
        if differing := pair.differing or pair.incomplete:
            unknown = {"p_value": None, "ci95": None, "effect": None, "effect_unit": "", "method": ""}
            test = test.model_copy(update={**unknown, "reason": differing})
        found.append(test)
        directions.append(a.higher_is_better)
    judged = judge(found, directions)
    return [test.model_copy(update={"verdict": "cannot be compared"}) if test.reason else test for test in judged]


def _checked(metrics: Sequence[str], known: Sequence[str]) -> list[str]:
    for metric in metrics:
        if metric not in known:
            raise UnknownNameError("metric of these results", metric, known)
    return list(dict.fromkeys(metrics))


def _one_sided(a: Mapping[str, BoardRow], b: Mapping[str, BoardRow]) -> dict[str, str]:
    return {name: "only in the first run" for name in a if name not in b} | {
        name: "only in the second run" for name in b if name not in a
    }


def _unfit(where: str, models: Mapping[str, BoardRow]) -> dict[str, str]:
    """The models that did not end as planned, and why."""
    return {
        name: f"in {where}: {row.note}" if where else row.note
        for name, row in models.items()
        if row.status != "done" or row.note
    }


def _short(value: Any) -> str:
    """A value of a configuration; of hashes the first digits."""
    text = "–" if value is None else str(value)
    return text[:12] if re.fullmatch("[0-9a-f]{64}", text) else text
