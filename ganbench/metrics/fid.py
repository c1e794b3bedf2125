"""Fréchet distance of two Gaussians fitted to features (FID, with the canonical Inception's features).

Paper: Heusel et al. 2017, arXiv:1706.08500. Reference code: torch-fidelity `metric_fid.py`, bioinf-jku/TTUR `fid.py`.

    d² = |μ₁ - μ₂|² + tr S₁ + tr S₂ - 2 tr (S₁ S₂)^½

Choices: float64 throughout; covariance over n - 1; tr (S₁ S₂)^½ is the sum of the singular values of S₂^½ S₁^½, since
the product itself is not symmetric and SciPy's matrix root is unreliable where n < D. Statistics are computed from all
features at once, so no batch size enters.

Interval: delta method. At a sample x the influence function of d² is

    2 (μ₁ - μ₂)·(x - μ₁) + (x - μ₁)ᵀ (I - T) (x - μ₁) + constant,    T = S₁^-½ (S₁^½ S₂ S₁^½)^½ S₁^-½,

T being the optimal transport map from S₁ to S₂. Its variance over the samples, divided by n, is the variance of d².
It covers the sampling of generated images at this n; the upward bias of FID at small n stays in the value, so
compare only values of equal n. Where both distributions are equal the first-order variance vanishes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ganbench.metrics.intervals import normal_interval
from ganbench.types import MetricResult

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

Matrix = npt.NDArray[np.float64]
CI_METHOD = "delta method (influence function): sampling of the generated images at this n, without the bias at small n"


def gaussian(features: npt.NDArray[np.floating]) -> tuple[Matrix, Matrix]:
    """Mean [D] and covariance [D, D] (over n - 1) of features [N, D], float64; needs N >= 2."""
    features = features.astype(np.float64)
    mean = features.mean(axis=0)
    centred = features - mean
    return mean, centred.T @ centred / (len(features) - 1)


def frechet_distance(mean1: Matrix, cov1: Matrix, mean2: Matrix, cov2: Matrix) -> float:
    """Squared Fréchet distance of N(mean1, cov1) and N(mean2, cov2); right for singular covariances too."""
    singular = np.linalg.svd(_scaled_basis(cov2).T @ _scaled_basis(cov1), compute_uv=False)
    return _distance(mean1, cov1, mean2, cov2, float(singular.sum()))


def frechet_distance_with_error(
    features1: npt.NDArray[np.floating], features2: npt.NDArray[np.floating]
) -> tuple[float, float]:
    """Squared Fréchet distance of two sets of features [N1, D], [N2, D], and its standard error from sampling set 1."""
    mean1, cov1 = gaussian(features1)
    mean2, cov2 = gaussian(features2)
    root1, root2 = _scaled_basis(cov1), _scaled_basis(cov2)  # [D, r1], [D, r2]
    _, singular, right = np.linalg.svd(root2.T @ root1, full_matrices=False)  # [r], [r, r1]
    value = _distance(mean1, cov1, mean2, cov2, float(singular.sum()))
    if root1.shape[1] == 0:
        return value, 0.0
    centred = features1.astype(np.float64) - mean1
    inverse_root1 = root1 / np.square(root1).sum(axis=0)  # columns are eigenvectors over the root of their eigenvalue
    transport = inverse_root1 @ (right.T * np.sqrt(singular))  # T = transport transportᵀ
    influence = 2 * centred @ (mean1 - mean2) + np.square(centred).sum(axis=1)
    influence -= np.square(centred @ transport).sum(axis=1)
    return value, math.sqrt(influence.var(ddof=1) / len(influence))


def compute_fid(inputs: MetricInputs) -> MetricResult:
    """FID of the samples against the reference."""
    samples, reference = inputs.samples.features, inputs.reference.features
    value, error = frechet_distance_with_error(samples, reference)
    return MetricResult(
        value, normal_interval(value, error), CI_METHOD, len(samples), len(reference), {"standard_error": error}
    )


def _distance(mean1: Matrix, cov1: Matrix, mean2: Matrix, cov2: Matrix, trace_root: float) -> float:
    return float(np.square(mean1 - mean2).sum() + np.trace(cov1) + np.trace(cov2) - 2 * trace_root)


def _scaled_basis(covariance: Matrix) -> Matrix:
    """Matrix A [D, r] with A Aᵀ = covariance and orthogonal columns; directions without variance are left out."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > max(values[-1], 0.0) * len(values) * np.finfo(np.float64).eps
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))
