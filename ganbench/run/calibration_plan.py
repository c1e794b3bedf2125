"""What a calibration measures: which data, divided how, which faults at which sizes, how often, by which metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import ganbench
from ganbench.config import sha256_of
from ganbench.data.load import default_root, load_dataset
from ganbench.data.sources import in_memory
from ganbench.errors import UnknownNameError, UsageError
from ganbench.features.choose import choose_extractor
from ganbench.registry import Registry
from ganbench.results.calibration import CalibrationPlan, DataRecord, FaultRecord, MetricFacts, SizeRecord
from ganbench.results.schema import ExtractorRecord
from ganbench.run.faults import FAULTS, Deal, Fault, Rows, Samples
from ganbench.run.measure import choose_metrics
from ganbench.run.plan import describe_environment
from ganbench.types import AnyDataset, DataKind, ExtractorInfo, MetricInfo, Mixture, PointDataset

MAX_REFERENCE = 5000  # training images, and as many held out: a fifth of the data each where that is less
POOL_PER_SAMPLE = 6  # new real samples for each sample of the largest set, at most
LEAST_SETS = 3  # disjoint clean sets of a size, below which no spread can be told
DAMAGED = 4000  # samples that are damaged at each strength, or as many as the largest set has
DEAR_SEEDS = 4  # of the metrics on request
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
    num_seeds: tuple[int, ...] = (8, 5, 3)
    repetitions: int = 400
    extractor: str = "auto"
    dear_up_to: int = 2000
    seed: int = 0
    out: Path | None = None


@dataclass(frozen=True)
class RealData:
    """Real samples with their classes (for points: modes), in the order of the seed: reference, held-out, then pool."""

    name: str
    kind: DataKind
    samples: Samples
    classes: Rows | None
    class_names: tuple[str, ...]
    sha256: str
    num_reference: int
    num_heldout: int
    mixture: Mixture | None = None

    @property
    def reference(self) -> Rows:
        """What models learn from."""
        return np.arange(self.num_reference)

    @property
    def heldout(self) -> Rows:
        """Real samples that are compared with."""
        return np.arange(self.num_reference, self.num_reference + self.num_heldout)

    @property
    def pool(self) -> Rows:
        """What fake generators draw from."""
        return np.arange(self.num_reference + self.num_heldout, len(self.samples))

    @cached_property
    def num_classes(self) -> int:
        """How many classes or modes there are; 0 without labels."""
        return 0 if self.classes is None else len(np.unique(self.classes))

    def deal(self, num_samples: int, seed: int) -> Deal:
        """What the fake generator of a seed draws from: disjoint sets as long as the pool gives them."""
        sets = max(len(self.pool) // num_samples, 1)
        shuffles, place = divmod(seed, sets)
        pool = np.random.default_rng([shuffles, len(self.pool)]).permutation(self.pool) if shuffles else self.pool
        return Deal(np.roll(pool, -place * num_samples), self.reference, num_samples, self.classes)


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
        dear = num_samples <= limit and seed < DEAR_SEEDS
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
    data = divide(dataset, _title(request.dataset), max(request.num_samples), request.seed)
    sizes = tuple(n for n in sorted(set(request.num_samples)) if n * LEAST_SETS <= len(data.pool))
    if not sizes:
        raise UsageError(
            f"{data.name}: {len(data.samples):,} samples leave {len(data.pool):,} for fake generators; expected at "
            f"least {LEAST_SETS} times --num-samples {min(request.num_samples):,}. Ask for fewer samples."
        )
    faults, no_faults = _faults(request.faults, data)
    extractor = _extractor(request.extractor, registry) if data.kind == "image" else None
    metrics, left_out = _metrics(request, registry, data, extractor)
    configuration = {
        "dataset": data.name, "dataset_sha256": data.sha256, "seed": request.seed,
        "faults": {fault.name: list(fault.sizes_for(data.num_classes)) for fault in faults},
        "metrics": [info.id for info in metrics], "named": list(request.metrics), "dear_up_to": request.dear_up_to,
        "num_samples": list(sizes), "num_seeds": list(request.num_seeds), "repetitions": request.repetitions,
        "extractor": extractor.name if extractor else None,
        "num_reference": data.num_reference, "num_heldout": data.num_heldout, "num_pool": len(data.pool),
        "num_damaged": min(len(data.pool), max(DAMAGED, *sizes)),
    }  # fmt: skip
    asked = dict(
        zip(sorted(set(request.num_samples)), [*request.num_seeds, *request.num_seeds[-1:] * 99], strict=False)
    )
    record = CalibrationPlan(
        ganbench_version=ganbench.__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        configuration=configuration,
        configuration_sha256=sha256_of(configuration),
        data=DataRecord(
            name=data.name, kind=data.kind, sha256=data.sha256, num_classes=data.num_classes,
            num_reference=data.num_reference, num_heldout=data.num_heldout, num_pool=len(data.pool),
        ),
        extractor=None,  # known once it is loaded
        faults=[_fault_record(fault, data.num_classes) for fault in faults],
        metrics=[_facts(info, extractor) for info in metrics],
        num_samples=list(sizes),
        num_seeds={n: asked[n] for n in sizes},
        clean_seeds={n: max(asked[n], min(2 * asked[n], len(data.pool) // n)) for n in sizes},
        left_out=left_out,
        notes=[*no_faults, *_left_out_sizes(request.num_samples, sizes, data)],
        environment=describe_environment(),
    )  # fmt: skip
    return Plan(record, data, faults, metrics, extractor)


def with_extractor(record: CalibrationPlan, identity: Any) -> CalibrationPlan:
    """The same plan with the identity of the loaded extractor."""
    return record.model_copy(update={"extractor": ExtractorRecord(**identity.__dict__)})


def divide(dataset: AnyDataset, name: str, most_samples: int, seed: int) -> RealData:
    """All labelled samples of both splits, put in an order by the seed: reference, held-out, pool."""
    samples, classes, mixture = _together(dataset)
    order = np.random.default_rng(seed).permutation(len(samples))
    fifth = min(MAX_REFERENCE, len(order) // 5)
    order = order[: 2 * fifth + POOL_PER_SAMPLE * most_samples]
    classes, names = None if classes is None else classes[order], tuple(dataset.class_names)
    chosen = np.ascontiguousarray(samples[order])
    return RealData(name, dataset.spec.kind, chosen, classes, names, dataset.sha256, fifth, fifth, mixture)


def _together(dataset: AnyDataset) -> tuple[Samples, Rows | None, Mixture | None]:
    """Both splits as one array with the classes of each sample; of points, the mode that each is nearest to."""
    if isinstance(dataset, PointDataset):
        points = np.concatenate([dataset.train.points, dataset.test.points])
        if dataset.mixture is None:
            return points, None, None
        distances = np.linalg.norm(points[:, None].astype(np.float64) - dataset.mixture.centres, axis=2)
        return points, distances.argmin(axis=1), dataset.mixture
    if dataset.channels_of is not None:
        raise UsageError(f"{dataset.name}: images made of several others cannot be calibrated on; choose other data.")
    splits = [in_memory(split) for split in (dataset.train, dataset.test)]
    images: npt.NDArray[np.uint8] = np.concatenate([split.images for split in splits])
    labels = [split.labels for split in splits if split.labels is not None]
    return images, np.concatenate(labels) if len(labels) == len(splits) else None, None


def _check(request: CalibrationRequest) -> None:
    if min(request.num_samples) < 2:
        raise UsageError(f"--num-samples {min(request.num_samples)}: expected 2 or more.")
    if min(request.num_seeds) < 2:
        raise UsageError("--seeds: expected 2 or more of each fault, since noise is what differs between seeds.")


def _title(text: str) -> str:
    """`npz:data/mnist-70k.npz` → `mnist-70k`: no folder of this machine goes into the results."""
    return Path(text.partition(":")[2]).stem if ":" in text else text


def _faults(names: Sequence[str], data: RealData) -> tuple[tuple[Fault, ...], list[str]]:
    """The faults to plant, and a note for those that these data do not allow."""
    for name in names:
        if name not in FAULTS:
            raise UnknownNameError("fault", name, FAULTS)
    fitting = [fault for fault in FAULTS.values() if data.kind in fault.data_kinds and fault.name in (names or FAULTS)]
    usable = tuple(fault for fault in fitting if data.num_classes > 1 or not fault.needs_labels)
    if not usable:
        raise UsageError(f"{data.name}: none of the faults asked for can be planted in these data.")
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
