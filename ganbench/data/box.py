"""A box around a thing in a photo, and how everything that is wrong with many of them is told in one error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ganbench.errors import DataError

MAX_TOLD = 10


@dataclass(frozen=True)
class Box:
    """One box in pixels of the upright photo; (x, y) is its top left corner. Width and height are not negative.

    `source` names it in errors, such as `line 3`; `photo_size` is the photo's (width, height) where the file tells it.
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


class Problem(NamedTuple):
    """What is wrong, without a full stop, and a sentence on what to do that many problems may share."""

    text: str
    remedy: str = ""


class BoxError(ValueError):
    """What is wrong with one box, for a `Problem`."""


def refuse_boxes(name: str, problems: Sequence[Problem]) -> DataError:
    """One error for at least one problem of the file or dataset `name`: the first `MAX_TOLD`, a line each, and how
    many more there are; each remedy once."""
    remedies = list(dict.fromkeys(problem.remedy for problem in problems if problem.remedy))
    if len(problems) == 1:
        return DataError(" ".join([f"{name}: {problems[0].text}.", *remedies]))
    lines = [f"  {problem.text}" for problem in problems[:MAX_TOLD]]
    if len(problems) > MAX_TOLD:
        lines.append(f"  and {len(problems) - MAX_TOLD:,} more")
    return DataError("\n".join([f"{name}: {len(problems):,} problems:", *lines, *remedies]))


def check_size(box: Box) -> None:
    """Raises BoxError for a negative width or height."""
    for what, value in (("width", box.width), ("height", box.height)):
        if value < 0:
            raise BoxError(f"{box.source}: the {what} is {value:g}; expected 0 or more")
