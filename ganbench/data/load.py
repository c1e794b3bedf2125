"""From the text that names a dataset to the dataset."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import platformdirs

from ganbench.errors import DataError, UnknownNameError
from ganbench.types import AnyDataset, DatasetInfo

Split = Literal["train", "test"]


def default_root() -> Path:
    """Where downloads are kept: $GANBENCH_DATA, else a folder in the user's cache."""
    given = os.environ.get("GANBENCH_DATA")
    return Path(given).expanduser() if given else platformdirs.user_cache_path("ganbench") / "datasets"


def split_suffix(text: str) -> tuple[str, Split]:
    """Cut `:train` or `:test` off the end of a dataset's name; without it, the split is train.

    A folder called test is written with a slash: `folder:./test`.
    """
    name, colon, last = text.rpartition(":")
    if colon and last == "test":
        return name, "test"
    if colon and last == "train":
        return name, "train"
    return text, "train"


def load_dataset(
    text: str, infos: Mapping[str, DatasetInfo], resolution: int | None = None, root: Path | None = None
) -> AnyDataset:
    """Load the dataset called `name` or `name:PATH`.

    Args:
        text: The name, with a path where the dataset takes one.
        infos: The datasets there are, by name.
        resolution: Side in pixels; None keeps the stored size.
        root: Where downloads are kept; None is `default_root()`.

    Raises:
        UnknownNameError: No dataset of that name.
        DataError: A path is missing or not wanted, or the data cannot be read.
    """
    name, _, path = text.partition(":")
    if name not in infos:
        raise UnknownNameError("dataset", name, infos)
    info = infos[name]
    if info.takes_path and not path:
        own = ", ".join(other.form for other in infos.values() if other.takes_path)
        raise DataError(
            f"dataset '{text}': expected a path, as in --dataset {info.form}. Your own files can be: {own}."
        )
    if path and not info.takes_path:
        raise DataError(f"dataset '{text}': {name} takes no path, got '{path}'. Use {name} or {name}:test.")
    return info.load(path or None, resolution, root or default_root())
