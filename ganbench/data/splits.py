"""Fixed choices among images, class by class: two halves of one set, and fewer images to train on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ganbench.errors import DataError
from ganbench.types import AnyDataset, PointDataset

Indices = npt.NDArray[np.int64]

LIMIT_SEED = 0
MIN_IMAGES = 2  # in each split: every metric compares images or estimates a spread


def stratified_halves(
    labels: npt.NDArray[np.int64] | None, num_samples: int, seed: int, name: str
) -> tuple[Indices, Indices]:
    """Indices of two disjoint halves, each in random order; of each class, the first half gets the odd one.

    The permutation is `numpy.random.RandomState(seed).permutation`, whose stream numpy has frozen for good (NEP 19).
    Without labels all samples count as one class.

    Raises:
        DataError: A half would have fewer than `MIN_IMAGES`; `name` is the dataset's.
    """
    order = np.random.RandomState(seed).permutation(num_samples).astype(np.int64)
    first = _first_half(None if labels is None else labels[order], num_samples)
    remedy = "Without a test split the images are halved: give at least 4"
    remedy += "." if labels is None else "; of a class with an odd number, the odd image goes to training."
    check_sizes(int(first.sum()), int((~first).sum()), name, remedy)
    return order[first], order[~first]


def check_sizes(num_train: int, num_test: int, name: str, remedy: str = "Add images to the smaller split.") -> None:
    """Raises DataError for a split with fewer than `MIN_IMAGES` images."""
    if min(num_train, num_test) < MIN_IMAGES:
        raise DataError(
            f"{name}: too few images: {num_train:,} to train on and {num_test:,} held out; expected at least "
            f"{MIN_IMAGES} of each. {remedy}"
        )


def _first_half(classes: Indices | None, num_samples: int) -> npt.NDArray[np.bool_]:
    """Whether each sample is among the first half of its class, in their order; bool [N]."""
    if classes is None:
        classes = np.zeros(num_samples, dtype=np.int64)
    first = np.zeros(num_samples, dtype=bool)
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        first[members[: (len(members) + 1) // 2]] = True
    return first


def grouped_halves(
    labels: npt.NDArray[np.int64] | None, groups: npt.NDArray[np.int64], seed: int, name: str
) -> tuple[Indices, Indices]:
    """`stratified_halves` of samples in groups that stay whole; equal to it where each group has one member.

    The groups are halved, each counting as one sample of the class that most of its members have (of several, the
    first). So the halves of each class are even in groups, and in samples as far as groups are alike.

    Args:
        labels: int64 [N], or None.
        groups: The number of each sample's group, int64 [N], from 0 without gaps, in the order of their first members.
        seed: Of the order.
        name: The dataset's, for errors.

    Raises:
        DataError: A half would have fewer than `MIN_IMAGES`.
    """
    num_groups = int(groups.max()) + 1
    classes = np.zeros(len(groups), dtype=np.int64) if labels is None else labels
    counts = np.zeros((num_groups, int(classes.max()) + 1), dtype=np.int64)
    np.add.at(counts, (groups, classes), 1)
    group_order = np.random.RandomState(seed).permutation(num_groups)
    in_first = np.empty(num_groups, dtype=bool)
    in_first[group_order] = _first_half(counts.argmax(axis=1)[group_order], num_groups)
    order = np.random.RandomState(seed).permutation(len(groups)).astype(np.int64)
    first = in_first[groups[order]]
    remedy = "All boxes of a photo go to the same half: give boxes in at least 4 photos."
    check_sizes(int(first.sum()), int((~first).sum()), name, remedy)
    return order[first], order[~first]


def limited(dataset: AnyDataset, num_train: int | None) -> AnyDataset:
    """The same dataset with at most `num_train` training images; None, or no more than that there, leaves all.

    An upper bound, so that a suite made for a large dataset runs on a smaller one. The images are drawn by
    `numpy.random.RandomState(LIMIT_SEED).permutation` and stay in its order. Each class has its share of `num_train`,
    rounded down or up (largest remainders first, of equal ones the lower class number), so a class of few images may
    vanish. The held-out split and the name stay as they are; the hash is another. Points are limited like images.
    """
    num_images = len(dataset.train)
    if num_train is None or num_train >= num_images:
        return dataset
    labels = dataset.train.labels
    order = np.random.RandomState(LIMIT_SEED).permutation(num_images).astype(np.int64)
    classes = np.zeros(num_images, dtype=np.int64) if labels is None else labels[order]
    chosen = np.zeros(num_images, dtype=bool)
    for label, share in enumerate(_shares(np.bincount(classes), num_train)):
        chosen[np.flatnonzero(classes == label)[:share]] = True
    if isinstance(dataset, PointDataset):
        return replace(dataset, train=dataset.train.subset(order[chosen]))
    return replace(dataset, train=dataset.train.subset(order[chosen]))


def _shares(counts: Indices, total: int) -> Indices:
    """Divide `total` in the proportions of `counts` by largest remainders, in whole numbers without rounding errors."""
    shares, remainders = np.divmod(counts * total, counts.sum())
    shares[np.argsort(-remainders, kind="stable")[: total - shares.sum()]] += 1
    return shares
