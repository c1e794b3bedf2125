"""What all image sources have in common whose pixels are not in memory: the running hash and the facts kept of it."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.data.arrays import Images, Labels
from ganbench.types import ImageSource

HASH_IMAGES = 256  # at most, and about HASH_BYTES, at once
HASH_BYTES = 64 * 2**20
QUICK_IMAGES = 16

Indexes = npt.NDArray[np.int64]
Shape = tuple[int, int, int, int]


class ImageFacts(NamedTuple):
    """What takes a look at all images to know: shape (N, H, W, C) and the hash of the pixels."""

    shape: Shape
    sha256: str


class StreamedImages(ABC):
    """An `ImageSource` that has its pixels made when they are asked for.

    `sha256` is what `ImageSet` gives for the same pixels. The first complete run through `batches` finds it on the
    way; asked for earlier, it takes a run of its own.
    """

    def __init__(self, name: str, labels: Labels | None = None, class_names: tuple[str, ...] = ()) -> None:
        self.name = name
        self.labels = labels
        self.class_names = class_names
        self._shape: Shape | None = None
        self._sha256: str | None = None
        self._quick_key: str | None = None

    @property
    @abstractmethod
    def fingerprint(self) -> str | None:
        """Hash of what the pixels are made from, had without reading them; None where that cannot be promised."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of images."""

    @abstractmethod
    def _find_shape(self) -> Shape:
        """(N, H, W, C), found without decoding."""

    @abstractmethod
    def _run_through(self, size: int) -> Iterator[Images]:
        """All images in order, uint8 [B, H, W, C]."""

    @abstractmethod
    def take(self, indexes: Indexes) -> Images:
        """The images of these indexes, uint8 [len(indexes), H, W, C]."""

    @abstractmethod
    def subset(self, indexes: Indexes) -> ImageSource:
        """These images, with their labels, as a source of their own."""

    @property
    def shape(self) -> Shape:
        """(N, H, W, C)."""
        if self._shape is None:
            self._shape = self._find_shape()
        return self._shape

    @property
    def sha256(self) -> str:
        """Hash of the shape and the pixels; goes through all images unless that was done before."""
        if self._sha256 is None:
            num_bytes = int(np.prod(self.shape[1:]))
            for _ in self.batches(max(1, min(HASH_IMAGES, HASH_BYTES // num_bytes))):
                pass
        assert self._sha256 is not None
        return self._sha256

    @property
    def is_hashed(self) -> bool:
        """Whether `sha256` is known already, so that asking for it costs nothing."""
        return self._sha256 is not None

    def batches(self, size: int) -> Iterator[Images]:
        """All images in order, uint8 [B, H, W, C], B = `size` but for the last. Raises DataError."""
        digest = hashlib.sha256(repr(self.shape).encode())
        num_seen = 0
        for batch in self._run_through(size):
            if self._sha256 is None:
                digest.update(np.ascontiguousarray(batch).data)
            num_seen += len(batch)
            if num_seen == len(self) and self._sha256 is None:
                self._sha256 = digest.hexdigest()
            yield batch

    def quick_key(self) -> str:
        """Hash of the shape and of the first images' pixels, wherever they lie: different for most different sets."""
        if self._quick_key is None:
            first = self.take(np.arange(min(QUICK_IMAGES, len(self))))
            self._quick_key = hashlib.sha256(repr(self.shape).encode() + first.tobytes()).hexdigest()
        return self._quick_key

    def facts(self) -> ImageFacts:
        """Shape and hash; goes through all images unless that was done before."""
        return ImageFacts(self.shape, self.sha256)

    def adopt(self, facts: ImageFacts) -> None:
        """Take over the facts found earlier for the same `fingerprint`: nothing is opened to find them again.

        Raises ValueError when they cannot be of these images.
        """
        if len(facts.shape) != 4 or facts.shape[0] != len(self):
            raise ValueError(f"facts of shape {facts.shape}; expected those of {len(self)} images.")
        self._shape, self._sha256 = facts

    def labels_at(self, indexes: Indexes) -> Labels | None:
        """The labels of these indexes, where there are labels."""
        return None if self.labels is None else self.labels[indexes]


def hash_lines(lines: Iterable[str]) -> str:
    """SHA-256 of lines of text; file names that are no text are hashed by their bytes."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()
