"""The classes of one trial in a table: which are good, which are bad, which are missing."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ganbench.metrics.intervals import wilson_interval
from ganbench.report.pictures import Arrays, Assets, Pixels, are_images, draw, load_arrays, load_json
from ganbench.report.view import ClassRow, ClassTable
from ganbench.report.words import DASH, number, score_words
from ganbench.results.schema import MetricRecord
from ganbench.results.store import BY_CLASS_FILE, BY_CLASS_TABLE

STRIP_LENGTH = 8
STRIP_PIXELS = 32  # smaller images are shown enlarged by a whole factor
WITHIN = ("class_recall", "class_coverage")
WITHIN_WORDS = (
    "Recall and coverage within the class: the share of its real images that lie among its samples, and that have one "
    "in their neighbourhood; low where a class has little variety. In brackets Wilson's 95 % interval over the real "
    "images of the class, with these samples."
)
MAX_ROWS = 40  # of more classes, the best half and the worst half of so many


def class_table(
    assets: Assets,
    folder: Path,
    samples: Arrays,
    name: str,
    missing: Container[str] = (),
    metrics: Mapping[str, MetricRecord] | None = None,
) -> ClassTable | None:
    """Class by class: the first samples, share, FID and label accuracy, lowest FID first; from by_class.json.

    `missing`: the classes that the metric `modes` does not count. `metrics`: those of the trial; `class_recall` and
    `class_coverage` are shown where they are among them.
    """
    table = load_json(folder / BY_CLASS_TABLE)
    classes: list[dict[str, Any]] = table.get("classes") or []
    if not classes:
        return None
    labels = load_arrays(folder / BY_CLASS_FILE).get("labels")
    order = sorted(range(len(classes)), key=lambda i: _by_fid(classes[i]))
    half = MAX_ROWS // 2
    shown = order if len(order) <= MAX_ROWS else order[:half] + order[-half:]
    whose = "that the classifier sees in it" if table.get("labels") == "seen" else "that was asked for"
    caption = f"A sample's class is the one {whose}. Uncurated: the first samples of each class."
    if any(item.get("fid") is not None for item in classes):
        caption += " FID rises where samples are few: compare classes with like numbers of them."
    if any(str(classes[i]["name"]) in missing for i in shown):
        caption += (
            " Missing: its share, corrected for the classifier's errors, is below a tenth of that among real images."
        )
    within = {metric: _per_class((metrics or {}).get(metric)) for metric in WITHIN}
    if any(within.values()):
        caption += f" {WITHIN_WORDS}"
    if len(shown) < len(order):
        caption += f" {len(order) - len(shown)} classes between the best and the worst are left out."
    return ClassTable(
        rows=tuple(
            _class_row(assets, classes[i], _strip(samples.get("images"), labels, i), name, missing, within)
            for i in shown
        ),
        fid_label=next((str(item["fid_label"]) for item in classes if item.get("fid") is not None), ""),
        caption=caption,
    )


def _by_fid(item: Mapping[str, Any]) -> tuple[bool, float, float]:
    """Classes without a FID last, the rarest of them at the end."""
    fid = item.get("fid")
    return (fid is None, fid if fid is not None else 0.0, -(item.get("share") or 0.0))


def _class_row(
    assets: Assets,
    item: Mapping[str, Any],
    strip: Pixels | None,
    name: str,
    missing: Container[str],
    within: Mapping[str, Mapping[str, str]],
) -> ClassRow:
    label = str(item["name"])
    picture = None
    if strip is not None:
        alt = f"The first {len(strip)} samples of class {label} by {name}"
        picture = draw(assets, f"{name} class {label}", strip, STRIP_LENGTH, alt, tile_pixels=STRIP_PIXELS)
    fid, accuracy, share = (item.get(key) for key in ("fid", "label_accuracy", "share"))
    return ClassRow(
        name=label,
        strip=picture,
        num_samples=number(item.get("num_samples") or 0, 0),
        share="" if share is None else f"{share:.1%}",
        missing=label in missing,
        fid="" if fid is None else score_words(fid, None)[0],
        label_accuracy="" if accuracy is None else f"{accuracy:.1%}",
        recall=within["class_recall"].get(label, ""),
        coverage=within["class_coverage"].get(label, ""),
    )


def _per_class(record: MetricRecord | None) -> dict[str, str]:
    """By class, the share of its real images that are covered, with Wilson's interval over these images."""
    per_class = record.details.get("per_class") if record is not None else None
    words = {}
    for name, share in (per_class or {}).items():
        low, high = wilson_interval(round(share["value"] * share["num_reference"]), share["num_reference"])
        words[str(name)] = f"{share['value']:.1%} ({100 * low:.0f} {DASH} {100 * high:.0f})"
    return words


def _strip(images: Any, labels: npt.NDArray[Any] | None, label: int) -> Pixels | None:
    if not are_images(images) or labels is None or len(labels) != len(images):
        return None
    chosen = images[np.flatnonzero(labels == label)[:STRIP_LENGTH]]
    return chosen if len(chosen) else None
