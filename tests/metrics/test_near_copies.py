"""Near-copies: by hand, planted shares among real digits held by their intervals, and every refusal."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits

from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs, Neighbours
from ganbench.metrics.intervals import wilson_interval
from ganbench.metrics.near_copies import COPIES, copied_share, flag_threshold, relative_distances
from ganbench.types import FeatureSet, ImageSet, MetricUnavailableError

DIGITS = np.random.default_rng(0).permutation(load_digits().data.astype(np.float32))
TRAIN, REST = DIGITS[:700], DIGITS[700:]


def inputs_of(samples, train, heldout=None):
    features = {"samples": samples, "train": train, "heldout": heldout}
    source = {
        name: ImageSet(name, np.zeros((len(values), 2, 2, 1), np.uint8))
        for name, values in features.items()
        if values is not None
    }
    images = ImageInputs(source["samples"], source["train"], source["train"], source.get("heldout"))
    return MetricInputs(images, lambda images: FeatureSet(features[images.name]))


def relative(images, train=TRAIN):
    """By full matrices."""
    distances, own = cdist(images, train), np.sort(cdist(train, train), axis=1)[:, 5]
    return distances.min(axis=1) / own[distances.argmin(axis=1)]


def wrong_both_ends_corrected(flagged, n, heldout_flagged, num_heldout):
    chance = heldout_flagged / num_heldout
    return tuple((end - chance) / (1 - chance) for end in wilson_interval(flagged, n))


def test_relative_distances_by_hand():
    neighbours = Neighbours(np.array([1, 0, 2, 2]), np.array([3.0, 1.0, 0.0, 0.5]))
    assert relative_distances(neighbours, np.array([4.0, 2.0, 0.0])).tolist() == [1.5, 0.25, 0, np.inf]


@pytest.mark.parametrize(("n", "expected"), [(1000, 9), (250, 1), (99, 0), (20, 0)])
def test_the_threshold_is_the_distance_of_one_held_out_image_in_a_hundred(n, expected):
    assert flag_threshold(np.random.default_rng(0).permutation(n).astype(float)) == expected


def test_shares_by_hand():
    assert copied_share(100, 1000, 10, 1000)[0] == pytest.approx(0.09 / 0.99)
    assert copied_share(10, 1000, 10, 1000)[0] == 0
    assert copied_share(0, 1000, 10, 1000)[:2] == (0, (0, wilson_interval(0, 1000)[1]))
    value, interval = copied_share(1000, 1000, 10, 1000)
    assert (value, interval[1]) == (1, 1)
    assert 0.99 < interval[0] < 1
    assert copied_share(30, 200, 0, 10**9)[1] == pytest.approx(wilson_interval(30, 200), rel=1e-4)


def test_nothing_is_told_where_all_held_out_images_are_flagged():
    with pytest.raises(ValueError, match="all 50 held-out images"):
        copied_share(1, 10, 50, 50)


@pytest.mark.parametrize("share", [0, 0.01, 0.1, 0.5])
@pytest.mark.parametrize("others", ["real", "noised"])
def test_planted_shares_lie_in_their_intervals(share, others):
    """New digits are flagged by chance, noised ones never: both must be allowed for."""
    rng, fresh = np.random.default_rng(1), relative(REST)
    noised = relative(REST + 3 * rng.standard_normal(REST.shape))
    assert (noised > np.quantile(fresh, 0.01)).all()
    held, wrong = [], []
    for _ in range(100):
        order = rng.permutation(len(REST))
        heldout, new = fresh[order[:500]], (fresh if others == "real" else noised)[order[500:]]
        copies = rng.binomial(2000, share)
        samples = np.concatenate([np.zeros(copies), rng.choice(new, 2000 - copies)])
        threshold = flag_threshold(heldout)
        counts = int((samples <= threshold).sum()), 2000, int((heldout <= threshold).sum()), 500
        (low, high), corrected = copied_share(*counts)[1], wrong_both_ends_corrected(*counts)
        held.append(low <= share <= high)
        wrong.append(corrected[0] <= share <= corrected[1])
    assert np.mean(held) >= 0.9
    if others == "noised" and share == 0.01:
        assert np.mean(wrong) < 0.5


@pytest.mark.parametrize("share", [0, 0.1, 0.5])
def test_noised_copies_are_found_from_images(share):
    rng, num_copies = np.random.default_rng(0), int(500 * share)
    copies = TRAIN[:num_copies] + 0.3 * rng.standard_normal((num_copies, 64))
    samples = np.concatenate([copies.astype(np.float32), REST[: 500 - num_copies]])
    result = COPIES.compute(inputs_of(samples, TRAIN, REST[500:]))
    assert result.ci95[0] <= share <= result.ci95[1]
    assert result.value == pytest.approx(share, abs=0.02)
    assert (result.num_samples, result.num_reference) == (500, 700)
    flagged = relative(samples) <= np.sort(relative(REST[500:]))[4]
    assert result.details["num_flagged"] == flagged.sum()
    assert result.details["heldout_flagged"] == 5
    if num_copies:
        assert all(pair["sample"] == pair["train"] < num_copies for pair in result.details["nearest"])
        distances = [pair["relative_distance"] for pair in result.details["nearest"]]
        assert distances == sorted(distances)
        assert len(distances) == 16


def test_copies_of_images_that_the_training_set_holds_several_times_are_found():
    train = np.concatenate([np.repeat(TRAIN[:50], 4, axis=0), TRAIN[50:]])
    copies = (train[:200] + 0.3 * np.random.default_rng(0).standard_normal((200, 64))).astype(np.float32)
    assert COPIES.compute(inputs_of(copies, train, REST)).value > 0.98


def test_held_out_images_among_the_training_images_count_as_chance():
    heldout = np.concatenate([TRAIN[:30], REST[:270]])
    result = COPIES.compute(inputs_of(heldout, TRAIN, heldout))
    assert result.value == 0
    assert result.details["heldout_flagged"] == result.details["num_equal"] == 30
    assert COPIES.compute(inputs_of(TRAIN[:200], TRAIN, heldout)).value == 1


@pytest.mark.parametrize("heldout", [None, REST[:19]])
def test_few_held_out_images_are_refused(heldout):
    with pytest.raises(MetricUnavailableError, match=r"20 or more .* there are (0|19): name them with --heldout REF"):
        COPIES.compute(inputs_of(REST, TRAIN, heldout))


def test_held_out_images_that_are_all_training_images_are_refused():
    with pytest.raises(MetricUnavailableError, match="the held-out images are training images"):
        COPIES.compute(inputs_of(REST, TRAIN, TRAIN[:50]))


def test_a_single_training_image_is_refused():
    with pytest.raises(MetricUnavailableError, match="at least 2 training images"):
        COPIES.compute(inputs_of(REST, TRAIN[:1], REST))


def test_training_images_that_are_all_alike_are_refused():
    with pytest.raises(MetricUnavailableError, match="all alike"):
        COPIES.compute(inputs_of(REST, np.ones((50, 64), np.float32), REST))
