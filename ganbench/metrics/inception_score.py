"""Inception Score: sharp and varied class predictions, exp of the mutual information of image and class.

Paper: Salimans et al. 2016, arXiv:1606.03498. Reference code: torch-fidelity `metric_isc.py`.

    IS = exp( mean_i KL( p(y | x_i) || mean_j p(y | x_j) ) ),   natural logarithm, mean over the splits

Choices: the number of splits is the protocol's (10, or 1 as StudioGAN), taken after a shuffle by NumPy's
RandomState(2020), as torch-fidelity draws it; where it does not divide n, splits differ by one image (1,507 images in
10 splits are 150 or 151 each); float64 softmax, in blocks of rows. The reference images play no part. Biased downwards
at few images per split (a split of n images scores at most n, one of a single image always 1): show n and the splits
beside it. So splits hold at least 10 images: fewer images mean fewer splits, which the result says, and below 20 images
there is no score.

Interval: with several splits Student's t over their scores. One split has no spread, so its interval is a bootstrap
over the images: 2.5 and 97.5 percentiles of 200 resamples, moved by the bias that resampling adds. Both are cut off at
1, the least score; where nothing varies there is none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ganbench.types import MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

SHUFFLE_SEED = 2020
NUM_RESAMPLES = 200
MIN_IMAGES = 20
MIN_PER_SPLIT = 10
OVER_SPLITS = "Student's t over the splits"
OVER_IMAGES = f"bootstrap over the images: percentiles of {NUM_RESAMPLES} resamples, less the bias that resampling adds"
_BLOCK_ROWS = 2048
_NO_SPREAD = 1e-12  # of the score: rounding
Vector = npt.NDArray[np.float64]


def split_scores(logits: npt.NDArray[np.floating], num_splits: int) -> Vector:
    """The score of each split, float64 [num_splits], from logits [N, K]; needs N >= num_splits."""
    order = np.random.RandomState(SHUFFLE_SEED).permutation(len(logits))
    edges = [i * len(logits) // num_splits for i in range(num_splits + 1)]
    return np.array([_score(logits, order[start:end]) for start, end in pairwise(edges)])


def resampled_scores(logits: npt.NDArray[np.floating], num_resamples: int, seed: int) -> Vector:
    """Scores, as one split, of `num_resamples` sets of N images drawn from logits [N, K] with replacement."""
    n, num_classes = logits.shape
    rng = np.random.default_rng(seed)
    weights = np.stack([np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(num_resamples)]) / n  # [R, N]
    marginals, sharpness = np.zeros((num_resamples, num_classes)), np.zeros(num_resamples)
    for rows, p, log_p in _predictions(logits, np.arange(n)):
        marginals += weights[:, rows] @ p
        sharpness += weights[:, rows] @ (p * log_p).sum(axis=1)
    return np.asarray(np.exp(sharpness + _entropy(marginals)))


def compute_is(inputs: MetricInputs) -> MetricResult:
    """Inception Score of the samples, with the splits of the protocol, or fewer of at least MIN_PER_SPLIT images.

    Raises MetricUnavailableError without logits, and below MIN_IMAGES images.
    """
    logits = inputs.samples.logits
    if logits is None:
        raise MetricUnavailableError(inputs.no_logits)
    if len(logits) < MIN_IMAGES:
        raise MetricUnavailableError(f"the Inception Score needs at least {MIN_IMAGES} images, got {len(logits)}")
    num_splits = min(inputs.protocol.is_splits, len(logits) // MIN_PER_SPLIT)
    scores = split_scores(logits, num_splits)
    value = float(scores.mean())
    details: dict[str, Any] = {"num_splits": num_splits, "split_std": float(scores.std())}
    if num_splits < inputs.protocol.is_splits:
        details["note"] = (
            f"{num_splits} splits instead of {inputs.protocol.is_splits}, since {len(logits)} images do not fill more "
            f"of {MIN_PER_SPLIT}; scores of few images are too low"
        )
    if num_splits > 1:
        return MetricResult(value, _t_interval(scores), OVER_SPLITS, len(logits), None, details)
    interval = _bootstrap_interval(value, resampled_scores(logits, NUM_RESAMPLES, inputs.seed))
    return MetricResult(value, interval, OVER_IMAGES, len(logits), None, details)


def _predictions(
    logits: npt.NDArray[np.floating], rows: npt.NDArray[np.int64]
) -> Iterator[tuple[npt.NDArray[np.int64], Vector, Vector]]:
    """Blocks of rows with their softmax and its logarithm, float64 [B, K] each."""
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = rows[start : start + _BLOCK_ROWS]
        log_p = logits[block].astype(np.float64)
        log_p -= log_p.max(axis=1, keepdims=True)
        p = np.exp(log_p)
        total = p.sum(axis=1, keepdims=True)
        p /= total
        log_p -= np.log(total)
        yield block, p, log_p


def _score(logits: npt.NDArray[np.floating], rows: npt.NDArray[np.int64]) -> float:
    """exp of (entropy of the mean prediction - mean entropy of the predictions)."""
    marginal, sharpness = np.zeros(logits.shape[1]), 0.0
    for _, p, log_p in _predictions(logits, rows):
        marginal += p.sum(axis=0)
        sharpness += float((p * log_p).sum())
    return math.exp(sharpness / len(rows) + float(_entropy(marginal / len(rows))))


def _entropy(shares: Vector) -> Vector:
    """Entropy in nats over the last axis; 0 log 0 = 0."""
    logarithms = np.log(shares, where=shares > 0, out=np.zeros_like(shares))
    return np.asarray(-(shares * logarithms).sum(axis=-1))


def _t_interval(scores: Vector) -> tuple[float, float] | None:
    from scipy.special import stdtrit  # noqa: PLC0415  # slow to import

    half = float(stdtrit(len(scores) - 1, 0.975)) * scores.std(ddof=1) / math.sqrt(len(scores))
    return _cut_off(float(scores.mean() - half), float(scores.mean() + half))


def _bootstrap_interval(value: float, resampled: Vector) -> tuple[float, float] | None:
    low, high = np.percentile(resampled - (resampled.mean() - value), [2.5, 97.5])
    return _cut_off(float(low), float(high))


def _cut_off(low: float, high: float) -> tuple[float, float] | None:
    return (max(low, 1.0), high) if high - low > _NO_SPREAD * high else None


IS = MetricInfo(
    id="is",
    title="IS",
    compute=compute_is,
    higher_is_better=True,
    needs=("logits",),
    description="How sure a classifier is of each image, and how evenly the images fall into its classes.",
    range="1 (all images look alike to the classifier) to the number of the extractor's classes",
    bounds=(1, None),
    interval="Student's t over the splits; with one split a bootstrap over the images. None where nothing varies. "
    "Says nothing about another training of the same model.",
    choices="Natural logarithm, mean over the protocol's splits (10, or 1) after a fixed shuffle; "
    "float64. Ten splits score lower than one split of the same images. A split holds at least 10 images: below 100 "
    "images there are fewer than ten splits and the result says so; below 20 there is no score.",
    cost="A few seconds for 50,000 images, once the features are there.",
    limits="Blind to the reference and to variety within a class; says little on images unlike ImageNet. "
    "Biased at small n: 1,507 images in 10 splits cannot be set beside 50,000.",
    paper="https://arxiv.org/abs/1606.03498",
    reference_code="https://github.com/toshas/torch-fidelity (metric_isc.py)",
)
