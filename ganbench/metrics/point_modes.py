"""What points show of a mixture whose modes are known: which modes, how many samples are good, how unlike the shares.

Papers: Srivastava et al. 2017, arXiv:1705.07761 (VEEGAN), section 5.1; Lin et al. 2018, arXiv:1712.04086 (PacGAN),
section 4.1. Reference code: fjxmlzn/PacGAN. A sample is of high quality when it lies within 3 standard deviations of
its nearest centre; it then shows that centre's mode.

    modes       how many modes at least one high-quality sample shows
    hq_ratio    the share of high-quality samples among all
    mode_kl     KL(p ‖ uniform) = log K + sum_k p_k log p_k over the K modes, p the shares among high-quality samples
    mixture_kl  KL(p ‖ q) over K + 1 cells: the modes and, as one more, all samples of low quality

In the last, q is what the mixture itself gives: with D coordinates a share 1 - F(9) falls outside, F the χ² law of D
degrees of freedom (1.1 % in the plane). Sorting samples into cells can only lower a KL, so `mixture_kl` is at most the
KL of the densities. It is ganbench's own, for ranking: noise that covers all of the plane shows nearly every mode in
equal shares, and a generator of one mode has samples of high quality only; each of the three published numbers praises
one of them, `mixture_kl` neither.

Intervals are about the drawing of samples, so all come from the counts. Both KLs are biased upwards; the bias, measured
on multinomial redraws, is taken off the value and twice off the redraws' percentiles, as in `ganbench.metrics.modes`.
The paper prints the plug-in value, which stands in the details; at 2,500 samples of 25 modes it is larger by 0.005. The
interval of the number of modes is about what as many other samples show on average: a mode shown by 1, 2 or 3 samples
could as well have been missed, and one that was missed may be there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ganbench.metrics.intervals import NUM_REDRAWS, occupied_interval, wilson_interval
from ganbench.metrics.point_inputs import HIGH_QUALITY, PointInputs
from ganbench.types import MetricInfo, MetricResult, MetricUnavailableError

WILSON = "Wilson's interval of a share"
OTHERS = (
    f"modes of other samples: down by what 97.5 % of {NUM_REDRAWS} redraws lose at most, up by that or by what unseen "
    "modes may hide"
)
REDRAWN = f"2.5 and 97.5 percentiles of {NUM_REDRAWS} redraws of the samples, less the bias"
RULE = f"a mode is covered when at least one sample lies within {HIGH_QUALITY:g} standard deviations of its centre"
Shares = npt.NDArray[np.float64]


def point_modes(inputs: PointInputs) -> MetricResult:
    """Number of modes that at least one high-quality sample shows."""
    counts, num_modes = inputs.counts, len(inputs.counts)
    covered = int((counts > 0).sum())
    interval = occupied_interval(counts, _num_bad(inputs), inputs.seed)
    result = _result(inputs, float(covered), interval, OTHERS, {"num_modes": num_modes, "rule": RULE})
    return replace(result, bounds=(0, num_modes))


def compute_hq_ratio(inputs: PointInputs) -> MetricResult:
    """Share of high-quality samples."""
    num_good = int(inputs.counts.sum())
    interval = wilson_interval(num_good, len(inputs.samples))
    return _result(inputs, num_good / len(inputs.samples), interval, WILSON, {"num_high_quality": num_good})


def point_mode_kl(inputs: PointInputs) -> MetricResult:
    """KL of the modes' shares among high-quality samples from equal ones.

    Raises MetricUnavailableError where these are fewer than the modes: neither the bias nor the interval would hold.
    """
    counts = inputs.counts
    if counts.sum() < len(counts):
        raise MetricUnavailableError(
            f"{counts.sum()} of {len(inputs.samples):,} samples are of high quality: too few to tell the shares of "
            f"{len(counts)} modes"
        )
    return _kl_result(inputs, counts, np.full(len(counts), 1 / len(counts)))


def compute_mixture_kl(inputs: PointInputs) -> MetricResult:
    """KL of the samples from the mixture over the modes and one more cell for the samples of low quality."""
    num_modes, dim = inputs.mixture.centres.shape
    inside = good_share(dim)
    expected = np.append(np.full(num_modes, inside / num_modes), 1 - inside)
    return _kl_result(inputs, np.append(inputs.counts, _num_bad(inputs)), expected)


def good_share(dim: int) -> float:
    """The share of the mixture's own samples of `dim` coordinates that are of high quality."""
    from scipy.stats import chi2  # noqa: PLC0415  # slow to import

    return float(chi2.cdf(HIGH_QUALITY**2, dim))


