"""The datasets that torchvision knows, downloaded on first use.

torchvision is imported only when one of them is loaded. Images are kept as stored (or resized, see
`ganbench.data.resize`), in torchvision's order and with its splits:

- mnist, fashion-mnist, cifar10, cifar100: the usual train and test splits.
- svhn: cropped digits; the extra images are not used.
- stl10: the 5,000 labelled training images and 8,000 test images, 10 classes, 96x96.
- stl10-unlabeled: trains on the 100,000 images without labels; the same test images, labels dropped.
- celeba: aligned faces of 178x218 pixels, the splits train and test, cut to the centre square of 178x178 before they
  are resized, as is usual; the 40 attributes are not classes, so there are no labels.
"""

from __future__ import annotations

import logging
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from filelock import FileLock

from ganbench.data.arrays import Images, Labels
from ganbench.data.listing import ImageFile
from ganbench.data.local import build_dataset
from ganbench.data.read import stack_images
from ganbench.data.resize import check_resolution, fit_images
from ganbench.errors import DataError
from ganbench.types import Dataset, DatasetInfo

_log = logging.getLogger(__name__)
_FAILURES = (
    OSError,  # urllib's URLError among them
    HTTPException,
    RuntimeError,
    ValueError,
    LookupError,
    EOFError,
    ImportError,
    tarfile.TarError,
    zipfile.BadZipFile,
    pickle.UnpicklingError,
)


@dataclass(frozen=True)
class Download:
    """How one dataset is had from torchvision: class, arguments for each split, and what to place by hand where."""

    name: str
    title: str
    torchvision_class: str
    by_hand: str
    train: Mapping[str, Any] = field(default_factory=lambda: {"train": True})
    test: Mapping[str, Any] = field(default_factory=lambda: {"train": False})
    labelled: bool = True
    class_names: Sequence[str] = ()  # empty: torchvision's `classes`


_DIGITS = tuple("0123456789")
_IDX = "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz"
_SPLIT = ({"split": "train"}, {"split": "test"})
_STL10 = "stl10_binary.tar.gz in {root}"
_CELEBA = (
    "the folder img_align_celeba (202,599 .jpg files), list_attr_celeba.txt, identity_CelebA.txt, "
    "list_bbox_celeba.txt, list_landmarks_align_celeba.txt and list_eval_partition.txt in {root}/celeba"
)
DOWNLOADS = (
    Download(
        "mnist", "MNIST, 28x28 grey, 60,000 / 10,000", "MNIST", _IDX + " in {root}/MNIST/raw", class_names=_DIGITS
    ),
    Download(
        "fashion-mnist",
        "Fashion-MNIST, 28x28 grey, 60,000 / 10,000",
        "FashionMNIST",
        _IDX + " in {root}/FashionMNIST/raw",
    ),
    Download("cifar10", "CIFAR-10, 32x32 RGB, 50,000 / 10,000", "CIFAR10", "cifar-10-python.tar.gz in {root}"),
    Download("cifar100", "CIFAR-100, 32x32 RGB, 50,000 / 10,000", "CIFAR100", "cifar-100-python.tar.gz in {root}"),
    Download(
        "svhn",
        "Street View House Numbers, 32x32 RGB, 73,257 / 26,032",
        "SVHN",
        "train_32x32.mat and test_32x32.mat in {root}",
        *_SPLIT,
        class_names=_DIGITS,
    ),
    Download("stl10", "STL-10, 96x96 RGB, 5,000 / 8,000", "STL10", _STL10, *_SPLIT),
    Download(
        "stl10-unlabeled",
        "STL-10 without labels, 96x96 RGB, 100,000 / 8,000",
        "STL10",
        _STL10,
        {"split": "unlabeled"},
        {"split": "test"},
        labelled=False,
    ),
    Download(
        "celeba", "CelebA faces, centre 178x178 RGB, 162,770 / 19,962", "CelebA", _CELEBA, *_SPLIT, labelled=False
    ),
)


def infos() -> list[DatasetInfo]:
    """A DatasetInfo for each download."""
    return [
        DatasetInfo(item.name, item.title, partial(load_download, item), source=f"torchvision {item.torchvision_class}")
        for item in DOWNLOADS
    ]


def load_stored(name: str, resolution: int | None, root: Path) -> Dataset | None:
    """The one called `name` where it lies in `root`; None where it would have to be downloaded."""
    item = next(item for item in DOWNLOADS if item.name == name)
    if not root.is_dir():
        return None
    try:
        _torchvision_class(item)(root, **item.train, download=False)
    except RuntimeError:  # torchvision's "not found or corrupted"
        return None
    return load_download(item, None, resolution, root)


def load_download(item: Download, path: str | None, resolution: int | None, root: Path) -> Dataset:
    """One of `DOWNLOADS`, from `root` or downloaded to it. Raises DataError that says how to place files by hand."""
    check_resolution(resolution)
    splits: list[tuple[Images, Labels | None]] = []
    class_names = list(item.class_names)
    for arguments in (item.train, item.test):
        stored = _open(item, arguments, root)
        images = _face_images(stored, root, resolution) if item.torchvision_class == "CelebA" else _images(stored)
        splits.append((fit_images(images, resolution), _labels(stored) if item.labelled else None))
        class_names = class_names or list(getattr(stored, "classes", ()))
    return build_dataset(item.name, splits[0], splits[1], class_names if item.labelled else ())


def _open(item: Download, arguments: Mapping[str, Any], root: Path) -> Any:
    """The torchvision dataset; downloaded only when it is not there, by one process at a time."""
    kind = _torchvision_class(item)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{item.torchvision_class}.lock"):
            try:
                return kind(root, **arguments, download=False)
            except RuntimeError:  # torchvision's "not found or corrupted"
                _log.info("%s is not in %s: downloading it.", item.name, root)
                return kind(root, **arguments, download=True)
    except _FAILURES as error:
        raise DataError(
            f"{item.name}: not in {root}, and torchvision.datasets.{item.torchvision_class} could not download it "
            f"({type(error).__name__}: {' '.join(str(error).split())}). "
            f"To place it by hand, put {item.by_hand.format(root=root)}; set GANBENCH_DATA to use another folder."
        ) from error


def _torchvision_class(item: Download) -> Callable[..., Any]:
    from torchvision import datasets  # noqa: PLC0415  # slow to import

    found: Callable[..., Any] = getattr(datasets, item.torchvision_class)
    return found


def _images(stored: Any) -> Images:
    """torchvision's `data`, [N, H, W], [N, H, W, 3] or [N, 3, H, W] → uint8 [N, H, W, C]."""
    images = np.asarray(stored.data, dtype=np.uint8)
    if images.ndim == 3:
        images = images[..., None]
    elif images.shape[1] == 3:
        images = images.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images)


def _labels(stored: Any) -> Labels:
    return np.asarray(stored.targets if hasattr(stored, "targets") else stored.labels, dtype=np.int64)


def _face_images(stored: Any, root: Path, resolution: int | None) -> Images:
    """CelebA's files, cropped to the centre square (178 pixels) and resized."""
    folder = root / "celeba" / "img_align_celeba"
    paths = [folder / name for name in stored.filename]
    files = [
        ImageFile(PurePosixPath(path.name), str(path), 0, path.read_bytes, partial(path.open, "rb")) for path in paths
    ]
    return stack_images(files, resolution or 178)
