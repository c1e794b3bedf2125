"""Recall and coverage within each class: how much of every class's own variety the samples show.

Papers: Kynkäänniemi et al. 2019, arXiv:1904.06991 (recall); Naeem et al. 2020, arXiv:2002.09797 (coverage).

    value = 1/C sum_c recall or coverage of ( samples of class c, real images of class c )

Over all classes together, a class can be covered by samples of another, and a lost small class hardly shows. Samples
are of the class that they were asked for; of a generator that takes no labels, of the class that the classifier puts
them into. The details say which: rows that differ in that are not strictly comparable.

Choices. Every class weighs the same. k and the surface of the balls are the protocol's, and k is smaller in a class
that has no more images than that. A class without samples has the value 0, as has recall with a single sample, round
which no ball can be drawn. Classes with fewer than 2 real images are left out and named.

Interval: other real images, with the samples as given: Wilson's limits of each class, their distances from the values
added as squares (MOVER; Zou and Donner 2008, doi:10.1002/sim.3095).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.class_labels import Labels, renumber, require_labels
from ganbench.metrics.density_coverage import coverage
from ganbench.metrics.intervals import wilson_interval
from ganbench.metrics.neighbours import Floats
from ganbench.metrics.precision_recall import recall
from ganbench.protocols import Protocol
from ganbench.types import MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

CI_METHOD = "Wilson limits of each class over the reference images, combined; the samples are taken as given"
MeasureClass = Callable[[Floats, Floats, Protocol], float]


class ClassShare(NamedTuple):
    """Share of the real images of one class (by number) that are covered, and the images behind it."""

    label: int
    value: float
    num_samples: int
    num_reference: int


def recall_of_class(samples: Floats, reference: Floats, protocol: Protocol) -> float:
    """Recall of real images [M, D] by samples [N, D] of the same class; 0 for fewer than 2 samples."""
    if len(samples) < 2:
        return 0.0
    return recall(samples, reference, min(protocol.manifold_k, len(samples) - 1), protocol.manifold_surface)


def coverage_of_class(samples: Floats, reference: Floats, protocol: Protocol) -> float:
    """Coverage of real images [M, D] by samples [N, D] of the same class; 0 without samples; needs M >= 2."""
    return coverage(samples, reference, min(protocol.density_k, len(reference) - 1)) if len(samples) else 0.0


def class_shares(
    samples: tuple[Floats, Labels], reference: tuple[Floats, Labels], measure: MeasureClass, protocol: Protocol
) -> list[ClassShare]:
    """The share of each class with at least 2 real images, from features and labels of both sides."""
    shares = []
    for label, num_reference in zip(*np.unique(reference[1], return_counts=True), strict=True):
        if num_reference >= 2:
            ours, theirs = (features[labels == label] for features, labels in (samples, reference))
            shares.append(ClassShare(int(label), measure(ours, theirs, protocol), len(ours), len(theirs)))
    return shares


def mean_of_classes(shares: list[ClassShare]) -> tuple[float, tuple[float, float]]:
    """The even mean over the classes and its 95 % interval."""
    values = np.array([share.value for share in shares])
    limits = [wilson_interval(round(share.value * share.num_reference), share.num_reference) for share in shares]
    low, high = np.array(limits).T
    value = float(values.mean())
    below, above = (math.hypot(*(values - ends)) / len(shares) for ends in (low, high))
    return value, (max(value - below, 0.0), min(value + above, 1.0))


def compute_class_recall(inputs: MetricInputs) -> MetricResult:
    """Mean over the classes of the recall within each."""
    return _compute(inputs, "recall within classes", recall_of_class)


def compute_class_coverage(inputs: MetricInputs) -> MetricResult:
    """Mean over the classes of the coverage within each."""
    return _compute(inputs, "coverage within classes", coverage_of_class)


def _compute(inputs: MetricInputs, purpose: str, measure: MeasureClass) -> MetricResult:
    reference = inputs.images.reference
    theirs = require_labels(reference, purpose)
    ours, source = _labels_of_samples(inputs)
    names = reference.class_names
    shares = class_shares(
        (inputs.samples.features, ours), (inputs.reference.features, theirs), measure, inputs.protocol
    )
    if not shares:
        raise MetricUnavailableError(f"{purpose}: no class of '{reference.name}' has 2 images")
    value, interval = mean_of_classes(shares)
    worst = min(shares, key=lambda share: share.value)
    left_out = np.setdiff1d(theirs, [share.label for share in shares])
    details: dict[str, Any] = {
        "labels_of_samples": source,
        "num_classes": len(shares),
        "worst_class": _name(worst.label, names),
        "classes_left_out": [_name(int(label), names) for label in left_out],
        "per_class": {
            _name(share.label, names): {
                "value": share.value,
                "num_samples": share.num_samples,
                "num_reference": share.num_reference,
            }
            for share in shares
        },
    }
    return MetricResult(value, interval, CI_METHOD, len(ours), len(theirs), details)


def _labels_of_samples(inputs: MetricInputs) -> tuple[npt.NDArray[np.int64], str]:
    """The classes of the samples [N] in the reference's numbers, and where they are from."""
    images = inputs.images
    names = images.reference.class_names
    if images.samples.labels is not None:
        return renumber(images.samples.labels, images.samples.class_names, names, "the reference"), "asked"
    return renumber(images.predicted, images.labelled.class_names, names, "the reference"), "classifier"


def _name(label: int, names: tuple[str, ...]) -> str:
    return names[label] if label < len(names) else str(label)


_RANGE = "0 to 1"
_INTERVAL = (
    "Other real images, with the samples taken as given: Wilson's limits of each class, combined. It does not say how "
    "much other samples of the same generator would change the value."
)
_CHOICES = (
    "Plain mean over the classes; samples are of the class asked for, or of the one that the classifier sees where the "
    "generator takes no labels, and the details say which. k is the protocol's, less in classes with no more images. A "
    "class without samples counts 0. The details hold each class, as does the report's table of classes."
)
_COST = "A search within each class: less than the same over all images. The classifier's, where labels are missing."
_LIMITS = (
    "A class has far fewer images than the whole set and the value depends on their number: compare only equal numbers "
    "per class, and never with plain {name}. Samples asked for as one class that show another count for the class "
    "asked for."
)

CLASS_RECALL = MetricInfo(
    id="class_recall",
    title="Recall within classes",
    compute=compute_class_recall,
    higher_is_better=True,
    needs=("reference",),
    description="The share of real images that lie among the samples of their own class, averaged over classes.",
    range=_RANGE,
    bounds=(0, 1),
    interval=_INTERVAL,
    choices=_CHOICES,
    cost=_COST,
    limits=_LIMITS.format(name="recall"),
    paper="https://arxiv.org/abs/1904.06991",
)
CLASS_COVERAGE = MetricInfo(
    id="class_coverage",
    title="Coverage within classes",
    compute=compute_class_coverage,
    higher_is_better=True,
    needs=("reference",),
    description="The share of real images that have a sample of their own class in their neighbourhood, averaged over "
    "classes.",
    range=_RANGE,
    bounds=(0, 1),
    interval=_INTERVAL,
    choices=_CHOICES,
    cost=_COST,
    limits=_LIMITS.format(name="coverage"),
    paper="https://arxiv.org/abs/2002.09797",
)
