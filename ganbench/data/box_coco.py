"""Boxes in photos from a COCO JSON [Lin 2014, arXiv:1405.0312, https://cocodataset.org/#format-data].

It has `images` (id, file_name, width and height where known), `annotations` (id, image_id, bbox [x, y, width, height],
category_id, iscrowd) and `categories` (id, name); what else it holds, such as outlines, is not used. Boxes of crowds
(`iscrowd`) hold many things at once: they are left out with a warning that counts them.
"""

from __future__ import annotations

import codecs
import json
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails, from_json

from ganbench.data.box import Box, BoxError, Problem, check_size, refuse_boxes
from ganbench.errors import DataError

_log = logging.getLogger(__name__)
_MAX_SHOWN = 60
_FORM = 'Expected {"images": [...], "annotations": [...]} and, where there are classes, "categories": [...].'
_ONE_OF = {"images": "image", "annotations": "annotation", "categories": "category"}
_EXPECTED = {
    "id": "a whole number or a text",
    "file_name": "the name of a photo",
    "width": "a whole number of pixels",
    "height": "a whole number of pixels",
    "image_id": "the id of an image",
    "category_id": "the id of a category",
    "bbox": "four numbers [x, y, width, height]",
    "iscrowd": "0 or 1",
    "name": "a text",
}

Id = int | str
Pixels = Annotated[float, Field(allow_inf_nan=False)]


class _Image(BaseModel):
    id: Id
    file_name: Annotated[str, Field(min_length=1)]
    width: int | None = None
    height: int | None = None


class _Annotation(BaseModel):
    id: Id
    image_id: Id
    bbox: tuple[Pixels, Pixels, Pixels, Pixels]
    category_id: Id | None = None
    iscrowd: bool = False


class _Category(BaseModel):
    id: Id
    name: str


class _Coco(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category] = []


def read_coco(path: Path) -> tuple[list[Box], list[Problem]]:
    """The boxes in the order of the annotations, and what is wrong with the others.

    Raises:
        DataError: No JSON of this form, or images, annotations or categories that lack what is needed, all named.
    """
    coco = _parsed(path)
    wanted = [annotation for annotation in coco.annotations if not annotation.iscrowd]
    if len(wanted) < len(coco.annotations):
        _log.warning("%s: left out %d boxes of crowds (iscrowd).", path, len(coco.annotations) - len(wanted))
    problems = _repeated(coco)
    images = {image.id: image for image in coco.images}
    names = {category.id: category.name for category in coco.categories}
    boxes: list[Box] = []
    for annotation in wanted:
        try:
            boxes.append(_box(annotation, images, names))
        except BoxError as error:
            problems.append(Problem(str(error)))
    return boxes, problems


def _parsed(path: Path) -> _Coco:
    content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    if not content.strip():
        raise DataError(f"{path}: is empty. {_FORM}")
    try:
        return _Coco.model_validate_json(content)
    except ValidationError as error:
        details = error.errors(include_url=False)
    if details[0]["type"] == "json_invalid":
        place = details[0]["msg"].rpartition(" at ")[2]
        raise DataError(f"{path}: is not valid JSON; something is wrong, or cut off, at {place}.")
    raise refuse_boxes(str(path), _in_plain_words(details, from_json(content)))


def _in_plain_words(details: Sequence[ErrorDetails], content: Any) -> list[Problem]:
    """The validator's findings, one for each field: it has several for a value of two possible types."""
    places = dict.fromkeys(detail["loc"][:3] for detail in details)
    return [_wrong_part(place, content) if len(place) < 2 else _wrong_item(place, content) for place in places]


def _wrong_part(place: Sequence[int | str], content: Any) -> Problem:
    if not place:
        return Problem("is not a COCO file of boxes", _FORM)
    if place[0] not in content:
        return Problem(f"has no {place[0]}", _FORM)
    return Problem(f"{place[0]} is {_shown(content[place[0]])}; expected a list [...]", _FORM)


def _wrong_item(place: Sequence[int | str], content: Any) -> Problem:
    kind, index, *fields = place
    item, one = content[kind][index], _ONE_OF[str(kind)]
    if not fields:
        return Problem(f"{one} number {int(index) + 1} is {_shown(item)}; expected {{...}}")
    field = str(fields[0])
    known = isinstance(item.get("id"), Id)
    who = f"{one} {item['id']}" if known else f"{one} number {int(index) + 1} (counted from 1)"
    got = f"{field} is {_shown(item[field])}" if field in item else f"has no {field}"
    return Problem(f"{who}: {got}; expected {_EXPECTED[field]}")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _repeated(coco: _Coco) -> list[Problem]:
    found = [
        _twice((image.id for image in coco.images), "images", "id"),
        _twice((annotation.id for annotation in coco.annotations), "annotations", "id"),
        _twice((category.id for category in coco.categories), "categories", "id"),
        _twice((category.name for category in coco.categories), "categories", "name"),
    ]
    return [problem for problems in found for problem in problems]


def _twice(values: Iterable[Id], kind: str, field: str) -> list[Problem]:
    counts = Counter(values)
    return [
        Problem(f"{kind}: {count} have the {field} {_shown(value)}; expected each once")
        for value, count in counts.items()
        if count > 1
    ]


def _box(annotation: _Annotation, images: dict[Id, _Image], names: dict[Id, str]) -> Box:
    source = f"annotation {annotation.id}"
    image = images.get(annotation.image_id)
    if image is None:
        raise BoxError(f"{source}: no image has the id {_shown(annotation.image_id)}, which is its image_id")
    if names and annotation.category_id is None:
        raise BoxError(f"{source}: has no category_id, though there are categories")
    if names and annotation.category_id not in names:
        raise BoxError(f"{source}: no category has the id {_shown(annotation.category_id)}, which is its category_id")
    name = names[annotation.category_id] if names and annotation.category_id is not None else ""
    size = None if image.width is None or image.height is None else (image.width, image.height)
    x, y, width, height = annotation.bbox
    box = Box(image.file_name, x, y, width, height, source, name, photo_size=size)
    check_size(box)
    return box
