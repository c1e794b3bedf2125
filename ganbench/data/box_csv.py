"""Boxes in photos from a CSV with a header and one box a line.

Its columns, in any order and among any others:

| column                           | holds                                                                        |
|----------------------------------|------------------------------------------------------------------------------|
| `file` or `filename`             | the photo, relative to the CSV's folder                                      |
| `x`, `y`, `width`, `height`      | top left corner and size of the box in pixels                                |
| or `xmin`, `ymin`, `xmax`, `ymax`| its corners; `width` and `height` may then be the photo's, and are not used  |
| `class`                          | optional                                                                     |
| `split`                          | optional: `train` or `test`                                                  |
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ganbench.data.box import Box, BoxError, Problem, check_size
from ganbench.errors import DataError

SPLITS = ("", "train", "test")
_FILE_COLUMNS = ("file", "filename")
_SIZED = ("x", "y", "width", "height")
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read_csv(path: Path) -> tuple[list[Box], list[Problem]]:
    """The boxes in the order of the lines, and what is wrong with the others.

    Raises:
        DataError: No header, or not the columns above.
        UnicodeDecodeError, csv.Error: No CSV in UTF-8.
    """
    boxes: list[Box] = []
    problems: list[Problem] = []
    first: dict[tuple[object, ...], str] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, restval="", strict=True)
        if reader.fieldnames is None:
            raise DataError(f"{path}: is empty; expected a header and one box a line.")
        reader.fieldnames = columns = [column.strip().lower() for column in reader.fieldnames]
        file_column, form = _columns(columns, path)
        for row in reader:
            try:
                box = _box(row, file_column, form, f"line {reader.line_num}")
                _check_new(box, first)
            except BoxError as error:
                problems.append(Problem(str(error)))
            else:
                boxes.append(box)
    problems += _strays([(box.source, box.class_name) for box in boxes], "class", "Give a class")
    problems += _strays([(box.source, box.split) for box in boxes], "split", "Give train or test")
    return boxes, problems


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


def _box(row: dict[str, str], file_column: str, form: Sequence[str], source: str) -> Box:
    if None in row:
        raise BoxError(f"{source}: has more values than the header has columns")
    name, split = row[file_column].strip(), row.get("split", "").strip().lower()
    if not name:
        raise BoxError(f"{source}: names no file")
    if split not in SPLITS:
        raise BoxError(f"{source}: split is '{split}'; expected train or test")
    x, y, width, height = _numbers(row, form, source)
    if form is _CORNERS:
        _check_corners((x, y), (width, height), source)
        width, height = width - x, height - y
    box = Box(name, x, y, width, height, source, row.get("class", "").strip(), split)
    check_size(box)
    return box


def _numbers(row: dict[str, str], columns: Sequence[str], source: str) -> list[float]:
    values = [_number(row[column]) for column in columns]
    wrong = [f"{column} is '{row[column]}'" for column, value in zip(columns, values, strict=True) if value is None]
    if wrong:
        raise BoxError(f"{source}: {', '.join(wrong)}; expected {'a number' if len(wrong) == 1 else 'numbers'}")
    return [value for value in values if value is not None]


def _number(text: str) -> float | None:
    """None for what is no finite number."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _check_corners(top_left: tuple[float, float], bottom_right: tuple[float, float], source: str) -> None:
    (left, top), (right, bottom) = top_left, bottom_right
    wrong = [f"xmax ({right:g}) is left of xmin ({left:g})"] if right < left else []
    wrong += [f"ymax ({bottom:g}) is above ymin ({top:g})"] if bottom < top else []
    if wrong:
        raise BoxError(f"{source}: {', '.join(wrong)}; expected the top left corner first, then the bottom right one")


def _check_new(box: Box, first: dict[tuple[object, ...], str]) -> None:
    """`first` maps each box so far to its line."""
    source = first.setdefault((box.file, box.x, box.y, box.width, box.height), box.source)
    if source != box.source:
        raise BoxError(f"{box.source}: repeats the box of {source}; remove one of them")


def _strays(values: Sequence[tuple[str, str]], what: str, advice: str) -> list[Problem]:
    """The lines without a value, from (line, value), where others have one."""
    without = [source for source, value in values if not value]
    if len(without) in (0, len(values)):
        return []
    more = f", and {len(without) - 1:,} lines more" if len(without) > 1 else ""
    return [Problem(f"{without[0]}: has no {what}, others have{more}", f"{advice} to all boxes or to none.")]
