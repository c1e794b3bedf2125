"""Modes of points: counted by hand, against a slow reference, and planted values inside their intervals."""

import math

import numpy as np
import pytest
from scipy.stats import chi2, entropy

from ganbench.data.points import draw, grid, ring
from ganbench.errors import UsageError
from ganbench.metrics.evaluate_points import evaluate_points
from ganbench.metrics.modes import MODE_KL, MODES
from ganbench.metrics.point_inputs import PointInputs
from ganbench.metrics.point_modes import HQ_RATIO, MIXTURE_KL, kl_of_counts
from ganbench.types import DataSpec, MetricInfo, MetricUnavailableError, PointDataset, PointSet

RING, GRID = ring(8, 1.0, 0.01), grid([-4.0, -2.0, 0.0, 2.0, 4.0], 0.05)
METRICS = [MODES, HQ_RATIO, MODE_KL, MIXTURE_KL]
INSIDE = chi2.cdf(9, 2)  # of a Gaussian of the plane within 3 sigma


def inputs(points, mixture=RING, seed=0):
    spec, none = DataSpec("points", dim=2), PointSet("none", np.zeros((0, 2), np.float32))
    samples = PointSet("samples", np.asarray(points, np.float32))
    return PointInputs(samples, PointDataset("data", spec, none, none, mixture), seed)


def generator(mixture, shares, junk, num_samples, rng):
    """Points of modes with these shares, of which a share `junk` lies far from all."""
    modes = rng.choice(len(shares), num_samples, p=np.array(shares) / sum(shares))
    points = mixture.centres[modes] + mixture.sigma * rng.standard_normal((num_samples, 2))
    points[rng.random(num_samples) < junk] = 100.0
    return points


def test_counts_by_hand():
    right = [[1, 0], [1, 0.029], [0.971, 0], [0, 1], [0, -1.02]]
    wrong = [[1, 0.0301], [0.9, 0], [0, 0], [50, 50], [math.nan, 0], [math.inf, 1]]
    found = inputs(right + wrong)
    assert found.modes.tolist() == [0, 0, 0, 2, 6] + [-1] * 6
    assert found.counts.tolist() == [3, 0, 1, 0, 0, 0, 1, 0]
    assert MODES.compute(found).value == 3
    assert HQ_RATIO.compute(found).value == pytest.approx(5 / 11)
    assert HQ_RATIO.compute(found).details["num_high_quality"] == 5


def test_counts_agree_with_the_slow_way():
    """The rule of PacGAN's code: the smallest distance, in standard deviations, is below 3."""
    rng = np.random.default_rng(0)
    points = generator(GRID, range(1, 26), 0.1, 300, rng).astype(np.float32) + np.float32(0.06)
    counts = np.zeros(25, int)
    for x, y in points.astype(float):
        distances = [math.hypot(x - a, y - b) / 0.05 for a, b in GRID.centres]
        if min(distances) < 3:
            counts[distances.index(min(distances))] += 1
    found = inputs(points, GRID)
    assert found.counts.tolist() == counts.tolist()
    assert 50 < counts.sum() < 280
    assert MODE_KL.compute(found).details["plug_in"] == pytest.approx(math.log(25) - entropy(counts / counts.sum()))


def test_divergences_by_hand():
    """40 samples of one mode, 40 of another and 20 of none."""
    found = inputs([[1, 0]] * 40 + [[0, 1]] * 40 + [[0, 0]] * 20)
    assert MODE_KL.compute(found).details["plug_in"] == pytest.approx(math.log(4))
    by_hand = 0.8 * math.log(0.4 * 8 / INSIDE) + 0.2 * math.log(0.2 / (1 - INSIDE))
    assert MIXTURE_KL.compute(found).details["plug_in"] == pytest.approx(by_hand)
    assert kl_of_counts(np.array([3, 1]), np.array([0.5, 0.5])) == pytest.approx(
        0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    )


def test_one_mode_and_none_at_all_are_the_ends_of_the_scale():
    one = inputs([[1, 0]] * 100)
    assert MODE_KL.compute(one).value == pytest.approx(math.log(8))
    assert MODE_KL.compute(one).ci95 == pytest.approx((math.log(8), math.log(8)))
    none = inputs([[0, 0]] * 100)
    assert MODES.compute(none).value == 0
    assert MODES.compute(none).ci95 == (0, pytest.approx(8 * (1 - 0.025 ** (1 / 8))))
    assert MIXTURE_KL.compute(none).value == pytest.approx(4.5)  # -log exp(-9/2)
    with pytest.raises(MetricUnavailableError, match="0 of 100 samples are of high quality"):
        MODE_KL.compute(none)
    with pytest.raises(MetricUnavailableError, match=r"7 of 100 samples are of high quality: too few .* of 8 modes"):
        MODE_KL.compute(inputs([[1, 0]] * 7 + [[0, 0]] * 93))


