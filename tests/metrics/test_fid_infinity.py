"""FID∞ against its definition, and on Gaussians whose distance is known."""

from types import SimpleNamespace

import numpy as np
import pytest

from ganbench.metrics import fid_infinity as module
from ganbench.metrics.fid import GaussianStatistics, fit_gaussian, frechet, frechet_distance_with_error
from ganbench.metrics.fid_infinity import FID_INFINITY, MIN_SAMPLES, compute_fid_infinity
from ganbench.metrics.fid_infinity import fid_infinity as of_statistics
from ganbench.types import FeatureSet, MetricUnavailableError

DIM = 20
TRUE = GaussianStatistics(np.zeros(DIM), np.eye(DIM))  # the distribution itself: no bias from its side


def features(n, seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, DIM)) + shift


def fid_infinity(samples, reference, seed):
    return of_statistics(samples, fit_gaussian(samples), reference, seed)


def test_equal_distributions_are_at_zero_where_fid_itself_is_biased():
    draws = [fid_infinity(features(2000, seed), TRUE, seed) for seed in range(40)]
    values, errors = (np.array([getattr(draw, name) for draw in draws]) for name in ("value", "standard_error"))
    biased = np.array([frechet(fit_gaussian(features(2000, seed)), TRUE) for seed in range(40)])
    assert biased.min() > 0.03
    assert abs(values.mean()) < biased.mean() / 20
    assert np.mean(np.abs(values) < 1.96 * errors) > 0.88


@pytest.mark.parametrize("shift", [0.05, 0.3])
def test_the_interval_holds_the_distance_of_the_distributions(shift):
    draws = [fid_infinity(features(1000, seed, shift), TRUE, seed) for seed in range(60)]
    covered = [abs(draw.value - DIM * shift**2) < 1.96 * draw.standard_error for draw in draws]
    assert np.mean(covered) > 0.88
    spread = np.std([draw.value for draw in draws])
    assert 0.7 < np.mean([draw.standard_error for draw in draws]) / spread < 1.6


def wrong_line_over_n(sizes, fids):
    """Regresses on n in place of 1 / n."""
    return np.polyfit(sizes, fids, 1)[1]


def test_it_is_numpys_line_over_one_over_n_through_its_own_points():
    result = fid_infinity(features(600, 0), TRUE, 1)
    slope, intercept = np.polyfit(1 / np.array(result.sizes), result.fids, 1)
    assert (result.value, result.slope) == pytest.approx((intercept, slope), rel=1e-9)
    assert result.value != pytest.approx(wrong_line_over_n(result.sizes, result.fids), rel=0.1)


def test_sizes_go_from_a_tenth_to_all_and_the_last_is_fid():
    samples, reference = features(600, 0), features(700, 1, 0.2)
    result = fid_infinity(samples, fit_gaussian(reference), 0)
    assert (len(result.sizes), result.sizes[0], result.sizes[-1]) == (15, 60, 600)
    value, error = frechet_distance_with_error(samples, reference)
    assert result.fids[-1] == pytest.approx(value)
    assert result.standard_error > error


def test_the_seed_decides_the_subsets_and_the_global_generator_does_not():
    samples = features(300, 0)
    first = fid_infinity(samples, TRUE, 1)
    np.random.seed(5)
    assert fid_infinity(samples, TRUE, 1) == first
    assert fid_infinity(samples, TRUE, 2).value != first.value


def test_too_few_samples_are_refused():
    inputs = SimpleNamespace(samples=FeatureSet(features(MIN_SAMPLES - 1, 0)))
    with pytest.raises(MetricUnavailableError, match="at least 150 samples, got 149"):
        compute_fid_infinity(inputs)


def inputs(samples, reference):
    return SimpleNamespace(
        samples=FeatureSet(samples),
        reference=FeatureSet(reference),
        samples_gaussian=fit_gaussian(samples),
        reference_gaussian=fit_gaussian(reference),
        seed=3,
    )


def test_the_result_says_what_it_was_made_of():
    samples, reference = features(200, 0).astype(np.float32), features(300, 1).astype(np.float32)
    result = FID_INFINITY.compute(inputs(samples, reference))
    assert result.value == fid_infinity(samples, fit_gaussian(reference), 3).value
    assert (result.num_samples, result.num_reference) == (200, 300)
    assert result.ci95[0] < result.value < result.ci95[1]
    assert len(result.details["sizes"]) == len(result.details["fids"]) == 15
    assert not FID_INFINITY.default


@pytest.mark.parametrize("n", [25 * DIM - 1, 25 * DIM])
def test_few_samples_for_the_dimensions_are_noted_and_the_interval_says_what_it_leaves_out(n):
    result = compute_fid_infinity(inputs(features(n, 0), features(300, 1)))
    assert ("note" in result.details) == (n < 25 * DIM)
    assert "without the bias of the extrapolation" in result.ci95_method
    if n < 25 * DIM:
        assert "499 samples at 20 dimensions" in result.details["note"] and "about 500" in result.details["note"]


def test_the_gaussian_of_all_samples_is_fitted_once_for_all_metrics(monkeypatch):
    shared, sizes = inputs(features(200, 0), features(300, 1)), []
    monkeypatch.setattr(module, "fit_gaussian", lambda rows: sizes.append(len(rows)) or fit_gaussian(rows))
    compute_fid_infinity(shared)
    assert len(sizes) == 14 and max(sizes) < 200
