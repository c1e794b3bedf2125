"""Do intervals hold? Planted values that are known, measured again and again with other samples and held-out images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.results.calibration import CLEAN, Repeated
from ganbench.run.calibration_data import RealData
from ganbench.run.calibration_lab import Lab, compute
from ganbench.run.calibration_plan import Plan
from ganbench.run.faults import FAULTS, Deal, Fault, Planted
from ganbench.seeding import derive_seed
from ganbench.types import MetricInfo


class Known(NamedTuple):
    """A metric that estimates a planted quantity: by which fault, and the true value at a size of it."""

    metric: str
    fault: str
    truth: Callable[[float, RealData], float]


KNOWN = (
    Known("modes", "drop", lambda size, data: data.num_classes - size),
    Known("copies", "copy", lambda size, data: size),
    Known("label_accuracy", "labels", lambda size, data: 1 - size),
)


class RepeatTask(NamedTuple):
    """One planted value at one number of samples."""

    known: Known
    fault: Fault
    metric: MetricInfo
    size: float
    num_samples: int


def repeat_tasks(plan: Plan) -> Iterator[RepeatTask]:
    """Every planted value that these data and metrics allow, size 0 first."""
    metrics, planned = {info.id: info for info in plan.metrics}, {fault.name for fault in plan.faults}
    for num_samples in plan.record.num_samples:
        for known in KNOWN:
            fault = FAULTS[known.fault]
            if known.metric in metrics and known.fault in planned and plan.record.configuration["repetitions"]:
                for size in (0.0, *fault.sizes_for(plan.data.num_classes)):
                    yield RepeatTask(known, fault, metrics[known.metric], size, num_samples)


def repeat(task: RepeatTask, plan: Plan, lab: Lab) -> Repeated:
    """Measure a planted value with fresh samples and held-out ones each time; reference and classifier stay.

    Each sample is copied, or mislabelled, with the planted chance: it is the generator that has that share, and one set
    of its samples has it by chance only.
    """
    truth = task.known.truth(task.size, plan.data)
    found = [_once(task, plan, lab, i) for i in range(plan.record.configuration["repetitions"])]
    results = np.array([row for row in found if row is not None])  # [R, 3]: value, low, high
    if len(results) == 0:
        results = np.zeros((0, 3))
    low, high = results[:, 1] - 1e-9, results[:, 2] + 1e-9
    return Repeated(
        metric=task.metric.id, fault=task.fault.name if task.size else CLEAN, size=task.size, truth=truth,
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
    if not task.fault.counts_classes:  # a share: each sample by its own chance
        size = rng.binomial(task.num_samples, size) / task.num_samples
    return task.fault.plant(deal, size, rng) if size else deal.clean()


def _mean(values: npt.NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 0.0
