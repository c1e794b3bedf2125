"""Classes from folders: the first folder on the way to an image, below those that all images share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from ganbench.data.arrays import Labels
from ganbench.data.listing import readable

SPLITS = {"train", "test"}


def without_common_folders(paths: Sequence[PurePosixPath]) -> list[PurePosixPath]:
    """The paths below the folders that hold nothing but one folder."""
    inner = list(paths)
    while all(len(path.parts) > 1 for path in inner) and len({path.parts[0] for path in inner}) == 1:
        inner = without_first_folder(inner)
    return inner


def without_first_folder(paths: Sequence[PurePosixPath]) -> list[PurePosixPath]:
    """The paths below their first folder."""
    return [PurePosixPath(*path.parts[1:]) for path in paths]


def first_folders(paths: Sequence[PurePosixPath]) -> list[str]:
    """Each path's first folder, "" where it has none."""
    return [readable(path.parts[0]) if len(path.parts) > 1 else "" for path in paths]


def folder_classes(paths: Sequence[PurePosixPath]) -> tuple[tuple[str, ...], Labels | None]:
    """Class names, sorted, and labels int64 [N] by the first folder of each path.

    ((), None) where there are fewer than two folders, or some image lies in none.
    """
    folders = first_folders(paths)
    names = tuple(sorted(set(folders)))
    if len(names) < 2 or "" in names:
        return (), None
    index = {name: label for label, name in enumerate(names)}
    return names, np.array([index[folder] for folder in folders], dtype=np.int64)


def classes_of_all(paths: Sequence[PurePosixPath]) -> tuple[tuple[str, ...], Labels | None]:
    """`folder_classes` of all images of a folder, whatever its splits: `train` and `test` are no classes."""
    inner = without_common_folders(paths)
    tops = set(first_folders(inner))
    if tops <= SPLITS:
        return folder_classes(without_first_folder(inner))
    return ((), None) if tops & SPLITS else folder_classes(inner)
