"""What a calibration measures: which data, divided how, which faults at which sizes, how often, by which metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ganbench
from ganbench.config import sha256_of
from ganbench.data.load import default_root, load_dataset
from ganbench.errors import UnknownNameError, UsageError
from ganbench.features.choose import choose_extractor
from ganbench.registry import Registry
from ganbench.results.calibration import CalibrationPlan, DataRecord, FaultRecord, MetricFacts, SizeRecord
from ganbench.results.schema import ExtractorRecord
from ganbench.run.calibration_data import RealData, divide, title_of
from ganbench.run.faults import FAULTS, Fault
from ganbench.run.measure import choose_metrics
from ganbench.run.plan import describe_environment
from ganbench.types import ExtractorInfo, MetricInfo

LEAST_SETS = 3  # disjoint clean sets of a size, below which no spread can be told
DAMAGED = 4000  # samples that are damaged at each strength, or as many as the largest set has
DEFAULT_SEEDS = (8, 5, 3)
DEAR_SEEDS = 3  # of the metrics on request
DEAR = {
    "cas": "it trains two classifiers at each measurement: name it with --metrics",
    "ppl": "it needs a generator, and the fake ones give out images only",
}


@dataclass(frozen=True)
class CalibrationRequest:
    """What `ganbench calibrate` was asked for. `num_seeds` goes with `num_samples`, its last number with the rest.

    Metrics that are measured on request only are calibrated up to `dear_up_to` samples, unless they are named.
    """

    dataset: str = "mnist5k"
    faults: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    num_samples: tuple[int, ...] = (500, 2000, 10000)
    num_seeds: tuple[int, ...] = DEFAULT_SEEDS
    repetitions: int = 400
    extractor: str = "auto"
    dear_up_to: int = 2000
    seed: int = 0
    out: Path | None = None


@dataclass(frozen=True)
class Plan:
    """A resolved calibration: its record and what it was made of."""

    record: CalibrationPlan
    data: RealData
    faults: tuple[Fault, ...]
    metrics: tuple[MetricInfo, ...]
    extractor: ExtractorInfo | None

    def metrics_at(self, num_samples: int, seed: int) -> list[MetricInfo]:
        """The metrics that are measured: those on request, unless named, of few samples and by the first seeds only."""
        named, limit = self.record.configuration["named"], self.record.configuration["dear_up_to"]
        dear = num_samples <= limit and seed < self.record.configuration["dear_seeds"]
        return [info for info in self.metrics if info.default or dear or info.id in named]

    def with_metrics(self, metrics: Sequence[MetricInfo]) -> Plan:
        """The same, measuring these metrics only."""
        return replace(self, metrics=tuple(metrics))

    @property
    def num_damaged(self) -> int:
        """How many samples are damaged at each strength."""
        return int(self.record.configuration["num_damaged"])

    def num_seeds(self, fault: Fault, num_samples: int) -> int:
        """How often a fault is planted: for damaged samples, as often as there are disjoint sets of them."""
        seeds = self.record.num_seeds[num_samples]
        return seeds if fault.damage is None else min(seeds, self.num_damaged // num_samples)


def plan_calibration(request: CalibrationRequest, registry: Registry) -> Plan:
    """Resolve a request. Raises UsageError, UnknownNameError, DataError or WeightsError."""
    _check(request)
    dataset = load_dataset(request.dataset, registry.datasets, None, default_root())
    data = divide(dataset, title_of(request.dataset), max(request.num_samples), request.seed)
    sizes = tuple(n for n in sorted(set(request.num_samples)) if n * LEAST_SETS <= len(data.pool))
    if not sizes:
        raise UsageError(
            f"{data.name}: {len(data.samples):,} samples leave {len(data.pool):,} for fake generators; expected at "
            f"least {LEAST_SETS} times --num-samples {min(request.num_samples):,}. Ask for fewer samples."
        )
    faults, no_faults = _faults(request.faults, data)
    extractor = _extractor(request.extractor, registry) if data.kind == "image" else None
    metrics, left_out = _metrics(request, registry, data, extractor)
    configuration = _configuration(request, data, sizes, faults, metrics, extractor)
    record = _record(request, data, configuration, faults, metrics, extractor)
    notes = [*no_faults, *_left_out_sizes(request.num_samples, sizes, data)]
    return Plan(record.model_copy(update={"left_out": left_out, "notes": notes}), data, faults, metrics, extractor)


def _configuration(
    request: CalibrationRequest,
    data: RealData,
    sizes: Sequence[int],
    faults: Sequence[Fault],
    metrics: Sequence[MetricInfo],
    extractor: ExtractorInfo | None,
) -> dict[str, Any]:
    """All that decides the numbers."""
    return {
        "dataset": data.name, "dataset_sha256": data.sha256, "seed": request.seed,
        "faults": {fault.name: list(fault.sizes_for(data.num_classes)) for fault in faults},
        "metrics": [info.id for info in metrics], "named": list(request.metrics), "dear_up_to": request.dear_up_to,
        "dear_seeds": DEAR_SEEDS,
        "num_samples": list(sizes), "num_seeds": list(request.num_seeds), "repetitions": request.repetitions,
        "extractor": extractor.name if extractor else None,
        "num_reference": data.num_reference, "num_heldout": data.num_heldout, "num_pool": len(data.pool),
        "num_damaged": min(len(data.pool), max(DAMAGED, *sizes)),
    }  # fmt: skip


def _record(
    request: CalibrationRequest,
    data: RealData,
    configuration: dict[str, Any],
    faults: Sequence[Fault],
    metrics: Sequence[MetricInfo],
    extractor: ExtractorInfo | None,
) -> CalibrationPlan:
    """configuration.json, but for the extractor's identity, which is known once it is loaded."""
    sizes = configuration["num_samples"]
    seeds = dict(
        zip(request.num_samples, [*request.num_seeds, *request.num_seeds[-1:] * len(request.num_samples)], strict=False)
    )
    return CalibrationPlan(
        ganbench_version=ganbench.__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        configuration=configuration,
        configuration_sha256=sha256_of(configuration),
        data=DataRecord(
            name=data.name, kind=data.kind, sha256=data.sha256, num_classes=data.num_classes,
            num_reference=data.num_reference, num_heldout=data.num_heldout, num_pool=len(data.pool),
        ),
        extractor=None,
        faults=[_fault_record(fault, data.num_classes) for fault in faults],
        metrics=[_facts(info, extractor) for info in metrics],
        num_samples=sizes,
        num_seeds={n: seeds[n] for n in sizes},
        clean_seeds={n: max(seeds[n], min(2 * seeds[n], len(data.pool) // n)) for n in sizes},
        left_out={},
        environment=describe_environment(),
    )  # fmt: skip


def with_extractor(record: CalibrationPlan, identity: Any) -> CalibrationPlan:
    """The same plan with the identity of the loaded extractor."""
    return record.model_copy(update={"extractor": ExtractorRecord(**identity.__dict__)})


def _check(request: CalibrationRequest) -> None:
    if min(request.num_samples) < 2:
        raise UsageError(f"--num-samples {min(request.num_samples)}: expected 2 or more.")
    if min(request.num_seeds) < 2:
        raise UsageError("--seeds: expected 2 or more of each fault, since noise is what differs between seeds.")
    if len(request.num_seeds) not in (1, len(set(request.num_samples))) and request.num_seeds != DEFAULT_SEEDS:
        raise UsageError(
            f"--seeds {','.join(map(str, request.num_seeds))}: expected one number, or one for each of --num-samples "
            f"{','.join(map(str, request.num_samples))}."
        )


def _faults(names: Sequence[str], data: RealData) -> tuple[tuple[Fault, ...], list[str]]:
    """The faults to plant, and a note for those that these data do not allow."""
    for name in names:
        if name not in FAULTS:
            raise UnknownNameError("fault", name, FAULTS)
    fitting = [fault for fault in FAULTS.values() if data.kind in fault.data_kinds and fault.name in (names or FAULTS)]
    usable = tuple(fault for fault in fitting if data.num_classes > 1 or not fault.needs_labels)
    if not usable:
        fits = [
            f.name
            for f in FAULTS.values()
            if data.kind in f.data_kinds and (data.num_classes > 1 or not f.needs_labels)
        ]
        raise UsageError(
            f"{data.name}: none of the faults asked for can be planted in these data; these can: {', '.join(fits)}."
        )
    lacking = [fault.name for fault in fitting if fault not in usable]
    return usable, [f"{', '.join(lacking)}: not planted, since the data have no labels."] if lacking else []


def _left_out_sizes(asked: Sequence[int], sizes: Sequence[int], data: RealData) -> list[str]:
    lacking = ", ".join(f"{n:,}" for n in sorted(set(asked) - set(sizes)))
    if not lacking:
        return []
    return [
        f"n = {lacking}: left out, since {data.name} leaves {len(data.pool):,} samples for fake generators, and at "
        f"least {LEAST_SETS} sets of that size are needed."
    ]


def _extractor(name: str, registry: Registry) -> ExtractorInfo:
    return choose_extractor(name, list(registry.extractors.values()))[0]


def _metrics(
    request: CalibrationRequest, registry: Registry, data: RealData, extractor: ExtractorInfo | None
) -> tuple[tuple[MetricInfo, ...], dict[str, str]]:
    """The metrics to calibrate, and why others are not."""
    chosen = choose_metrics(request.metrics or ("all",), registry, kind=data.kind)
    reasons = {info.id: _lack(info, request, extractor) for info in chosen}
    left_out = {name: reason for name, reason in reasons.items() if reason}
    metrics = tuple(info for info in chosen if info.id not in left_out)
    if not metrics:
        raise UsageError("no metric can be calibrated: " + "; ".join(f"{k}: {v}" for k, v in left_out.items()))
    return metrics, left_out


def _lack(info: MetricInfo, request: CalibrationRequest, extractor: ExtractorInfo | None) -> str:
    if (info.id in DEAR and info.id not in request.metrics) or "generator" in info.needs:
        return DEAR.get(info.id, "it needs a generator, and the fake ones give out images only")
    if extractor is not None and info.extractor not in (None, extractor.name):
        return f"it is defined on the extractor {info.extractor}: calibrate with --extractor {info.extractor}"
    if extractor is not None and "logits" in info.needs:
        return extractor.logits_missing() or ""
    return ""


def _fault_record(fault: Fault, num_classes: int) -> FaultRecord:
    sizes = [SizeRecord(size=size, words=fault.word(size)) for size in fault.sizes_for(num_classes)]
    return FaultRecord(name=fault.name, title=fault.title, unit=fault.unit, sizes=sizes)


def _facts(info: MetricInfo, extractor: ExtractorInfo | None) -> MetricFacts:
    plain = extractor is None or not info.uses_extractor or extractor.canonical or info.extractor is not None
    label = info.title if plain or extractor is None else f"{info.title} · {extractor.name}"
    return MetricFacts(id=info.id, title=info.title, label=label, higher_is_better=info.higher_is_better)