@pytest.mark.parametrize("mixture", [RING, GRID], ids=["ring8", "grid25"])
def test_real_points_show_everything(mixture):
    for seed in range(10):
        found = inputs(draw(mixture, 2500, seed, "real").points, mixture)
        assert MODES.compute(found).value == len(mixture.centres)
        assert HQ_RATIO.compute(found).value == pytest.approx(INSIDE, abs=0.008)
        for metric in (MODE_KL, MIXTURE_KL):
            result = metric.compute(found)
            assert 0 <= result.value < 0.005
            assert result.ci95[0] == 0
            assert result.details["plug_in"] > result.value  # biased upwards


def test_noise_is_better_than_a_collapsed_model_on_all_but_the_divergence_from_the_mixture():
    """Why ranking goes by `mixture_kl`: on the published numbers a useless model wins."""
    rng = np.random.default_rng(0)
    noise = inputs(rng.uniform(-4.2, 4.2, (2500, 2)), GRID)
    single = inputs(generator(GRID, [1] + [0] * 24, 0, 2500, rng), GRID)
    fair = inputs(generator(GRID, [1] * 17 + [0] * 8, 0.05, 2500, rng), GRID)
    value = {(m.id, name): m.compute(x).value for m in METRICS for name, x in
             (("noise", noise), ("single", single), ("fair", fair))}  # fmt: skip
    assert value["modes", "noise"] > value["modes", "fair"]
    assert value["mode_kl", "noise"] < value["mode_kl", "fair"]
    assert value["hq_ratio", "single"] > value["hq_ratio", "fair"]
    assert value["mixture_kl", "fair"] < value["mixture_kl", "single"] < value["mixture_kl", "noise"]


PLANTED = [
    (RING, [1] * 8, 0.0),
    (RING, [1] * 3 + [0] * 5, 0.05),
    (RING, [50, 30, 10, 5, 3, 2, 0, 0], 0.02),
    (GRID, [1] * 17 + [0] * 8, 0.05),
    (GRID, list(range(1, 26)), 0.1),
    (GRID, [100] * 20 + [3] * 2 + [0] * 3, 0.2),
    (GRID, [1] * 25, 0.97),
]


@pytest.mark.parametrize(("mixture", "shares", "junk"), PLANTED)
def test_planted_values_lie_inside_their_intervals(mixture, shares, junk):
    """In at least 90 % of the repetitions; the sixth has two modes of about three samples each."""
    shares = np.array(shares, float) / sum(shares)
    good = (1 - junk) * INSIDE
    cells = np.append(shares * good, 1 - good)
    expected = np.append(np.full(len(shares), INSIDE / len(shares)), 1 - INSIDE)
    planted = {
        "modes": (shares > 0).sum(),
        "hq_ratio": good,
        "mode_kl": entropy(shares, np.full(len(shares), 1 / len(shares))),
        "mixture_kl": entropy(cells, expected),
    }
    inside = dict.fromkeys(planted, 0)
    for seed in range(100):
        points = generator(mixture, shares, junk, 2500, np.random.default_rng(seed))
        found = inputs(points, mixture, seed)
        for metric in METRICS:
            low, high = metric.compute(found).ci95
            inside[metric.id] += low - 1e-12 <= planted[metric.id] <= high + 1e-12
    assert min(inside.values()) >= 90, inside


def test_an_interval_holds_its_value_and_the_number_of_modes_is_bounded():
    rng = np.random.default_rng(3)
    found = inputs(generator(GRID, [100] * 20 + [0.1] * 5, 0.3, 2500, rng), GRID)
    for metric in METRICS:
        low, high = metric.compute(found).ci95
        assert low <= metric.compute(found).value <= high
    result = MODES.compute(inputs(generator(RING, [1000] * 7 + [1], 0, 2500, np.random.default_rng(0))))
    assert result.ci95[1] <= 8
    assert result.details["num_modes"] == 8
    assert result.details["centres"] == RING.centres.tolist()


def test_an_evaluation_measures_all_and_says_what_it_cannot():
    found = inputs(draw(RING, 500, 0, "samples").points)
    failing = MetricInfo("broken", "Broken", lambda inputs: 1 / 0, None)
    evaluation = evaluate_points(found.samples, found.dataset, [*METRICS, failing], seed=4)
    assert list(evaluation.results) == ["modes", "hq_ratio", "mode_kl", "mixture_kl"]
    assert "ZeroDivisionError" in evaluation.unavailable["broken"]
    assert evaluation.results["mixture_kl"].details["seed"] == 4
    assert evaluation.extractors == {}
    again = evaluate_points(found.samples, found.dataset, METRICS, seed=4)
    assert again.results == evaluation.results


def test_points_without_a_known_mixture_have_no_modes():
    found = inputs(draw(RING, 50, 0, "samples").points, None)
    evaluation = evaluate_points(found.samples, found.dataset, METRICS)
    assert evaluation.results == {}
    assert all("the modes of 'data' are not known" in reason for reason in evaluation.unavailable.values())


def test_too_few_points_and_other_dimensions_are_refused():
    dataset = inputs([[0, 0]]).dataset
    with pytest.raises(UsageError, match=r"has 1 point\(s\)"):
        evaluate_points(PointSet("one", np.zeros((1, 2), np.float32)), dataset, METRICS)
    with pytest.raises(UsageError, match=r"expected \[N, 2\]"):
        evaluate_points(PointSet("deep", np.zeros((9, 3), np.float32)), dataset, METRICS)
