from types import SimpleNamespace

import numpy as np
import pytest

from ganbench.metrics.modes_seen import compute_modes_seen


def inputs(counts, real=None):
    counts = np.asarray(counts)
    images = SimpleNamespace(
        predicted_counts=counts,
        real_shares=np.full(len(counts), 1 / len(counts)) if real is None else np.asarray(real),
        classifier=SimpleNamespace(facts={"classifier_test_accuracy": 0.9}),
        samples=range(counts.sum()),
        labelled=SimpleNamespace(train=range(100)),
    )
    return SimpleNamespace(images=images, seed=0)


def test_one_sample_makes_a_mode():
    result = compute_modes_seen(inputs([500, 1, 0, 0]))
    assert result.value == 2
    assert result.num_samples == 501
    assert result.details["classifier_test_accuracy"] == 0.9
    p = np.array([500, 1]) / 501
    assert result.details["raw_kl"] == pytest.approx((p * np.log(4 * p)).sum())


def test_a_class_without_real_images_is_no_mode():
    found = inputs([500, 500, 500, 3])
    found.images.real_shares[3] = 0
    result = compute_modes_seen(found)
    assert (result.value, result.ci95, result.bounds) == (3, (3, 3), (0, 3))


def test_a_mode_of_one_sample_may_be_missed_by_other_samples():
    low, high = compute_modes_seen(inputs([500, 1, 0, 0])).ci95
    assert (low, high) == (1, pytest.approx(2 + 2 * (1 - 0.025**0.5)))  # two that may hide
    assert compute_modes_seen(inputs([500, 500, 500, 500])).ci95 == (4, 4)
