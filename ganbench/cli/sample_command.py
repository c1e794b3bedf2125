"""`ganbench sample`: images from a trained model, as PNG files or one .npz; points as an .npz."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ganbench.errors import UsageError
from ganbench.run.job import TrialJob, job_of
from ganbench.run.measure import save_samples
from ganbench.run.plan import resolve_device
from ganbench.run.sampling import Labels, proportional_labels
from ganbench.types import ImageSet, PointSet


def sample_to(trial: Path, num_samples: int, labels: str | None, out: Path, seed: int, device: str) -> str:
    """Draw samples and write them. Returns a sentence that says where. Raises UsageError or DataError."""
    if out.suffix and out.suffix != ".npz" and not out.is_dir():
        raise UsageError(f"--out {out}: name a folder, for PNGs, or a file that ends in .npz.")
    job = job_of(trial, resolve_device(device))
    wanted = _labels(job, labels, num_samples)
    if job.dataset.spec.kind == "points" and out.suffix != ".npz":
        raise UsageError(f"--out {out}: '{job.plugin}' makes points, not images; name a file that ends in .npz.")
    samples = job.sampler(job.trained(), seed).samples(job.plugin, num_samples, wanted)
    if isinstance(samples, ImageSet) and out.suffix != ".npz":
        _save_pngs(out, samples, job.run.class_names)
    else:
        save_samples(out, samples)
    kind = "points" if isinstance(samples, PointSet) else "images"
    return f"{num_samples} {kind} of {job.plugin}, seed {seed}: {out}"


def _labels(job: TrialJob, text: str | None, num_samples: int) -> Labels | None:
    num_classes = job.dataset.spec.num_classes
    if text is None:
        return job.evaluation_labels(num_samples)
    if not job.variant.info.uses_labels(job.dataset.spec) or not num_classes:
        raise UsageError(f"--labels: '{job.plugin}' is not conditional, so no label can be asked of it.")
    if text == "balanced":
        return proportional_labels(num_samples, np.ones(num_classes))
    numbers = {str(number): number for number in range(num_classes)}
    numbers |= {name: number for number, name in enumerate(job.run.class_names)}
    asked = [part.strip() for part in text.split(",")]
    wrong = [name for name in asked if name not in numbers]
    if wrong:
        raise UsageError(
            f"--labels '{text}': there is no class {wrong[0]}; expected `balanced`, or names or numbers of classes: "
            f"{', '.join(job.run.class_names)} (0 to {num_classes - 1})."
        )
    return np.resize(np.array([numbers[name] for name in asked], dtype=np.int64), num_samples)


def _save_pngs(out: Path, samples: ImageSet, class_names: Sequence[str]) -> None:
    """One PNG a sample, in a folder per class where there are labels, so the folder can be read back as a dataset."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {out}: exists and is not an empty folder; choose another, so that nothing is mixed.")
    names = dict(enumerate(class_names))
    for index, image in enumerate(samples.images):
        folder = out if samples.labels is None else out / names[samples.labels[index]]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(folder / f"{index:06d}.png")
