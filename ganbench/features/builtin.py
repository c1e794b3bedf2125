"""The built-in extractors. Networks are imported when one is loaded, so listing them needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ganbench.features.weights import missing_weights
from ganbench.hookspecs import hookimpl
from ganbench.types import Extractor, ExtractorInfo


@hookimpl
def ganbench_extractors() -> Sequence[ExtractorInfo]:
    """The canonical Inception and the one that works offline."""
    return [
        ExtractorInfo(
            name="inception",
            title="Inception v3 (TensorFlow 2015-12-05)",
            load=_load_inception,
            missing=partial(missing_weights, "inception"),
            feature_dim=2048,
            canonical=True,
            paper="https://arxiv.org/abs/1706.08500",
        ),
        ExtractorInfo(
            name="efficientnet-lite0",
            title="EfficientNet-Lite0 (ImageNet) at 96 px",
            load=_load_efficientnet,
            missing=partial(missing_weights, "efficientnet-lite0"),
            feature_dim=1280,
            paper="https://arxiv.org/abs/1905.11946",
        ),
    ]


def _load_inception(device: str) -> Extractor:
    from ganbench.features.inception import Inception  # noqa: PLC0415  # torch only when used

    return Inception(device)


def _load_efficientnet(device: str) -> Extractor:
    from ganbench.features.efficientnet import EfficientNetLite0  # noqa: PLC0415  # torch only when used

    return EfficientNetLite0(device)
