"""The images of an .npy file, mapped into memory: only the pixels that are asked for are read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from io import SEEK_END
from pathlib import Path

import numpy as np

from ganbench.data.arrays import Images, channels_last, check_uint8, map_array
from ganbench.data.listing import readable, stamp_of
from ganbench.data.resize import check_resolution, fit_images
from ganbench.data.streamed import Indexes, Shape, StreamedImages, hash_lines

PAGE = 4096  # bytes


class ArrayFile(StreamedImages):
    """An .npy file of uint8 images [N, H, W], [N, H, W, C] or [N, C, H, W].

    Args:
        name: How people are told of the images.
        path: The file.
        resolution: As in `ganbench.data.read.open_images`.
        rows: Which of its images these are; None: all.

    Raises:
        DataError: The file is no such array.
    """

    def __init__(self, name: str, path: Path, resolution: int | None = None, rows: Indexes | None = None) -> None:
        super().__init__(name)
        check_resolution(resolution)
        source = readable(str(path))
        self._path, self._resolution, self._rows = path, resolution, rows
        self._stamp = stamp_of(path.resolve(), path.stat())
        self._images = channels_last(check_uint8(map_array(path), source), source)
        self._ends = _ends_sha256(path)

    @property
    def fingerprint(self) -> str | None:
        """Hash of the file's place, size, times of change, first and last page, the rows taken and the resolution."""
        if self._stamp is None:
            return None
        rows = "all" if self._rows is None else " ".join(str(row) for row in self._rows)
        return hash_lines([f"array, resolution {self._resolution}", f"{self._stamp}\0{self._ends}", rows])

    def __len__(self) -> int:
        return len(self._images) if self._rows is None else len(self._rows)

    def take(self, indexes: Indexes) -> Images:
        """The images of these indexes, uint8 [len(indexes), H, W, C]."""
        rows = indexes if self._rows is None else self._rows[indexes]
        return fit_images(np.ascontiguousarray(self._images[rows]), self._resolution)

    def subset(self, indexes: Indexes) -> ArrayFile:
        """These images as a source of their own."""
        rows = np.arange(len(self))[indexes] if self._rows is None else self._rows[indexes]
        return ArrayFile(self.name, self._path, self._resolution, rows)

    def _find_shape(self) -> Shape:
        _, height, width, channels = self._images.shape
        side = self._resolution
        return len(self), side or height, side or width, channels

    def _run_through(self, size: int) -> Iterator[Images]:
        return (self.take(np.arange(start, min(start + size, len(self)))) for start in range(0, len(self), size))


def _ends_sha256(path: Path) -> str:
    """Hash of a file's first and last page: a write through a mapping may leave the times as they were."""
    with path.open("rb") as file:
        first = file.read(PAGE)
        file.seek(-min(PAGE, file.seek(0, SEEK_END)), SEEK_END)
        return hashlib.sha256(first + file.read()).hexdigest()
