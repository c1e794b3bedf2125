"""What a path holds as images: a folder, a .zip, an .npy or an .npz file, or a trial's folder.

Which files count and in what order is said in `ganbench.data.listing`, what happens to each kind of image file in
`ganbench.data.decode`, which arrays are taken in `ganbench.data.arrays`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganbench.data.array_file import ArrayFile
from ganbench.data.arrays import Images, as_images, as_labels, check_room, is_archive, load_arrays
from ganbench.data.classes import classes_of_all
from ganbench.data.files import ImageFiles
from ganbench.data.listing import ImageFile, list_images
from ganbench.data.resize import check_resolution, fit_images
from ganbench.errors import DataError
from ganbench.types import ImageSet, ImageSource


def open_images(path: Path, resolution: int | None = None) -> ImageSource:
    """All images of a folder, .zip, .npy or .npz; of a folder that holds samples.npz (a trial), those samples.

    Files of images and .npy files are read when their pixels are needed, an .npz file at once.

    Args:
        path: Folder or file.
        resolution: Side of the square that each image is cropped and resized to (`ganbench.data.resize`); None keeps
            the stored size, which must then be the same for all.

    Returns:
        The images, with labels where an .npz has an array of that name or all images of a folder or .zip lie in class
        folders (`ganbench.data.classes`).

    Raises:
        DataError: Nothing there, or no images; the message says what to do. Image files that cannot be used are found
            when the shape is first asked for, damaged pixels when they are decoded.
    """
    check_resolution(resolution)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder.")
    name = path.resolve().name
    samples = path / "samples.npz"
    if samples.is_file():
        return _read_arrays(samples, name, resolution)
    if path.is_file() and path.suffix.lower() in (".npy", ".npz"):
        return _read_arrays(path, name, resolution) if is_archive(path) else ArrayFile(name, path, resolution)
    files = list_images(path)
    class_names, labels = classes_of_all([file.path for file in files])
    return ImageFiles(name, files, resolution, labels, class_names)


def usable_images(files: Sequence[ImageFile], resolution: int | None) -> ImageFiles:
    """Images whose headers were looked at and which memory holds; none is decoded yet. Raises DataError."""
    source = ImageFiles("images", files, resolution)
    check_room(source.shape)
    return source


def stack_images(files: Sequence[ImageFile], resolution: int | None) -> Images:
    """Decode images into uint8 [N, H, W, C] in memory; C is 1 only when all are grey. Raises DataError."""
    return usable_images(files, resolution).take(np.arange(len(files)))


def _read_arrays(path: Path, name: str, resolution: int | None) -> ImageSet:
    arrays = load_arrays(path)
    if "images" not in arrays and "points" in arrays and arrays["points"].ndim == 2:
        raise DataError(f"{path}: holds points, not images. `ganbench verify` measures the points of a trial again.")
    key = "images" if "images" in arrays else next(iter(arrays), None)
    if key is None or (key != "images" and len(arrays) > 1):
        raise DataError(
            f"{path}: expected an array called images, or one array only, got {', '.join(sorted(arrays)) or 'none'}. "
            f"A file with train and test images is a dataset: name it npz:{path}."
        )
    images = as_images(arrays[key], f"{path}: array {key}")
    labels = arrays.get("labels")
    if labels is not None:
        labels = as_labels(labels, len(images), f"{path}: array labels")
    return ImageSet(name, fit_images(images, resolution), labels)
