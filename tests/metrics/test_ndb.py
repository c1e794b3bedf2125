"""NDB: z scores and divergence as scipy's, planted faults, and 5 % for new images of the same distribution."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency

from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.intervals import wilson_interval
from ganbench.metrics.ndb import NDB, bin_centres, bin_counts, jensen_shannon, number_of_bins, z_scores
from ganbench.types import FeatureSet, ImageSet, MetricUnavailableError


def normal(n, seed, dim=8):
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def clusters(labels, seed, dim=8):
    centres = 30 * np.random.default_rng(7).standard_normal((20, dim))
    return (centres[labels] + normal(len(labels), seed, dim)).astype(np.float32)


def inputs_of(samples, train, heldout=None, seed=0):
    features = {"samples": samples, "train": train, "heldout": heldout}
    source = {
        name: ImageSet(name, np.zeros((len(values), 2, 2, 1), np.uint8))
        for name, values in features.items()
        if values is not None
    }
    images = ImageInputs(source["samples"], source["train"], source["train"], source.get("heldout"), seed=seed)
    return MetricInputs(images, lambda images: FeatureSet(features[images.name]))


def wrong_counting_the_images_that_place_the_bins(samples, train):
    centres = bin_centres(train, number_of_bins(len(samples), len(train)), 0)
    return float((np.abs(z_scores(bin_counts(samples, centres), bin_counts(train, centres))) > 1.96).mean())


def test_z_by_hand():
    z = z_scores(np.array([30, 70]), np.array([50, 50]))
    assert z == pytest.approx([-0.2 / math.sqrt(0.4 * 0.6 * 0.02), 0.2 / math.sqrt(0.6 * 0.4 * 0.02)])


def test_z_squared_is_the_chi_square_of_each_bin_against_the_rest():
    ours, real = np.array([12, 40, 7, 141]), np.array([30, 55, 2, 313])
    for z, a, b in zip(z_scores(ours, real), ours, real, strict=True):
        table = [[a, ours.sum() - a], [b, real.sum() - b]]
        assert z**2 == pytest.approx(chi2_contingency(table, correction=False).statistic, rel=1e-9)
        assert (z > 0) == (a / ours.sum() > b / real.sum())


def test_a_bin_that_is_empty_or_full_on_both_sides_does_not_differ():
    assert z_scores(np.array([0, 9]), np.array([0, 5])).tolist() == [0, 0]


def test_the_divergence_is_that_of_scipy():
    ours, real = np.array([12, 0, 7, 141]), np.array([30, 55, 0, 313])
    expected = jensenshannon(ours / ours.sum(), real / real.sum()) ** 2
    assert jensen_shannon(ours, real) == pytest.approx(expected, rel=1e-9)
    assert jensen_shannon(ours, 3 * ours) == 0
    assert jensen_shannon(np.array([5, 0]), np.array([0, 8])) == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("samples", "counted", "bins"), [(50_000, 25_000, 100), (2000, 9000, 100), (1000, 700, 35), (64, 40, 2), (9, 9, 2)]
)
def test_the_number_of_bins_leaves_20_images_for_each(samples, counted, bins):
    assert number_of_bins(samples, counted) == bins


def test_counts_are_of_the_nearest_centre():
    centres, features = normal(7, 0), normal(200, 1)
    nearest = ((features[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    assert bin_counts(features, centres).tolist() == np.bincount(nearest, minlength=7).tolist()


def test_new_images_differ_in_5_per_cent_of_the_bins_also_in_many_dimensions():
    """Wrong: the images that placed the bins lie nearer to the centres than new ones do."""
    shares, wrong = [], []
    for seed in range(6):
        samples, train = normal(4000, 2 * seed, 64), normal(1000, 2 * seed + 1, 64)
        result = NDB.compute(inputs_of(samples, train))
        assert result.ci95[0] < 0.05
        shares.append(result.value)
        wrong.append(wrong_counting_the_images_that_place_the_bins(samples, train))
    assert 0.01 < np.mean(shares) < 0.09
    assert np.mean(wrong) > 0.12


def test_dropped_kinds_are_bins_with_too_few():
    rng = np.random.default_rng(0)
    train = clusters(rng.integers(20, size=4000), 1)
    values = []
    for kept in (20, 18, 10):
        result = NDB.compute(inputs_of(clusters(rng.integers(kept, size=2000), 2), train))
        real, z = np.array(result.details["real_counts"]), np.array(result.details["z_scores"])
        missing = np.array(result.details["counts"]) == 0
        assert real[missing].sum() / real.sum() == pytest.approx(1 - kept / 20, abs=0.02)
        assert (z[missing & (real > 30)] < -1.96).all()
        values.append(result.value)
    assert values[0] < 0.12 < values[1] < values[2]
    assert values[2] > 0.8


def test_the_interval_holds_the_mean_of_repetitions():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.full(50, 4.0)), np.full(50, 0.02)
    shares = [(np.abs(z_scores(rng.multinomial(1500, p), rng.multinomial(3000, q))) > 1.96).mean() for _ in range(400)]
    held = [low <= np.mean(shares) <= high for low, high in (wilson_interval(round(50 * s), 50) for s in shares)]
    assert 0.2 < np.mean(shares) < 0.8
    assert np.mean(held) >= 0.95


def test_the_details_tell_what_held_out_images_have():
    details = NDB.compute(inputs_of(normal(400, 0) + 1, normal(800, 1), normal(600, 2))).details
    assert details["num_heldout"] == 400
    assert details["heldout_ndb"] < 0.3 < details["num_different"] / details["num_bins"]
    assert details["heldout_jensen_shannon_nats"] < 2.5 * details["jensen_shannon_nats_by_chance"]
    assert details["num_too_many"] + details["num_too_few"] == details["num_different"]
    assert sum(details["counts"]) == 400
    assert sum(details["real_counts"]) == details["num_training_images_counted"] == 400
    assert "heldout_ndb" not in NDB.compute(inputs_of(normal(400, 0), normal(800, 1))).details


def test_the_divergence_by_chance_is_what_equal_distributions_have():
    rng, shares = np.random.default_rng(0), np.full(50, 0.02)
    found = [jensen_shannon(rng.multinomial(2000, shares), rng.multinomial(3000, shares)) for _ in range(100)]
    assert np.mean(found) == pytest.approx(49 / 8 * (1 / 2000 + 1 / 3000), rel=0.1)


def test_a_seed_fixes_it():
    arrays = normal(400, 0), normal(800, 1), normal(600, 2)
    assert NDB.compute(inputs_of(*arrays)) == NDB.compute(inputs_of(*arrays))


@pytest.mark.parametrize("train", [np.ones((50, 8), np.float32), normal(3, 1)])
def test_training_images_that_make_no_bins_are_refused(train):
    with pytest.raises(MetricUnavailableError, match=f"at least 4 .* not all alike .* got {len(train)}"):
        NDB.compute(inputs_of(normal(100, 0), train))
