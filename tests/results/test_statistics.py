"""The tests between two models, against SciPy, closed forms and simulated trainings with a known answer."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from ganbench.metrics.intervals import occupied_interval
from ganbench.results import statistics
from ganbench.results.board import combine_seeds
from ganbench.results.statistics import compare_scores, hedges_correction, holm, spread_words


@pytest.fixture
def score(make):
    """A score from the values of its seeds; `half` is that of each seed's own 95 % interval."""

    def build(*values, half=0.0, higher=False):
        return combine_seeds([make.metric(value, half, higher) for value in values], "model")

    return build


def simulated(rng, means, num_trials, num_seeds, training=1.0, sampling=0.5):
    """Values [trials, models, seeds]: a model's mean, moved by training and by the sampling of images."""
    shape = (num_trials, len(means), num_seeds)
    return np.asarray(means)[:, None] + rng.normal(0, training, shape) + rng.normal(0, sampling, shape)


def test_spreads_are_kept_apart(score):
    many = score(10.0, 12.0, 14.0, half=1.0)
    assert (many.seed_values, many.seed_spread) == ([10.0, 12.0, 14.0], 2.0)
    assert many.sampling_spread == pytest.approx(1 / 1.959964, rel=1e-6)
    assert spread_words(many, "model") == ("2 (3)", "0.51")
    one = score(10.0, half=1.0)
    assert (one.seed_spread, one.num_seeds) == (None, 1)
    assert spread_words(one, "model") == ("unknown", "0.51")
    assert spread_words(one, "reference") == ("–", "0.51")
    assert spread_words(score(10.0, half=None), "model") == ("unknown", "unknown")


def test_the_sampling_spread_is_a_root_mean_square_over_seeds_and_needs_all_of_them(make):
    records = [make.metric(1.0, half) for half in (1.0, 7.0)]
    assert statistics.sampling_spread(records) == pytest.approx(5.0 / 1.959964, rel=1e-6)
    assert statistics.sampling_spread([*records, make.metric(1.0, None)]) is None


def test_an_interval_to_one_side_counts_with_its_longer_one(make):
    """Seven of eight modes, of which the eighth may be there: half of the width would be too little."""
    records = [make.metric(7.0, None, ci95=(7.0, 7.98))] * 2
    assert statistics.sampling_spread(records) == pytest.approx(0.98 / 1.959964, rel=1e-6)


def test_equal_generators_with_a_rare_mode_are_seldom_called_different(make):
    rng, shares = np.random.default_rng(0), np.array([1.0] * 7 + [7 / 2500])
    counts = rng.multinomial(2500, shares / shares.sum(), 400)

    def score(row):
        modes = float((row > 0).sum())
        return combine_seeds([make.metric(modes, None, True, ci95=occupied_interval(row, 0, 0))], "model")

    pairs = zip(counts[:200], counts[200:], strict=True)
    found = [compare_scores(score(a), score(b)).p_value for a, b in pairs]
    assert np.mean([p < 0.05 for p in found]) <= 0.05


def test_the_interval_over_seeds_covers_the_mean_of_all_trainings(score):
    draws = simulated(np.random.default_rng(0), [7.0], 2000, 3, sampling=1.0)[:, 0]
    intervals = [score(*values, half=1.96).ci95 for values in draws]
    assert 0.94 <= np.mean([low <= 7.0 <= high for low, high in intervals]) <= 0.98


def test_the_interval_of_one_training_does_not_cover_it(score):
    """Why the board says that the training variance is unknown: here it is as large as that of sampling."""
    draws = simulated(np.random.default_rng(0), [7.0], 2000, 1, sampling=1.0)[:, 0, 0]
    intervals = [score(value, half=1.96).ci95 for value in draws]
    assert np.mean([low <= 7.0 <= high for low, high in intervals]) < 0.87


