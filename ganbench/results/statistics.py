"""Whether two numbers differ by more than noise, over training seeds where there are several.

Which noise is known decides the test:

- Two or more trainings of both: Welch's t-test over the seeds (Welch 1947), which lets the two spread differently.
- Several trainings of one, a single one of the other: Student's t-test of that single training against the others,
  whose spread stands for both; the interval is the one in which another training would lie (Student 1908).
- One training each: a z-test from the metric's two sampling intervals. It ignores that training again moves a model.

Trainings that all agree, as counts do, show no spread, and a t-test would call any difference between two such models
certain: on a board of five equal models whose count is 7 or 8 by the toss of a coin it would see a false order on one
board in five with three seeds. What they do show is that all of one are above all of the other. So where neither
varies, the p-value is no smaller than the exact test's by permutation (Fisher 1935), 2 / C(n + m, n), and there is no
interval: three seeds against three, 0.1, prove nothing, five against five, 0.008, do.

The two are taken as drawn apart. Trainings that agree by luck prove nothing: a difference between seeds counts only if
it is also more than what the sampling of images alone explains, so the p-value is the larger of the test's and of a
z-test by the sampling spreads of the means, and the interval is the wider one. The test over seeds keeps its level by
itself; both together can only be more careful. Many comparisons are corrected by Holm's method (Holm 1979), which keeps
the chance of any false difference within 5 % whatever the dependence between the tests.

Effect sizes: Hedges' g, the difference in pooled standard deviations over seeds with the exact correction for few seeds
(Hedges 1981), where both have two trainings or more; else the difference in its own standard errors. No spread over
seeds counts as less than that of sampling there (`Score.spread`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import NamedTuple

from scipy.stats import norm
from scipy.stats import t as student_t

from ganbench.results.schema import MetricRecord, PairTest, Role, Score, Verdict
from ganbench.types import Bounds

ALPHA = 0.05
WELCH = "Welch's t over training seeds, sampling being the least noise"
ONE_TRAINING = "Student's t of a single training against several, whose spread stands for both"
SAMPLING_ONLY = "z-test from the sampling intervals; training variance unknown"
NO_NOISE = "no test: no noise is known"
AGREEING = "permutation of training seeds, which do not vary within a model"
HEDGES_G, STANDARD_ERRORS = "Hedges' g over training seeds", "standard errors of the difference"

_ROUNDING = 1e-12  # of the value: a spread no larger is none
_HALF = float(norm.ppf(0.975))  # of a 95 % interval, in standard errors


@dataclass(frozen=True)
class Contrast:
    """b less a: the difference, its 95 % interval, how large it is, and the chance of one as large from noise alone.

    Where no noise is known, `p_value` and all that rests on it are None.
    """

    difference: float
    ci95: tuple[float, float] | None
    effect: float | None
    effect_unit: str
    p_value: float | None
    method: str


def seed_spread(values: Sequence[float]) -> float | None:
    """Standard deviation (n - 1) over training seeds; None with one."""
    return stdev(values) if len(values) >= 2 else None


def sampling_spread(records: Sequence[MetricRecord]) -> float | None:
    """What sampling moves one training's number by: root mean square, over seeds, of an interval's longer side / 1.96.

    The longer one, since a number at the end of its range, as all of the modes, has an interval to one side only, of
    which a half would be too little. None where a seed has no interval.
    """
    sides = [max(r.ci95[1] - r.value, r.value - r.ci95[0]) for r in records if r.ci95 is not None]
    return fmean((side / _HALF) ** 2 for side in sides) ** 0.5 if len(sides) == len(records) else None


def mean_interval(
    values: Sequence[float], within: float | None, bounds: Bounds = (None, None)
) -> tuple[tuple[float, float] | None, str]:
    """95 % interval of the mean over two training seeds or more, and what it covers in words.

    Student's t over the seeds; no narrower than what sampling explains, where its spread `within` is known; then cut at
    the `bounds` of the number. None where seeds agree and sampling is not known to move them: that may be luck.
    """
    n, mean, half = len(values), fmean(values), _half_width(_Noise(stdev(values) / len(values) ** 0.5, len(values) - 1))
    method = f"training seeds (Student t, {n} seeds)"
    least = _half_width(_Noise((within or 0.0) / n**0.5))
    if least > half:
        half, method = least, f"{method}, widened to the drawing of samples, which is more"
    if half <= _ROUNDING * abs(mean):
        return None, f"none: {n} training seeds agree"
    low, high = (mean - half, mean + half)
    if bounds[0] is not None and low < bounds[0]:
        low, method = min(bounds[0], mean), f"{method}; ends at the least possible value"
    if bounds[1] is not None and high > bounds[1]:
        high, method = max(bounds[1], mean), f"{method}; ends at the largest possible value"
    return (low, high), method


def compare_scores(a: Score, b: Score) -> Contrast:
    """Test whether b differs from a, two-sided, by the test that the known noise allows."""
    sampling = _sampling(a, b)
    least = [sampling] if sampling is not None else []
    several = [score for score in (a, b) if score.seed_spread is not None]
    if several and not any(_varies(score) for score in several):
        return _agreeing(a, b, least)
    if len(several) == 2:
        return _contrast(a, b, [_welch(a, b), *least], WELCH, _hedges_g(a, b))
    if several:
        error = (several[0].seed_spread or 0.0) * math.sqrt(1 / a.num_seeds + 1 / b.num_seeds)
        return _contrast(a, b, [_Noise(error, several[0].num_seeds - 1), *least], ONE_TRAINING)
    if least:
        return _contrast(a, b, least, SAMPLING_ONLY)
    return Contrast(b.value - a.value, None, None, "", None, NO_NOISE)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p-values in the order given: significant at 5 % where below 0.05. None is not in the family."""
    tested = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for place, (p, i) in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - place) * p))
        adjusted[i] = largest
    return adjusted


