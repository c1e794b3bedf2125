"""CMMD: maximum mean discrepancy of CLIP embeddings, which assumes no Gaussians.

Paper: Jayasumana et al. 2024, arXiv:2401.09603. Reference code: google-research/cmmd `distance.py`.

    CMMD = 1000 ( mean_ij k(x_i, x_j) + mean_ij k(y_i, y_j) - 2 mean_ij k(x_i, y_j) ),
    k(x, y) = exp( -|x - y|² / (2 σ²) ),   σ = 10

Choices: the reference code's estimator, which keeps the pairs of an image with itself (V-statistic; never negative),
so it is biased upwards by about 1000 (1 - mean k)(1/n + 1/m); details give the unbiased value as well. Embeddings are
scaled to unit length. The kernel lies within 0.98 and 1 there, and the value is a small difference of such means:
float64 (the reference code has float32). Kernels are summed in blocks of rows: no n x m matrix is held.

Interval: first-order variance of the MMD as a U-statistic. The influence of sample x is 2 (mean k(x, samples) - mean
k(x, reference)); its variance over the samples, divided by n. It vanishes where both distributions are equal.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.intervals import normal_interval
from ganbench.types import MetricInfo, MetricResult

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

SIGMA = 10.0
SCALE = 1000.0
CI_METHOD = "U-statistic variance (first order) over the generated images"
_BLOCK_ROWS = 1024
Matrix = npt.NDArray[np.float64]


class Discrepancy(NamedTuple):
    """`value`: with the pairs of an image with itself; `unbiased`: without; `standard_error`: from sampling x."""

    value: float
    unbiased: float
    standard_error: float


def discrepancy(x: Matrix, y: Matrix, sigma: float = SIGMA) -> Discrepancy:
    """1000 x squared MMD of embeddings float64 [N, D], [M, D] under a Gaussian kernel; needs N, M >= 2."""
    n, m = len(x), len(y)
    rows_xx, rows_yy = _sums_within(x, sigma), _sums_within(y, sigma)  # [N], [M]
    rows_xy = _sums_between(x, y, sigma)  # [N]
    between = rows_xy.sum() / (n * m)
    value = rows_xx.sum() / n**2 + rows_yy.sum() / m**2 - 2 * between
    unbiased = (rows_xx.sum() - n) / (n * (n - 1)) + (rows_yy.sum() - m) / (m * (m - 1)) - 2 * between
    influence = 2 * (rows_xx / n - rows_xy / m)
    error = math.sqrt(influence.var(ddof=1) / n)
    return Discrepancy(SCALE * float(value), SCALE * float(unbiased), SCALE * error)


def compute_cmmd(inputs: MetricInputs) -> MetricResult:
    """CMMD of samples and reference; `inputs` hold the embeddings of CLIP."""
    samples, reference = unit_rows(inputs.samples.features), unit_rows(inputs.reference.features)
    result = discrepancy(samples, reference)
    interval = normal_interval(result.value, result.standard_error)
    details = {"unbiased": result.unbiased, "sigma": SIGMA, "scale": SCALE}
    return MetricResult(result.value, interval, CI_METHOD, len(samples), len(reference), details)


def unit_rows(features: npt.NDArray[np.floating]) -> Matrix:
    """Features [N, D] in float64, each row of length 1; a row of zeros stays."""
    rows = features.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.divide(rows, lengths, where=lengths > 0, out=rows))


def _sums_between(x: Matrix, y: Matrix, sigma: float) -> Matrix:
    """sum_j k(x_i, y_j) for each i: [N]."""
    blocks = (x[start : start + _BLOCK_ROWS] for start in range(0, len(x), _BLOCK_ROWS))
    return np.concatenate([_kernel(block, y, sigma).sum(axis=1) for block in blocks])


def _sums_within(x: Matrix, sigma: float) -> Matrix:
    """sum_j k(x_i, x_j) for each i: [N]; each pair of blocks is computed once."""
    sums = np.zeros(len(x))
    for start in range(0, len(x), _BLOCK_ROWS):
        end = start + _BLOCK_ROWS
        kernel = _kernel(x[start:end], x[start:], sigma)
        sums[start:end] += kernel.sum(axis=1)
        sums[end:] += kernel[:, _BLOCK_ROWS:].sum(axis=0)
    return sums


def _kernel(x: Matrix, y: Matrix, sigma: float) -> Matrix:
    exponents = x @ y.T
    exponents *= 2
    exponents -= np.square(x).sum(axis=1)[:, None]
    exponents -= np.square(y).sum(axis=1)
    exponents /= 2 * sigma**2
    return np.asarray(np.exp(exponents, out=exponents))


CMMD = MetricInfo(
    id="cmmd",
    title="CMMD",
    compute=compute_cmmd,
    higher_is_better=False,
    needs=("reference",),
    extractor="clip",
    default=False,
    description="How different the CLIP embeddings of samples and real images are distributed, whatever their shape.",
    range="0 and up; near 0 for two real sets of one source",
    bounds=(0, None),
    interval="First-order variance of a U-statistic: the sampling of the generated images at this n.",
    choices="Gaussian kernel of width 10 on embeddings of unit length, times 1,000; the reference code's estimator, "
    "which keeps the pairs of an image with itself; float64.",
    cost="The network is large; then all pairs of images: minutes for 50,000 against 50,000.",
    limits="Slightly biased upwards at small n: details hold the unbiased value. CLIP was trained on photos with "
    "captions: it says little on images unlike them. A replay of the training images scores best.",
    paper="https://arxiv.org/abs/2401.09603",
    reference_code="https://github.com/google-research/google-research/tree/master/cmmd",
)
