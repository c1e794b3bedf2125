"""Density and coverage: precision and recall made robust to outliers.

Paper: Naeem et al. 2020, arXiv:2002.09797. Reference code: the package prdc.

Each real image has a ball that reaches to its k-th nearest other real image. Density: the number of balls that hold a
sample, divided by k, averaged over samples (may exceed 1). Coverage: the share of balls that hold any sample.
Choices: k = 5 unless the protocol says otherwise, and the surface is outside (<), as in prdc. Distances that decide are
float64.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ganbench.metrics.intervals import normal_interval, wilson_interval
from ganbench.metrics.neighbours import BallCounts, Balls, Floats, ball_counts, manifold_radii
from ganbench.types import MetricInfo, MetricResult

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

K = 5


def density(samples: Floats, reference: Floats, k: int = K) -> float:
    """Density of samples [N, D] against the reference [M, D]; needs k < M."""
    return float(_counts(samples, reference, k).per_a.mean() / k)


def coverage(samples: Floats, reference: Floats, k: int = K) -> float:
    """Coverage of the reference [M, D] by samples [N, D]; needs k < M."""
    return float((_counts(samples, reference, k).per_b > 0).mean())


def compute_density(inputs: MetricInputs) -> MetricResult:
    """Density of the samples."""
    balls = inputs.manifolds.density.per_a / _k(inputs)  # [N]
    value, error = float(balls.mean()), float(balls.std(ddof=1)) / math.sqrt(len(balls))
    method = "normal approximation over the samples; the manifold is taken as given"
    return _result(inputs, value, normal_interval(value, error), method)


def compute_coverage(inputs: MetricInputs) -> MetricResult:
    """Coverage of the reference."""
    covered = inputs.manifolds.density.per_b > 0  # [M]
    method = "Wilson score interval over the reference images; the samples are taken as given"
    return _result(inputs, float(covered.mean()), wilson_interval(int(np.sum(covered)), len(covered)), method)


def _counts(samples: Floats, reference: Floats, k: int) -> BallCounts:
    return ball_counts(samples, reference, [Balls("b", manifold_radii(reference, k), "<")])[0]


def _k(inputs: MetricInputs) -> int:
    return min(inputs.protocol.density_k, len(inputs.reference.features) - 1)


def _result(inputs: MetricInputs, value: float, interval: tuple[float, float], method: str) -> MetricResult:
    num_samples, num_reference = len(inputs.samples.features), len(inputs.reference.features)
    return MetricResult(value, interval, method, num_samples, num_reference, {"k": _k(inputs), "surface": "<"})


_PAPER = "https://arxiv.org/abs/2002.09797"
_CODE = "https://github.com/clovaai/generative-evaluation-prdc"
_CHOICES = "k is the protocol's (ganbench-v1: 5); the surface of a ball is outside (<). float64 decides distances."
_COST = "Two searches for neighbours and one pass over all pairs, shared with precision and recall."

DENSITY = MetricInfo(
    id="density",
    title="Density",
    compute=compute_density,
    higher_is_better=True,
    needs=("reference",),
    description="How many real images' neighbourhoods a sample lies in, against what a real image would: how realistic "
    "the samples are, with little weight on outliers.",
    range="0 and up; about 1 for real images",
    interval="Other samples of the same generator, with the real images' neighbourhoods taken as given: normal "
    "approximation.",
    choices=_CHOICES,
    cost=_COST,
    limits="Above 1 where samples crowd round the dense parts of the data. Says nothing of variety.",
    paper=_PAPER,
    reference_code=_CODE,
)
COVERAGE = MetricInfo(
    id="coverage",
    title="Coverage",
    compute=compute_coverage,
    higher_is_better=True,
    needs=("reference",),
    description="The share of real images that have a sample in their neighbourhood: how much of the data's variety is "
    "there.",
    range="0 to 1",
    interval="Other real images, with the samples taken as given: Wilson's score interval.",
    choices=_CHOICES,
    cost=_COST,
    limits="Depends on n: real images reach about 1 - 2^-k where both sets are equally large, less with fewer samples.",
    paper=_PAPER,
    reference_code=_CODE,
)
