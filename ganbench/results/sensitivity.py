"""Which planted faults a metric sees: from repeated measurements of clean and of faulty sets of one number of samples.

The rule, for each metric, fault, number of samples n and size:

- *Told*: a faulty set is told from clean ones where its value lies outside the interval in which 95 % of new clean sets
  would lie, by Student's t: mean ± t s √(1 + 1/m) of m clean sets with the standard deviation s (n - 1).
- *Seen*: at least 80 % of the faulty sets are told, all of these on the same side (of three sets that is each). With a
  single faulty set the interval is that of 99.9 %. How much a fault does differs from set to set, by the classes that
  are dropped, say: that is no noise, so the spread of the faulty sets does not enter.
- *Seen from*: the weakest size that is seen, as are all stronger ones, in the same direction. None where the strongest
  size is not seen.
- *Monotone*: from clean to the strongest size, the mean never goes back by what Welch's t-test takes as no luck (1 %).
- *Blind*: no size is seen. It does not say that the fault has no effect: only that it is within the noise of one set.

Where clean sets do not vary at all, as counts may, that the faulty ones differ proves no more than their order: p is
2 / C(n + m, n) for n and m sets, and p < 0.05 is asked for. The birthday test's support runs over orders of magnitude
and is judged by its logarithm. Metrics and faults are many and are not corrected for: of cells in which nothing
happens, up to two in a thousand are seen (six clean sets, three others).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, stdev
from typing import Literal, NamedTuple

from scipy.stats import t as student_t

from ganbench.results.calibration import CLEAN, Calibration, FaultRecord, Measured

ALPHA, ALPHA_OF_ONE = 0.05, 0.001  # of telling one faulty set from clean ones, and where there is only one
TOLD_SHARE = 0.8
P_LUCK, P_LUCK_OF_ONE, P_LUCK_OF_ORDER = 0.01, 0.001, 0.05
LEAST_CLEAN = 3
LOGARITHMIC = frozenset({"birthday"})  # metrics that are judged by their logarithm, if all values are above 0
_ROUNDING = 1e-9  # of the value
Direction = Literal["worse", "better", "up", "down"]


class Sets(NamedTuple):
    """The values of one metric over sets of one kind."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the sets."""
        return fmean(self.values)

    @property
    def spread(self) -> float | None:
        """Standard deviation between the sets; None with one."""
        return stdev(self.values) if len(self.values) > 1 else None

    @property
    def logarithms(self) -> Sets:
        """Of the values; needs them above 0."""
        return Sets(tuple(math.log(value) for value in self.values))


class SizeSeen(NamedTuple):
    """One size of a fault: the values measured, how many of the sets are told from clean ones, and whether it is seen.

    `shift` is the mean less that of the clean sets.
    """

    size: float
    sets: Sets
    shift: float
    num_told: int
    seen: bool


class Response(NamedTuple):
    """How one metric answers to one fault at one number of samples; `sizes` rise in strength."""

    metric: str
    fault: str
    num_samples: int
    clean: Sets
    sizes: tuple[SizeSeen, ...]
    seen_from: float | None
    direction: Direction | None  # of what is seen; None where the strongest size is not seen
    monotone: bool

    @property
    def blind(self) -> bool:
        """Whether no size is seen."""
        return not any(size.seen for size in self.sizes) and not self.undecided

    @property
    def undecided(self) -> bool:
        """Whether the strongest size is told in each set, but of a number that never varies there were too few."""
        return not self.sizes[-1].seen and self.sizes[-1].num_told == len(self.sizes[-1].sets.values)


def luck(a: Sets, b: Sets) -> float:
    """Two-sided p of Welch's t-test of equal means; 1 where the means are equal, or both sides have one set.

    A side with one set is taken to vary as the other. Where nothing varies, p is that of the order of the sets.
    """
    shift, sets = b.mean - a.mean, (len(a.values), len(b.values))
    if abs(shift) <= _ROUNDING * max(abs(a.mean), abs(b.mean)) or max(sets) < 2:
        return 1.0
    if _neither_varies(a, b):
        return _order_luck(a, b)
    other = max(a.spread or 0.0, b.spread or 0.0)
    variances = [(side.spread if side.spread is not None else other) ** 2 / len(side.values) for side in (a, b)]
    parts = zip(variances, sets, strict=True)
    degrees = sum(variances) ** 2 / sum(variance**2 / (n - 1) for variance, n in parts if n > 1)
    return float(2 * student_t.sf(abs(shift) / math.sqrt(sum(variances)), min(degrees, sum(sets) - 2)))


def is_luck(a: Sets, b: Sets) -> bool:
    """Whether the means of these sets may differ by luck."""
    if _neither_varies(a, b):
        return luck(a, b) >= P_LUCK_OF_ORDER
    return luck(a, b) >= (P_LUCK_OF_ONE if min(len(a.values), len(b.values)) == 1 else P_LUCK)


def _neither_varies(a: Sets, b: Sets) -> bool:
    shift = abs(b.mean - a.mean)
    return max(a.spread or 0.0, b.spread or 0.0) <= _ROUNDING * shift


