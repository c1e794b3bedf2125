"""Ranks that claim no order between models which cannot be told apart.

Every pair is tested (`ganbench.results.statistics`), with Holm's correction over all pairs at 5 %. Rank: 1 + the number
of models that are significantly better, and never better than that of a model with a better value, so that a model
whose training varies wildly wins nothing by it. Models that cannot be told apart are tied. Being tied is not being
equal, and not transitive: a may tie with b and b with c where a is better than c.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from ganbench.results.schema import PairTest, Score
from ganbench.results.statistics import judge, pair_test


@dataclass(frozen=True)
class Ranking:
    """By name, best value first: ranks from 1, and the names that each cannot be told apart from; and all tests."""

    ranks: dict[str, int]
    ties: dict[str, list[str]]
    tests: list[PairTest]

    @property
    def best(self) -> set[str]:
        """Those of rank 1."""
        return {name for name, rank in self.ranks.items() if rank == 1}


def rank_scores(metric: str, scores: Mapping[str, Score]) -> Ranking:
    """Rank by one metric, whose direction is that of the scores; scores of a metric without direction are not ranked.

    In each test, b is the one with the worse value.
    """
    able = {name: score for name, score in scores.items() if score.higher_is_better is not None}
    order = sorted(able, key=lambda name: _badness(able[name]))
    pairs = [pair_test(metric, a, b, able[a], able[b]) for a, b in combinations(order, 2)]
    tests = judge(pairs, [able[test.b].higher_is_better for test in pairs])
    beaten = Counter(test.b for test in tests if test.verdict == "worse")
    ranks: dict[str, int] = {}
    rank = 1
    for name in order:
        rank = ranks[name] = max(rank, 1 + beaten[name])
    undecided = [{test.a, test.b} for test in tests if test.verdict != "worse"]
    ties = {name: sorted(next(iter(pair - {name})) for pair in undecided if name in pair) for name in order}
    return Ranking(ranks, ties, tests)


def _badness(score: Score) -> float:
    return -score.value if score.higher_is_better else score.value
