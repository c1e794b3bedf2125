"""The birthday test: counts and limits by hand, planted supports held by their intervals, real images without limit."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import chi2
from sklearn.datasets import load_digits

from ganbench.metrics.birthday import (
    BIRTHDAY,
    closest_pairs,
    estimate_support,
    near_degrees,
    near_threshold,
    overdispersion,
    poisson_interval,
)
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.types import FeatureSet, ImageSet, MetricUnavailableError

DIGITS = np.random.default_rng(0).permutation(load_digits().data.astype(np.float32))
REFERENCE, OTHERS = DIGITS[:900], DIGITS[900:]
NOTHING_NEAR = np.zeros(6000, np.int64)


def inputs_of(samples, reference):
    features = {"samples": samples, "reference": reference}
    images = [
        ImageSet(name, np.arange(len(values), dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones((1, 2, 2, 1), np.uint8))
        for name, values in features.items()
    ]
    return MetricInputs(ImageInputs(images[0], images[1], images[1]), lambda images: FeatureSet(features[images.name]))


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("GANBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


def degrees_of(counts):
    """Each sample's number of repeats, from how often each image was drawn."""
    return np.repeat(counts - 1, counts)


def test_limits_are_those_of_garwood():
    low, high = poisson_interval(7)
    assert (low, high) == pytest.approx((chi2.ppf(0.025, 14) / 2, chi2.ppf(0.975, 16) / 2))
    assert poisson_interval(0) == pytest.approx((0, -math.log(0.025)))


def test_limits_widen_with_the_root_of_the_dispersion():
    plain, wide = poisson_interval(10_000), poisson_interval(10_000, 9)
    assert wide[1] - wide[0] == pytest.approx(3 * (plain[1] - plain[0]), rel=0.01)


def test_degrees_are_those_of_a_full_matrix():
    squared = pdist(OTHERS, "sqeuclidean")
    limit = float(np.quantile(squared, 0.01))
    assert near_degrees(OTHERS, limit).sum() / 2 == (squared <= limit).sum()


def test_the_threshold_is_where_one_pair_among_as_many_real_images_lies():
    rng = np.random.default_rng(0)
    others = np.repeat(rng.permutation(2000).astype(float), 2)  # 2,000 near pairs among 4,000 images
    assert near_threshold(others, 4000) == 0
    assert near_threshold(others, 2000) == 3  # 4.0006 pairs of the reference to one of the samples
    assert near_threshold(others, 100) == 99  # 5 % of 4,000 images are 100 pairs
    assert near_threshold(others, 100_000) == 0
    assert near_threshold(np.array([4.0, 4.0]), 50) == 4


def test_the_dispersion_is_the_variance_over_the_mean():
    rng, shares = np.random.default_rng(0), np.random.default_rng(1).dirichlet(np.full(200, 0.5))
    drawn = [degrees_of(rng.multinomial(1000, shares)) for _ in range(300)]
    repeated = [degrees.sum() / 2 for degrees in drawn]
    assert np.mean([overdispersion(degrees) for degrees in drawn]) == pytest.approx(
        np.var(repeated) / np.mean(repeated), rel=0.2
    )
    even = [overdispersion(degrees_of(rng.multinomial(1000, np.full(5000, 1 / 5000)))) for _ in range(50)]
    assert np.mean(even) == pytest.approx(1, abs=0.2)
    assert overdispersion(np.zeros(10, np.int64)) == overdispersion(np.array([1, 1])) == 1


def test_the_support_by_hand():
    degrees = np.zeros(1000, np.int64)
    degrees[:100] = 1  # 50 pairs of 499,500
    found = estimate_support(degrees, NOTHING_NEAR)
    assert found.value == pytest.approx(499_500 / 50)
    assert found.low == pytest.approx(499_500 / poisson_interval(50)[1])
    chance = poisson_interval(0)[1] * 499_500 / (6000 * 5999 / 2)
    below = math.hypot(50 - poisson_interval(50)[0], chance)
    assert found.high == pytest.approx(499_500 / (50 - below))


def test_chance_is_taken_off():
    degrees, reference = np.zeros((2, 1000), np.int64)
    degrees[:100], reference[:40] = 1, 1
    found = estimate_support(degrees, reference)
    assert found.value == pytest.approx(499_500 / (50 - 20))
    assert found.low == estimate_support(degrees, NOTHING_NEAR).low
    assert estimate_support(reference, reference).high is None


def test_without_repeats_there_is_a_lower_limit_only():
    found = estimate_support(np.zeros(1000, np.int64), NOTHING_NEAR)
    assert found.high is None
    assert found.value == found.low == pytest.approx(499_500 / -math.log(0.025))