def test_welch_agrees_with_scipy(score):
    a, b = [10.0, 12.5, 11.0, 13.0], [15.0, 14.0, 19.0]
    found, wanted = compare_scores(score(*a), score(*b)), stats.ttest_ind(b, a, equal_var=False)
    assert found.difference == pytest.approx(np.mean(b) - np.mean(a))
    assert found.p_value == pytest.approx(wanted.pvalue, rel=1e-9)
    assert found.ci95 == pytest.approx(tuple(wanted.confidence_interval(0.95)), rel=1e-9)
    assert found.method.startswith("Welch's t over training seeds")


def test_the_effect_over_seeds_is_hedges_g(score):
    # means 2 and 5, both standard deviations 1, so d = 3; J(4) = Γ(2) / (√2 Γ(1.5)) = 1 / (√2 · 0.886227)
    found = compare_scores(score(1.0, 2.0, 3.0), score(4.0, 5.0, 6.0))
    assert found.effect == pytest.approx(3 / (math.sqrt(2) * 0.8862269), rel=1e-6)
    assert found.effect_unit == "Hedges' g over training seeds"
    assert hedges_correction(20) == pytest.approx(1 - 3 / (4 * 20 - 1), abs=1e-4)  # Hedges' approximation


def test_hedges_g_has_no_bias_where_cohens_d_has():
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, (40_000, 3)), rng.normal(1, 1, (40_000, 3))
    cohen = (b.mean(1) - a.mean(1)) / np.sqrt((a.var(1, ddof=1) + b.var(1, ddof=1)) / 2)
    assert cohen.mean() > 1.2
    assert hedges_correction(4) * cohen.mean() == pytest.approx(1.0, abs=0.02)


def test_one_training_against_several_is_judged_by_their_spread(score):
    # another training would lie within mean ± t(0.975, 2) · s · √(1 + 1/3) = 12 ± 4.302653 · 2 · 1.154701
    several, half = score(10.0, 12.0, 14.0), 4.3026527 * 2 * math.sqrt(4 / 3)
    found = compare_scores(several, score(20.0, half=0.2))
    assert found.ci95 == pytest.approx((8 - half, 8 + half), rel=1e-6)
    edge = compare_scores(several, score(12.0 + half, half=0.2))
    assert edge.p_value == pytest.approx(0.05, rel=1e-6)
    assert compare_scores(score(12.0 + half, half=None), several).p_value == pytest.approx(0.05, rel=1e-6)


def test_single_trainings_are_judged_by_sampling_alone(score):
    # half-widths 3 and 4 have standard errors 3 / 1.96 and 4 / 1.96: a difference of 5 lies on the edge
    found = compare_scores(score(10.0, half=3.0), score(15.0, half=4.0))
    assert found.p_value == pytest.approx(0.05, rel=1e-6)
    assert found.ci95 == pytest.approx((0.0, 10.0), abs=1e-6)
    assert (found.effect, found.effect_unit) == (pytest.approx(1.959964), "standard errors of the difference")
    assert "training variance unknown" in found.method


def test_without_any_known_noise_nothing_is_tested(score):
    found = compare_scores(score(1.0, half=None), score(9.0, half=0.5))
    assert (found.difference, found.ci95, found.p_value, found.effect) == (8.0, None, None, None)


def test_a_spread_that_was_measured_as_none_is_none(score):
    assert compare_scores(score(8.0, half=0.0), score(5.0, half=0.0)).p_value == 0.0
    assert compare_scores(score(8.0, 8.0), score(8.0, 8.0)).p_value == 1.0


