"""Photos with boxes: `boxes:FILE`. Each box is one training image, cut out of its photo as a square.

Around each box lies the shortest square of whole pixels that holds it, its centre on the box's. Models need squares,
and this one shows the whole thing without stretching it. Where it sticks out of the photo it is moved inside, since
invented pixels (black, mirrored) would be learnt. Where the photo is too small for it, it becomes the largest square
of the photo, its centre as near to the box's as that allows: then the ends of a long box are cut off. The square is
cut out first and then resized (`ganbench.data.resize`), so that pixels around it have no say.

Boxes under `MIN_SIDE` pixels a side show nothing and are left out with a warning that counts them. A box may stick out
of its photo by `SLACK` pixels, as rounding makes it; it is then cut off at the border.
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
from ganbench.data.box_files import Box, read_boxes
from ganbench.data.decode import MAX_NAMED, Header, refuse_together
from ganbench.data.files import common_channels, in_order, read_headers
from ganbench.data.listing import ImageFile, image_file
from ganbench.data.local import SPLIT_SEED, build_dataset, existing_path
from ganbench.data.resize import check_resolution, fit_image
from ganbench.data.splits import Indices, grouped_halves
from ganbench.errors import DataError
from ganbench.types import Dataset

MIN_SIDE = 8
SLACK = 1
_log = logging.getLogger(__name__)


class Square(NamedTuple):
    """Edges in pixels; `right` and `bottom` lie just outside, as Pillow counts."""

    left: int
    top: int
    right: int
    bottom: int


class _Cut(NamedTuple):
    file: ImageFile
    header: Header
    square: Square


def load_boxes(path: str | None, resolution: int | None, root: Path) -> Dataset:
    """`boxes:FILE`: one image for each box of a CSV or COCO JSON (`ganbench.data.box_files`).

    Photos lie beside FILE or in a folder `images` there, and are read as those of a folder are. The splits are those
    that FILE names; without, the photos are divided into halves class by class (`SPLIT_SEED`), all boxes of one photo
    in the same half, since crops of one photo are too much alike to be held out from each other. Classes are those of
    FILE, if there are at least two.

    Raises:
        DataError: FILE or a photo cannot be read; a box lies outside its photo; crops of several sizes without a
            resolution; classes or splits for some boxes only; a photo in both splits.
    """
    file = existing_path(path, "boxes:FILE")
    check_resolution(resolution)
    name = f"boxes:{file}"
    boxes = _large_enough(read_boxes(file), name)
    files, groups = _photos(boxes, file.parent, name)
    headers = _usable_headers(files)
    squares = _squares(boxes, [headers[group] for group in groups], name)
    class_names, labels = _classes(boxes)
    halves = _splits(boxes, groups, labels, name)
    side = resolution or _common_side(squares, name)
    channels = common_channels(headers)
    check_room((len(boxes), side, side, channels))
    cuts = [_Cut(files[group], headers[group], square) for group, square in zip(groups, squares, strict=True)]
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


def _large_enough(boxes: Sequence[Box], name: str) -> list[Box]:
    chosen = [box for box in boxes if min(box.width, box.height) >= MIN_SIDE]
    if not chosen:
        raise DataError(f"{name}: all {len(boxes)} boxes are under {MIN_SIDE} pixels a side; expected larger ones.")
    if len(chosen) < len(boxes):
        skipped = len(boxes) - len(chosen)
        _log.warning("%s: left out %d of %d boxes, under %d pixels a side.", name, skipped, len(boxes), MIN_SIDE)
    return chosen


def _photos(boxes: Sequence[Box], folder: Path, name: str) -> tuple[list[ImageFile], Indices]:
    """The photos in the order of their first boxes, and the number of each box's photo, int64 [N].

    Links are followed first, so that one photo counts once, whatever it is called. Raises one DataError for all
    photos that are missing.
    """
    found: dict[str, Path] = {}
    missing: dict[str, str] = {}
    for box in boxes:
        if box.file in found or box.file in missing:
            continue
        places = (folder / box.file, folder / "images" / box.file)
        real = next(filter(_is_file, places), None)
        if real is not None:
            found[box.file] = real.resolve()
        else:
            missing[box.file] = f"{box.source}: no photo {places[0]}, nor {places[1]}"
    if missing:
        raise DataError(
            f"{name}: {len(missing):,} of {len(found) + len(missing):,} photos are not there. "
            f"{_few(list(missing.values()))} Paths are relative to the folder of the file that names them."
        )
    numbers = {photo: number for number, photo in enumerate(dict.fromkeys(found.values()))}
    groups = np.array([numbers[found[box.file]] for box in boxes], dtype=np.int64)
    return [image_file(photo) for photo in numbers], groups


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system, a folder that may not be read
        return False


def _classes(boxes: Sequence[Box]) -> tuple[tuple[str, ...], Labels | None]:
    """Class names, sorted, and labels int64 [N]; ((), None) for fewer than two classes."""
    names = sorted({box.class_name for box in boxes})
    if "" in names and len(names) > 1:
        stray = next(box for box in boxes if not box.class_name)
        raise DataError(f"{stray.source}: has no class, others have. Give one to all boxes or to none.")
    if len(names) < 2:
        return (), None
    return tuple(names), np.array([names.index(box.class_name) for box in boxes], dtype=np.int64)


def _splits(boxes: Sequence[Box], groups: Indices, labels: Labels | None, name: str) -> tuple[Indices, Indices]:
    """Indices of the boxes for training and of those held out. Raises DataError."""
    if not any(box.split for box in boxes):
        return grouped_halves(labels, groups, SPLIT_SEED, name)
    first: dict[int, Box] = {}
    for box, group in zip(boxes, groups.tolist(), strict=True):
        if not box.split:
            raise DataError(f"{box.source}: has no split, others have. Give train or test to all boxes or to none.")
        if first.setdefault(group, box).split != box.split:
            raise DataError(
                f"{box.source}: puts {box.file} in {box.split}, but {first[group].source}, in {first[group].split}; "
                "expected all boxes of one photo in one split."
            )
    is_test = np.array([box.split == "test" for box in boxes])
    if is_test.all() or not is_test.any():
        raise DataError(f"{name}: all boxes are in {boxes[0].split}; expected some in train and some in test.")
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def _usable_headers(files: Sequence[ImageFile]) -> list[Header]:
    headers, refused = read_headers(files)
    if refused:
        raise refuse_together(refused, len(files))
    return headers


def _crop_all(cuts: Sequence[_Cut], side: int, channels: int) -> Images:
    """The crops, uint8 [N, side, side, channels], in this order; each photo is decoded once."""
    members: dict[str, list[int]] = {}
    for index, cut in enumerate(cuts):
        members.setdefault(cut.file.source, []).append(index)
    images = np.empty((len(cuts), side, side, channels), dtype=np.uint8)
    photos = ([cuts[index] for index in own] for own in members.values())
    for own, crops in zip(members.values(), in_order(partial(_crops, side=side), photos), strict=True):
        images[own] = crops
    return images


def _crops(cuts: Sequence[_Cut], side: int) -> Images:
    """The crops of one photo, uint8 [B, side, side, 1 or 3]."""
    file, header, _ = cuts[0]
    pixels = file.decode(None)
    if pixels.shape[:2] != (header.height, header.width):
        raise DataError(f"{file.source}: was changed while the photos were read. Start again.")
    image = Image.fromarray(pixels)
    crops = np.stack([np.asarray(fit_image(image.crop(cut.square), side)) for cut in cuts])
    return crops[..., None] if crops.ndim == 3 else crops


def _squares(boxes: Sequence[Box], photos: Sequence[Header], name: str) -> list[Square]:
    """The square of each box in its photo.

    Raises one DataError for all boxes that lie outside, or whose photo has another size than the file of boxes says.
    """
    problems = [_misplaced(box, photo.width, photo.height) for box, photo in zip(boxes, photos, strict=True)]
    wrong = [problem for problem in problems if problem]
    if wrong:
        raise DataError(
            f"{name}: {len(wrong):,} of {len(boxes):,} boxes do not fit their photos. {_few(wrong)} Boxes are given in "
            "pixels of the photo as it is seen, turned upright by its EXIF orientation."
        )
    return [square_around(box, photo.width, photo.height) for box, photo in zip(boxes, photos, strict=True)]


def _misplaced(box: Box, width: int, height: int) -> str:
    if box.photo_size is not None and box.photo_size != (width, height):
        told = "{}x{}".format(*box.photo_size)
        return f"{box.source}: {box.file} has {width}x{height} pixels, by the file {told}"
    right, bottom = box.x + box.width, box.y + box.height
    if min(box.x, box.y) >= -SLACK and right <= width + SLACK and bottom <= height + SLACK:
        return ""
    edges = f"({box.x:g}, {box.y:g}) to ({right:g}, {bottom:g})"
    return f"{box.source}: from {edges} in {box.file} of {width}x{height} pixels"


def _common_side(squares: Sequence[Square], name: str) -> int:
    sides = {square.right - square.left for square in squares}
    if len(sides) > 1:
        raise DataError(
            f"{name}: the squares around the boxes have {min(sides)} to {max(sides)} pixels a side; expected one size. "
            "Choose one with --resolution."
        )
    return sides.pop()


def _few(problems: Sequence[str]) -> str:
    """The first of them as sentences."""
    return " ".join(f"{problem}." for problem in problems[:MAX_NAMED])
