"""Recall and coverage within classes against prdc class by class, planted losses, labels of each source."""

import contextlib
import io

import numpy as np
import prdc
import pytest

from ganbench.metrics.class_coverage import CLASS_COVERAGE, CLASS_RECALL, ClassShare, mean_of_classes
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.intervals import wilson_interval
from ganbench.protocols import Protocol, get_protocol
from ganbench.types import Dataset, DataSpec, FeatureSet, ImageSet, MetricUnavailableError

AS_PRDC = Protocol("p", "P", manifold_k=5, manifold_surface="<", density_k=5)
BOTH = pytest.mark.parametrize("info", [CLASS_RECALL, CLASS_COVERAGE], ids=lambda info: info.id)


def clusters(labels, seed, dim=4, spread=1.0):
    centres = 3 * np.random.default_rng(7).standard_normal((10, dim))
    noise = np.random.default_rng(seed).standard_normal((len(labels), dim))
    return (centres[labels] + spread * noise).astype(np.float32)


REAL_LABELS = np.repeat(np.arange(4), [120, 80, 60, 100])
REAL = clusters(REAL_LABELS, 0)


def inputs_of(samples, labels, reference=REAL, reference_labels=REAL_LABELS, protocol=None, names=((), ())):
    sources = [
        ImageSet(name, np.zeros((len(values), 2, 2, 1), np.uint8), given, class_names)
        for name, values, given, class_names in (
            ("samples", samples, labels, names[0]),
            ("reference", reference, reference_labels, names[1]),
        )
    ]
    images = ImageInputs(*sources, sources[1], protocol=protocol or get_protocol("ganbench-v1"))
    features = {"samples": samples, "reference": reference}
    return MetricInputs(images, lambda source: FeatureSet(features[source.name]))


def by_prdc(info, samples, reference):
    with contextlib.redirect_stdout(io.StringIO()):
        return prdc.compute_prdc(reference, samples, nearest_k=5)[info.id.removeprefix("class_")]


@BOTH
def test_each_class_is_that_of_prdc(info):
    labels = np.repeat(np.arange(4), [50, 90, 70, 40])
    samples = clusters(labels, 1, spread=0.8)
    result = info.compute(inputs_of(samples, labels, protocol=AS_PRDC))
    expected = [by_prdc(info, samples[labels == c], REAL[c == REAL_LABELS]) for c in range(4)]
    found = result.details["per_class"]
    assert [found[str(c)]["value"] for c in range(4)] == pytest.approx(expected, rel=1e-9)
    assert [(c["num_samples"], c["num_reference"]) for c in found.values()] == [
        (50, 120),
        (90, 80),
        (70, 60),
        (40, 100),
    ]
    assert result.value == pytest.approx(np.mean(expected))
    assert result.details["worst_class"] == str(np.argmin(expected))
    assert result.ci95[0] < result.value < result.ci95[1]
    assert (result.num_samples, result.num_reference) == (250, 360)
    assert result.details["labels_of_samples"] == "asked"


@BOTH
def test_equal_images_have_1_and_dropped_classes_0(info):
    assert info.compute(inputs_of(REAL, REAL_LABELS)).value == 1
    kept = REAL_LABELS < 2
    half = info.compute(inputs_of(REAL[kept], REAL_LABELS[kept]))
    assert half.value == 0.5
    assert [share["value"] for share in half.details["per_class"].values()] == [1, 1, 0, 0]


@BOTH
def test_a_class_that_others_cover_is_still_missing(info):
    """Wrong: without classes, samples of the same place cover it."""
    reference = np.concatenate([clusters(np.zeros(60, int), seed) for seed in (0, 1)])
    labels = np.repeat([0, 1], 60)
    assert info.compute(inputs_of(reference, np.zeros(120, np.int64), reference, labels)).value == 0.5


@BOTH
def test_a_collapsed_class_is_the_worst(info):
    samples = clusters(REAL_LABELS, 1)
    samples[REAL_LABELS == 2] = samples[REAL_LABELS == 2][0]
    result = info.compute(inputs_of(samples, REAL_LABELS))
    values = {name: share["value"] for name, share in result.details["per_class"].items()}
    assert result.details["worst_class"] == "2"
    assert values["2"] < 0.25
    assert min(values[name] for name in "013") > 0.6


@BOTH
def test_samples_without_labels_are_put_into_classes_by_the_classifier(info):
    inputs = inputs_of(REAL, None, names=((), ("a", "b", "c", "d")))
    spec = DataSpec("image", 1, 2, num_classes=4)
    images = inputs.images
    images.__dict__["labelled"] = Dataset("x", spec, images.reference, images.reference, ("d", "c", "b", "a"))
    images.__dict__["predicted"] = 3 - REAL_LABELS
    result = info.compute(inputs)
    assert result.value == 1
    assert result.details["labels_of_samples"] == "classifier"
    images.__dict__["predicted"] = REAL_LABELS
    assert info.compute(inputs).value < 0.5


@BOTH
def test_classes_are_matched_by_name(info):
    names = ("d", "c", "b", "a"), ("a", "b", "c", "d")
    result = info.compute(inputs_of(REAL, 3 - REAL_LABELS, names=names))
    assert result.value == 1
    assert list(result.details["per_class"]) == list(names[1])


def test_few_images_of_a_class():
    """Recall needs two samples, coverage one; a class of one real image is left out."""
    samples, labels = REAL[[0, 120, 121, 200]], np.array([0, 1, 1, 2])
    reference, theirs = np.concatenate([REAL, REAL[:1] + 50]), np.append(REAL_LABELS, 9)
    recall, coverage = (
        info.compute(inputs_of(samples, labels, reference, theirs)) for info in (CLASS_RECALL, CLASS_COVERAGE)
    )
    values = [[share["value"] for share in found.details["per_class"].values()] for found in (recall, coverage)]
    assert (values[0][0], values[0][2], values[0][3], values[1][3]) == (0, 0, 0, 0)
    assert values[0][1] >= 2 / 80
    assert min(values[1][:3]) > 0
    assert recall.details["classes_left_out"] == coverage.details["classes_left_out"] == ["9"]
    assert recall.details["num_classes"] == 4


def test_the_interval_of_one_class_is_wilsons():
    assert mean_of_classes([ClassShare(0, 0.3, 10, 50)])[1] == pytest.approx(wilson_interval(15, 50))


def test_the_interval_holds_planted_shares():
    rng, planted, held = np.random.default_rng(0), np.array([0.02, 0.3, 0.9, 1.0]), []
    for _ in range(500):
        counts = rng.binomial(60, planted)
        low, high = mean_of_classes([ClassShare(i, count / 60, 10, 60) for i, count in enumerate(counts)])[1]
        held.append(low <= planted.mean() <= high)
    assert 0.93 <= np.mean(held) <= 0.99


@BOTH
def test_what_is_missing_is_said(info):
    with pytest.raises(MetricUnavailableError, match="'reference' has no class labels"):
        info.compute(inputs_of(REAL, REAL_LABELS, reference_labels=None))
    with pytest.raises(MetricUnavailableError, match="no class of 'reference' has 2 images"):
        info.compute(inputs_of(REAL, REAL_LABELS, REAL[:3], np.arange(3)))
    with pytest.raises(MetricUnavailableError, match="class 'x' of the samples is not among the classes"):
        info.compute(inputs_of(REAL, REAL_LABELS, names=(("x", "b", "c", "d"), ("a", "b", "c", "d"))))
