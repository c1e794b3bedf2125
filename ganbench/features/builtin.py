"""The built-in extractors. Networks are imported when one is loaded, so listing them needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ganbench.features.weights import damaged_weights, find_weights, missing_weights
from ganbench.hookspecs import hookimpl
from ganbench.types import Extractor, ExtractorInfo

FID_PAPER = "https://arxiv.org/abs/1706.08500"
CLEAN_FID_PAPER = "https://arxiv.org/abs/2104.11222"
STUDIOGAN_PAPER = "https://arxiv.org/abs/2206.09479"


def missing_inception() -> str | None:
    """Why no Inception can be used, and the remedy; None where its full file or its trunk is there."""
    files = ("inception", "inception-trunk")
    if any(find_weights(name) for name in files):
        return None
    damaged = [missing_weights(name) or "" for name in files if damaged_weights(name)]
    if damaged:
        return " ".join(damaged)
    return (
        "the weights of the canonical Inception are not here: get them with `ganbench weights fetch inception`, or for "
        "FID and KID alone `ganbench weights fetch inception-trunk`; `ganbench weights import FILE` takes a copy of "
        "either"
    )


def missing_inception_logits() -> str | None:
    """Why there are features and no logits, and what to do; None unless the trunk alone is here."""
    if find_weights("inception") or not find_weights("inception-trunk"):
        return None
    return (
        "the Inception's trunk alone has no class layer: FID and KID are canonical, and the Inception Score needs the "
        "full file (`ganbench weights fetch inception`) or, for a rough score, another extractor such as "
        "efficientnet-lite0"
    )


def _no_classes(network: str) -> str:
    return f"{network} has no classes; for an Inception Score choose an extractor that has, such as inception"


def _load_inception(device: str, name: str) -> Extractor:
    from ganbench.features.inception import Inception  # noqa: PLC0415  # torch only when used

    return Inception(device, name)


def _load_efficientnet(device: str) -> Extractor:
    from ganbench.features.efficientnet import EfficientNetLite0  # noqa: PLC0415  # torch only when used

    return EfficientNetLite0(device)


def _load_dinov2(device: str) -> Extractor:
    from ganbench.features.dinov2 import DinoV2  # noqa: PLC0415  # torch only when used

    return DinoV2(device)


def _load_clip(device: str) -> Extractor:
    from ganbench.features.clip import Clip  # noqa: PLC0415  # torch only when used

    return Clip(device)


def _inception(name: str, title: str, resize: str, paper: str) -> ExtractorInfo:
    return ExtractorInfo(
        name=name,
        title=title,
        load=partial(_load_inception, name=name),
        missing=missing_inception,
        feature_dim=2048,
        canonical=name == "inception",
        logits_missing=missing_inception_logits,
        resize=resize,
        paper=paper,
    )


EXTRACTORS: Sequence[ExtractorInfo] = (
    _inception(
        "inception",
        "Inception v3 (TensorFlow 2015-12-05)",
        "299 px, TensorFlow 1's bilinear",
        FID_PAPER,
    ),
    _inception(
        "inception-clean",
        "Inception v3 with clean-fid's resize",
        "299 px, antialiased bicubic on floats (Pillow)",
        CLEAN_FID_PAPER,
    ),
    _inception(
        "inception-friendly",
        "Inception v3 with StudioGAN's friendly resize, pixel range and biased logits",
        "299 px, antialiased bilinear on floats (Pillow)",
        STUDIOGAN_PAPER,
    ),
    ExtractorInfo(
        name="efficientnet-lite0",
        title="EfficientNet-Lite0 (ImageNet) at 96 px",
        load=_load_efficientnet,
        missing=partial(missing_weights, "efficientnet-lite0"),
        feature_dim=1280,
        resize="96 px, antialiased bilinear on floats",
        paper="https://arxiv.org/abs/1905.11946",
    ),
    ExtractorInfo(
        name="dinov2",
        title="DINOv2 ViT-L/14",
        load=_load_dinov2,
        missing=partial(missing_weights, "dinov2"),
        feature_dim=1024,
        logits_missing=partial(_no_classes, "DINOv2"),
        resize="224 px, bicubic on 8 bits (Pillow), stretched",
        paper="https://arxiv.org/abs/2304.07193",
    ),
    ExtractorInfo(
        name="clip",
        title="CLIP ViT-L/14 at 336 px",
        load=_load_clip,
        missing=partial(missing_weights, "clip"),
        feature_dim=768,
        logits_missing=partial(_no_classes, "CLIP"),
        resize="336 px, central square, bicubic on 8 bits (Pillow)",
        paper="https://arxiv.org/abs/2103.00020",
    ),
)


@hookimpl
def ganbench_extractors() -> Sequence[ExtractorInfo]:
    """The canonical Inception and its variants, one that works offline, and two transformers."""
    return EXTRACTORS
