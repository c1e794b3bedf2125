"""What the user may name as images: a path, a trial's folder or a dataset with `:test` for its other split."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ganbench.data.load import default_root, load_dataset, split_suffix
from ganbench.data.read import open_images
from ganbench.data.sources import split_of
from ganbench.errors import DataError, UnknownNameError, UsageError
from ganbench.metrics.image_inputs import Generator
from ganbench.registry import Registry
from ganbench.results.store import RUN_FILE
from ganbench.run.job import job_of
from ganbench.types import REFERENCE_ROW, Dataset, ImageSource, PointDataset


@dataclass(frozen=True)
class NamedImages:
    """The images and, when a dataset was named, all of it: its labels and its other split serve the metrics.

    `load_generator(device)` gives the generator that made them, where a trial was named.
    """

    images: ImageSource
    dataset: Dataset | None = None
    split: str = ""  # which half of the dataset the images are
    load_generator: Callable[[str], Generator] | None = None


def find_images(text: str, registry: Registry, resolution: int | None) -> NamedImages:
    """Resolve `text`. An existing path wins over a dataset of the same name; `folder:PATH` is all images in PATH,
    unless it has a train/ folder or a split is asked for.

    Raises DataError for unreadable images, UnknownNameError for what is neither a path nor a dataset, UsageError for a
    dataset of points.
    """
    path = Path(text).expanduser()
    if path.exists():
        return NamedImages(open_images(path, resolution), load_generator=_generator_of(path))
    name, split = split_suffix(text)
    scheme, _, place = name.partition(":")
    if scheme == "folder" and name == text and place and not (Path(place).expanduser() / "train").is_dir():
        return NamedImages(open_images(Path(place).expanduser(), resolution))  # all of it, not the training half
    if scheme not in registry.datasets and {"/", os.sep, "."} & set(text):
        raise DataError(f"{text}: no such file or folder.")
    if scheme not in registry.datasets:
        raise UnknownNameError("dataset, and there is no file or folder of that name:", text, registry.datasets)
    dataset = load_dataset(name, registry.datasets, resolution, default_root())
    if isinstance(dataset, PointDataset):
        raise UsageError(f"'{name}' holds points; images are measured here. `ganbench run` measures models of points.")
    return NamedImages(split_of(dataset, split), dataset, split)


def _generator_of(path: Path) -> Callable[[str], Generator] | None:
    """How the generator behind a trial's folder is loaded; None for any other path and for real images."""
    folder = path.resolve()
    is_trial = folder.parent.parent.name == "trials" and (folder.parents[2] / RUN_FILE).is_file()
    if not is_trial or folder.parent.name == REFERENCE_ROW:
        return None
    return lambda device: job_of(folder, device).generator()
