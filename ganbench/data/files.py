"""Image files as an `ImageSource`: listed at once, headers looked at when the shape is asked for, pixels when needed.

Decoding runs in a few threads (Pillow lets go of the interpreter's lock meanwhile) that read a bounded piece ahead.
"""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import cached_property, partial
from typing import TypeVar

import numpy as np
import PIL

from ganbench.data.arrays import Images, Labels
from ganbench.data.decode import POLICY_VERSION, Header, RefusedImageError, refuse_together
from ganbench.data.listing import ImageFile
from ganbench.data.streamed import Indexes, Shape, StreamedImages, hash_lines
from ganbench.errors import DataError

NUM_THREADS = min(8, os.cpu_count() or 1)
PIECE_BYTES = 4 * 2**20  # what one thread decodes at a time, about
PIECE_IMAGES = 64
_log = logging.getLogger(__name__)
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class ImageFiles(StreamedImages):
    """Image files, decoded when asked for; C is 1 only when all are grey, else grey ones are repeated.

    The first use of `shape` looks at all headers and raises one DataError for all files that cannot be used.

    Args:
        name: How people are told of the images.
        files: In the order of the images.
        resolution: Side of the square that each image is cropped and resized to (`ganbench.data.resize`); None keeps
            the stored size, which must then be the same for all.
        labels: Class numbers int64 [N], or None.
        class_names: Name of each class number.
    """

    def __init__(
        self,
        name: str,
        files: Sequence[ImageFile],
        resolution: int | None = None,
        labels: Labels | None = None,
        class_names: tuple[str, ...] = (),
    ) -> None:
        super().__init__(name, labels, class_names)
        self._files = files
        self._resolution = resolution

    def __len__(self) -> int:
        return len(self._files)

    @cached_property
    def fingerprint(self) -> str | None:
        """Hash of the places, sizes and times of change, the resolution and the decoder's version; opens no file.

        None when a file was changed so lately that a second change could go unseen.
        """
        lines = [f"policy {POLICY_VERSION}, Pillow {PIL.__version__}, resolution {self._resolution}"]
        for file in self._files:
            if file.stamp is None:
                return None
            lines.append(f"{file.path}\0{file.stamp}")
        return hash_lines(lines)

    def take(self, indexes: Indexes) -> Images:
        """The images of these indexes, uint8 [len(indexes), H, W, C]. Raises DataError."""
        taken = self._room(len(indexes))
        start = 0
        with closing(self._decoded([indexes])) as pieces:
            for piece in pieces:
                taken[start : start + len(piece)] = piece
                start += len(piece)
        return taken

    def subset(self, indexes: Indexes) -> ImageFiles:
        """These images, with their labels; their shape is found from them alone."""
        files = [self._files[index] for index in indexes]
        return ImageFiles(self.name, files, self._resolution, self.labels_at(indexes), self.class_names)

    def _find_shape(self) -> Shape:
        headers, refused = read_headers(self._files, self._resolution)
        if not refused:
            refused = self._of_another_size(headers)
        if refused:
            raise refuse_together(refused, len(self))
        height, width, _ = headers[0]
        return len(headers), height, width, common_channels(headers)

    def _of_another_size(self, headers: Sequence[Header]) -> list[RefusedImageError]:
        """Refusals of all images that have not the size that most have."""
        sizes = [(header.width, header.height) for header in headers]
        (wanted, _), *others = Counter(sizes).most_common()
        if not others:
            return []
        example = self._files[sizes.index(wanted)].source
        group = "have another size than {}x{} pixels".format(*wanted)
        return [
            RefusedImageError(
                file.source,
                f"has {size[0]}x{size[1]} pixels; expected {wanted[0]}x{wanted[1]}, the size of {example}",
                group,
                "Choose one size with --resolution.",
            )
            for file, size in zip(self._files, sizes, strict=True)
            if size != wanted
        ]

    def _run_through(self, size: int) -> Iterator[Images]:
        batches = (np.arange(start, min(start + size, len(self))) for start in range(0, len(self), size))
        batch, filled, done = self._room(min(size, len(self))), 0, 0
        with closing(self._decoded(batches)) as pieces:
            for piece in pieces:
                batch[filled : filled + len(piece)] = piece
                filled += len(piece)
                if filled == len(batch):
                    done += filled
                    yield batch
                    batch, filled = self._room(min(size, len(self) - done)), 0

    def _room(self, num_images: int) -> Images:
        return np.empty((num_images, *self.shape[1:]), dtype=np.uint8)

    def _decoded(self, batches: Iterable[Indexes]) -> Generator[Images]:
        """The images of these indexes in pieces, none of which lies in two batches."""
        step = max(1, min(PIECE_IMAGES, PIECE_BYTES // int(np.prod(self.shape[1:]))))
        pieces = (batch[start : start + step] for batch in batches for start in range(0, len(batch), step))
        return in_order(self._decode, pieces)

    def _decode(self, indexes: Indexes) -> Images:
        room = self._room(len(indexes))
        for place, index in zip(room, indexes, strict=True):
            file = self._files[index]
            pixels = file.decode(self._resolution)
            if pixels.shape[:2] != place.shape[:2] or (pixels.ndim == 3 and place.shape[2] == 1):
                raise DataError(f"{file.source}: was changed while the images were read. Start again.")
            place[...] = pixels[..., None] if pixels.ndim == 2 else pixels
        return room


def common_channels(headers: Sequence[Header]) -> int:
    """1 where all images are grey, else 3; a warning where grey ones must be repeated into three channels."""
    num_grey = sum(header.channels == 1 for header in headers)
    if 0 < num_grey < len(headers):
        _log.warning("%d of %d images are grey; they are repeated into three channels.", num_grey, len(headers))
    return 1 if num_grey == len(headers) else 3


def read_headers(
    files: Sequence[ImageFile], resolution: int | None = None
) -> tuple[list[Header], list[RefusedImageError]]:
    """The headers of the files that can be used, in order, and the refusals of the others."""
    pieces = [files[start : start + PIECE_IMAGES] for start in range(0, len(files), PIECE_IMAGES)]
    headers: list[Header] = []
    refused: list[RefusedImageError] = []
    for found in in_order(partial(_piece_of_headers, resolution=resolution), pieces):
        for header in found:
            if isinstance(header, Header):
                headers.append(header)
            else:
                refused.append(header)
    return headers, refused


def _piece_of_headers(files: Sequence[ImageFile], resolution: int | None) -> list[Header | RefusedImageError]:
    found: list[Header | RefusedImageError] = []
    for file in files:
        try:
            found.append(file.header(resolution))
        except RefusedImageError as error:
            found.append(error)
    return found


def in_order(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Generator[_Result]:
    """`function` of each item, in order, worked out by `NUM_THREADS` threads at most twice as many items ahead.

    The threads end with the iterator, also when it is closed before its end.
    """
    pool = ThreadPoolExecutor(NUM_THREADS)
    waiting: deque[Future[_Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * NUM_THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
