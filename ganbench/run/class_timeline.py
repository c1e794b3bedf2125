"""Which classes a model's samples show as it trains: classes.jsonl, one line a probe.

At each probe the host draws 200 samples and keeps them on disk, no larger than the classifier sees them. When the trial
is evaluated, the benchmark's classifier looks at all of them, the shares of the classes are corrected for its errors as
in `ganbench.metrics.modes`, and the samples are deleted. Each probe has latents of its own, so that the samples of
neighbouring ones can be pooled: 200 cannot tell a class that is gone from the classifier's slips, 1,000 can. A line's
`recent_shares` and `recent_standard_errors` are of this probe and the four before it together.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from ganbench.features.classifier import MAX_RESOLUTION
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.modes import see
from ganbench.results.store import CLASSES_FILE, write_arrays, write_lines
from ganbench.types import ImageSet, MetricUnavailableError

log = logging.getLogger(__name__)

NUM_PROBE_SAMPLES = 200
NUM_POOLED = 5  # probes
PROBE_FOLDER = "probes"
Images = npt.NDArray[np.uint8]


def save_probe(folder: Path, step: int, epoch: float, images: Images) -> None:
    """Keep samples uint8 [N, H, W, C] of a trial in training; a timeline of an earlier training is out of date then."""
    (folder / CLASSES_FILE).unlink(missing_ok=True)
    path = folder / PROBE_FOLDER / f"step-{step:07d}.npz"
    write_arrays(path, {"images": shrunk(images), "epoch": np.array(epoch, np.float64)})


def shrunk(images: Images) -> Images:
    """The images as the classifier sees them, [N, 32, 32, C] where a side was above 32, rounded to whole levels."""
    if max(images.shape[1:3]) <= MAX_RESOLUTION:
        return images
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    means = F.adaptive_avg_pool2d(pixels, MAX_RESOLUTION).round().to(torch.uint8)
    return np.ascontiguousarray(means.permute(0, 2, 3, 1).numpy())


def write_class_timeline(
    folder: Path, images: ImageInputs, num_steps: int, progress: Callable[[str, int, int], None]
) -> None:
    """Turn the probes up to step `num_steps` into classes.jsonl, and delete them.

    A timeline that is there already is complete: no training has taken place since. Where the classifier cannot tell
    the classes apart there is none, and the log says why.
    """
    probes = folder / PROBE_FOLDER
    if not probes.is_dir():
        return
    if not (folder / CLASSES_FILE).exists():
        paths = [path for path in sorted(probes.glob("step-*.npz"), key=_step) if _step(path) <= num_steps]
        try:
            write_lines(folder / CLASSES_FILE, _lines(paths, images, progress))
        except MetricUnavailableError as error:
            log.warning("no timeline of the classes: %s", error)
    shutil.rmtree(probes)


def _step(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def _lines(
    paths: Sequence[Path], images: ImageInputs, progress: Callable[[str, int, int], None]
) -> list[dict[str, Any]]:
    classifier, all_counts, lines = images.classifier, [], []
    for i, path in enumerate(paths):
        progress("classes", i, len(paths))
        with np.load(path, allow_pickle=False) as probe:
            samples, epoch = probe["images"], float(probe["epoch"])
        counts = np.bincount(classifier.predict(ImageSet(path.stem, samples)), minlength=classifier.num_classes)
        all_counts.append(counts)
        shares, errors = see(counts, classifier.confusion, images.real_shares).of_all_classes()
        pooled = np.sum(all_counts[-NUM_POOLED:], axis=0)
        recent_shares, recent_errors = see(pooled, classifier.confusion, images.real_shares).of_all_classes()
        lines.append(
            {
                "step": _step(path), "epoch": epoch, "num_samples": len(samples),
                "shares": shares.tolist(), "standard_errors": errors.tolist(),
                "recent_shares": recent_shares.tolist(), "recent_standard_errors": recent_errors.tolist(),
                "real_shares": images.real_shares.tolist(),
            }
        )  # fmt: skip
    return lines
