"""Inception Score against torch-fidelity and closed forms."""

import numpy as np
import pytest
import torch
from torch_fidelity.metric_isc import isc_features_to_metric

from ganbench.metrics.inception_score import split_scores


@pytest.mark.parametrize(("n", "splits"), [(500, 10), (1507, 10), (40, 1)])
def test_agrees_with_torch_fidelity(n, splits):
    logits = np.random.default_rng(0).normal(size=(n, 20)).astype(np.float32) * 3
    scores = split_scores(logits, splits)
    expected = isc_features_to_metric(torch.from_numpy(logits), splits)
    assert scores.mean() == pytest.approx(expected["inception_score_mean"], rel=1e-6)
    assert scores.std() == pytest.approx(expected["inception_score_std"], rel=1e-6, abs=1e-12)


def test_equal_predictions_score_one():
    np.testing.assert_allclose(split_scores(np.tile(np.arange(5.0), (100, 1))), 1)


def test_certain_and_even_predictions_score_the_number_of_classes():
    logits = np.tile(np.eye(4) * 1000, (25, 1))
    np.testing.assert_allclose(split_scores(logits, 1), 4)


def test_predictions_that_underflow_stay_finite():
    logits = np.zeros((20, 3))
    logits[:, 0] = 1e6
    np.testing.assert_allclose(split_scores(logits, 2), 1)
