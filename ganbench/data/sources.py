"""Small changes to image sources and datasets."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import numpy as np

from ganbench.data.arrays import Labels
from ganbench.data.rgb import as_rgb
from ganbench.data.streamed import StreamedImages
from ganbench.types import Dataset, ImageSet, ImageSource


def in_memory(images: ImageSource) -> ImageSet:
    """All images of a source at once."""
    if isinstance(images, ImageSet):
        return images
    return ImageSet(images.name, images.take(np.arange(len(images))), images.labels, images.class_names)


def relabelled(images: ImageSource, labels: Labels | None, class_names: tuple[str, ...]) -> ImageSource:
    """The same images with these class numbers [N] and names."""
    if isinstance(images, StreamedImages):
        changed = copy(images)
        changed.labels, changed.class_names = labels, class_names
        return changed
    return replace(in_memory(images), labels=labels, class_names=class_names)


def split_of(dataset: Dataset, split: str) -> ImageSource:
    """The `train` or `test` images of a dataset, with the names of its classes."""
    images = dataset.train if split == "train" else dataset.test
    return relabelled(images, images.labels, dataset.class_names) if dataset.class_names else images


def dataset_as_rgb(dataset: Dataset) -> Dataset:
    """The same dataset with grey repeated to three channels, made when it is asked for."""
    spec = replace(dataset.spec, channels=3)
    return replace(dataset, spec=spec, train=as_rgb(dataset.train), test=as_rgb(dataset.test))
