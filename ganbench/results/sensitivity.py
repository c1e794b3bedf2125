"""Which planted faults a metric sees: from repeated measurements of clean and of faulty sets of one number of samples.

The rule, for each metric, fault, number of samples n and size:

- *Shift*: mean over the faulty sets less mean over the clean ones.
- *Seen*: one clean and one faulty set would be told apart, |shift| > 1.96 sqrt(s0² + s²), s0 and s being the standard
  deviations (n - 1) between clean and between faulty sets; and the shift is no luck of few sets: Welch's t-test of the
  two means, whose variances may differ, gives p < 0.01. A single faulty set is taken to vary as the clean ones do, and
  as it may vary more, p < 0.001 is asked for.
- *Seen from*: the smallest size that is seen, as are all larger ones, in the same direction. None where the largest
  size is not seen.
- *Monotone*: from clean to the largest size, the mean never goes back by what the same test takes as no luck.
- *Blind*: no size is seen. It does not say that the fault has no effect: only that it is within the noise of one set.

Where neither the clean nor the faulty sets vary among themselves, as counts may, that they differ proves no more than
their order: p is 2 / C(n + m, n) for n and m sets, and p < 0.05 is asked for. The birthday test's support runs over
orders of magnitude and is judged by its logarithm. Metrics and faults are many and are not corrected for: of cells in
which nothing moves, up to two in a hundred are seen.
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

Z95 = 1.959963984540054
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
    """One size of a fault: the values measured, and whether it is seen. `effect`: shift in spreads of a difference."""

    size: float
    sets: Sets
    shift: float
    effect: float
    p_value: float
    seen: bool


class Response(NamedTuple):
    """How one metric answers to one fault at one number of samples; `sizes` rise in strength."""

    metric: str
    fault: str
    num_samples: int
    clean: Sets
    sizes: tuple[SizeSeen, ...]
    seen_from: float | None
    direction: Direction | None  # of what is seen; None where the largest size is not seen
    monotone: bool

    @property
    def blind(self) -> bool:
        """Whether no size is seen."""
        return not any(size.seen for size in self.sizes)


def luck(a: Sets, b: Sets) -> float:
    """Two-sided p of Welch's t-test of equal means; 1 where the means are equal, or both sides have one set.

    A side with one set is taken to vary as the other. Where nothing varies, p is that of the order of the sets.
    """
    shift, sets = b.mean - a.mean, (len(a.values), len(b.values))
    if abs(shift) <= _ROUNDING * max(abs(a.mean), abs(b.mean)) or max(sets) < 2:
        return 1.0
    if _neither_varies(a, b):
        return min(1.0, 2 / math.comb(sum(sets), sets[0]))
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


def effect_of(clean: Sets, faulty: Sets) -> float:
    """Shift over the standard deviation of the difference of one clean and one faulty set; infinite without spread."""
    shift, own = faulty.mean - clean.mean, clean.spread or 0.0
    spread = math.hypot(own, own if faulty.spread is None else faulty.spread)
    if abs(shift) <= _ROUNDING * max(abs(clean.mean), abs(faulty.mean)):
        return 0.0
    return shift / spread if spread > _ROUNDING * abs(shift) else math.copysign(math.inf, shift)


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
    effect = effect_of(*judged)
    seen = abs(effect) > Z95 and not is_luck(*judged)
    return SizeSeen(size, sets[1], sets[1].mean - sets[0].mean, effect, luck(*judged), seen)


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
    """The sizes that were measured; none where the largest is missing, since then nothing can be said."""
    found = [(record.size, _sets(values[fault.name, record.size, num_samples], metric)) for record in fault.sizes]
    complete = bool(found) and found[-1][1] is not None
    return [(size, sets) for size, sets in found if sets is not None] if complete else []
