"""Inception Score: sharp and varied class predictions, exp of the mutual information of image and class.

Paper: Salimans et al. 2016, arXiv:1606.03498. Reference code: torch-fidelity `metric_isc.py`.

    IS = exp( mean_i KL( p(y | x_i) || mean_j p(y | x_j) ) ),   natural logarithm, mean over the splits

Choices: 10 splits after a shuffle by NumPy's RandomState(2020), as torch-fidelity draws it; float64 softmax. The
reference images play no part. Biased at small n: show n beside it.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ganbench.types import MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

NUM_SPLITS = 10
SHUFFLE_SEED = 2020
CI_METHOD = "Student's t over the splits"


def split_scores(logits: npt.NDArray[np.floating], num_splits: int = NUM_SPLITS) -> npt.NDArray[np.float64]:
    """The score of each split, float64 [num_splits], from logits [N, K]; needs N >= num_splits."""
    order = np.random.RandomState(SHUFFLE_SEED).permutation(len(logits))
    shifted = logits[order].astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    edges = [i * len(logits) // num_splits for i in range(num_splits + 1)]
    return np.array([_score(log_p[start:end]) for start, end in pairwise(edges)])


def compute_is(inputs: MetricInputs) -> MetricResult:
    """Inception Score of the samples, ± from the splits."""
    logits = inputs.samples.logits
    if logits is None:
        raise MetricUnavailableError("the extractor has no class logits; choose one that has, such as inception")
    num_splits = min(NUM_SPLITS, len(logits))
    scores = split_scores(logits, num_splits)
    details = {"num_splits": num_splits, "split_std": float(scores.std())}
    interval = _t_interval(scores) if num_splits > 1 else None
    return MetricResult(float(scores.mean()), interval, CI_METHOD, len(logits), None, details)


def _score(log_p: npt.NDArray[np.float64]) -> float:
    p = np.exp(log_p)
    marginal = p.mean(axis=0)
    log_marginal = np.log(marginal, where=marginal > 0, out=np.zeros_like(marginal))
    return math.exp((p * (log_p - log_marginal)).sum(axis=1).mean())


def _t_interval(scores: npt.NDArray[np.float64]) -> tuple[float, float]:
    from scipy.special import stdtrit  # noqa: PLC0415  # slow to import

    half = float(stdtrit(len(scores) - 1, 0.975)) * scores.std(ddof=1) / math.sqrt(len(scores))
    return (float(scores.mean() - half), float(scores.mean() + half))
