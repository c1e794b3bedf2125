"""What a classifier sees in the samples: how many classes, how unlike the real shares, and whether those asked for.

Papers: Srivastava et al. 2017, arXiv:1705.07761 (reverse KL over modes); Lin et al. 2018, arXiv:1712.04086 (PacGAN);
Shmelkov et al. 2018, arXiv:1807.09499 (accuracy of a classifier, trained on real images, on generated ones).
Reference code: fjxmlzn/PacGAN (stacked MNIST).

The classifier is trained on the benchmark's own labels (`ganbench.features.classifier`). Choices: a class is covered
when its share among the samples is at least a tenth of its share among the real training images; the reverse KL is
sum_c p(c) log(p(c) / q(c)) in nats, p: predicted shares of the samples, q: shares of the real labels. A class that
every image falls into gives log(num_classes) for balanced data. The plug-in KL is biased upwards by about
(num_classes - 1) / (2 N). `label_accuracy` is the share of samples that the classifier puts into the class they were
asked for; classes are matched by name where samples and dataset have names, else by number. Interval of the first two:
bootstrap; of the share: Wilson.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ganbench.metrics.class_labels import renumber, require_labels
from ganbench.metrics.intervals import wilson_interval
from ganbench.types import MetricInfo, MetricResult

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

COVERED_SHARE = 0.1  # of the real share
NUM_RESAMPLES = 1000
BOOTSTRAP = "bootstrap: 2.5 and 97.5 percentiles of 1000 multinomial resamples of the predicted counts"
WILSON = "Wilson's interval of a share"
Counts = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]


def num_covered(counts: Counts, real_shares: Shares) -> npt.NDArray[np.int64]:
    """Number of covered classes; counts [..., K] of samples per class, real shares [K] that sum to 1."""
    shares = counts / counts.sum(axis=-1, keepdims=True)
    covered = (shares >= COVERED_SHARE * real_shares) & (real_shares > 0)
    return np.asarray(covered.sum(axis=-1), np.int64)


def reverse_kl(counts: Counts, real_shares: Shares) -> Shares:
    """KL(samples || real) in nats, from counts [..., K] and real shares [K]; infinite where a class is not real."""
    shares = counts / counts.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(shares > 0, shares * np.log(shares / real_shares), 0.0)
    return np.asarray(terms.sum(axis=-1))


def compute_modes(inputs: MetricInputs) -> MetricResult:
    """Number of covered classes."""
    counts, real = inputs.images.predicted_counts, inputs.images.real_shares
    interval = _percentiles(num_covered(_resamples(counts, inputs.seed), real))
    rule = f"a class is covered when its share is at least {COVERED_SHARE:g} of its share among real images"
    details = {**_details(inputs), "num_classes": int((real > 0).sum()), "rule": rule}
    return _result(inputs, float(num_covered(counts, real)), interval, BOOTSTRAP, details)


def compute_mode_kl(inputs: MetricInputs) -> MetricResult:
    """Reverse KL of the predicted class shares."""
    counts, real = inputs.images.predicted_counts, inputs.images.real_shares
    value = float(reverse_kl(counts, real))
    resampled = reverse_kl(_resamples(counts, inputs.seed), real)
    low, high = _percentiles(resampled - (resampled.mean() - value))
    method = f"{BOOTSTRAP}, less the bias that resampling adds, cut off at 0"
    return _result(inputs, value, (max(low, 0.0), high), method, {**_details(inputs), "unit": "nats"})


def compute_label_accuracy(inputs: MetricInputs) -> MetricResult:
    """Share of samples that the classifier puts into the class they were asked for."""
    images = inputs.images
    labels = require_labels(images.samples, "accuracy of asked classes")
    predicted = images.predicted
    asked = renumber(labels, images.samples.class_names, images.labelled.class_names, "the classifier")
    num_right = int((predicted == asked).sum())
    interval = wilson_interval(num_right, len(asked))
    return _result(inputs, num_right / len(asked), interval, WILSON, {**_of_classifier(inputs), "num_right": num_right})


def _resamples(counts: Counts, seed: int) -> Counts:
    total = int(counts.sum())
    return np.random.default_rng(seed).multinomial(total, counts / total, size=NUM_RESAMPLES)


def _percentiles(values: npt.NDArray[Any]) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return (float(low), float(high))


def _details(inputs: MetricInputs) -> dict[str, Any]:
    return {
        "counts": inputs.images.predicted_counts.tolist(),
        "real_shares": inputs.images.real_shares.tolist(),
        "class_names": list(inputs.images.class_names),
        **_of_classifier(inputs),
    }


def _of_classifier(inputs: MetricInputs) -> dict[str, Any]:
    classifier = inputs.images.classifier
    return {"classifier_test_accuracy": classifier.test_accuracy, "classifier_sha256": classifier.sha256}


def _result(
    inputs: MetricInputs, value: float, interval: tuple[float, float], method: str, details: dict[str, Any]
) -> MetricResult:
    num_reference = len(inputs.images.labelled.train)  # the real images behind the classifier and the shares
    return MetricResult(value, interval, method, len(inputs.images.samples), num_reference, details)


MODES = MetricInfo(
    id="modes",
    title="Modes covered",
    compute=compute_modes,
    higher_is_better=True,
    needs=("classifier",),
    uses_extractor=False,
    description="How many of the data's classes the samples show, by a classifier trained on the real images.",
    range="0 to the number of classes",
    interval="Bootstrap: resamples of the predicted counts, for this classifier.",
    choices="A class is covered when its share is at least a tenth of its share among the real images.",
    cost="Training the classifier once per dataset: a minute or two; then seconds.",
    limits="The classifier names a class for any image, noise too. Counts classes, not variety within them.",
    paper="https://arxiv.org/abs/1712.04086",
    reference_code="https://github.com/fjxmlzn/PacGAN",
)

MODE_KL = MetricInfo(
    id="mode_kl",
    title="Reverse KL of modes",
    compute=compute_mode_kl,
    higher_is_better=False,
    needs=("classifier",),
    uses_extractor=False,
    description="How unlike the real shares of the classes those among the samples are.",
    range="0 to the log of the number of classes for balanced data (nats)",
    interval="Bootstrap: resamples of the predicted counts less the bias that resampling adds, for this classifier.",
    choices="KL of the samples' shares from the real ones, in nats.",
    cost="As for modes: they share the classifier.",
    limits="The classifier names a class for any image, noise too. Biased upwards by about (classes - 1) / 2n.",
    paper="https://arxiv.org/abs/1705.07761",
    reference_code="https://github.com/fjxmlzn/PacGAN",
)

LABEL_ACCURACY = MetricInfo(
    id="label_accuracy",
    title="Label accuracy",
    compute=compute_label_accuracy,
    higher_is_better=True,
    needs=("labels", "classifier"),
    uses_extractor=False,
    description="The share of samples that show the class they were asked for, by a classifier trained on real images.",
    range="0 to 1; 1 / classes by chance",
    interval="Wilson's interval of a share, for this classifier.",
    choices="Classes are matched by name where both sides have names, else by number.",
    cost="As for modes: they share the classifier.",
    limits="No better than the classifier, whose accuracy on real held-out images stands in the details. "
    "One fixed image per class can reach 1.",
    paper="https://arxiv.org/abs/1807.09499",
)
