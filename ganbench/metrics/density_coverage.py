"""Density and coverage: precision and recall made robust to outliers.

Paper: Naeem et al. 2020, arXiv:2002.09797. Reference code: the package prdc.

Each real image has a ball that reaches to its k-th nearest other real image. Density: the number of balls that hold a
sample, divided by k, averaged over samples (may exceed 1). Coverage: the share of balls that hold any sample.
Choices: k = 5 unless the protocol says otherwise, and the surface is outside (<), as in prdc. Distances that decide are
float64.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.metrics.intervals import sampling_interval, wilson_interval
from ganbench.metrics.neighbours import BallCounts, Balls, Floats, ball_counts, manifold_radii
from ganbench.metrics.precision_recall import usable_k
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
    k, note = _k(inputs)
    balls = inputs.manifolds.density.per_a / k  # [N]
    error = float(balls.std(ddof=1)) / math.sqrt(len(balls)) if len(balls) > 1 else 0.0
    method = "normal approximation over the samples, cut off at 0; the real images' manifold is taken as given"
    value = float(balls.mean())
    return _result(inputs, value, sampling_interval(value, error, at_least=0.0), method, {"k": k, **note})


def compute_coverage(inputs: MetricInputs) -> MetricResult:
    """Coverage of the reference."""
    k, note = _k(inputs)
    covered = inputs.manifolds.density.per_b > 0  # [M]
    method = "Wilson score interval over the reference images; the samples are taken as given"
    interval = wilson_interval(int(np.sum(covered)), len(covered))
    return _result(inputs, float(covered.mean()), interval, method, {"k": k, **note})


def _counts(samples: Floats, reference: Floats, k: int) -> BallCounts:
    return ball_counts(samples, reference, [Balls("b", manifold_radii(reference, k), "<")])[0]


def _k(inputs: MetricInputs) -> tuple[int, dict[str, Any]]:
    return usable_k(inputs.protocol.density_k, len(inputs.reference.features), "reference images")


def _result(
    inputs: MetricInputs, value: float, interval: tuple[float, float] | None, method: str, details: dict[str, Any]
) -> MetricResult:
    num_samples, num_reference = len(inputs.samples.features), len(inputs.reference.features)
    return MetricResult(value, interval, method, num_samples, num_reference, {**details, "surface": "<"})


_PAPER = "https://arxiv.org/abs/2002.09797"
_CODE = "https://github.com/clovaai/generative-evaluation-prdc"
_CHOICES = (
    "k is the protocol's (ganbench-v1: 5); with no more than k real images it is one less than their number, and the "
    "result says so. The surface of a ball is outside (<). float64 decides distances."
)
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
    bounds=(0, None),
    interval="Other samples of the same generator, with the real images' neighbourhoods taken as given: normal "
    "approximation, cut off at 0; none where all samples lie in equally many.",
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
    bounds=(0, 1),
    interval="Other real images, with the samples taken as given: Wilson's score interval. It does not say how much "
    "other samples of the same generator would change the value.",
    choices=_CHOICES,
    cost=_COST,
    limits="Depends on n: real images reach about 1 - 2^-k where both sets are equally large, less with fewer samples.",
    paper=_PAPER,
    reference_code=_CODE,
)
