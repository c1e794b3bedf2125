"""The features of one evaluation: which extractor each metric takes, and each set of images pushed through once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ganbench.metrics.image_inputs import ImageInputs
from ganbench.types import Extractor, ExtractorInfo, FeatureSet, ImageSet, ImageSource, MetricInfo

if TYPE_CHECKING:
    from ganbench.features.extract import Arrays, FeatureCache

Progress = Callable[[str, int, int], None]
_SETS = ("reference", "train", "heldout")


def assign_extractors(
    metrics: Sequence[MetricInfo], chosen: ExtractorInfo, known: Mapping[str, ExtractorInfo]
) -> tuple[dict[str, ExtractorInfo], dict[str, str]]:
    """The extractor of each metric by its id, and why a metric's own extractor cannot be had.

    A metric that uses no extractor is assigned the chosen one, which then costs nothing.
    """
    assigned, lacking = {}, {}
    for metric in metrics:
        info = known.get(metric.extractor) if metric.extractor else chosen
        lack = f"no extractor '{metric.extractor}' is installed" if info is None else None
        if info is not None and info is not chosen:
            lack = info.missing()
        if lack is not None:
            lacking[metric.id] = f"it is defined on the extractor '{metric.extractor}': {lack}"
        elif info is not None and "logits" in metric.needs and (no_logits := info.logits_missing()) is not None:
            lacking[metric.id] = no_logits
        elif info is not None:
            assigned[metric.id] = info
    return assigned, lacking


class FeatureBank:
    """Features by (images, extractor). Networks are loaded when they are first needed."""

    def __init__(self, cache: FeatureCache | None, device: str, progress: Progress) -> None:
        self._cache, self._device, self._progress = cache, device, progress
        self._networks: dict[str, Extractor] = {}
        self._features: dict[tuple[str, str], FeatureSet] = {}
        self._derived: dict[tuple[str, str, str], Arrays] = {}

    def network(self, info: ExtractorInfo) -> Extractor:
        """The loaded extractor. Raises WeightsError where its weights are missing."""
        if info.name not in self._networks:
            self._networks[info.name] = info.load(self._device)
        return self._networks[info.name]

    def fill(self, images: ImageInputs, metrics: Iterable[MetricInfo], assigned: Mapping[str, ExtractorInfo]) -> None:
        """Extract what the metrics say they need: each set of images once, through all of its extractors together."""
        wanted: dict[str, tuple[ImageSource, dict[str, ExtractorInfo]]] = {}
        for metric in metrics:
            if not metric.uses_extractor:
                continue
            sets = [images.samples, *(getattr(images, need) for need in metric.needs if need in _SETS)]
            for source in sets:
                if source is not None:
                    wanted.setdefault(_key(source), (source, {}))[1][assigned[metric.id].name] = assigned[metric.id]
        for source, infos in wanted.values():
            self._extract(source, list(infos.values()))

    def features(self, info: ExtractorInfo, source: ImageSource) -> FeatureSet:
        """The features of these images, extracted now if they are not there yet."""
        key = (_key(source), info.name)
        if key not in self._features:
            self._extract(source, [info])
        return self._features[key]

    def derived(self, info: ExtractorInfo, source: ImageSource, name: str, compute: Callable[[], Arrays]) -> Arrays:
        """Arrays derived from the features of these images, kept in memory, and on disk where there is a cache."""
        key = (_key(source), info.name, name)
        if key not in self._derived:
            cache, identity = self._cache, self.network(info).identity
            self._derived[key] = compute() if cache is None else cache.derived(source, identity, name, compute)
        return self._derived[key]

    def _extract(self, source: ImageSource, infos: Sequence[ExtractorInfo]) -> None:
        from ganbench.features.extract import extract  # noqa: PLC0415  # torch only when used

        networks = [self.network(info) for info in infos]
        stage = partial(self._progress, f"features of {source.name}")
        for info, features in zip(infos, extract(source, networks, self._cache, self._device, stage), strict=True):
            self._features[_key(source), info.name] = features


def _key(source: ImageSource) -> str:
    """Equal images in memory are the same set; images in files are told apart by the object, so as not to read them."""
    return source.sha256 if isinstance(source, ImageSet) else str(id(source))
