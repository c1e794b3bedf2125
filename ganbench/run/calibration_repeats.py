"""Do intervals hold? Planted values that are known, measured again and again with other samples and held-out images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.modes import num_covered
from ganbench.metrics.point_modes import good_share
from ganbench.results.calibration import CLEAN, Repeated
from ganbench.run.calibration_data import RealData
from ganbench.run.calibration_lab import Lab, compute
from ganbench.run.calibration_plan import Plan
from ganbench.run.faults import FAULTS, Deal, Fault, Planted
from ganbench.seeding import derive_seed
from ganbench.types import MetricInfo


class Known(NamedTuple):
    """A metric that estimates a planted quantity: by which fault, and its true value by size, data and samples."""

    metric: str
    fault: str
    truth: Callable[[float, RealData, int], float]


def covered_with_rare(size: float, data: RealData, num_samples: int) -> float:
    """How many classes are covered where half of them come only `size` times as often as the others; 0: clean.

    Of images, those whose share is large enough, in classes of much the same size. Of points one sample is enough: as
    many modes as so many samples show on average.
    """
    num_rare = data.num_classes // 2
    weights = np.repeat([size or 1.0, 1.0], [num_rare, data.num_classes - num_rare])
    if data.kind == "image":
        return num_covered(weights / weights.sum(), np.full(len(weights), 1 / len(weights)))
    shares = weights / weights.sum() * good_share(data.samples.shape[1])
    return float((1 - (1 - shares) ** num_samples).sum())


KNOWN = (
    Known("modes", "drop", lambda size, data, num_samples: data.num_classes - size),
    Known("modes", "rare", covered_with_rare),
    Known("copies", "copy", lambda size, data, num_samples: size),
    Known("label_accuracy", "labels", lambda size, data, num_samples: 1 - size),
)


class RepeatTask(NamedTuple):
    """One planted value at one number of samples."""

    known: Known
    fault: Fault
    metric: MetricInfo
    size: float
    num_samples: int

    @property
    def planted(self) -> str:
        """The fault's name; of size 0, clean."""
        return self.fault.name if self.size else CLEAN

    @property
    def key(self) -> tuple[str, str, float, int]:
        """By which it is known among the stored repetitions."""
        return (self.metric.id, self.planted, self.size, self.num_samples)


def repeat_tasks(plan: Plan) -> Iterator[RepeatTask]:
    """Every planted value that these data and metrics allow, of each metric size 0 first."""
    metrics, planned = {info.id: info for info in plan.metrics}, {fault.name for fault in plan.faults}
    possible = [known for known in KNOWN if known.metric in metrics and known.fault in planned]
    for num_samples in plan.record.num_samples if plan.record.configuration["repetitions"] else ():
        clean: set[str] = set()
        for known in possible:
            fault = FAULTS[known.fault]
            for size in (*((0.0,) if known.metric not in clean else ()), *fault.sizes_for(plan.data.num_classes)):
                yield RepeatTask(known, fault, metrics[known.metric], size, num_samples)
            clean.add(known.metric)


def repeat(task: RepeatTask, plan: Plan, lab: Lab) -> Repeated:
    """Measure a planted value with fresh samples and held-out ones each time; reference and classifier stay.

    Each sample is copied, or mislabelled, with the planted chance: it is the generator that has that share, and one set
    of its samples has it by chance only.
    """
    truth = task.known.truth(task.size, plan.data, task.num_samples)
    found = [_once(task, plan, lab, i) for i in range(plan.record.configuration["repetitions"])]
    results = np.array([row for row in found if row is not None])  # [R, 3]: value, low, high
    if len(results) == 0:
        results = np.zeros((0, 3))
    low, high = results[:, 1] - 1e-9, results[:, 2] + 1e-9
    return Repeated(
        metric=task.metric.id, fault=task.planted, size=task.size, truth=truth,
        num_samples=task.num_samples, num_repetitions=len(results),
        num_inside=int(((low <= truth) & (truth <= high)).sum()), num_below=int((high < truth).sum()),
        mean_value=_mean(results[:, 0]), mean_width=_mean(results[:, 2] - results[:, 1]),
    )  # fmt: skip


def _once(task: RepeatTask, plan: Plan, lab: Lab, number: int) -> Sequence[float] | None:
    """Value and interval of one repetition, or None where there is none."""
    rng = np.random.default_rng(derive_seed("repetition", task.fault.name, task.num_samples, number))
    data = plan.data
    unseen = rng.permutation(np.arange(data.num_reference, len(data.samples)))
    heldout, pool = np.sort(unseen[: data.num_heldout]), unseen[data.num_heldout :]
    deal = Deal(pool, data.reference, task.num_samples, data.classes)
    inputs = lab.inputs(_planted(task, deal, rng), None, 0.0, heldout, seed=number)
    result = compute(task.metric, inputs)[0].get(task.metric.id)
    return None if result is None or result.ci95 is None else (result.value, *result.ci95)


def _planted(task: RepeatTask, deal: Deal, rng: np.random.Generator) -> Planted:
    assert task.fault.plant is not None
    size = task.size
    if task.fault.of_samples:  # a share: each sample by its own chance
        size = rng.binomial(task.num_samples, size) / task.num_samples
    return task.fault.plant(deal, size, rng) if size else deal.clean()


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 0.0
