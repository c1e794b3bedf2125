"""Metric cards: what each number says, how it is made and where it misleads, for `ganbench metrics` and the docs."""

from __future__ import annotations

from collections.abc import Iterable

from ganbench.types import MetricInfo

DIRECTIONS = {True: "higher is better", False: "lower is better", None: "neither: it describes"}
_NEEDS = {
    "reference": "the reference's features",
    "train": "the training images' features (the reference, where no dataset is named)",
    "heldout": "held-out real images (a dataset's other half, or `--heldout`)",
    "logits": "an extractor with class logits",
    "labels": "class labels of the samples",
    "classifier": "labelled real images, on which a small classifier is trained",
    "lpips": "LPIPS's AlexNet trunk (`ganbench weights fetch alexnet`)",
    "lpips-vgg16": "LPIPS's VGG16 trunk (`ganbench weights fetch vgg16`)",
    "generator": "a trained generator, so a trial's folder as SAMPLES",
}
_DATA = {("points",): "points alone", ("image", "points"): "images and points"}
_IMAGES_ONLY = {"reference": "the reference images", "train": "the training images", "heldout": "held-out real images"}
_PREAMBLE = """\
# Metric cards

Made by `ganbench metrics --markdown`; `ganbench metrics ID` shows one. Every number is reported with the number of
images, its protocol and, where there is one, its 95 % interval and its extractor. Metrics marked *on request* are
measured when they are named, or by `--metrics all`.
"""


def card(info: MetricInfo) -> str:
    """One metric's card in Markdown."""
    facts = {
        "Direction": DIRECTIONS[info.higher_is_better] + ("" if info.default else "; measured on request"),
        "Range": info.range,
        "Data": _DATA[tuple(info.data_kinds)] if "points" in info.data_kinds else "",
        "Needs": needs_in_words(info),
        "95 % interval": info.interval,
        "Choices": info.choices,
        "Cost": info.cost,
        "Limits": info.limits,
        "Paper": info.paper and f"<{info.paper}>",
        "Reference code": info.reference_code,
    }
    lines = [f"## {info.title} (`{info.id}`)", "", info.description, ""]
    lines += [f"- **{name}**: {text}" for name, text in facts.items() if text]
    return "\n".join(lines) + "\n"


def page(infos: Iterable[MetricInfo]) -> str:
    """All cards as one Markdown page."""
    return "\n".join([_PREAMBLE, *(card(info) for info in infos)])


def needs_in_words(info: MetricInfo) -> str:
    """What must be there beside the samples."""
    words = _NEEDS if info.uses_extractor else _NEEDS | _IMAGES_ONLY
    own = [f"the extractor `{info.extractor}` (`ganbench weights fetch {info.extractor}`)"] if info.extractor else []
    return "; ".join(own + [words[need] for need in info.needs]) or "the samples alone"
