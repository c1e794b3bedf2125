"""Measures fake generators: what they give out is drawn from real data, as `ganbench.run.faults` says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np

from ganbench.features.arithmetic import exact_arithmetic
from ganbench.features.classifier import Classifier, trained_classifier
from ganbench.features.extract import FeatureCache, extract
from ganbench.metrics.evaluate import compute_all
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import NO_LOGITS, Neighbours
from ganbench.metrics.neighbours import nearest
from ganbench.metrics.point_inputs import PointInputs
from ganbench.results.calibration import CLEAN, Measured
from ganbench.run.calibration_data import RealData
from ganbench.run.calibration_plan import Plan
from ganbench.run.faults import Fault, Planted, Rows, Samples
from ganbench.run.known_images import Bank, Drawn, KnownInputs, Shared, known_classifier, known_inputs
from ganbench.seeding import derive_seed
from ganbench.types import Dataset, DataSpec, ImageSet, MetricInfo, MetricResult, PointDataset, PointSet

DAMAGED_AT_ONCE = 2500
Progress = Callable[[str, int, int], None]
Results = tuple[dict[str, MetricResult], dict[str, str], dict[str, float]]


class Lab(Protocol):
    """Measures what a fake generator gives out."""

    def inputs(self, planted: Planted, fault: Fault | None, size: float, heldout: Rows, seed: int) -> object:
        """The inputs of metrics for these samples, damaged where the fault damages, with these held-out samples."""
        ...

    def reads_labels(self, inputs: object) -> bool:
        """Whether the classes asked for were read since the last call."""
        ...


def measure(lab: Lab, plan: Plan, fault: Fault | None, size: float, num_samples: int, seed: int) -> Measured:
    """Plant a fault in the fake generator of a seed and measure it; without a fault it is clean."""
    planted = plant(plan.data, fault, size, num_samples, seed)
    inputs = lab.inputs(planted, fault, size, plan.data.heldout, seed=0)
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    seconds: dict[str, float] = {}
    reading: list[str] = []
    for metric in plan.metrics_at(num_samples, seed):
        results, unavailable, spent = compute(metric, inputs)
        values |= {name: result.value for name, result in results.items()}
        missing, seconds = missing | unavailable, seconds | spent
        reading += [metric.id] if lab.reads_labels(inputs) else []
    return Measured(
        fault=fault.name if fault else CLEAN, size=size, num_samples=num_samples, seed=seed, values=values,
        unavailable=missing, seconds={name: round(value, 3) for name, value in seconds.items()}, reads_labels=reading,
    )  # fmt: skip


def compute(metric: MetricInfo, inputs: object) -> Results:
    """One metric as an evaluation computes it."""
    with exact_arithmetic():
        return compute_all([metric], {metric.id: inputs}, lambda stage, done, total: None)  # type: ignore[dict-item]


def plant(data: RealData, fault: Fault | None, size: float, num_samples: int, seed: int) -> Planted:
    """What the fake generator of a seed gives out; damage is not done here. Sizes of one seed share their draws."""
    deal = data.deal(num_samples, seed)
    if fault is None or fault.plant is None:
        return deal.clean()
    return fault.plant(deal, size, np.random.default_rng(derive_seed("calibration", fault.name, seed)))


class PointLab:
    """Measures points."""

    def __init__(self, plan: Plan) -> None:
        self._data = data = plan.data
        spec = DataSpec("points", dim=data.samples.shape[1])
        train, test = (PointSet(name, data.samples[rows]) for name, rows in _sides(data))
        self._dataset = PointDataset(data.name, spec, train, test, data.mixture)

    def inputs(self, planted: Planted, fault: Fault | None, size: float, heldout: Rows, seed: int) -> PointInputs:
        """Points are damaged as they are drawn."""
        points = self._data.samples[planted.rows]
        if fault is not None and fault.damage is not None:
            points = fault.damage(points, size, np.random.default_rng(derive_seed(fault.name, int(planted.rows[0]))))
        return PointInputs(PointSet("samples", points), self._dataset, seed)

    def reads_labels(self, inputs: object) -> bool:
        """Points have no labels."""
        return False


class ImageLab:
    """Measures images. Each image goes through the networks once, and once for each way in which it is damaged."""

    def __init__(self, plan: Plan, cache: FeatureCache, device: str, progress: Progress) -> None:
        assert plan.extractor is not None
        self._plan, self._data, self._cache = plan, plan.data, cache
        self._device, self._progress = device, progress
        self._network = plan.extractor.load(device)
        self._no_logits = plan.extractor.logits_missing() or NO_LOGITS
        self._shared = Shared()
        self._damaged: tuple[tuple[str, float], Bank] | None = None  # the last one: they are large

    @property
    def identity(self) -> object:
        """Of the extractor."""
        return self._network.identity

    def inputs(self, planted: Planted, fault: Fault | None, size: float, heldout: Rows, seed: int) -> KnownInputs:
        """Looked up in the bank of these samples."""
        rows, bank = planted.rows, self.bank
        if fault is not None and fault.damage is not None:
            rows = rows - self._data.pool[0]
            bank = self._damaged_bank(fault, size, int(rows.max()) + 1)
        names = self._data.class_names
        unseen = self._drawn("heldout", heldout)
        dataset = Dataset(self._data.name, self._spec, self._reference, unseen, names)
        samples = Drawn("samples", bank, rows, planted.labels, names)
        images = ImageInputs(
            samples, self._reference, self._reference, unseen, dataset, lambda dataset: self._tested(unseen),
            device=self._device, seed=seed,
        )  # fmt: skip
        return known_inputs(images, self._shared, self._no_logits)

    def reads_labels(self, inputs: object) -> bool:
        """Whether the samples' labels were read since the last call."""
        assert isinstance(inputs, KnownInputs)
        samples = inputs.images.samples
        assert isinstance(samples, Drawn)
        read, samples.labels_read = samples.labels_read, False
        return read

    @cached_property
    def bank(self) -> Bank:
        """All undamaged images."""
        return self._make_bank(self._data.samples, "real images")

    @cached_property
    def _reference(self) -> Drawn:
        return self._drawn("reference", self._data.reference)

    @cached_property
    def _classifier(self) -> Classifier | None:
        """Trained on the reference, as for a benchmark on these data; None without labels."""
        if self._data.classes is None:
            return None
        images, classes = self._data.samples, self._data.classes
        train, test = (ImageSet(name, images[rows], classes[rows]) for name, rows in _sides(self._data))
        dataset = Dataset(self._data.name, self._spec, train, test)
        return trained_classifier(
            dataset, self._cache.root, self._device, lambda done, total: self._progress("classifier", done, total)
        )

    @property
    def _spec(self) -> DataSpec:
        _, height, _, channels = self._data.samples.shape
        classes = self._data.classes
        return DataSpec("image", channels, height, num_classes=None if classes is None else int(classes.max()) + 1)

    def _tested(self, heldout: Drawn) -> Classifier:
        assert self._classifier is not None  # metrics ask for labels first
        return known_classifier(self._classifier, heldout)

    def _drawn(self, name: str, rows: Rows) -> Drawn:
        labels = None if self._data.classes is None else self._data.classes[rows]
        return Drawn(name, self.bank, rows, labels, self._data.class_names)

    def _damaged_bank(self, fault: Fault, size: float, num_images: int) -> Bank:
        """The first images of the pool, damaged: at least so many, made in blocks."""
        key = (fault.name, size)
        if self._damaged is None or self._damaged[0] != key:
            self._damaged = key, self._damaged_block(fault, size, 0)
        while len(self._damaged[1].images) < num_images:
            start = len(self._damaged[1].images)
            self._damaged = key, self._damaged[1].joined(self._damaged_block(fault, size, start))
        return self._damaged[1]

    def _damaged_block(self, fault: Fault, size: float, start: int) -> Bank:
        assert fault.damage is not None
        end = min(start + DAMAGED_AT_ONCE, self._plan.num_damaged)
        images = self._data.samples[self._data.pool[start:end]]
        damaged = fault.damage(images, size, np.random.default_rng(derive_seed(fault.name, start)))
        return self._make_bank(damaged, f"{fault.word(size)}, from {start:,}")

    def _make_bank(self, images: Samples, name: str) -> Bank:
        source, network = ImageSet(name, images), self._network
        report = self._progress
        features = extract(
            source, [network], self._cache, self._device, lambda n, of: report(f"features, {name}", n, of)
        )[0]
        reference = (self.bank.features if "bank" in vars(self) else features).features[self._data.reference]

        def find() -> dict[str, Samples]:
            squared, indexes = nearest(features.features, reference, 1, self._device)
            return {"indexes": indexes[:, 0], "distances": np.sqrt(squared[:, 0])}

        found = self._cache.derived(source, network.identity, f"nearest-{self._reference_hash}", find)
        return Bank(images, features, self._classes_seen(source), Neighbours(found["indexes"], found["distances"]))

    def _classes_seen(self, source: ImageSet) -> Rows | None:
        """What the classifier sees in each image."""
        classifier = self._classifier
        if classifier is None:
            return None
        name = f"classes-{classifier.sha256[:16]}"
        return self._cache.derived(
            source, self._network.identity, name, lambda: {"predicted": classifier.predict(source)}
        )["predicted"]

    @cached_property
    def _reference_hash(self) -> str:
        """Of the images that neighbours are looked for among."""
        return ImageSet("reference", self._data.samples[self._data.reference]).sha256[:16]


def make_lab(plan: Plan, cache: FeatureCache, device: str, progress: Progress) -> Lab:
    """For images or points, as the data are."""
    return PointLab(plan) if plan.data.kind == "points" else ImageLab(plan, cache, device, progress)


def _sides(data: RealData) -> Sequence[tuple[str, Rows]]:
    return [("reference", data.reference), ("heldout", data.heldout)]
