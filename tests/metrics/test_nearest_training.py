"""Distances to the nearest training image: by hand, against a full matrix, and in batches."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ganbench.metrics import inputs as metric_inputs
from ganbench.metrics import nearest_training
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.nearest_training import NN_FEATURE, NN_LPIPS, heldout_comparison
from ganbench.types import FeatureSet, ImageSet, MetricUnavailableError


def pixel_distance(a, b):
    assert a.shape == b.shape
    return np.abs(a.astype(np.float32) - b).mean(axis=(1, 2, 3))


def inputs_of(samples, train, heldout=None, dim=5, seed=0):
    """Random images whose features are random too; LPIPS is the mean difference of the pixels."""
    rng = np.random.default_rng(seed)
    features, sources = {}, {}
    for name, num_images in (("samples", samples), ("train", train), ("heldout", heldout)):
        if num_images is not None:
            sources[name] = ImageSet(name, rng.integers(0, 256, (num_images, 4, 4, 1), dtype=np.uint8))
            features[name] = FeatureSet(rng.standard_normal((num_images, dim)).astype(np.float32))
    images = ImageInputs(sources["samples"], sources["train"], sources["train"], sources.get("heldout"))
    images.__dict__["lpips_distance"] = pixel_distance
    return MetricInputs(images, lambda source: features[source.name])


def test_distances_agree_with_a_full_matrix():
    inputs = inputs_of(50, 80, 40)
    ours = NN_FEATURE.compute(inputs)
    distances = cdist(inputs.samples.features, inputs.train.features).min(axis=1)
    heldout = cdist(inputs.heldout.features, inputs.train.features).min(axis=1)
    assert ours.value == pytest.approx(np.median(distances), rel=1e-6)
    assert ours.ci95[0] < ours.value < ours.ci95[1]
    assert (ours.num_samples, ours.num_reference) == (50, 80)
    assert ours.details["heldout_median"] == pytest.approx(np.median(heldout), rel=1e-6)
    nearer = (distances < np.percentile(heldout, 1)).mean()
    assert ours.details["share_closer_than_heldout_percentile_1"] == pytest.approx(nearer)


def test_without_held_out_images_there_is_no_comparison():
    assert NN_FEATURE.compute(inputs_of(10, 10)).details == {}
    assert heldout_comparison(np.ones(3), None) == {}


@pytest.mark.parametrize("size", [1, 3, 256])
def test_lpips_is_taken_to_the_same_image_whatever_the_batch(size, monkeypatch):
    monkeypatch.setattr(metric_inputs, "_LPIPS_BATCH", size)
    inputs = inputs_of(20, 30)
    nearest = cdist(inputs.samples.features, inputs.train.features).argmin(axis=1)
    expected = pixel_distance(inputs.images.samples.images, inputs.images.train.images[nearest])
    assert np.array_equal(inputs.neighbour_lpips, expected)
    assert NN_LPIPS.compute(inputs).value == pytest.approx(np.median(expected))


@pytest.mark.parametrize("most", [40, 15])
def test_lpips_is_calibrated_by_held_out_images(most, monkeypatch):
    """A past gap: without their own distances to the training images, nothing said what near is in LPIPS."""
    monkeypatch.setattr(nearest_training, "MAX_HELDOUT_LPIPS", most)
    inputs = inputs_of(20, 30, 40)
    nearest = cdist(inputs.heldout.features, inputs.train.features).argmin(axis=1)
    wanted = pixel_distance(inputs.images.heldout.images, inputs.images.train.images[nearest])
    found, details = inputs.heldout_lpips(most), NN_LPIPS.compute(inputs).details
    assert len(found) == details["num_heldout"] == most
    assert set(found) <= set(wanted)
    assert details["heldout_median"] == pytest.approx(np.median(found))
    assert inputs_of(20, 30).heldout_lpips(most) is None


def test_copies_have_distance_0():
    inputs = inputs_of(30, 30)
    inputs.__dict__["samples"] = inputs.train
    inputs.images.samples.images[:] = inputs.images.train.images
    assert NN_FEATURE.compute(inputs).value == 0
    assert NN_LPIPS.compute(inputs).value == 0


def test_images_of_other_shapes_are_refused():
    images = ImageInputs(*(ImageSet(str(size), np.zeros((3, size, size, 1), np.uint8)) for size in (4, 8, 8)))
    inputs = MetricInputs(images, lambda source: FeatureSet(np.zeros((3, 2), np.float32)))
    with pytest.raises(MetricUnavailableError, match="4 x 4 grey and training images 8 x 8 grey"):
        NN_FEATURE.compute(inputs)


def test_copies_show_where_held_out_images_are_training_images_too():
    """Wrong: nothing is below a percentile of 0, so that copies only would be a share of 0."""
    rng = np.random.default_rng(0)
    heldout = np.concatenate([np.zeros(20), rng.random(980) + 1])
    details = heldout_comparison(np.concatenate([np.zeros(900), np.full(100, 2.0)]), heldout)
    assert details["share_closer_than_heldout_percentile_1"] == 0.9
    assert details["heldout_share_closer_than_percentile_1"] == 0.02
    assert details["num_heldout_equal_to_training"] == 20
    as_heldout = heldout_comparison(heldout, heldout)
    assert as_heldout["share_closer_than_heldout_percentile_1"] == 0.02


def test_without_ties_held_out_images_have_a_share_of_one_per_cent():
    details = heldout_comparison(np.ones(5), np.random.default_rng(0).random(1000) + 1)
    assert details["heldout_share_closer_than_percentile_1"] == pytest.approx(0.01)
    assert details["num_heldout_equal_to_training"] == 0
