"""Kernel distance of two sets of features (KID, with the canonical Inception's features).

Paper: Bińkowski et al. 2018, arXiv:1801.01401. Reference code: torch-fidelity `metric_kid.py`.

Unbiased squared MMD with the kernel k(x, y) = (x·y / D + 1)³, averaged over 100 subsets of 1,000 drawn without
replacement by NumPy's RandomState(2020), in the order in which torch-fidelity draws them. Choices: float64; subsets
shrink to the smaller set and say so. While all pairs are fewer than the pairs in the subsets, the kernel is computed
once, and each subset is a 0/1 column: its sums are cᵀ K c. Otherwise each subset is computed by itself.

Interval: first-order variance of the MMD as a U-statistic. The influence of sample x is 2 (mean k(x, samples) - mean
k(x, reference)); its variance over the samples / n, plus the Monte-Carlo variance of the subsets' mean.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.intervals import normal_interval
from ganbench.types import MetricResult

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

NUM_SUBSETS = 100
SUBSET_SIZE = 1000
SUBSET_SEED = 2020
CI_METHOD = "U-statistic variance (first order) over the generated images, plus Monte-Carlo error of the subsets"
_BLOCK_ROWS = 1024
Matrix = npt.NDArray[np.float64]


class KernelDistance(NamedTuple):
    """`value`: mean over the subsets; `subset_std`: their standard deviation (over n); `standard_error`: of value."""

    value: float
    subset_std: float
    standard_error: float


def kernel_distance(
    samples: npt.NDArray[np.floating],
    reference: npt.NDArray[np.floating],
    num_subsets: int = NUM_SUBSETS,
    subset_size: int = SUBSET_SIZE,
) -> KernelDistance:
    """KID of two sets of features [N, D], [M, D]; needs 2 <= subset_size <= min(N, M)."""
    rng = np.random.RandomState(SUBSET_SEED)  # legacy generator: the draws that torch-fidelity makes
    draws = [
        (
            rng.choice(len(samples), subset_size, replace=False),
            rng.choice(len(reference), subset_size, replace=False),
        )
        for _ in range(num_subsets)
    ]
    x, y = samples.astype(np.float64), reference.astype(np.float64)
    if len(x) * len(y) <= num_subsets * subset_size**2:
        subsets = _subset_distances(
            x, y, _columns(len(x), [a for a, _ in draws]), _columns(len(y), [b for _, b in draws])
        )
    else:
        ones = np.ones((subset_size, 1))
        parts = [_subset_distances(x[a], y[b], ones, ones) for a, b in draws]
        subsets = np.concatenate(parts, axis=1)
    distances, influences = subsets
    variance = influences.mean() / len(x) + distances.var() / num_subsets
    return KernelDistance(float(distances.mean()), float(distances.std()), math.sqrt(variance))


def compute_kid(inputs: MetricInputs) -> MetricResult:
    """KID of the samples against the reference."""
    samples, reference = inputs.samples.features, inputs.reference.features
    size = min(SUBSET_SIZE, len(samples), len(reference))
    result = kernel_distance(samples, reference, subset_size=size)
    details: dict[str, Any] = {
        "num_subsets": NUM_SUBSETS,
        "subset_size": size,
        "subset_std": result.subset_std,
        "seed": SUBSET_SEED,
    }
    if size < SUBSET_SIZE:
        details["note"] = f"subsets of {size} instead of {SUBSET_SIZE}: the smaller set has no more images"
    interval = normal_interval(result.value, result.standard_error)
    return MetricResult(result.value, interval, CI_METHOD, len(samples), len(reference), details)


def _columns(num_rows: int, subsets: list[npt.NDArray[np.int64]]) -> Matrix:
    columns = np.zeros((num_rows, len(subsets)))
    for i, subset in enumerate(subsets):
        columns[subset, i] = 1
    return columns


def _subset_distances(x: Matrix, y: Matrix, columns_x: Matrix, columns_y: Matrix) -> Matrix:
    """Unbiased squared MMD and variance of the samples' influence for each 0/1 column: [2, S]."""
    size = columns_x[:, 0].sum()
    rows_xx = _kernel_sums(x, x, columns_x) - _kernel_diagonal(x)[:, None]  # [N, S], right where columns_x is 1
    rows_yy = _kernel_sums(y, y, columns_y) - _kernel_diagonal(y)[:, None]
    rows_xy = _kernel_sums(x, y, columns_y)
    within_x, within_y = (columns_x * rows_xx).sum(axis=0), (columns_y * rows_yy).sum(axis=0)
    between = (columns_x * rows_xy).sum(axis=0)
    distances = (within_x + within_y) / (size * (size - 1)) - 2 * between / size**2
    influence = 2 * (rows_xx / (size - 1) - rows_xy / size)
    mean = (columns_x * influence).sum(axis=0) / size
    variance = (columns_x * np.square(influence - mean)).sum(axis=0) / (size - 1)
    return np.stack([distances, variance])


def _kernel_sums(x: Matrix, y: Matrix, columns: Matrix) -> Matrix:
    """K(x, y) @ columns in blocks of rows: [N, S]."""
    blocks = (x[start : start + _BLOCK_ROWS] for start in range(0, len(x), _BLOCK_ROWS))
    return np.concatenate([_cubed(block @ y.T / x.shape[1] + 1) @ columns for block in blocks])


def _kernel_diagonal(x: Matrix) -> Matrix:
    return _cubed(np.einsum("ij,ij->i", x, x) / x.shape[1] + 1)


def _cubed(values: Matrix) -> Matrix:
    return np.asarray(values * values * values)  # np.power is many times slower
