"""The photos that boxes lie in: where they are, and whether the boxes fit them.

A box may stick out of its photo by `SLACK` pixels, as rounding makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganbench.data.box import Box, Problem, refuse_boxes
from ganbench.data.decode import Header, RefusedImageError
from ganbench.data.files import read_headers
from ganbench.data.listing import ImageFile, image_file
from ganbench.data.splits import Indices

SLACK = 1
_NAMES = "Names are relative to the folder of the file of boxes, or to the folder images in it."
_UPRIGHT = "Boxes are given in pixels of the photo as it is seen, turned upright by its EXIF orientation."
_TURNED = (
    f"{_UPRIGHT} Where they fit it so, exchange width and height in the file; where they were drawn on the photo lying "
    "on its side, draw them on the upright one."
)
_OTHER_PHOTO = "Take the photos that the boxes were drawn on, or correct the sizes in the file."
_ONE_SPLIT = "Put all boxes of a photo in one split."


class Photo(NamedTuple):
    """A photo that can be used, not decoded yet."""

    file: ImageFile
    header: Header


def find_photos(boxes: Sequence[Box], folder: Path, name: str) -> tuple[list[Photo], Indices]:
    """The photos in the order of their first boxes, and the number of each box's photo, int64 [N].

    They lie where their names lead from `folder`, or from the folder `images` in it; a name may also be absolute or
    begin with `..`. Links are followed first, so that one photo counts once, whatever it is called.

    Raises:
        DataError: Photos that are missing, cannot be used, have another size than told or are in both splits, and
            boxes outside their photos: all in one error, each photo once.
    """
    paths = {file: _real_path(file, folder) for file in dict.fromkeys(box.file for box in boxes)}
    opened = _opened(dict.fromkeys(path for path in paths.values() if path is not None))
    members: dict[Path | str, list[Box]] = {}  # the boxes of each photo; one that is missing stands under its name
    for box in boxes:
        members.setdefault(paths[box.file] or box.file, []).append(box)
    problems: list[Problem] = []
    for place, own in members.items():
        if isinstance(place, str):
            problems.append(_missing(own[0], folder))
        elif isinstance(photo := opened[place], RefusedImageError):
            problems.append(Problem(f"{own[0].source}: {str(photo).removesuffix('.')}"))
        else:
            problems += _misfits(own, photo.header)
    if problems:
        raise refuse_boxes(name, problems)
    numbers = {place: number for number, place in enumerate(members)}
    photos = [photo for photo in opened.values() if isinstance(photo, Photo)]
    return photos, np.array([numbers[paths[box.file] or box.file] for box in boxes], dtype=np.int64)


def _real_path(file: str, folder: Path) -> Path | None:
    path = next(filter(_is_file, _places(file, folder)), None)
    return None if path is None else path.resolve()


def _places(file: str, folder: Path) -> list[Path]:
    return list(dict.fromkeys((folder / file, folder / "images" / file)))  # an absolute name gives itself, twice


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system, a folder that may not be read
        return False


def _opened(paths: Iterable[Path]) -> dict[Path, Photo | RefusedImageError]:
    """Each photo with its header, or why it cannot be used, in the order given."""
    files = {path: image_file(path) for path in paths}
    headers, errors = read_headers(list(files.values()))
    refused = {error.source: error for error in errors}
    usable = iter(headers)
    return {path: refused.get(file.source) or Photo(file, next(usable)) for path, file in files.items()}


def _missing(box: Box, folder: Path) -> Problem:
    places = ", nor ".join(str(place) for place in _places(box.file, folder))
    return Problem(f"{box.source}: no photo {places}", _NAMES)


def _misfits(boxes: Sequence[Box], photo: Header) -> list[Problem]:
    """What is wrong with the boxes of one photo."""
    size = photo.width, photo.height
    problems: list[Problem] = []
    other = next((box for box in boxes if box.split != boxes[0].split), None)
    if other is not None:
        first, text = boxes[0], f"{other.source}: puts {other.file} in {other.split}"
        problems.append(Problem(f"{text}, but {first.source} puts it in {first.split}", _ONE_SPLIT))
    told = next((box for box in boxes if box.photo_size not in (None, size)), None)
    if told is not None and told.photo_size is not None:
        return [*problems, _other_size(told.file, told.photo_size, size)]
    return [*problems, *(_outside(box, *size) for box in boxes if not _is_inside(box, *size))]


def _other_size(file: str, told: tuple[int, int], size: tuple[int, int]) -> Problem:
    text = f"{file} is {size[0]}x{size[1]} pixels upright, the file of boxes says {told[0]}x{told[1]}"
    if told == size[::-1]:
        return Problem(f"{text}, as if it lay on its side", _TURNED)
    return Problem(text, _OTHER_PHOTO)


def _is_inside(box: Box, width: int, height: int) -> bool:
    right, bottom = box.x + box.width, box.y + box.height
    return min(box.x, box.y) >= -SLACK and right <= width + SLACK and bottom <= height + SLACK


def _outside(box: Box, width: int, height: int) -> Problem:
    edges = f"({box.x:g}, {box.y:g}) to ({box.x + box.width:g}, {box.y + box.height:g})"
    return Problem(f"{box.source}: from {edges} is outside {box.file} of {width}x{height} pixels", _UPRIGHT)
