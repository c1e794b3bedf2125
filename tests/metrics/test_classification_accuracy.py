"""CAS with samples of known quality: as good as real, one class missing, classes exchanged, labels at random."""

from dataclasses import replace

import numpy as np
import pytest

from ganbench.features import classifier
from ganbench.metrics.classification_accuracy import CAS
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.intervals import wilson_interval
from ganbench.types import Dataset, DataSpec, ImageSet, MetricUnavailableError

NAMES = ("flat", "upright", "cross")


def bars(n, seed, size=16):
    """Class 0: a horizontal bar; 1: a vertical one; 2: both; on faint noise."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 3)
    images = rng.integers(0, 60, (n, size, size, 1)).astype(np.uint8)
    for image, label, place in zip(images, labels, rng.integers(4, size - 4, n), strict=True):
        if label != 1:
            image[place : place + 2] = 255
        if label != 0:
            image[:, place : place + 2] = 255
    return ImageSet(f"bars-{seed}", images, labels.astype(np.int64))


@pytest.fixture(autouse=True)
def short_training(monkeypatch):
    monkeypatch.setattr(classifier, "_MIN_STEPS", 60)


def inputs_of(samples, names=(), test=None, seed=0):
    spec = DataSpec("image", 1, 16, num_classes=3)
    dataset = Dataset("bars", spec, bars(240, 100), test if test is not None else bars(150, 101), names)
    images = ImageInputs(samples, dataset.train, dataset.train, dataset.test, dataset, seed=seed)
    return MetricInputs(images, lambda images: pytest.fail("features are not needed"))


def test_samples_as_good_as_real_score_as_real_images_do():
    result = CAS.compute(inputs_of(bars(150, 0)))
    assert result.value > 0.9
    assert result.details["accuracy_of_real"] > 0.9
    assert result.details["num_real"] == 150  # as many as samples, of 240
    assert (result.num_samples, result.num_reference, result.details["num_test"]) == (150, 150, 150)
    assert result.ci95 == wilson_interval(round(result.value * 150), 150)


def test_all_images_of_a_missing_class_count_as_errors():
    samples = bars(240, 0)
    result = CAS.compute(inputs_of(samples.subset(np.flatnonzero(samples.labels != 2))))
    assert 0.5 < result.value <= 2 / 3


def test_labels_at_random_teach_nothing():
    samples = bars(150, 0)
    result = CAS.compute(inputs_of(replace(samples, labels=np.random.default_rng(0).permutation(samples.labels))))
    assert result.value < 0.6
    assert result.details["accuracy_of_real"] > 0.9


def test_classes_are_matched_by_name_where_both_sides_have_names():
    samples, order = bars(150, 0), np.array([2, 0, 1])
    renumbered = replace(samples, labels=order[samples.labels])
    named = replace(renumbered, class_names=tuple(NAMES[i] for i in np.argsort(order)))
    assert CAS.compute(inputs_of(named, NAMES)).value > 0.9
    assert CAS.compute(inputs_of(renumbered, NAMES)).value < 0.1


def test_a_class_that_real_images_do_not_have_is_named():
    with pytest.raises(MetricUnavailableError, match="'cat'"):
        CAS.compute(inputs_of(replace(bars(30, 0), class_names=("flat", "upright", "cat")), NAMES))


def test_without_a_dataset_a_fifth_of_the_reference_is_tested_on():
    reference = bars(200, 3)
    images = ImageInputs(bars(150, 0), reference, reference)
    result = CAS.compute(MetricInputs(images, lambda images: pytest.fail("features are not needed")))
    assert (result.num_reference, result.details["num_real"]) == (40, 150)
    assert result.value > 0.8


def test_a_seed_fixes_it():
    samples = bars(60, 0)
    assert CAS.compute(inputs_of(samples)) == CAS.compute(inputs_of(samples))


def test_what_cannot_be_scored_is_refused():
    samples = bars(30, 0)
    with pytest.raises(MetricUnavailableError, match="no class labels"):
        CAS.compute(inputs_of(replace(samples, labels=None)))
    with pytest.raises(MetricUnavailableError, match="samples are 12 x 12 grey and real images 16 x 16 grey"):
        CAS.compute(inputs_of(replace(samples, images=samples.images[:, 2:-2, 2:-2])))
    with pytest.raises(MetricUnavailableError, match="'bars-9' has none"):
        CAS.compute(inputs_of(samples, test=replace(bars(30, 9), labels=None)))
    plain = replace(samples, labels=None)
    with pytest.raises(MetricUnavailableError, match="real images have no labels"):
        CAS.compute(MetricInputs(ImageInputs(samples, plain, plain), lambda images: None))
