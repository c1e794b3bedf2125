"""Density and coverage: precision and recall made robust to outliers.

Paper: Naeem et al. 2020, arXiv:2002.09797. Reference code: the package prdc.

Each real image has a ball that reaches to its k-th nearest other real image. Density: the number of balls that hold a
sample, divided by k, averaged over samples (may exceed 1). Coverage: the share of balls that hold any sample.
Choices: k = 5 and the surface is outside (<), as in prdc. Distances that decide are float64.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ganbench.metrics.intervals import normal_interval, wilson_interval
from ganbench.metrics.neighbours import Floats, ball_counts, manifold_radii
from ganbench.types import MetricResult

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

K = 5


def density(samples: Floats, reference: Floats, k: int = K) -> float:
    """Density of samples [N, D] against the reference [M, D]; needs k < M."""
    per_sample, _ = ball_counts(samples, reference, manifold_radii(reference, k), inclusive=False)
    return float(per_sample.mean() / k)


def coverage(samples: Floats, reference: Floats, k: int = K) -> float:
    """Coverage of the reference [M, D] by samples [N, D]; needs k < M."""
    _, per_ball = ball_counts(samples, reference, manifold_radii(reference, k), inclusive=False)
    return float((per_ball > 0).mean())


def compute_density(inputs: MetricInputs) -> MetricResult:
    """Density of the samples."""
    k = min(K, len(inputs.reference.features) - 1)
    balls = inputs.reference_balls(k)[0] / k  # [N]
    error = balls.std(ddof=1) / math.sqrt(len(balls))
    value = float(balls.mean())
    method = "normal approximation over the samples; the manifold is taken as given"
    return _result(inputs, value, normal_interval(value, float(error)), method, k)


def compute_coverage(inputs: MetricInputs) -> MetricResult:
    """Coverage of the reference."""
    k = min(K, len(inputs.reference.features) - 1)
    covered = inputs.reference_balls(k)[1] > 0  # [M]
    method = "Wilson score interval over the reference images; the samples are taken as given"
    return _result(inputs, float(covered.mean()), wilson_interval(int(np.sum(covered)), len(covered)), method, k)


def _result(inputs: MetricInputs, value: float, interval: tuple[float, float], method: str, k: int) -> MetricResult:
    num_samples, num_reference = len(inputs.samples.features), len(inputs.reference.features)
    return MetricResult(value, interval, method, num_samples, num_reference, {"k": k, "surface": "<"})
