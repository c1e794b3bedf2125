"""Boxes around things in photos, as people write them down: a CSV with one box a line, or a COCO JSON.

A CSV has a header. Its columns, in any order and among any others:

| column                           | holds                                                                        |
|----------------------------------|------------------------------------------------------------------------------|
| `file` or `filename`             | the photo, relative to the CSV's folder                                      |
| `x`, `y`, `width`, `height`      | top left corner and size of the box in pixels                                |
| or `xmin`, `ymin`, `xmax`, `ymax`| its corners; `width` and `height` may then be the photo's, and are not used  |
| `class`                          | optional                                                                     |
| `split`                          | optional: `train` or `test`                                                  |

A COCO JSON [Lin 2014, arXiv:1405.0312, https://cocodataset.org/#format-data] has `images` (id, file_name, width and
height where known), `annotations` (id, image_id, bbox [x, y, width, height], category_id, iscrowd) and `categories`
(id, name); what else it holds, such as outlines, is not used. Boxes of crowds (`iscrowd`) hold many things at once:
they are left out with a warning that counts them.

Pixels count from the top left corner of the photo as it is seen, after an EXIF orientation is followed.
"""

from __future__ import annotations

import csv
import logging
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from ganbench.data.listing import readable
from ganbench.errors import DataError

SPLITS = ("", "train", "test")
_FILE_COLUMNS = ("file", "filename")
_SIZED = ("x", "y", "width", "height")
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_log = logging.getLogger(__name__)

Id = int | str
Pixels = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True)
class Box:
    """One box in pixels of the upright photo; (x, y) is its top left corner. Width and height are not negative.

    `source` names it in errors; `photo_size` is the photo's (width, height) where the file tells it.
    """

    file: str
    x: float
    y: float
    width: float
    height: float
    source: str
    class_name: str = ""
    split: str = ""
    photo_size: tuple[int, int] | None = None


def read_boxes(path: Path) -> list[Box]:
    """The boxes of a .csv or .json in the order of the file, at least one. Raises DataError with the line or id."""
    reader = {".csv": _read_csv, ".json": _read_coco}.get(path.suffix.lower())
    if reader is None or path.is_dir():
        raise DataError(f"{readable(str(path))}: expected a .csv of boxes or a COCO .json.")
    try:
        boxes = reader(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({error}). Expected text in UTF-8.") from error
    for box in boxes:
        if not (math.isfinite(box.x + box.y + box.width + box.height) and min(box.width, box.height) >= 0):
            raise DataError(
                f"{box.source}: a box {box.width:g} wide and {box.height:g} high at ({box.x:g}, {box.y:g}); expected "
                "finite numbers, and a width and height that are not negative."
            )
    if not boxes:
        raise DataError(f"{path}: holds no boxes.")
    return boxes


def _read_csv(path: Path) -> list[Box]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, restval="", strict=True)
        if reader.fieldnames is None:
            raise DataError(f"{path}: is empty; expected a header and one box a line.")
        reader.fieldnames = columns = [column.strip().lower() for column in reader.fieldnames]
        file_column, form = _columns(columns, path)
        boxes = [_csv_box(row, file_column, form, f"{path}: line {reader.line_num}") for row in reader]
    first: dict[tuple[object, ...], str] = {}
    for box in boxes:
        key = (box.file, box.x, box.y, box.width, box.height)
        if first.setdefault(key, box.source) != box.source:
            raise DataError(f"{box.source}: repeats the box of {first[key]}. Remove one of them.")
    return boxes


def _columns(columns: Sequence[str], path: Path) -> tuple[str, Sequence[str]]:
    """The column that names the photo, and the four that make the box. Raises DataError."""
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise DataError(f"{path}: there are two columns '{twice[0]}'. Remove or rename one.")
    files = [column for column in _FILE_COLUMNS if column in columns]
    forms = [form for form in (_SIZED, _CORNERS) if set(form) <= set(columns)]
    if len(files) == len(forms) == 1:
        return files[0], forms[0]
    raise DataError(
        f"{path}: expected the columns file, x, y, width, height (or file, xmin, ymin, xmax, ymax), separated by "
        f"commas, got {', '.join(columns)}."
    )


def _csv_box(row: dict[str, str], file_column: str, form: Sequence[str], source: str) -> Box:
    if None in row:
        raise DataError(f"{source}: has more values than the header has columns.")
    name, split = row[file_column].strip(), row.get("split", "").strip().lower()
    if not name:
        raise DataError(f"{source}: names no file.")
    if split not in SPLITS:
        raise DataError(f"{source}: split is '{split}'; expected train or test.")
    x, y, width, height = (_number(row, column, source) for column in form)
    if form is _CORNERS:
        width, height = width - x, height - y
    return Box(name, x, y, width, height, source, row.get("class", "").strip(), split)


def _number(row: dict[str, str], column: str, source: str) -> float:
    try:
        return float(row[column])
    except ValueError as error:
        raise DataError(f"{source}: {column} is '{row[column]}'; expected a number.") from error


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


def _read_coco(path: Path) -> list[Box]:
    try:
        coco = _Coco.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first, others = error.errors()[0], error.error_count() - 1
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        more = f" ({others} more of such)" if others else ""
        raise DataError(
            f"{path}: not a COCO file of boxes: {place}: {first['msg']}{more}. Expected images, annotations with bbox "
            "[x, y, width, height] and, where there are classes, categories."
        ) from error
    for kind, items in (("images", coco.images), ("annotations", coco.annotations), ("categories", coco.categories)):
        _check_once((item.id for item in items), kind, "id", path)
    _check_once((category.name for category in coco.categories), "categories", "name", path)
    wanted = [annotation for annotation in coco.annotations if not annotation.iscrowd]
    if len(wanted) < len(coco.annotations):
        _log.warning("%s: left out %d boxes of crowds (iscrowd).", path, len(coco.annotations) - len(wanted))
    images = {image.id: image for image in coco.images}
    names = {category.id: category.name for category in coco.categories}
    return [_coco_box(annotation, images, names, path) for annotation in wanted]


def _check_once(values: Iterable[Id], kind: str, field: str, path: Path) -> None:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise DataError(f"{path}: {kind}: the {field} {twice[0]!r} stands there more than once; expected it once.")


def _coco_box(annotation: _Annotation, images: dict[Id, _Image], names: dict[Id, str], path: Path) -> Box:
    source = f"{path}: annotation {annotation.id}"
    image = images.get(annotation.image_id)
    if image is None:
        raise DataError(f"{source}: no image has its image_id {annotation.image_id!r}.")
    if names and annotation.category_id not in names:
        raise DataError(f"{source}: no category has its category_id {annotation.category_id!r}.")
    name = names[annotation.category_id] if names and annotation.category_id is not None else ""
    size = None if image.width is None or image.height is None else (image.width, image.height)
    x, y, width, height = annotation.bbox
    return Box(image.file_name, x, y, width, height, source, name, photo_size=size)
