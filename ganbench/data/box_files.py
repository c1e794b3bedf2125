"""Boxes around things in photos, as people write them down: a CSV (`box_csv`) or a COCO JSON (`box_coco`).

Pixels count from the top left corner of the photo as it is seen, after an EXIF orientation is followed.
"""

from __future__ import annotations

import csv
from pathlib import Path

from ganbench.data.box import Box, refuse_boxes
from ganbench.data.box_coco import read_coco
from ganbench.data.box_csv import read_csv
from ganbench.data.listing import readable
from ganbench.errors import DataError


def read_boxes(path: Path) -> list[Box]:
    """The boxes of a .csv or .json in the order of the file, at least one.

    Raises:
        DataError: Not such a file, or lines or annotations that cannot be used, all told in one error.
    """
    reader = {".csv": read_csv, ".json": read_coco}.get(path.suffix.lower())
    if reader is None or path.is_dir():
        raise DataError(f"{readable(str(path))}: expected a .csv of boxes or a COCO .json.")
    try:
        boxes, problems = reader(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({error}). Expected text in UTF-8.") from error
    if problems:
        raise refuse_boxes(str(path), problems)
    if not boxes:
        raise DataError(f"{path}: holds no boxes.")
    return boxes
