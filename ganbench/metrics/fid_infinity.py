"""FID freed of the bias of a finite number of samples, by extrapolation.

Paper: Chong and Forsyth 2020, arXiv:1911.07023. Reference code: mchong6/FID_IS_infinity.

To first order FID(n) = FID∞ + a / n. FID is computed on random subsets of the samples, of 15 sizes evenly spaced from a
tenth of them to all (the paper's 5,000 to 50,000), each against the whole reference; the least-squares line through
FID over 1 / n meets 1 / n = 0 at FID∞. Choices: each subset is drawn anew without replacement from NumPy's default
generator with the evaluation's seed. Quasi-random latents, which the paper also proposes, would need a generator and
are not used. What the reference's own finite number adds stays in the value, as in the paper.

Interval: two independent parts, added as variances: the standard error of FID at the full n (delta method, see
`fid.py`), since all subsets come from the same samples, and the standard error of the line's intercept.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.fid import GaussianStatistics, fit_gaussian, frechet, frechet_with_error
from ganbench.metrics.intervals import normal_interval
from ganbench.types import MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

NUM_SIZES = 15
MIN_SAMPLES = 10 * NUM_SIZES  # so that all sizes differ, and the smallest has a covariance
CI_METHOD = "delta method at the full n (sampling of the generated images) and standard error of the extrapolation"


class Extrapolation(NamedTuple):
    """`value` at 1 / n = 0 with its standard error; the line's `slope`; `sizes` and `fids` are the points under it."""

    value: float
    standard_error: float
    slope: float
    sizes: list[int]
    fids: list[float]


def fid_infinity(features: npt.NDArray[np.floating], reference: GaussianStatistics, seed: int) -> Extrapolation:
    """FID∞ of features [N, D] against the reference; needs N >= MIN_SAMPLES."""
    rng = np.random.default_rng(seed)
    num_images = len(features)
    sizes = np.linspace(num_images // 10, num_images, NUM_SIZES).astype(int)
    fids = [
        frechet(fit_gaussian(features[np.sort(rng.choice(num_images, size, replace=False))]), reference)
        for size in sizes[:-1]
    ]
    whole, whole_error = frechet_with_error(features, fit_gaussian(features), reference)
    intercept, slope, intercept_error = _line(1 / sizes, np.array([*fids, whole]))
    error = math.hypot(whole_error, intercept_error)
    return Extrapolation(intercept, error, slope, sizes.tolist(), [*fids, whole])


def compute_fid_infinity(inputs: MetricInputs) -> MetricResult:
    """FID∞ of the samples against the reference. Raises MetricUnavailableError for fewer than MIN_SAMPLES."""
    features = inputs.samples.features
    if len(features) < MIN_SAMPLES:
        raise MetricUnavailableError(f"FID∞ needs at least {MIN_SAMPLES} samples, got {len(features)}: generate more")
    result = fid_infinity(features, inputs.reference_gaussian, inputs.seed)
    return MetricResult(
        result.value,
        normal_interval(result.value, result.standard_error),
        CI_METHOD,
        len(features),
        len(inputs.reference.features),
        {"sizes": result.sizes, "fids": result.fids, "slope": result.slope, "standard_error": result.standard_error},
    )


def _line(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Least squares: intercept, slope and the intercept's standard error."""
    centred = x - x.mean()
    spread = float(centred @ centred)
    slope = float(centred @ y) / spread
    intercept = float(y.mean() - slope * x.mean())
    residual = float(np.square(y - intercept - slope * x).sum()) / (len(x) - 2)
    return intercept, slope, math.sqrt(residual * (1 / len(x) + float(x.mean()) ** 2 / spread))


FID_INFINITY = MetricInfo(
    id="fid_infinity",
    title="FID∞",
    compute=compute_fid_infinity,
    higher_is_better=False,
    needs=("reference",),
    default=False,
    description="FID as it would be with endless samples: the line through FID over 1 / n, read at 0.",
    range="about 0 and up; slightly below 0 is possible for equal distributions",
    interval="Other samples of the same generator (delta method at the full n), plus the standard error of the "
    "extrapolation.",
    choices="15 sizes from a tenth of the samples to all, random subsets from the evaluation's seed, ordinary least "
    "squares. Only the samples are extrapolated; the reference stays as it is.",
    cost="15 times FID's: about 10 seconds for 10,000 samples and half a minute for 50,000 at 2048 dimensions on "
    "two CPU cores.",
    limits="The line holds once the subsets are larger than the number of dimensions; below about 20,000 samples at "
    "2048 dimensions it is a rough guide. The reference's own bias stays in the value.",
    paper="https://arxiv.org/abs/1911.07023",
    reference_code="https://github.com/mchong6/FID_IS_infinity",
)
