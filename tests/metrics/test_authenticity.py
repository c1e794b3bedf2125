"""Authenticity falls by the share of copies, has its known value for new points, and rejects two wrong forms."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ganbench.metrics.authenticity import AUTHENTICITY, authentic
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.intervals import wilson_interval
from ganbench.types import FeatureSet, ImageSet, MetricUnavailableError


def normal(n, dim, seed):
    return np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)


def by_definition(samples, train):
    """Alaa et al., from full distance matrices."""
    among = cdist(train, train)
    np.fill_diagonal(among, np.inf)
    to_train = cdist(samples, train)
    nearest = to_train.argmin(axis=1)
    return to_train.min(axis=1) > among.min(axis=1)[nearest]


def indexed_by_the_nearest_samples(samples, train):
    """Wrong: radii are looked up by the index of each training image's nearest sample (synthcity's port)."""
    among = cdist(train, train)
    np.fill_diagonal(among, np.inf)
    to_samples = cdist(train, samples)
    return among.min(axis=1)[to_samples.argmin(axis=1) % len(train)] < to_samples.min(axis=1)


def equality_passes(samples, train):
    """Wrong: only a sample strictly nearer than the training image's neighbour is a copy."""
    among = cdist(train, train)
    np.fill_diagonal(among, np.inf)
    to_train = cdist(samples, train)
    return to_train.min(axis=1) >= among.min(axis=1)[to_train.argmin(axis=1)]


@pytest.mark.parametrize("dim", [1, 3, 64])
def test_it_agrees_with_the_definition(dim):
    samples, train = normal(150, dim, 0), normal(200, dim, 1)
    assert np.array_equal(authentic(samples, train), by_definition(samples, train))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_copies_lower_it_by_exactly_their_share(share):
    train, fresh = normal(400, 6, 0), normal(300, 6, 1)
    num_copies = round(share * 300)
    samples = np.concatenate([train[:num_copies], fresh[num_copies:]])
    among_the_others = authentic(fresh[num_copies:], train)
    assert authentic(samples, train).sum() == among_the_others.sum()
    assert authentic(samples, train).mean() == pytest.approx(
        (1 - share) * (among_the_others.mean() if share < 1 else 0)
    )


@pytest.mark.parametrize(("dim", "mutual"), [(1, 2 / 3), (2, 6 * math.pi / (8 * math.pi + 3 * math.sqrt(3)))])
def test_new_points_are_copies_as_often_as_nearest_neighbours_are_mutual(dim, mutual):
    points = np.random.default_rng(2).random((8000, dim))
    measured = authentic(points[:4000], points[4000:]).mean()
    assert measured == pytest.approx(1 - mutual, abs=4 * math.sqrt(mutual * (1 - mutual) / 4000))


def test_a_third_copy_of_a_doubled_image_is_no_new_image():
    train = np.concatenate([normal(50, 4, 0)] * 2)
    assert not authentic(train[:50], train).any()
    assert equality_passes(train[:50], train).all()
    assert AUTHENTICITY.compute(inputs_of(train[:50], train)).value == 0


def test_radii_by_the_wrong_index_are_rejected():
    train = normal(300, 4, 0)
    samples = np.concatenate([train[:150], normal(150, 4, 1) + 8])
    assert authentic(samples, train).mean() == by_definition(samples, train).mean() == 0.5
    assert abs(indexed_by_the_nearest_samples(samples, train).mean() - 0.5) > 0.05


def inputs_of(samples, train, heldout=None):
    features = {"samples": samples, "train": train, "heldout": heldout}
    source = {
        name: ImageSet(name, np.zeros((len(values), 2, 2, 1), np.uint8))
        for name, values in features.items()
        if values is not None
    }
    images = ImageInputs(source["samples"], source["train"], source["train"], source.get("heldout"))
    return MetricInputs(images, lambda images: FeatureSet(features[images.name]))


def test_the_result_has_counts_a_wilson_interval_and_the_held_out_value():
    samples, train, heldout = normal(120, 5, 0), normal(100, 5, 1), normal(90, 5, 2)
    result = AUTHENTICITY.compute(inputs_of(samples, train, heldout))
    count = int(by_definition(samples, train).sum())
    assert result.value == count / 120
    assert result.ci95 == wilson_interval(count, 120)
    assert (result.num_samples, result.num_reference) == (120, 100)
    assert result.details["heldout_authenticity"] == by_definition(heldout, train).mean()


def test_without_held_out_images_their_value_is_left_out():
    assert "heldout_authenticity" not in AUTHENTICITY.compute(inputs_of(normal(9, 2, 0), normal(9, 2, 1))).details


def test_one_training_image_is_too_few():
    with pytest.raises(MetricUnavailableError, match="at least 2 training images"):
        AUTHENTICITY.compute(inputs_of(normal(9, 2, 0), normal(1, 2, 1)))