def num_told(clean: Sets, faulty: Sets) -> int:
    """How many faulty sets lie outside of where new clean ones would lie, above (or minus as many: below).

    The larger side counts; sets on the other one do not make up for it. Needs two clean sets.
    """
    alpha = ALPHA if len(faulty.values) > 1 else ALPHA_OF_ONE
    half = float(student_t.isf(alpha / 2, len(clean.values) - 1)) * (clean.spread or 0.0)
    half = half * math.sqrt(1 + 1 / len(clean.values)) + _ROUNDING * abs(clean.mean)
    above, below = (sum(sign * (value - clean.mean) > half for value in faulty.values) for sign in (1, -1))
    return above if above >= below else -below


def is_seen(clean: Sets, faulty: Sets) -> bool:
    """Whether enough of the faulty sets are told from clean ones, and clean ones were enough."""
    enough = abs(num_told(clean, faulty)) >= math.ceil(round(TOLD_SHARE * len(faulty.values), 6))
    constant = (clean.spread or 0.0) <= _ROUNDING * abs(clean.mean)
    return enough and not (constant and _order_luck(clean, faulty) >= P_LUCK_OF_ORDER)


def _order_luck(a: Sets, b: Sets) -> float:
    sets = (len(a.values), len(b.values))
    return min(1.0, 2 / math.comb(sum(sets), sets[0]))


def respond(
    metric: str,
    fault: str,
    num_samples: int,
    clean: Sets,
    faulty: Sequence[tuple[float, Sets]],
    higher_is_better: bool | None,
) -> Response:
    """Judge one metric and fault; `faulty` in order of rising strength, at least one."""
    as_log = metric in LOGARITHMIC and min(min(sets.values) for sets in (clean, *(sets for _, sets in faulty))) > 0
    steps = [sets.logarithms if as_log else sets for sets in (clean, *(sets for _, sets in faulty))]
    sizes = tuple(
        _judge(size, (clean, sets), (steps[0], step)) for (size, sets), step in zip(faulty, steps[1:], strict=True)
    )
    seen_from = _seen_from(sizes)
    direction = None if seen_from is None else direction_of(sizes[-1].shift, higher_is_better)
    return Response(
        metric,
        fault,
        num_samples,
        clean,
        sizes,
        seen_from,
        direction,
        _is_monotone(steps, math.copysign(1, sizes[-1].shift)),
    )


def direction_of(shift: float, higher_is_better: bool | None) -> Direction:
    """Of a metric that only describes, up or down; else worse or better."""
    if higher_is_better is None:
        return "up" if shift > 0 else "down"
    return "better" if (shift > 0) == higher_is_better else "worse"


def responses(calibration: Calibration) -> list[Response]:
    """Of all metrics, faults and numbers of samples that were measured often enough."""
    plan = calibration.plan
    values: dict[tuple[str, float, int], list[Measured]] = defaultdict(list)
    for item in calibration.measured:
        values[item.fault, item.size, item.num_samples].append(item)
    found = []
    for num_samples in plan.num_samples:
        clean_sets = values[CLEAN, 0.0, num_samples]
        for metric in plan.metrics:
            clean = _sets(clean_sets, metric.id)
            for fault in plan.faults if clean is not None and len(clean.values) >= LEAST_CLEAN else ():
                assert clean is not None
                faulty = _faulty(fault, metric.id, num_samples, values)
                if faulty:
                    found.append(respond(metric.id, fault.name, num_samples, clean, faulty, metric.higher_is_better))
    return found


def _judge(size: float, sets: tuple[Sets, Sets], judged: tuple[Sets, Sets]) -> SizeSeen:
    """Clean and faulty sets, and what of them is judged."""
    shift = sets[1].mean - sets[0].mean
    return SizeSeen(size, sets[1], shift, abs(num_told(*judged)), is_seen(*judged))


def _seen_from(sizes: Sequence[SizeSeen]) -> float | None:
    found = None
    for size in reversed(sizes):
        if not size.seen or (size.shift > 0) != (sizes[-1].shift > 0):
            break
        found = size.size
    return found


def _is_monotone(steps: Sequence[Sets], sign: float) -> bool:
    backwards = ((a, b) for a, b in pairwise(steps) if sign * (b.mean - a.mean) < 0)
    return all(is_luck(a, b) for a, b in backwards)


def _sets(measured: Sequence[Measured], metric: str) -> Sets | None:
    values = tuple(item.values[metric] for item in measured if metric in item.values)
    return Sets(values) if values else None


def _faulty(
    fault: FaultRecord, metric: str, num_samples: int, values: dict[tuple[str, float, int], list[Measured]]
) -> list[tuple[float, Sets]]:
    """The sizes that were measured; none where the strongest is missing, since then nothing can be said."""
    found = [(record.size, _sets(values[fault.name, record.size, num_samples], metric)) for record in fault.sizes]
    complete = bool(found) and found[-1][1] is not None
    return [(size, sets) for size, sets in found if sets is not None] if complete else []
