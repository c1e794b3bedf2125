"""Measuring images from any source: what `ganbench evaluate` and `ganbench.evaluate` do."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import ganbench
from ganbench.data.given import Given, as_image_source
from ganbench.data.resize import check_resolution
from ganbench.data.rgb import as_rgb
from ganbench.data.sources import dataset_as_rgb, split_of
from ganbench.errors import UsageError
from ganbench.features.choose import choose_extractor
from ganbench.features.extract import FeatureCache, default_cache_root
from ganbench.metrics.evaluate import EvaluationContext, Progress
from ganbench.metrics.image_inputs import describe_shape
from ganbench.protocols import Measured, Protocol, get_protocol, reference_deviations
from ganbench.registry import Registry, load_registry
from ganbench.results.schema import MetricsFile
from ganbench.run.inputs import NamedImages, find_images
from ganbench.run.measure import choose_metrics, measure, protocol_extractor
from ganbench.run.plan import describe_environment, resolve_device
from ganbench.types import Dataset, ImageSource

if TYPE_CHECKING:
    from torch import Tensor

FEW_SAMPLES = 1000
Named = str | Path | Given


def evaluate(
    samples: Named | Tensor,
    reference: Named | Tensor,
    *,
    metrics: Sequence[str] | str = (),
    extractor: str = "auto",
    protocol: str = "ganbench-v1",
    heldout: Named | Tensor | None = None,
    labels: npt.NDArray[Any] | None = None,
    value_range: tuple[float, float] | None = None,
    num_samples: int | None = None,
    resolution: int | None = None,
    device: str = "auto",
    seed: int = 0,
    cache: Path | str | None = None,
    tell: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> MetricsFile:
    """Measure `samples` against `reference`, by any metric, with intervals.

    Args:
        samples: Generated images: a path (folder, .zip, .npz, .npy, a trial's folder), the name of a dataset, a uint8
            array or tensor [N, H, W, C] or [N, C, H, W], a float tensor with `value_range`, or an iterator over batches
            of these, or over pairs of images and labels; an iterator is put on disk while it is gone through.
        reference: Real images, in the same forms. With a dataset's name, its held-out half and labels serve too.
        metrics: Ids, as a sequence or comma-separated; "all" is all; nothing is the protocol's, or the default ones.
        extractor: A name of `ganbench extractors`; "auto" is the canonical Inception where its weights are here, else
            efficientnet-lite0, and `provenance["extractor_note"]` says which and why.
        protocol: A name of `ganbench protocols`.
        heldout: Real images that no model has seen, in the same forms; by default the dataset's other half.
        labels: Classes int [N] of `samples`, where these are an array, a tensor or an iterator without labels.
        value_range: Of float images: (-1, 1) or (0, 1). Never guessed.
        num_samples: Measure this many, drawn by `seed`; by default all, or as many as the protocol says.
        resolution: Bring images from files and datasets to this side length first.
        device: "auto", "cpu", "cuda", …
        seed: Of the draws, subsets and bootstraps.
        cache: Folder for features; by default the user's cache folder.
        tell: Called with remarks for the user.
        progress: Called with (stage, done, total).

    Returns:
        The content of `evaluate --json`: `.metrics["fid"].value`, `.ci95`, `.num_samples`, …; `.unavailable` says why a
        metric is not there. `.model_dump_json()` gives the JSON.

    Raises:
        UsageError, DataError, UnknownNameError, WeightsError: With what was expected and what to do.
    """
    registry, rules = load_registry(), get_protocol(protocol)
    tell = tell or (lambda text: None)
    _check(seed, value_range, resolution)
    infos = choose_metrics(_names(metrics), registry, rules)
    chosen, reason = choose_extractor(protocol_extractor(rules, extractor), list(registry.extractors.values()))
    if rules.extractor != "auto" and extractor == "auto":
        reason = f"{chosen.name}: the extractor of {rules.name}"
    target = resolve_device(device)
    store = FeatureCache(Path(cache) if cache is not None else default_cache_root())
    finder = _Finder(registry, store, resolution, value_range)
    generated, real = finder.find(samples, "samples", labels), finder.find(reference, "reference")
    unseen = _unseen(finder, heldout, real)
    drawn = finder.known(_draw(generated.images, num_samples, rules, seed))
    sides = _alike([drawn, real.images, *([unseen] if unseen else [])], tell)
    images, references, *others = map(finder.known, sides)
    unseen = others[0] if others else None
    _refuse_the_reference(heldout, unseen, references)
    found = reference_deviations(rules, _measured(real, references))
    for remark in _remarks(found, images, references, reason, {info.id for info in infos}):
        tell(remark)
    load_generator = generated.load_generator if any("generator" in info.needs for info in infos) else None
    context = EvaluationContext(
        dataset=_with_channels(real.dataset, references.shape[-1]), heldout=unseen,
        generator=load_generator(target) if load_generator else None,
        protocol=rules, device=target, cache=store, seed=seed, progress=progress or (lambda stage, done, total: None),
    )  # fmt: skip
    measurement = measure(images, references, registry, infos, chosen, context)
    provenance = {
        "samples": _describe(samples, images),
        "reference": _describe(reference, references),
        "heldout": None if unseen is None else _describe(heldout, unseen),
        "seed": seed,
        "resolution": resolution,
        "extractor_note": reason,
        "protocol_deviations": found,
        "ganbench_version": ganbench.__version__,
        "environment": describe_environment(),
    }
    return measurement.to_file(rules.name, provenance)


def _names(metrics: Sequence[str] | str) -> list[str]:
    names = metrics.split(",") if isinstance(metrics, str) else metrics
    return [name.strip() for name in names if name.strip()]


def _check(seed: int, value_range: tuple[float, float] | None, resolution: int | None) -> None:
    check_resolution(resolution)
    if seed < 0:
        raise UsageError(f"seed {seed}: expected 0 or more.")
    if value_range is not None and np.shape(value_range) != (2,):
        raise UsageError(f"value_range {value_range}: expected (black, white), such as (-1, 1).")


@dataclass(frozen=True)
class _Finder:
    """From what was given for a set of images to the images."""

    registry: Registry
    store: FeatureCache
    resolution: int | None
    value_range: tuple[float, float] | None

    def find(self, given: Named | Tensor, role: str, labels: npt.NDArray[Any] | None = None) -> NamedImages:
        if isinstance(given, str | Path):
            if labels is not None:
                raise UsageError(f"labels= goes with arrays; '{given}' brings its own, by class folders or an .npz.")
            found = find_images(str(given), self.registry, self.resolution)
        else:
            found = NamedImages(as_image_source(given, role, self.value_range, labels))
        self.known(found.images)
        return found

    def known(self, images: ImageSource) -> ImageSource:
        """The same; images in files that were seen before are known again, so that they need not be opened."""
        self.store.recognise(images)
        return images


def _measured(real: NamedImages, reference: ImageSource) -> Measured:
    dataset = real.dataset.name if real.dataset is not None else ""
    return Measured(dataset, real.split, num_reference=len(reference), resolution=reference.shape[1])


def _describe(given: Any, images: ImageSource) -> dict[str, Any]:
    name = str(given) if isinstance(given, str | Path) else images.name
    return {"name": name, "sha256": images.sha256, "num": len(images)}


def _unseen(finder: _Finder, heldout: Named | Tensor | None, real: NamedImages) -> ImageSource | None:
    """The held-out images that were given, or that half of the dataset from which the reference comes."""
    if heldout is not None:
        return finder.find(heldout, "heldout").images
    return split_of(real.dataset, "test") if real.dataset is not None and len(real.dataset.test) else None


def _refuse_the_reference(heldout: Named | Tensor | None, unseen: ImageSource | None, references: ImageSource) -> None:
    """Raises UsageError where the held-out images that were given are the reference; hashes go through all of both."""
    if heldout is not None and unseen is not None and unseen.sha256 == references.sha256:
        raise UsageError("the held-out images are the reference itself; give real images that the model has not seen.")


def _with_channels(dataset: Dataset | None, channels: int) -> Dataset | None:
    """The dataset in RGB where the reference was brought to it."""
    if dataset is None or dataset.spec.channels == channels:
        return dataset
    return dataset_as_rgb(dataset)


def _draw(samples: ImageSource, asked: int | None, protocol: Protocol, seed: int) -> ImageSource:
    """As many samples as asked for, or as the protocol says; drawn by `seed`, in their order."""
    if asked is not None and asked < 2:
        raise UsageError(f"num_samples {asked}: at least 2 samples are needed for any metric.")
    wanted = asked or protocol.num_samples
    if asked and protocol.num_samples and asked != protocol.num_samples:
        raise UsageError(f"protocol '{protocol.name}' measures {protocol.num_samples:,} samples, not {asked:,}.")
    if wanted is None or wanted == len(samples):
        return samples
    if wanted > len(samples):
        why, remedy = f"{wanted:,} samples were asked for", "Make more, or ask for fewer."
        if protocol.num_samples:
            why, remedy = f"protocol '{protocol.name}' needs {wanted:,} samples", "Make more, or use ganbench-v1."
        raise UsageError(f"{why}; {samples.name} holds {len(samples):,} images only. {remedy}")
    return samples.subset(np.sort(np.random.default_rng(seed).permutation(len(samples))[:wanted]))


def _alike(sources: Sequence[ImageSource], tell: Callable[[str], None]) -> Sequence[ImageSource]:
    """Grey images beside RGB ones are given three equal channels, as extractors do; the user is told."""
    if len({source.shape[-1] for source in sources}) == 1:
        return sources
    tell("note: one side is grey; its channel is repeated to make it RGB.")
    return [as_rgb(source) for source in sources]


def _remarks(
    found: Sequence[str], samples: ImageSource, reference: ImageSource, reason: str, metrics: Container[str]
) -> Iterator[str]:
    """What the user should know before the numbers come."""
    yield f"{len(samples)} samples against {len(reference)} reference images"
    yield f"Features: {reason}"
    for sentence in found:
        yield f"note: {sentence} The numbers do not stand beside the published ones."
    if samples.shape[1:3] != reference.shape[1:3]:
        ours, theirs = describe_shape(samples.shape[1:]), describe_shape(reference.shape[1:])
        yield (
            f"note: samples are {ours}, the reference {theirs}; the extractor brings both to its own size, and that "
            "difference is measured, too."
        )
    if len(samples) < FEW_SAMPLES and ("fid" in metrics or "is" in metrics):
        yield f"note: n = {len(samples)} is small; FID and IS are biased at small n: compare only at equal n."
