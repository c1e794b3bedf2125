"""Photos with boxes: `boxes:FILE`. Each box is one training image, cut out of its photo as a square.

Around each box lies the shortest square of whole pixels that holds it, its centre on the box's. Models need squares,
and this one shows the whole thing without stretching it. Where it sticks out of the photo it is moved inside, since
invented pixels (black, mirrored) would be learnt. Where the photo is too small for it, it becomes the largest square
of the photo, its centre as near to the box's as that allows: then the ends of a long box are cut off. The square is
cut out first and then resized (`ganbench.data.resize`), so that pixels around it have no say.

Boxes under `MIN_SIDE` pixels a side show nothing and are left out with a warning that counts them. What sticks out of
the photo by rounding (`ganbench.data.box_photos`) is cut off at the border.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ganbench.data.arrays import Images, Labels, check_room
from ganbench.data.box import Box
from ganbench.data.box_files import read_boxes
from ganbench.data.box_photos import Photo, find_photos
from ganbench.data.files import common_channels, in_order
from ganbench.data.local import SPLIT_SEED, build_dataset, existing_path
from ganbench.data.resize import check_resolution, fit_image
from ganbench.data.splits import Indices, check_sizes, grouped_halves
from ganbench.errors import DataError
from ganbench.types import Dataset

MIN_SIDE = 8
_log = logging.getLogger(__name__)


class Square(NamedTuple):
    """Edges in pixels; `right` and `bottom` lie just outside, as Pillow counts."""

    left: int
    top: int
    right: int
    bottom: int


class _Cut(NamedTuple):
    photo: Photo
    square: Square


def load_boxes(path: str | None, resolution: int | None, root: Path) -> Dataset:
    """`boxes:FILE`: one image for each box of a CSV or COCO JSON (`ganbench.data.box_files`).

    Photos lie beside FILE or in a folder `images` there, and are read as those of a folder are. The splits are those
    that FILE names; without, the photos are divided into halves class by class (`SPLIT_SEED`), all boxes of one photo
    in the same half, since crops of one photo are too much alike to be held out from each other. Classes are those of
    FILE, if there are at least two.

    Raises:
        DataError: What is wrong with FILE (`read_boxes`), then with its photos (`find_photos`); crops of several sizes
            without a resolution; fewer than two boxes to train on or held out.
    """
    file = existing_path(path, "boxes:FILE")
    check_resolution(resolution)
    name = f"boxes:{file}"
    boxes = _large_enough(read_boxes(file), name)
    photos, groups = find_photos(boxes, file.parent, name)
    cuts = [_cut(box, photos[group]) for box, group in zip(boxes, groups, strict=True)]
    class_names, labels = _classes(boxes)
    halves = _splits(boxes, groups, labels, name)
    side = resolution or _common_side([cut.square for cut in cuts], name)
    channels = common_channels([photo.header for photo in photos])
    check_room((len(boxes), side, side, channels))
    train, test = (
        (_crop_all([cuts[index] for index in half], side, channels), None if labels is None else labels[half])
        for half in halves
    )
    return build_dataset(name, train, test, class_names)


def square_around(box: Box, width: int, height: int) -> Square:
    """The square that is cut out for a box in a photo of this size, by the rule above."""
    left, right = max(0, math.floor(box.x)), min(width, math.ceil(box.x + box.width))
    top, bottom = max(0, math.floor(box.y)), min(height, math.ceil(box.y + box.height))
    side = min(max(right - left, bottom - top), width, height)
    left = min(max(0, (left + right - side) // 2), width - side)
    top = min(max(0, (top + bottom - side) // 2), height - side)
    return Square(left, top, left + side, top + side)


def _cut(box: Box, photo: Photo) -> _Cut:
    return _Cut(photo, square_around(box, photo.header.width, photo.header.height))


def _large_enough(boxes: Sequence[Box], name: str) -> list[Box]:
    chosen = [box for box in boxes if min(box.width, box.height) >= MIN_SIDE]
    if not chosen:
        raise DataError(f"{name}: all {len(boxes)} boxes are under {MIN_SIDE} pixels a side; expected larger ones.")
    if len(chosen) < len(boxes):
        skipped = len(boxes) - len(chosen)
        _log.warning("%s: left out %d of %d boxes, under %d pixels a side.", name, skipped, len(boxes), MIN_SIDE)
    return chosen


def _classes(boxes: Sequence[Box]) -> tuple[tuple[str, ...], Labels | None]:
    """Class names, sorted, and labels int64 [N]; ((), None) for fewer than two classes."""
    names = sorted({box.class_name for box in boxes})
    if len(names) < 2:
        return (), None
    return tuple(names), np.array([names.index(box.class_name) for box in boxes], dtype=np.int64)


def _splits(boxes: Sequence[Box], groups: Indices, labels: Labels | None, name: str) -> tuple[Indices, Indices]:
    """Indices of the boxes for training and of those held out. Raises DataError."""
    if not boxes[0].split:  # then none has one
        return grouped_halves(labels, groups, SPLIT_SEED, name)
    is_test = np.array([box.split == "test" for box in boxes])
    check_sizes(int((~is_test).sum()), int(is_test.sum()), name)
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def _crop_all(cuts: Sequence[_Cut], side: int, channels: int) -> Images:
    """The crops, uint8 [N, side, side, channels], in this order; each photo is decoded once."""
    members: dict[str, list[int]] = {}
    for index, cut in enumerate(cuts):
        members.setdefault(cut.photo.file.source, []).append(index)
    images = np.empty((len(cuts), side, side, channels), dtype=np.uint8)
    photos = ([cuts[index] for index in own] for own in members.values())
    for own, crops in zip(members.values(), in_order(partial(_crops, side=side), photos), strict=True):
        images[own] = crops
    return images


def _crops(cuts: Sequence[_Cut], side: int) -> Images:
    """The crops of one photo, uint8 [B, side, side, 1 or 3]."""
    file, header = cuts[0].photo
    pixels = file.decode(None)
    if pixels.shape[:2] != (header.height, header.width):
        raise DataError(f"{file.source}: was changed while the photos were read. Start again.")
    image = Image.fromarray(pixels)
    crops = np.stack([np.asarray(fit_image(image.crop(cut.square), side)) for cut in cuts])
    return crops[..., None] if crops.ndim == 3 else crops


def _common_side(squares: Sequence[Square], name: str) -> int:
    sides = {square.right - square.left for square in squares}
    if len(sides) > 1:
        raise DataError(
            f"{name}: the squares around the boxes have {min(sides)} to {max(sides)} pixels a side; expected one size. "
            "Choose one with --resolution."
        )
    return sides.pop()
