"""Datasets of the user's own: `folder:PATH` and `npz:PATH`.

Where there is no test split, the images are divided once and for all into a train and a test half, class by class
(`SPLIT_SEED`, `ganbench.data.splits`). Classes count from 0 in the order of their names or numbers. Fewer than two
classes are no classes: such a dataset has no labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from ganbench.data.arrays import Images, Labels, as_images, as_labels, load_arrays
from ganbench.data.classes import SPLITS, first_folders, folder_classes, without_common_folders, without_first_folder
from ganbench.data.listing import ImageFile, list_images
from ganbench.data.read import stack_images, usable_images
from ganbench.data.resize import check_resolution, fit_images
from ganbench.data.splits import check_sizes, stratified_halves
from ganbench.errors import DataError
from ganbench.types import Dataset, DataSpec, ImageSet

SPLIT_SEED = 0
_TRAIN_KEYS = (("train_images", "train_labels"), ("x_train", "y_train"))
_TEST_KEYS = (("test_images", "test_labels"), ("x_test", "y_test"))
_ONE_SET_KEYS = (("images", "labels"), ("x", "y"))


def build_dataset(
    name: str, train: tuple[Images, Labels | None], test: tuple[Images, Labels | None], class_names: Sequence[str] = ()
) -> Dataset:
    """A Dataset of two splits: images uint8 [N, R, R, C], labels int64 [N] for both or for neither.

    Raises:
        DataError: Fewer than two images in a split, the splits differ in size or channels, or the images are not
            square.
    """
    check_sizes(len(train[0]), len(test[0]), name)
    shape = train[0].shape[1:]
    if test[0].shape[1:] != shape:
        raise DataError(
            f"{name}: train images are {_size(shape)}, test images {_size(test[0].shape[1:])}; expected the same. "
            + " ".join(_remedies(shape, test[0].shape[1:]))
        )
    if shape[0] != shape[1]:
        raise DataError(f"{name}: images are {_size(shape)}; models need squares. Choose a size with --resolution.")
    labelled = train[1] is not None and len(class_names) >= 2
    spec = DataSpec("image", shape[2], shape[0], num_classes=len(class_names) if labelled else None)
    splits = [
        ImageSet(f"{name}:{split}", images, labels if labelled else None)
        for split, (images, labels) in (("train", train), ("test", test))
    ]
    return Dataset(name, spec, splits[0], splits[1], tuple(class_names) if labelled else ())


def halved_dataset(name: str, images: Images, labels: Labels | None, class_names: Sequence[str], seed: int) -> Dataset:
    """A Dataset of one set of images, divided by `stratified_halves`. Raises DataError."""
    halves = stratified_halves(labels, len(images), seed, name)
    train, test = ((images[half], None if labels is None else labels[half]) for half in halves)
    return build_dataset(name, train, test, class_names)


def load_folder(path: str | None, resolution: int | None, root: Path) -> Dataset:
    """`folder:PATH`: a folder or .zip of images.

    Folders that hold nothing but one folder are looked through. Then, where there are a `train` and a `test` folder,
    these are the splits, and any other images are an error; otherwise all images are divided into halves. Inside a
    split, the first folder on the way to an image is its class.

    Raises:
        DataError: As `open_images`; also when some images lie inside class folders and others beside them.
    """
    folder = existing_path(path, "folder:PATH")
    check_resolution(resolution)
    name = f"folder:{folder}"
    files = list_images(folder)
    inner = without_common_folders([file.path for file in files])
    if set(first_folders(inner)) >= SPLITS:
        return _split_folder(name, files, inner, resolution)
    class_names, labels = _classes(inner, name)
    source = usable_images(files, resolution)
    halves = stratified_halves(labels, len(files), SPLIT_SEED, name)
    train, test = ((source.take(half), None if labels is None else labels[half]) for half in halves)
    return build_dataset(name, train, test, class_names)


def load_npz(path: str | None, resolution: int | None, root: Path) -> Dataset:
    """`npz:PATH`: arrays train_images, train_labels, test_images, test_labels (or x_train, y_train, x_test, y_test).

    Or one set to divide into halves: images and labels, x and y, or a single array of any name (also an .npy file).
    Labels may be left out. Layouts and types are those of `ganbench.data.arrays`.

    Raises:
        DataError: As above; a file with train but without test images; labels for one split only.
    """
    file = existing_path(path, "npz:PATH")
    check_resolution(resolution)
    name, arrays = f"npz:{file}", load_arrays(file)
    one_set = (*_ONE_SET_KEYS, (next(iter(arrays)), "")) if len(arrays) == 1 else _ONE_SET_KEYS
    train = _pair(arrays, (*_TRAIN_KEYS, *one_set), file, resolution)
    test = _pair(arrays, _TEST_KEYS, file, resolution)
    has_split = any(key in arrays for key, _ in _TRAIN_KEYS)
    if train is None or has_split != (test is not None):
        raise DataError(
            f"{file}: expected train_images and test_images (or x_train and x_test), or images alone; "
            f"it holds {', '.join(sorted(arrays)) or 'no arrays'}."
        )
    if test is None:
        class_names, (labels,) = _number_classes(train[1])
        return halved_dataset(name, train[0], labels, class_names, SPLIT_SEED)
    if (train[1] is None) != (test[1] is None):
        raise DataError(f"{file}: labels for one split only; expected them for both or for none.")
    class_names, (train_labels, test_labels) = _number_classes(train[1], test[1])
    return build_dataset(name, (train[0], train_labels), (test[0], test_labels), class_names)


def _split_folder(
    name: str, files: Sequence[ImageFile], inner: Sequence[PurePosixPath], resolution: int | None
) -> Dataset:
    tops = first_folders(inner)
    strays = [file.source for file, top in zip(files, tops, strict=True) if top not in SPLITS]
    if strays:
        raise DataError(
            f"{name}: {len(strays)} images are neither in train nor in test, such as {strays[0]}. Move them."
        )
    class_names, labels = _classes(without_first_folder(inner), name)
    splits: list[tuple[Images, Labels | None]] = []
    for split in ("train", "test"):
        members = [index for index, top in enumerate(tops) if top == split]
        images = stack_images([files[index] for index in members], resolution)
        splits.append((images, None if labels is None else labels[members]))
    return build_dataset(name, splits[0], splits[1], class_names)


def _classes(paths: Sequence[PurePosixPath], name: str) -> tuple[tuple[str, ...], Labels | None]:
    """`folder_classes`; raises DataError where only some images lie in class folders."""
    folders = first_folders(paths)
    if "" in folders and any(folders):
        stray = paths[folders.index("")]
        raise DataError(f"{name}: some images lie in class folders, others beside them, such as {stray}. Sort them in.")
    return folder_classes(paths)


def _number_classes(*labels: Labels | None) -> tuple[list[str], list[Labels | None]]:
    """Class numbers as they are stored → names, and labels that count from 0 without gaps."""
    values = np.unique(np.concatenate([split for split in labels if split is not None] or [np.empty(0, np.int64)]))
    numbered = [None if split is None else np.searchsorted(values, split).astype(np.int64) for split in labels]
    return [str(value) for value in values], numbered


def _pair(
    arrays: dict[str, npt.NDArray[Any]], keys: Sequence[tuple[str, str]], file: Path, resolution: int | None
) -> tuple[Images, Labels | None] | None:
    """The first pair of keys whose images are there, checked and resized; None when none is."""
    for key, label_key in keys:
        if key in arrays:
            images = as_images(arrays[key], f"{file}: array {key}")
            labels = arrays.get(label_key)
            if labels is not None:
                labels = as_labels(labels, len(images), f"{file}: array {label_key}")
            return fit_images(images, resolution), labels
    return None


def existing_path(path: str | None, form: str) -> Path:
    """The path in a dataset's name of this form. Raises DataError where there is none, or nothing lies there."""
    if not path:
        raise DataError(f"expected {form}, got no path; a folder called test or train is written as ./test or ./train.")
    given = Path(path).expanduser()
    if not given.exists():
        raise DataError(f"{form.partition(':')[0]}:{path}: no such file or folder.")
    return given


def _remedies(train: tuple[int, ...], test: tuple[int, ...]) -> Iterator[str]:
    if train[:2] != test[:2]:
        yield "Choose one size with --resolution."
    if train[2] != test[2]:
        yield "Save the images of both splits as grey, or those of both as RGB."


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]} pixels with {shape[2]} channel{'s' if shape[2] > 1 else ''}"
