"""Measuring a set of images with the registry's metrics: what a trial and `ganbench evaluate` share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ganbench.errors import UnknownNameError
from ganbench.features.choose import choose_extractor
from ganbench.features.extract import FeatureCache
from ganbench.metrics.evaluate import Evaluation, Neighbour, evaluate
from ganbench.registry import Registry
from ganbench.results.schema import ExtractorRecord, MetricRecord, MetricsFile
from ganbench.results.store import write_bytes
from ganbench.types import Dataset, ImageSet, MetricInfo


@dataclass(frozen=True)
class Measurement:
    """What came out, with the records that describe each metric."""

    evaluation: Evaluation
    infos: Mapping[str, MetricInfo]

    @property
    def neighbours(self) -> Sequence[Neighbour]:
        """The gallery of nearest training images; empty where there is none."""
        return self.evaluation.neighbours

    def to_file(self, protocol: str, provenance: Mapping[str, Any]) -> MetricsFile:
        """The content of metrics.json."""
        return MetricsFile(
            metrics={name: self._record(name, protocol) for name in self.evaluation.results},
            unavailable=dict(self.evaluation.unavailable),
            provenance=dict(provenance),
        )

    def _record(self, name: str, protocol: str) -> MetricRecord:
        result, info, identity = self.evaluation.results[name], self.infos[name], self.evaluation.extractor
        return MetricRecord(
            title=info.title, value=result.value, ci95=result.ci95, ci95_method=result.ci95_method,
            higher_is_better=info.higher_is_better, num_samples=result.num_samples,
            num_reference=result.num_reference,
            extractor=ExtractorRecord(**identity.__dict__) if info.uses_extractor else None,
            canonical=self.evaluation.canonical, protocol=protocol, seconds=self.evaluation.seconds[name],
            details=dict(result.details),
        )  # fmt: skip


def choose_metrics(names: Sequence[str], registry: Registry) -> list[MetricInfo]:
    """The metrics called `names`, or all of them. Raises UnknownNameError."""
    for name in names:
        if name not in registry.metrics:
            raise UnknownNameError("metric", name, registry.metrics)
    return [registry.metrics[name] for name in names or registry.metrics]


def measure(
    images: ImageSet,
    reference: ImageSet,
    dataset: Dataset | None,
    registry: Registry,
    metric_names: Sequence[str],
    extractor_name: str,
    *,
    device: str,
    cache: FeatureCache,
    seed: int,
    progress: Callable[[str, int, int], None] | None = None,
) -> Measurement:
    """Measure `images` against `reference`; `dataset` gives labels, training images and held-out ones, where known."""
    infos = choose_metrics(metric_names, registry)
    extractor, _ = choose_extractor(extractor_name, list(registry.extractors.values()))
    heldout = dataset.test if dataset is not None and len(dataset.test) else None
    evaluation = evaluate(
        images, reference, infos, extractor, dataset=dataset, heldout=heldout, device=device, cache=cache, seed=seed,
        progress=progress,
    )  # fmt: skip
    return Measurement(evaluation, {info.id: info for info in infos})


def save_images(path: Path, images: ImageSet) -> None:
    """Write samples.npz: `images` uint8 NHWC and, for a conditional model, the `labels` that were asked for."""
    arrays: dict[str, np.ndarray[Any, Any]] = {"images": images.images}
    if images.labels is not None:
        arrays["labels"] = images.labels
    _save_arrays(path, arrays)


def save_neighbours(path: Path, gallery: Sequence[Neighbour]) -> None:
    """Write neighbours.npz for the report's gallery, closest pair first; without neighbours nothing is written."""
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
    _save_arrays(path, arrays)


def _save_arrays(path: Path, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_bytes(path, buffer.getvalue())
