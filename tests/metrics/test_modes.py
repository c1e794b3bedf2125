"""Covered classes, reverse KL and accuracy of asked classes by hand."""

from functools import partial
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


def reads_the_first_pixel(dataset, confusion=1000 * np.eye(3, dtype=np.int64)):  # noqa: B008  # never written to
    def predict(images):
        return np.concatenate([batch[:, 0, 0, 0] for batch in images.batches(4)]).astype(np.int64)

    facts = {"classifier_test_accuracy": 0.9, "classifier_sha256": "abc"}
    return SimpleNamespace(predict=predict, num_classes=3, confusion=confusion, prior=None, facts=facts)


def inputs(samples, names=NAMES, train=None):
    real = pictures("real", [0, 0, 1, 1, 2, 2], names)
    dataset = Dataset("animals", DataSpec("image", 1, 8, num_classes=3), real, real, names)
    images = ImageInputs(samples, real, real, dataset=dataset, train_classifier=train or reads_the_first_pixel)
    return MetricInputs(images, lambda _: FeatureSet(np.zeros((1, 1), np.float32)))


@pytest.mark.parametrize(
    ("shares", "covered"), [([0.25] * 4, 4), ([1, 0, 0, 0], 1), ([0.95, 0.03, 0.02, 0], 2), ([0.975, 0.025, 0, 0], 2)]
)
def test_a_class_is_covered_from_a_tenth_of_its_real_share(shares, covered):
    assert num_covered(np.array(shares), EVEN) == covered


@pytest.mark.parametrize("num_classes", [10, 100, 1000])
def test_exactly_a_tenth_is_covered_whatever_the_rounding(num_classes):
    """0.1 * 0.1 is above 0.01 in floating point."""
    real = np.full(num_classes, 1 / num_classes)
    counts = np.full(num_classes, 10)
    counts[:2] = 1, 19
    assert num_covered(counts / counts.sum(), real) == num_classes


def test_rare_classes_are_held_to_their_own_share_and_absent_ones_do_not_count():
    real = np.array([0.9, 0.1, 0.0])
    assert num_covered(np.array([0.98, 0.02, 0]), real) == 2
    assert num_covered(np.array([1.0, 0, 0]), real) == 1
    assert num_covered(np.array([0.5, 0.25, 0.25]), real) == 2


def test_reverse_kl():
    assert reverse_kl(EVEN, EVEN) == 0
    assert reverse_kl(np.array([1, 0, 0, 0]), EVEN) == pytest.approx(np.log(4))
    assert reverse_kl(np.array([0.75, 0.25, 0, 0]), EVEN) == pytest.approx(0.75 * np.log(3))
    np.testing.assert_allclose(reverse_kl(np.array([[1, 0, 0, 0], EVEN]), EVEN), [np.log(4), 0])


def test_the_kl_runs_from_samples_to_real():
    real = np.array([0.8, 0.2])
    assert reverse_kl(np.array([0.5, 0.5]), real) == pytest.approx(0.5 * np.log(0.5 / 0.8) + 0.5 * np.log(0.5 / 0.2))


def test_modes_of_samples_by_a_classifier_without_errors():
    samples = pictures("samples", [0] * 900 + [1] * 90 + [2] * 10)
    modes, kl = MODES.compute(inputs(samples)), MODE_KL.compute(inputs(samples))
    assert modes.value == 2
    assert modes.details["counts"] == [900, 90, 10]
    assert modes.details["shares"] == pytest.approx([0.9, 0.09, 0.01])
    assert modes.details["class_names"] == list(NAMES)
    assert kl.details["plug_in"] == pytest.approx(entropy([0.9, 0.09, 0.01], [1 / 3] * 3))
    assert kl.value == pytest.approx(kl.details["plug_in"], abs=0.01)
    assert kl.ci95[0] < kl.value < kl.ci95[1]
    assert (modes.num_samples, modes.num_reference) == (kl.num_samples, kl.num_reference) == (1000, 6)


def test_one_class_alone_has_the_largest_kl():
    kl = MODE_KL.compute(inputs(pictures("samples", [1] * 5000)))
    assert kl.value == pytest.approx(np.log(3), abs=1e-3)
    assert kl.ci95[1] <= np.log(3)


def test_a_class_that_the_classifiers_errors_fill_is_not_covered():
    """Dogs are taken for cats in a fifth of all cases: what 1,000 dogs then look like holds no cat."""
    confusion = np.array([[1000, 0, 0], [200, 800, 0], [0, 0, 1000]])
    poor = partial(reads_the_first_pixel, confusion=confusion)
    samples = pictures("samples", [0] * 200 + [1] * 800 + [2] * 1000)
    modes, raw = MODES.compute(inputs(samples, train=poor)), MODES.compute(inputs(samples))
    assert (modes.value, raw.value) == (2, 3)
    assert modes.ci95[0] == 2
    assert modes.details["shares"] == pytest.approx([0, 0.5, 0.5], abs=1e-9)
    assert modes.details["num_uncertain"] == modes.ci95[1] - modes.ci95[0]