@pytest.mark.parametrize("support", [10, 300, 5000, 10**5])
@pytest.mark.parametrize("evenness", [None, 1.0, 0.1])
def test_planted_supports_lie_in_their_intervals(support, evenness):
    rng, held = np.random.default_rng(support), []
    for _ in range(150):
        shares = np.full(support, 1 / support) if evenness is None else rng.dirichlet(np.full(support, evenness))
        counts = rng.multinomial(2000, shares)
        found, planted = estimate_support(degrees_of(counts), NOTHING_NEAR), 1 / (shares**2).sum()
        held.append(found.low <= planted <= (found.high or math.inf))
    assert np.mean(held) >= 0.9


@pytest.mark.parametrize("support", [20, 800])
def test_a_generator_of_few_real_images_is_found_out(support):
    held = []
    for seed in range(10):
        drawn = np.random.default_rng(seed).integers(support, size=700)
        result = BIRTHDAY.compute(inputs_of(OTHERS[drawn], REFERENCE))
        assert result.details["at_least"] is False
        held.append(result.ci95[0] <= support <= result.ci95[1])
        assert result.value == pytest.approx(support, rel=0.35)
        for pair in result.details["pairs"]:
            first, second = pair["images"]
            assert pair["distance"] == 0
            assert drawn[first] == drawn[second]
            assert first != second
    assert np.mean(held) >= 0.9


def test_repeats_with_little_noise_count():
    rng = np.random.default_rng(0)
    samples = OTHERS[rng.integers(50, size=700)] + 0.2 * rng.standard_normal((700, 64)).astype(np.float32)
    result = BIRTHDAY.compute(inputs_of(samples, REFERENCE))
    assert result.value == pytest.approx(50, rel=0.1)
    assert (result.num_samples, result.num_reference) == (700, 900)


def test_new_real_images_have_a_lower_limit_only():
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(DIGITS))
        result = BIRTHDAY.compute(inputs_of(DIGITS[order[:800]], DIGITS[order[800:]]))
        assert result.details["at_least"] is True
        assert result.ci95 is None
        assert result.value > 20_000


def test_what_the_reference_itself_holds_twice_is_chance():
    twice = np.concatenate([DIGITS[:450], DIGITS[:450]])
    samples = np.concatenate([DIGITS[450:850], DIGITS[450:850]])
    details = BIRTHDAY.compute(inputs_of(samples, twice)).details
    assert details["num_near_reference_pairs"] == 450
    assert details["threshold"] == 0
    assert details["at_least"] is True


def test_near_pairs_of_the_reference_are_all_counted():
    details = BIRTHDAY.compute(inputs_of(OTHERS[:300], REFERENCE)).details
    expected = int((pdist(REFERENCE) <= details["threshold"]).sum())
    assert details["num_near_reference_pairs"] == expected > 3
    assert details["repeated_pairs_by_chance"] == pytest.approx(expected * (300 * 299) / (900 * 899))


def test_closest_pairs_hold_no_image_twice_and_never_pair_it_with_itself():
    line = np.array([[0.0], [0.0], [0.0], [10.0], [11.0], [50.0], [53.0]], np.float32)
    assert closest_pairs(line, 16) == [(0, 1, 0), (3, 4, 1), (5, 6, 3)]
    assert closest_pairs(line, 2) == [(0, 1, 0), (3, 4, 1)]
    assert closest_pairs(np.zeros((9, 1), np.float32), 16)[0][2] == 0


def test_shown_pairs_have_lpips_where_its_trunk_is():
    samples = np.concatenate([OTHERS[:100], OTHERS[:100]])
    inputs = inputs_of(samples, REFERENCE)
    assert all(pair["lpips"] is None for pair in BIRTHDAY.compute(inputs).details["pairs"])
    inputs.images.__dict__["lpips_distance"] = lambda a, b: np.abs(a.astype(float) - b).mean(axis=(1, 2, 3))
    details = BIRTHDAY.compute(inputs).details
    assert len(details["pairs"]) == 16
    assert all(pair["lpips"] == 100 for pair in details["pairs"])  # grey level i, and its copy 100 later
    for pair in details["reference_pairs"]:
        a, b = pair["images"]
        assert pair["distance"] == pytest.approx(float(np.linalg.norm(REFERENCE[a] - REFERENCE[b])), rel=1e-6)
        assert pair["lpips"] == abs(a % 256 - b % 256)


@pytest.mark.parametrize("counts", [(1, 10), (10, 1)])
def test_single_images_are_refused(counts):
    with pytest.raises(MetricUnavailableError, match=f"got {counts[0]} and {counts[1]}"):
        BIRTHDAY.compute(inputs_of(OTHERS[: counts[0]], REFERENCE[: counts[1]]))
