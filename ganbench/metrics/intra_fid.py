"""Intra-class FID: how well a conditional generator draws each class, as the mean FID within the classes.

Papers: Miyato and Koyama 2018, arXiv:1802.05637 (intra FID); Kang et al. 2022, arXiv:2206.09479 (StudioGAN, which
prints the mean over the classes). Reference code: PyTorch-StudioGAN `src/worker.py`.

    intra-FID = 1/C sum_c FID( samples asked to be of class c, real images of class c )

Choices: every class weighs the same whatever its number of images; FID as in `ganbench.metrics.fid` (float64,
covariance over n - 1). Classes are matched by name where both sides have names, else by number. A class with fewer
than 2 images on a side has no covariance, so there is no value then rather than one without that class.

Interval: delta method of each class; the classes are sampled independently, so the standard error of the mean is the
root of the sum of squared errors, over C.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.class_labels import Labels, renumber, require_labels
from ganbench.metrics.fid import frechet_distance_with_error
from ganbench.metrics.intervals import sampling_interval
from ganbench.types import MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

CI_METHOD = "delta method of each class, combined: sampling of the generated images, without the bias at small n"
_PURPOSE = "FID within classes"


class ClassDistance(NamedTuple):
    """FID of one class (by number) with its standard error, and the images behind it."""

    label: int
    value: float
    standard_error: float
    num_samples: int
    num_reference: int


def class_distances(
    samples: npt.NDArray[np.floating],
    sample_labels: Labels,
    reference: npt.NDArray[np.floating],
    reference_labels: Labels,
) -> list[ClassDistance]:
    """FID of each class from features [N, D], [M, D] and labels [N], [M]; each class needs 2 images on both sides."""
    distances = []
    for label in np.union1d(sample_labels, reference_labels):
        ours, theirs = samples[sample_labels == label], reference[reference_labels == label]
        value, error = frechet_distance_with_error(ours, theirs)
        distances.append(ClassDistance(int(label), value, error, len(ours), len(theirs)))
    return distances


def compute_intra_fid(inputs: MetricInputs) -> MetricResult:
    """Mean over the classes of the FID within each class."""
    sample_images, reference_images = inputs.images.samples, inputs.images.reference
    theirs = require_labels(reference_images, _PURPOSE)
    ours = renumber(
        require_labels(sample_images, _PURPOSE),
        sample_images.class_names,
        reference_images.class_names,
        "the reference",
    )
    names = reference_images.class_names or sample_images.class_names
    _require_two_of_each(ours, theirs, names)
    classes = class_distances(inputs.samples.features, ours, inputs.reference.features, theirs)
    value = float(np.mean([c.value for c in classes]))
    error = math.hypot(*(c.standard_error for c in classes)) / len(classes)
    per_class = {
        _name(c.label, names): {"value": c.value, "num_samples": c.num_samples, "num_reference": c.num_reference}
        for c in classes
    }
    details = {"num_classes": len(classes), "standard_error": error, "per_class": per_class}
    return MetricResult(value, sampling_interval(value, error), CI_METHOD, len(ours), len(theirs), details)


def _require_two_of_each(ours: Labels, theirs: Labels, names: tuple[str, ...]) -> None:
    for label in np.union1d(ours, theirs):
        for labels, side in ((ours, "samples"), (theirs, "reference")):
            count = int((labels == label).sum())
            if count < 2:
                raise MetricUnavailableError(
                    f"class '{_name(int(label), names)}' has {count} image(s) in the {side}; "
                    f"{_PURPOSE} needs at least 2 of every class on both sides"
                )


def _name(label: int, names: tuple[str, ...]) -> str:
    return names[label] if label < len(names) else str(label)


INTRA_FID = MetricInfo(
    id="intra_fid",
    title="Intra-class FID",
    compute=compute_intra_fid,
    higher_is_better=False,
    needs=("reference", "labels"),
    default=False,
    description="How far the images asked for as a class are from real images of that class, averaged over classes.",
    range="0 and up",
    bounds=(0, None),
    interval="Delta method of each class, combined: the sampling of the generated images at this number per class.",
    choices="Plain mean over the classes; classes matched by name where both sides have names, else by number.",
    cost="One FID per class: seconds for small classes, about a minute for 10 classes of 5,000 images.",
    limits="A class has far fewer images than the whole set, and FID is biased upwards at small n: "
    "compare only equal numbers per class, and never with plain FID. The samples must have been asked for by class.",
    paper="https://arxiv.org/abs/1802.05637",
    reference_code="https://github.com/POSTECH-CVLab/PyTorch-StudioGAN (src/worker.py)",
)
