"""Fréchet distance of two Gaussians fitted to features (FID, with the canonical Inception's features).

Paper: Heusel et al. 2017, arXiv:1706.08500. Reference code: torch-fidelity `metric_fid.py`, bioinf-jku/TTUR `fid.py`.

    d² = |μ₁ - μ₂|² + tr S₁ + tr S₂ - 2 tr (S₁ S₂)^½

Choices: float64 throughout (but for one product behind the standard error, where float32 leaves six digits);
covariance over n - 1; statistics of all features at once, so no batch size enters.

With any root S₂ = R Rᵀ, tr (S₁ S₂)^½ is the sum of the roots of the eigenvalues of the symmetric matrix Rᵀ S₁ R. (The
product S₁ S₂ itself is not symmetric, and matrix roots of it are slow and unreliable.) Where there are more images than
dimensions, R is the Cholesky factor of S₂. Where there are fewer, the centred features are themselves a root, and the
symmetric matrix is the Gram matrix of one set's features seen through the other's: n x n, without any covariance.
Roots of eigenvalues lose half of the digits of the small ones. That loss is bounded at each call; where it could show
in the sixth digit of d², the singular values of R₁ᵀ R₂ are computed instead, which are slower and lose nothing.

Interval: delta method. At a sample x the influence function of d² is

    2 (μ₁ - μ₂)·(x - μ₁) + (x - μ₁)ᵀ (I - T) (x - μ₁) + constant,    T = R (Rᵀ S₁ R)^-½ Rᵀ,

T being the optimal transport map from S₁ to S₂. Its variance over the samples, divided by n, is the variance of d².
It covers the sampling of generated images at this n; the upward bias of FID at small n stays in the value, so
compare only values of equal n. Where both distributions are equal the first-order variance vanishes, and what is
estimated is mostly the influence's own noise: where the bias is most of the value, as it is for equal distributions
with at most 10 images a dimension, the standard error comes out 1.3 to 1.4 times too large.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.finite import finite_mean
from ganbench.metrics.intervals import sampling_interval
from ganbench.types import MetricInfo, MetricResult

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

Matrix = npt.NDArray[np.float64]
CI_METHOD = "delta method (influence function): sampling of the generated images at this n, without the bias at small n"
_EPS = float(np.finfo(np.float64).eps)
_BLOCK_ROWS = 8192  # 128 MB at 2048 dimensions
_LEAST_MOVED = 1e-6  # directions with less of the largest singular value add nothing to a standard error
_ROUNDING = 4  # an eigenvalue's error in units of eps times the largest: what LAPACK shows, with room
_TOLERATED_OF_VALUE, _TOLERATED_OF_TRACE = 2e-7, 1e-10  # error of d² at which singular values take over


@dataclass(frozen=True, eq=False)
class GaussianStatistics:
    """The Gaussian fitted to a set of features: `mean` [D] and either form of the covariance, float64.

    `covariance` [D, D] where there are more images than dimensions; `rows` [N, D], the centred features over
    sqrt(N - 1), where there are not: covariance = rowsᵀ rows. What is derived from it is computed once, so a reference
    that is used again costs nothing again.
    """

    mean: Matrix
    covariance: Matrix | None
    rows: Matrix | None = None

    @cached_property
    def trace(self) -> float:
        """Sum of the variances."""
        if self.rows is not None:
            return float(np.einsum("ij,ij->", self.rows, self.rows))
        return float(np.trace(self.full_covariance))

    @cached_property
    def full_covariance(self) -> Matrix:
        """Covariance [D, D], whatever the number of images."""
        if self.covariance is not None:
            return self.covariance
        assert self.rows is not None
        return np.asarray(self.rows.T @ self.rows)

    @cached_property
    def cholesky(self) -> Matrix | None:
        """Lower triangular root [D, D] of the covariance, or None where it is too near singular."""
        if self.covariance is None:
            return None
        from scipy.linalg.lapack import dpotrf  # noqa: PLC0415  # a third faster than numpy.linalg's call of the same

        # LAPACK wants columns first: a symmetric matrix is its own transpose, and the transposed root is the upper one
        upper, info = dpotrf(self.covariance.T, lower=0, clean=1)
        variances = np.diagonal(self.covariance)
        exact = info == 0 and np.diagonal(upper).min() ** 2 > 10 * len(variances) * _EPS * variances.max()
        return upper.T if exact else None

    @cached_property
    def root(self) -> Matrix:
        """Matrix [D, r] with root rootᵀ = covariance, r <= min(N, D)."""
        if self.rows is not None:
            return self.rows.T
        return self.cholesky if self.cholesky is not None else _eigen_root(self.full_covariance)


class Overlap(NamedTuple):
    """Singular values [r] of rootᵀ(samples) root(reference), and its singular vectors of one `side` where asked for."""

    singular: Matrix
    vectors: Matrix | None
    side: Literal["samples", "reference"]


def gaussian(features: npt.NDArray[np.floating]) -> tuple[Matrix, Matrix]:
    """Mean [D] and covariance [D, D] (over n - 1) of features [N, D], float64; needs N >= 2.

    Raises ValueError for features that are NaN or infinite.
    """
    mean = finite_mean(features)
    blocks = _centred_blocks(features, mean)
    first = next(blocks)
    covariance = first.T @ first
    for block in blocks:
        covariance += block.T @ block
    covariance /= len(features) - 1
    return mean, covariance


def fit_gaussian(features: npt.NDArray[np.floating]) -> GaussianStatistics:
    """The Gaussian of features [N, D] in the form that costs least; needs N >= 2.

    Raises ValueError for features that are NaN or infinite.
    """
    num_images, dim = features.shape
    if num_images > dim:
        return GaussianStatistics(*gaussian(features))
    mean = finite_mean(features)
    return GaussianStatistics(mean, None, (features - mean) / math.sqrt(num_images - 1))


def frechet_distance(mean1: Matrix, cov1: Matrix, mean2: Matrix, cov2: Matrix) -> float:
    """Squared Fréchet distance of N(mean1, cov1) and N(mean2, cov2); right for singular covariances too."""
    return frechet(GaussianStatistics(mean1, cov1), GaussianStatistics(mean2, cov2))


def frechet(samples: GaussianStatistics, reference: GaussianStatistics) -> float:
    """Squared Fréchet distance of two fitted Gaussians."""
    return _distance(samples, reference, _overlap(samples, reference, vectors=False).singular)


def frechet_distance_with_error(
    samples: npt.NDArray[np.floating], reference: npt.NDArray[np.floating]
) -> tuple[float, float]:
    """Squared Fréchet distance of features [N, D] from [M, D], and its standard error from sampling the first set."""
    return frechet_with_error(samples, fit_gaussian(samples), fit_gaussian(reference))


def frechet_with_error(
    features: npt.NDArray[np.floating], samples: GaussianStatistics, reference: GaussianStatistics
) -> tuple[float, float]:
    """The same for statistics that are known; `features` [N, D] are those of the samples."""
    overlap = _overlap(samples, reference, vectors=True)
    shift = samples.mean - reference.mean
    influence = _transported(features, samples, reference, overlap)
    for start, block in zip(range(0, len(features), _BLOCK_ROWS), _centred_blocks(features, samples.mean), strict=True):
        part = slice(start, start + len(block))
        influence[part] = 2 * block @ shift + np.einsum("ij,ij->i", block, block) - influence[part]
    error = math.sqrt(influence.var(ddof=1) / len(influence))
    return _distance(samples, reference, overlap.singular), error


def compute_fid(inputs: MetricInputs) -> MetricResult:
    """FID of the samples against the reference."""
    features = inputs.samples.features
    value, error = frechet_with_error(features, inputs.samples_gaussian, inputs.reference_gaussian)
    return MetricResult(
        value,
        sampling_interval(value, error),
        CI_METHOD,
        len(features),
        len(inputs.reference.features),
        {"standard_error": error},
    )


def _centred_blocks(features: npt.NDArray[np.floating], mean: Matrix) -> Iterator[Matrix]:
    """Blocks of rows in float64, centred: features of 50,000 images have no float64 copy."""
    return (features[start : start + _BLOCK_ROWS] - mean for start in range(0, len(features), _BLOCK_ROWS))


def _distance(samples: GaussianStatistics, reference: GaussianStatistics, singular: Matrix) -> float:
    shift = float(np.square(samples.mean - reference.mean).sum())
    return shift + samples.trace + reference.trace - 2 * float(singular.sum())


def _overlap(samples: GaussianStatistics, reference: GaussianStatistics, *, vectors: bool) -> Overlap:
    """From the eigenvalues of the smaller symmetric product where they are exact enough, else from an SVD."""
    product, side = _symmetric_product(samples, reference)
    values, basis = np.linalg.eigh(product) if vectors else (_eigenvalues(product), None)
    noise = _ROUNDING * _EPS * max(values[-1], 0.0)
    singular = np.sqrt(np.maximum(values, 0.0))
    error = float((noise / (singular + math.sqrt(noise) + np.finfo(np.float64).tiny)).sum())
    value = _distance(samples, reference, singular)
    if error <= _TOLERATED_OF_VALUE * value + _TOLERATED_OF_TRACE * (samples.trace + reference.trace):
        return Overlap(singular, basis, side)
    cross = samples.root.T @ reference.root  # [r1, r2]
    if not vectors:
        return Overlap(np.asarray(np.linalg.svd(cross, compute_uv=False), np.float64), None, side)
    left, exact, right = np.linalg.svd(cross, full_matrices=False)
    return Overlap(np.asarray(exact), np.asarray(left if side == "samples" else right.T), side)


def _eigenvalues(product: Matrix) -> Matrix:
    """Eigenvalues [D], ascending, of a symmetric matrix given by its lower triangle; the matrix is used up."""
    from scipy.linalg import eigvalsh  # noqa: PLC0415  # unlike numpy's, it works in place

    return np.asarray(eigvalsh(product.T, lower=False, overwrite_a=True, check_finite=False, driver="evd"))


def _symmetric_product(
    samples: GaussianStatistics, reference: GaussianStatistics
) -> tuple[Matrix, Literal["samples", "reference"]]:
    """The symmetric matrix whose eigenvalues are those of S₁ S₂ (but for zeros), and whose root it was made with."""
    if samples.rows is not None:
        cross = samples.rows @ reference.root  # [n1, r2]
        if len(cross) <= cross.shape[1]:
            return cross @ cross.T, "samples"
        return cross.T @ cross, "reference"
    if reference.cholesky is None:
        return reference.root.T @ samples.full_covariance @ reference.root, "reference"
    from scipy.linalg.lapack import dsygst  # noqa: PLC0415  # Lᵀ S L in half of two matrix products' time

    product, info = dsygst(samples.full_covariance.T, reference.cholesky.T, itype=3, lower=0)
    assert info == 0
    return product.T, "reference"


def _transported(
    features: npt.NDArray[np.floating], samples: GaussianStatistics, reference: GaussianStatistics, overlap: Overlap
) -> Matrix:
    """(x - μ₁)ᵀ T (x - μ₁) of each sample, float64 [N]."""
    singular, vectors, side = overlap
    assert vectors is not None
    if side == "samples":  # the i-th sample is root1 times the i-th unit vector
        return np.asarray((len(features) - 1) * (np.square(vectors) @ singular))
    kept = singular > _LEAST_MOVED * singular.max(initial=0.0)
    basis = reference.root @ (vectors[:, kept] / np.sqrt(singular[kept]))  # [D, r], T = basis basisᵀ
    single = basis.astype(np.float32)
    parts = (block.astype(np.float32) @ single for block in _centred_blocks(features, samples.mean))
    return np.concatenate([np.einsum("ij,ij->i", part, part, dtype=np.float64) for part in parts])


def _eigen_root(covariance: Matrix) -> Matrix:
    """Matrix A [D, r] with A Aᵀ = covariance; directions without variance are left out, but at least one is kept."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > max(values[-1], 0.0) * len(values) * _EPS
    kept[-1] = True
    return np.asarray(vectors[:, kept] * np.sqrt(np.maximum(values[kept], 0.0)))


FID = MetricInfo(
    id="fid",
    title="FID",
    compute=compute_fid,
    higher_is_better=False,
    needs=("reference",),
    description="How far the samples' features lie from the real ones', each taken as one Gaussian: quality and "
    "variety in one number.",
    range="0 and up; 0 for equal means and covariances",
    bounds=(0, None),
    interval="Which values other samples of the same generator would give at this n: delta method through the "
    "influence function. It does not hold the bias at small n. Where that bias is most of the value the interval is "
    "too wide: 1.3 to 1.4 times for equal distributions with at most 10 images a dimension.",
    choices="float64, covariance over n - 1, all features at once. Symmetric eigenvalues of one covariance seen "
    "through the root of the other; singular values where eigenvalues would lose digits.",
    cost="At 2048 dimensions about 2 seconds on two CPU cores, a tenth of that for 1,000 images.",
    limits="Biased upwards at small n: compare only equal n. A replay of the training images scores best. Blind to all "
    "but mean and covariance. The way of resizing changes it.",
    paper="https://arxiv.org/abs/1706.08500",
    reference_code="https://github.com/toshas/torch-fidelity",
)
