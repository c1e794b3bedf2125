"""Grey images as RGB ones, each made when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from ganbench.data.arrays import Images
from ganbench.data.streamed import Indexes, Shape, StreamedImages, hash_lines
from ganbench.types import ImageSource


def as_rgb(source: ImageSource) -> ImageSource:
    """The same images with three channels: grey repeated, RGB as it is."""
    return source if source.shape[3] == 3 else RgbImages(source)


class RgbImages(StreamedImages):
    """A grey source [N, H, W, 1] as [N, H, W, 3]."""

    def __init__(self, grey: ImageSource) -> None:
        super().__init__(grey.name, grey.labels, grey.class_names)
        self._grey = grey

    @property
    def fingerprint(self) -> str | None:
        """Made from the grey source's; None where that is None."""
        grey = self._grey.fingerprint
        return None if grey is None else hash_lines(["three equal channels", grey])

    def __len__(self) -> int:
        return len(self._grey)

    def take(self, indexes: Indexes) -> Images:
        """The images of these indexes, uint8 [len(indexes), H, W, 3]."""
        return self._grey.take(indexes).repeat(3, axis=3)

    def subset(self, indexes: Indexes) -> ImageSource:
        """These images, with their labels, as a source of their own."""
        return RgbImages(self._grey.subset(indexes))

    def _find_shape(self) -> Shape:
        return *self._grey.shape[:3], 3

    def _run_through(self, size: int) -> Iterator[Images]:
        return (batch.repeat(3, axis=3) for batch in self._grey.batches(size))
