"""FID within classes: torch-fidelity class by class, classes by name, wrong forms, every refusal."""

import numpy as np
import pytest
import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from ganbench.metrics.fid import frechet_distance_with_error
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.intra_fid import INTRA_FID, class_distances
from ganbench.types import FeatureSet, ImageSet, MetricUnavailableError

NAMES = ("cat", "dog", "owl")


def labelled(counts, seed, shift=0.0, order=(0, 1, 2)):
    """Features whose mean depends on the class, and labels: `counts[i]` of class `order[i]`."""
    rng = np.random.default_rng(seed)
    classes = np.repeat(np.arange(3), counts)
    features = rng.normal(size=(len(classes), 6)) * (1 + classes[:, None]) + 10 * classes[:, None] + shift
    return features.astype(np.float32), np.array(order)[classes]


def inputs(samples, reference, sample_names=(), reference_names=()):
    pictures = {"samples": samples, "reference": reference}
    names = {"samples": sample_names, "reference": reference_names}
    sets = {
        key: ImageSet(key, np.zeros((len(features), 8, 8, 1), np.uint8), labels, names[key])
        for key, (features, labels) in pictures.items()
    }
    images = ImageInputs(sets["samples"], sets["reference"], sets["reference"])
    return MetricInputs(images, lambda source: FeatureSet(pictures[source.name][0]))


def by_torch_fidelity(a, b):
    statistics = (fid_features_to_statistics(torch.from_numpy(x.astype(np.float64))) for x in (a, b))
    return fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]


SAMPLES, REFERENCE = labelled((40, 20, 30), 0, shift=0.5), labelled((50, 60, 25), 1)
PER_CLASS = [by_torch_fidelity(SAMPLES[0][SAMPLES[1] == c], REFERENCE[0][REFERENCE[1] == c]) for c in range(3)]


def wrong_all_classes_at_once():
    return by_torch_fidelity(SAMPLES[0], REFERENCE[0])


def wrong_weighted_by_counts():
    return np.average(PER_CLASS, weights=(40, 20, 30))


def wrong_against_all_real_images():
    return np.mean([by_torch_fidelity(SAMPLES[0][SAMPLES[1] == c], REFERENCE[0]) for c in range(3)])


def test_is_the_plain_mean_of_torch_fidelitys_value_of_each_class():
    result = INTRA_FID.compute(inputs(SAMPLES, REFERENCE))
    assert result.value == pytest.approx(np.mean(PER_CLASS), rel=1e-6)
    values = [entry["value"] for entry in result.details["per_class"].values()]
    assert values == pytest.approx(PER_CLASS, rel=1e-6)
    assert result.details["per_class"]["1"] | {"value": 0} == {"value": 0, "num_samples": 20, "num_reference": 60}
    assert (result.num_samples, result.num_reference) == (90, 135)


@pytest.mark.parametrize("wrong", [wrong_all_classes_at_once, wrong_weighted_by_counts, wrong_against_all_real_images])
def test_the_wrong_forms_are_rejected(wrong):
    assert wrong() != pytest.approx(np.mean(PER_CLASS), rel=1e-2)


def test_swapped_classes_are_seen_though_plain_fid_is_blind_to_them():
    features, labels = labelled((50, 50, 50), 2)
    swapped = (features, np.array([1, 0, 2])[labels])
    assert INTRA_FID.compute(inputs(swapped, (features, labels))).value > 100
    assert frechet_distance_with_error(features, features)[0] == pytest.approx(0, abs=1e-3)
    assert INTRA_FID.compute(inputs((features, labels), (features, labels))).value == pytest.approx(0, abs=1e-3)


def test_a_shift_of_every_class_gives_its_square():
    features, labels = labelled((50, 50, 50), 3)
    shift = np.array([0.5, 0, 0, 1, 0, 0], np.float32)
    assert INTRA_FID.compute(inputs((features + shift, labels), (features, labels))).value == pytest.approx(1.25, 1e-3)


def test_classes_are_matched_by_name_where_both_sides_have_names():
    other_way = (SAMPLES[0], np.array([2, 0, 1])[SAMPLES[1]])
    result = INTRA_FID.compute(inputs(other_way, REFERENCE, ("dog", "owl", "cat"), NAMES))
    assert result.value == pytest.approx(np.mean(PER_CLASS), rel=1e-6)
    assert list(result.details["per_class"]) == list(NAMES)
    assert INTRA_FID.compute(inputs(other_way, REFERENCE, (), NAMES)).value > 100  # by number: other classes


def test_the_errors_of_the_classes_are_combined():
    result = INTRA_FID.compute(inputs(SAMPLES, REFERENCE))
    errors = [c.standard_error for c in class_distances(*SAMPLES, *REFERENCE)]
    half = 1.959964 * np.sqrt(np.square(errors).sum()) / 3
    assert result.ci95 == pytest.approx((result.value - half, result.value + half), rel=1e-6)


def test_the_interval_covers_what_new_samples_give():
    values = [INTRA_FID.compute(inputs(labelled((60, 60, 60), 10 + i, 2.0), REFERENCE)) for i in range(60)]
    spread = np.std([v.value for v in values], ddof=1)
    assert np.mean([v.details["standard_error"] for v in values]) == pytest.approx(spread, rel=0.3)


@pytest.mark.parametrize(
    ("samples", "reference", "names", "message"),
    [
        ((SAMPLES[0], None), REFERENCE, (), "'samples' has no class labels"),
        (SAMPLES, (REFERENCE[0], None), (), "'reference' has no class labels"),
        (labelled((40, 1, 40), 0), REFERENCE, NAMES, r"class 'dog' has 1 image\(s\) in the samples"),
        (SAMPLES, labelled((40, 40, 0), 0), NAMES, r"class 'owl' has 0 image\(s\) in the reference"),
        (labelled((40, 0, 40), 0), REFERENCE, (), r"class '1' has 0 image\(s\) in the samples"),
    ],
)
def test_what_cannot_be_computed_is_named(samples, reference, names, message):
    with pytest.raises(MetricUnavailableError, match=message):
        INTRA_FID.compute(inputs(samples, reference, names, names))


def test_a_class_that_the_reference_does_not_have():
    with pytest.raises(MetricUnavailableError, match="class 'fox' of the samples is not among the classes of the ref"):
        INTRA_FID.compute(inputs(SAMPLES, REFERENCE, ("cat", "fox", "owl"), NAMES))