def test_classes_without_held_out_images_are_named_and_widen_the_interval():
    confusion = np.diag([1000, 1000, 0])
    samples = pictures("samples", [0] * 500 + [2] * 500)
    modes = MODES.compute(inputs(samples, train=partial(reads_the_first_pixel, confusion=confusion)))
    assert modes.details["classes_without_heldout_images"] == ["owl"]
    assert (modes.value, modes.ci95) == (2, (2, 3))
    assert MODES.compute(inputs(samples)).ci95 == (2, 2)


def test_a_classifier_that_never_tells_two_classes_apart_gives_no_number():
    confusion = np.array([[1000, 0, 0], [1000, 0, 0], [0, 0, 1000]])
    poor = partial(reads_the_first_pixel, confusion=confusion)
    for metric in (MODES, MODE_KL):
        with pytest.raises(MetricUnavailableError, match="confuses some classes wholly"):
            metric.compute(inputs(pictures("samples", [0, 1, 2]), train=poor))


def asked(predicted, labels, names=()):
    return ImageSet("samples", pictures("samples", predicted).images, np.array(labels), names)


def test_label_accuracy_of_a_faultless_classifier_is_the_share_of_asked_classes_that_are_seen():
    result = LABEL_ACCURACY.compute(inputs(asked([0, 1, 2, 2, 0], [0, 1, 2, 0, 1], NAMES)))
    assert result.value == pytest.approx(0.6, abs=1e-3)
    assert result.ci95 == pytest.approx(wilson_interval(3, 5), abs=0.01)
    assert result.details["raw"] == 0.6
    assert result.details["classifier_test_accuracy"] == 0.9
    assert (result.num_samples, result.num_reference) == (5, 6)


def test_flawless_samples_reach_an_accuracy_of_1_whatever_the_classifier_mistakes():
    """A past bug: the share that the classifier puts there, 0.9, with an interval without 1."""
    confusion = np.array([[1000, 0, 0], [300, 700, 0], [0, 0, 1000]])
    poor = partial(reads_the_first_pixel, confusion=confusion)
    labels = [0] * 1000 + [1] * 1000 + [2] * 1000
    result = LABEL_ACCURACY.compute(inputs(asked([0] * 1300 + [1] * 700 + [2] * 1000, labels, NAMES), train=poor))
    assert result.details["raw"] == pytest.approx(0.9)
    assert result.value == pytest.approx(1, abs=2e-3)
    assert result.ci95[0] > 0.95
    assert result.ci95[1] == 1


def test_accuracy_is_of_asked_classes_that_have_real_images():
    with pytest.raises(MetricUnavailableError, match="class '3', of which there is no real training image"):
        LABEL_ACCURACY.compute(inputs(asked([0, 1], [0, 3])))
    with pytest.raises(MetricUnavailableError, match="2 classes or more"):
        LABEL_ACCURACY.compute(inputs_of_one_class())


def inputs_of_one_class():
    real = pictures("real", [0, 0])
    dataset = Dataset("cats", DataSpec("image", 1, 8, num_classes=3), real, real)
    images = ImageInputs(asked([0], [0]), real, real, dataset=dataset, train_classifier=reads_the_first_pixel)
    return MetricInputs(images, lambda _: FeatureSet(np.zeros((1, 1), np.float32)))


def test_accuracy_needs_held_out_images_and_names_classes_without():
    samples = asked([0, 1, 2] * 100, [0, 1, 2] * 100, NAMES)
    some = partial(reads_the_first_pixel, confusion=np.diag([1000, 1000, 0]))
    result = LABEL_ACCURACY.compute(inputs(samples, train=some))
    assert result.details["classes_without_heldout_images"] == ["owl"]
    assert result.value == pytest.approx(1, abs=0.01)
    assert result.ci95[0] < LABEL_ACCURACY.compute(inputs(samples)).ci95[0]
    for confusion in (np.zeros((3, 3), np.int64), np.full((3, 3), 10)):
        with pytest.raises(MetricUnavailableError, match="cannot be corrected"):
            LABEL_ACCURACY.compute(inputs(samples, train=partial(reads_the_first_pixel, confusion=confusion)))


def test_asked_classes_are_matched_by_name_and_by_number_without_names():
    other_way = asked([0, 1, 2], [2, 0, 1], ("dog", "owl", "cat"))
    assert LABEL_ACCURACY.compute(inputs(other_way)).value == pytest.approx(1, abs=1e-3)
    assert LABEL_ACCURACY.compute(inputs(other_way, names=())).value == 0  # the dataset has numbers only
    assert LABEL_ACCURACY.compute(inputs(asked([0, 1, 2], [0, 1, 2]))).value == pytest.approx(1, abs=1e-3)


def test_accuracy_needs_labels_known_to_the_classifier():
    unlabelled = ImageSet("samples", pictures("samples", [0, 1]).images)
    with pytest.raises(MetricUnavailableError, match="'samples' has no class labels"):
        LABEL_ACCURACY.compute(inputs(unlabelled))
    with pytest.raises(MetricUnavailableError, match=r"class 'fox' of the samples is not among .* cat, dog, owl"):
        LABEL_ACCURACY.compute(inputs(asked([0], [0], ("fox",))))
