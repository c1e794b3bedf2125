"""How good each class is: by_class.npz (the class of each sample) and by_class.json (a row a class).

A sample's class is the one that was asked for; for an unconditional model, the one that the benchmark's classifier
sees, errors included. FID within a class is that of `ganbench.metrics.intra_fid` between the samples of the class and
its real images, by their own labels; below 2 images on a side there is none. It is biased upwards at small n, so
classes are to be compared where their numbers are alike. Label accuracy is the share of a class's samples that the
classifier takes for it; without asked classes it would say nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ganbench.metrics.class_labels import Labels, renumber, require_labels
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.intra_fid import class_distances
from ganbench.results.store import BY_CLASS_FILE, BY_CLASS_TABLE, write_arrays, write_json
from ganbench.types import MetricUnavailableError

Progress = Callable[[str, int, int], None]


def write_by_class(folder: Path, inputs: MetricInputs, fid_label: str, progress: Progress) -> None:
    """Write both files. Raises MetricUnavailableError where samples or real images have no classes."""
    images = inputs.images
    real = require_labels(images.reference, "rows by class")
    asked = _asked(images)
    labels = images.predicted if asked is None else asked
    names = images.labelled.class_names or tuple(str(i) for i in range(int(max(labels.max(), real.max())) + 1))
    right = _right(images, asked)
    rows: list[dict[str, Any]] = []
    for label, name in enumerate(names):
        progress("classes by FID", label, len(names))
        members = labels == label
        accuracy = float(right[members].mean()) if right is not None and members.any() else None
        rows.append(
            {
                "name": name, "num_samples": int(members.sum()), "share": float(members.mean()),
                "fid": _fid(inputs, members, real == label), "fid_label": fid_label, "label_accuracy": accuracy,
            }
        )  # fmt: skip
    write_arrays(folder / BY_CLASS_FILE, {"labels": labels.astype(np.int64)})
    write_json(folder / BY_CLASS_TABLE, {"labels": "seen" if asked is None else "asked", "classes": rows})


def _asked(images: ImageInputs) -> Labels | None:
    samples, reference = images.samples, images.reference
    if samples.labels is None:
        return None
    return renumber(samples.labels, samples.class_names, reference.class_names, "the reference")


def _right(images: ImageInputs, asked: Labels | None) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """Whether the classifier sees what was asked for, [N]; None where nothing was, or where it cannot be had."""
    if asked is None:
        return None
    try:
        return np.asarray(images.predicted == asked)
    except MetricUnavailableError:
        return None


def _fid(inputs: MetricInputs, ours: Any, theirs: Any) -> float | None:
    """FID between the chosen samples (bool [N]) and real images (bool [M])."""
    if min(ours.sum(), theirs.sum()) < 2:
        return None
    samples, reference = inputs.samples.features[ours], inputs.reference.features[theirs]
    one = class_distances(samples, np.zeros(len(samples), np.int64), reference, np.zeros(len(reference), np.int64))
    return one[0].value
