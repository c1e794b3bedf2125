"""What is stored of NDB's bins, of the birthday test and of near-copies are the images that the numbers are of."""

import numpy as np
import pytest

from ganbench.metrics.birthday import compute_birthday
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.ndb import bin_counts, compute_ndb
from ganbench.metrics.near_copies import compute_copies
from ganbench.run import evidence
from ganbench.run.evidence import neighbour_distances, shown_bins, write_bins, write_birthday, write_copies
from ganbench.types import FeatureSet, ImageSet, MetricResult

NUM_KINDS = 6


def numbered(features, start):
    """Images of 4 x 4 that hold their index plus `start`, modulo 251 and with the rest in the second pixel."""
    numbers = np.arange(len(features)) + start
    images = np.zeros((len(features), 4, 4, 1), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 1, 0] = numbers % 251, numbers // 251
    return images


def number_of(images):
    return images[:, 0, 0, 0].astype(int) + 251 * images[:, 0, 1, 0].astype(int)


@pytest.fixture
def features():
    """Six kinds far apart; samples lack kind 0, have twice as many of kind 5, and three of them are copies."""
    rng = np.random.default_rng(0)
    centres = 40 * rng.standard_normal((NUM_KINDS, 5))

    def of(kinds):
        return (centres[kinds] + rng.standard_normal((len(kinds), 5))).astype(np.float32)

    train, heldout = of(np.arange(360) % NUM_KINDS), of(np.arange(240) % NUM_KINDS)
    samples = of(np.array([1, 2, 3, 4, 5, 5])[np.arange(240) % NUM_KINDS])
    samples[[7, 100, 200]] = train[[1, 5, 9]]
    samples[50] = samples[51] + 1e-4
    return {"samples": samples, "train": train, "heldout": heldout}


@pytest.fixture
def inputs(features):
    source = {name: ImageSet(name, numbered(values, 0)) for name, values in features.items()}
    images = ImageInputs(source["samples"], source["train"], source["train"], source["heldout"])
    return MetricInputs(images, lambda images: FeatureSet(features[images.name]))


def test_the_bins_that_differ_most_are_shown_lowest_first():
    assert shown_bins([0.1, -3, 5, 1.9, -1.9, 2.0]).tolist() == [1, 5, 2]
    assert shown_bins([0.0, 1.0]).tolist() == []
    assert shown_bins([-9, -8, -7, -6, -5, 2, 3, 4, 5, 6]).tolist() == [0, 1, 2, 3, 6, 7, 8, 9]


def test_images_of_bins_lie_in_their_bins_and_real_ones_are_of_the_counted_half(tmp_path, inputs, features):
    result = compute_ndb(inputs)
    write_bins(tmp_path, inputs, result)
    with np.load(tmp_path / "ndb_bins.npz") as stored:
        arrays = dict(stored)
    z, counts = np.array(result.details["z_scores"]), result.details["counts"]
    assert z[arrays["bins"][0]] == z.min() < -1.96
    assert z[arrays["bins"][-1]] == z.max() > 1.96
    assert counts[arrays["bins"][0]] == 0
    assert arrays["bins"][0] not in arrays["sample_bins"]  # no sample lies in it
    for side, name in (("real", "train"), ("sample", "samples")):
        numbers, bins = number_of(arrays[f"{side}_images"]), arrays[f"{side}_bins"]
        for number, where in zip(numbers, bins, strict=True):
            assert bin_counts(features[name][[number]], inputs.bins.centres)[where] == 1
        assert max(np.bincount(bins)) == evidence.NUM_IN_BIN
    assert set(number_of(arrays["real_images"])) <= set(inputs.bins.counted.tolist())


def test_no_file_where_no_bin_differs(tmp_path, inputs):
    write_bins(tmp_path, inputs, MetricResult(0.0, None, "", 1, 1, {"z_scores": [0.0] * NUM_KINDS}))
    assert list(tmp_path.iterdir()) == []


def test_pairs_of_the_birthday_test_are_those_of_the_details(tmp_path, inputs):
    result = compute_birthday(inputs)
    write_birthday(tmp_path, inputs, result)
    with np.load(tmp_path / "birthday.npz") as stored:
        for name, key in (("samples", "pairs"), ("reference", "reference_pairs")):
            expected = [index for pair in result.details[key] for index in pair["images"]]
            assert number_of(stored[name]).tolist() == expected
    assert result.details["pairs"][0]["images"] == [50, 51]


def test_pairs_of_copies_are_those_of_the_details(tmp_path, inputs):
    result = compute_copies(inputs)
    write_copies(tmp_path, inputs, result)
    with np.load(tmp_path / "copies.npz") as stored:
        samples, train = number_of(stored["samples"]), number_of(stored["neighbours"])
    assert list(zip(samples, train, strict=True))[:3] == [(7, 1), (100, 5), (200, 9)]
    assert len(samples) == len(train) == len(result.details["nearest"])


def test_distances_of_samples_and_held_out_images_rise_and_few_are_kept(inputs, monkeypatch):
    result = MetricResult(0.0, None, "", 1, 1)
    assert neighbour_distances(inputs, {"nn_lpips": result}) == {}
    distances = neighbour_distances(inputs, {"nn_feature": result})
    assert distances["all_distances"] == pytest.approx(np.sort(inputs.neighbours.distances))
    assert len(distances["heldout_distances"]) == 240
    monkeypatch.setattr(evidence, "MAX_DISTANCES", 11)
    few = neighbour_distances(inputs, {"copies": result})["heldout_distances"]
    assert few.dtype == np.float32
    assert few == pytest.approx(np.quantile(inputs.heldout_neighbours.distances, np.arange(11) / 10))
