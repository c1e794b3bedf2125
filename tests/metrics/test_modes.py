"""Covered classes, reverse KL and accuracy of asked classes by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import entropy

from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.intervals import wilson_interval
from ganbench.metrics.modes import LABEL_ACCURACY, MODE_KL, MODES, num_covered, reverse_kl
from ganbench.types import Dataset, DataSpec, FeatureSet, ImageSet, MetricUnavailableError

EVEN = np.full(4, 0.25)
NAMES = ("cat", "dog", "owl")


def pictures(name, labels, names=()):
    """Images whose first pixel is their class, which the classifier below reads."""
    images = np.zeros((len(labels), 8, 8, 1), np.uint8)
    images[:, 0, 0, 0] = labels
    return ImageSet(name, images, np.array(labels), names)


def reads_the_first_pixel(dataset):
    def predict(images):
        return np.concatenate([batch[:, 0, 0, 0] for batch in images.batches(4)]).astype(np.int64)

    return SimpleNamespace(predict=predict, num_classes=3, test_accuracy=0.9, sha256="abc")


def inputs(samples, names=NAMES, train=None):
    real = pictures("real", [0, 0, 1, 1, 2, 2], names)
    dataset = Dataset("animals", DataSpec("image", 1, 8, num_classes=3), real, real, names)
    images = ImageInputs(samples, real, real, dataset=dataset, train_classifier=train or reads_the_first_pixel)
    return MetricInputs(images, lambda _: FeatureSet(np.zeros((1, 1), np.float32)))


@pytest.mark.parametrize(
    ("counts", "covered"), [([25, 25, 25, 25], 4), ([100, 0, 0, 0], 1), ([95, 3, 2, 0], 2), ([390, 10, 0, 0], 2)]
)
def test_a_class_is_covered_from_a_tenth_of_its_real_share(counts, covered):
    assert num_covered(np.array(counts), EVEN) == covered


def test_rare_classes_are_held_to_their_own_share_and_absent_ones_do_not_count():
    real = np.array([0.9, 0.1, 0.0])
    assert num_covered(np.array([98, 2, 0]), real) == 2
    assert num_covered(np.array([100, 0, 0]), real) == 1
    assert num_covered(np.array([50, 25, 25]), real) == 2


def test_reverse_kl():
    assert reverse_kl(np.array([5, 5, 5, 5]), EVEN) == 0
    assert reverse_kl(np.array([9, 0, 0, 0]), EVEN) == pytest.approx(np.log(4))
    assert reverse_kl(np.array([3, 1, 0, 0]), EVEN) == pytest.approx(0.75 * np.log(3) + 0.25 * np.log(1))


def test_the_kl_runs_from_samples_to_real():
    real = np.array([0.8, 0.2])
    assert reverse_kl(np.array([1, 1]), real) == pytest.approx(0.5 * np.log(0.5 / 0.8) + 0.5 * np.log(0.5 / 0.2))


def test_many_counts_at_once():
    counts = np.array([[4, 0, 0, 0], [1, 1, 1, 1]])
    np.testing.assert_array_equal(num_covered(counts, EVEN), [1, 4])
    np.testing.assert_allclose(reverse_kl(counts, EVEN), [np.log(4), 0])


def test_modes_of_samples_by_the_classifier():
    samples = pictures("samples", [0] * 90 + [1] * 9 + [2])
    modes, kl = MODES.compute(inputs(samples)), MODE_KL.compute(inputs(samples))
    assert modes.value == 2
    assert modes.details["counts"] == [90, 9, 1]
    assert modes.details["class_names"] == list(NAMES)
    assert kl.value == pytest.approx(entropy([0.9, 0.09, 0.01], [1 / 3] * 3))
    assert kl.ci95[0] < kl.value < kl.ci95[1]
    assert (modes.num_samples, modes.num_reference) == (kl.num_samples, kl.num_reference) == (100, 6)


def asked(predicted, labels, names=()):
    return ImageSet("samples", pictures("samples", predicted).images, np.array(labels), names)


def test_label_accuracy_is_the_share_of_asked_classes_that_are_seen():
    result = LABEL_ACCURACY.compute(inputs(asked([0, 1, 2, 2, 0], [0, 1, 2, 0, 1], NAMES)))
    assert result.value == pytest.approx(0.6)
    assert result.ci95 == pytest.approx(wilson_interval(3, 5))
    assert result.details["classifier_test_accuracy"] == 0.9
    assert (result.num_samples, result.num_reference) == (5, 6)


def test_asked_classes_are_matched_by_name_and_by_number_without_names():
    other_way = asked([0, 1, 2], [2, 0, 1], ("dog", "owl", "cat"))
    assert LABEL_ACCURACY.compute(inputs(other_way)).value == 1
    assert LABEL_ACCURACY.compute(inputs(other_way, names=())).value == 0  # the dataset has numbers only
    assert LABEL_ACCURACY.compute(inputs(asked([0, 1, 2], [0, 1, 2]))).value == 1


def test_accuracy_needs_labels_known_to_the_classifier():
    unlabelled = ImageSet("samples", pictures("samples", [0, 1]).images)
    with pytest.raises(MetricUnavailableError, match="'samples' has no class labels"):
        LABEL_ACCURACY.compute(inputs(unlabelled))
    with pytest.raises(MetricUnavailableError, match=r"class 'fox' of the samples is not among .* cat, dog, owl"):
        LABEL_ACCURACY.compute(inputs(asked([0], [0], ("fox",))))
