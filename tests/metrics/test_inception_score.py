"""Inception Score against torch-fidelity, closed forms and wrong forms; its intervals by their definitions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import entropy, t
from torch_fidelity.metric_isc import isc_features_to_metric

from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inception_score import IS, compute_is, resampled_scores, split_scores
from ganbench.metrics.inputs import MetricInputs
from ganbench.types import FeatureSet, ImageSet, MetricUnavailableError


def logits_of(n, classes=20, seed=0):
    return np.random.default_rng(seed).normal(size=(n, classes)).astype(np.float32) * 3


def inputs(logits, num_splits=10, **more):
    images = ImageSet("samples", np.zeros((1, 8, 8, 1), np.uint8))
    shared = ImageInputs(images, images, images)
    shared = replace(shared, protocol=replace(shared.protocol, is_splits=num_splits))
    return MetricInputs(shared, lambda _: FeatureSet(np.zeros((1, 2), np.float32), logits), **more)


def wrong_base_two(logits):
    p = softmax(logits.astype(np.float64), axis=1)
    return 2 ** entropy(p, p.mean(axis=0)[None], axis=1).mean()


def wrong_single_precision(logits):
    """Marginal and logarithm in half the digits."""
    p = softmax(logits.astype(np.float16), axis=1)
    return np.exp(entropy(p, p.mean(axis=0)[None], axis=1).mean())


def wrong_marginal_of_all_splits(logits):
    """Scores the splits against the mean prediction of all images."""
    p = softmax(logits.astype(np.float64), axis=1)
    order = np.random.RandomState(2020).permutation(len(p))
    return np.mean([np.exp(entropy(p[i], p.mean(axis=0)[None], axis=1).mean()) for i in np.array_split(order, 10)])


@pytest.mark.parametrize(("n", "splits"), [(500, 10), (1507, 10), (40, 1), (5000, 1)])
def test_agrees_with_torch_fidelity(n, splits):
    logits = logits_of(n)
    scores = split_scores(logits, splits)
    expected = isc_features_to_metric(torch.from_numpy(logits), splits)
    assert scores.mean() == pytest.approx(expected["inception_score_mean"], rel=1e-6)
    assert scores.std() == pytest.approx(expected["inception_score_std"], rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("wrong", [wrong_base_two, wrong_single_precision, wrong_marginal_of_all_splits])
def test_the_wrong_forms_are_rejected(wrong):
    logits = logits_of(300)
    expected = isc_features_to_metric(torch.from_numpy(logits), 10)["inception_score_mean"]
    assert wrong(logits) != pytest.approx(expected, rel=1e-5)


def test_equal_predictions_score_one():
    np.testing.assert_allclose(split_scores(np.tile(np.arange(5.0), (100, 1)), 10), 1)


def test_certain_and_even_predictions_score_the_number_of_classes():
    logits = np.tile(np.eye(4) * 1000, (25, 1))
    np.testing.assert_allclose(split_scores(logits, 1), 4)


def test_predictions_that_underflow_stay_finite():
    logits = np.zeros((20, 3))
    logits[:, 0] = 1e6
    np.testing.assert_allclose(split_scores(logits, 2), 1)


def test_unequal_splits_hold_every_image_once_and_their_t_interval_is_given():
    logits = logits_of(1507)
    result = compute_is(inputs(logits))
    scores = split_scores(logits, 10)
    half = t.ppf(0.975, 9) * scores.std(ddof=1) / np.sqrt(10)
    assert result.value == pytest.approx(scores.mean())
    assert result.ci95 == pytest.approx((scores.mean() - half, scores.mean() + half))
    assert result.num_samples == 1507 and result.details["num_splits"] == 10
    assert "splits" in result.ci95_method


def test_one_split_takes_its_interval_from_the_images():
    logits = logits_of(2500)
    result = compute_is(inputs(logits, num_splits=1))
    spread = np.std([split_scores(logits_of(2500, seed=seed), 1)[0] for seed in range(1, 40)])
    low, high = result.ci95
    assert low < result.value < high
    assert (high - low) / (2 * 1.96) == pytest.approx(spread, rel=0.3)  # of new draws of the images
    assert "bootstrap over the images" in result.ci95_method


def test_a_resample_is_the_score_of_the_images_drawn():
    logits = logits_of(50)
    rows = np.random.default_rng(7).integers(50, size=50)
    np.testing.assert_allclose(resampled_scores(logits, 1, 7), split_scores(logits[rows], 1))


@pytest.mark.parametrize(("n", "splits"), [(20, 2), (25, 2), (99, 9), (100, 10), (1507, 10)])
def test_splits_hold_at_least_ten_images_and_fewer_splits_are_noted(n, splits):
    result = compute_is(inputs(logits_of(n)))
    assert (result.num_samples, result.details["num_splits"]) == (n, splits)
    assert result.value == split_scores(logits_of(n), splits).mean() > 1.5
    assert result.ci95[0] < result.value < result.ci95[1]
    if splits < 10:
        assert f"{splits} splits instead of 10, since {n} images" in result.details["note"]
    else:
        assert "note" not in result.details


@pytest.mark.parametrize("num_splits", [1, 10])
def test_below_twenty_images_there_is_no_score(num_splits):
    """Splits of one image each score exactly 1, and all alike."""
    np.testing.assert_allclose(split_scores(logits_of(10), 10), 1)
    with pytest.raises(MetricUnavailableError, match="at least 20 images, got 19"):
        compute_is(inputs(logits_of(19), num_splits))


@pytest.mark.parametrize("num_splits", [1, 10])
def test_equal_predictions_have_no_interval_of_zero_width(num_splits):
    result = compute_is(inputs(np.tile(np.arange(5, dtype=np.float32), (100, 1)), num_splits))
    assert result.value == pytest.approx(1)
    assert result.ci95 is None


def test_the_interval_does_not_go_below_the_least_score():
    logits = logits_of(20)
    logits[:13] = 0
    result = compute_is(inputs(logits, 2))
    scores = split_scores(logits, 2)
    assert scores.mean() - t.ppf(0.975, 1) * scores.std(ddof=1) / np.sqrt(2) < 1
    assert result.ci95[0] == 1


def test_without_logits_the_reason_is_told():
    with pytest.raises(MetricUnavailableError, match="the trunk alone has no class layer"):
        IS.compute(inputs(None, no_logits="the trunk alone has no class layer"))
