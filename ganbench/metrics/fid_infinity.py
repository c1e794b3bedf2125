"""FID freed of the bias of a finite number of samples, by extrapolation.

Paper: Chong and Forsyth 2020, arXiv:1911.07023. Reference code: mchong6/FID_IS_infinity.

To first order FID(n) = FID∞ + a / n. FID is computed on random subsets of the samples, of 15 sizes evenly spaced from a
tenth of them to all (the paper's 5,000 to 50,000), each against the whole reference; the least-squares line through
FID over 1 / n meets 1 / n = 0 at FID∞. Choices: each subset is drawn anew without replacement from NumPy's default
generator with the evaluation's seed. Quasi-random latents, which the paper also proposes, would need a generator and
are not used. What the reference's own finite number adds stays in the value, as in the paper.

Interval: two independent parts, added as variances: the standard error of FID at the full n (delta method, see
`fid.py`), since all subsets come from the same samples, and the standard error of the line's intercept. It leaves out
the bias of the extrapolation: terms of 1 / n² bend the line while the smallest subsets have few images for each
dimension. In simulations (Gaussians whose scales differ by 15 %) the value is 14 to 18 % too low at 10 images a
dimension, 2 % at 25 and 1 % at 50. Sampling error shrinks beside that as dimensions grow: at 64, 128 and 256 dimensions
the interval holds the true distance in 80, 56 and 33 % of draws at 10 images a dimension, in 93, 92 and 88 % at 25.
Below 25 the result carries a note.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.fid import GaussianStatistics, fit_gaussian, frechet, frechet_with_error
from ganbench.metrics.intervals import sampling_interval
from ganbench.types import MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

NUM_SIZES = 15
MIN_SAMPLES = 10 * NUM_SIZES  # so that all sizes differ, and the smallest has a covariance
ENOUGH_PER_DIMENSION = 25  # images; below, the bias of the extrapolation shows beside the interval
CI_METHOD = (
    "delta method at the full n (sampling of the generated images) and standard error of the line, "
    "without the bias of the extrapolation"
)


class Extrapolation(NamedTuple):
    """`value` at 1 / n = 0 with its standard error; the line's `slope`; `sizes` and `fids` are the points under it."""

    value: float
    standard_error: float
    slope: float
    sizes: list[int]
    fids: list[float]


def fid_infinity(
    features: npt.NDArray[np.floating], samples: GaussianStatistics, reference: GaussianStatistics, seed: int
) -> Extrapolation:
    """FID∞ of features [N, D], whose Gaussian is `samples`, against the reference; needs N >= MIN_SAMPLES."""
    rng = np.random.default_rng(seed)
    num_images = len(features)
    sizes = np.linspace(num_images // 10, num_images, NUM_SIZES).astype(int)
    fids = [
        frechet(fit_gaussian(features[np.sort(rng.choice(num_images, size, replace=False))]), reference)
        for size in sizes[:-1]
    ]
    whole, whole_error = frechet_with_error(features, samples, reference)
    intercept, slope, intercept_error = _line(1 / sizes, np.array([*fids, whole]))
    error = math.hypot(whole_error, intercept_error)
    return Extrapolation(intercept, error, slope, sizes.tolist(), [*fids, whole])


def compute_fid_infinity(inputs: MetricInputs) -> MetricResult:
    """FID∞ of the samples against the reference. Raises MetricUnavailableError for fewer than MIN_SAMPLES."""
    features = inputs.samples.features
    num_images, dim = features.shape
    if num_images < MIN_SAMPLES:
        raise MetricUnavailableError(f"FID∞ needs at least {MIN_SAMPLES} samples, got {num_images}: generate more")
    result = fid_infinity(features, inputs.samples_gaussian, inputs.reference_gaussian, inputs.seed)
    details: dict[str, Any] = {
        "sizes": result.sizes,
        "fids": result.fids,
        "slope": result.slope,
        "standard_error": result.standard_error,
    }
    if num_images < ENOUGH_PER_DIMENSION * dim:
        details["note"] = (
            f"a rough guide: {num_images:,} samples at {dim:,} dimensions, and the extrapolation holds from about "
            f"{ENOUGH_PER_DIMENSION * dim:,} on"
        )
    return MetricResult(
        result.value,
        sampling_interval(result.value, result.standard_error),
        CI_METHOD,
        num_images,
        len(inputs.reference.features),
        details,
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
    interval="Other samples of the same generator (delta method at the full n), plus the standard error of the line, "
    "without the bias of the extrapolation: about 2 % of the value at 25 samples a dimension, far more with fewer.",
    choices="15 sizes from a tenth of the samples to all, random subsets from the evaluation's seed, ordinary least "
    "squares. Only the samples are extrapolated; the reference stays as it is.",
    cost="15 times FID's: about 10 seconds for 10,000 samples and half a minute for 50,000 at 2048 dimensions on "
    "two CPU cores.",
    limits="Needs about 25 samples a dimension, that is 50,000 at 2048 dimensions; with fewer it is a rough guide and "
    "the result says so. The reference's own bias stays in the value.",
    paper="https://arxiv.org/abs/1911.07023",
    reference_code="https://github.com/mchong6/FID_IS_infinity",
)
