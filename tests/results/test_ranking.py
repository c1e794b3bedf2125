"""Ranks: ties where nothing can be told apart, the error over a whole board, and the power at a known effect."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.results.board import combine_seeds
from ganbench.results.ranking import rank_scores
from ganbench.results.schema import Score


def score(values, half=0.5, higher=False) -> Score:
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Score(
        label="FID", value=float(np.mean(values)), seed_values=list(values), seed_spread=spread,
        sampling_spread=half / 1.959964, ci95=None, ci95_method="", higher_is_better=higher, num_seeds=len(values),
        num_samples=100,
    )  # fmt: skip


def test_models_that_cannot_be_told_apart_share_a_rank():
    ranking = rank_scores("fid", {"c": score([30.0]), "b": score([10.5]), "a": score([10.0])})
    assert list(ranking.ranks.items()) == [("a", 1), ("b", 1), ("c", 3)]
    assert ranking.ties == {"a": ["b"], "b": ["a"], "c": []}
    assert [(test.a, test.b, test.verdict) for test in ranking.tests] == [
        ("a", "b", "no difference beyond noise"), ("a", "c", "worse"), ("b", "c", "worse"),
    ]  # fmt: skip
    assert ranking.best == {"a", "b"}


def test_ties_are_not_transitive():
    ranking = rank_scores("is", {name: score([v], 1.0, True) for name, v in (("a", 5.0), ("b", 3.5), ("c", 2.0))})
    assert ranking.ranks == {"a": 1, "b": 1, "c": 2}
    assert ranking.ties == {"a": ["b"], "b": ["a", "c"], "c": ["b"]}


def test_many_pairs_ask_for_more_than_one_does():
    """3.4 between half-widths of 1.5: p = 0.0017 for one pair, and 66 times that for the best of twelve models."""
    pair = {"a": score([10.0], 1.5), "b": score([13.4], 1.5)}
    assert rank_scores("fid", pair).ranks == {"a": 1, "b": 2}
    crowd = pair | {f"m{i}": score([11.0 + 0.1 * i], 1.5) for i in range(10)}
    ranking = rank_scores("fid", crowd)
    assert set(ranking.ranks.values()) == {1}
    (test,) = [test for test in ranking.tests if {test.a, test.b} == {"a", "b"}]
    assert test.p_value == pytest.approx(0.0017, abs=1e-4)
    assert test.p_holm == pytest.approx(66 * test.p_value, rel=1e-6)


def test_a_model_whose_training_varies_wildly_wins_nothing_by_it():
    wild, steady, good = score([30.0, 60.0, 90.0]), score([24.8, 25.0, 25.2], 0.1), score([19.8, 20.0, 20.2], 0.1)
    ranking = rank_scores("fid", {"wild": wild, "steady": steady, "good": good})
    assert ranking.ranks == {"good": 1, "steady": 2, "wild": 2}


def test_nothing_is_ranked_without_a_direction_or_anything_to_rank():
    assert rank_scores("nn", {"a": score([1.0], higher=None)}).ranks == {}
    assert rank_scores("fid", {}).tests == []
    assert rank_scores("fid", {"a": score([1.0])}).ranks == {"a": 1}


scores = st.lists(
    st.tuples(st.lists(st.floats(0, 100), min_size=1, max_size=4), st.floats(0, 20)), min_size=1, max_size=6
)


@settings(max_examples=60, deadline=None)
@given(scores, st.booleans())
def test_ranks_are_monotone_and_ties_mutual(drawn, higher):
    given_scores = {f"m{i}": score(values, half, higher) for i, (values, half) in enumerate(drawn)}
    ranking = rank_scores("fid", given_scores)
    values = [given_scores[name].value for name in ranking.ranks]
    assert values == sorted(values, reverse=higher)
    ranks = list(ranking.ranks.values())
    assert ranks == sorted(ranks)
    assert ranks[0] == 1
    assert all(rank <= place for place, rank in enumerate(ranks, start=1))
    assert all(name in ranking.ties[other] for name, others in ranking.ties.items() for other in others)


def boards(rng, means, num_trials, num_seeds, half=0.98):
    """Rankings of simulated runs: training moves a model by a standard deviation of 1, sampling by 0.5."""
    for _ in range(num_trials):
        noise = rng.normal(0, 1, (len(means), num_seeds)) + rng.normal(0, 0.5, (len(means), num_seeds))
        yield rank_scores("fid", {f"m{i}": score(mean + noise[i], half) for i, mean in enumerate(means)})


@pytest.mark.parametrize("num_seeds", [2, 3])
def test_any_false_order_on_a_board_of_equals_is_rare(num_seeds):
    false = [max(board.ranks.values()) > 1 for board in boards(np.random.default_rng(5), [5.0] * 5, 400, num_seeds)]
    assert np.mean(false) <= 0.05 + 2 * (0.05 * 0.95 / 400) ** 0.5


def test_without_the_correction_false_orders_are_common():
    """What the correction is for: uncorrected, ten pairs at 5 % each call a difference on many boards of equals."""
    rankings = boards(np.random.default_rng(5), [5.0] * 5, 400, 5)
    uncorrected = [any(test.p_value < 0.05 for test in board.tests) for board in rankings]
    assert np.mean(uncorrected) > 0.15


def test_a_known_effect_is_found():
    """Two models, five seeds, standard deviation 1.12 each: 3.1 apart is found in nearly all runs, by power 0.97."""
    found = [board.ranks["m1"] == 2 for board in boards(np.random.default_rng(6), [5.0, 8.1], 300, 5)]
    assert np.mean(found) == pytest.approx(0.97, abs=0.03)


def test_single_trainings_are_called_different_too_often(make):
    """Sampling alone is a tenth of what training moves here: z-tests of single trainings claim far too much."""
    rng = np.random.default_rng(7)
    draws = rng.normal(0, 1, (300, 2))
    pairs = [[combine_seeds([make.metric(v, 0.2)], "model") for v in draw] for draw in draws]
    rankings = [rank_scores("fid", {"a": a, "b": b}) for a, b in pairs]
    assert np.mean([max(ranking.ranks.values()) == 2 for ranking in rankings]) > 0.7
    assert all("training variance unknown" in ranking.tests[0].method for ranking in rankings)
