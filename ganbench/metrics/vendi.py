"""Vendi Score: the effective number of different images among the samples, without a reference.

Paper: Friedman and Dieng 2022, arXiv:2210.02410. Reference code: vertaix/Vendi-Score `vendi_score/vendi.py`.

    VS = exp( -sum_i λ_i log λ_i ),   λ: eigenvalues of K / n,   K_ij = cosine of the features of images i and j

Choices: order q = 1 (the paper's), natural logarithm, float64. K/n = X Xᵀ/n and C = Xᵀ X/n have the same non-zero
eigenvalues, so the smaller of the two is decomposed. Features are scaled to unit length and not centred, as in the
reference code. Details hold the score of as many reference images, since the score depends on n.

Interval: delta method. The influence of image x on the entropy H is -xᵀ (log C) x - H; its variance over the images,
divided by n, is the variance of H, and the ends of H ± 1.96 errors are raised to exp. It covers the sampling at this n;
the downward bias at small n stays in the value. Where all directions are equally frequent it vanishes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ganbench.metrics.cmmd import unit_rows
from ganbench.metrics.finite import finite_mean
from ganbench.metrics.intervals import normal_interval
from ganbench.types import MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

CI_METHOD = "delta method (influence function of the entropy): sampling of the images at this n"


def entropy_with_error(features: npt.NDArray[np.floating]) -> tuple[float, float]:
    """Logarithm of the Vendi Score of features [N, D], and its standard error; needs N >= 2.

    Raises ValueError for features that are NaN or infinite, MetricUnavailableError where an image has none but zeros.
    """
    finite_mean(features)
    num_empty = int((~features.any(axis=1)).sum())
    if num_empty:
        raise MetricUnavailableError(
            f"{num_empty} of {len(features)} images have features of 0 only, which have no cosine with others"
        )
    x = unit_rows(features)
    n, dim = x.shape
    if n > dim:
        values, vectors = np.linalg.eigh(x.T @ x / n)
        squares = np.square(x @ vectors)  # [N, D], (x_i · v_k)²
    else:
        values, vectors = np.linalg.eigh(x @ x.T / n)
        squares = n * values * np.square(vectors)  # the same, [N, N]
    kept = values > len(values) * np.finfo(np.float64).eps  # the eigenvalues sum to 1
    logarithms = np.log(values[kept])
    entropy = float(-(values[kept] * logarithms).sum())
    influence = -squares[:, kept] @ logarithms
    return entropy, math.sqrt(influence.var(ddof=1) / n)


def compute_vendi(inputs: MetricInputs) -> MetricResult:
    """Vendi Score of the samples; details give that of the reference at the same n, or at what there is."""
    samples, reference = inputs.samples.features, inputs.reference.features
    entropy, error = entropy_with_error(samples)
    low, high = normal_interval(entropy, error)
    size = min(len(samples), len(reference))
    chosen = np.random.default_rng(inputs.seed).permutation(len(reference))[:size]
    details = {"reference_value": math.exp(entropy_with_error(reference[chosen])[0]), "reference_images": size, "q": 1}
    return MetricResult(math.exp(entropy), (math.exp(low), math.exp(high)), CI_METHOD, len(samples), None, details)


VENDI = MetricInfo(
    id="vendi",
    title="Vendi Score",
    compute=compute_vendi,
    higher_is_better=True,
    needs=("reference",),
    default=False,
    description="The effective number of different images among the samples, as the extractor sees them.",
    range="1 (all alike) to the smaller of the number of images and of features",
    bounds=(1, None),
    interval="Delta method: the sampling of the images at this n, without the bias at small n. Too narrow for few "
    "images, and near no width where all kinds of image are equally frequent.",
    choices="Cosine of the features as they are (not centred), order q = 1. "
    "Details hold the score of as many reference images.",
    cost="One eigenproblem of the size of the features: seconds.",
    limits="Counts variety of any kind, so noise can beat real images: read it beside the reference's value and a "
    "distance. Grows with n and depends on the extractor: compare only equal ones.",
    paper="https://arxiv.org/abs/2210.02410",
    reference_code="https://github.com/vertaix/Vendi-Score",
)