def spread_words(score: Score, role: Role) -> tuple[str, str]:
    """The spread over training seeds with their number, and that of sampling: `("0.57 (3)", "1.1")`."""
    between = "unknown" if score.seed_spread is None else f"{score.seed_spread:.2g} ({score.num_seeds})"
    within = "unknown" if score.sampling_spread is None else f"{score.sampling_spread:.2g}"
    return "–" if role == "reference" else between, within  # real images have no seeds of training


def pair_test(metric: str, a: str, b: str, score_a: Score, score_b: Score) -> PairTest:
    """The record of one comparison, not yet corrected for others: `judge` gives it a verdict."""
    contrast = compare_scores(score_a, score_b)
    return PairTest(
        metric=metric,
        label=score_a.label,
        a=a,
        b=b,
        value_a=score_a.value,
        value_b=score_b.value,
        **vars(contrast),
        verdict="cannot be tested",
    )


def judge(tests: Sequence[PairTest], higher_is_better: Sequence[bool | None]) -> list[PairTest]:
    """The comparisons with p-values corrected for all of them, and verdicts at 5 %; a direction for each."""
    adjusted = holm([test.p_value for test in tests])
    return [
        test.model_copy(update={"p_holm": p, "verdict": _verdict(test.difference, p, higher)})
        for test, p, higher in zip(tests, adjusted, higher_is_better, strict=True)
    ]


def _verdict(difference: float, p_holm: float | None, higher_is_better: bool | None) -> Verdict:
    if p_holm is None:
        return "cannot be tested"
    if p_holm >= ALPHA:
        return "no difference beyond noise"
    if higher_is_better is None:
        return "different"
    return "better" if (difference > 0) == higher_is_better else "worse"


class _Noise(NamedTuple):
    """A standard error of a mean or of a difference; infinite degrees of freedom: it is known, as of a normal."""

    error: float
    degrees: float = math.inf


def _half_width(noise: _Noise) -> float:
    """Of the 95 % interval."""
    return float(student_t.ppf(0.975, noise.degrees)) * noise.error


def _p_value(difference: float, noise: _Noise) -> float:
    """Two-sided. A standard error of 0 is one that was measured as 0, so any difference is more than noise."""
    if noise.error == 0:
        return float(difference == 0)
    return 2 * float(student_t.sf(abs(difference) / noise.error, noise.degrees))


def _sampling(a: Score, b: Score) -> _Noise | None:
    """What sampling alone moves the difference of the means by; None where either spread is unknown."""
    if a.sampling_spread is None or b.sampling_spread is None:
        return None
    return _Noise(math.hypot(a.sampling_spread / a.num_seeds**0.5, b.sampling_spread / b.num_seeds**0.5))


def _welch(a: Score, b: Score) -> _Noise:
    """Degrees of freedom by Welch and Satterthwaite; where nothing varies, they do not matter."""
    parts = [((score.seed_spread or 0.0) ** 2 / score.num_seeds, score.num_seeds - 1) for score in (a, b)]
    variance = sum(part for part, _ in parts)
    degrees = variance**2 / sum(part**2 / m for part, m in parts) if variance else math.inf
    return _Noise(math.sqrt(variance), degrees)


def _varies(score: Score) -> bool:
    return (score.seed_spread or 0.0) > _ROUNDING * abs(score.value)


def _agreeing(a: Score, b: Score, noises: Sequence[_Noise]) -> Contrast:
    """Where no score varies over its seeds: any order of the trainings is as likely without a difference."""
    difference = b.value - a.value
    if abs(difference) <= _ROUNDING * max(abs(a.value), abs(b.value)):
        return Contrast(difference, None, None, "", 1.0, AGREEING)
    by_order = min(1.0, 2 / math.comb(a.num_seeds + b.num_seeds, a.num_seeds))
    p_value = max(by_order, *(_p_value(difference, noise) for noise in noises), 0.0)
    return Contrast(difference, None, None, "", p_value, AGREEING)


def _hedges_g(a: Score, b: Score) -> float | None:
    degrees = a.num_seeds + b.num_seeds - 2
    squares = sum((score.num_seeds - 1) * (score.spread or 0.0) ** 2 for score in (a, b))
    return hedges_correction(degrees) * (b.value - a.value) / math.sqrt(squares / degrees) if squares else None


def hedges_correction(degrees: int) -> float:
    """J(m) = Γ(m/2) / (√(m/2) Γ((m-1)/2)), which takes the bias of few seeds off a standardised difference; m ≥ 2."""
    return math.exp(math.lgamma(degrees / 2) - math.lgamma((degrees - 1) / 2)) / math.sqrt(degrees / 2)


def _contrast(a: Score, b: Score, noises: Sequence[_Noise], method: str, hedges_g: float | None = None) -> Contrast:
    """By whichever of the noises is the most: the largest p-value, the widest interval."""
    difference = b.value - a.value
    widest = max(noises, key=_half_width)
    half, effect, unit = _half_width(widest), hedges_g, HEDGES_G
    if method != WELCH:
        effect, unit = (difference / widest.error if widest.error else None), STANDARD_ERRORS
    p_value = max(_p_value(difference, noise) for noise in noises)
    interval = (difference - half, difference + half)
    return Contrast(difference, interval, effect, unit if effect is not None else "", p_value, method)
