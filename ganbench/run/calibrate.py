"""`ganbench calibrate`: plant faults of known size and see which metrics notice. What is measured is kept at once."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from ganbench.errors import UsageError
from ganbench.features.extract import FeatureCache, default_cache_root
from ganbench.registry import Registry, load_registry
from ganbench.report.calibration_page import write_calibration
from ganbench.results.calibration import (
    CLEAN,
    CONFIGURATION_FILE,
    MEASUREMENTS_FILE,
    REPETITIONS_FILE,
    CalibrationPlan,
    Measured,
    Repeated,
)
from ganbench.results.store import append_history, read_history, read_record, write_record
from ganbench.run.calibration_lab import ImageLab, Lab, make_lab, measure
from ganbench.run.calibration_plan import CalibrationRequest, Plan, plan_calibration, with_extractor
from ganbench.run.calibration_repeats import repeat, repeat_tasks
from ganbench.run.faults import Fault
from ganbench.run.plan import resolve_device
from ganbench.run.runner import describe_differences, locked

MAX_DIFFERENCES = 8
GROWTH = 0.75  # the time of a measurement grows with this power of the number of samples, more or less


class Step(NamedTuple):
    """How far a calibration is; `seconds_left` is None as long as it cannot be told."""

    text: str
    done: int
    total: int
    seconds_left: float | None


class Task(NamedTuple):
    """One fake generator to measure."""

    fault: Fault | None
    size: float
    num_samples: int
    seed: int

    @property
    def key(self) -> tuple[str, float, int, int]:
        """By which it is known among the stored measurements."""
        return (self.fault.name if self.fault else CLEAN, self.size, self.num_samples, self.seed)

    def __str__(self) -> str:
        what = self.fault.word(self.size) if self.fault else CLEAN
        return f"{what}, n = {self.num_samples:,}, seed {self.seed}"


def tasks_of(plan: Plan) -> Iterator[Task]:
    """All measurements: small sets first, of each size the clean ones first, damaged ones bank by bank."""
    for num_samples in plan.record.num_samples:
        for seed in range(plan.record.clean_seeds[num_samples]):
            yield Task(None, 0.0, num_samples, seed)
        for fault in plan.faults:
            for size in fault.sizes_for(plan.data.num_classes):
                for seed in range(plan.num_seeds(fault, num_samples)):
                    yield Task(fault, size, num_samples, seed)


def calibrate(
    request: CalibrationRequest,
    *,
    registry: Registry | None = None,
    device: str = "auto",
    cache: FeatureCache | None = None,
    tell: Callable[[str], None] = lambda text: None,
    on_step: Callable[[Step], None] = lambda step: None,
) -> Path:
    """Measure all that the request asks for and is not there yet; what was measured is reported also after Ctrl-C.

    Returns the path of the report. Raises UsageError, UnknownNameError, DataError or WeightsError, and refuses a folder
    that holds another configuration.
    """
    registry = registry or load_registry()
    plan = plan_calibration(request, registry)
    folder = request.out or Path("calibrations") / f"{plan.data.name}-{plan.record.configuration_sha256[:8]}"
    with locked(folder):
        _settle(folder, plan.record)
        for note in plan.record.notes:
            tell(note)
        tell(f"Folder:   {folder}")
        store = cache or FeatureCache(default_cache_root())
        lab = make_lab(
            plan, store, resolve_device(device), lambda text, done, total: on_step(Step(text, done, total, None))
        )
        if isinstance(lab, ImageLab):
            write_record(folder / CONFIGURATION_FILE, with_extractor(plan.record, lab.identity))
        try:
            _measure_all(folder, plan, lab, on_step)
            _repeat_all(folder, plan, lab, on_step)
        finally:
            page = write_calibration(folder)
    return page


def _measure_all(folder: Path, plan: Plan, lab: Lab, on_step: Callable[[Step], None]) -> None:
    path, tasks = folder / MEASUREMENTS_FILE, list(tasks_of(plan))
    known = {_key(item): item for item in map(Measured.model_validate, read_history(path))}
    clock = _Clock([task.num_samples for task in tasks if task.key not in known])
    for number, task in enumerate(tasks):
        if task.key in known:
            continue
        on_step(Step(str(task), number, len(tasks), clock.seconds_left()))
        started = time.perf_counter()
        measured = _measure(task, plan, lab, known)
        known[task.key] = measured
        append_history(path, measured.model_dump(mode="json"))
        clock.spent(task.num_samples, time.perf_counter() - started)


def _measure(task: Task, plan: Plan, lab: Lab, known: dict[tuple[str, float, int, int], Measured]) -> Measured:
    """Wrong labels leave the images as they are: only metrics that read labels are measured again."""
    clean = known.get((CLEAN, 0.0, task.num_samples, task.seed))
    if task.fault is None or task.fault.name != "labels" or clean is None:
        return measure(lab, plan, task.fault, task.size, task.num_samples, task.seed)
    reading = [info for info in plan.metrics if info.id in clean.reads_labels]
    measured = measure(lab, plan.with_metrics(reading), task.fault, task.size, task.num_samples, task.seed)
    unread = {name: value for name, value in clean.values.items() if name not in clean.reads_labels}
    return measured.model_copy(update={"values": unread | measured.values})


def _repeat_all(folder: Path, plan: Plan, lab: Lab, on_step: Callable[[Step], None]) -> None:
    path, tasks = folder / REPETITIONS_FILE, list(repeat_tasks(plan))
    stored = map(Repeated.model_validate, read_history(path))
    known = {(item.metric, item.fault, item.size, item.num_samples) for item in stored}
    for number, task in enumerate(tasks):
        if task.key not in known:
            planted = task.fault.word(task.size) if task.size else CLEAN
            text = f"intervals of {task.metric.title.lower()}, {planted}, n = {task.num_samples:,}"
            on_step(Step(text, number, len(tasks), None))
            append_history(path, repeat(task, plan, lab).model_dump(mode="json"))


def _key(item: Measured) -> tuple[str, float, int, int]:
    return (item.fault, item.size, item.num_samples, item.seed)


def _settle(folder: Path, planned: CalibrationPlan) -> None:
    """Make sure that the folder holds this configuration. Raises UsageError where it holds another, saying in what."""
    path = folder / CONFIGURATION_FILE
    if not path.exists():
        write_record(path, planned)
        return
    stored = read_record(path, CalibrationPlan)
    if stored.configuration_sha256 == planned.configuration_sha256:
        return
    lines = describe_differences(stored.configuration, planned.configuration)[:MAX_DIFFERENCES]
    raise UsageError(
        f"{folder} holds a calibration of another configuration:\n  " + "\n  ".join(lines) + "\n"
        "Choose another --out, or ask for the same configuration."
    )


class _Clock:
    """Time left from the median time of sets of each number of samples; of larger ones it is a guess."""

    def __init__(self, waiting: list[int]) -> None:
        self._waiting = waiting
        self._seconds: dict[int, list[float]] = defaultdict(list)

    def spent(self, num_samples: int, seconds: float) -> None:
        """One more is done."""
        self._waiting.remove(num_samples)
        self._seconds[num_samples].append(seconds)

    def seconds_left(self) -> float | None:
        """None before the first is done."""
        if not self._seconds:
            return None
        usual = {n: median(seconds) for n, seconds in self._seconds.items()}
        largest = max(usual)
        return float(sum(usual.get(n, usual[largest] * max(n / largest, 1) ** GROWTH) for n in self._waiting))
