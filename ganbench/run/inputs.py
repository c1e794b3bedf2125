"""What the user may name as images: a path, a trial's folder or a dataset with `:test` for its other split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ganbench.data.load import default_root, load_dataset, split_suffix
from ganbench.data.read import read_images
from ganbench.errors import UnknownNameError
from ganbench.registry import Registry
from ganbench.types import Dataset, ImageSet


@dataclass(frozen=True)
class NamedImages:
    """The images and, when a dataset was named, all of it: its labels and its other split serve the metrics."""

    images: ImageSet
    dataset: Dataset | None


def find_images(text: str, registry: Registry, resolution: int | None) -> NamedImages:
    """Resolve `text`. An existing path wins over a dataset of the same name; `folder:PATH` is all images in PATH,
    unless it has a train/ folder or a split is asked for.

    Raises DataError for unreadable images, UnknownNameError for what is neither a path nor a dataset.
    """
    path = Path(text).expanduser()
    if path.exists():
        return NamedImages(read_images(path, resolution), None)
    name, split = split_suffix(text)
    scheme, _, place = name.partition(":")
    if scheme == "folder" and name == text and place and not (Path(place).expanduser() / "train").is_dir():
        return NamedImages(read_images(Path(place).expanduser(), resolution), None)  # all of it, not the training half
    if scheme not in registry.datasets:
        raise UnknownNameError("dataset, and there is no file or folder of that name:", text, registry.datasets)
    dataset = load_dataset(name, registry.datasets, resolution, default_root())
    return NamedImages(dataset.train if split == "train" else dataset.test, dataset)
