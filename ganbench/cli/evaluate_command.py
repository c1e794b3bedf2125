"""`ganbench evaluate`: measure images from any source against real ones."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

import ganbench
from ganbench.config import PROTOCOL
from ganbench.errors import UsageError
from ganbench.features.choose import choose_extractor
from ganbench.features.extract import FeatureCache, default_cache_root
from ganbench.registry import load_registry
from ganbench.results.schema import MetricsFile
from ganbench.results.store import write_record
from ganbench.run.inputs import find_images
from ganbench.run.measure import choose_metrics, measure
from ganbench.run.plan import describe_environment, resolve_device
from ganbench.types import ImageSet

FEW_SAMPLES = 1000


@dataclass(frozen=True)
class EvaluateRequest:
    """What was asked for."""

    samples: str
    reference: str
    metrics: tuple[str, ...]
    extractor: str
    num_samples: int | None
    resolution: int | None
    device: str
    seed: int
    json_file: Path | None


def evaluate_and_show(request: EvaluateRequest) -> None:
    """Measure, print the table and write the JSON if asked."""
    console = Console()
    _check_json_path(request.json_file)
    registry = load_registry()
    choose_metrics(request.metrics, registry)  # a misspelt name is found before anything is read
    extractor, reason = choose_extractor(request.extractor, list(registry.extractors.values()))
    device = resolve_device(request.device)
    with console.status("Reading images ..."):
        samples = _subset(find_images(request.samples, registry, request.resolution).images, request)
        reference = find_images(request.reference, registry, request.resolution)
    samples, reference_images = _alike(samples, reference.images, console)
    console.print(f"{len(samples)} samples against {len(reference_images)} reference images", highlight=False)
    console.print(f"Features: {reason}", highlight=False)
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("measuring", total=None)
        measurement = measure(
            samples, reference_images, reference.dataset, registry, request.metrics, extractor.name,
            device=device, cache=FeatureCache(default_cache_root()), seed=request.seed,
            progress=lambda text, done, total: progress.update(bar, description=text, completed=done, total=total),
        )  # fmt: skip
    metrics = measurement.to_file(PROTOCOL, _provenance(request, samples, reference_images))
    console.print(metrics_table(metrics))
    if len(samples) < FEW_SAMPLES:
        text = f"note: n = {len(samples)} is small; FID and IS are biased at small n: compare only at equal n."
        console.print(text, style="yellow", highlight=False)
    for name, why in metrics.unavailable.items():
        console.print(f"{name}: not computed: {why}", markup=False, highlight=False)
    if request.json_file is not None:
        write_record(request.json_file, metrics)
        console.print(f"JSON: {request.json_file}", highlight=False, soft_wrap=True)


def _alike(samples: ImageSet, reference: ImageSet, console: Console) -> tuple[ImageSet, ImageSet]:
    """Grey images beside RGB ones are given three equal channels, as extractors do; the user is told."""
    channels = {samples.images.shape[-1], reference.images.shape[-1]}
    if len(channels) == 1:
        return samples, reference
    console.print("note: one side is grey; its channel is repeated to make it RGB.", style="yellow", highlight=False)
    return _as_rgb(samples), _as_rgb(reference)


def _as_rgb(images: ImageSet) -> ImageSet:
    return replace(images, images=np.repeat(images.images, 3, axis=-1)) if images.images.shape[-1] == 1 else images


def _check_json_path(path: Path | None) -> None:
    """Find out before hours of work that the numbers could not be written."""
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"--json {path}: is a folder; name a file.")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"--json {path}: {path.parent} cannot be written to; choose another place.")


def _subset(samples: ImageSet, request: EvaluateRequest) -> ImageSet:
    n = request.num_samples
    if n is None or n == len(samples):
        return samples
    if n > len(samples):
        raise UsageError(f"--num-samples {n}: {request.samples} holds {len(samples)} images only.")
    chosen = np.sort(np.random.default_rng(request.seed).permutation(len(samples))[:n])
    return ImageSet(samples.name, samples.images[chosen], None if samples.labels is None else samples.labels[chosen])


def _provenance(request: EvaluateRequest, samples: ImageSet, reference: ImageSet) -> dict[str, object]:
    return {
        "samples": {"name": request.samples, "sha256": samples.sha256, "num": len(samples)},
        "reference": {"name": request.reference, "sha256": reference.sha256, "num": len(reference)},
        "seed": request.seed,
        "ganbench_version": ganbench.__version__,
        "environment": describe_environment(),
    }


def metrics_table(metrics: MetricsFile) -> Table:
    """Every number with its interval, n and seconds; how an interval was made stands in the JSON."""
    table = Table()
    table.add_column("metric", overflow="fold")
    for column in ("value", "95 % interval", "n", "reference", "seconds"):
        table.add_column(column, justify="right")
    for record in metrics.metrics.values():
        interval = "–" if record.ci95 is None else f"{record.ci95[0]:.5g} – {record.ci95[1]:.5g}"
        arrow = {True: " ↑", False: " ↓", None: ""}[record.higher_is_better]
        table.add_row(
            escape(record.label) + arrow, f"{record.value:.6g}", interval, str(record.num_samples),
            str(record.num_reference or "–"), f"{record.seconds:.1f}",
        )  # fmt: skip
    return table
