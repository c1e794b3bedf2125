"""Planted shares of right samples behind imperfect classifiers: exact without noise, and held by their intervals."""

import numpy as np
import pytest

from ganbench.metrics.asked_classes import share_right
from ganbench.metrics.intervals import wilson_interval
from ganbench.types import MetricUnavailableError


def confusing(num_classes, accuracy, seed=0):
    """[K, K]: how often each class (row) is taken for each other, unevenly."""
    rows = np.random.default_rng(seed).dirichlet(np.full(num_classes, 0.3), size=num_classes)
    rows *= 1 - np.eye(num_classes)
    return (1 - accuracy) * rows / rows.sum(axis=1, keepdims=True) + accuracy * np.eye(num_classes)


def shown(num_classes, share, wrong):
    """[K, K]: how often samples asked as a class (row) show each."""
    off = 1 - np.eye(num_classes) if wrong == "any" else np.roll(np.eye(num_classes), 1, axis=1)
    return share * np.eye(num_classes) + (1 - share) * off / off.sum(axis=1, keepdims=True)


def drawn(rates, rows, num_samples, num_heldout, rng):
    """Counts (asked, predicted) of samples and the held-out confusion, as by a classifier with these rates."""
    asked = np.bincount(np.arange(num_samples) % len(rates), minlength=len(rates))
    return rng.multinomial(asked, rows @ rates), rng.multinomial(np.full(len(rates), num_heldout), rates)


@pytest.mark.parametrize("wrong", ["any", "next"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 1.0])
def test_without_noise_the_share_is_exact(share, wrong):
    rates, rows = confusing(10, 0.65), shown(10, share, wrong)
    found = share_right(np.round(10**9 * rows @ rates).astype(np.int64), np.round(10**9 * rates).astype(np.int64))
    assert found.value == pytest.approx(share, abs=1e-6)
    assert found.ci95 == pytest.approx((share, share), abs=1e-3)


@pytest.mark.parametrize(("num_right", "num_samples"), [(300, 300), (270, 300), (30, 300), (0, 300)])
def test_a_classifier_that_never_errs_gives_wilsons_interval(num_right, num_samples):
    seen_as = np.zeros((10, 10), np.int64)
    seen_as[0, 0], seen_as[0, 1] = num_right, num_samples - num_right
    found = share_right(seen_as, np.eye(10, dtype=np.int64) * 10**8)
    assert found.value == pytest.approx(num_right / num_samples, abs=1e-6)
    assert found.ci95 == pytest.approx(wilson_interval(num_right, num_samples), abs=1e-3)


@pytest.mark.parametrize("accuracy", [0.6, 0.98])
@pytest.mark.parametrize(("num_classes", "num_heldout"), [(2, 1000), (10, 10), (10, 500), (100, 50)])
@pytest.mark.parametrize("share", [1.0, 0.9, 0.5, "chance"])
def test_planted_shares_lie_in_their_intervals(num_classes, num_heldout, accuracy, share):
    rng, rates, repeats = np.random.default_rng(1), confusing(num_classes, accuracy), 60
    share = 1 / num_classes if share == "chance" else share
    rows = shown(num_classes, share, "any")
    found = [share_right(*drawn(rates, rows, 2000, num_heldout, rng)) for _ in range(repeats)]
    held = sum(one.ci95[0] <= share <= one.ci95[1] for one in found)
    assert held >= 0.87 * repeats
    assert all(one.ci95[0] <= one.value <= one.ci95[1] for one in found)


def test_the_interval_knows_how_little_the_held_out_images_tell():
    rng, rates = np.random.default_rng(0), confusing(10, 0.9)
    widths = []
    for num_heldout in (10, 100, 10**5):
        low, high = share_right(*drawn(rates, shown(10, 0.8, "any"), 10**5, num_heldout, rng)).ci95
        widths.append(high - low)
    assert widths[0] > 2 * widths[1] > 4 * widths[2]
    assert widths[2] < 0.01


def test_no_error_among_few_held_out_images_is_not_taken_for_no_errors():
    """20 held-out images without an error go with one error in fifty, and so do flawless samples."""
    low, high = share_right(np.array([[4900, 100], [100, 4900]]), np.diag([10, 10])).ci95
    assert low < 0.98
    assert high == 1


def test_classes_that_look_alike_to_the_classifier_widen_the_interval():
    """Which of the first two classes is shown cannot be told, so half of the samples are in doubt."""
    confusion = np.array([[50, 50, 0, 0], [50, 50, 0, 0], [0, 0, 100, 0], [0, 0, 0, 100]])
    low, high = share_right(10 * confusion, confusion).ci95
    assert low < 0.55
    assert high == 1


def test_samples_easier_than_real_images_come_to_1():
    found = share_right(np.diag([500, 500]), np.array([[90, 10], [10, 90]]))
    assert found.value == found.ci95[1] == 1
    assert found.estimate > 1.05


@pytest.mark.parametrize(
    ("confusion", "words"),
    [
        (np.zeros((2, 2), np.int64), "there are none of known class"),
        (np.array([[9, 0], [9, 0]]), "no better than chance"),
    ],
)
def test_a_classifier_without_proof_gives_no_number(confusion, words):
    with pytest.raises(MetricUnavailableError, match=words):
        share_right(np.diag([5, 5]), confusion)
