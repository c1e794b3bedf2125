"""Measuring a set of samples with the registry's metrics: what trials, `ganbench evaluate` and `verify` share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ganbench.data.sources import split_of
from ganbench.errors import UnknownNameError, UsageError
from ganbench.features.choose import choose_extractor
from ganbench.features.extract import FeatureCache
from ganbench.metrics.evaluate import Evaluation, EvaluationContext, Neighbour, Progress, evaluate
from ganbench.metrics.evaluate_points import evaluate_points
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.point_inputs import PointInputs
from ganbench.protocols import Protocol, check_metrics, get_protocol
from ganbench.registry import Registry
from ganbench.results.schema import ExtractorRecord, MetricRecord, MetricsFile
from ganbench.results.store import write_arrays
from ganbench.run.job import TrialJob
from ganbench.seeding import derive_seed
from ganbench.types import (
    REFERENCE_ROW,
    DataKind,
    ExtractorInfo,
    ImageSet,
    ImageSource,
    MetricInfo,
    PointDataset,
    PointSet,
    SampleSet,
)

_KINDS: Mapping[DataKind, str] = {"image": "images", "points": "points"}


@dataclass(frozen=True)
class Measurement:
    """What came out, with the records that describe each metric."""

    evaluation: Evaluation
    infos: Mapping[str, MetricInfo]

    @property
    def neighbours(self) -> Sequence[Neighbour]:
        """The gallery of nearest training images; empty where there is none."""
        return self.evaluation.neighbours

    @property
    def inputs(self) -> MetricInputs | PointInputs:
        """Images and features, or points, for what is made of them beside the metrics."""
        return self.evaluation.inputs

    def to_file(self, protocol: str, provenance: Mapping[str, Any]) -> MetricsFile:
        """The content of metrics.json."""
        return MetricsFile(
            metrics={name: self._record(name, protocol) for name in self.evaluation.results},
            unavailable=dict(self.evaluation.unavailable),
            provenance=dict(provenance),
        )

    def _record(self, name: str, protocol: str) -> MetricRecord:
        evaluation, info = self.evaluation, self.infos[name]
        result, identity = evaluation.results[name], evaluation.extractors.get(name)
        return MetricRecord(
            title=info.title, value=result.value, ci95=result.ci95, ci95_method=result.ci95_method,
            higher_is_better=info.higher_is_better, num_samples=result.num_samples,
            num_reference=result.num_reference,
            extractor=ExtractorRecord(**identity.__dict__) if identity is not None else None,
            canonical=identity is None or name in evaluation.canonical, protocol=protocol,
            seconds=evaluation.seconds[name], details=dict(result.details), bounds=result.bounds or info.bounds,
        )  # fmt: skip


def choose_metrics(
    names: Sequence[str], registry: Registry, protocol: Protocol | None = None, kind: DataKind = "image"
) -> list[MetricInfo]:
    """The metrics called `names`; `all` are all for data of this `kind`, none are the protocol's or the default ones.

    Raises UnknownNameError, or UsageError for a metric that the protocol does not measure or that is of other data.
    """
    known = registry.metrics
    fitting = [info for info in known.values() if kind in info.data_kinds]
    if tuple(names) == ("all",):
        names = [info.id for info in fitting]
    if not names and protocol is not None:
        names = protocol.metrics
    for name in names:
        if name not in known:
            raise UnknownNameError("metric", name, [*known, "all"])
    if protocol is not None:
        check_metrics(protocol, names)
    chosen = [known[name] for name in names]
    for info in chosen:
        if info not in fitting:
            raise UsageError(
                f"metric '{info.id}' is not for {_KINDS[kind]}; for these there are "
                f"{', '.join(other.id for other in fitting)}."
            )
    return chosen or [info for info in fitting if info.default]


def protocol_extractor(protocol: Protocol, asked: str) -> str:
    """The name of the extractor to use. Raises UsageError where `asked` is not the one that the protocol fixes."""
    if protocol.extractor == "auto" or asked in ("auto", protocol.extractor):
        return protocol.extractor if asked == "auto" else asked
    raise UsageError(
        f"protocol '{protocol.name}' measures with '{protocol.extractor}', not with '{asked}': leave the extractor "
        "out, or choose the protocol ganbench-v1, which takes any."
    )


def measure(
    samples: ImageSource,
    reference: ImageSource,
    registry: Registry,
    metrics: Sequence[MetricInfo],
    extractor: ExtractorInfo,
    context: EvaluationContext,
) -> Measurement:
    """Measure `samples` against `reference` with the registry's extractors."""
    context = replace(context, extractors=registry.extractors)
    evaluation = evaluate(samples, reference, metrics, extractor, context)
    return Measurement(evaluation, {info.id: info for info in metrics})


def measure_trial(job: TrialJob, samples: SampleSet, cache: FeatureCache | None, progress: Progress) -> Measurement:
    """Measure the samples of a trial as its run was planned: metrics, extractor, protocol, seed and data."""
    dataset, seed = job.dataset, derive_seed("metrics", job.seed) % 2**31
    metrics = choose_metrics(job.run.configuration["metrics"], job.registry, kind=dataset.spec.kind)
    if isinstance(samples, PointSet) or isinstance(dataset, PointDataset):
        assert isinstance(samples, PointSet)
        assert isinstance(dataset, PointDataset)
        evaluation = evaluate_points(samples, dataset, metrics, seed, progress)
        return Measurement(evaluation, {info.id: info for info in metrics})
    extractor, _ = choose_extractor(job.run.configuration["extractor"], list(job.registry.extractors.values()))
    has_generator = job.plugin != REFERENCE_ROW and any("generator" in metric.needs for metric in metrics)
    context = EvaluationContext(
        dataset=dataset,
        heldout=split_of(dataset, "test") if len(dataset.test) else None,
        generator=job.generator() if has_generator else None,
        protocol=get_protocol(job.run.protocol),
        device=str(job.device),
        cache=cache,
        seed=seed,
        progress=progress,
    )
    samples = replace(samples, class_names=dataset.class_names)
    return measure(samples, split_of(dataset, "train"), job.registry, metrics, extractor, context)


def save_samples(path: Path, samples: SampleSet) -> None:
    """Write samples.npz: `images` uint8 NHWC or `points` float32 [N, D], with the `labels` of a conditional model."""
    name, array = ("images", samples.images) if isinstance(samples, ImageSet) else ("points", samples.points)
    arrays: dict[str, np.ndarray[Any, Any]] = {name: array}
    if samples.labels is not None:
        arrays["labels"] = samples.labels
    write_arrays(path, arrays)


def save_neighbours(
    path: Path, gallery: Sequence[Neighbour], distances: Mapping[str, np.ndarray[Any, Any]] | None = None
) -> None:
    """Write neighbours.npz for the report's gallery, closest pair first; without neighbours nothing is written.

    `distances`: of all samples and of the held-out images to their nearest training image, where they are known.
    """
    if not gallery:
        return
    pairs = sorted(gallery, key=lambda pair: pair.feature_distance)
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "samples": np.stack([pair.sample for pair in pairs]),
        "neighbours": np.stack([pair.train for pair in pairs]),
        "feature_distance": np.array([pair.feature_distance for pair in pairs], dtype=np.float32),
        "closest": np.array([pair.closest for pair in pairs]),
    }
    lpips = [pair.lpips for pair in pairs if pair.lpips is not None]
    if len(lpips) == len(pairs):
        arrays["lpips_distance"] = np.array(lpips, dtype=np.float32)
    write_arrays(path, arrays | dict(distances or {}))