def test_counts_that_agree_over_seeds_prove_no_more_than_their_order(score):
    """A past bug: 8, 8, 8 against 7, 7, 7 was certain (p = 0), an interval of -1 to -1."""
    three = compare_scores(score(8.0, 8.0, 8.0), score(7.0, 7.0, 7.0))
    assert (three.difference, three.ci95, three.effect) == (-1.0, None, None)
    assert three.p_value == pytest.approx(2 / math.comb(6, 3))
    assert compare_scores(score(*[8.0] * 5), score(*[7.0] * 5)).p_value == pytest.approx(2 / math.comb(10, 5))
    assert compare_scores(score(8.0), score(7.0, 7.0, 7.0)).p_value == 0.5
    assert compare_scores(score(8.0, 8.0, half=4.0), score(7.0, 7.0, half=4.0)).p_value > 0.4  # sampling explains it
    assert compare_scores(score(0.3, 0.3), score(0.1 + 0.2, 0.3)).p_value == 1.0
    assert compare_scores(score(8.0, 8.0, 8.0), score(7.0, 7.0, 6.0)).method.startswith("Welch")


@pytest.mark.parametrize("num_seeds", [2, 3, 5])
def test_a_false_order_of_equal_counts_is_rare(score, num_seeds):
    """Five models that find 7 or 8 modes by the toss of a coin; before, one board in five showed a false order."""
    draws = np.random.default_rng(1).integers(7, 9, (400, 5, num_seeds)).astype(float)
    false = 0
    for models in draws:
        scores = [score(*values, higher=True) for values in models]
        p_values = holm([compare_scores(a, b).p_value for a, b in combinations(scores, 2)])
        false += min(p_values) < 0.05
    assert false / len(draws) <= 0.05


def test_seeds_that_agree_by_luck_prove_nothing(score):
    """Two trainings of 4.14 and 4.13 against 4.02 and 4.01: alone, they would be called different (p = 0.003)."""
    alone = stats.ttest_ind([4.14, 4.13], [4.02, 4.01], equal_var=False)
    assert alone.pvalue < 0.01
    half = 2.262157 * 0.2 / math.sqrt(10)  # Student's t over ten splits with a standard deviation of 0.2
    vtgan, acgan = score(4.14, 4.13, half=half, higher=True), score(4.02, 4.01, half=half, higher=True)
    assert compare_scores(acgan, vtgan).p_value == pytest.approx(0.100, abs=0.001)
    assert compare_scores(score(4.02, half=half), score(4.14, half=half)).p_value > 0.2  # the first training of each
    assert vtgan.ci95 == pytest.approx((4.135 - half / math.sqrt(2), 4.135 + half / math.sqrt(2)))
    assert vtgan.ci95_method == "training seeds (Student t, 2 seeds), widened to the drawing of samples, which is more"


def test_the_least_noise_can_only_raise_p_values_and_widen_intervals(score):
    rng = np.random.default_rng(3)
    for values in rng.normal(0, 1, (50, 2, 3)):
        plain, careful = (compare_scores(score(*values[0], half=h), score(*values[1], half=h)) for h in (0.0, 3.0))
        sampling_alone = 2 * stats.norm.sf(abs(plain.difference) / (3.0 / 1.959964 * math.sqrt(2 / 3)))
        assert careful.p_value == pytest.approx(max(plain.p_value, sampling_alone))
        assert careful.ci95[1] - careful.ci95[0] >= plain.ci95[1] - plain.ci95[0]
        assert abs(careful.effect) <= abs(plain.effect) + 1e-12


def test_holm_by_hand():
    # sorted 0.01 · 4, 0.02 · 3, 0.03 · 2 (below the one before, so 0.06), 0.5 · 1
    assert holm([0.5, 0.01, None, 0.03, 0.02]) == [0.5, 0.04, None, 0.06, 0.06]
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("num_seeds", [2, 3, 5])
def test_a_false_difference_is_rare_without_one(score, num_seeds):
    draws = simulated(np.random.default_rng(num_seeds), [5.0, 5.0], 1500, num_seeds)
    p_values = np.array([compare_scores(score(*a, half=0.98), score(*b, half=0.98)).p_value for a, b in draws])
    assert (p_values < 0.05).mean() <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 1500)
