"""Mode coverage by a classifier: how many classes the samples show, and how unlike the real shares theirs are.

Papers: Srivastava et al. 2017, arXiv:1705.07761 (reverse KL over modes); Lin et al. 2018, arXiv:1712.04086 (PacGAN).

The classifier is trained on the benchmark's own labels (`ganbench.features.classifier`). Choices: a class is covered
when its share among the samples is at least a tenth of its share among the real training images; the reverse KL is
sum_c p(c) log(p(c) / q(c)) in nats, p: predicted shares of the samples, q: shares of the real labels. A class that
every image falls into gives log(num_classes) for balanced data. The plug-in KL is biased upwards by about
(num_classes - 1) / (2 N).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ganbench.types import MetricResult

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

COVERED_SHARE = 0.1  # of the real share
NUM_RESAMPLES = 1000
BOOTSTRAP = "bootstrap: 2.5 and 97.5 percentiles of 1000 multinomial resamples of the predicted counts"
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
    counts, real = inputs.predicted_counts, inputs.real_shares
    interval = _percentiles(num_covered(_resamples(counts, inputs.seed), real))
    rule = f"a class is covered when its share is at least {COVERED_SHARE:g} of its share among real images"
    details = {**_details(inputs), "num_classes": int((real > 0).sum()), "rule": rule}
    return _result(inputs, float(num_covered(counts, real)), interval, BOOTSTRAP, details)


def compute_mode_kl(inputs: MetricInputs) -> MetricResult:
    """Reverse KL of the predicted class shares."""
    counts, real = inputs.predicted_counts, inputs.real_shares
    value = float(reverse_kl(counts, real))
    resampled = reverse_kl(_resamples(counts, inputs.seed), real)
    low, high = _percentiles(resampled - (resampled.mean() - value))
    method = f"{BOOTSTRAP}, less the bias that resampling adds, cut off at 0"
    return _result(inputs, value, (max(low, 0.0), high), method, {**_details(inputs), "unit": "nats"})


def _resamples(counts: Counts, seed: int) -> Counts:
    total = int(counts.sum())
    return np.random.default_rng(seed).multinomial(total, counts / total, size=NUM_RESAMPLES)


def _percentiles(values: npt.NDArray[Any]) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return (float(low), float(high))


def _details(inputs: MetricInputs) -> dict[str, Any]:
    return {
        "counts": inputs.predicted_counts.tolist(),
        "real_shares": inputs.real_shares.tolist(),
        "class_names": list(inputs.class_names),
        "classifier_test_accuracy": inputs.classifier.test_accuracy,
        "classifier_sha256": inputs.classifier.sha256,
    }


def _result(
    inputs: MetricInputs, value: float, interval: tuple[float, float], method: str, details: dict[str, Any]
) -> MetricResult:
    return MetricResult(value, interval, method, len(inputs.sample_images), len(inputs.train_images), details)
