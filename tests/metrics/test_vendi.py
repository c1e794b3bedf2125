"""Vendi Score against closed forms, the definition by the kernel matrix and wrong forms; its interval by simulation."""

import numpy as np
import pytest

from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.vendi import VENDI, entropy_with_error
from ganbench.types import FeatureSet, ImageSet, MetricUnavailableError


def score(features):
    return np.exp(entropy_with_error(features)[0])


def by_kernel_matrix(features, normalise=True, divisor=None, log=np.log, exp=np.exp):
    x = features / np.linalg.norm(features, axis=1, keepdims=True) if normalise else features
    values = np.linalg.eigvalsh(x @ x.T / (divisor or len(x)))
    values = values[values > 1e-14]
    return exp(-(values * log(values)).sum())


def wrong_lengths_kept(features):
    return by_kernel_matrix(features, normalise=False)


def wrong_mixed_logarithms(features):
    return by_kernel_matrix(features, log=np.log2)


def wrong_divisor(features):
    return by_kernel_matrix(features, divisor=len(features) - 1)


def wrong_centred(features):
    return by_kernel_matrix(features - features.mean(axis=0))


def features_of(n, dim, seed=0):
    mixing = np.random.default_rng(99).normal(size=(dim, dim)) * np.geomspace(3, 0.1, dim)
    return np.random.default_rng(seed).normal(size=(n, dim)) @ mixing + 0.5


@pytest.mark.parametrize(("n", "dim"), [(60, 12), (12, 60), (20, 20)])
def test_agrees_with_the_definition_on_both_sides_of_n_equal_d(n, dim):
    features = features_of(n, dim)
    assert score(features) == pytest.approx(by_kernel_matrix(features), rel=1e-9)


@pytest.mark.parametrize("wrong", [wrong_lengths_kept, wrong_mixed_logarithms, wrong_divisor, wrong_centred])
def test_the_wrong_forms_are_rejected(wrong):
    features = features_of(60, 12)
    assert wrong(features) != pytest.approx(score(features), rel=1e-3)


@pytest.mark.parametrize("dim", [5, 200])
def test_even_orthogonal_groups_count_as_so_many(dim):
    groups = np.tile(np.eye(5, dim), (20, 1)) * np.arange(1, 101)[:, None]
    assert score(groups) == pytest.approx(5)


def test_uneven_groups_count_by_the_entropy_of_their_shares():
    groups = np.repeat(np.eye(3), (70, 20, 10), axis=0)
    assert score(groups) == pytest.approx(np.exp(-(0.7 * np.log(0.7) + 0.2 * np.log(0.2) + 0.1 * np.log(0.1))))


def test_equal_images_are_one():
    entropy, error = entropy_with_error(np.ones((30, 4)))
    assert (entropy, error) == pytest.approx((0, 0), abs=1e-6)


def test_order_does_not_matter_and_copies_add_nothing():
    features = features_of(50, 12)
    assert score(features[::-1]) == pytest.approx(score(features))
    assert score(np.concatenate([features] * 3)) == pytest.approx(score(features))


@pytest.mark.parametrize(("n", "dim"), [(60, 12), (40, 60)])
def test_the_error_comes_from_the_derivative_by_each_images_weight(n, dim):
    """The infinitesimal jackknife by finite differences."""
    x = features_of(n, dim)
    x /= np.linalg.norm(x, axis=1, keepdims=True)

    def entropy(weights):
        values = np.linalg.eigvalsh(np.sqrt(np.outer(weights, weights)) * (x @ x.T) / weights.sum())
        values = values[values > 1e-14]
        return -(values * np.log(values)).sum()

    even, step = np.ones(n), 1e-4
    slopes = n * np.array([entropy(even + step * one) - entropy(even - step * one) for one in np.eye(n)]) / (2 * step)
    assert entropy_with_error(x)[1] == pytest.approx(np.std(slopes, ddof=1) / np.sqrt(n), rel=1e-4)


def test_the_error_is_the_spread_over_new_images():
    entropies, errors = np.transpose([entropy_with_error(features_of(300, 6, seed)) for seed in range(150)])
    assert errors.mean() == pytest.approx(entropies.std(ddof=1), rel=0.2)


def test_details_hold_the_reference_at_the_same_number_of_images():
    features = {"samples": features_of(30, 8).astype(np.float32), "reference": features_of(90, 8, 1).astype(np.float32)}
    sets = [ImageSet(name, np.zeros((len(x), 8, 8, 3), np.uint8)) for name, x in features.items()]
    inputs = MetricInputs(ImageInputs(sets[0], sets[1], sets[1]), lambda source: FeatureSet(features[source.name]))
    result = VENDI.compute(inputs)
    chosen = np.random.default_rng(0).permutation(90)[:30]
    assert result.value == pytest.approx(by_kernel_matrix(features["samples"]), rel=1e-5)
    assert result.details["reference_value"] == pytest.approx(by_kernel_matrix(features["reference"][chosen]), rel=1e-5)
    assert result.details["reference_images"] == 30
    assert 1 <= result.ci95[0] < result.value < result.ci95[1]


def test_features_without_a_direction_are_refused():
    features = features_of(20, 5)
    features[3:5] = 0
    with pytest.raises(MetricUnavailableError, match="2 of 20 images have features of 0 only"):
        entropy_with_error(features)
    features[0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity in 1 of 20 images"):
        entropy_with_error(features)
