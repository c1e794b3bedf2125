"""Stacked MNIST: three digits as the red, green and blue channel of one image, 1,000 classes of about equal share.

Papers: Metz et al. 2017, arXiv:1611.02163 (Unrolled GAN); Srivastava et al. 2017, arXiv:1705.07761 (VEEGAN); Lin et al.
2018, arXiv:1712.04086 (PacGAN). Reference code: fjxmlzn/PacGAN, stacked_MNIST_experiments. As there, each image is made
of three digits drawn at random with replacement, 128,000 to train on; 26,000 more, of held-out digits, are the
reference row's, as many as the published counts take from each model.

Shares are equal up to the drawing for mnist5k; all 70,000 digits are not evenly divided (9 to 11 % each), so the rarest
class of three has about half of the share of the commonest.

Deliberate difference: the code draws from the training and test digits together, here the two splits stay apart. The
class is 100 times the first digit, 10 times the second and the third. The draws are those of
`numpy.random.RandomState`, whose streams numpy has frozen for good (NEP 19).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganbench.data.downloads import load_stored
from ganbench.data.local import load_npz
from ganbench.data.mnist5k import load_mnist5k
from ganbench.errors import DataError
from ganbench.types import Dataset, DataSpec, ImageSet, ImageSource

NUM_CHANNELS = 3
NUM_TRAIN, NUM_TEST = 128_000, 26_000
TRAIN_SEED, TEST_SEED = 0, 1
MAX_CLASSES = 10  # of a channel: 1,000 of three


def load_stacked_mnist(path: str | None, resolution: int | None, root: Path) -> Dataset:
    """`stacked-mnist`: of all 70,000 MNIST digits where they lie in `root`, else of the 5,000 that come with a package.

    Nothing is downloaded. Raises DataError for a resolution that cannot be.
    """
    digits = load_stored("mnist", resolution, root)
    if digits is not None:
        return stacked("stacked-mnist", digits, "Made of all 70,000 MNIST digits.")
    note = (
        "Made of the 5,000 digits of mnist5k, half of them held out; all 70,000 of MNIST are taken where a run on the "
        "dataset mnist has downloaded them, or as --dataset stacked-npz:PATH"
    )
    return stacked("stacked-mnist", load_mnist5k(None, resolution, root), note)


def load_stacked_npz(path: str | None, resolution: int | None, root: Path) -> Dataset:
    """`stacked-npz:PATH`: of the grey labelled images of an .npz file as `npz:PATH` takes it. Raises DataError."""
    digits = load_npz(path, resolution, root)
    return stacked(f"stacked-npz:{path}", digits, f"Made of {len(digits.train) + len(digits.test):,} images.")


def stacked(name: str, digits: Dataset, note: str = "") -> Dataset:
    """Three images of `digits` in each image, train images of its train split and test images of its test split.

    Raises DataError where its images are not grey, have no labels, or are of more than 10 classes.
    """
    num_classes = digits.spec.num_classes
    if digits.spec.channels != 1 or num_classes is None:
        raise DataError(
            f"{name}: expected grey images with labels, to be stacked as channels, got "
            f"{'colour' if digits.spec.channels != 1 else 'grey'} images {'with' if num_classes else 'without'} labels."
        )
    if num_classes > MAX_CLASSES:
        raise DataError(f"{name}: expected at most {MAX_CLASSES} classes, {num_classes} would make {num_classes**3:,}.")
    spec = DataSpec("image", NUM_CHANNELS, digits.spec.resolution, num_classes=num_classes**NUM_CHANNELS)
    train = _draw(digits.train, num_classes, NUM_TRAIN, TRAIN_SEED, f"{name}:train")
    test = _draw(digits.test, num_classes, NUM_TEST, TEST_SEED, f"{name}:test")
    return Dataset(name, spec, train, test, _class_names(digits), channels_of=digits, note=note)


def _draw(digits: ImageSource, num_classes: int, num_images: int, seed: int, name: str) -> ImageSet:
    """Images uint8 [num_images, H, W, 3] and their classes."""
    indexes = np.random.RandomState(seed).randint(len(digits), size=(num_images, NUM_CHANNELS))
    grey = digits.take(np.arange(len(digits)))[..., 0]  # [M, H, W]
    images = np.stack([grey[indexes[:, channel]] for channel in range(NUM_CHANNELS)], axis=-1)
    assert digits.labels is not None  # `stacked` saw to it
    weights = num_classes ** np.arange(NUM_CHANNELS)[::-1]
    return ImageSet(name, images, digits.labels[indexes] @ weights)


def _class_names(digits: Dataset) -> tuple[str, ...]:
    """`000` to `999` for digits; longer names with a stroke between."""
    names = digits.class_names
    between = "" if all(len(name) == 1 for name in names) else "/"
    return tuple(between.join((red, green, blue)) for red in names for green in names for blue in names)
