"""KID against torch-fidelity on both ways of computing it, and its interval by simulation."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch_fidelity.metric_kid import kid_features_to_metric

from ganbench.metrics.kid import compute_kid, kernel_distance
from ganbench.protocols import Protocol
from ganbench.types import FeatureSet


def features(n, dim=24, seed=0, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, dim)) + shift


def by_torch_fidelity(a, b, subsets, size):
    tensors = (torch.from_numpy(x) for x in (a, b))
    result = kid_features_to_metric(*tensors, kid_subsets=subsets, kid_subset_size=size, rng_seed=2020, verbose=False)
    return result["kernel_inception_distance_mean"], result["kernel_inception_distance_std"]


@pytest.mark.parametrize(("n", "m", "subsets", "size"), [(120, 100, 30, 50), (400, 300, 7, 20), (60, 90, 5, 60)])
def test_agrees_with_torch_fidelity_whether_subsets_overlap_or_not(n, m, subsets, size):
    a, b = features(n), features(m, seed=1, shift=0.2)
    result = kernel_distance(a, b, subsets, size)
    np.testing.assert_allclose(result[:2], by_torch_fidelity(a, b, subsets, size), rtol=1e-6)


def test_agrees_with_torch_fidelity_at_the_default_size():
    a, b = features(1200), features(1100, seed=1, shift=0.1)
    np.testing.assert_allclose(kernel_distance(a, b, 10)[:2], by_torch_fidelity(a, b, 10, 1000), rtol=1e-6)


def relu_features(n, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(9).normal(size=(64, 512)) / 4
    return np.maximum(rng.normal(size=(n, 64)) @ mixing + shift, 0).astype(np.float32)


@pytest.mark.parametrize(("subsets", "size"), [(2, 700), (40, 300)])
@pytest.mark.parametrize("offset", [0, 100])
def test_float32_products_stay_far_below_the_value(subsets, size, offset):
    a, b = relu_features(1100, 0) + np.float32(offset), relu_features(1050, 1, 0.05) + np.float32(offset)
    single, double = (kernel_distance(*pair, subsets, size) for pair in ((a, b), (a.astype(float), b.astype(float))))
    assert abs(single.value - double.value) < 1e-5 * abs(double.value)
    assert single.standard_error == pytest.approx(double.standard_error, rel=1e-5)


def test_a_protocols_subsets_are_used_and_told():
    images = SimpleNamespace(protocol=Protocol("p", "P", kid_subsets=7, kid_subset_size=40), seed=0)
    a, b = features(120).astype(np.float32), features(100, seed=1, shift=0.2).astype(np.float32)
    sets = {"samples": FeatureSet(a), "reference": FeatureSet(b)}
    result = compute_kid(SimpleNamespace(protocol=images.protocol, **sets))
    assert result.value == kernel_distance(a, b, 7, 40).value
    assert result.details["num_subsets"] == 7
    assert result.details["subset_size"] == 40
    few = compute_kid(SimpleNamespace(protocol=images.protocol, samples=FeatureSet(a[:30]), reference=FeatureSet(b)))
    assert few.details["subset_size"] == 30
    assert "30 instead of 40" in few.details["note"]


def wrong_biased(a, b):
    """Keeps the diagonal of the kernel."""
    kernel = [((x @ y.T) / a.shape[1] + 1) ** 3 for x, y in ((a, a), (b, b), (a, b))]
    return kernel[0].mean() + kernel[1].mean() - 2 * kernel[2].mean()


def test_the_biased_form_is_rejected_and_ours_is_centred_at_zero_for_equal_distributions():
    pairs = [(features(60, seed=2 * i), features(60, seed=2 * i + 1)) for i in range(100)]
    values = np.array([kernel_distance(a, b, 1, 60).value for a, b in pairs])
    standard_error = values.std() / 10
    assert abs(values.mean()) < 3 * standard_error
    assert np.mean([wrong_biased(a, b) for a, b in pairs]) > 10 * standard_error


def test_the_draws_do_not_depend_on_the_global_generator():
    a, b = features(100), features(100, seed=1)
    np.random.seed(1)
    first = kernel_distance(a, b, 5, 20)
    np.random.seed(2)
    assert kernel_distance(a, b, 5, 20) == first


def test_the_interval_covers_the_mean_of_repeated_draws():
    reference = features(400, seed=1000)
    results = [kernel_distance(features(150, seed=i, shift=0.15), reference, 20, 100) for i in range(150)]
    values = np.array([result.value for result in results])
    errors = np.array([result.standard_error for result in results])
    assert np.mean(np.abs(values - values.mean()) < 1.96 * errors) > 0.88
    assert 0.75 < errors.mean() / values.std() < 1.5


@pytest.mark.parametrize(
    ("n", "shift", "subsets", "size"),
    [
        (600, 0.05, 100, 60),  # all pairs at once, subsets much smaller than the set
        (600, 0.2, 100, 60),
        (2000, 0.05, 50, 100),  # subset by subset
        (400, 0.05, 1, 100),  # one subset knows no more than its own images
    ],
)
def test_the_interval_is_as_wide_as_the_values_spread_when_subsets_are_small(n, shift, subsets, size):
    """Noise of an influence within its subset made it 1.4 to 2.4 times too wide; one subset 2.3 times too narrow."""
    mixing = np.random.default_rng(9).normal(size=(64, 64)) / 8

    def draw(seed, moved):
        return (0.8 * np.maximum((np.random.default_rng(seed).normal(size=(n, 64)) + moved) @ mixing, 0)).astype("f4")

    reference = draw(1000, 0)
    results = [kernel_distance(draw(seed, shift), reference, subsets, size) for seed in range(80)]
    spread = np.std([result.value for result in results], ddof=1)
    assert 0.8 < np.mean([result.standard_error for result in results]) / spread < 1.3


def test_both_ways_of_computing_know_the_same_influence():
    a, b = features(1500, shift=0.1), features(1500, seed=1)
    together, apart = kernel_distance(a, b, 60, 200), kernel_distance(a, b, 50, 200)
    assert (2 * 1500) ** 2 <= 4 * 60 * 200**2 and (2 * 1500) ** 2 > 4 * 50 * 200**2
    assert apart.standard_error == pytest.approx(together.standard_error, rel=0.2)


def test_equal_constant_sets_have_no_interval_of_zero_width():
    constant = np.full((50, 24), 7.0, np.float32)
    shared = {"samples": FeatureSet(constant), "reference": FeatureSet(constant)}
    result = compute_kid(SimpleNamespace(protocol=Protocol("p", "P", kid_subset_size=20), **shared))
    assert abs(result.value) < 1e-6
    assert result.ci95 is None


@pytest.mark.parametrize("side", [0, 1])
def test_features_that_are_no_numbers_are_refused(side):
    pair = [features(40), features(40, seed=1)]
    pair[side][3, 2] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity in 1 of 40 images"):
        kernel_distance(*pair, 5, 20)