def kl_of_counts(counts: npt.NDArray[np.int64], expected: Shares) -> Shares:
    """KL(counts / sum ‖ expected) in nats, plug-in; counts [..., C] → [...]."""
    shares = counts / counts.sum(axis=-1, keepdims=True)
    return np.asarray((shares * np.log(np.where(shares > 0, shares / expected, 1.0))).sum(axis=-1))


def _kl_result(inputs: PointInputs, counts: npt.NDArray[np.int64], expected: Shares) -> MetricResult:
    plug_in = float(kl_of_counts(counts, expected))
    redrawn = kl_of_counts(_redraws(counts, inputs.seed), expected)
    bias = float(redrawn.mean()) - plug_in
    low, high = np.percentile(redrawn, [2.5, 97.5]) - 2 * bias
    top = float(-np.log(expected.min()))
    value, low, high = (float(np.clip(number, 0.0, top)) for number in (plug_in - bias, low, high))
    interval = (min(low, value), max(high, value))
    result = _result(inputs, value, interval, REDRAWN, {"plug_in": plug_in, "unit": "nats", "seed": inputs.seed})
    return replace(result, bounds=(0, top))


def _redraws(counts: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """As many samples again from the shares that were found, [NUM_REDRAWS, C]."""
    return np.random.default_rng(seed).multinomial(counts.sum(), counts / counts.sum(), NUM_REDRAWS)


def _num_bad(inputs: PointInputs) -> int:
    return len(inputs.samples) - int(inputs.counts.sum())


def _result(
    inputs: PointInputs, value: float, interval: tuple[float, float], method: str, details: dict[str, Any]
) -> MetricResult:
    mixture = inputs.mixture
    of_data = {"counts": inputs.counts.tolist(), "centres": mixture.centres.tolist(), "sigma": mixture.sigma}
    return MetricResult(value, interval, method, len(inputs.samples), None, details | of_data)


HQ_RATIO = MetricInfo(
    id="hq_ratio",
    title="High-quality share",
    compute=compute_hq_ratio,
    higher_is_better=True,
    uses_extractor=False,
    data_kinds=("points",),
    description="The share of points that lie within 3 standard deviations of their nearest mode's centre.",
    range="0 to 1; real points of the plane have 0.989",
    bounds=(0, 1),
    interval="Wilson's interval of a share, for the drawing of samples.",
    choices="3 standard deviations, as in the papers.",
    cost="None.",
    limits="Says nothing of how many modes there are: copies of one good point have 1. A model whose points huddle "
    "around the centres is above real data.",
    paper="https://arxiv.org/abs/1712.04086",
    reference_code="https://github.com/fjxmlzn/PacGAN",
)

MIXTURE_KL = MetricInfo(
    id="mixture_kl",
    title="KL from the mixture",
    compute=compute_mixture_kl,
    higher_is_better=False,
    uses_extractor=False,
    data_kinds=("points",),
    description="How unlike the data the points are: missing modes, unequal modes and points of low quality in one "
    "number.",
    range="0 to about 4.5 in the plane (nats), where all points are of low quality",
    bounds=(0, None),
    interval="Multinomial redraws of the samples, less the bias that such errors add.",
    choices="KL of the samples from the known mixture over its modes and, as one more cell, all points beyond 3 "
    "standard deviations of every centre. A number of ganbench's own, since each of the published ones alone can be "
    "won by a bad model: modes by noise, the high-quality share by a single mode.",
    cost="None.",
    limits="Does not look inside the modes: a generator that repeats one point per mode comes near 0. At most the KL "
    "of the densities themselves.",
    paper="https://arxiv.org/abs/1712.04086",
)
